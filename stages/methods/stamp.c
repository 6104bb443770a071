#include "stages/methods/stamp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"
#include "stages/methods/adam.h"
#include "stages/methods/stamp_frames.h"
#include "stages/methods/stamp_keys.h"
#include "stages/methods/stamp_step.h"

#define PI 3.14159265358979323846
#define LEAST_WIDTH 1e-9 /* of tanh(D / tau), where nothing is biased to begin with */

/* The stream of the seed that shuffles; stream 0 is the stamp's own (stamp_net.c). */
#define SHUFFLE_STREAM UINT64_C(1)

struct trainer {
    const struct fs_spec *spec;
    const struct fs_tokenizer *tokenizer;
    const struct fs_pair_list *list;
    const struct fs_stamp_options *options;
    struct fs_stamp_state *state;
    struct fs_runner *runner;
    size_t *pair; /* [pairs] the edited pairs in the order of training */
    size_t pairs;
    size_t parameters;
    struct fs_stamp_text text; /* nothing where neither L_t nor key_share asks for it */
    struct fs_stamp_step step; /* of the batch */
};

static void adam(const struct fs_stamp_options *options, struct fs_stamp_state *state, const fs_real *gradient,
                 size_t count)
{
    struct fs_adam adam = {options->learning_rate, options->adam_beta1, options->adam_beta2, options->adam_epsilon};
    if (options->schedule == FS_RATE_COSINE) { /* from the full rate towards 0 over a batch's iterations */
        adam.learning_rate *=
            0.5 * (1 + cos(PI * (double)(state->step % options->iterations) / (double)options->iterations));
    }
    fs_adam_step(&adam, state->step + 1, gradient,
                 &(const struct fs_adam_parameters){state->edit.number, state->moment1, state->moment2, count});
}

static bool all_finite(const fs_real *x, size_t count)
{
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        finite = finite && isfinite(x[i]);
    }
    return finite;
}

/* The losses of this step into the history; -1 where they are not finite. */
static int record(struct trainer *trainer, size_t version, struct fs_error *err)
{
    struct fs_stamp_state *state = trainer->state;
    const struct fs_stamp_options *o = trainer->options;
    const double *value = trainer->step.value, *score = value + FS_VALUE_COUNT;
    double *loss = state->loss + 4 * state->step, *extra = state->extra + FS_STAMP_EXTRA * state->step;
    loss[0] = value[FS_TERM_EDIT] + o->alpha * value[FS_TERM_CONTEXT] + o->beta * value[FS_TERM_GENERIC] +
              o->level_weight * value[FS_TERM_LEVEL] + o->balance_weight * value[FS_TERM_BALANCE] +
              o->text_weight * value[FS_TERM_TEXT];
    loss[1] = value[FS_TERM_EDIT];
    loss[2] = value[FS_TERM_CONTEXT];
    loss[3] = value[FS_TERM_GENERIC];
    extra[0] = value[FS_TERM_LEVEL];
    extra[1] = value[FS_TERM_BALANCE];
    extra[2] = 0;
    for (size_t c = 0; c < trainer->step.now->units.categories; c++) {
        extra[2] = fmax(extra[2], fabs(score[c] - 50));
    }
    extra[3] = value[FS_MEAN_GAP];
    extra[4] = value[FS_TERM_TEXT];
    extra[5] = (double)version;
    if (isfinite(loss[0]) && all_finite(trainer->step.total, trainer->parameters)) {
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: iteration %zu: the loss is %g (L_e %g, L_s1 %g, L_s2 %g, L_m %g, L_b %g, L_t %g) or "
                        "its gradient is not "
                        "finite; lower learning_rate (now %g), or the weights of the terms",
                        o->form->name, state->step + 1, loss[0], loss[1], loss[2], loss[3], extra[0], extra[1],
                        extra[4], o->learning_rate);
}

