#include "pipeline/commands/line_plan.h"

#include <stdlib.h>
#include <string.h>

/* One pass for the whole line: position p predicts the token at p + 1. */
static int plan_causal(struct fs_plan *plan, const struct fs_prompt_style *style, const int32_t *id, size_t count,
                       int32_t *pass_ids, size_t *read, struct fs_error *err)
{
    int32_t begin = style->special.begin_of_text;
    size_t special = begin >= 0, pass, length = fs_prompt_tokens_run(style, count + special);
    pass_ids[0] = begin;
    memcpy(pass_ids + special, id, count * sizeof *id);
    if (special == 0) {
        read[0] = FS_NO_READ;
    }
    if (length == 0) {
        return 0;
    }
    if (fs_plan_add_pass(plan, pass_ids, length, &pass, err) != 0) {
        return -1;
    }
    for (size_t i = special == 0 ? 1 : 0; i < count; i++) {
        if (fs_plan_add_read(plan, pass, i + special - 1, id[i], &read[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* A pass for each token, with it alone masked. */
static int plan_masked(struct fs_plan *plan, const struct fs_special_tokens *special, const int32_t *id, size_t count,
                       int32_t *pass_ids, size_t *read, struct fs_error *err)
{
    pass_ids[0] = special->cls;
    memcpy(pass_ids + 1, id, count * sizeof *id);
    pass_ids[count + 1] = special->sep;
    for (size_t i = 0; i < count; i++) {
        size_t pass;
        pass_ids[i + 1] = special->mask;
        if (fs_plan_add_pass(plan, pass_ids, count + 2, &pass, err) != 0 ||
            fs_plan_add_read(plan, pass, i + 1, id[i], &read[i], err) != 0) {
            return -1;
        }
        pass_ids[i + 1] = id[i];
    }
    return 0;
}

int fs_line_longest(const struct fs_prompt_style *style, size_t count, size_t *longest, struct fs_error *err)
{
    size_t special = style->kind == FS_MASKED ? 2 : style->special.begin_of_text >= 0;
    *longest = count + special;
    if (style->kind == FS_CAUSAL && count > 0) {
        *longest = fs_prompt_tokens_run(style, *longest);
    }
    return *longest <= style->max_positions
               ? 0
               : fs_error_set(err, FS_EXIT_DATA,
                              "found %zu tokens, expected at most %zu for this model; give a shorter text", count,
                              count - (*longest - style->max_positions));
}

int fs_plan_line(struct fs_plan *plan, const struct fs_prompt_style *style, const int32_t *id, size_t count,
                 size_t *read, struct fs_error *err)
{
    if (count == 0) {
        return 0;
    }
    int32_t *pass_ids = fs_allocate(count + 2, sizeof *pass_ids, "token ids", err);
    if (pass_ids == NULL) {
        return -1;
    }
    int status = style->kind == FS_MASKED ? plan_masked(plan, &style->special, id, count, pass_ids, read, err)
                                          : plan_causal(plan, style, id, count, pass_ids, read, err);
    free(pass_ids);
    return status;
}
