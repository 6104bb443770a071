#include "stages/methods/covariance.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "io/file_map.h"
#include "io/formats/file_kind.h"
#include "model/edits/edit_file.h"
#include "model/engine.h"
#include "model/flops.h"
#include "model/numbers/cholesky.h"
#include "model/numbers/dense.h"
#include "stages/methods/features.h"

#define STEP_BYTES ((size_t)128 << 20) /* of keys that are on their way together */
#define PANEL ((size_t)64)             /* rows of the sum that are computed together */
#define BLOCK ((size_t)256)            /* tokens that are widened together */
#define FEW_TOKENS ((size_t)10)        /* a key's number, below which the sum says little */
#define GROUP "/covariance"
#define MOST ((int64_t)1 << 40)

/* What one thread computes with; made when it gets its first unit. */
struct bench {
    struct fs_workspace *workspace;
    fs_real *h, *x, *base; /* (T,d), (T,d), (fs_base_matrices,T,d) */
    double *left, *right;  /* (BLOCK,PANEL), (BLOCK,F) */
};

/* Texts first .. last - 1. */
struct part {
    size_t first, last;
};

struct maker {
    const struct fs_method_task *task;
    const struct fs_spec *spec;
    struct fs_covariance *covariance;
    int32_t *id;
    size_t ids, id_capacity;
    size_t *start; /* [texts + 1] into id */
    size_t texts, start_capacity;
    struct part *unit;
    size_t units, unit_capacity, most_tokens;
    size_t begin;        /* the first unit of the step that runs */
    size_t tokens;       /* of the step */
    fs_real *key;        /* (tokens,F) of the step */
    struct bench *bench; /* [threads] */
};

void fs_covariance_release(struct fs_covariance *covariance)
{
    free(covariance->sum);
    *covariance = (struct fs_covariance){0};
}

double fs_covariance_root_bytes(size_t size)
{
    return 3 * (double)size * (double)size * (double)sizeof(double); /* the sum, panels or a copy, and the archive's */
}

double fs_covariance_rank_bytes(void)
{
    return (double)STEP_BYTES;
}

/* ---- the text ---- */

static int add_paragraph(struct maker *m, const struct fs_text_around *around, const char *text, size_t length,
                         struct fs_error *err)
{
    size_t count;
    if (fs_grow(&m->id, &m->id_capacity, m->ids + around->most + 2, sizeof *m->id, "token ids", err) != 0 ||
        fs_grow(&m->start, &m->start_capacity, m->texts + 2, sizeof *m->start, "texts", err) != 0 ||
        fs_text_encode(m->task, around, text, length, m->id + m->ids, &count, err) != 0) {
        return -1;
    }
    m->start[m->texts] = m->ids;
    if (count > 0) {
        m->ids += count;
        m->start[++m->texts] = m->ids;
    }
    return 0;
}

static int add_paragraphs(struct maker *m, const char *text, size_t size, struct fs_error *err)
{
    struct fs_text_around around;
    int status = fs_text_around_find(m->task, FS_COVARIANCE_LENGTH, &around, err);
    for (size_t at = 0; status == 0 && at < size && m->ids < m->task->covariance_tokens;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - text) - at : size - at;
        size_t next = at + length + 1;
        while (length > 0 && (text[at + length - 1] == '\r' || text[at + length - 1] == ' ')) {
            length--;
        }
        status = length > 0 ? add_paragraph(m, &around, text + at, length, err) : 0;
        at = next;
    }
    return status;
}

static int read_text(struct maker *m, struct fs_error *err)
{
    const char *path = m->task->text;
    struct fs_file_map map;
    if (fs_file_map_open(path, &map, err) != 0) {
        return -1;
    }
    size_t mark = fs_byte_order_mark(map.data, map.size);
    int status = fs_check_text_file(path, map.data, map.size, err);
    if (status == 0) {
        status = add_paragraphs(m, (const char *)map.data + mark, map.size - mark, err);
    }
    fs_file_map_close(&map);
    if (status == 0 && m->texts == 0) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found no token, expected text, one paragraph a line", path);
    }
    return status;
}

