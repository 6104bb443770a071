/* Edits applied as tensors of their own: the log probabilities of transformers behind results/load_edit.py. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "applied_support.h"
#include "io/formats/tensor_store.h"
#include "model/applied.h"
#include "model/edits/direction.h"
#include "model/edits/last_state.h"
#include "model/edits/stamp_net.h"

#define BOUND 2e-5 /* float32 against float64: sums of up to 64 terms through two layers and a head */

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
    if (cJSON_HasObjectItem(parts, "vector")) {
        bool ablated = strcmp(item(item(golden, "metadata"), "form")->valuestring, "ablated") == 0;
        numbers_of(item(parts, "vector"), number[0]);
        numbers_of(item(parts, "coefficient"), number[1]);
        expect(fs_direction_create(spec, 1, ablated, number[1][0], edit, &err), &err);
        for (size_t i = 0; i < spec->hidden; i++) {
            edit->number[i] = (fs_real)number[0][i];
        }
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
    assert_int_equal(count, 12);
    cJSON_Delete(cases);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_transformers_makes_of_an_edit),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
