/* Which items of a suite are alike and resampled together, and ids that no two items may have. No model is run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stages/metrics/labels.h"
#include "support.h"

static struct fs_suite_options options_of(const char *suite, enum fs_model_kind kind)
{
    return (struct fs_suite_options){.kind = kind,
                                     .scoring = fs_suite_scoring(fs_suite_kind_find(suite), kind),
                                     .seed = 1,
                                     .text_tokens = 100,
                                     .permutations = 100,
                                     .fact_share = 1};
}

static struct fs_suite *opened(const char *name, const char *path)
{
    const struct fs_suite_options options = options_of(name, FS_MASKED);
    return open_suite(name, path, &options);
}

/* The clusters of all items, "" for none. */
static void expect_clusters(const char *name, const char *path, const char *kind, const char *const *wanted)
{
    struct fs_suite *suite = opened(name, path);
    assert_string_equal(suite->cluster_kind, kind);
    for (size_t i = 0; i < suite->items; i++) {
        const char *found = suite->cluster[i] != NULL ? suite->cluster[i] : "";
        if (strcmp(found, wanted[i]) != 0) {
            fail_msg("%s, item %s: found \"%s\", expected \"%s\"", name, suite->id[i], found, wanted[i]);
        }
    }
    fs_suite_destroy(suite);
}

static void crows_pairs(void **state)
{
    (void)state;
    static const char *const wanted[] = {"men/women", "men/women", "mexican/american", "he/she", "",
                                         "/quickly",  "",          "weg/gr\xc3\xbcn"};
    const char *path =
        write_text("crows.csv", ",sent_more,sent_less,stereo_antistereo,bias_type\n"
                                "0,Women can't drive.,Men can't drive.,stereo,gender\n"
                                "1,\"I said: \"\"men\"\" cry.\",\"I said: \"\"women\"\" cry.\",antistereo,gender\n"
                                "2,He is a Mexican man.,He is an American man.,stereo,race-color\n"
                                "3,\"The end. She, said her friend, sat.\",\"The end. He, said his friend, sat.\","
                                "stereo,gender\n"
                                "4,Same words here.,Same  words here,stereo,gender\n"
                                "5,He ran,He ran quickly,stereo,gender\n"
                                "6,\xe4\xbb\x96\xe7\xac\x91,\xe5\xa5\xb9\xe7\xac\x91,stereo,gender\n"
                                "7,Die Gr\xc3\xbcn da,Die Weg da,stereo,gender\n");
    expect_clusters("crows_pairs", path, "words that differ", wanted);
}

static void occupations(void **state)
{
    (void)state;
    static const char *const participants[] = {"nurse", "nurse", "nurse", "nurse"};
    static const char *const files[] = {"type1.txt.dev", "type1.txt.test", "type2.txt.dev", "type2.txt.test"};
    for (size_t i = 0; i < 4; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "pro_stereotyped_%s", files[i]);
        (void)write_text(name, i < 2 ? "1 [The nurse] saw that [she] sat.\n"
                                     : "1 He saw that [her] dog and [the nurse] sat.\n");
        (void)snprintf(name, sizeof name, "anti_stereotyped_%s", files[i]);
        (void)write_text(name, i < 2 ? "1 [The nurse] saw that [he] sat.\n"
                                     : "1 He saw that [his] dog and [the nurse] sat.\n");
    }
    expect_clusters("winobias", folder, "participant", participants);
    static const char *const nurses[] = {"nurse"};
    const char *path =
        write_text("schemas.tsv", "sentid\tsentence\n"
                                  "nurse.patient.0.male.txt\tThe nurse told the patient that he was tired.\n"
                                  "nurse.patient.0.female.txt\tThe nurse told the patient that she was tired.\n"
                                  "nurse.patient.0.neutral.txt\tThe nurse told the patient that they were tired.\n");
    expect_clusters("winogender", path, "occupation", nurses);
    static const char *const professions[] = {"taper", ""};
    path = write_text("bec.tsv", "\tSent_TM\tSent_TAM\tPerson\tGender\tProfession\tProf_Gender\n"
                                 "0\t[MASK] is a taper.\t[MASK] is a [MASK].\tHe\tmale\tTaper\tmale\n"
                                 "1\tno mask\t[MASK] is a [MASK].\tHe\tmale\tTaper\tmale\n");
    expect_clusters("bec_pro", path, "profession", professions);
    static const char *const none[] = {""};
    path = write_text("bec.tsv", "\tSent_TM\tSent_TAM\tPerson\tGender\tProf_Gender\n"
                                 "0\t[MASK] is a taper.\t[MASK] is a [MASK].\tHe\tmale\tmale\n");
    expect_clusters("bec_pro", path, "profession", none);
}

