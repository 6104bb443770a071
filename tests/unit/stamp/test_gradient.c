/* Every term of the stamp's loss in float64: its gradient against central differences, and however a batch is cut. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"
#include "stages/methods/stamp_unit.h"
#include "tests/unit/bounds.h"

/* L_e alone, or with a weight that makes another term outweigh the gap a million times. */
#define HEAVY 1e3
struct term {
    const char *name;
    const struct fs_stamp_form *form; /* NULL: the stamp */
    enum fs_edit_loss loss;
    double alpha, beta, level_weight, balance_weight;
    enum fs_kl_rows rows;
    bool without_fill;
    size_t unit_tokens;
    size_t version; /* of the statements */
};
static const struct term terms[] = {
    {.name = "all, of W_out",
     .form = &fs_ft_equal_form,
     .loss = FS_LOSS_LOGRATIO,
     .alpha = 0.7,
     .beta = 0.3,
     .level_weight = 0.5,
     .balance_weight = 0.2,
     .rows = FS_KL_ALL_ROWS,
     .without_fill = true},
    {.name = "gap", .loss = FS_LOSS_GAP},
    {.name = "logratio", .loss = FS_LOSS_LOGRATIO},
    {.name = "L_s1 first", .alpha = HEAVY},
    {.name = "L_s1 all", .alpha = HEAVY, .rows = FS_KL_ALL_ROWS},
    {.name = "L_s1 without", .alpha = HEAVY, .rows = FS_KL_ALL_ROWS, .without_fill = true},
    {.name = "L_s2", .beta = HEAVY},
    {.name = "L_m", .level_weight = HEAVY},
    {.name = "L_b", .balance_weight = HEAVY},
    {.name = "L_b cut", .balance_weight = HEAVY, .unit_tokens = 24},
    {.name = "all framed",
     .loss = FS_LOSS_LOGRATIO,
     .alpha = 0.7,
     .beta = 0.3,
     .level_weight = 0.5,
     .balance_weight = 0.2,
     .rows = FS_KL_ALL_ROWS,
     .without_fill = true,
     .version = 5},
    {.name = "all",
     .loss = FS_LOSS_LOGRATIO,
     .alpha = 0.7,
     .beta = 0.3,
     .level_weight = 0.5,
     .balance_weight = 0.2,
     .rows = FS_KL_ALL_ROWS,
     .without_fill = true},
};
#define WIDTH 0.3 /* tau of L_b */

struct bench {
    const struct fs_model *model;
    struct fs_workspace *workspace;
    struct fs_tape *tape;
};

static void make_random(struct fs_edit *edit)
{
    struct fs_random random = fs_random_start(11, 0);
    for (size_t i = 0; i < edit->count; i++) {
        edit->number[i] = 0.3 * fs_random_normal(&random);
    }
}

/* The log probabilities of a unit's rows. */
static void run_forward(const struct bench *bench, const struct fs_stamp_unit *unit, const struct fs_edit *edit,
                        fs_real *h, fs_real *logprob)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_pass pass = {bench->model, bench->workspace, &unit->batch, edit};
    assert_done(fs_upper_forward(&pass, bench->tape, unit->x, unit->base, h, &err), err);
    assert_done(fs_tape_read(bench->tape, h, unit->loss.rows, unit->row, logprob, &err), err);
}

