#include "stages/methods/biasedit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "model/flops.h"
#include "model/output_view.h"
#include "stages/methods/adam.h"
#include "stages/methods/training_step.h"

/* ---- before the first step ---- */

static void raise_to(size_t *most, size_t value)
{
    *most = value > *most ? value : *most;
}

static int compile_group(struct fs_biasedit_run *run, struct fs_biasedit_group *group, struct fs_error *err)
{
    const struct fs_biasedit_texts *texts[] = {&group->edits, &group->texts};
    for (int with = 0; with < 2; with++) {
        run->form.unrelated = with == 1;
        if (fs_biasedit_compile(&run->form, run->task->pairs, run->pair + group->first, group->count,
                                with ? &group->texts : &group->edits, err) != 0) {
            return -1;
        }
        raise_to(&run->most_tokens, texts[with]->most_tokens);
        raise_to(&run->most_rows, texts[with]->most_rows);
    }
    for (size_t u = 0; u < group->edits.units; u++) {
        group->rows += group->edits.unit[u].tokens;
    }
    group->mine = fs_allocate(group->texts.units, 1, "the training units", err);
    return group->mine != NULL ? 0 : -1;
}

/* Groups of `pairs` pairs from `first` on, as large as one another. */
static int make_groups(struct fs_biasedit_run *run, size_t first, size_t pairs, size_t groups, struct fs_error *err)
{
    for (size_t g = 0; g < groups; g++) {
        struct fs_biasedit_group *group = &run->group[run->groups++];
        group->first = first;
        group->count = pairs / groups + (g < pairs % groups);
        first += group->count;
        if (compile_group(run, group, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int compile(struct fs_biasedit_run *run, struct fs_error *err)
{
    struct fs_biasedit_draw draw;
    size_t batch = run->options->batch, scored = 0, trained = 0;
    if (fs_biasedit_check(run->form.scoring, err) != 0 || fs_biasedit_draw_pairs(run->task, &draw, err) != 0) {
        return -1;
    }
    size_t validation = draw.pairs - draw.trained, more = fs_biasedit_groups(validation, batch);
    run->pair = draw.pair;
    run->pairs = draw.pairs;
    run->training = fs_biasedit_groups(draw.trained, batch);
    run->together = run->training > 0 ? (draw.trained - 1) / run->training + 1 : 1;
    run->group = fs_allocate(run->training + more, sizeof *run->group, "groups of pairs", err);
    if (run->group == NULL || make_groups(run, 0, draw.trained, run->training, err) != 0 ||
        make_groups(run, draw.trained, validation, more, err) != 0) {
        return -1;
    }
    for (size_t g = 0; g < run->groups; g++) {
        scored += run->group[g].edits.pairs;
        trained += g < run->training ? run->group[g].edits.pairs : 0;
    }
    if (trained == 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "none of the %zu edited pairs that the editor is trained on can be scored: they are too "
                            "long, their completions have no token, or all are held out; take other pairs",
                            draw.trained);
    }
    if (run->training != run->state->groups) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "the state to go on from has %zu groups, this job %zu; remove it to begin anew",
                            run->state->groups, run->training);
    }
    if (fs_runner_is_root(run->task->runner) && !run->task->runner->probes && run->state->base.step == 0) {
        fs_say("biasedit: %zu pairs in %zu groups to train on, %zu for validation; %zu cannot be scored", draw.trained,
               run->training, validation, draw.pairs - scored);
    }
    return 0;
}

static int make_room(struct fs_biasedit_run *run, struct fs_error *err)
{
    size_t rows = 0, units = 0, layers = run->editor.layers, n = fs_biasedit_width(run);
    size_t threads = run->task->runner->threads;
    for (size_t g = 0; g < run->groups; g++) {
        raise_to(&rows, run->group[g].rows);
        raise_to(&units, run->group[g].texts.units);
    }
    run->block = fs_unit_tokens((double)(rows * layers), 4.0 * FS_EDITOR_BLOCKS * (double)n * (double)run->editor.rank);
    run->bench = fs_allocate(threads, sizeof *run->bench, "workspaces", err);
    run->mean = fs_allocate(n, sizeof *run->mean, "means of rows", err);
    run->scale = fs_allocate(n, sizeof *run->scale, "deviations of rows", err);
    run->value = fs_allocate_aligned(layers * rows * run->editor.hidden, sizeof *run->value, "values of rows", err);
    run->total = fs_allocate_aligned(run->state->edit.count + 4 * units, sizeof *run->total, "the gradient", err);
    run->gradient = fs_allocate_aligned(run->state->parameters, sizeof *run->gradient, "the gradient", err);
    run->system = fs_allocate(layers, sizeof *run->system, "equations", err);
    run->system_of = fs_allocate(layers, sizeof *run->system_of, "equations", err);
    run->editor.mean = run->mean;
    run->editor.scale = run->scale;
    return run->bench != NULL && run->mean != NULL && run->scale != NULL && run->value != NULL && run->total != NULL &&
                   run->gradient != NULL && run->system != NULL && run->system_of != NULL
               ? fs_output_view_create(run->task->model, run->state->edit.first_layer + 1, layers - 1, &run->view, err)
               : -1;
}

static int prepare(struct fs_biasedit_run *run, struct fs_error *err)
{
    const struct fs_weight w = fs_weight_of(&run->state->edit);
    double flops = fs_flops_layers(run->spec, w.layer, run->spec->layers, 1, 1) +
                   fs_flops_layers_backward(run->spec, w.layer, run->spec->layers, 1, 1);
    run->editor = (struct fs_editor){w.ffn, w.hidden, run->state->rank, run->state->layers, NULL, NULL};
    run->form = (struct fs_biasedit_form){.spec = run->spec,
                                          .tokenizer = run->task->tokenizer,
                                          .scoring = run->task->scoring,
                                          .unit_tokens = fs_unit_tokens(0, flops)};
    return compile(run, err) == 0 ? make_room(run, err) : -1;
}

/* Mean and deviation of all rows of the training groups (Welford); the same on all ranks, which have the rows. */
static int measure_rows(struct fs_biasedit_run *run, struct fs_error *err)
{
    size_t n = fs_biasedit_width(run), count = 0;
    for (size_t g = 0; g < run->training; g++) {
        run->now = &run->group[g];
        if (fs_biasedit_need_rows(run, err) != 0) {
            return -1;
        }
        for (size_t t = 0; t < run->editor.layers * run->now->rows; t++) {
            const fs_real *row = run->now->row + t * n;
            count++;
            for (size_t i = 0; i < n; i++) {
                double delta = (double)row[i] - run->mean[i];
                run->mean[i] += delta / (double)count;
                run->scale[i] += delta * ((double)row[i] - run->mean[i]);
            }
        }
        fs_biasedit_forget(run->now);
    }
    for (size_t i = 0; i < n; i++) {
        run->scale[i] = 1 / (sqrt(run->scale[i] / (count > 1 ? (double)count - 1 : 1)) + FS_EDITOR_EPSILON);
    }
    return 0;
}

int fs_biasedit_open(const struct fs_method_task *task, struct fs_biasedit_state *state, struct fs_biasedit_run *run,
                     struct fs_error *err)
{
    *run = (struct fs_biasedit_run){
        .task = task, .spec = fs_model_spec(task->model), .options = task->settings, .state = state};
    return fs_runner_agree(task->runner, prepare(run, err), err) == 0 && fs_biasedit_fill(run, err) == 0
               ? measure_rows(run, err)
               : -1;
}

/* ---- the training ---- */

static int check_finite(const struct fs_biasedit_run *run, double loss, double norm, struct fs_error *err)
{
    if (run->task->runner->probes || (isfinite(loss) && isfinite(norm))) {
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "step %zu: the loss is %g, the norm of its gradient %g, expected numbers; lower "
                        "biasedit.learning_rate (now %g) or biasedit.edit_rate (now %g)",
                        run->state->base.step + 1, loss, norm, run->options->learning_rate, run->options->edit_rate);
}

int fs_biasedit_change_group(struct fs_biasedit_run *run, double loss[FS_BIASEDIT_LOSSES], struct fs_error *err)
{
    return fs_biasedit_need_rows(run, err) == 0 && fs_biasedit_values(run, err) == 0 && fs_biasedit_solve(run, err) == 0
               ? fs_biasedit_loss(run, loss, err)
               : -1;
}

static int take_step(struct fs_biasedit_run *run, struct fs_error *err)
{
    struct fs_biasedit_state *state = run->state;
    double *loss = state->loss + state->base.step * FS_BIASEDIT_LOSSES, square = 0;
    const struct fs_adam adam = {run->options->learning_rate, 0.9, 0.999, 1e-8};
    const struct fs_adam_parameters at = {state->number, state->moment1, state->moment2, state->parameters};
    run->now = &run->group[state->base.step % run->training];
    run->number = state->number;
    memset(run->gradient, 0, state->parameters * sizeof *run->gradient);
    if (run->now->rows > 0 && (fs_biasedit_change_group(run, loss, err) != 0 || fs_biasedit_gradient(run, err) != 0)) {
        return -1;
    }
    fs_biasedit_forget(run->now);
    for (size_t i = 0; i < state->parameters; i++) {
        square += (double)run->gradient[i] * (double)run->gradient[i];
    }
    double norm = sqrt(square), clip = run->options->clip;
    if (run->task->runner->probes) { /* no numbers of this step are any */
        memset(run->gradient, 0, state->parameters * sizeof *run->gradient);
        norm = 0;
    }
    if (check_finite(run, loss[FS_BIASEDIT_L], norm, err) != 0) {
        return -1;
    }
    for (size_t i = 0; clip > 0 && norm > clip && i < state->parameters; i++) {
        run->gradient[i] = (fs_real)((double)run->gradient[i] * (clip / (norm + 1e-6)));
    }
    fs_adam_step(&adam, state->base.step + 1, run->gradient, &at);
    return 0;
}

/* The mean loss over the pairs of the validation groups, or where there are none over those of the others. */
static int validate(struct fs_biasedit_run *run, double *mean, struct fs_error *err)
{
    size_t first = run->training, last = run->groups, pairs = 0;
    for (size_t g = first; g < last; g++) {
        pairs += run->group[g].edits.pairs;
    }
    if (pairs == 0) {
        first = 0;
        last = run->training;
    }
    double sum = 0;
    pairs = 0;
    for (size_t g = first; g < last; g++) {
        double loss[FS_BIASEDIT_LOSSES] = {0};
        run->now = &run->group[g];
        if (run->now->rows == 0) {
            continue;
        }
        if (fs_biasedit_change_group(run, loss, err) != 0) {
            return -1;
        }
        fs_biasedit_forget(run->now);
        sum += loss[FS_BIASEDIT_L] * (double)run->now->edits.pairs;
        pairs += run->now->edits.pairs;
    }
    *mean = sum / (double)pairs;
    return check_finite(run, *mean, 0, err);
}

/* Behind an epoch: keeps the editor if it is the best, and ends the training where none was for long. */
static int end_epoch(struct fs_biasedit_run *run, struct fs_error *err)
{
    struct fs_biasedit_state *state = run->state;
    size_t epoch = state->base.step / run->training;
    double *found = &state->validation[epoch - 1];
    if (validate(run, found, err) != 0) {
        return -1;
    }
    if (state->best_epoch == 0 || *found < state->validation[state->best_epoch - 1]) {
        state->best_epoch = epoch;
        memcpy(state->best, state->number, state->parameters * sizeof *state->best);
    }
    if (epoch - state->best_epoch >= run->options->patience && !run->task->runner->probes) {
        state->base.steps = state->base.step;
    }
    return 0;
}

/* Root: the change of all rows of all groups, of which system [layers] has the sums. */
static int solve_all(struct fs_biasedit_run *run, struct fs_editor_system *system, struct fs_error *err)
{
    size_t one = run->editor.ffn * run->editor.hidden, ridge = fs_editor_layout_of(&run->editor).ridge;
    for (size_t m = 0; m < run->editor.layers; m++) {
        if (fs_editor_factorise(&system[m], (double)run->number[ridge + m], err) != 0) {
            return fs_error_prepend(err, "layer %zu", run->state->edit.first_layer + m);
        }
        fs_editor_solve(&system[m], run->state->edit.number + m * one);
    }
    return 0;
}

/* One change of all edited pairs, by the best editor. */
static int make_change(struct fs_biasedit_run *run, struct fs_error *err)
{
    struct fs_edit *edit = &run->state->edit;
    size_t n = fs_biasedit_width(run), layers = run->editor.layers;
    bool works = fs_runner_is_root(run->task->runner) && !run->task->runner->probes;
    struct fs_editor_system *system = run->system;
    int status = 0;
    run->serial++; /* what is there is of another change */
    run->number = run->state->best;
    if (run->task->runner->probes) { /* what stands there are no numbers */
        memset(edit->number, 0, edit->count * sizeof *edit->number);
    }
    for (size_t m = 0; m < layers; m++) {
        fs_editor_system_release(&system[m]);
        status = status == 0 && works ? fs_editor_system_create(&run->editor, &system[m], err) : status;
    }
    status = fs_runner_agree(run->task->runner, status, err);
    for (size_t g = 0; status == 0 && g < run->groups; g++) {
        run->now = &run->group[g];
        if (run->now->rows == 0) {
            continue;
        }
        status = fs_biasedit_need_rows(run, err) == 0 ? fs_biasedit_values(run, err) : -1;
        if (status == 0) {
            int own = 0;
            for (size_t m = 0; own == 0 && works && m < layers; m++) {
                size_t rows = run->now->rows;
                own = fs_editor_add(&system[m], rows, run->now->row + m * rows * n,
                                    run->value + m * rows * run->editor.hidden, err);
            }
            status = fs_runner_agree(run->task->runner, own, err);
        }
        fs_biasedit_forget(run->now);
    }
    if (status == 0) {
        status = fs_runner_agree(run->task->runner, works ? solve_all(run, system, err) : 0, err);
    }
    return status == 0 ? fs_runner_broadcast(run->task->runner, edit->number, edit->count * sizeof(fs_real), err) : -1;
}

static int train(struct fs_biasedit_run *run, fs_training_save *save, void *context, struct fs_error *err)
{
    struct fs_training_state *base = &run->state->base;
    while (base->step < base->steps) {
        if (take_step(run, err) != 0) {
            return fs_training_step_failed(save, context, base, err);
        }
        base->step++;
        int status = base->step % run->training == 0 ? end_epoch(run, err) : 0;
        status = status == 0 && base->step == base->steps ? make_change(run, err) : status;
        if (status != 0) {
            return -1; /* what was saved before the step goes on from there */
        }
        if (fs_training_step_done(run->task->runner, save, context, base, err) != 0) {
            return -1;
        }
    }
    return 0;
}

void fs_biasedit_close(struct fs_biasedit_run *run)
{
    fs_biasedit_release_benches(run);
    for (size_t g = 0; g < run->groups; g++) {
        struct fs_biasedit_group *group = &run->group[g];
        fs_biasedit_texts_release(&group->edits);
        fs_biasedit_texts_release(&group->texts);
        free(group->mine);
        free(group->block_mine);
        free(group->row);
    }
    for (size_t m = 0; run->system != NULL && m < run->editor.layers; m++) {
        fs_editor_system_release(&run->system[m]);
    }
    fs_output_view_destroy(run->view);
    free(run->pair);
    free(run->group);
    free(run->mean);
    free(run->scale);
    free(run->value);
    free(run->total);
    free(run->gradient);
    free(run->system);
    free(run->system_of);
}

int fs_biasedit_train(const struct fs_method_task *task, fs_training_save *save, void *context,
                      struct fs_biasedit_state *state, struct fs_error *err)
{
    struct fs_biasedit_run run;
    if (state->base.step == state->base.steps && state->base.step > 0) {
        return 0;
    }
    int status = fs_biasedit_open(task, state, &run, err) == 0 ? train(&run, save, context, err) : -1;
    fs_biasedit_close(&run);
    return status;
}
