#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/numbers/random.h"

struct loaded load(const char *from, size_t threads)
{
    struct loaded loaded = {0};
    struct fs_error err = FS_ERROR_INIT;
    char path[4096];
    const char *source = getenv("FAIRSTAMP_SOURCE");
    (void)snprintf(path, sizeof path, "%s%s%s", from[0] == '/' ? "" : (source != NULL ? source : "."),
                   from[0] == '/' ? "" : "/", from);
    if (fs_model_load(path, &loaded.model, &err) != 0 || fs_tokenizer_open(path, &loaded.tokenizer, &err) != 0 ||
        fs_runner_serial_create(threads, &loaded.runner, &err) != 0 ||
        fs_prompt_style_of(fs_model_spec(loaded.model), loaded.tokenizer, &loaded.style, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return loaded;
}

struct loaded load_golden(const char *name, size_t threads)
{
    char path[256];
    (void)snprintf(path, sizeof path, "tests/golden/models/%s", name);
    return load(path, threads);
}

void unload(struct loaded *loaded)
{
    fs_model_destroy(loaded->model);
    fs_tokenizer_destroy(loaded->tokenizer);
    free(loaded->runner);
}

struct fs_statement_text text_of(size_t slot, const char *before, const char *completion, const char *after)
{
    static char text[8][512], part[8][3][512], none[1];
    (void)snprintf(text[slot], sizeof text[slot], "%s%s%s", before, completion, after);
    (void)snprintf(part[slot][0], sizeof part[slot][0], "%s", before);
    (void)snprintf(part[slot][1], sizeof part[slot][1], "%s", completion);
    (void)snprintf(part[slot][2], sizeof part[slot][2], "%s", after);
    return (struct fs_statement_text){
        .before = part[slot][0], .completion = part[slot][1], .after = part[slot][2], .text = text[slot], .id = none};
}

struct fs_stamp make_stamp(const struct loaded *loaded, size_t layer, uint64_t seed, double deviation)
{
    enum { WIDTH = 16 };
    struct fs_stamp stamp;
    struct fs_random random = fs_random_start(seed, 1);
    size_t hidden = fs_model_spec(loaded->model)->hidden;
    assert_int_equal(fs_stamp_create(layer, hidden, WIDTH, seed, &stamp, NULL), 0);
    for (size_t i = fs_stamp_offset_value(&stamp); i < fs_stamp_parameters(hidden, WIDTH); i++) {
        stamp.parameters[i] = (fs_real)(deviation * fs_random_normal(&random));
    }
    return stamp;
}

struct fs_suite *open_suite(const char *name, const char *path, const struct fs_suite_options *options)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_suite *suite = NULL;
    const struct fs_suite_kind *kind = fs_suite_kind_find(name);
    assert_non_null(kind);
    if (kind->open(path, options, &suite, &err) != 0) {
        fail_msg("%s: %s", name, err.text);
    }
    assert_non_null(suite);
    return suite;
}

struct fs_results evaluate(const struct loaded *loaded, const struct fs_evaluate_input *input)
{
    struct fs_results results;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_evaluate_run(loaded->model, loaded->tokenizer, input, loaded->runner, NULL, &results, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return results;
}

static bool is_called(const char *found, const char *wanted)
{
    return wanted == NULL || strcmp(found, wanted) == 0;
}

const struct fs_result_row *row_of(const struct fs_results *results, const char *category, const char *subset,
                                   const char *metric)
{
    for (size_t i = 0; i < results->rows; i++) {
        const struct fs_result_row *row = &results->row[i];
        if (is_called(row->category, category) && is_called(row->subset, subset) && is_called(row->metric, metric)) {
            return row;
        }
    }
    fail_msg("no row %s %s %s", category != NULL ? category : "*", subset != NULL ? subset : "*", metric);
    return NULL;
}

void assert_results_equal(const struct fs_results *a, const struct fs_results *b)
{
    assert_int_equal(a->columns, b->columns);
    assert_int_equal(a->rows, b->rows);
    for (size_t i = 0; i < a->columns; i++) {
        assert_string_equal(a->column[i], b->column[i]);
    }
    for (size_t i = 0; i < a->rows; i++) {
        const struct fs_result_row *one = &a->row[i], *other = &b->row[i];
        for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
            assert_string_equal(fs_row_text(one, k), fs_row_text(other, k));
        }
        assert_memory_equal(&one->ideal, &other->ideal, sizeof one->ideal);
        assert_memory_equal(one->value, other->value, a->columns * sizeof *one->value);
        assert_memory_equal(one->skipped, other->skipped, sizeof one->skipped);
        for (size_t e = 0; e + 1 < a->columns; e++) {
            assert_memory_equal(&one->change[e], &other->change[e], sizeof one->change[e]);
        }
    }
}

char folder[] = "/tmp/fairstamp-stages-XXXXXX";

int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

int remove_folder(void **state)
{
    char command[64];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

const char *path_of(const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

const char *write_text(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path_of(name);
}

const char *from_source(const char *name)
{
    static char path[2][4096];
    static size_t slot;
    const char *source = getenv("FAIRSTAMP_SOURCE");
    char *out = path[slot++ % 2];
    (void)snprintf(out, sizeof path[0], "%s/tests/golden/%s", source != NULL ? source : ".", name);
    return out;
}

struct fs_json_document *open_golden(const char *name)
{
    struct fs_json_document *document = NULL;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_json_load(from_source(name), &document, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return document;
}