/* L of all units; adds to `gradient` where it is not NULL. */
static double loss_of(const struct bench *bench, const struct fs_stamp_units *units,
                      const struct fs_stamp_options *options, const struct fs_edit *edit, fs_real *gradient)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_spec *spec = fs_model_spec(bench->model);
    size_t d = spec->hidden, V = spec->vocabulary;
    fs_real *h = calloc(units->most_tokens * d, sizeof *h), *dh = calloc(units->most_tokens * d, sizeof *dh);
    fs_real *logprob = calloc(units->most_rows * V, sizeof *logprob);
    double difference[16] = {0}, mean[16] = {0};
    bool swept = options->balance_weight > 0 && units->cuts.terms > 0; /* twice, as a step of a training */
    assert_true(units->cuts.pairs <= 16);
    for (size_t u = 0; swept && u < units->count; u++) {
        run_forward(bench, &units->unit[u], edit, h, logprob);
        assert_done(fs_loss_differences(&units->unit[u].loss, options->scoring, logprob, difference, &err), err);
    }
    double total = options->balance_weight * fs_loss_balance(&units->cuts, difference, WIDTH, mean);
    for (size_t u = 0; u < units->count; u++) {
        const struct fs_stamp_unit *unit = &units->unit[u];
        double value[FS_VALUE_COUNT], score[8] = {0}, again[16];
        const struct fs_loss_step step = {.width = WIDTH, .mean = mean, .difference = again};
        run_forward(bench, unit, edit, h, logprob);
        assert_done(fs_loss_evaluate(&unit->loss, options, &step, logprob, value, score, &err), err);
        for (size_t p = 0; p < unit->loss.pairs; p++) {
            size_t place = unit->loss.pair[p].place;
            assert_true(!swept || place == FS_LOSS_WHOLE || again[place] == difference[place]);
        }
        total += value[FS_TERM_EDIT] + options->alpha * value[FS_TERM_CONTEXT] +
                 options->beta * value[FS_TERM_GENERIC] + options->level_weight * value[FS_TERM_LEVEL] +
                 options->balance_weight * value[FS_TERM_BALANCE];
        if (gradient == NULL) {
            continue;
        }
        assert_done(fs_tape_read_backward(bench->tape, logprob, dh, &err), err);
        assert_done(fs_upper_backward(bench->tape, dh, gradient, NULL, &err), err);
    }
    free(h);
    free(dh);
    free(logprob);
    return total;
}

/* Sanitizers look at memory, whatever is compared: every fifth number is enough for them, and all are compared without. */
#ifdef FAIRSTAMP_SANITIZE
#define EACH ((size_t)5)
#else
#define EACH ((size_t)1)
#endif

/* |analytic - numeric| / |analytic| over each `stride`-th parameter. */
static double relative_error(const struct bench *bench, const struct fs_stamp_units *units,
                             const struct fs_stamp_options *options, const struct fs_edit *edit, size_t stride)
{
    const double step = 1e-5;
    size_t count = edit->count;
    fs_real *gradient = calloc(count, sizeof *gradient);
    double difference = 0, length = 0;
    assert_true(loss_of(bench, units, options, edit, gradient) > 0);
    for (size_t i = 0; i < count; i += stride * EACH) {
        double kept = edit->number[i];
        edit->number[i] = kept + step;
        double above = loss_of(bench, units, options, edit, NULL);
        edit->number[i] = kept - step;
        double below = loss_of(bench, units, options, edit, NULL);
        edit->number[i] = kept;
        double numeric = (above - below) / (2 * step);
        difference += (gradient[i] - numeric) * (gradient[i] - numeric);
        length += gradient[i] * gradient[i];
    }
    free(gradient);
    assert_true(length > 0);
    return sqrt(difference / length);
}

static void compile(const struct bench *bench, const struct test_model *m, const struct fs_pair_list *list,
                    const struct fs_stamp_options *options, size_t version, struct fs_stamp_units *units)
{
    struct fs_error err = FS_ERROR_INIT;
    size_t order[10];
    for (size_t i = 0; i < list->count; i++) {
        order[i] = list->count - 1 - i;
    }
    const struct fs_stamp_batch batch = {.list = list, .pair = order, .count = list->count, .version = version};
    assert_done(fs_stamp_units_compile(m->spec, m->tokenizer, &batch, options, units, &err), err);
    assert_int_equal(units->pairs, list->count);
    assert_int_equal(units->prompts, list->item[0].counterpart[0] != '\0' ? 8 : 5);
    assert_int_equal(units->terms, 5);
    assert_int_equal(units->categories, 2);
    for (size_t u = 0; u < units->count; u++) {
        assert_done(fs_stamp_unit_fill(m->model, bench->workspace, options, &units->unit[u], &err), err);
    }
}

