/*
 * Applied edits: tensors of their own, with the log probabilities of transformers behind results/load_edit.py; folders of
 * every format and type of weights, number by number; and what is refused.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/formats/quantised.h"
#include "io/formats/tensor_store.h"
#include "model/applied.h"
#include "model/edits/last_state.h"
#include "model/edits/stamp_net.h"
#include "model/edits/weight.h"
#include "support.h"

#define BOUND 2e-5 /* float32 against float64: sums of up to 64 terms through two layers and a head */

static void expect(int status, const struct fs_error *err)
{
    if (status != 0) {
        fail_msg("%s", err->text);
    }
}

static void expect_refusal(int status, const struct fs_error *err, const char *word)
{
    if (status == 0 || strstr(err->text, word) == NULL) {
        fail_msg("expected \"%s\": %s", word, status == 0 ? "was not refused" : err->text);
    }
}

static const char *model_path(const char *name)
{
    char rest[96];
    snprintf(rest, sizeof rest, "models/%s", name);
    return golden_path(rest);
}

/* Log p of token[i] at position i of one sequence. */
static void log_probabilities(const struct fs_model *model, const struct fs_edit *edit, const int32_t *token,
                              size_t count, fs_real *logprob)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_workspace *workspace;
    const size_t starts[] = {0, count};
    size_t row[64], first[65];
    const struct fs_batch batch = {1, count, token, starts, NULL, NULL};
    assert_true(count < 64);
    for (size_t i = 0; i <= count; i++) {
        first[i] = i;
        row[i < count ? i : 0] = i < count ? i : 0;
    }
    fs_real *h = calloc(count * fs_model_spec(model)->hidden, sizeof *h);
    assert_non_null(h);
    expect(fs_workspace_create(model, &workspace, &err), &err);
    const struct fs_pass pass = {model, workspace, &batch, edit};
    const struct fs_reads reads = {count, row, first, token, edit};
    expect(fs_embed(model, workspace, &batch, NULL, h, &err), &err);
    expect(fs_run_layers(&pass, 0, fs_model_spec(model)->layers, h, &err), &err);
    expect(fs_read_logprobs(model, workspace, h, &reads, logprob, NULL, &err), &err);
    fs_workspace_destroy(workspace);
    free(h);
}

/* ---- tensors of an edit's own ---- */

static const cJSON *item(const cJSON *object, const char *name)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_non_null(found);
    return found;
}

static size_t numbers_of(const cJSON *array, double *out)
{
    size_t count = 0;
    const cJSON *number;
    cJSON_ArrayForEach(number, array)
    {
        out[count++] = number->valuedouble;
    }
    return count;
}

/* The golden edit; its parts follow each other as the kind lays them out. */
static void make_edit(const cJSON *golden, const struct fs_spec *spec, struct fs_edit *edit)
{
    struct fs_error err = FS_ERROR_INIT;
    const cJSON *parts = item(golden, "tensors");
    double number[4][1024];
    if (strcmp(item(item(golden, "metadata"), "kind")->valuestring, "stamp") == 0) {
        struct fs_stamp stamp;
        size_t width = (size_t)cJSON_GetArraySize(item(parts, "key_bias")), used = 0;
        size_t layer = (size_t)strtoul(item(item(golden, "metadata"), "layer")->valuestring, NULL, 10);
        expect(fs_stamp_create(layer, spec->hidden, width, 0, &stamp, &err), &err);
        for (const cJSON *part = parts->child; part != NULL; part = part->next) {
            size_t count = numbers_of(part, number[0]);
            for (size_t i = 0; i < count; i++) {
                stamp.parameters[used++] = (fs_real)number[0][i];
            }
        }
        *edit = fs_stamp_edit(&stamp);
        assert_int_equal(used, edit->count);
        return;
    }
    numbers_of(item(parts, "centre"), number[0]);
    size_t rank = numbers_of(item(parts, "left"), number[1]) / fs_spec_state_width(spec);
    numbers_of(item(parts, "right"), number[2]);
    expect(fs_last_state_create(spec, rank, edit, &err), &err);
    fs_last_state_set(edit, number[0], number[1], number[2]);
}