/*
 * How good the parameters before `step` are, as keys of falling rank, less is better: whether the mean gap is still
 * above an eighth of what it was; the distance of SS from 50 in tenths of a point, where up to 1 point is as good as
 * none; L.
 */
static void rank_step(const struct trainer *trainer, size_t step, double key[3])
{
    const double *extra = trainer->state->extra + FS_STAMP_EXTRA * step;
    key[0] = extra[3] > trainer->step.gap / 8;
    key[1] = round(10 * fmax(0, extra[2] - 1));
    key[2] = trainer->state->loss[4 * step];
}

/* The parameters before this step are kept where they are the best of the last quarter of the batch so far. Only steps on
 * the statements as they are can be compared; where the quarter has none (stamp.frames, 2 or 4 iterations) the last stay. */
static void remember_best(const struct trainer *trainer)
{
    const struct fs_stamp_options *options = trainer->options;
    struct fs_stamp_state *state = trainer->state;
    size_t number = state->step % options->iterations;
    if (!options->keep_best || number < options->iterations - (options->iterations + 3) / 4) {
        return;
    }
    if (state->best_step != SIZE_MAX) {
        double now[3], best[3];
        rank_step(trainer, state->step, now);
        rank_step(trainer, state->best_step, best);
        size_t k = 0;
        while (k < 2 && now[k] == best[k]) {
            k++;
        }
        if (now[k] >= best[k]) {
            return;
        }
    }
    state->best_step = state->step;
    memcpy(state->best, state->edit.number, trainer->parameters * sizeof *state->best);
}

/* tau of L_b shrinks with the gaps, so that it sees which way small ones point; the gaps are those of the last step on the
 * statements as they are. */
static double balance_width(const struct trainer *trainer)
{
    const struct fs_stamp_state *state = trainer->state;
    double gap = trainer->step.gap;
    size_t done = state->step % trainer->options->iterations, back = 1;
    while (back <= done && fs_stamp_version_of(trainer->options, state->step - back) > 0) {
        back++;
    }
    if (back <= done) {
        gap = fmin(gap, state->extra[FS_STAMP_EXTRA * (state->step - back) + 3]);
    }
    return fmax(fmin(trainer->options->balance_width * trainer->step.gap, gap / 2), LEAST_WIDTH);
}

/* One Adam step on the batch; the same arithmetic on every rank. */
static int iterate(struct trainer *trainer, struct fs_error *err)
{
    struct fs_stamp_state *state = trainer->state;
    size_t version = fs_stamp_version_of(trainer->options, state->step);
    if (fs_stamp_step_run(&trainer->step, version, balance_width(trainer), err) != 0) {
        return -1;
    }
    if (record(trainer, version, err) != 0) {
        return -1;
    }
    if (version == 0) {
        remember_best(trainer);
    }
    adam(trainer->options, state, trainer->step.total, trainer->parameters);
    state->step++;
    if (state->step % trainer->options->iterations == 0 && state->best_step != SIZE_MAX) {
        memcpy(state->edit.number, state->best, trainer->parameters * sizeof *state->best);
        state->best_step = SIZE_MAX;
    }
    return 0;
}

static int start_keys(struct trainer *trainer, struct fs_error *err)
{
    struct fs_stamp stamp = fs_stamp_of(&trainer->state->edit);
    if (trainer->options->key_share > 0) {
        return fs_stamp_keys_start(&trainer->step, trainer->tokenizer, &stamp, err);
    }
    fs_real *bias = stamp.parameters + fs_stamp_offset_key_bias(&stamp);
    for (size_t c = 0; c < stamp.width; c++) {
        bias[c] = (fs_real)(trainer->options->key_bias * sqrt(trainer->step.mean_square));
    }
    return 0;
}

