/* Shared by the readers of io/benchmarks/benchmark.h. */
#ifndef FAIRSTAMP_IO_BENCHMARKS_BENCHMARK_INTERNAL_H
#define FAIRSTAMP_IO_BENCHMARKS_BENCHMARK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "io/benchmarks/benchmark.h"

/* A copy of the first `length` bytes of `text`; NULL with `err` set. The caller frees. */
char *fs_copy_text(const char *text, size_t length, struct fs_error *err);

/* What a statement is made of; the caller's. */
struct fs_statement_parts {
    const char *before;
    size_t before_length;
    const char *completion, *after;
    const char *text; /* NULL: the three one after the other */
    const char *id;
};

/* Sets `statement` to copies of the parts. -1 with `err` set. */
int fs_statement_set(struct fs_statement_text *statement, const struct fs_statement_parts *parts, struct fs_error *err);

/* Which of the wished categories the file has; `categories` as in io/benchmarks/benchmark.h. */
struct fs_category_filter {
    const char *const *wish;
    bool *found; /* [number of wishes] */
};

int fs_category_filter_begin(struct fs_category_filter *filter, const char *const *categories, struct fs_error *err);
bool fs_category_filter_takes(struct fs_category_filter *filter, const char *category);
/* FS_EXIT_DATA where a wish was for a category that no item of `path` has. Frees the filter. */
int fs_category_filter_end(struct fs_category_filter *filter, const char *path, struct fs_error *err);
void fs_category_filter_drop(struct fs_category_filter *filter);

/* FS_EXIT_DATA where a text is twice in `texts`, which it sorts; `what` says what the texts are ("id"). */
int fs_refuse_duplicates(const char *path, const char *what, const char **texts, size_t count, struct fs_error *err);

#endif