/* The header's metadata and every tensor of the file, which lies alone in a folder. */
static void check_file(const char *folder, const char *path, const cJSON *golden)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_tensor_store *store;
    size_t size;
    unsigned char *bytes = slurp(path, &size);
    cJSON *header = cJSON_ParseWithLength((const char *)bytes + 8, bytes[0] + 256U * bytes[1]);
    const cJSON *metadata = item(header, "__metadata__");
    assert_string_equal(item(metadata, "format")->valuestring, "pt");
    for (const cJSON *entry = item(golden, "metadata")->child; entry != NULL; entry = entry->next) {
        assert_string_equal(item(metadata, entry->string)->valuestring, entry->valuestring);
    }
    cJSON_Delete(header);
    free(bytes);
    expect(fs_tensor_store_open(folder, &store, &err), &err);
    const cJSON *parts = item(golden, "tensors");
    assert_int_equal(fs_tensor_store_count(store), cJSON_GetArraySize(parts));
    for (const cJSON *part = parts->child; part != NULL; part = part->next) {
        const struct fs_tensor *tensor = fs_tensor_store_find(store, part->string);
        double number[1024];
        assert_non_null(tensor);
        assert_int_equal(tensor->elements, numbers_of(part, number));
        for (size_t i = 0; i < tensor->elements; i++) {
            float found;
            memcpy(&found, fs_tensor_element(tensor, i), sizeof found);
            assert_true(found == (float)number[i]);
        }
    }
    fs_tensor_store_destroy(store);
}

static void what_transformers_makes_of_an_edit(void **state)
{
    (void)state;
    size_t size;
    unsigned char *text = slurp(golden_path("applied.json"), &size);
    cJSON *cases = cJSON_Parse((const char *)text);
    const cJSON *golden;
    size_t count = 0;
    cJSON_ArrayForEach(golden, cases)
    {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_model *model = load_model(model_path(item(golden, "model")->valuestring));
        struct fs_edit edit = {0};
        struct fs_applied applied = {0};
        char folder[32];
        double expected[64], sequence[64];
        int32_t token[64];
        fs_real logprob[64];
        make_edit(golden, fs_model_spec(model), &edit);
        size_t tokens = numbers_of(item(golden, "sequence"), sequence);
        numbers_of(item(golden, "logprobs"), expected);
        for (size_t i = 0; i < tokens; i++) {
            token[i] = (int32_t)sequence[i];
        }
        log_probabilities(model, &edit, token, tokens, logprob);
        for (size_t i = 0; i < tokens; i++) {
            if (!(fabs((double)logprob[i] - expected[i]) <= BOUND * (1 + fabs(expected[i])))) {
                fail_msg("case %zu, position %zu: %.9g, expected %.9g", count, i, (double)logprob[i], expected[i]);
            }
        }
        snprintf(folder, sizeof folder, "case%zu", count++);
        assert_int_equal(mkdir(scratch_path(folder), 0700), 0);
        char *path;
        assert_true(asprintf(&path, "%s/model.safetensors", scratch_path(folder)) > 0);
        expect(fs_applied_make(&edit, model, &applied, &err), &err);
        assert_false(fs_applied_is_folder(&applied));
        expect(fs_applied_write_file(&applied, path, &err), &err);
        check_file(scratch_path(folder), path, golden);
        expect_refusal(fs_applied_write_file(&applied, path, &err), &err, "cannot be made");
        free(path);
        fs_applied_release(&applied);
        fs_edit_release(&edit);
        fs_model_destroy(model);
    }
    assert_int_equal(count, 6);
    cJSON_Delete(cases);
    free(text);
}

/* ---- folders ---- */

/* An edit of W_out, and b_out where there is one, of layer 1. */
static struct fs_edit change_of(const struct fs_model *model, size_t rank, double size)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_edit edit;
    uint64_t seed = 7;
    expect(fs_weight_create(fs_model_spec(model), 1, rank, &edit, &err), &err);
    for (size_t i = 0; i < edit.count; i++) {
        edit.number[i] = (fs_real)(size * noise(&seed));
    }
    return edit;
}