static struct fs_stamp_options options_for(const struct test_model *m, enum fs_scoring scoring, size_t layer,
                                           const struct term *term)
{
    struct fs_stamp_options options = test_options(m->spec);
    options.form = term->form != NULL ? term->form : &fs_stamp_form;
    options.scoring = scoring;
    options.layer = layer;
    options.width = 3;
    options.loss = term->loss;
    options.alpha = term->alpha;
    options.beta = term->beta;
    options.level_weight = term->level_weight;
    options.balance_weight = term->balance_weight;
    options.kl_rows = term->rows;
    options.kl_without_completion = term->without_fill;
    options.unit_tokens = term->unit_tokens;
    return options;
}

/* One term of one scoring at one layer. */
static void check_term(const struct bench *bench, const struct test_model *m, const struct fs_pair_list *list,
                       enum fs_scoring scoring, size_t layer, const struct term *term)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_stamp_options options = options_for(m, scoring, layer, term);
    struct fs_stamp_units units;
    compile(bench, m, list, &options, term->version, &units);
    assert_true(term->unit_tokens == 0 || units.cuts.terms > 0);
    struct fs_edit edit;
    assert_done(options.form->create(&options, m->spec, &edit, &err), err);
    /* a fresh edit is the unedited model: without the terms over pairs nothing has moved */
    struct fs_stamp_options still = options;
    double moved = loss_of(bench, &units, &options, &edit, NULL);
    still.alpha = still.beta = 0;
    /* two sums of the same terms in float64, of about 1 times their weights; the terms kept are log(1) */
    assert_true(fabs(moved - loss_of(bench, &units, &still, &edit, NULL)) < 1e-12 * (1 + options.alpha + options.beta));
    make_random(&edit);
    /* all four parts of the stamp have some parameters; of a matrix some forty are enough */
    double error = relative_error(bench, &units, &options, &edit, term->form == NULL ? 7 : edit.count / 40);
    print_message("%-14s layer %zu %-14s %-12s relative error %.1e\n",
                  list->item[0].counterpart[0] ? "two subjects" : "", layer, fs_scoring_name(scoring), term->name,
                  error);
    /* central differences err by step^2, 1e-10, times the third derivative, and by 1e-16 / step times the loss */
    assert_true(error < 1e-6);
    fs_edit_release(&edit);
    fs_stamp_units_release(&units);
}

/* However the batch is cut into units, its loss and gradient are the same. */
static void cuts_do_not_matter(void **state)
{
    (void)state;
    static const char *const names[] = {"bert-tiny", "gpt2-tiny", "llama-grouped"};
    const struct term *term = &terms[sizeof terms / sizeof *terms - 1];
    for (size_t i = 0; i < 3; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct test_model m;
        struct fs_pair_list list;
        test_model_open(names[i], &m);
        test_pairs_make(false, &list);
        struct bench bench = {.model = m.model};
        assert_done(fs_workspace_create(m.model, &bench.workspace, &err), err);
        assert_done(fs_tape_create(m.model, &bench.tape, &err), err);
        for (size_t layer = 0; layer < m.spec->layers; layer++) {
            const size_t tokens[] = {ALL_TOKENS, 64, 24, 1}; /* 1: each pair and each prompt is a unit */
            struct fs_stamp_options options =
                options_for(&m, m.spec->kind == FS_MASKED ? FS_TARGET_PROB : FS_SENTENCE_MEAN, layer, term);
            struct fs_edit edit;
            assert_done(options.form->create(&options, m.spec, &edit, &err), err);
            make_random(&edit);
            size_t count = edit.count;
            fs_real *gradient = calloc(4 * count, sizeof *gradient);
            double loss[4], largest = 0, error = 0;
            for (size_t t = 0; t < 4; t++) {
                struct fs_stamp_units units;
                options.unit_tokens = tokens[t];
                compile(&bench, &m, &list, &options, 0, &units);
                assert_true(t == 0 ? units.count == 1 && units.cuts.terms == 0
                                   : units.count > t && units.cuts.terms > 0);
                loss[t] = loss_of(&bench, &units, &options, &edit, gradient + t * count);
                error = fmax(error, fabs(loss[t] / loss[0] - 1));
                fs_stamp_units_release(&units);
            }
            for (size_t j = 0; j < count; j++) {
                largest = fmax(largest, fabs(gradient[j]));
            }
            for (size_t j = count; j < 4 * count; j++) {
                error = fmax(error, fabs(gradient[j] - gradient[j % count]) / largest);
            }
            print_message("%s layer %zu: cut into units, relative error %.1e\n", names[i], layer, error);
            assert_true(error < 1e-12); /* the same numbers in sums of another order, a few hundred of them */
            free(gradient);
            fs_edit_release(&edit);
        }
        fs_tape_destroy(bench.tape);
        fs_workspace_destroy(bench.workspace);
        fs_pair_list_release(&list);
        test_model_close(&m);
    }
}