/* Whole texts, as many as FS_UNIT_TOKENS holds; a longer one by itself. */
static int make_units(struct maker *m, struct fs_error *err)
{
    for (size_t first = 0; first < m->texts;) {
        size_t last = first + 1;
        while (last < m->texts && m->start[last + 1] - m->start[first] <= FS_UNIT_TOKENS) {
            last++;
        }
        if (fs_grow(&m->unit, &m->unit_capacity, m->units + 1, sizeof *m->unit, "units of a text", err) != 0) {
            return -1;
        }
        size_t tokens = m->start[last] - m->start[first];
        m->most_tokens = tokens > m->most_tokens ? tokens : m->most_tokens;
        m->unit[m->units++] = (struct part){first, last};
        first = last;
    }
    return 0;
}

static size_t tokens_of(const struct maker *m, size_t unit)
{
    return m->start[m->unit[unit].last] - m->start[m->unit[unit].first];
}

/* ---- units of the text: their keys ---- */

static struct bench *bench_of(struct maker *m, size_t thread, struct fs_error *err)
{
    struct bench *bench = &m->bench[thread];
    size_t row = m->spec->hidden * sizeof(fs_real), F = m->covariance->size;
    if (bench->workspace != NULL) {
        return bench;
    }
    bench->h = fs_allocate_aligned(m->most_tokens, row, "hidden states", err);
    bench->x = fs_allocate_aligned(m->most_tokens, row, "FFN inputs", err);
    bench->base = fs_allocate_aligned(fs_base_matrices(m->spec) * m->most_tokens, row, "FFN outputs", err);
    bench->left = fs_allocate_aligned(BLOCK * PANEL, sizeof(double), "keys", err);
    bench->right = fs_allocate_aligned(BLOCK * F, sizeof(double), "keys", err);
    return bench->h != NULL && bench->x != NULL && bench->base != NULL && bench->left != NULL && bench->right != NULL &&
                   fs_workspace_create(m->task->model, &bench->workspace, err) == 0
               ? bench
               : NULL;
}

static size_t key_bytes(const void *context, size_t number)
{
    const struct maker *m = context;
    return tokens_of(m, m->begin + number) * m->covariance->size * sizeof(fs_real);
}

static int make_keys(void *context, size_t thread, size_t number, void *result, struct fs_error *err)
{
    struct maker *m = context;
    const struct part *unit = &m->unit[m->begin + number];
    struct bench *bench = bench_of(m, thread, err);
    size_t sequences = unit->last - unit->first, layer = m->covariance->layer;
    size_t *start = bench != NULL ? fs_allocate(sequences + 1, sizeof *start, "a batch", err) : NULL;
    if (start == NULL) {
        return -1;
    }
    for (size_t i = 0; i <= sequences; i++) {
        start[i] = m->start[unit->first + i] - m->start[unit->first];
    }
    const struct fs_batch batch = {
        .sequences = sequences, .tokens = start[sequences], .token = m->id + m->start[unit->first], .start = start};
    const struct fs_pass pass = {m->task->model, bench->workspace, &batch, NULL};
    int status = fs_embed(m->task->model, bench->workspace, &batch, NULL, bench->h, err) == 0 &&
                         fs_run_layers(&pass, 0, layer, bench->h, err) == 0 &&
                         fs_run_to_ffn(&pass, layer, bench->h, bench->x, bench->base, err) == 0
                     ? fs_run_keys(&pass, layer, bench->x, result, err)
                     : -1;
    free(start);
    return status;
}

static void key_cost(const void *context, size_t number, struct fs_cost *cost)
{
    const struct maker *m = context;
    const struct part *unit = &m->unit[m->begin + number];
    double tokens = (double)tokens_of(m, m->begin + number), squares = 0;
    for (size_t t = unit->first; t < unit->last; t++) {
        double n = (double)(m->start[t + 1] - m->start[t]);
        squares += n * n;
    }
    *cost = (struct fs_cost){.flops = fs_flops_layers(m->spec, 0, m->covariance->layer + 1, tokens, squares),
                             .passes = (double)(unit->last - unit->first),
                             .tokens = tokens};
}

/* ---- panels of the sum: rows from PANEL x number on, columns up to their last ---- */

static size_t rows_of(const struct maker *m, size_t panel)
{
    size_t left = m->covariance->size - panel * PANEL;
    return left < PANEL ? left : PANEL;
}

static size_t columns_of(const struct maker *m, size_t panel)
{
    return panel * PANEL + rows_of(m, panel);
}

