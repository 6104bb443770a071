/* Fingerprints: what changes them and what does not, and the text of a difference. */
#include "../io/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "jobs/fingerprint.h"

static struct fs_error err;

/* A job on a small model of the tests, its data in the scratch folder. */
static void make_of(const char *const *setting, size_t settings, struct fs_fingerprint *fingerprint)
{
    struct fs_job *job = NULL;
    char text[1024];
    snprintf(text, sizeof text,
             "{\"model\": \"%s/tests/golden/models/bert-tiny\", \"output\": \"o\", \"data\": {\"biaske\": \"b.json\", "
             "\"crows_pairs\": \"c.csv\", \"stereoset_intersentence\": \"i.json\", \"attribute_words\": \"w.json\"}}",
             getenv("FAIRSTAMP_SOURCE"));
    check_success(fs_job_load(scratch_write_text("job.json", text), setting, settings, &job, &err), &err);
    check_success(fs_fingerprint_make(job, fingerprint, &err), &err);
    fs_job_destroy(job);
}

static void make(const char *setting, struct fs_fingerprint *fingerprint)
{
    make_of(&setting, setting != NULL, fingerprint);
}

/* That `setting` changes the digests of the stages in `changed`, "tsel", and of no other. */
static void expect_changed(const char *setting, const char *changed)
{
    static const char letters[FS_STAGE_COUNT] = {
        [FS_STAGE_TRACE] = 't', [FS_STAGE_STAMP] = 's', [FS_STAGE_EVALUATE] = 'e', [FS_STAGE_LAYER_SWEEP] = 'l'};
    struct fs_fingerprint before, after;
    make(NULL, &before);
    make(setting, &after);
    for (size_t i = 0; i < FS_STAGE_COUNT; i++) {
        bool differs = strcmp(before.digest[i], after.digest[i]) != 0;
        if (letters[i] != '\0' && differs != (strchr(changed, letters[i]) != NULL)) {
            fail_msg("%s: the fingerprint of %s %s", setting, fs_stage_names[i], differs ? "changed" : "stayed");
        }
    }
    fs_fingerprint_release(&before);
    fs_fingerprint_release(&after);
}

static int write_data(void **state)
{
    int status = scratch_make(state);
    scratch_write_text("b.json", "pairs");
    scratch_write_text("c.csv", "sentences");
    scratch_write_text("d.csv", "other sentences");
    scratch_write_text("e.csv", "sentences");
    scratch_write_text("i.json", "contexts");
    scratch_write_text("w.json", "words");
    return status;
}

/* A stage's digest is part of the fingerprint of those after it; the layers take the stamp's, not the evaluation's. */
static void what_changes_it(void **state)
{
    (void)state;
    char crows[256], words[256], text[256];
    expect_changed("seed=2", "tsel");
    expect_changed("categories=gender", "tsel");
    expect_changed("trace.noise_scale=2", "tsel");
    expect_changed("trace.measures=ffn.read.remove", "tsel");
    expect_changed("trace.attribution=true", "tsel");
    expect_changed("trace.neurons=3", "tsel");
    expect_changed("trace.select=last", "tsel");
    expect_changed("trace.least_effect=0.2", "tsel");
    expect_changed("split.held_out=0.3", "sel");
    expect_changed("split.validation=0.3", "tsel");
    expect_changed("split.seed=9", "tsel");
    expect_changed("stamp.width=8", "sel");
    expect_changed("stamp.alpha=3", "sel");
    expect_changed("stamp.frames=4", "sel");
    expect_changed("stamp.swap_subjects=false", "sel");
    expect_changed("stamp.swap_statements=false", "sel");
    expect_changed("stamp.vary_prompts=false", "sel");
    expect_changed("stamp.text_weight=3", "sel");
    expect_changed("stamp.key_share=0.01", "sel");
    expect_changed("stamp.preset=paper", "sel");
    snprintf(text, sizeof text, "stamp.text=%s", scratch_path("d.csv"));
    expect_changed(text, "sel");
    expect_changed("scoring.biaske=sentence.sum", "sel");
    expect_changed("evaluate.bootstrap=9", "el");
    expect_changed("evaluate.suite_items=9", "el");
    expect_changed("scoring.crows_pairs=sentence.sum", "el");
    expect_changed("scoring.stereoset_intersentence=object.mean", "el");
    expect_changed("scoring.stereoset_intersentence=object.mean.stop", "el");
    expect_changed("layers.compare=all", "l");
    snprintf(crows, sizeof crows, "data.crows_pairs=%s", scratch_path("d.csv"));
    expect_changed(crows, "el");
    snprintf(words, sizeof words, "data.attribute_words=%s", scratch_path("d.csv"));
    expect_changed(words, "tsel");
}

