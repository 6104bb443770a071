/* The prompts of tests/golden/make_trace.py, a model to trace on them, and its golden numbers. Include after cmocka.h. */
#ifndef FAIRSTAMP_TESTS_TRACE_PROMPTS_H
#define FAIRSTAMP_TESTS_TRACE_PROMPTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "stages/trace/trace.h"

#define assert_done(call, error)                                                                                       \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("%s: %s", #call, (error).text);                                                                   \
    } while (0)

/* number as in make_trace.py, category, subject, counterpart, before of k1, of k2, completion, after */
static const struct {
    int number;
    const char *category, *subject, *counterpart, *before[2], *completion, *after;
} rows[] = {
    {0, "gender", "he", "she", {"they said that he was ", "they said that she was "}, "home", "."},
    {5, "race", "nurse", "captain", {"the nurse was ", "the captain was "}, "home", "."},
    {6, "race", "he", "she", {"is he ", "is she "}, "home", "?"},
    {7, "gender", "pa", "ma", {"they said that pa was ", "they said that ma was "}, "home", "."},
    {8, "gender", "pa", "ma", {"home, said pa and ", "home, said ma and "}, "ship", " it was."},
};
#define ROWS (sizeof rows / sizeof *rows)

struct world {
    struct fs_model *model;
    struct fs_tokenizer *tokenizer;
    struct fs_prompt_style style;
    struct fs_pair_list pairs;
    struct fs_json_document *golden;
};

static inline struct fs_statement_text statement(const char *before, const char *completion, const char *after)
{
    struct fs_statement_text text = {
        .before = strdup(before), .completion = strdup(completion), .after = strdup(after), .id = strdup("")};
    if (asprintf(&text.text, "%s%s%s", before, completion, after) < 0) {
        abort();
    }
    return text;
}

/* `golden`: the folder of tests/golden with the model's numbers. */
static inline void world_open(const char *name, const char *golden, struct world *w)
{
    struct fs_error err = FS_ERROR_INIT;
    const char *root = getenv("FAIRSTAMP_SOURCE");
    char path[1024];
    *w = (struct world){0};
    snprintf(path, sizeof path, "%s/tests/golden/models/%s", root != NULL ? root : ".", name);
    assert_done(fs_model_load(path, &w->model, &err), err);
    assert_done(fs_tokenizer_open(path, &w->tokenizer, &err), err);
    assert_done(fs_prompt_style_of(fs_model_spec(w->model), w->tokenizer, &w->style, &err), err);
    snprintf(path, sizeof path, "%s/tests/golden/%s/%s.json", root != NULL ? root : ".", golden, name);
    assert_done(fs_json_load(path, &w->golden, &err), err);
    w->pairs.count = ROWS;
    w->pairs.item = calloc(ROWS, sizeof *w->pairs.item);
    for (size_t i = 0; i < ROWS; i++) {
        char id[32];
        snprintf(id, sizeof id, "%d", rows[i].number);
        w->pairs.item[i] = (struct fs_pair){.id = strdup(id),
                                            .category = strdup(rows[i].category),
                                            .target = strdup(rows[i].subject),
                                            .subject = strdup(rows[i].subject),
                                            .counterpart = strdup(rows[i].counterpart)};
        for (size_t k = 0; k < 2; k++) {
            w->pairs.item[i].statement[k] = statement(rows[i].before[k], rows[i].completion, rows[i].after);
        }
    }
}

static inline void world_close(struct world *w)
{
    fs_pair_list_release(&w->pairs);
    fs_json_destroy(w->golden);
    fs_tokenizer_destroy(w->tokenizer);
    fs_model_destroy(w->model);
}

static inline void run_trace(const struct world *w, const struct fs_trace_options *options, size_t threads,
                             struct fs_trace_result *result)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_runner *runner;
    assert_done(fs_runner_serial_create(threads, &runner, &err), err);
    const struct fs_trace_input input = {&w->pairs, NULL};
    assert_done(fs_trace_run(w->model, w->tokenizer, &input, options, runner, result, &err), err);
    free(runner);
}

static inline const cJSON *golden_item(const struct world *w, const char *id)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, fs_json_root(w->golden))
    {
        if (cJSON_GetObjectItemCaseSensitive(item, "pair")->valueint == atoi(id)) {
            return item;
        }
    }
    return NULL;
}

static inline double number_of(const cJSON *item, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(item, key)->valuedouble;
}

#endif
