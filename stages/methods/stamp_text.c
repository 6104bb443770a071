#include "stages/methods/stamp_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/formats/file_kind.h"
#include "stages/methods/plain_text.h"
#include "stages/methods/stamp_form.h"

/* ---- the text ---- */

static int encode(const struct fs_tokenizer *tokenizer, const char *bytes, size_t length, struct fs_stamp_text *text,
                  struct fs_error *err)
{
    struct fs_encoding encoding = {0};
    if (fs_tokenizer_encode(tokenizer, bytes, length, &encoding, err) != 0) {
        fs_encoding_release(&encoding);
        return -1;
    }
    text->id = encoding.id;
    text->count = encoding.count;
    encoding.id = NULL;
    fs_encoding_release(&encoding);
    return 0;
}

static int read_file(const struct fs_tokenizer *tokenizer, const char *path, struct fs_stamp_text *text,
                     struct fs_error *err)
{
    struct fs_file_map map;
    if (fs_file_map_open(path, &map, err) != 0) {
        return -1;
    }
    size_t mark = fs_byte_order_mark(map.data, map.size);
    int status = fs_check_text_file(path, map.data, map.size, err);
    if (status == 0) {
        status = encode(tokenizer, (const char *)map.data + mark, map.size - mark, text, err);
    }
    fs_file_map_close(&map);
    return status;
}

int fs_stamp_text_read(const struct fs_tokenizer *tokenizer, const struct fs_stamp_options *options,
                       struct fs_stamp_text *text, struct fs_error *err)
{
    char key[64];
    const char *name = options->text != NULL ? options->text : "the program's own text";
    *text = (struct fs_stamp_text){0};
    int status = options->text != NULL ? read_file(tokenizer, options->text, text, err)
                                       : encode(tokenizer, (const char *)fs_plain_text, fs_plain_text_size, text, err);
    if (status == 0 && text->count < options->text_tokens) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: found %zu tokens, expected at least %s.text_tokens, %zu; lower it, or name a longer text", name,
            text->count, options->form->name, options->text_tokens);
    }
    snprintf(key, sizeof key, "%s.text", options->form->name);
    return status == 0 ? 0 : fs_error_prepend(err, key);
}

void fs_stamp_text_release(struct fs_stamp_text *text)
{
    free(text->id);
    *text = (struct fs_stamp_text){0};
}

/* ---- units ---- */

/* Windows of a text: `length` tokens each, less in the last that is taken. */
struct windows {
    const struct fs_stamp_text *text;
    struct fs_prompt_style style;
    size_t length, all, taken;
    size_t tokens;  /* N */
    int32_t *batch; /* [length + 2] scratch */
};

static int32_t leading(const struct fs_prompt_style *style)
{
    return style->kind == FS_MASKED ? style->special.cls : style->special.begin_of_text;
}

/* Window number `window` of those that are taken, and reads of its tokens; which tokens they predict is not asked. */
static int add_window(const struct windows *w, size_t window, struct fs_plan *plan, struct fs_error *err)
{
    size_t begin = window * w->all / w->taken * w->length, before = leading(&w->style) >= 0 ? 1 : 0, pass, read;
    size_t left = w->tokens - window * w->length, count = left < w->length ? left : w->length;
    int32_t *id = w->batch;
    id[0] = leading(&w->style);
    memcpy(id + before, w->text->id + begin, count * sizeof *id);
    id[before + count] = w->style.special.sep;
    size_t after = w->style.kind == FS_MASKED ? 1 : 0;
    int status = fs_plan_add_pass(plan, id, before + count + after, &pass, err);
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = fs_plan_add_read(plan, pass, before + i, id[before + i], &read, err);
    }
    return status;
}