static double number_at(const struct fs_tensor *tensor, size_t index)
{
    const unsigned char *at = fs_tensor_element(tensor, index);
    uint16_t half;
    uint32_t bits;
    float single;
    if (tensor->dtype == FS_F32) {
        memcpy(&single, at, sizeof single);
        return (double)single;
    }
    memcpy(&half, at, sizeof half);
    bits = (uint32_t)half << 16;
    memcpy(&single, &bits, sizeof single);
    return (double)(tensor->dtype == FS_F16 ? fs_from_half(half) : single);
}

/* The change that the edit makes at element `index` of the tensor. */
static double change_at(const struct fs_weight *w, const struct fs_tensor *tensor, size_t index, bool inputs_first)
{
    if (tensor->dimensions == 1) {
        return (double)w->bias[index];
    }
    size_t columns = tensor->shape[1], i = index / columns, j = index % columns;
    size_t output = inputs_first ? j : i, input = inputs_first ? i : j;
    double sum = w->delta != NULL ? (double)w->delta[output * w->ffn + input] : 0;
    for (size_t k = 0; k < w->rank; k++) {
        sum += (double)w->left[output * w->rank + k] * (double)w->right[input * w->rank + k];
    }
    return sum;
}

/* Half the distance to the next number of the type, and the roundings of the sum in float32. */
static double step_of(enum fs_dtype dtype, double value)
{
    double size = fmax(fabs(value), 6.2e-5); /* F16 is denormal below */
    return size * (dtype == FS_F16 ? 0x1p-11 : dtype == FS_BF16 ? 0x1p-8 : 0x1p-23) + 1e-6;
}

/* All tensors are as in `from`, but the changed ones: those number by number. */
static void compare_folders(const char *from, const char *to, const struct fs_edit *edit, bool inputs_first)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_tensor_store *before, *after;
    struct fs_weight w = fs_weight_of(edit);
    size_t changed = 0;
    expect(fs_tensor_store_open(from, &before, &err), &err);
    expect(fs_tensor_store_open(to, &after, &err), &err);
    assert_int_equal(fs_tensor_store_count(before), fs_tensor_store_count(after));
    for (size_t t = 0; t < fs_tensor_store_count(before); t++) {
        const struct fs_tensor *old = fs_tensor_store_at(before, t), *new = fs_tensor_store_at(after, t);
        assert_string_equal(old->name, new->name);
        assert_int_equal(old->dimensions, new->dimensions);
        assert_memory_equal(old->shape, new->shape, old->dimensions * sizeof *old->shape);
        if (fs_tensor_equal(old, new)) {
            continue;
        }
        changed++;
        assert_int_equal(old->dtype, new->dtype);
        for (size_t i = 0; i < old->elements; i++) {
            double wanted = number_at(old, i) + change_at(&w, old, i, inputs_first), found = number_at(new, i);
            if (!(fabs(found - wanted) <= step_of(old->dtype, wanted))) {
                fail_msg("%s: %s, %zu: %.9g, expected %.9g", from, old->name, i, found, wanted);
            }
        }
    }
    assert_int_equal(changed, w.bias != NULL ? 2 : 1);
    fs_tensor_store_destroy(before);
    fs_tensor_store_destroy(after);
}

/* The folder of a golden model, or one made of it and other weights. */
static void source_of(const char *model, const char *weights, char *path, size_t size)
{
    char command[2048], other[64];
    snprintf(path, size, "%s", model_path(model));
    if (weights == NULL) {
        return;
    }
    snprintf(other, sizeof other, "pytorch/%s", weights);
    snprintf(command, sizeof command, "mkdir '%s' && cp '%s'/*.json '%s'/* '%s' && rm -f '%s'/model.safetensors*",
             scratch_path(weights), path, golden_path(other), scratch_path(weights), scratch_path(weights));
    assert_int_equal(system(command), 0);
    snprintf(path, size, "%s", scratch_path(weights));
}

