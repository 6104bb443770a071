/*
 * The items of BBQ (Parrish et al. 2022; nyu-mll/BBQ): a context, a question on it, and three answers, two that name somebody
 * and one that says it cannot be known. Local.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_BBQ_ITEM_H
#define FAIRSTAMP_STAGES_SUITES_BBQ_ITEM_H

#include <stdbool.h>

#include "io/benchmarks/record_items.h"

/* How an answer says that it cannot be known; BBQ has one of them in each item. As in lm-evaluation-harness. */
enum { FS_BBQ_UNKNOWNS = 10 };
extern const char *const fs_bbq_unknown[FS_BBQ_UNKNOWNS];

enum { FS_BBQ_PEOPLE = 2 };
struct fs_bbq_item {
    /* Owned; NULL where the record cannot be used. */
    char *context, *question;
    char *person[FS_BBQ_PEOPLE]; /* the answers that name somebody, in the file's order */
    char *unknown;               /* the third */
    bool disambiguated;          /* the context says who; else it cannot be known */
    size_t right;                /* the person; FS_BBQ_PEOPLE: it cannot be known */
    bool biased[FS_BBQ_PEOPLE];  /* naming the person fits the stereotype */
};

extern const char *const fs_bbq_keys[]; /* by which records are known; NULL-terminated */

/*
 * Reads all but the category. Naming somebody fits the stereotype where one of the groups to whom the answer belongs is
 * stereotyped and the question is negative, or none is and it is not. Groups as lm-evaluation-harness compares them: in lower case,
 * the parts of "F-Black" apart, "nonOld" a group of its own. The caller releases, also on failure; errors as fs_record_text.
 */
int fs_bbq_item_read(const struct fs_record *record, struct fs_bbq_item *item, enum fs_skip *reason,
                     struct fs_error *err);
void fs_bbq_item_release(struct fs_bbq_item *item); /* takes a zeroed struct */

#endif