static size_t panel_bytes(const void *context, size_t panel)
{
    return rows_of(context, panel) * columns_of(context, panel) * sizeof(double);
}

static int make_panel(void *context, size_t thread, size_t panel, void *result, struct fs_error *err)
{
    struct maker *m = context;
    struct bench *bench = bench_of(m, thread, err);
    size_t F = m->covariance->size, first = panel * PANEL, rows = rows_of(m, panel), columns = columns_of(m, panel);
    if (bench == NULL) {
        return -1;
    }
    fs_dense_one_thread();
    for (size_t begin = 0; begin < m->tokens; begin += BLOCK) {
        size_t tokens = m->tokens - begin < BLOCK ? m->tokens - begin : BLOCK;
        for (size_t t = 0; t < tokens; t++) {
            const fs_real *key = m->key + (begin + t) * F;
            for (size_t i = 0; i < columns; i++) {
                bench->right[t * columns + i] = (double)key[i];
            }
            memcpy(bench->left + t * rows, bench->right + t * columns + first, rows * sizeof(double));
        }
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)rows, (blasint)columns, (blasint)tokens, 1,
                    bench->left, (blasint)rows, bench->right, (blasint)columns, begin > 0 ? 1 : 0, result,
                    (blasint)columns);
    }
    return 0;
}

static void panel_cost(const void *context, size_t panel, struct fs_cost *cost)
{
    const struct maker *m = context;
    *cost = (struct fs_cost){.flops = 4.0 * (double)m->tokens * (double)rows_of(m, panel) *
                                      (double)columns_of(m, panel)}; /* of float64, which take twice the time */
}

static void add_panels(struct maker *m, const double *from)
{
    size_t F = m->covariance->size;
    for (size_t panel = 0; panel * PANEL < F; panel++) {
        size_t columns = columns_of(m, panel);
        for (size_t row = panel * PANEL; row < columns; row++) {
            for (size_t i = 0; i <= row; i++) {
                m->covariance->sum[row * F + i] += from[i];
            }
            from += columns;
        }
    }
}

/* ---- steps ---- */

/* Units until their keys fill a step. */
static size_t step_units(struct maker *m)
{
    const struct fs_covariance_store *store = m->task->covariances;
    size_t bytes = store != NULL && store->step_bytes > 0 ? store->step_bytes : STEP_BYTES, units = 1;
    size_t most = bytes / (m->covariance->size * sizeof(fs_real));
    m->tokens = tokens_of(m, m->begin);
    while (m->begin + units < m->units && m->tokens + tokens_of(m, m->begin + units) <= most) {
        m->tokens += tokens_of(m, m->begin + units++);
    }
    return units;
}

static int do_step(struct maker *m, size_t units, struct fs_error *err)
{
    struct fs_runner *runner = m->task->runner;
    size_t F = m->covariance->size, panels = (F - 1) / PANEL + 1, numbers = 0;
    bool root = fs_runner_is_root(runner);
    for (size_t panel = 0; panel < panels; panel++) {
        numbers += panel_bytes(m, panel) / sizeof(double);
    }
    double *sums = root ? fs_allocate_aligned(numbers, sizeof *sums, "a covariance", err) : NULL;
    m->key = fs_allocate_aligned(m->tokens * F, sizeof *m->key, "keys of a text", err);
    const struct fs_work keys = {.name = "covariance: keys",
                                 .units = units,
                                 .context = m,
                                 .result_bytes = key_bytes,
                                 .run = make_keys,
                                 .cost = key_cost};
    const struct fs_work sum = {.name = "covariance",
                                .units = panels,
                                .context = m,
                                .result_bytes = panel_bytes,
                                .run = make_panel,
                                .cost = panel_cost};
    int status = fs_runner_agree(runner, m->key != NULL && (!root || sums != NULL) ? 0 : -1, err);
    if (status == 0) {
        status = fs_runner_map(runner, &keys, NULL, root ? (unsigned char *)m->key : NULL, err) == 0 &&
                         fs_runner_broadcast(runner, m->key, m->tokens * F * sizeof *m->key, err) == 0
                     ? fs_runner_map(runner, &sum, NULL, (unsigned char *)sums, err)
                     : -1;
    }
    if (status == 0 && root) {
        add_panels(m, sums);
    }
    free(sums);
    free(m->key);
    m->key = NULL;
    return status;
}

