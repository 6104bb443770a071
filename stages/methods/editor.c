#include "stages/methods/editor.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/cholesky.h"
#include "model/numbers/dense.h"
#include "model/numbers/kernels.h"
#include "model/numbers/random.h"

#define STREAM ((uint64_t)0x656469746f720000) /* "editor" */
#define PIECE ((size_t)256)                   /* rows that are widened to float64 at a time */

static size_t width_of(const struct fs_editor *editor)
{
    return editor->ffn + editor->hidden;
}

struct fs_editor_layout fs_editor_layout_of(const struct fs_editor *editor)
{
    size_t n = width_of(editor), r = editor->rank, m = editor->layers, next = 0;
    struct fs_editor_layout layout;
    for (int k = 0; k < FS_EDITOR_BLOCKS; k++) {
        struct fs_editor_block *block = &layout.block[k];
        block->a = next;
        block->b = block->a + n * r;
        block->bias = block->b + r * n;
        block->scale = block->bias + n;
        block->shift = block->scale + m * n;
        next = block->shift + m * n;
    }
    layout.rate = next;
    layout.ridge = next + m;
    layout.count = next + 2 * m;
    return layout;
}

void fs_editor_begin(const struct fs_editor *editor, uint64_t seed, double rate, fs_real *number)
{
    const struct fs_editor_layout layout = fs_editor_layout_of(editor);
    size_t n = width_of(editor);
    memset(number, 0, layout.count * sizeof *number);
    for (int k = 0; k < FS_EDITOR_BLOCKS; k++) {
        struct fs_random random = fs_random_start(seed ^ STREAM, (uint64_t)k);
        for (size_t i = 0; i < n * editor->rank; i++) {
            number[layout.block[k].a + i] = (fs_real)fs_random_normal(&random);
        }
        for (size_t i = 0; i < editor->layers * n; i++) {
            number[layout.block[k].scale + i] = 1;
        }
    }
    for (size_t i = 0; i < editor->layers; i++) {
        number[layout.rate + i] = (fs_real)rate;
    }
}

/* ---- the two blocks ---- */

/* y[0]: the normalised rows; y[k + 1]: behind block k. z = y A, p = z B + b of each block. */
struct steps {
    fs_real *y[FS_EDITOR_BLOCKS + 1], *z[FS_EDITOR_BLOCKS], *p[FS_EDITOR_BLOCKS];
    fs_real *dy, *dp, *dz;
};

size_t fs_editor_scratch(const struct fs_editor *editor, size_t rows)
{
    size_t matrices = 2 * FS_EDITOR_BLOCKS + 3;
    return rows * (matrices * width_of(editor) + (FS_EDITOR_BLOCKS + 1) * editor->rank);
}

static struct steps lay_out(const struct fs_editor *editor, size_t rows, fs_real *scratch)
{
    size_t wide = rows * width_of(editor), narrow = rows * editor->rank;
    struct steps s;
    for (int k = 0; k < FS_EDITOR_BLOCKS; k++) {
        s.y[k] = scratch;
        s.p[k] = s.y[k] + wide;
        s.z[k] = s.p[k] + wide;
        scratch = s.z[k] + narrow;
    }
    s.y[FS_EDITOR_BLOCKS] = scratch;
    s.dy = s.y[FS_EDITOR_BLOCKS] + wide;
    s.dp = s.dy + wide;
    s.dz = s.dp + wide;
    return s;
}

static void run_blocks(const struct fs_editor_run *run, const struct steps *s)
{
    const struct fs_editor *editor = run->editor;
    const fs_real *number = run->number;
    size_t layer = run->layer, rows = run->rows;
    const struct fs_editor_layout layout = fs_editor_layout_of(editor);
    size_t n = width_of(editor), r = editor->rank;
    for (size_t i = 0; i < rows * n; i++) {
        s->y[0][i] = (fs_real)(((double)run->row[i] - editor->mean[i % n]) * editor->scale[i % n]);
    }
    for (int k = 0; k < FS_EDITOR_BLOCKS; k++) {
        const struct fs_editor_block *block = &layout.block[k];
        const fs_real *scale = number + block->scale + layer * n, *shift = number + block->shift + layer * n;
        struct fs_matrix y = fs_matrix_of(s->y[k], rows, n, n), z = fs_matrix_of(s->z[k], rows, r, r);
        struct fs_matrix a = fs_matrix_of(number + block->a, n, r, r), b = fs_matrix_of(number + block->b, r, n, n);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_NONE, 1, y, a}, 0, s->z[k], r);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_NONE, 1, z, b}, 0, s->p[k], n);
        fs_kernel_add_bias(s->p[k], number + block->bias, s->p[k], rows, n);
        for (size_t i = 0; i < rows * n; i++) {
            fs_real p = s->p[k][i] > 0 ? s->p[k][i] : 0;
            s->y[k + 1][i] = s->y[k][i] + scale[i % n] * p + shift[i % n];
        }
    }
}