/* Data in folders of a folder: a file of one of them, its name, and no other file's order. */
static void folders_of_a_folder_change_it(void **state)
{
    (void)state;
    char setting[512];
    struct fs_fingerprint found[3];
    static const char *const patterns[] = {"one", "two", "two"}, *const name[] = {"p/graphs/P1.jsonl",
                                                                                  "p/graphs/P1.jsonl",
                                                                                  "p/graphs/P2.jsonl"};
    (void)mkdir(scratch_path("p"), 0700);
    (void)mkdir(scratch_path("p/graphs"), 0700);
    scratch_write_text("p/LICENSE", "free");
    for (size_t i = 0; i < 3; i++) {
        scratch_write_text(name[i], patterns[i]);
        snprintf(setting, sizeof setting, "data.pararel=%s", scratch_path("p"));
        make(setting, &found[i]);
        (void)remove(scratch_path(name[i]));
    }
    assert_string_not_equal(found[0].digest[FS_STAGE_EVALUATE], found[1].digest[FS_STAGE_EVALUATE]);
    assert_string_not_equal(found[1].digest[FS_STAGE_EVALUATE], found[2].digest[FS_STAGE_EVALUATE]);
    assert_string_equal(found[0].digest[FS_STAGE_STAMP], found[2].digest[FS_STAGE_STAMP]);
    for (size_t i = 0; i < 3; i++) {
        fs_fingerprint_release(&found[i]);
    }
}

/* A method that learns from a text alone: its own keys, its text and the words, and none of the pairs. */
static void a_method_has_its_own_fingerprint(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *file; /* "" or one of the scratch folder */
        bool own, stamp;
    } cases[] = {
        {"sentence_debias.components=2", "", true, false},
        {"sentence_debias.batch=7", "", true, false},
        {"inlp.rounds=3", "", false, false},
        {"edit.text=", "d.csv", true, false},
        {"data.attribute_words=", "d.csv", true, true},
        {"categories=gender", "", true, true},
        {"stamp.width=8", "", false, true},
        {"split.held_out=0.3", "", false, true},
        {"split.validation=0.3", "", false, true},
        {"scoring.biaske=sentence.sum", "", false, true},
        {"trace.noise_scale=2", "", false, true},
        {"evaluate.bootstrap=9", "", false, false},
    };
    enum fs_stage stage = fs_method_stage(fs_method_find("sentence_debias"));
    char setting[512];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_fingerprint before, after;
        snprintf(setting, sizeof setting, "%s%s", cases[i].setting,
                 cases[i].file[0] != '\0' ? scratch_path(cases[i].file) : "");
        make(NULL, &before);
        make(setting, &after);
        bool own = strcmp(before.digest[stage], after.digest[stage]) != 0;
        bool stamp = strcmp(before.digest[FS_STAGE_STAMP], after.digest[FS_STAGE_STAMP]) != 0;
        if (own != cases[i].own || stamp != cases[i].stamp) {
            fail_msg("%s: the method %s, the stamp %s", setting, own ? "changed" : "stayed",
                     stamp ? "changed" : "stayed");
        }
        fs_fingerprint_release(&before);
        fs_fingerprint_release(&after);
    }
}

/* The settings of a stage of a job of one method, on a model of a kind; the caller frees. */
static char *settings_of_method(const char *model, const char *methods, enum fs_stage stage)
{
    char text[1024];
    struct fs_job *job = NULL;
    struct fs_fingerprint found;
    snprintf(text, sizeof text,
             "{\"model\": \"%s/tests/golden/models/%s\", \"output\": \"o\", \"data\": {\"biaske\": \"b.json\", "
             "\"attribute_words\": \"w.json\"}, \"edit\": {\"text\": \"d.csv\"}}",
             getenv("FAIRSTAMP_SOURCE"), model);
    check_success(fs_job_load(scratch_write_text("revision.json", text), &methods, 1, &job, &err), &err);
    check_success(fs_fingerprint_make(job, &found, &err), &err);
    char *settings = strdup(found.settings[stage]), digest[FS_DIGEST_SIZE];
    fs_digest_bytes(settings, strlen(settings), digest);
    assert_string_equal(digest, found.digest[stage]);
    fs_fingerprint_release(&found);
    fs_job_destroy(job);
    return settings;
}

