/*
 * Generic prompts: short texts on the subjects of a batch, and on neutral ones, whose distributions shall stay (L_s2).
 * Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_PROMPTS_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_PROMPTS_H

#include "stages/plan/plan.h"
#include "stages/plan/statement.h"

/* What prompts are made of. */
struct fs_stamp_subjects {
    const char **name; /* [count] distinct, in order of first appearance; the texts are not owned */
    size_t count;
    size_t of_groups; /* the first of them are of the pairs, the others neutral */
};

/* Adds a subject where it is new and not empty; name has room for it. */
void fs_stamp_subjects_add(struct fs_stamp_subjects *subjects, const char *name);
/* Behind those of the pairs: the first `count` <= FS_NEUTRAL_SUBJECTS subjects of no group. */
void fs_stamp_subjects_add_neutral(struct fs_stamp_subjects *subjects, size_t count);

/*
 * Generic prompt number `number` < subjects->count x FS_GENERIC_TEMPLATES: "{subject} is a [MASK]." read at the mask, or
 * "{Subject} is a" read at its end; likewise with other templates. `read`: the plan's; SIZE_MAX where the prompt is longer
 * than the model's positions, and left out.
 */
int fs_stamp_prompt_add(struct fs_plan *plan, const struct fs_tokenizer *tokenizer, const struct fs_prompt_style *style,
                        const struct fs_stamp_subjects *subjects, size_t number, size_t *read, struct fs_error *err);

#endif
