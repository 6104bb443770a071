/* Edits applied as folders of every format and type of weights, number by number; and what is refused. */
#include <cjson/cJSON.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applied_support.h"
#include "io/formats/quantised.h"
#include "io/formats/tensor_store.h"
#include "model/applied.h"
#include "model/edits/all_weights.h"
#include "model/edits/direction.h"
#include "model/edits/last_state.h"
#include "model/edits/neurons.h"
#include "model/edits/stamp_net.h"
#include "model/edits/weight.h"
#include "model/trainable.h"

#define BOUND 2e-5 /* float32 against float64: sums of up to 64 terms through two layers and a head */

/* ---- folders ---- */

/* An edit of W_out, and b_out where there is one, of `layers` layers up to layer 1. */
static struct fs_edit change_of(const struct fs_model *model, size_t layers, size_t rank, double size)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_edit edit;
    uint64_t seed = 7;
    expect(fs_weight_create_layers(fs_model_spec(model), 2 - layers, layers, rank, &edit, &err), &err);
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

/* The layer in a tensor's name: the number between two dots. */
static size_t layer_in(const char *name)
{
    const char *dot = strchr(name, '.');
    while (dot != NULL && (dot[1] < '0' || dot[1] > '9')) {
        dot = strchr(dot + 1, '.');
    }
    assert_non_null(dot);
    return strtoul(dot + 1, NULL, 10);
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
        assert_in_range(layer_in(old->name), edit->first_layer, edit->first_layer + w.layers - 1);
        w = fs_weight_at(edit, layer_in(old->name) - edit->first_layer);
        assert_int_equal(old->dtype, new->dtype);
        for (size_t i = 0; i < old->elements; i++) {
            double wanted = number_at(old, i) + change_at(&w, old, i, inputs_first), found = number_at(new, i);
            if (!(fabs(found - wanted) <= step_of(old->dtype, wanted))) {
                fail_msg("%s: %s, %zu: %.9g, expected %.9g", from, old->name, i, found, wanted);
            }
        }
    }
    assert_int_equal(changed, w.layers * (w.bias != NULL ? 2 : 1));
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
        size_t layers, rank;
    } made[] = {
        {"bert-tiny", NULL, 1, 0},
        {"bert-tiny", NULL, 2, 3},
        {"gpt2-f16-shards", NULL, 2, 0},
        {"gpt2-own-head-bf16", NULL, 1, 3},
        {"llama-f16-shards", NULL, 2, 2},
        {"bert-no-prefix", "early", 1, 0},
        {"xlm-roberta-f16-shards", "shards-f16", 1, 2},
        {"mistral-tied-f16", "tied-f16", 1, 0},
        {"mistral-tied-f16", "turned-f16", 1, 2},
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
        struct fs_edit edit = change_of(model, made[k].layers, made[k].rank, 0.1);
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

/* Several layers of factors, and neurons of two layers: the folder is the edited model. */
static void changes_of_several_layers(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        struct fs_error err = FS_ERROR_INIT;
        const char *from = model_path(k % 2 == 0 ? "bert-tiny" : "gpt2-tiny");
        struct fs_model *model = load_model(from), *loaded;
        const struct fs_spec *spec = fs_model_spec(model);
        const struct fs_neuron neurons[] = {{0, 3}, {0, 60}, {1, 0}};
        struct fs_applied applied = {0};
        struct fs_applied_rounding rounding;
        struct fs_edit edit;
        char name[16], *left_out;
        const int32_t token[] = {3, 9, 7, 30, 12, 8};
        fs_real edited[6], found[6];
        uint64_t seed = 5;
        if (k < 2) {
            expect(fs_weight_create_layers(spec, 0, 2, 3, &edit, &err), &err);
            for (size_t i = 0; i < edit.count; i++) {
                edit.number[i] = (fs_real)(0.1 * noise(&seed));
            }
        } else {
            expect(fs_neurons_create(spec, 3, &edit, &err), &err);
            expect(fs_neurons_set(model, neurons, 3, &edit, &err), &err);
        }
        snprintf(name, sizeof name, "layers%zu", k);
        assert_int_equal(mkdir(scratch_path(name), 0700), 0);
        expect(fs_applied_make(&edit, model, &applied, &err), &err);
        assert_int_equal(applied.changes, k < 2 ? 4 : 2);
        expect(fs_applied_write_folder(&applied, from, scratch_path(name), &rounding, &left_out, &err), &err);
        expect(fs_model_load(scratch_path(name), &loaded, &err), &err);
        log_probabilities(model, &edit, token, 6, edited);
        log_probabilities(loaded, NULL, token, 6, found);
        for (size_t i = 0; i < 6; i++) {
            assert_true(fabs((double)edited[i] - (double)found[i]) <= BOUND * (1 + fabs((double)edited[i])));
        }
        free(left_out);
        fs_applied_release(&applied);
        fs_edit_release(&edit);
        fs_model_destroy(loaded);
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
        struct fs_edit edit = change_of(model, 1, 0, k == 2 ? 1e5 : 0.1); /* F16 could not hold these */
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

/* All weights: fused and shared ones, a tied head that is stored a second time, old names; the folder is the edited model. */
static void changes_of_all_weights(void **state)
{
    (void)state;
    static const char *const folders[] = {"bert-tiny",       "gpt2-tiny",       "albert-tiny",
                                          "bert-old-names",  "llama-grouped",   "distilbert-tiny",
                                          "phi3-window-f16", "gpt2-f16-shards", "mixtral-tiny"};
    for (size_t k = 0; k < sizeof folders / sizeof folders[0]; k++) {
        struct fs_error err = FS_ERROR_INIT;
        const char *from = model_path(folders[k]);
        struct fs_model *model = load_model(from), *loaded;
        struct fs_applied applied = {0};
        struct fs_applied_rounding rounding;
        struct fs_edit edit = {.kind = &fs_edit_all_weights,
                               .first_layer = fs_model_spec(model)->layers,
                               .count = fs_trainable_numbers(fs_model_spec(model))};
        char name[16], *left_out;
        const int32_t token[] = {3, 9, 7, 30, 12, 8};
        fs_real edited[6], found[6];
        uint64_t seed = 5;
        edit.number = calloc(edit.count, sizeof *edit.number);
        for (size_t i = 0; i < edit.count; i++) {
            edit.number[i] = (fs_real)(0.02 * noise(&seed));
        }
        expect(edit.kind->attach(&edit, model, &err), &err);
        snprintf(name, sizeof name, "all%zu", k);
        assert_int_equal(mkdir(scratch_path(name), 0700), 0);
        expect(fs_applied_make(&edit, model, &applied, &err), &err);
        applied.widened = true;
        expect(fs_applied_write_folder(&applied, from, scratch_path(name), &rounding, &left_out, &err), &err);
        expect(fs_model_load(scratch_path(name), &loaded, &err), &err);
        log_probabilities(edit.model, NULL, token, 6, edited);
        log_probabilities(loaded, NULL, token, 6, found);
        for (size_t i = 0; i < 6; i++) {
            if (!(fabs((double)edited[i] - (double)found[i]) <= BOUND * (1 + fabs((double)edited[i])))) {
                fail_msg("%s: %.9g, expected %.9g", folders[k], (double)found[i], (double)edited[i]);
            }
        }
        free(left_out);
        fs_applied_release(&applied);
        fs_edit_release(&edit);
        fs_model_destroy(loaded);
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
    struct fs_edit edit = change_of(model, 1, 0, 0.1);
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
    edit = change_of(model, 1, 0, 0.1);
    expect(fs_applied_make(&edit, model, &applied, &err), &err);
    expect_refusal(fs_applied_write_folder(&applied, golden_path("gguf/llama-blocks-of-32.gguf"), scratch_folder(),
                                           &rounding, &left_out, &err),
                   &err, "is a GGUF file");
    fs_applied_release(&applied);
    fs_edit_release(&edit);
    fs_model_destroy(model);

    model = load_model(model_path("gpt2-no-scale-f16")); /* the largest F16 is 65504 */
    edit = change_of(model, 1, 0, 1e5);
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
    struct fs_edit edit = change_of(model, 1, 0, 0.1);
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
        cmocka_unit_test(folders_of_every_format),
        cmocka_unit_test(changes_of_several_layers),
        cmocka_unit_test(weights_of_16_bits_widened),
        cmocka_unit_test(what_no_folder_can_hold),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(changes_of_all_weights),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
