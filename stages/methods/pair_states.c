#include "stages/methods/pair_states.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/flops.h"
#include "stages/plan/plan.h"

/* Reads of the plan at the tokens of one statement: the token that they ask for is none of theirs. */
struct place {
    size_t first, count; /* in `read` of struct features */
};

struct features {
    const struct fs_method_task *task;
    const struct fs_spec *spec;
    struct fs_prompt_style style;
    struct fs_plan *plan;
    size_t *read;
    size_t reads, read_capacity;
    struct place (*place)[2]; /* [count] k1, k2 */
    size_t count, without;
    struct fs_workspace **workspace; /* [threads] */
    fs_real **h;                     /* [threads] (T,d) of the largest unit */
    size_t most_tokens;
};

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Where `word` stands in `text` for the last time, in any case of ASCII letters; NULL: nowhere. */
static const char *find_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    const char *found = NULL;
    for (const char *at = text; length > 0 && *at != '\0'; at++) {
        if ((at == text || !in_word(at[-1])) && strncasecmp(at, word, length) == 0 && !in_word(at[length])) {
            found = at;
        }
    }
    return found;
}

/* Adds the text and its reads at the tokens that overlap bytes begin .. end - 1. None where it is too long. */
static int add_text(struct features *f, const char *text, size_t begin, size_t end, struct place *place,
                    struct fs_error *err)
{
    const bool masked = f->style.kind == FS_MASKED;
    const int32_t before = masked ? f->style.special.cls : f->style.special.begin_of_text;
    struct fs_encoding encoding = {0};
    size_t lead = before >= 0 ? 1 : 0, pass;
    if (fs_tokenizer_encode(f->task->tokenizer, text, strlen(text), &encoding, err) != 0) {
        return -1;
    }
    size_t count = lead + encoding.count + (masked ? 1 : 0);
    int32_t *id = fs_allocate(count + 1, sizeof *id, "token ids", err);
    int status = id != NULL ? 0 : -1;
    *place = (struct place){.first = f->reads};
    if (status == 0 && encoding.count > 0 && count <= f->spec->max_positions) {
        id[0] = before; /* where there is none the text's first token takes its place */
        memcpy(id + lead, encoding.id, encoding.count * sizeof *id);
        if (masked) {
            id[count - 1] = f->style.special.sep;
        }
        status = fs_plan_add_pass(f->plan, id, count, &pass, err);
        for (size_t i = 0; status == 0 && i < encoding.count; i++) {
            if (encoding.begin[i] < end && encoding.end[i] > begin) {
                status = fs_grow(&f->read, &f->read_capacity, f->reads + 1, sizeof *f->read, "pairs", err) == 0
                             ? fs_plan_add_read(f->plan, pass, lead + i, 0, &f->read[f->reads], err)
                             : -1;
                f->reads++;
                place->count++;
            }
        }
    }
    free(id);
    fs_encoding_release(&encoding);
    return status;
}

static int add_statement(struct features *f, const struct fs_pair *pair, size_t k, struct place *place,
                         struct fs_error *err)
{
    const struct fs_statement_text *statement = &pair->statement[k];
    char *text = NULL;
    *place = (struct place){0};
    if (asprintf(&text, "%s%s%s", statement->before, statement->completion, statement->after) < 0) {
        return fs_error_memory(err, strlen(statement->before), "a text");
    }
    size_t begin = strlen(statement->before), length = strlen(statement->completion);
    if (pair->counterpart[0] != '\0') { /* the subjects differ */
        const char *subject = k == FS_STEREOTYPE ? pair->subject : pair->counterpart, *at = find_word(text, subject);
        begin = at != NULL ? (size_t)(at - text) : 0;
        length = at != NULL ? strlen(subject) : 0;
    }
    int status = length > 0 ? add_text(f, text, begin, begin + length, place, err) : 0;
    free(text);
    return status;
}

static int compile(struct features *f, struct fs_error *err)
{
    const struct fs_pair_list *pairs = f->task->pairs;
    f->place = fs_allocate(pairs->count, sizeof *f->place, "pairs", err);
    if (f->place == NULL || fs_prompt_style_of(f->spec, f->task->tokenizer, &f->style, err) != 0 ||
        fs_plan_create(&f->plan, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        struct place *place = f->place[f->count];
        if (pairs->item[i].skip != FS_KEPT || (f->task->held_out != NULL && f->task->held_out[i])) {
            continue;
        }
        if (add_statement(f, &pairs->item[i], FS_STEREOTYPE, &place[0], err) != 0 ||
            add_statement(f, &pairs->item[i], FS_ANTI_STEREOTYPE, &place[1], err) != 0) {
            return fs_error_prepend(err, "pair %s", pairs->item[i].id);
        }
        bool both = place[0].count > 0 && place[1].count > 0;
        f->count += both ? 1 : 0;
        f->without += both ? 0 : 1;
    }
    if (f->count == 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "none of the %zu edited pairs has a text with its subject, or completion, that the model "
                            "takes; take other pairs",
                            f->without);
    }
    struct fs_plan_limits limits = fs_plan_limits_of(f->spec, FS_UNIT_TOKENS);
    limits.token_flops = fs_flops_layers(f->spec, 0, f->task->layer + 1, 1, 0);
    if (fs_plan_seal(f->plan, limits, err) != 0) {
        return -1;
    }
    for (size_t unit = 0; unit < fs_plan_units(f->plan); unit++) {
        struct fs_plan_unit u;
        fs_plan_get_unit(f->plan, unit, &u);
        f->most_tokens = u.batch.tokens > f->most_tokens ? u.batch.tokens : f->most_tokens;
    }
    f->workspace = fs_allocate(f->task->runner->threads, sizeof(struct fs_workspace *), "workspaces", err);
    f->h = fs_allocate(f->task->runner->threads, sizeof(fs_real *), "workspaces", err);
    return f->workspace != NULL && f->h != NULL ? 0 : -1;
}