static void check_model(const char *name, bool subjects, const enum fs_scoring *scorings, size_t variant_count)
{
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    test_model_open(name, &m);
    struct fs_pair_list list;
    test_pairs_make(subjects, &list);
    struct bench bench = {.model = m.model};
    assert_done(fs_workspace_create(m.model, &bench.workspace, &err), err);
    assert_done(fs_tape_create(m.model, &bench.tape, &err), err);
    for (size_t v = 0; v < variant_count; v++) {
        for (size_t layer = 0; layer < m.spec->layers; layer++) {
            for (size_t t = 0; t < sizeof terms / sizeof *terms; t++) {
                bool cut = terms[t].unit_tokens > 0 || terms[t].version > 0;
                if ((cut && layer > 0) || ((cut || terms[t].form != NULL) && v > 0)) {
                    continue; /* the slowest, and the cut and the texts are the same */
                }
                check_term(&bench, &m, &list, scorings[v], layer, &terms[t]);
            }
        }
    }
    fs_tape_destroy(bench.tape);
    fs_workspace_destroy(bench.workspace);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

static const enum fs_scoring masked[] = {FS_TARGET_PROB, FS_TARGET_LOGPROB};
static const enum fs_scoring causal[] = {FS_SENTENCE_MEAN, FS_OBJECT_MEAN};

static void differences_bert(void **state)
{
    (void)state;
    check_model("bert-tiny", false, masked, 2);
    check_model("bert-tiny", true, masked, 1);
}

static void differences_gpt2(void **state)
{
    (void)state;
    check_model("gpt2-tiny", false, causal, 2);
    check_model("gpt2-tiny", true, causal + 1, 1);
}

static void differences_llama(void **state)
{
    (void)state;
    check_model("llama-grouped", false, causal, 2);
}

/* The terms' values, worked by hand: three tokens, two rows, one pair of completions in the same place. A few operations in
 * float64 on numbers near 1: 1e-12 is far above their rounding, and 1e-14 above that of exp(log(p)). */
static void values(void **state)
{
    (void)state;
    const double before[2][3] = {{0.5, 0.3, 0.2}, {0.1, 0.6, 0.3}}, now[2][3] = {{0.4, 0.1, 0.5}, {0.2, 0.2, 0.6}};
    fs_real logprob[6], probability[6];
    double entropy[2], value[FS_VALUE_COUNT], score[1] = {0};
    size_t rows[2] = {0, 1};
    int32_t excluded[2] = {0, 1};
    struct fs_loss_read read[2] = {{.row = 0, .token = 0, .completion = true},
                                   {.row = 0, .token = 1, .completion = true}};
    struct fs_loss_pair pair[1] = {{.first = 0, .count = {1, 1}, .share = 100}};
    struct fs_loss_group group[1] = {{0, 1, 1, FS_LOSS_WHOLE}};
    const struct fs_loss_step step = {.width = 0.5};
    struct fs_kl_row kl_row[2] = {
        {.term = FS_TERM_CONTEXT, .weight = 1, .row = 0, .distribution = 0, .excluded_first = 0, .excluded = 2},
        {.term = FS_TERM_GENERIC, .weight = 0.5, .row = 1, .distribution = 1}};
    struct fs_loss_unit unit = {.vocabulary = 3,
                                .rows = 2,
                                .reads = 2,
                                .pairs = 1,
                                .groups = 1,
                                .kl_rows = 2,
                                .distributions = 2,
                                .excluded_tokens = 2,
                                .read = read,
                                .pair = pair,
                                .group = group,
                                .pair_weight = 1,
                                .term_weight = 1,
                                .kl_row = kl_row,
                                .excluded = excluded,
                                .distribution_row = rows,
                                .probability = probability,
                                .entropy = entropy};
    struct fs_stamp_options options = {.loss = FS_LOSS_GAP, .scoring = FS_TARGET_PROB};
    struct fs_error err = FS_ERROR_INIT;
    for (int i = 0; i < 6; i++) {
        logprob[i] = log(before[i / 3][i % 3]);
    }
    assert_done(fs_loss_keep(&unit, FS_TARGET_PROB, logprob, &err), err);
    for (int i = 0; i < 6; i++) {
        assert_true(fabs(probability[i] - before[i / 3][i % 3]) < 1e-14);
        logprob[i] = log(now[i / 3][i % 3]);
    }
    assert_done(fs_loss_evaluate(&unit, &options, &step, logprob, value, score, &err), err);
    double divergence = 0;
    for (int v = 0; v < 3; v++) {
        divergence += before[1][v] * log(before[1][v] / now[1][v]);
    }
    const double expected[FS_VALUE_COUNT] = {
        [FS_TERM_EDIT] = 0.4 - 0.1,
        [FS_TERM_CONTEXT] = 0, /* one token is left, with all of the mass before and now */
        [FS_TERM_GENERIC] = 0.5 * divergence,
        [FS_TERM_LEVEL] = log(0.25 / 0.5) * log(0.25 / 0.5),
        [FS_TERM_BALANCE] = tanh(log(4) / 0.5) * tanh(log(4) / 0.5),
        [FS_MEAN_GAP] = log(4),
    };
    for (int t = 0; t < FS_VALUE_COUNT; t++) {
        assert_true(fabs(value[t] - expected[t]) < 1e-12);
    }
    assert_true(score[0] == 100);
    /* with two tokens left, renormalised: (0.3, 0.2) / 0.5 against (0.1, 0.5) / 0.6 */
    kl_row[0].excluded = 1;
    for (int i = 0; i < 6; i++) {
        logprob[i] = log(now[i / 3][i % 3]);
    }
    assert_done(fs_loss_evaluate(&unit, &options, &step, logprob, value, score, &err), err);
    assert_true(fabs(value[FS_TERM_CONTEXT] - (0.6 * log(0.6 / (0.1 / 0.6)) + 0.4 * log(0.4 / (0.5 / 0.6)))) < 1e-12);
    /* without weights the gradient is the gap's: p (1[v = token] - p') for either completion */
    const double slope[3] = {0.4 * (1 - 0.4) + 0.1 * 0.4, -0.4 * 0.1 - 0.1 * (1 - 0.1), -0.4 * 0.5 + 0.1 * 0.5};
    for (int v = 0; v < 3; v++) {
        assert_true(fabs(logprob[v] - slope[v]) < 1e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(differences_bert),
        cmocka_unit_test(differences_gpt2),
        cmocka_unit_test(differences_llama),
        cmocka_unit_test(cuts_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
