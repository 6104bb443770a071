/* A model, the pairs to trace it on, the trace, its file. Include after cmocka.h. */
#ifndef FAIRSTAMP_TESTS_TRACE_WORLD_H
#define FAIRSTAMP_TESTS_TRACE_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/formats/json.h"
#include "stages/trace/trace.h"

#define assert_done(call, error)                                                                                       \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("%s: %s", #call, (error).text);                                                                   \
    } while (0)

struct world {
    struct fs_model *model;
    const struct fs_spec *spec;
    struct fs_tokenizer *tokenizer;
    struct fs_prompt_style style;
    struct fs_attribute_table *attributes; /* NULL: none */
    struct fs_pair_list pairs;
    struct fs_json_document *golden; /* NULL: none */
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

static inline const char *source_root(void)
{
    const char *root = getenv("FAIRSTAMP_SOURCE");
    return root != NULL ? root : ".";
}

/* A model of tests/golden with room for so many pairs. */
static inline void world_load(const char *name, size_t pairs, struct world *w)
{
    struct fs_error err = FS_ERROR_INIT;
    char path[1024];
    *w = (struct world){.pairs = {.count = pairs, .item = calloc(pairs, sizeof *w->pairs.item)}};
    assert_non_null(w->pairs.item);
    snprintf(path, sizeof path, "%s/tests/golden/models/%s", source_root(), name);
    assert_done(fs_model_load(path, &w->model, &err), err);
    w->spec = fs_model_spec(w->model);
    assert_done(fs_tokenizer_open(path, &w->tokenizer, &err), err);
    assert_done(fs_prompt_style_of(w->spec, w->tokenizer, &w->style, &err), err);
}

/* Pair i, without its statements. */
static inline void world_pair(struct world *w, size_t i, const char *id, const char *category, const char *subject,
                              const char *counterpart)
{
    w->pairs.item[i] = (struct fs_pair){.id = strdup(id),
                                        .category = strdup(category),
                                        .target = strdup(subject),
                                        .subject = strdup(subject),
                                        .counterpart = strdup(counterpart)};
}

static inline void world_close(struct world *w)
{
    fs_pair_list_release(&w->pairs);
    fs_json_destroy(w->golden);
    fs_attribute_table_destroy(w->attributes);
    fs_tokenizer_destroy(w->tokenizer);
    fs_model_destroy(w->model);
}

static inline void run_trace(const struct world *w, const struct fs_trace_options *options, size_t threads,
                             struct fs_trace_result *result)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_runner *runner;
    assert_done(fs_runner_serial_create(threads, &runner, &err), err);
    const struct fs_trace_input input = {&w->pairs, w->attributes};
    assert_done(fs_trace_run(w->model, w->tokenizer, &input, options, runner, result, &err), err);
    free(runner);
}

/* Writes a trace file and reads it again; what named its layer to *select unless NULL. */
static inline int write_and_read(const struct world *w, const struct fs_trace_options *options,
                                 const struct fs_trace_result *result, char **select, struct fs_trace_result *read,
                                 struct fs_error *err)
{
    struct fs_archive *archive;
    char folder[] = "/tmp/fairstamp-trace-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t.h5", folder);
    assert_done(fs_archive_create(path, "trace", "job", &archive, err), *err);
    assert_done(fs_trace_write(archive, &w->pairs, options, result, err), *err);
    assert_done(fs_archive_publish(archive, err), *err);
    assert_done(fs_archive_open(path, "trace", &archive, err), *err);
    if (select != NULL) {
        assert_done(fs_archive_read_attribute_text(archive, "/trace/measures", "select", select, err), *err);
    }
    int status = fs_trace_read(archive, read, err);
    fs_archive_close(archive);
    unlink(path);
    rmdir(folder);
    return status;
}

#endif
