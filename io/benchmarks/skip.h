/*
 * Items that cannot be used: why, how many, and how a reader tells of them.
 *
 * A reader keeps an item that it cannot use in its list, with a reason, so that it stands in every table among those
 * skipped; it goes on with the next. What it found is in the list's report, which whoever reads for a job or a command
 * turns into one warning or, where it is strict, into an error. A file whose form is wrong is refused by the reader.
 */
#ifndef FAIRSTAMP_IO_BENCHMARKS_SKIP_H
#define FAIRSTAMP_IO_BENCHMARKS_SKIP_H

#include <stddef.h>

#include "io/error.h"

/* Archives hold these numbers: a new reason is a new last one. */
enum fs_skip {
    FS_KEPT,
    FS_SKIP_TOO_LONG,         /* longer than the model's positions */
    FS_SKIP_EMPTY_COMPLETION, /* no token to score */
    FS_SKIP_NO_DIFFERENCE,    /* candidates are equal; pll.modified: no differing token on one side */
    FS_SKIP_SUBJECT_MISSING,  /* trace: the subject does not stand in the text before the object */
    FS_SKIP_EMPTY_TEXT,       /* a text of the item is empty */
    FS_SKIP_NO_FILL,          /* the words for BLANK are not to be found in a sentence */
    FS_SKIP_BAD_LABEL,        /* a label that is none of those expected, or not there once */
    FS_SKIP_BAD_RECORD,       /* a part is missing or of another kind */
    FS_SKIP_SEVERAL_TOKENS,   /* lambada, masked, and pararel: the word is not one token */
    FS_SKIP_COUNT
};
const char *fs_skip_name(enum fs_skip skip);

enum { FS_NAMED_ITEMS = 3 };

/* What a reader found. Zeroed at the beginning; owns nothing. */
struct fs_item_report {
    size_t items;                    /* of the wished categories, usable or not */
    size_t unusable;                 /* of them */
    size_t skipped[FS_SKIP_COUNT];   /* the same by reason */
    char named[FS_NAMED_ITEMS][512]; /* what the first of them are: "line 129: sent_less is empty, expected text" */
};

/*
 * Takes the failure of reading one item: `why` is its error, whose text begins with "PATH: " where `path` is the file.
 * Counts and names the item, and returns 0; an error that is not FS_EXIT_DATA (out of memory) is passed on to `err`: -1.
 */
int fs_item_skip(struct fs_item_report *report, const char *path, enum fs_skip reason, const struct fs_error *why,
                 struct fs_error *err);
/* Adds what was found in `path`, one of several files. */
void fs_item_report_add(struct fs_item_report *report, const struct fs_item_report *more, const char *path);
/* FS_EXIT_DATA where there are items and none of them can be used. */
int fs_item_report_check(const struct fs_item_report *report, const char *path, struct fs_error *err);
/* FS_EXIT_DATA where any item cannot be used: what is asked for with "strict". */
int fs_item_report_refuse(const struct fs_item_report *report, const char *path, struct fs_error *err);
/* One line on the items that cannot be used, of which there is one at least. The caller frees; NULL without memory. */
char *fs_item_report_text(const struct fs_item_report *report, const char *path, struct fs_error *err);

#endif