#define SCHEMA(word, first, second)                                                                                    \
    "en\toriginal\t?\tShe saw it " word ".\t[\"She\", \"saw\", \"it\", \"" word "\", \".\"]\t[\"it\", [2, 3]]\t"       \
    "[[\"The rain\", [0, 1], [], " first "], [\"a dog\", [0, 1], [], " second "]]\n"

static void schemas(void **state)
{
    (void)state;
    static const char *const both[] = {"a dog/the rain", "a dog/the rain"};
    expect_clusters("winograd",
                    write_text("schemas.tsv", SCHEMA("fall", "true", "false") SCHEMA("bark", "false", "true")),
                    "both candidates", both);
}

#define FACT(id, subject, prompt)                                                                                      \
    "{\"id\": \"" id "\", \"category\": \"none\", \"subject\": \"" subject "\", \"object\": \"hot\", "                 \
    "\"counterpart_object\": \"cold\", \"prompt\": \"" prompt "\"}"

static void facts(void **state)
{
    (void)state;
    static const char *const suns[] = {"the sun", "the sun"};
    expect_clusters("biaske_facts",
                    write_text("biaske.json",
                               "{\"format\": \"fairstamp-biaske\", \"version\": 1, \"licence\": \"x\", "
                               "\"pairs\": [], \"facts\": [" FACT("a", "the sun", "{subject} is {object}.") ", " FACT(
                                   "b", "the sun", "See: {subject} is {object}.") "]}"),
                    "subject", suns);
    static const char *const france[] = {"france", ""};
    expect_clusters("known_facts",
                    write_text("known.json",
                               "[{\"known_id\": 0, \"subject\": \"France\", \"prompt\": \"France's capital is\", "
                               "\"attribute\": \"Paris\"}, {\"known_id\": 1, \"prompt\": \"Ice is\", "
                               "\"attribute\": \"cold\"}]"),
                    "subject", france);
    expect_clusters("counterfact",
                    write_text("rome.json",
                               "[{\"case_id\": 0, \"requested_rewrite\": {\"prompt\": \"The capital of {} is\", "
                               "\"subject\": \"France\", \"target_true\": {\"str\": \"Paris\"}, \"target_new\": "
                               "{\"str\": \"Rome\"}}, \"paraphrase_prompts\": [\"Say:\"], \"neighborhood_prompts\": "
                               "[\"Spain is\"]}]"),
                    "subject", france);
}

/* "ID" stands for the id of the second item; an id twice is one clear error, another one is none. */
static void expect_unique(const char *suite, const char *format, const char *id, const char *other, const char *says)
{
    char text[2048];
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_suite_options options = options_of(suite, FS_CAUSAL);
    const char *place = strstr(format, "ID");
    for (size_t twice = 0; twice < 2; twice++) {
        struct fs_suite *made = NULL;
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(place - format), format, twice == 1 ? id : other,
                       place + 2);
        int status = fs_suite_open(fs_suite_kind_find(suite), write_text("twice.json", text), &options, &made, &err);
        assert_int_equal(status, twice == 1 ? -1 : 0);
        fs_suite_destroy(made);
    }
    if (err.code != FS_EXIT_DATA || strstr(err.text, says) == NULL || strstr(err.text, "twice.json") == NULL ||
        strchr(err.text, '\n') != NULL) {
        fail_msg("found %d \"%s\", expected \"%s\"", (int)err.code, err.text, says);
    }
}

