#include "stages/trace/trace_wave.h"

#include <stdlib.h>
#include <string.h>

/* All sequences are laid out from the start, by where they join; those that have not stand behind the batch. */
struct wave {
    const struct fs_trace_layout *layout;
    const struct trace *trace;
    size_t joined;                  /* sequences that run */
    size_t *order, *sequence;       /* [runs] the run of each sequence, and back */
    int32_t *token;                 /* [tokens] */
    size_t *start, *parent, *depth; /* [runs + 1] and [runs] of the batch */
    struct fs_row_copies copies[2]; /* of attention, of the FFN; there is room for all copies */
    size_t *from[2], *to[2];
    fs_real *h;     /* (tokens,d) */
    fs_real *noise; /* (tokens from the embeddings on,E); NULL: no noised item */
    struct fs_batch batch;
};

static void wave_release(struct wave *wave)
{
    free(wave->order);
    free(wave->sequence);
    free(wave->token);
    free(wave->start);
    free(wave->parent);
    free(wave->depth);
    for (size_t i = 0; i < 2; i++) {
        free(wave->from[i]);
        free(wave->to[i]);
    }
    free(wave->h);
    free(wave->noise);
}

static size_t row_of(const struct wave *wave, size_t run, size_t position)
{
    return fs_batch_row(&wave->batch, wave->sequence[run], position);
}

/* Stable, by the turn at which runs join. */
static void order_runs(struct wave *wave)
{
    const struct fs_trace_layout *layout = wave->layout;
    size_t next = 0;
    for (size_t turn = 0; turn <= wave->trace->spec->layers; turn++) {
        for (size_t r = 0; r < layout->runs; r++) {
            if (layout->run[r].turn == turn) {
                wave->sequence[r] = next;
                wave->order[next++] = r;
            }
        }
    }
    for (size_t s = 0; s < layout->runs; s++) {
        const struct fs_trace_run *run = &layout->run[wave->order[s]];
        size_t own = run->length - run->depth;
        memcpy(wave->token + wave->start[s], run->token + run->depth, own * sizeof *run->token);
        wave->start[s + 1] = wave->start[s] + own;
        wave->depth[s] = run->depth;
        wave->parent[s] = run->depth > 0 ? wave->sequence[run->parent] : 0;
    }
    wave->batch = (struct fs_batch){.token = wave->token, .start = wave->start};
    if (layout->shares) {
        wave->batch.parent = wave->parent;
        wave->batch.depth = wave->depth;
    }
}

static int wave_create(const struct fs_trace_layout *layout, struct wave *wave, struct fs_error *err)
{
    size_t runs = layout->runs, rows[2] = {0, 0};
    const struct trace *trace = layout->map->trace;
    *wave = (struct wave){.layout = layout, .trace = trace};
    wave->order = fs_allocate(runs, sizeof *wave->order, "a trace unit", err);
    wave->sequence = fs_allocate(runs, sizeof *wave->sequence, "a trace unit", err);
    wave->token = fs_allocate(layout->tokens, sizeof *wave->token, "a trace unit", err);
    wave->start = fs_allocate(runs + 1, sizeof *wave->start, "a trace unit", err);
    wave->parent = fs_allocate(runs, sizeof *wave->parent, "a trace unit", err);
    wave->depth = fs_allocate(runs, sizeof *wave->depth, "a trace unit", err);
    wave->h = fs_allocate_aligned(layout->tokens, trace->spec->hidden * sizeof *wave->h,
                                  "the hidden states of a trace unit", err);
    if (wave->order == NULL || wave->sequence == NULL || wave->token == NULL || wave->start == NULL ||
        wave->parent == NULL || wave->depth == NULL || wave->h == NULL) {
        return -1;
    }
    for (size_t r = 0; r < runs; r++) {
        const struct fs_trace_restoration *restoration = &layout->run[r].restoration;
        enum fs_trace_kind kind = restoration->kind != FS_TRACE_RESIDUAL ? restoration->kind : restoration->severed;
        if (layout->run[r].turn > 0 && kind != FS_TRACE_RESIDUAL) {
            rows[kind == FS_TRACE_FFN] += restoration->end - restoration->begin;
        }
    }
    for (size_t i = 0; i < 2; i++) {
        wave->from[i] = fs_allocate(rows[i], sizeof *wave->from[i], "a trace unit", err);
        wave->to[i] = fs_allocate(rows[i], sizeof *wave->to[i], "a trace unit", err);
        if (wave->from[i] == NULL || wave->to[i] == NULL) {
            return -1;
        }
    }
    order_runs(wave);
    return 0;
}

/* The sequences that join at `turn` are in the batch from here on. */
static void extend(struct wave *wave, size_t turn)
{
    const struct fs_trace_layout *layout = wave->layout;
    while (wave->joined < layout->runs && layout->run[wave->order[wave->joined]].turn == turn) {
        wave->joined++;
    }
    wave->batch.sequences = wave->joined;
    wave->batch.tokens = wave->start[wave->joined];
}

static int add_noise(struct wave *wave, struct fs_error *err)
{
    const struct fs_trace_layout *layout = wave->layout;
    size_t E = fs_spec_embedding(wave->trace->spec);
    for (size_t b = 0; b < layout->blocks; b++) {
        const struct fs_trace_place *place = &layout->block[b];
        const struct fs_trace_item *item = &wave->trace->item[place->block.item];
        if (!item->noised) {
            continue;
        }
        if (wave->noise == NULL) {
            wave->noise = fs_allocate(wave->batch.tokens, E * sizeof *wave->noise, "the noise of a trace unit", err);
            if (wave->noise == NULL) {
                return -1;
            }
        }
        fs_trace_noise(wave->trace, place->block.item, place->block.sample,
                       wave->noise + row_of(wave, place->corrupted, item->subject_begin) * E);
    }
    return 0;
}