static size_t result_bytes(const void *context, size_t unit)
{
    const struct features *f = context;
    struct fs_plan_unit u;
    fs_plan_get_unit(f->plan, unit, &u);
    return u.reads.rows * f->spec->hidden * sizeof(fs_real);
}

/* The states at the unit's rows. */
static int run_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct features *f = context;
    struct fs_plan_unit u;
    size_t row_bytes = f->spec->hidden * sizeof(fs_real);
    fs_plan_get_unit(f->plan, unit, &u);
    if (f->workspace[thread] == NULL) {
        f->h[thread] = fs_allocate_aligned(f->most_tokens, row_bytes, "hidden states", err);
        if (f->h[thread] == NULL || fs_workspace_create(f->task->model, &f->workspace[thread], err) != 0) {
            return -1;
        }
    }
    fs_real *h = f->h[thread];
    const struct fs_pass pass = {f->task->model, f->workspace[thread], &u.batch, NULL};
    if (fs_batch_check(f->task->model, &u.batch, err) != 0 ||
        fs_embed(f->task->model, f->workspace[thread], &u.batch, NULL, h, err) != 0 ||
        fs_run_layers(&pass, 0, f->task->layer + 1, h, err) != 0) {
        return -1;
    }
    for (size_t row = 0; row < u.reads.rows; row++) {
        memcpy((unsigned char *)result + row * row_bytes, h + u.reads.row[row] * f->spec->hidden, row_bytes);
    }
    return 0;
}

static void unit_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct features *f = context;
    struct fs_plan_unit u;
    fs_plan_get_unit(f->plan, unit, &u);
    double tokens = (double)u.batch.tokens;
    *cost =
        (struct fs_cost){.flops = fs_flops_layers(f->spec, 0, f->task->layer + 1, tokens, fs_batch_squares(&u.batch)),
                         .passes = (double)u.batch.sequences,
                         .tokens = tokens,
                         .rows = (double)u.reads.rows};
}

/* Root: from the units' results to differences; state_of [reads]: where each read's state is. */
static void take_differences(const struct features *f, const size_t *state_of, const unsigned char *results,
                             double *difference)
{
    size_t d = f->spec->hidden;
    for (size_t i = 0; i < f->count; i++) {
        for (size_t side = 0; side < 2; side++) {
            const struct place *place = &f->place[i][side];
            for (size_t r = place->first; r < place->first + place->count; r++) {
                for (size_t k = 0; k < d; k++) {
                    fs_real number; /* a result may stand unaligned */
                    memcpy(&number, results + (state_of[f->read[r]] * d + k) * sizeof number, sizeof number);
                    difference[i * d + k] += (side == 0 ? 1 : -1) * (double)number / (double)place->count;
                }
            }
        }
    }
}

/* Root: where the state of each read of the plan stands among the rows of all units. */
static void find_states(const struct features *f, size_t *state_of)
{
    for (size_t unit = 0, before = 0; unit < fs_plan_units(f->plan); unit++) {
        struct fs_plan_unit u;
        fs_plan_get_unit(f->plan, unit, &u);
        for (size_t row = 0; row < u.reads.rows; row++) {
            for (size_t i = u.reads.first[row]; i < u.reads.first[row + 1]; i++) {
                state_of[u.read_index[i]] = before + row;
            }
        }
        before += u.reads.rows;
    }
}

static int compute(struct features *f, double **difference, struct fs_error *err)
{
    struct fs_runner *runner = f->task->runner;
    const struct fs_work work = {.name = "states of pairs",
                                 .units = fs_plan_units(f->plan),
                                 .context = f,
                                 .result_bytes = result_bytes,
                                 .run = run_unit,
                                 .cost = unit_cost};
    unsigned char *results = NULL;
    size_t *state_of = NULL;
    int status = 0;
    if (fs_runner_is_root(runner)) {
        size_t bytes = 0;
        for (size_t unit = 0; unit < work.units; unit++) {
            bytes += result_bytes(f, unit);
        }
        results = fs_allocate(bytes, 1, "states of pairs", err);
        state_of = fs_allocate(fs_plan_reads(f->plan), sizeof *state_of, "states of pairs", err);
        *difference = fs_allocate(f->count, f->spec->hidden * sizeof **difference, "states of pairs", err);
        status = results != NULL && state_of != NULL && *difference != NULL ? 0 : -1;
    }
    status = fs_runner_agree(runner, status, err);
    status = status == 0 ? fs_runner_map(runner, &work, NULL, results, err) : -1;
    if (status == 0 && results != NULL) {
        find_states(f, state_of);
        take_differences(f, state_of, results, *difference);
    }
    free(results);
    free(state_of);
    return status;
}

int fs_pair_differences(const struct fs_method_task *task, double **difference, size_t *count, size_t *without,
                        struct fs_error *err)
{
    struct features f = {.task = task, .spec = fs_model_spec(task->model)};
    *difference = NULL;
    int status = fs_runner_agree(task->runner, compile(&f, err), err);
    status = status == 0 ? compute(&f, difference, err) : -1;
    *count = f.count;
    *without = f.without;
    if (status != 0) {
        free(*difference);
        *difference = NULL;
    }
    for (size_t thread = 0; f.workspace != NULL && f.h != NULL && thread < task->runner->threads; thread++) {
        fs_workspace_destroy(f.workspace[thread]);
        free(f.h[thread]);
    }
    free(f.workspace);
    free(f.h);
    free(f.place);
    free(f.read);
    fs_plan_destroy(f.plan);
    return status;
}