static int begin_batch(struct trainer *trainer, size_t batch, struct fs_error *err)
{
    size_t size = trainer->options->batch == 0 ? trainer->pairs : trainer->options->batch;
    size_t first = batch * size, count = trainer->pairs - first < size ? trainer->pairs - first : size;
    const struct fs_stamp_batch pairs = {
        .list = trainer->list, .pair = trainer->pair + first, .count = count, .number = batch + 1};
    if (fs_stamp_step_begin(&trainer->step, trainer->tokenizer, &pairs, err) != 0) {
        return -1;
    }
    return trainer->state->step == 0 && trainer->options->form->has_keys ? start_keys(trainer, err) : 0;
}

static int train(struct trainer *trainer, int (*save)(void *, const struct fs_stamp_state *, bool, struct fs_error *),
                 void *save_context, struct fs_error *err)
{
    struct fs_stamp_state *state = trainer->state;
    const struct fs_stamp_options *options = trainer->options;
    bool running = false; /* a batch is */
    while (state->step < state->steps) {
        if (!running && begin_batch(trainer, state->step / options->iterations, err) != 0) {
            return -1;
        }
        running = true;
        if (iterate(trainer, err) != 0) {
            return -1;
        }
        if (state->step % options->iterations == 0) {
            fs_stamp_step_end(&trainer->step);
            running = false;
        }
        bool stop = state->step < state->steps && fs_runner_stop_requested(trainer->runner);
        if (save != NULL && save(save_context, state, stop, err) != 0) {
            return -1;
        }
        if (stop) {
            return fs_error_set(err, FS_EXIT_INTERRUPTED,
                                "%s: stopped after iteration %zu of %zu; run the same command "
                                "again to go on",
                                options->form->name, state->step, state->steps);
        }
    }
    return 0;
}

static bool same_term(const struct fs_pair *a, const struct fs_pair *b)
{
    return strcmp(a->target, b->target) == 0 && strcmp(a->category, b->category) == 0;
}

/*
 * The edited pairs: target terms in a seeded random order (Fisher and Yates), the pairs of a term side by side as they
 * stand in the file.
 */
static int order_pairs(struct trainer *trainer, const bool *held_out, struct fs_error *err)
{
    const struct fs_pair *item = trainer->list->item;
    size_t n = 0, terms = 0;
    size_t *term = fs_allocate(trainer->list->count, sizeof *term, "the order of training", err); /* its first pair */
    size_t *edited = fs_allocate(trainer->list->count, sizeof *edited, "the order of training", err);
    trainer->pair = fs_allocate(trainer->list->count, sizeof *trainer->pair, "the order of training", err);
    int status = term != NULL && edited != NULL && trainer->pair != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < trainer->list->count; i++) {
        if ((held_out != NULL && held_out[i]) || item[i].skip != FS_KEPT) {
            continue;
        }
        edited[n++] = i;
        size_t known = 0;
        while (known < terms && !same_term(&item[term[known]], &item[i])) {
            known++;
        }
        if (known == terms) {
            term[terms++] = i;
        }
    }
    struct fs_random random = fs_random_start(trainer->options->seed, SHUFFLE_STREAM);
    for (size_t i = terms; status == 0 && i > 1; i--) {
        size_t other = fs_random_below(&random, i), moved = term[i - 1];
        term[i - 1] = term[other];
        term[other] = moved;
    }
    for (size_t t = 0; status == 0 && t < terms; t++) {
        for (size_t i = 0; i < n; i++) {
            if (same_term(&item[term[t]], &item[edited[i]])) {
                trainer->pair[trainer->pairs++] = edited[i];
            }
        }
    }
    free(term);
    free(edited);
    return status;
}

