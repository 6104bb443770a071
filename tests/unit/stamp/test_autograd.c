/* The stamp's loss in float64: value and gradients against PyTorch's autograd (tests/golden/gradients). */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/methods/stamp_text.h"
#include "tests/unit/bounds.h"

#define WIDTH 0.3 /* tau of L_b */

struct bench {
    const struct fs_model *model;
    struct fs_workspace *workspace;
    struct fs_tape *tape;
};

static size_t size_at(const cJSON *array, int index)
{
    return (size_t)cJSON_GetArrayItem(array, index)->valuedouble;
}

/* The numbers of nested arrays one behind the other; their count. */
static size_t flatten(const cJSON *array, double *out)
{
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (cJSON_IsArray(item)) {
            count += flatten(item, out + count);
        } else {
            out[count++] = item->valuedouble;
        }
    }
    return count;
}

/* The largest difference, in units of the largest expected number. */
static double relative_difference(const fs_real *ours, const cJSON *expected)
{
    double *numbers = calloc((size_t)1 << 16, sizeof *numbers), largest = 0, scale = 0;
    size_t count = flatten(expected, numbers);
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs(ours[i] - numbers[i]));
        scale = fmax(scale, fabs(numbers[i]));
    }
    free(numbers);
    assert_true(scale > 0);
    return largest / scale;
}

/* A unit of 128 rows at most whose rows are the golden file's read-outs and KL rows. */
struct golden {
    struct fs_batch batch;
    int32_t token[256];
    size_t start[64];
    size_t row[128]; /* rows of the batch */
    struct fs_loss_read read[256];
    struct fs_loss_pair pair[16];
    struct fs_kl_row kl_row[128];
    size_t distribution_row[128];
    double entropy[128];
    struct fs_loss_unit loss;
};

static size_t golden_row(struct golden *g, size_t sequence, size_t position)
{
    size_t at = g->start[sequence] + position, r = 0;
    while (r < g->loss.rows && g->row[r] != at) {
        r++;
    }
    if (r == g->loss.rows) {
        g->row[g->loss.rows++] = at;
    }
    return r;
}

static void golden_read(const cJSON *root, size_t vocabulary, struct golden *g)
{
    *g = (struct golden){0};
    g->loss.vocabulary = vocabulary;
    const cJSON *item, *part;
    cJSON_ArrayForEach(item, get(root, "sequences"))
    {
        cJSON_ArrayForEach(part, item) g->token[g->batch.tokens++] = (int32_t)part->valuedouble;
        g->start[++g->batch.sequences] = g->batch.tokens;
    }
    g->batch.token = g->token;
    g->batch.start = g->start;
    const cJSON *statements = get(root, "statements");
    cJSON_ArrayForEach(item, get(root, "pairs"))
    {
        struct fs_loss_pair *pair = &g->pair[g->loss.pairs++];
        pair->first = g->loss.reads;
        for (int k = 0; k < 2; k++) {
            cJSON_ArrayForEach(part, cJSON_GetArrayItem(statements, (int)size_at(item, k)))
            {
                size_t row = golden_row(g, size_at(part, 0), size_at(part, 1));
                g->read[g->loss.reads++] = (struct fs_loss_read){.row = row, .token = (int32_t)size_at(part, 2)};
                pair->count[k]++;
            }
        }
    }
    cJSON_ArrayForEach(item, get(root, "rows")) g->distribution_row[g->loss.distributions++] =
        golden_row(g, size_at(item, 0), size_at(item, 1));
    g->loss.read = g->read;
    g->loss.pair = g->pair;
    g->loss.kl_row = g->kl_row;
    g->loss.distribution_row = g->distribution_row;
    g->loss.entropy = g->entropy;
    g->loss.kl_rows = g->loss.distributions;
    for (size_t i = 0; i < g->loss.kl_rows; i++) {
        g->kl_row[i] = (struct fs_kl_row){.term = FS_TERM_CONTEXT,
                                          .weight = 1.0 / (double)g->loss.kl_rows,
                                          .row = g->distribution_row[i],
                                          .distribution = i};
    }
}