static void folders_of_every_format(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *weights; /* of a model; NULL: its own, else a folder of PyTorch files of the same */
        size_t rank;
    } made[] = {
        {"bert-tiny", NULL, 0},
        {"bert-tiny", NULL, 3},
        {"gpt2-f16-shards", NULL, 0},
        {"gpt2-own-head-bf16", NULL, 3},
        {"llama-f16-shards", NULL, 2},
        {"bert-no-prefix", "early", 0},
        {"xlm-roberta-f16-shards", "shards-f16", 2},
        {"mistral-tied-f16", "tied-f16", 0},
        {"mistral-tied-f16", "turned-f16", 2},
    };
    for (size_t k = 0; k < sizeof made / sizeof made[0]; k++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_model *model, *applied_model;
        struct fs_applied applied = {0};
        struct fs_applied_rounding rounding;
        char name[16], from[512], *left_out;
        const int32_t token[] = {3, 9, 7, 30, 12, 8};
        fs_real edited[6], loaded[6];
        snprintf(name, sizeof name, "out%zu", k);
        source_of(made[k].folder, made[k].weights, from, sizeof from);
        expect(fs_model_load(from, &model, &err), &err);
        struct fs_edit edit = change_of(model, made[k].rank, 0.1);
        assert_int_equal(mkdir(scratch_path(name), 0700), 0);
        expect(fs_applied_make(&edit, model, &applied, &err), &err);
        assert_true(fs_applied_is_folder(&applied));
        expect(fs_applied_write_folder(&applied, from, scratch_path(name), &rounding, &left_out, &err), &err);
        bool inputs_first = strcmp(fs_model_spec(model)->family_name, "gpt2") == 0;
        compare_folders(from, scratch_path(name), &edit, inputs_first);
        assert_int_equal(rounding.numbers > 0, 1);
        bool whole = strcmp(rounding.dtype, "F32") == 0;
        assert_true(sqrt(rounding.lost / rounding.change) < (whole ? 1e-6 : 0.2));
        assert_string_equal(left_out, "");

        /* and the engine reads it as the edited model */
        expect(fs_model_load(scratch_path(name), &applied_model, &err), &err);
        log_probabilities(model, &edit, token, 6, edited);
        log_probabilities(applied_model, NULL, token, 6, loaded);
        for (size_t i = 0; i < 6; i++) {
            double bound = (whole ? BOUND : 0.1) * (1 + fabs((double)edited[i])); /* 16 bits: three digits */
            assert_true(fabs((double)edited[i] - (double)loaded[i]) <= bound);
        }
        free(left_out);
        fs_applied_release(&applied);
        fs_edit_release(&edit);
        fs_model_destroy(applied_model);
        fs_model_destroy(model);
    }
}

/* Widened, a model of 16 bits is the edited model to rounding, and config.json says its type. */
static void weights_of_16_bits_widened(void **state)
{
    (void)state;
    static const char *const folders[] = {"gpt2-own-head-bf16", "llama-f16-shards", "gpt2-no-scale-f16"};
    for (size_t k = 0; k < 3; k++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_model *model = load_model(model_path(folders[k])), *widened;
        struct fs_applied applied = {0};
        struct fs_applied_rounding rounding;
        char name[16], *left_out, *config;
        const int32_t token[] = {3, 9, 7, 30, 12, 8};
        fs_real edited[6], loaded[6];
        size_t size;
        struct fs_edit edit = change_of(model, 0, k == 2 ? 1e5 : 0.1); /* F16 could not hold these */
        snprintf(name, sizeof name, "wide%zu", k);
        assert_int_equal(mkdir(scratch_path(name), 0700), 0);
        expect(fs_applied_make(&edit, model, &applied, &err), &err);
        applied.widened = true;
        expect(
            fs_applied_write_folder(&applied, model_path(folders[k]), scratch_path(name), &rounding, &left_out, &err),
            &err);
        assert_string_equal(rounding.dtype, "F32");
        assert_string_equal(left_out, "");
        expect(fs_model_load(scratch_path(name), &widened, &err), &err);
        log_probabilities(model, &edit, token, 6, edited);
        log_probabilities(widened, NULL, token, 6, loaded);
        for (size_t i = 0; i < 6; i++) {
            assert_true(k == 2 || fabs((double)edited[i] - (double)loaded[i]) <= BOUND * (1 + fabs((double)edited[i])));
        }
        assert_true(asprintf(&config, "%s/config.json", scratch_path(name)) > 0);
        unsigned char *text = slurp(config, &size);
        assert_true(strstr((const char *)text, "float16") == NULL && strstr((const char *)text, "bfloat16") == NULL);
        free(text);
        free(config);
        free(left_out);
        fs_applied_release(&applied);
        fs_edit_release(&edit);
        fs_model_destroy(widened);
        fs_model_destroy(model);
    }
}