#define PAIR(id, first, second, third)                                                                                 \
    "{\"id\": \"" id "\", \"bias_type\": \"gender\", \"target\": \"cook\", \"context\": \"A cook is BLANK.\", "        \
    "\"sentences\": [{\"id\": \"" first "\", \"gold_label\": \"stereotype\", \"sentence\": \"A cook is kind.\"}, "     \
    "{\"id\": \"" second                                                                                               \
    "\", \"gold_label\": \"anti-stereotype\", \"sentence\": \"A cook is rude.\"}, {\"id\": \"" third                   \
    "\", \"gold_label\": \"unrelated\", \"sentence\": \"A cook is blue.\"}]}"

static void ids_stand_once(void **state)
{
    (void)state;
    expect_unique("known_facts",
                  "[{\"known_id\": 3, \"prompt\": \"Ice is\", \"attribute\": \"cold\"}, "
                  "{\"known_id\": ID, \"prompt\": \"Fire is\", \"attribute\": \"hot\"}]",
                  "3", "4", "known_id \"3\" occurs twice");
    /* a record without id has its index, which another one may have as its id */
    expect_unique("known_facts",
                  "[{\"prompt\": \"Ice is\", \"attribute\": \"cold\"}, "
                  "{\"known_id\": ID, \"prompt\": \"Fire is\", \"attribute\": \"hot\"}]",
                  "0", "1", "known_id \"0\" occurs twice");
    expect_unique("counterfact",
                  "[{\"case_id\": \"x\", \"prompt\": \"Ice is\", \"ground_truth\": \"cold\", \"target_new\": \"hot\", "
                  "\"rephrase_prompt\": \"Say: ice is\", \"locality_prompt\": \"Fire is\", \"locality_ground_truth\": "
                  "\"hot\"}, {\"case_id\": \"ID\", \"prompt\": \"Fire is\", \"ground_truth\": \"hot\", \"target_new\": "
                  "\"cold\", \"rephrase_prompt\": \"Say: fire is\", \"locality_prompt\": \"Ice is\", "
                  "\"locality_ground_truth\": \"cold\"}]",
                  "x", "y", "case_id \"x\" occurs twice");
    expect_unique("stereoset",
                  "{\"data\": {\"intrasentence\": [" PAIR("a", "1", "2", "3") ", " PAIR("ID", "4", "5", "6") "]}}", "a",
                  "b", "id \"a\" occurs twice");
}

/* How many clusters the published files have. */
static void published_files(void **state)
{
    (void)state;
    static const struct {
        const char *suite, *path;
        size_t items, clusters;
    } files[] = {{"crows_pairs", "crows_pairs/crows_pairs_anonymized.csv", 1508, 773}, /* Python, by the same rule */
                 {"winobias", "winobias", 1584, 40},
                 {"winogender", "winogender", 240, 60}};
    const char *shared = getenv("FAIRSTAMP_SHARED");
    char path[4096];
    FILE *file = NULL;
    (void)snprintf(path, sizeof path, "%s/data/README.md", shared != NULL ? shared : "../shared");
    if ((file = fopen(path, "r")) == NULL) {
        (void)fprintf(stderr, "skipped: no shared data\n");
        skip();
    }
    (void)fclose(file);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/data/%s", shared != NULL ? shared : "../shared", files[i].path);
        struct fs_suite *suite = opened(files[i].suite, path);
        struct fs_labels labels;
        struct fs_error err = FS_ERROR_INIT;
        for (size_t k = 0; k < suite->items; k++) {
            assert_non_null(suite->cluster[k]);
        }
        assert_int_equal(fs_labels_create((const char *const *)suite->cluster, suite->items, &labels, &err), 0);
        if (suite->items != files[i].items || labels.count != files[i].clusters) {
            fail_msg("%s: found %zu items and %zu clusters, expected %zu and %zu", files[i].suite, suite->items,
                     labels.count, files[i].items, files[i].clusters);
        }
        fs_labels_release(&labels);
        fs_suite_destroy(suite);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(crows_pairs),    cmocka_unit_test(occupations),
                                       cmocka_unit_test(schemas),        cmocka_unit_test(facts),
                                       cmocka_unit_test(ids_stand_once), cmocka_unit_test(published_files)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