static void compare_term(const struct bench *bench, const struct golden *g, const struct fs_stamp *stamp,
                         const fs_real *x, const fs_real *base, const struct fs_stamp_options *options,
                         const cJSON *expected)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_edit edit = fs_stamp_edit(stamp);
    size_t d = stamp->hidden, T = g->batch.tokens;
    fs_real *h = calloc(T * d, sizeof *h), *dx = calloc(T * d, sizeof *dx);
    fs_real *logprob = calloc(g->loss.rows * g->loss.vocabulary, sizeof *logprob);
    fs_real *gradient = calloc(fs_stamp_parameters(d, stamp->width), sizeof *gradient);
    const struct fs_pass pass = {bench->model, bench->workspace, &g->batch, &edit};
    double value[FS_VALUE_COUNT], score[1];
    const struct fs_loss_step step = {.width = WIDTH};
    assert_done(fs_upper_forward(&pass, bench->tape, x, base, h, &err), err);
    assert_done(fs_tape_read(bench->tape, h, g->loss.rows, g->row, logprob, &err), err);
    assert_done(fs_loss_evaluate(&g->loss, options, &step, logprob, value, score, &err), err);
    assert_done(fs_tape_read_backward(bench->tape, logprob, h, &err), err);
    assert_done(fs_upper_backward(bench->tape, h, gradient, dx, &err), err);
    double loss = value[FS_TERM_EDIT] + options->alpha * value[FS_TERM_CONTEXT];
    double errors[] = {
        fabs(loss / number_of(expected, "value") - 1),
        relative_difference(gradient, get(expected, "key")),
        relative_difference(gradient + fs_stamp_offset_key_bias(stamp), get(expected, "key_bias")),
        relative_difference(gradient + fs_stamp_offset_value(stamp), get(expected, "value_matrix")),
        relative_difference(gradient + fs_stamp_offset_value_bias(stamp), get(expected, "value_bias")),
        relative_difference(dx, get(expected, "x")),
    };
    /* forward, and twice as much backward; gap and divergence are differences of numbers about twice as large */
    double bound = 2.0 * bound_f64(3.0 * forward_depth(fs_model_spec(bench->model)));
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        print_message(" %.1e", errors[i]);
        assert_true(errors[i] < bound);
    }
    print_message("\n");
    free(h);
    free(dx);
    free(logprob);
    free(gradient);
}

static struct fs_json_document *open_gradients(const char *family)
{
    char name[64];
    snprintf(name, sizeof name, "gradients/%s", family);
    return open_golden(name);
}

static void golden_stamp(const cJSON *root, size_t d, struct fs_stamp *stamp)
{
    struct fs_error err = FS_ERROR_INIT;
    const cJSON *given = get(root, "stamp");
    size_t layer = (size_t)number_of(root, "layer");
    assert_done(fs_stamp_create(layer, d, (size_t)cJSON_GetArraySize(get(given, "key")), 1, stamp, &err), err);
    double *numbers = calloc((size_t)1 << 16, sizeof *numbers);
    size_t count = flatten(get(given, "key"), numbers);
    count += flatten(get(given, "key_bias"), numbers + count);
    count += flatten(get(given, "value"), numbers + count);
    count += flatten(get(given, "value_bias"), numbers + count);
    assert_int_equal(count, fs_stamp_parameters(d, stamp->width));
    for (size_t i = 0; i < count; i++) {
        stamp->parameters[i] = numbers[i];
    }
    free(numbers);
}

static void autograd(const char *family)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_json_document *document = open_gradients(family);
    const cJSON *root = fs_json_root(document), *expected = get(root, "terms");
    struct test_model m;
    test_model_open(get(root, "model")->valuestring, &m);
    struct bench bench = {.model = m.model};
    assert_done(fs_workspace_create(m.model, &bench.workspace, &err), err);
    assert_done(fs_tape_create(m.model, &bench.tape, &err), err);

    size_t d = m.spec->hidden;
    struct fs_stamp stamp;
    golden_stamp(root, d, &stamp);
    size_t layer = stamp.layer;

    struct golden *g = calloc(1, sizeof *g);
    golden_read(root, m.spec->vocabulary, g);
    size_t T = g->batch.tokens;
    fs_real *h = calloc(T * d, sizeof *h), *x = calloc(T * d, sizeof *x), *base = calloc(T * d, sizeof *base);
    fs_real *unedited = calloc(g->loss.rows * m.spec->vocabulary, sizeof *unedited);
    g->loss.probability = calloc(g->loss.distributions * m.spec->vocabulary, sizeof *g->loss.probability);
    const struct fs_pass pass = {m.model, bench.workspace, &g->batch, NULL};
    assert_done(fs_embed(m.model, bench.workspace, &g->batch, NULL, h, &err), err);
    assert_done(fs_run_layers(&pass, 0, layer, h, &err), err);
    assert_done(fs_run_to_ffn(&pass, layer, h, x, base, &err), err);
    assert_done(fs_join_ffn(&pass, layer, x, base, h, &err), err);
    assert_done(fs_run_layers(&pass, layer + 1, m.spec->layers, h, &err), err);
    assert_done(fs_read_distributions(m.model, bench.workspace, h, g->loss.rows, g->row, unedited, &err), err);

    struct fs_stamp_options options = test_options(m.spec);
    bool mean_probability = strcmp(get(root, "fold")->valuestring, "mean_probability") == 0;
    options.scoring = mean_probability ? FS_TARGET_PROB : FS_SENTENCE_MEAN;
    assert_done(fs_loss_keep(&g->loss, options.scoring, unedited, &err), err);
    const char *const names[] = {"gap", "logratio", "kl"};
    for (size_t t = 0; t < 3; t++) {
        options.loss = t == 0 ? FS_LOSS_GAP : FS_LOSS_LOGRATIO;
        options.alpha = t == 2 ? 1 : 0;
        options.beta = 0;
        g->loss.pair_weight = t == 2 ? 0 : 1.0 / (double)g->loss.pairs;
        print_message("%-6s %-9s value, key, bias, value, bias, x:", family, names[t]);
        compare_term(&bench, g, &stamp, x, base, &options, get(expected, names[t]));
    }
    free(h);
    free(x);
    free(base);
    free(unedited);
    free(g->loss.probability);
    free(g);
    fs_stamp_release(&stamp);
    fs_tape_destroy(bench.tape);
    fs_workspace_destroy(bench.workspace);
    test_model_close(&m);
    fs_json_destroy(document);
}