/* The run that `run` is a copy of; or, `other`, the one that it is set to values of. */
static size_t source_of(const struct wave *wave, const struct fs_trace_run *run, bool other)
{
    const struct fs_trace_place *place = &wave->layout->block[run->block];
    return run->restoration.removed == other ? place->corrupted : place->biased;
}

/* The copies that join at `turn`: the run that they copy so far, and for the residual stream the other one's rows. */
static void join(struct wave *wave, size_t turn)
{
    size_t d = wave->trace->spec->hidden, s = wave->joined;
    extend(wave, turn);
    for (; s < wave->joined; s++) {
        const struct fs_trace_run *run = &wave->layout->run[wave->order[s]];
        const struct fs_trace_restoration *restoration = &run->restoration;
        for (size_t position = run->depth; position < run->length; position++) {
            bool set =
                restoration->kind == FS_TRACE_RESIDUAL && position >= restoration->begin && position < restoration->end;
            size_t from = row_of(wave, source_of(wave, run, set), position);
            memcpy(wave->h + (wave->start[s] + position - run->depth) * d, wave->h + from * d, d * sizeof *wave->h);
        }
    }
}

/* What a sublayer of `layer` adds to the rows of the copies that have joined; severed, that of the run itself. */
static const struct fs_row_copies *list_rows(struct wave *wave, enum fs_trace_kind kind, size_t layer)
{
    size_t which = kind == FS_TRACE_FFN, count = 0;
    for (size_t s = 0; s < wave->joined; s++) {
        const struct fs_trace_run *run = &wave->layout->run[wave->order[s]];
        const struct fs_trace_restoration *restoration = &run->restoration;
        bool severed = restoration->severed == kind;
        if (run->turn == 0 || layer < restoration->first ||
            (!severed && (restoration->kind != kind || layer >= restoration->last))) {
            continue;
        }
        size_t begin = restoration->begin > run->depth ? restoration->begin : run->depth;
        for (size_t position = begin; position < restoration->end; position++) {
            wave->from[which][count] = row_of(wave, source_of(wave, run, !severed), position);
            wave->to[which][count++] = wave->start[s] + position - run->depth;
        }
    }
    wave->copies[which] = (struct fs_row_copies){count, wave->from[which], wave->to[which]};
    return &wave->copies[which];
}

static int read_numbers(const struct wave *wave, struct fs_workspace *workspace, double *numbers, struct fs_error *err)
{
    const struct fs_trace_layout *layout = wave->layout;
    size_t R = layout->reads;
    size_t *row = fs_allocate(R, sizeof *row, "a trace unit", err);
    size_t *first = fs_allocate(R + 1, sizeof *first, "a trace unit", err);
    int32_t *token = fs_allocate(R, sizeof *token, "a trace unit", err);
    fs_real *logprob = fs_allocate(R, sizeof *logprob, "a trace unit", err);
    int status = row != NULL && first != NULL && token != NULL && logprob != NULL ? 0 : -1;
    for (size_t r = 0; status == 0 && r < R; r++) {
        const struct fs_trace_read *read = &layout->read[r];
        const struct fs_trace_item *item = &wave->trace->item[layout->block[read->block].block.item];
        row[r] = row_of(wave, read->run, item->read);
        first[r + 1] = r + 1;
        token[r] = item->object;
    }
    if (status == 0) {
        const struct fs_reads reads = {R, row, first, token, NULL};
        status = fs_read_logprobs(wave->trace->model, workspace, wave->h, &reads, logprob, NULL, err);
    }
    for (size_t v = 0; status == 0 && v < layout->values; v++) {
        numbers[v] = layout->value[v] != SIZE_MAX ? (double)logprob[layout->value[v]] : 0;
    }
    free(row);
    free(first);
    free(token);
    free(logprob);
    return status;
}

static int run(struct wave *wave, struct fs_workspace *workspace, double *numbers, struct fs_error *err)
{
    const struct trace *trace = wave->trace;
    const struct fs_pass pass = {trace->model, workspace, &wave->batch, NULL};
    extend(wave, 0);
    if (add_noise(wave, err) != 0 || fs_embed(trace->model, workspace, &wave->batch, wave->noise, wave->h, err) != 0) {
        return -1;
    }
    for (size_t layer = 0; layer < trace->spec->layers; layer++) {
        join(wave, layer + 1);
        const struct fs_row_copies *attention = list_rows(wave, FS_TRACE_ATTENTION, layer);
        const struct fs_row_copies *ffn = list_rows(wave, FS_TRACE_FFN, layer);
        if (fs_run_layer_patched(&pass, layer, attention, ffn, wave->h, err) != 0) {
            return -1;
        }
    }
    return read_numbers(wave, workspace, numbers, err);
}

int fs_trace_wave_run(const struct fs_trace_layout *layout, struct fs_workspace *workspace, double *numbers,
                      struct fs_error *err)
{
    struct wave wave;
    int status = wave_create(layout, &wave, err);
    if (status == 0) {
        status = run(&wave, workspace, numbers, err);
    }
    wave_release(&wave);
    return status;
}
