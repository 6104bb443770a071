/* The passes and reads of a text's tokens, each given those before it, or all others. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_LINE_PLAN_H
#define FAIRSTAMP_PIPELINE_COMMANDS_LINE_PLAN_H

#include "stages/plan/plan.h"
#include "stages/plan/statement.h"

#define FS_NO_READ SIZE_MAX /* of a first token with nothing before it */

/*
 * Adds to `plan` what log p of id [count] needs, special tokens set around them as `style` says: read [count], indices of
 * the plan's reads or FS_NO_READ. With them the text must fit into style->max_positions.
 */
int fs_plan_line(struct fs_plan *plan, const struct fs_prompt_style *style, const int32_t *id, size_t count,
                 size_t *read, struct fs_error *err);

#endif
