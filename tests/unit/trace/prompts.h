/* The prompts of tests/golden/make_trace.py, a model to trace on them, and its golden numbers. Include after cmocka.h. */
#ifndef FAIRSTAMP_TESTS_TRACE_PROMPTS_H
#define FAIRSTAMP_TESTS_TRACE_PROMPTS_H

#include "tests/unit/trace/world.h"

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

/* `golden`: the folder of tests/golden with the model's numbers. */
static inline void world_open(const char *name, const char *golden, struct world *w)
{
    struct fs_error err = FS_ERROR_INIT;
    char path[1024];
    world_load(name, ROWS, w);
    snprintf(path, sizeof path, "%s/tests/golden/%s/%s.json", source_root(), golden, name);
    assert_done(fs_json_load(path, &w->golden, &err), err);
    for (size_t i = 0; i < ROWS; i++) {
        char id[32];
        snprintf(id, sizeof id, "%d", rows[i].number);
        world_pair(w, i, id, rows[i].category, rows[i].subject, rows[i].counterpart);
        for (size_t k = 0; k < 2; k++) {
            w->pairs.item[i].statement[k] = statement(rows[i].before[k], rows[i].completion, rows[i].after);
        }
    }
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