static int make_unit(const struct windows *w, size_t first, size_t count, const struct fs_spec *spec,
                     struct fs_stamp_units *units, struct fs_error *err)
{
    struct fs_stamp_unit *unit = &units->unit[units->count++];
    *unit = (struct fs_stamp_unit){.of_text = true};
    int status = fs_plan_create(&unit->plan, err);
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = add_window(w, first + i, unit->plan, err);
    }
    if (status != 0 || fs_plan_seal(unit->plan, fs_plan_limits_of(spec, SIZE_MAX), err) != 0) {
        return -1;
    }
    struct fs_plan_unit view;
    fs_plan_get_unit(unit->plan, 0, &view);
    unit->source = fs_allocate(view.reads.rows, sizeof *unit->source, "a training unit", err);
    if (unit->source == NULL) {
        return -1;
    }
    memcpy(unit->source, view.reads.row, view.reads.rows * sizeof *unit->source);
    unit->batch.tokens = view.reads.rows;
    units->text_tokens += view.reads.rows; /* equal beginnings of windows count once */
    units->most_text = view.reads.rows > units->most_text ? view.reads.rows : units->most_text;
    units->most_tokens = units->most_text > units->most_tokens ? units->most_text : units->most_tokens;
    return 0;
}

static int make_units(struct windows *w, const struct fs_spec *spec, struct fs_stamp_units *units, struct fs_error *err)
{
    size_t each = FS_UNIT_TOKENS / FS_STAMP_WINDOW, more = (w->taken + each - 1) / each, room = units->count;
    if (fs_grow(&units->unit, &room, units->count + more, sizeof *units->unit, "the training units", err) != 0) {
        return -1;
    }
    for (size_t first = 0; first < w->taken; first += each) {
        if (make_unit(w, first, w->taken - first < each ? w->taken - first : each, spec, units, err) != 0) {
            return -1;
        }
    }
    for (size_t u = units->count; u > 0 && units->unit[u - 1].of_text; u--) {
        units->unit[u - 1].token_weight = 1.0 / (double)units->text_tokens;
    }
    return 0;
}

int fs_stamp_text_compile(const struct fs_spec *spec, const struct fs_tokenizer *tokenizer,
                          const struct fs_stamp_options *options, const struct fs_stamp_text *text,
                          struct fs_stamp_units *units, struct fs_error *err)
{
    struct windows w = {.text = text, .tokens = options->text_tokens};
    if (fs_prompt_style_of(spec, tokenizer, &w.style, err) != 0) {
        return -1;
    }
    size_t special = w.style.kind == FS_MASKED ? 2 : leading(&w.style) >= 0 ? 1 : 0;
    size_t positions = spec->max_positions < FS_STAMP_WINDOW ? spec->max_positions : FS_STAMP_WINDOW;
    if (positions <= special) {
        return fs_error_set(err, FS_EXIT_DATA, "%s.text: the model has %zu positions, expected at least %zu",
                            options->form->name, spec->max_positions, special + 1);
    }
    w.length = positions - special;
    w.all = text->count / w.length;
    w.taken = (w.tokens + w.length - 1) / w.length;
    w.all = w.all < w.taken ? w.taken : w.all; /* the last may be cut */
    w.batch = fs_allocate(w.length + 2, sizeof *w.batch, "a window of a text", err);
    int status = w.batch != NULL ? make_units(&w, spec, units, err) : -1;
    free(w.batch);
    return status;
}

/* ---- the unedited model ---- */

static double square_of(const fs_real *row, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)row[i] * (double)row[i];
    }
    return sum;
}

/* h, x, base, ffn: (T,d) of the plan's batch, base as model/engine.h has it; key: (T,F), where the edit reads keys. */
static int fill(const struct fs_pass *pass, const struct fs_stamp_options *options, fs_real *const memory[5],
                struct fs_stamp_unit *unit, struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(pass->model);
    size_t d = spec->hidden, layer = options->layer, input = fs_stamp_form_input(options->form, spec, layer);
    bool keys = options->form->edit->reads_keys;
    fs_real *h = memory[0], *x = memory[1], *base = memory[2], *ffn = memory[3], *key = memory[4];
    const fs_real *read = keys ? key : x;
    if (fs_embed(pass->model, pass->workspace, pass->batch, NULL, h, err) != 0 ||
        fs_run_layers(pass, 0, layer, h, err) != 0 || fs_run_to_ffn(pass, layer, h, x, base, err) != 0 ||
        fs_run_ffn(pass, layer, x, ffn, err) != 0 || (keys && fs_run_keys(pass, layer, x, key, err) != 0)) {
        return -1;
    }
    for (size_t t = 0; t < unit->batch.tokens; t++) {
        double square = square_of(ffn + unit->source[t] * d, d);
        memcpy(unit->x + t * input, read + unit->source[t] * input, input * sizeof *read);
        if (!(square > 0)) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s.text: the output of the FFN of layer %zu is 0 or no number at a token of the text; "
                                "set text_weight to 0, or name another layer",
                                options->form->name, options->layer);
        }
        unit->share[t] = (fs_real)(unit->token_weight / square);
    }
    return 0;
}