/* u . u~ of a row. */
static double meeting(const struct fs_editor *editor, const fs_real *row, const fs_real *made)
{
    double sum = 0;
    for (size_t i = 0; i < editor->ffn; i++) {
        sum += (double)row[i] * (double)made[i];
    }
    return sum;
}

void fs_editor_forward(const struct fs_editor_run *run, fs_real *value)
{
    const struct fs_editor *editor = run->editor;
    const struct steps s = lay_out(editor, run->rows, run->scratch);
    size_t n = width_of(editor), d = editor->hidden;
    double rate = (double)run->number[fs_editor_layout_of(editor).rate + run->layer];
    run_blocks(run, &s);
    for (size_t t = 0; t < run->rows; t++) {
        const fs_real *made = s.y[FS_EDITOR_BLOCKS] + t * n;
        double factor = -rate * meeting(editor, run->row + t * n, made);
        for (size_t i = 0; i < d; i++) {
            value[t * d + i] = (fs_real)(factor * (double)made[editor->ffn + i]);
        }
    }
}

/* From dvalue to s->dy, the gradient of what the blocks made; returns that of eta. */
static double backward_of_values(const struct fs_editor_run *run, const fs_real *dvalue, const struct steps *s)
{
    const struct fs_editor *editor = run->editor;
    double rate = (double)run->number[fs_editor_layout_of(editor).rate + run->layer];
    size_t n = width_of(editor), d = editor->hidden, F = editor->ffn;
    double drate = 0;
    for (size_t t = 0; t < run->rows; t++) {
        const fs_real *made = s->y[FS_EDITOR_BLOCKS] + t * n, *own = run->row + t * n, *dv = dvalue + t * d;
        double met = meeting(editor, own, made), along = 0;
        for (size_t i = 0; i < d; i++) {
            along += (double)made[F + i] * (double)dv[i];
            s->dy[t * n + F + i] = (fs_real)(-rate * met * (double)dv[i]);
        }
        for (size_t i = 0; i < F; i++) {
            s->dy[t * n + i] = (fs_real)(-rate * along * (double)own[i]);
        }
        drate -= met * along;
    }
    return drate;
}

void fs_editor_backward(const struct fs_editor_run *run, const fs_real *dvalue, fs_real *gradient)
{
    const struct fs_editor *editor = run->editor;
    const struct fs_editor_layout layout = fs_editor_layout_of(editor);
    const struct fs_backend *backend = run->backend;
    const struct steps s = lay_out(editor, run->rows, run->scratch);
    const fs_real *number = run->number;
    size_t n = width_of(editor), r = editor->rank, layer = run->layer, rows = run->rows;
    run_blocks(run, &s);
    gradient[layout.rate + layer] += (fs_real)backward_of_values(run, dvalue, &s);
    for (int k = FS_EDITOR_BLOCKS - 1; k >= 0; k--) {
        const struct fs_editor_block *block = &layout.block[k];
        const fs_real *scale = number + block->scale + layer * n;
        fs_real *dscale = gradient + block->scale + layer * n, *dshift = gradient + block->shift + layer * n;
        for (size_t i = 0; i < rows * n; i++) {
            fs_real p = s.p[k][i];
            dscale[i % n] += s.dy[i] * (p > 0 ? p : 0);
            s.dp[i] = p >= 0 ? s.dy[i] * scale[i % n] : 0;
        }
        fs_kernel_add_rows(dshift, s.dy, rows, n);
        fs_kernel_add_rows(gradient + block->bias, s.dp, rows, n);
        struct fs_matrix y = fs_matrix_of(s.y[k], rows, n, n), z = fs_matrix_of(s.z[k], rows, r, r);
        struct fs_matrix dp = fs_matrix_of(s.dp, rows, n, n), dz = fs_matrix_of(s.dz, rows, r, r);
        struct fs_matrix a = fs_matrix_of(number + block->a, n, r, r), b = fs_matrix_of(number + block->b, r, n, n);
        fs_product(backend, (struct fs_term){FS_TRANSPOSE_A, 1, z, dp}, 1, gradient + block->b, n);
        fs_product(backend, (struct fs_term){FS_TRANSPOSE_B, 1, dp, b}, 0, s.dz, r);
        fs_product(backend, (struct fs_term){FS_TRANSPOSE_A, 1, y, dz}, 1, gradient + block->a, r);
        if (k > 0) { /* of the rows themselves nothing is asked */
            fs_product(backend, (struct fs_term){FS_TRANSPOSE_B, 1, dz, a}, 1, s.dy, n);
        }
    }
}