/* Root, once all is summed: the smallest pivot, by a copy. */
static int finish(const struct fs_method_task *task, struct fs_covariance *covariance, struct fs_error *err)
{
    size_t F = covariance->size;
    struct fs_covariance copy = *covariance;
    covariance->done = true;
    if (task->runner->probes) {
        return 0;
    }
    copy.sum = fs_allocate_aligned(F * F, sizeof *copy.sum, "a covariance", err);
    if (copy.sum == NULL) {
        return -1;
    }
    memcpy(copy.sum, covariance->sum, F * F * sizeof *copy.sum);
    int status = fs_covariance_factorise(&copy, &covariance->pivot, err);
    free(copy.sum);
    if (status == 0) {
        fs_say("covariance: layer %zu, %zu tokens of %zu texts, smallest pivot %.3g", covariance->layer,
               covariance->tokens, covariance->texts, covariance->pivot);
        if (covariance->tokens < FEW_TOKENS * F) {
            fs_warn("covariance: %zu tokens are few for keys of %zu numbers; %zu or more are better, of a longer "
                    "edit.text",
                    covariance->tokens, F, FEW_TOKENS * F);
        }
    }
    return status;
}

static int save(const struct fs_method_task *task, const struct fs_covariance *covariance, bool stop,
                struct fs_error *err)
{
    const struct fs_covariance_store *store = task->covariances;
    int status =
        fs_runner_is_root(task->runner) && store != NULL ? store->save(store->context, covariance, stop, err) : 0;
    return fs_runner_agree(task->runner, status, err);
}

static int interrupted(const struct fs_covariance *covariance, size_t texts, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_INTERRUPTED,
                        "stopped after %zu of %zu texts of the covariance; run the same command again to go on",
                        covariance->texts, texts);
}

/* From what is summed already to the end. */
static int sum_texts(struct maker *m, struct fs_error *err)
{
    struct fs_covariance *covariance = m->covariance;
    while (m->begin < m->units && m->unit[m->begin].first < covariance->texts) {
        m->begin++;
    }
    while (m->begin < m->units) {
        size_t units = step_units(m);
        if (do_step(m, units, err) != 0) {
            struct fs_error own = FS_ERROR_INIT;
            if (err->code == FS_EXIT_INTERRUPTED && save(m->task, covariance, true, &own) != 0) {
                *err = own;
            }
            return -1;
        }
        m->begin += units;
        covariance->texts = m->unit[m->begin - 1].last;
        covariance->tokens += m->tokens;
        bool more = m->begin < m->units, stop = more && fs_runner_stop_requested(m->task->runner);
        if (more && save(m->task, covariance, stop, err) != 0) {
            return -1;
        }
        if (stop) {
            return interrupted(covariance, m->texts, err);
        }
    }
    int status = fs_runner_is_root(m->task->runner) ? finish(m->task, covariance, err) : 0;
    covariance->done = true;
    return fs_runner_agree(m->task->runner, status, err) == 0 ? save(m->task, covariance, false, err) : -1;
}

static int prepare(struct maker *m, struct fs_error *err)
{
    m->bench = fs_allocate(m->task->runner->threads, sizeof *m->bench, "workspaces", err);
    return m->bench != NULL && read_text(m, err) == 0 ? make_units(m, err) : -1;
}

static void release(struct maker *m)
{
    for (size_t i = 0; m->bench != NULL && i < m->task->runner->threads; i++) {
        fs_workspace_destroy(m->bench[i].workspace);
        free(m->bench[i].h);
        free(m->bench[i].x);
        free(m->bench[i].base);
        free(m->bench[i].left);
        free(m->bench[i].right);
    }
    free(m->bench);
    free(m->id);
    free(m->start);
    free(m->unit);
}

/* Root: the stored sum, or one of nothing. */
static int begin(const struct fs_method_task *task, struct fs_covariance *covariance, struct fs_error *err)
{
    const struct fs_covariance_store *store = task->covariances;
    size_t F = covariance->size;
    if (store != NULL && store->read(store->context, covariance, err) != 0) {
        return -1;
    }
    if (covariance->sum == NULL) {
        covariance->sum = fs_allocate(F * F, sizeof *covariance->sum, "a covariance", err);
    }
    return covariance->sum != NULL ? 0 : -1;
}