/*
 * Rows of methods have a revision of each kind of model. It is in the fingerprint of the method's own stage where it is not
 * 0: ROME, MEMIT and AlphaEdit of masked models are of another job than files of the first revision, all others are as ever.
 */
static void a_revision_is_of_its_method_alone(void **state)
{
    (void)state;
    static const struct {
        const char *method, *line; /* beside those of revision 0; "" none */
    } masked[] = {{"rome", "revision of rome = 1\n"},
                  {"memit", "revision of memit = 1\n"},
                  {"alphaedit", "revision of alphaedit = 1\n"},
                  {"stamp", ""},
                  {"ft", ""},
                  {"sentence_debias", ""}};
    static const char *const model[] = {[FS_MASKED] = "bert-tiny", [FS_CAUSAL] = "gpt2-tiny"};
    for (size_t i = 0; i < sizeof masked / sizeof masked[0]; i++) {
        const struct fs_method *method = fs_method_find(masked[i].method);
        for (int kind = FS_MASKED; kind <= FS_CAUSAL; kind++) {
            char setting[64], names[128], *settings, *other;
            const char *line = kind == FS_MASKED ? masked[i].line : "";
            snprintf(setting, sizeof setting, "methods=%s", method->name);
            settings = settings_of_method(model[kind], setting, fs_method_stage(method));
            const char *found = strstr(settings, "revision");
            if (line[0] == '\0') {
                assert_null(found);
            } else {
                assert_non_null(found);
                assert_int_equal(strncmp(found, line, strlen(line)), 0);
                assert_null(strstr(found + strlen(line), "revision"));
                other = strdup(settings); /* as a program before the revision wrote it */
                memmove(other + (found - settings), found + strlen(line), strlen(found + strlen(line)) + 1);
                fs_fingerprint_difference(other, settings, names, sizeof names);
                snprintf(setting, sizeof setting, "revision of %s", method->name);
                assert_string_equal(names, setting);
                free(other);
            }
            free(settings);
        }
    }
    char *evaluation = settings_of_method("bert-tiny", "methods=rome", FS_STAGE_EVALUATE);
    assert_null(strstr(evaluation, "revision")); /* it has the digest of the training */
    free(evaluation);
}

static void digest_with(const char *methods, const char *setting, char digest[FS_DIGEST_SIZE])
{
    const char *const set[] = {methods, setting};
    struct fs_job *job = NULL;
    struct fs_fingerprint fingerprint;
    check_success(fs_job_load(scratch_path("job.json"), set, 2, &job, &err), &err);
    check_success(fs_fingerprint_make(job, &fingerprint, &err), &err);
    memcpy(digest, fingerprint.digest[FS_STAGE_EVALUATE], FS_DIGEST_SIZE);
    fs_fingerprint_release(&fingerprint);
    fs_job_destroy(job);
}

/* A method that is made of its settings alone: they belong to the evaluation of a job that has it, and to no other. */
static void a_made_method_belongs_to_the_evaluation(void **state)
{
    (void)state;
    struct fs_fingerprint some;
    char before[FS_DIGEST_SIZE], after[FS_DIGEST_SIZE];
    make(NULL, &some); /* writes the job */
    fs_fingerprint_release(&some);
    digest_with("methods=stamp", "self_debias.lambda=50", before);
    digest_with("methods=stamp", "self_debias.lambda=51", after);
    assert_string_equal(before, after);
    digest_with("methods=self_debias", "self_debias.lambda=50", before);
    digest_with("methods=self_debias", "seed=1", after); /* both are defaults */
    assert_string_equal(before, after);
    digest_with("methods=self_debias", "self_debias.lambda=51", after);
    assert_string_not_equal(before, after);
    digest_with("methods=self_debias:0.5", "seed=1", after);
    assert_string_not_equal(before, after);
}

static void what_does_not(void **state)
{
    (void)state;
    char same[256];
    expect_changed("output=elsewhere", "");
    expect_changed("model_name=other", "");
    expect_changed("trace.reuse=elsewhere", "");
    expect_changed("checkpoint_seconds=1", "");
    expect_changed("checkpoint_share=1", "");
    expect_changed("stamp.checkpoint_every=1", "");
    expect_changed("seed=1", "");                                              /* a default, written out */
    expect_changed("stamp.preset=balanced", "");                               /* likewise */
    expect_changed("stamp.alpha=1", "");                                       /* that of a masked model */
    expect_changed("scoring.biaske=target.prob", "");                          /* likewise */
    expect_changed("scoring.stereoset_intersentence=pll.given", "");           /* likewise */
    expect_changed("scoring.stereoset=sentence.sum", "");                      /* of data that is not there */
    snprintf(same, sizeof same, "data.crows_pairs=%s", scratch_path("e.csv")); /* another name, the same bytes */
    expect_changed(same, "");
    snprintf(same, sizeof same, "stamp.text=%s/stages/methods/plain_text.txt", getenv("FAIRSTAMP_SOURCE"));
    expect_changed(same, ""); /* the text that the program brings with it */
}

