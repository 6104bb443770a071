/* The passes and reads of a text's tokens, each given those before it, or all others. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_LINE_PLAN_H
#define FAIRSTAMP_PIPELINE_COMMANDS_LINE_PLAN_H

#include "stages/plan/plan.h"
#include "stages/plan/statement.h"

#define FS_NO_READ SIZE_MAX /* of a first token with nothing before it */

/*
 * The tokens of the longest pass that log p of `count` tokens needs, in `longest`. FS_EXIT_DATA where they are more than
 * the model has positions.
 */
int fs_line_longest(const struct fs_prompt_style *style, size_t count, size_t *longest, struct fs_error *err);

/*
 * Adds to `plan` what log p of id [count] needs, special tokens set around them as `style` says: read [count], indices of
 * the plan's reads or FS_NO_READ. fs_line_longest must hold.
 */
int fs_plan_line(struct fs_plan *plan, const struct fs_prompt_style *style, const int32_t *id, size_t count,
                 size_t *read, struct fs_error *err);

#endif