int fs_covariance_find(const struct fs_method_task *task, size_t layer, struct fs_covariance *covariance,
                       struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(task->model);
    struct maker m = {.task = task, .spec = spec, .covariance = covariance};
    *covariance = (struct fs_covariance){.layer = layer, .size = spec->layer[layer].ffn};
    int status = fs_runner_is_root(task->runner) ? begin(task, covariance, err) : 0;
    if (fs_runner_agree(task->runner, status, err) != 0) {
        return -1;
    }
    struct fs_covariance shared = *covariance;
    status = fs_runner_broadcast(task->runner, &shared, sizeof shared, err);
    shared.sum = covariance->sum;
    *covariance = shared;
    if (status == 0 && !covariance->done) {
        status = fs_runner_agree(task->runner, prepare(&m, err), err);
        if (status == 0) {
            status = sum_texts(&m, err);
        }
        release(&m);
    }
    return status;
}

void fs_covariance_mean(struct fs_covariance *covariance, double ridge)
{
    size_t F = covariance->size;
    double trace = 0;
    for (size_t row = 0; row < F; row++) {
        for (size_t i = 0; i <= row; i++) {
            covariance->sum[row * F + i] /= (double)covariance->tokens;
        }
        trace += covariance->sum[row * F + row];
    }
    for (size_t i = 0; i < F; i++) {
        covariance->sum[i * F + i] += ridge * trace / (double)F;
    }
}

int fs_covariance_factorise(struct fs_covariance *covariance, double *pivot, struct fs_error *err)
{
    fs_covariance_mean(covariance, FS_COVARIANCE_RIDGE);
    return fs_cholesky_factorise(covariance->size, covariance->sum, pivot, err) == 0
               ? 0
               : fs_error_prepend(err, "covariance of layer %zu", covariance->layer);
}

/* ---- in an archive ---- */

int fs_covariance_write(const struct fs_covariance *covariance, struct fs_archive *archive, struct fs_error *err)
{
    size_t F = covariance->size;
    const size_t shape[] = {F, F};
    const struct {
        const char *name;
        size_t value;
    } sizes[] = {{"layer", covariance->layer},
                 {"size", F},
                 {"texts", covariance->texts},
                 {"tokens", covariance->tokens},
                 {"done", covariance->done}};
    for (size_t row = 0; row < F; row++) {
        for (size_t i = 0; i < row; i++) {
            covariance->sum[i * F + row] = covariance->sum[row * F + i];
        }
    }
    if (fs_archive_write(archive, GROUP "/sum", FS_ARCHIVE_F64, 2, shape, covariance->sum, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (fs_archive_attribute_integer(archive, GROUP, sizes[i].name, (int64_t)sizes[i].value, err) != 0) {
            return -1;
        }
    }
    return fs_archive_attribute_number(archive, GROUP, "pivot", covariance->pivot, err);
}

int fs_covariance_read(const struct fs_archive *archive, struct fs_covariance *covariance, struct fs_error *err)
{
    size_t dimensions, shape[4], done = 0;
    struct fs_covariance found = {0};
    if (fs_edit_read_size(archive, GROUP, "layer", 0, MOST, &found.layer, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "size", 1, MOST, &found.size, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "texts", 0, MOST, &found.texts, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "tokens", 0, MOST, &found.tokens, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "done", 0, 1, &done, err) != 0 ||
        fs_archive_read_attribute_number(archive, GROUP, "pivot", &found.pivot, err) != 0 ||
        fs_archive_shape(archive, GROUP "/sum", &dimensions, shape, err) != 0) {
        return -1;
    }
    size_t F = covariance->size;
    if (found.layer != covariance->layer || found.size != F || dimensions != 2 || shape[0] != F || shape[1] != F ||
        (done != 0 && found.tokens == 0)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found layer %zu and size %zu, or a sum of another shape or of nothing, expected layer "
                            "%zu and a sum of %zu x %zu",
                            GROUP, found.layer, found.size, covariance->layer, F, F);
    }
    found.sum = fs_allocate_aligned(F * F, sizeof *found.sum, "a covariance", err);
    if (found.sum == NULL || fs_archive_read(archive, GROUP "/sum", FS_ARCHIVE_F64, F * F, found.sum, err) != 0) {
        free(found.sum);
        return -1;
    }
    found.done = done != 0;
    *covariance = found;
    return 0;
}
