/* What the executor makes of reads with a choice (plan.h): tokens that are read besides, of which the most probable counts.
 * Local. Private to stages/plan/. */
#ifndef FAIRSTAMP_STAGES_PLAN_PLAN_CHOICES_H
#define FAIRSTAMP_STAGES_PLAN_PLAN_CHOICES_H

#include "stages/plan/plan.h"

/* Tokens whose log probability a unit reads: those of its reads, and of their choices. */
size_t fs_choices_count(const struct fs_plan *plan, const struct fs_plan_unit *unit);
/* Sets `reads` to the unit's, with the tokens of choices behind those of each row; first [rows + 1] and token
 * [fs_choices_count] become its arrays. */
void fs_choices_add(const struct fs_plan *plan, const struct fs_plan_unit *unit, size_t *first, int32_t *token,
                    struct fs_reads *reads);
/* The token that a distribution x (V) has as the most probable for a read of the plan; `top1` is that of all. */
int32_t fs_choices_best(const struct fs_plan *plan, size_t read, const fs_real *x, int32_t top1);
/* Where the largest of x[count] is, the first of equal ones; 0 where there is none. */
int32_t fs_largest(const fs_real *x, size_t count);

#endif
