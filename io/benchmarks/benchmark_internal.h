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
/* FS_EXIT_DATA where no item can be used, or where a wish was for a category that no item of `path` has. Frees the
 * filter. */
int fs_category_filter_end(struct fs_category_filter *filter, const struct fs_item_report *report, const char *path,
                           struct fs_error *err);
void fs_category_filter_drop(struct fs_category_filter *filter);

/* Why an item cannot be used, and the error of reading it. */
struct fs_unusable {
    enum fs_skip reason;
    const struct fs_error *why;
};
/*
 * Adds an item that was read (`unusable` NULL), or as far as it could be, to a list that has room for it, and to its
 * report. An unusable item gets an empty text for every one that it lacks, and the category FS_NO_CATEGORY where it has
 * none; with that, it is only reported where categories are wished for. Takes the item over, also on failure: -1 with
 * `err` set.
 */
int fs_pair_list_add(struct fs_pair_list *list, struct fs_pair *pair, const char *path,
                     const struct fs_category_filter *filter, const struct fs_unusable *unusable, struct fs_error *err);
int fs_crows_list_add(struct fs_crows_list *list, struct fs_crows_pair *pair, const char *path,
                      const struct fs_category_filter *filter, const struct fs_unusable *unusable,
                      struct fs_error *err);
int fs_fact_list_add(struct fs_fact_list *list, struct fs_fact *fact, const char *path,
                     const struct fs_category_filter *filter, const struct fs_unusable *unusable, struct fs_error *err);

/* Take zeroed structs. */
void fs_pair_release(struct fs_pair *pair);
void fs_fact_release(struct fs_fact *fact);

#endif