/* ---- what is refused ---- */

static void what_no_folder_can_hold(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_applied applied = {0};
    struct fs_applied_rounding rounding;
    char *left_out;

    struct fs_model *model = load_model(model_path("albert-tiny")); /* its layers share their weights */
    struct fs_edit edit = change_of(model, 0, 0.1);
    expect_refusal(fs_applied_make(&edit, model, &applied, &err), &err, "is that of several layers");
    fs_applied_release(&applied);
    fs_edit_release(&edit);
    struct fs_stamp stamp;
    expect(fs_stamp_create(1, fs_model_spec(model)->hidden, 3, 1, &stamp, &err), &err);
    edit = fs_stamp_edit(&stamp);
    expect_refusal(fs_applied_make(&edit, model, &applied, &err), &err, "is that of several layers");
    fs_applied_release(&applied);
    fs_stamp_release(&stamp);
    fs_model_destroy(model);

    model = load_model(model_path("mixtral-tiny"));
    expect(fs_stamp_create(1, fs_model_spec(model)->hidden, 3, 1, &stamp, &err), &err);
    edit = fs_stamp_edit(&stamp);
    expect_refusal(fs_applied_make(&edit, model, &applied, &err), &err, "experts");
    fs_applied_release(&applied);
    fs_stamp_release(&stamp);
    fs_model_destroy(model);

    model = load_model(golden_path("gguf/llama-blocks-of-32.gguf"));
    edit = change_of(model, 0, 0.1);
    expect(fs_applied_make(&edit, model, &applied, &err), &err);
    expect_refusal(fs_applied_write_folder(&applied, golden_path("gguf/llama-blocks-of-32.gguf"), scratch_folder(),
                                           &rounding, &left_out, &err),
                   &err, "is a GGUF file");
    fs_applied_release(&applied);
    fs_edit_release(&edit);
    fs_model_destroy(model);

    model = load_model(model_path("gpt2-no-scale-f16")); /* the largest F16 is 65504 */
    edit = change_of(model, 0, 1e5);
    assert_int_equal(mkdir(scratch_path("large"), 0700), 0);
    expect(fs_applied_make(&edit, model, &applied, &err), &err);
    expect_refusal(fs_applied_write_folder(&applied, model_path("gpt2-no-scale-f16"), scratch_path("large"), &rounding,
                                           &left_out, &err),
                   &err, "beyond the type F16");
    assert_int_equal(err.code, FS_EXIT_DATA);
    fs_applied_release(&applied);
    fs_edit_release(&edit);
    fs_model_destroy(model);
}

/* A file that may not grow: as a disk that is full. */
static void a_full_disk(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_applied applied = {0};
    struct fs_applied_rounding rounding;
    char *left_out;
    struct rlimit before, little = {20000, 20000};
    struct fs_model *model = load_model(model_path("bert-tiny"));
    struct fs_edit edit = change_of(model, 0, 0.1);
    expect(fs_applied_make(&edit, model, &applied, &err), &err);
    assert_int_equal(mkdir(scratch_path("full"), 0700), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    int status =
        fs_applied_write_folder(&applied, model_path("bert-tiny"), scratch_path("full"), &rounding, &left_out, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    expect_refusal(status, &err, "is the disk full?");
    assert_int_equal(err.code, FS_EXIT_IO);
    fs_applied_release(&applied);
    fs_edit_release(&edit);
    fs_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_transformers_makes_of_an_edit),
        cmocka_unit_test(folders_of_every_format),
        cmocka_unit_test(weights_of_16_bits_widened),
        cmocka_unit_test(what_no_folder_can_hold),
        cmocka_unit_test(a_full_disk),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
