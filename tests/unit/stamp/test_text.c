/* Plain text: how it is cut, what is refused, and the term's gradient in float64 against central differences. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"
#include "stages/methods/stamp_text.h"
#include "tests/unit/scratch.h"

static struct fs_stamp_options text_options(const struct test_model *m, const char *path, size_t tokens)
{
    struct fs_stamp_options options = test_options(m->spec);
    options.text = path;
    options.text_tokens = tokens;
    options.text_weight = 3;
    options.width = 5;
    return options;
}

static void compile(const struct test_model *m, const struct fs_stamp_options *options, struct fs_stamp_units *units)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_stamp_text text;
    *units = (struct fs_stamp_units){0};
    assert_done(fs_stamp_text_read(m->tokenizer, options, &text, &err), err);
    assert_done(fs_stamp_text_compile(m->spec, m->tokenizer, options, &text, units, &err), err);
    fs_stamp_text_release(&text);
}

/* Windows of models with 128 positions or more, and of fewer; four of 128 tokens are a unit. */
static void windows(void **state)
{
    (void)state;
    static const char *const names[] = {"bert-tiny", "gpt2-tiny", "llama-grouped"};
    for (size_t i = 0; i < 3; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct test_model m;
        struct fs_stamp_units units;
        struct fs_stamp_text text;
        test_model_open(names[i], &m);
        size_t positions = m.spec->max_positions < 128 ? m.spec->max_positions : 128;
        size_t special = m.spec->kind == FS_MASKED ? 2 : 1, length = positions - special, tokens = 5 * length + 7;
        const struct fs_stamp_options options = text_options(&m, NULL, tokens);
        assert_done(fs_stamp_text_read(m.tokenizer, &options, &text, &err), err);
        assert_true(text.count > 2 * tokens);
        compile(&m, &options, &units);
        assert_int_equal(units.count, 2); /* six windows, the last of 7 tokens */
        assert_int_equal(units.text_tokens, tokens);
        assert_int_equal(units.unit[0].batch.tokens, 4 * length);
        assert_int_equal(units.unit[1].batch.tokens, length + 7);
        assert_int_equal(units.most_tokens, 4 * length);
        for (size_t w = 0; w < 6; w++) { /* spread over all windows of the text: from number w all / 6 on */
            struct fs_plan_unit view;
            fs_plan_get_unit(units.unit[w / 4].plan, 0, &view);
            size_t all = text.count / length, begin = w * all / 6 * length, pass = w % 4;
            const int32_t *id = fs_plan_pass_ids(units.unit[w / 4].plan, pass);
            assert_memory_equal(id + 1, text.id + begin, (w == 5 ? 7 : length) * sizeof *id);
            assert_int_equal(fs_plan_pass_length(units.unit[w / 4].plan, pass), (w == 5 ? 7 : length) + special);
            assert_true(w > 0 || view.batch.sequences == 4);
        }
        for (size_t r = 0; r < units.unit[0].batch.tokens; r++) { /* no special token is counted */
            struct fs_plan_unit view;
            fs_plan_get_unit(units.unit[0].plan, 0, &view);
            const struct fs_special_tokens *s = fs_tokenizer_special(m.tokenizer);
            int32_t id = view.batch.token[units.unit[0].source[r]];
            assert_true(m.spec->kind == FS_CAUSAL ? id != s->begin_of_text : id != s->cls && id != s->sep);
        }
        fs_stamp_text_release(&text);
        fs_stamp_units_release(&units);
        test_model_close(&m);
    }
}

static void refused(const struct test_model *m, const char *path, enum fs_exit code, const char *part)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_stamp_options options = text_options(m, path, 8);
    struct fs_stamp_text text;
    assert_int_equal(fs_stamp_text_read(m->tokenizer, &options, &text, &err), -1);
    fs_stamp_text_release(&text);
    if (err.code != (int)code || strstr(err.text, "stamp.text") == NULL || strstr(err.text, part) == NULL) {
        fail_msg("found %d: %s; expected %d, \"%s\"", (int)err.code, err.text, (int)code, part);
    }
}

static void hostile_files(void **state)
{
    (void)state;
    struct test_model m;
    char nul[] = "one two\0three";
    test_model_open("gpt2-tiny", &m);
    refused(&m, scratch_write_text("empty.txt", ""), FS_EXIT_DATA, "found 0 tokens");
    refused(&m, scratch_write_text("blank.txt", "\n"), FS_EXIT_DATA, "expected at least stamp.text_tokens, 8");
    refused(&m, scratch_write_text("latin.txt", "caf\xe9 and bread, for a long time"), FS_EXIT_DATA, "UTF-8");
    refused(&m, scratch_write("nul.txt", nul, sizeof nul), FS_EXIT_DATA, "NUL");
    refused(&m, "/nowhere/text.txt", FS_EXIT_NO_INPUT, "/nowhere/text.txt");
    test_model_close(&m);
}

