#include "stages/methods/features.h"

#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "stages/plan/plan.h"

int fs_text_around_find(const struct fs_method_task *task, size_t most_tokens, struct fs_text_around *around,
                        struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(task->model);
    struct fs_prompt_style style;
    if (fs_prompt_style_of(spec, task->tokenizer, &style, err) != 0) {
        return -1;
    }
    const struct fs_special_tokens *special = &style.special;
    bool own_begin = special->begin_of_text >= 0 && special->begin_of_text != special->end_of_text; /* as in SEAT */
    *around = (struct fs_text_around){.before = style.kind == FS_MASKED ? special->cls
                                                : own_begin             ? special->begin_of_text
                                                                        : -1,
                                      .behind = style.kind == FS_MASKED ? special->sep : -1,
                                      .most = spec->max_positions < most_tokens ? spec->max_positions : most_tokens};
    return 0;
}

int fs_text_encode(const struct fs_method_task *task, const struct fs_text_around *around, const char *text,
                   size_t length, int32_t *id, size_t *count, struct fs_error *err)
{
    struct fs_encoding encoding = {0};
    if (fs_tokenizer_encode(task->tokenizer, text, length, &encoding, err) != 0) {
        return -1;
    }
    size_t special = (size_t)(around->before >= 0) + (size_t)(around->behind >= 0);
    size_t room = around->most > special ? around->most - special : 0;
    size_t tokens = encoding.count < room ? encoding.count : room;
    *count = 0;
    if (tokens > 0 && around->before >= 0) {
        id[(*count)++] = around->before;
    }
    for (size_t i = 0; i < tokens; i++) {
        id[(*count)++] = encoding.id[i];
    }
    if (tokens > 0 && around->behind >= 0) {
        id[(*count)++] = around->behind;
    }
    fs_encoding_release(&encoding);
    return 0;
}

static int add_text(const struct fs_method_task *task, const struct fs_text_around *around, const char *text,
                    int32_t *id, struct fs_plan *plan, size_t *state, struct fs_error *err)
{
    size_t count, pass;
    if (fs_text_encode(task, around, text, strlen(text), id, &count, err) != 0) {
        return -1;
    }
    if (count == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "a text has no token: \"%.80s\"", text);
    }
    return fs_plan_add_pass(plan, id, count, &pass, err) == 0 ? fs_plan_add_state(plan, pass, state, err) : -1;
}

/* Some of the texts of a list. */
struct part {
    const struct fs_text_list *texts;
    size_t first, count;
};

/* place [count]: the state of each text in the plan. */
static int compile(const struct fs_method_task *task, size_t most_tokens, struct part part, struct fs_plan *plan,
                   size_t *place, struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(task->model);
    struct fs_text_around around;
    if (fs_text_around_find(task, most_tokens, &around, err) != 0) {
        return -1;
    }
    int32_t *id = fs_allocate(around.most + 2, sizeof *id, "token ids", err);
    int status = id != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < part.count; i++) {
        status = add_text(task, &around, fs_text(part.texts, part.first + i), id, plan, &place[i], err);
    }
    free(id);
    struct fs_plan_limits limits = fs_plan_limits_of(spec, FS_UNIT_TOKENS);
    limits.token_flops = fs_flops_layers(spec, 0, spec->layers, 1, 0);
    return status == 0 ? fs_plan_seal(plan, limits, err) : -1;
}

int fs_features(const struct fs_method_task *task, size_t most_tokens, const struct fs_text_list *texts, size_t first,
                size_t count, double *state, struct fs_error *err)
{
    size_t width = fs_spec_state_width(fs_model_spec(task->model)), *place = NULL;
    const struct fs_edit_list none = {0};
    struct fs_plan_values values = {0};
    struct fs_plan *plan = NULL;
    int status = fs_plan_create(&plan, err);
    if (status == 0) {
        place = fs_allocate(count, sizeof *place, "features of texts", err);
        status = place != NULL ? compile(task, most_tokens, (struct part){texts, first, count}, plan, place, err) : -1;
    }
    status = fs_runner_agree(task->runner, status, err);
    if (status == 0) {
        status = fs_plan_execute(plan, task->model, &none, task->runner, NULL, &values, err);
    }
    for (size_t i = 0; status == 0 && state != NULL && i < count; i++) {
        memcpy(state + i * width, fs_values_state(&values, 0, place[i]), width * sizeof *state);
    }
    fs_plan_values_release(&values);
    fs_plan_destroy(plan);
    free(place);
    return status;
}