/* A preset is the keys that it sets. */
static void a_preset_is_its_keys(void **state)
{
    (void)state;
    struct fs_fingerprint preset, keys;
    make("stamp.preset=carry", &preset);
    static const char *const written[] = {"stamp.frames=32", "stamp.vary_prompts=false"};
    make_of(written, 2, &keys); /* of a masked model the only differences */
    assert_string_equal(preset.digest[FS_STAGE_STAMP], keys.digest[FS_STAGE_STAMP]);
    fs_fingerprint_release(&preset);
    fs_fingerprint_release(&keys);
}

/* Jobs of one series differ in their seed alone, in all stages. */
static void a_series_leaves_out_the_seed(void **state)
{
    (void)state;
    static const char *const others[] = {"seed=2", "split.seed=2", "stamp.width=8"};
    struct fs_fingerprint one, other;
    make(NULL, &one);
    for (size_t i = 0; i < 3; i++) {
        make(others[i], &other);
        for (size_t stage = FS_STAGE_STAMP; stage < FS_STAGE_COUNT; stage++) {
            if (fs_stage_method((enum fs_stage)stage) != NULL && stage != FS_STAGE_STAMP) {
                continue; /* the stamp's width is not theirs */
            }
            bool same = strcmp(one.series[stage], other.series[stage]) == 0;
            assert_true(same == (i == 0));
            assert_string_not_equal(one.digest[stage], other.digest[stage]);
            assert_string_not_equal(one.series[stage], one.digest[stage]);
        }
        fs_fingerprint_release(&other);
    }
    fs_fingerprint_release(&one);
}

/* A layer that the job names needs no trace. */
static void a_named_layer_leaves_the_trace_out(void **state)
{
    (void)state;
    struct fs_fingerprint fingerprint;
    make("stamp.layer=1", &fingerprint);
    assert_null(strstr(fingerprint.settings[FS_STAGE_STAMP], "the stage before"));
    assert_non_null(strstr(fingerprint.settings[FS_STAGE_EVALUATE], fingerprint.digest[FS_STAGE_STAMP]));
    assert_non_null(strstr(fingerprint.settings[FS_STAGE_STAMP], "\nstamp.layer = 1\n"));
    fs_fingerprint_release(&fingerprint);
}

/* The digest of a job on the GGUF file or folder `model`. */
static void digest_of(const char *model, char digest[FS_DIGEST_SIZE])
{
    struct fs_job *job = NULL;
    struct fs_fingerprint fingerprint;
    char text[1024];
    snprintf(text, sizeof text, "{\"model\": \"%s\", \"output\": \"o\", \"data\": {\"biaske\": \"b.json\"}}", model);
    check_success(fs_job_load(scratch_write_text("gguf.json", text), NULL, 0, &job, &err), &err);
    check_success(fs_fingerprint_make(job, &fingerprint, &err), &err);
    assert_non_null(strstr(fingerprint.settings[FS_STAGE_TRACE], "model/model.gguf = "));
    snprintf(digest, FS_DIGEST_SIZE, "%s", fingerprint.digest[FS_STAGE_EVALUATE]);
    fs_fingerprint_release(&fingerprint);
    fs_job_destroy(job);
}