/* A unit of text of the golden file's first and last sequence, each counted behind its first token. */
static void golden_text(const cJSON *root, const struct test_model *m, struct fs_stamp_unit *unit)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_plan_unit view;
    const cJSON *sequences = get(root, "sequences");
    *unit = (struct fs_stamp_unit){.of_text = true};
    assert_done(fs_plan_create(&unit->plan, &err), err);
    for (int s = 0; s < cJSON_GetArraySize(sequences); s += cJSON_GetArraySize(sequences) - 1) {
        int32_t id[64];
        size_t pass, read, count = 0;
        const cJSON *part;
        cJSON_ArrayForEach(part, cJSON_GetArrayItem(sequences, s)) id[count++] = (int32_t)part->valuedouble;
        assert_done(fs_plan_add_pass(unit->plan, id, count, &pass, &err), err);
        for (size_t i = 1; i < count; i++) {
            assert_done(fs_plan_add_read(unit->plan, pass, i, id[i], &read, &err), err);
        }
    }
    assert_done(fs_plan_seal(unit->plan, fs_plan_limits_of(m->spec, SIZE_MAX), &err), err);
    fs_plan_get_unit(unit->plan, 0, &view);
    unit->source = calloc(view.reads.rows, sizeof *unit->source);
    memcpy(unit->source, view.reads.row, view.reads.rows * sizeof *unit->source);
    unit->batch.tokens = view.reads.rows;
    unit->token_weight = 1.0 / (double)view.reads.rows;
}

static void autograd_text(void **state)
{
    (void)state;
    static const char *const families[] = {"bert", "gpt2", "llama", "gemma2", "opt", "gptj", "qwen3", "gpt_neo"};
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_json_document *document = open_gradients(families[f]);
        const cJSON *root = fs_json_root(document), *expected = get(get(root, "terms"), "text");
        struct test_model m;
        struct fs_workspace *workspace;
        struct fs_stamp stamp;
        struct fs_stamp_units units = {.count = 1, .unit = calloc(1, sizeof(struct fs_stamp_unit))};
        test_model_open(get(root, "model")->valuestring, &m);
        assert_done(fs_workspace_create(m.model, &workspace, &err), err);
        golden_stamp(root, m.spec->hidden, &stamp);
        golden_text(root, &m, units.unit);
        const struct fs_stamp_options options = {.form = &fs_stamp_form, .layer = stamp.layer, .text_weight = 3};
        assert_done(fs_stamp_text_fill(m.model, workspace, &options, units.unit, &err), err);
        size_t T = units.unit->batch.tokens, count = fs_stamp_parameters(stamp.hidden, stamp.width);
        fs_real *gradient = calloc(count, sizeof *gradient);
        const struct fs_stamp_text_room room = {stamp.hidden, calloc(T * stamp.hidden, sizeof(fs_real)),
                                                calloc(2 * T * stamp.width, sizeof(fs_real))};
        const struct fs_edit edit = fs_stamp_edit(&stamp);
        double loss = fs_stamp_text_loss(fs_model_backend(m.model), &edit, &options, units.unit, &room, gradient);
        for (size_t i = 0; i < count; i++) {
            gradient[i] /= options.text_weight;
        }
        const double errors[] = {
            fabs(loss / number_of(expected, "value") - 1),
            relative_difference(gradient, get(expected, "key")),
            relative_difference(gradient + fs_stamp_offset_key_bias(&stamp), get(expected, "key_bias")),
            relative_difference(gradient + fs_stamp_offset_value(&stamp), get(expected, "value_matrix")),
            relative_difference(gradient + fs_stamp_offset_value_bias(&stamp), get(expected, "value_bias")),
        };
        print_message("%-7s text      value, key, bias, value, bias:", families[f]);
        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
            print_message(" %.1e", errors[i]);
            assert_true(errors[i] < bound_f64(forward_depth(m.spec))); /* a forward pass, in part */
        }
        print_message("\n");
        free(gradient);
        free(room.y);
        free(room.inner);
        fs_stamp_release(&stamp);
        fs_stamp_units_release(&units);
        fs_workspace_destroy(workspace);
        test_model_close(&m);
        fs_json_destroy(document);
    }
}

static void autograd_bert(void **state)
{
    (void)state;
    autograd("bert");
}

static void autograd_gpt2(void **state)
{
    (void)state;
    autograd("gpt2");
}

static void autograd_llama(void **state)
{
    (void)state;
    autograd("llama");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(autograd_bert),
        cmocka_unit_test(autograd_gpt2),
        cmocka_unit_test(autograd_llama),
        cmocka_unit_test(autograd_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