/* ---- the equations ---- */

int fs_editor_system_create(const struct fs_editor *editor, struct fs_editor_system *system, struct fs_error *err)
{
    size_t F = editor->ffn, d = editor->hidden;
    *system = (struct fs_editor_system){.ffn = F, .hidden = d};
    system->square = fs_allocate(F * F, sizeof *system->square, "the keys' second moment", err);
    system->right = fs_allocate(d * F, sizeof *system->right, "keys times values", err);
    if (system->square != NULL && system->right != NULL) {
        return 0;
    }
    fs_editor_system_release(system);
    return -1;
}

void fs_editor_system_release(struct fs_editor_system *system)
{
    free(system->square);
    free(system->right);
    *system = (struct fs_editor_system){0};
}

/* Of `count` rows from `from` on: U (count,F) in float64. */
static void widen_keys(const struct fs_editor_system *system, const fs_real *row, size_t from, size_t count,
                       double *key)
{
    size_t n = system->ffn + system->hidden;
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < system->ffn; i++) {
            key[t * system->ffn + i] = (double)row[(from + t) * n + i];
        }
    }
}

int fs_editor_add(struct fs_editor_system *system, size_t rows, const fs_real *row, const fs_real *value,
                  struct fs_error *err)
{
    size_t F = system->ffn, d = system->hidden;
    double *key = fs_allocate(PIECE * F, sizeof *key, "keys", err), *own = NULL;
    own = fs_allocate(PIECE * d, sizeof *own, "values", err);
    fs_dense_one_thread();
    for (size_t from = 0, count; key != NULL && own != NULL && from < rows; from += count) {
        count = rows - from < PIECE ? rows - from : PIECE;
        widen_keys(system, row, from, count, key);
        fs_dense_add_square(count, F, key, system->square);
        for (size_t i = 0; value != NULL && i < count * d; i++) {
            own[i] = (double)value[from * d + i];
        }
        if (value != NULL) {
            cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)d, (blasint)F, (blasint)count, 1, own,
                        (blasint)d, key, (blasint)F, 1, system->right, (blasint)F);
        }
    }
    int status = key != NULL && own != NULL ? 0 : -1;
    free(key);
    free(own);
    return status;
}

int fs_editor_factorise(struct fs_editor_system *system, double ridge, struct fs_error *err)
{
    for (size_t i = 0; i < system->ffn; i++) {
        system->square[i * system->ffn + i] += exp(ridge);
    }
    return fs_cholesky_factorise(system->ffn, system->square, NULL, err);
}

void fs_editor_solve(struct fs_editor_system *system, fs_real *delta)
{
    size_t count = system->ffn * system->hidden;
    fs_cholesky_solve(system->ffn, system->square, system->hidden, system->right);
    for (size_t i = 0; i < count; i++) {
        delta[i] = (fs_real)system->right[i];
    }
}

int fs_editor_solve_backward(struct fs_editor_system *system, const struct fs_editor_change *change, size_t rows,
                             const fs_real *row, fs_real *dvalue, double *dridge, struct fs_error *err)
{
    size_t F = system->ffn, d = system->hidden;
    double *key = fs_allocate(PIECE * F, sizeof *key, "keys", err), *own = NULL, along = 0;
    own = fs_allocate(PIECE * d, sizeof *own, "values", err);
    for (size_t i = 0; i < d * F; i++) {
        system->right[i] = (double)change->gradient[i];
    }
    fs_cholesky_solve(F, system->square, d, system->right); /* M^T (d,F) */
    for (size_t i = 0; i < d * F; i++) {
        along += system->right[i] * (double)change->delta[i];
    }
    *dridge = -exp(change->ridge) * along;
    for (size_t from = 0, count; key != NULL && own != NULL && from < rows; from += count) {
        count = rows - from < PIECE ? rows - from : PIECE;
        widen_keys(system, row, from, count, key);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)count, (blasint)d, (blasint)F, 1, key, (blasint)F,
                    system->right, (blasint)F, 0, own, (blasint)d);
        for (size_t i = 0; i < count * d; i++) {
            dvalue[from * d + i] = (fs_real)own[i];
        }
    }
    int status = key != NULL && own != NULL ? 0 : -1;
    free(key);
    free(own);
    return status;
}