/* A GGUF file counts by its bytes, not by its name, and nothing beside it counts. */
static void a_gguf_file(void **state)
{
    (void)state;
    char path[4200], digest[4][FS_DIGEST_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%s/tests/golden/gguf/qwen2-f16.gguf", getenv("FAIRSTAMP_SOURCE"));
    unsigned char *data = slurp(path, &size);
    digest_of(path, digest[0]);
    assert_int_equal(mkdir(scratch_path("m"), 0700), 0);
    scratch_write("m/x.gguf", data, size);
    scratch_write_text("m/tokenizer_config.json", "{}");
    digest_of(scratch_path("m/x.gguf"), digest[1]);
    digest_of(scratch_path("m"), digest[2]);
    data[size - 1] ^= 1;
    digest_of(scratch_write("m/x.gguf", data, size), digest[3]);
    assert_string_equal(digest[0], digest[1]);
    assert_string_equal(digest[0], digest[2]);
    assert_string_not_equal(digest[0], digest[3]);
    free(data);
}

static void the_text_of_a_difference(void **state)
{
    (void)state;
    char names[64];
    fs_fingerprint_difference("a = 1\nb = 2\nc = 3\n", "a = 1\nb = 3\nd = 4\n", names, sizeof names);
    assert_string_equal(names, "b, d, c");
    fs_fingerprint_difference("a = 1\n", "a = 1\n", names, sizeof names);
    assert_string_equal(names, "");
    struct fs_fingerprint one, other;
    make("seed=2", &one);
    make("stamp.width=8", &other);
    fs_fingerprint_difference(one.settings[FS_STAGE_TRACE], other.settings[FS_STAGE_TRACE], names, sizeof names);
    assert_string_equal(names, "seed");
    fs_fingerprint_difference(one.settings[FS_STAGE_STAMP], other.settings[FS_STAGE_STAMP], names, sizeof names);
    assert_string_equal(names, "seed, stamp.width, the stage before");
    fs_fingerprint_release(&one);
    fs_fingerprint_release(&other);
}

/* What it reads: all files of the model that make it or its tokenizer, then the data. */
static void the_files_that_it_reads(void **state)
{
    (void)state;
    struct fs_job *job = NULL;
    struct fs_folder files;
    size_t models;
    char text[1024];
    snprintf(text, sizeof text,
             "{\"model\": \"%s/tests/golden/models/bert-tiny\", \"output\": \"o\", \"data\": {\"biaske\": \"b.json\"}}",
             getenv("FAIRSTAMP_SOURCE"));
    check_success(fs_job_load(scratch_write_text("files.json", text), NULL, 0, &job, &err), &err);
    check_success(fs_fingerprint_files(job, &files, &models, &err), &err);
    static const char *const expected[] = {"/bert-tiny/config.json", "/bert-tiny/model.safetensors",
                                           "/bert-tiny/tokenizer_config.json", "/bert-tiny/vocab.txt", "/b.json"};
    assert_int_equal(files.count, 5);
    assert_int_equal(models, 4);
    for (size_t i = 0; i < 5; i++) {
        bool found = false;
        for (size_t k = i < 4 ? 0 : 4; k < (i < 4 ? 4 : 5); k++) {
            size_t length = strlen(files.path[k]), wanted = strlen(expected[i]);
            found = found || (length > wanted && strcmp(files.path[k] + length - wanted, expected[i]) == 0);
        }
        assert_true(found);
    }
    fs_folder_release(&files);
    fs_job_destroy(job);
}

static void another_model_is_found(void **state)
{
    (void)state;
    struct fs_fingerprint fingerprint;
    char name[256], folder[512];
    make(NULL, &fingerprint);
    snprintf(folder, sizeof folder, "%s/tests/golden/models/bert-tiny", getenv("FAIRSTAMP_SOURCE"));
    check_success(fs_fingerprint_other_model(fingerprint.settings[FS_STAGE_STAMP], folder, name, sizeof name, &err),
                  &err);
    assert_string_equal(name, "");
    snprintf(folder, sizeof folder, "%s/tests/golden/models/gpt2-tiny", getenv("FAIRSTAMP_SOURCE"));
    check_success(fs_fingerprint_other_model(fingerprint.settings[FS_STAGE_STAMP], folder, name, sizeof name, &err),
                  &err);
    assert_int_equal(strncmp(name, "model/", 6), 0);
    fs_fingerprint_release(&fingerprint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changes_it),
        cmocka_unit_test(folders_of_a_folder_change_it),
        cmocka_unit_test(a_method_has_its_own_fingerprint),
        cmocka_unit_test(a_revision_is_of_its_method_alone),
        cmocka_unit_test(a_made_method_belongs_to_the_evaluation),
        cmocka_unit_test(what_does_not),
        cmocka_unit_test(a_preset_is_its_keys),
        cmocka_unit_test(a_series_leaves_out_the_seed),
        cmocka_unit_test(a_named_layer_leaves_the_trace_out),
        cmocka_unit_test(a_gguf_file),
        cmocka_unit_test(the_text_of_a_difference),
        cmocka_unit_test(the_files_that_it_reads),
        cmocka_unit_test(another_model_is_found),
    };
    return cmocka_run_group_tests(tests, write_data, scratch_remove);
}