/* As its bytes alone are, with a byte order mark or without. */
static void byte_order_mark(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_stamp_text with, without;
    test_model_open("gpt2-tiny", &m);
    const char *marked = scratch_write_text("marked.txt", "\xef\xbb\xbfthe old dog sat by the river");
    struct fs_stamp_options options = text_options(&m, marked, 4);
    assert_done(fs_stamp_text_read(m.tokenizer, &options, &with, &err), err);
    options.text = scratch_write_text("plain.txt", "the old dog sat by the river");
    assert_done(fs_stamp_text_read(m.tokenizer, &options, &without, &err), err);
    assert_int_equal(with.count, without.count);
    assert_memory_equal(with.id, without.id, with.count * sizeof *with.id);
    fs_stamp_text_release(&with);
    fs_stamp_text_release(&without);
    test_model_close(&m);
}

static double loss_of(const struct test_model *m, const struct fs_edit *edit, const struct fs_stamp_options *options,
                      const struct fs_stamp_units *units, fs_real *gradient)
{
    size_t inner = edit->kind->inner_size(edit) + 1, hidden = m->spec->hidden;
    const struct fs_stamp_text_room room = {hidden, calloc(units->most_text * hidden, sizeof(fs_real)),
                                            calloc(2 * units->most_text * inner, sizeof(fs_real))};
    double loss = 0;
    for (size_t u = 0; u < units->count; u++) {
        loss += fs_stamp_text_loss(fs_model_backend(m->model), edit, options, &units->unit[u], &room, gradient);
    }
    free(room.y);
    free(room.inner);
    return loss;
}

/* |analytic - numeric| / |analytic| over each `stride`-th parameter. */
static double relative_error(const struct test_model *m, const struct fs_edit *edit,
                             const struct fs_stamp_options *options, const struct fs_stamp_units *units, size_t stride)
{
    fs_real *gradient = calloc(edit->count, sizeof *gradient);
    double difference = 0, length = 0, step = 1e-5;
    assert_true(loss_of(m, edit, options, units, gradient) > 0);
    for (size_t p = 0; p < edit->count; p += stride) {
        double kept = edit->number[p];
        edit->number[p] = kept + step;
        double above = loss_of(m, edit, options, units, NULL);
        edit->number[p] = kept - step;
        double below = loss_of(m, edit, options, units, NULL);
        edit->number[p] = kept;
        double numeric = options->text_weight * (above - below) / (2 * step);
        difference += (gradient[p] - numeric) * (gradient[p] - numeric);
        length += gradient[p] * gradient[p];
    }
    free(gradient);
    assert_true(length > 0);
    return sqrt(difference / length);
}

static void check_differences(const char *name, const struct fs_stamp_form *form, size_t stride)
{
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_stamp_units units;
    struct fs_workspace *workspace;
    struct fs_edit edit;
    test_model_open(name, &m);
    struct fs_stamp_options options = text_options(&m, NULL, 150);
    options.form = form;
    options.layer = m.spec->layers - 1;
    compile(&m, &options, &units);
    assert_done(fs_workspace_create(m.model, &workspace, &err), err);
    for (size_t u = 0; u < units.count; u++) {
        assert_done(fs_stamp_text_fill(m.model, workspace, &options, &units.unit[u], &err), err);
    }
    assert_done(form->create(&options, m.spec, &edit, &err), err);
    assert_int_equal(edit.count, form->parameters(&options, m.spec));
    assert_true(loss_of(&m, &edit, &options, &units, NULL) == 0); /* a fresh edit is silent */
    struct fs_random random = fs_random_start(11, 0);
    for (size_t p = 0; p < edit.count; p++) {
        edit.number[p] = 0.3 * fs_random_normal(&random);
    }
    double error = relative_error(&m, &edit, &options, &units, stride);
    print_message("%-14s %-8s relative error %.1e\n", name, form->name, error);
    /* as in test_gradient.c; a neuron may cross 0 at one of 150 tokens within the step: 1e-5 of its slope */
    assert_true(error < 1e-6);
    fs_edit_release(&edit);
    fs_workspace_destroy(workspace);
    fs_stamp_units_release(&units);
    test_model_close(&m);
}

static void differences(void **state)
{
    (void)state;
    static const char *const names[] = {"bert-tiny", "gpt2-tiny", "llama-grouped", "gemma2-f16", "mixtral-tiny"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_differences(names[i], &fs_stamp_form, 3);
    }
    for (size_t i = 0; i < 4; i++) { /* experts have no one matrix */
        check_differences(names[i], &fs_ft_equal_form, 97);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows),
        cmocka_unit_test_setup_teardown(hostile_files, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(byte_order_mark, scratch_make, scratch_remove),
        cmocka_unit_test(differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