static int check(const struct trainer *trainer, struct fs_error *err)
{
    const struct fs_stamp_options *o = trainer->options;
    const struct fs_edit *edit = &trainer->state->edit;
    const char *name = o->form->name;
    if (o->scoring != FS_TARGET_PROB && o->scoring != FS_TARGET_LOGPROB && o->scoring != FS_SENTENCE_MEAN &&
        o->scoring != FS_OBJECT_MEAN) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: scoring %s cannot be trained on; expected target.prob or target.logprob (masked), "
                            "sentence.mean or object.mean (causal)",
                            name, fs_scoring_name(o->scoring));
    }
    if (o->layer >= trainer->spec->layers) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: layer %zu, but the model has layers 0 to %zu", name, o->layer,
                            trainer->spec->layers - 1);
    }
    if (!(o->level_weight >= 0) || !(o->balance_weight >= 0) || (o->balance_weight > 0 && !(o->balance_width > 0))) {
        return fs_error_set(
            err, FS_EXIT_CONFIG,
            "%s: level_weight %g, balance_weight %g, balance_width %g; expected weights from 0 and a width above 0",
            name, o->level_weight, o->balance_weight, o->balance_width);
    }
    if (!(o->text_weight >= 0) || ((o->text_weight > 0 || o->key_share > 0) && o->text_tokens == 0)) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: text_weight %g, text_tokens %zu; expected a weight from 0 and tokens from 1", name,
                            o->text_weight, o->text_tokens);
    }
    if (!isfinite(o->key_bias) || !(o->key_share >= 0 && o->key_share < 1)) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: key_bias %g, key_share %g; expected a finite number, and a share from 0 to below 1",
                            name, o->key_bias, o->key_share);
    }
    if (!(o->learning_rate > 0) || !(o->alpha >= 0) || !(o->beta >= 0) || !(o->adam_epsilon > 0) ||
        !(o->adam_beta1 >= 0 && o->adam_beta1 < 1) || !(o->adam_beta2 >= 0 && o->adam_beta2 < 1) ||
        o->iterations == 0) {
        return fs_error_set(
            err, FS_EXIT_CONFIG,
            "%s: learning_rate %g, alpha %g, beta %g, adam %g %g %g, iterations %zu; expected a rate, an "
            "epsilon and iterations above 0, alpha and beta from 0, Adam's betas from 0 to below 1",
            name, o->learning_rate, o->alpha, o->beta, o->adam_beta1, o->adam_beta2, o->adam_epsilon, o->iterations);
    }
    if (trainer->pairs == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: no pair is left to be edited; hold out fewer", name);
    }
    if (edit->first_layer != o->layer || edit->count != o->form->parameters(o, trainer->spec) ||
        trainer->state->steps != fs_stamp_steps(o, trainer->pairs)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: the state to go on from has layer %zu, %zu parameters, %zu iterations; this job has "
                            "%zu, %zu, %zu; remove it to begin anew",
                            name, edit->first_layer, edit->count, trainer->state->steps, o->layer,
                            o->form->parameters(o, trainer->spec), fs_stamp_steps(o, trainer->pairs));
    }
    return 0;
}

int fs_stamp_train(const struct fs_stamp_task *task, struct fs_stamp_state *state, struct fs_error *err)
{
    struct fs_runner *runner = task->runner;
    struct trainer trainer = {
        .spec = fs_model_spec(task->model),
        .tokenizer = task->tokenizer,
        .list = task->pairs,
        .options = task->options,
        .state = state,
        .runner = runner,
        .parameters = state->edit.count,
        .step = {.model = task->model,
                 .spec = fs_model_spec(task->model),
                 .options = task->options,
                 .edit = state->edit,
                 .runner = runner},
    };
    trainer.step.text = &trainer.text;
    int status = order_pairs(&trainer, task->held_out, err);
    if (status == 0) {
        status = check(&trainer, err);
    }
    if (status == 0 && (task->options->text_weight > 0 || task->options->key_share > 0)) {
        status = fs_stamp_text_read(task->tokenizer, task->options, &trainer.text, err);
    }
    status = fs_runner_agree(runner, status, err);
    if (status == 0) {
        status = train(&trainer, task->save, task->save_context, err);
    }
    fs_stamp_step_end(&trainer.step);
    fs_stamp_text_release(&trainer.text);
    free(trainer.pair);
    return status;
}