static int make_room(const struct fs_spec *spec, const struct fs_stamp_options *options, struct fs_stamp_unit *unit,
                     struct fs_error *err)
{
    size_t T = unit->batch.tokens, input = fs_stamp_form_input(options->form, spec, options->layer);
    unit->x = fs_allocate_aligned(T, input * sizeof(fs_real), "a training unit's FFN inputs", err);
    unit->share = fs_allocate(T, sizeof *unit->share, "a training unit's FFN inputs", err);
    return unit->x != NULL && unit->share != NULL ? 0 : -1;
}

int fs_stamp_text_copy(const struct fs_spec *spec, const struct fs_stamp_options *options,
                       const struct fs_stamp_unit *from, struct fs_stamp_unit *unit, struct fs_error *err)
{
    if (make_room(spec, options, unit, err) != 0) {
        return -1;
    }
    size_t input = fs_stamp_form_input(options->form, spec, options->layer);
    memcpy(unit->x, from->x, unit->batch.tokens * input * sizeof *unit->x);
    memcpy(unit->share, from->share, unit->batch.tokens * sizeof *unit->share);
    return 0;
}

int fs_stamp_text_fill(const struct fs_model *model, struct fs_workspace *workspace,
                       const struct fs_stamp_options *options, struct fs_stamp_unit *unit, struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(model);
    struct fs_plan_unit view;
    fs_plan_get_unit(unit->plan, 0, &view);
    const struct fs_pass pass = {model, workspace, &view.batch, NULL};
    size_t row_bytes = spec->hidden * sizeof(fs_real), T = view.batch.tokens;
    size_t key_bytes = options->form->edit->reads_keys ? spec->layer[options->layer].ffn * sizeof(fs_real) : 0;
    const size_t rows[5] = {T, T, fs_base_matrices(spec) * T, T, T};
    fs_real *memory[5] = {NULL};
    int status = make_room(spec, options, unit, err);
    for (size_t i = 0; status == 0 && i < (key_bytes > 0 ? 5 : 4); i++) {
        memory[i] = fs_allocate_aligned(rows[i], i < 4 ? row_bytes : key_bytes, "the states of a training unit", err);
        status = memory[i] != NULL ? 0 : -1;
    }
    if (status == 0) {
        status = fill(&pass, options, memory, unit, err);
    }
    for (size_t i = 0; i < 5; i++) {
        free(memory[i]);
    }
    return status;
}

/* ---- the term ---- */

double fs_stamp_text_loss(const struct fs_backend *backend, const struct fs_edit *edit,
                          const struct fs_stamp_options *options, const struct fs_stamp_unit *unit,
                          const struct fs_stamp_text_room *room, fs_real *gradient)
{
    size_t d = room->hidden, T = unit->batch.tokens;
    const struct fs_edit_run run = {.backend = backend,
                                    .layer = edit->first_layer,
                                    .tokens = T,
                                    .x = unit->x,
                                    .key = unit->x, /* the unit has the one that the edit reads */
                                    .inner = room->inner};
    double loss = 0;
    memset(room->y, 0, T * d * sizeof *room->y);
    edit->kind->ffn_output(edit, &run, room->y);
    for (size_t t = 0; t < T; t++) {
        fs_real *y = room->y + t * d, slope = (fs_real)(2 * options->text_weight) * unit->share[t];
        loss += (double)unit->share[t] * square_of(y, d);
        for (size_t i = 0; i < d; i++) {
            y[i] *= slope;
        }
    }
    if (gradient != NULL) {
        fs_real *scratch = room->inner + T * edit->kind->inner_size(edit);
        edit->kind->ffn_output_backward(edit, &run, room->y, scratch, gradient, NULL);
    }
    return loss;
}
