#include "stages/methods/biasedit_state.h"

#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"
#include "stages/methods/editor.h"

#define GROUPS ((uint64_t)0x67726f7570730000) /* "groups" */
#define TERMS ((uint64_t)0x7465726d73000000)  /* "terms" */

/* ---- which pairs are in which group ---- */

static bool is_edited(const struct fs_method_task *task, size_t i)
{
    return task->pairs->item[i].skip == FS_KEPT && (task->held_out == NULL || !task->held_out[i]);
}

static void shuffle(uint64_t seed, size_t *number, size_t count)
{
    struct fs_random random = fs_random_start(seed, 0);
    for (size_t i = count; i > 1; i--) {
        size_t other = fs_random_below(&random, i), kept = number[i - 1];
        number[i - 1] = number[other];
        number[other] = kept;
    }
}

/* The term of each edited pair to term [pairs]: its number in the order of their first pairs. Returns how many. */
static size_t number_terms(const struct fs_method_task *task, const struct fs_biasedit_draw *draw, size_t *term)
{
    size_t terms = 0;
    for (size_t i = 0; i < draw->pairs; i++) {
        term[i] = terms;
        for (size_t j = 0; j < i && term[i] == terms; j++) {
            if (strcmp(task->pairs->item[draw->pair[i]].target, task->pairs->item[draw->pair[j]].target) == 0) {
                term[i] = term[j];
            }
        }
        terms += term[i] == terms;
    }
    return terms;
}

/* Whole terms, drawn, until they have the share of the pairs; one term at least is left to train on. */
static size_t choose_validation(double share, uint64_t seed, const size_t *term, size_t pairs, size_t terms,
                                size_t *order, bool *chosen)
{
    size_t found = 0;
    for (size_t i = 0; i < terms; i++) {
        order[i] = i;
    }
    shuffle(seed ^ TERMS, order, terms);
    for (size_t k = 0; k + 1 < terms && (double)found < share * (double)pairs; k++) {
        for (size_t i = 0; i < pairs; i++) {
            chosen[i] = chosen[i] || term[i] == order[k];
            found += term[i] == order[k];
        }
    }
    return found;
}

int fs_biasedit_draw_pairs(const struct fs_method_task *task, struct fs_biasedit_draw *draw, struct fs_error *err)
{
    const struct fs_biasedit_options *options = task->settings;
    size_t most = task->pairs->count, next = 0;
    *draw = (struct fs_biasedit_draw){.pair = fs_allocate(most, sizeof *draw->pair, "the edited pairs", err)};
    size_t *term = fs_allocate(most, sizeof *term, "the edited pairs", err);
    size_t *order = fs_allocate(most, sizeof *order, "the edited pairs", err);
    bool *chosen = fs_allocate(most, sizeof *chosen, "the edited pairs", err);
    int status = draw->pair != NULL && term != NULL && order != NULL && chosen != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < most; i++) {
        if (is_edited(task, i)) {
            draw->pair[draw->pairs++] = i;
        }
    }
    if (status == 0) {
        size_t terms = number_terms(task, draw, term);
        size_t found = choose_validation(options->validation, task->seed, term, draw->pairs, terms, order, chosen);
        memcpy(order, draw->pair, draw->pairs * sizeof *order);
        draw->trained = draw->pairs - found;
        for (int part = 0; part < 2; part++) {
            for (size_t i = 0; i < draw->pairs; i++) {
                if (chosen[i] == (part == 1)) {
                    draw->pair[next++] = order[i];
                }
            }
        }
        shuffle(task->seed ^ GROUPS, draw->pair, draw->trained);
    }
    free(term);
    free(order);
    free(chosen);
    return status;
}

size_t fs_biasedit_groups(size_t pairs, size_t batch)
{
    return pairs == 0 ? 0 : (pairs - 1) / batch + 1;
}

/* ---- state ---- */

int fs_biasedit_state_allocate(struct fs_biasedit_state *state, struct fs_error *err)
{
    size_t P = state->parameters, planned = state->groups * state->epochs;
    fs_real **vector[] = {&state->number, &state->moment1, &state->moment2, &state->best};
    for (size_t i = 0; i < 4; i++) {
        *vector[i] = fs_allocate_aligned(P, sizeof **vector[i], "an editor; lower biasedit.rank", err);
        if (*vector[i] == NULL) {
            return -1;
        }
        memset(*vector[i], 0, P * sizeof **vector[i]);
    }
    state->loss = fs_allocate(planned * FS_BIASEDIT_LOSSES, sizeof *state->loss, "the history of losses", err);
    state->validation = fs_allocate(state->epochs, sizeof *state->validation, "the history of losses", err);
    return state->loss != NULL && state->validation != NULL ? 0 : -1;
}

static int check_layers(const struct fs_biasedit_options *options, const struct fs_spec *spec, struct fs_error *err)
{
    return options->above < spec->layers
               ? 0
               : fs_error_set(err, FS_EXIT_CONFIG,
                              "biasedit.above: found %zu layers above those that are changed, but the model has %zu; "
                              "expected fewer",
                              options->above, spec->layers);
}

size_t fs_biasedit_parameters(size_t ffn, size_t hidden, size_t rank, size_t layers)
{
    const struct fs_editor editor = {ffn, hidden, rank, layers, NULL, NULL};
    return fs_editor_layout_of(&editor).count;
}

int fs_biasedit_state_create(const struct fs_method_task *task, size_t pairs, struct fs_biasedit_state *state,
                             struct fs_error *err)
{
    const struct fs_biasedit_options *options = task->settings;
    const struct fs_spec *spec = fs_model_spec(task->model);
    struct fs_biasedit_draw draw;
    (void)pairs;
    *state = (struct fs_biasedit_state){.epochs = options->epochs};
    if (check_layers(options, spec, err) != 0 || fs_biasedit_draw_pairs(task, &draw, err) != 0) {
        return -1;
    }
    size_t below = spec->layers - options->above;
    state->layers = options->layers < below ? options->layers : below;
    state->groups = fs_biasedit_groups(draw.trained, options->batch);
    state->base.steps = state->groups * state->epochs;
    free(draw.pair);
    if (fs_weight_create_layers(spec, below - state->layers, state->layers, 0, &state->edit, err) != 0) {
        return fs_error_prepend(err, "biasedit.layers");
    }
    const struct fs_weight w = fs_weight_of(&state->edit);
    state->rank = fs_biasedit_rank(options, w.ffn + w.hidden);
    const struct fs_editor editor = {w.ffn, w.hidden, state->rank, state->layers, NULL, NULL};
    state->parameters = fs_biasedit_parameters(w.ffn, w.hidden, state->rank, state->layers);
    if (fs_biasedit_state_allocate(state, err) != 0) {
        fs_biasedit_state_release(state);
        return -1;
    }
    fs_editor_begin(&editor, task->seed, options->edit_rate, state->number);
    memcpy(state->best, state->number, state->parameters * sizeof *state->best);
    return 0;
}

void fs_biasedit_state_release(struct fs_biasedit_state *state)
{
    fs_edit_release(&state->edit);
    free(state->number);
    free(state->moment1);
    free(state->moment2);
    free(state->best);
    free(state->loss);
    free(state->validation);
    *state = (struct fs_biasedit_state){0};
}
