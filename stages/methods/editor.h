/*
 * BiasEdit's hyper-network (Xu et al., arXiv 2503.08588; MALMEN: Tan et al., arXiv 2311.04661): from what W_out reads at a row
 * and the gradient of what it puts out there, to what it shall put out instead; and the change of W_out that does so for many rows
 * at once. One editor for `layers` matrices of one shape. n = F + d, R rows; row t is (u_t, g_t).
 *
 *     y = (row - mean) / (deviation + FS_EDITOR_EPSILON)
 *     twice:  y <- y + s_m * max(0, y A B + b) + t_m          A (n,r), B (r,n), b, s_m, t_m (n); m the matrix
 *     D_t = -eta_m (u_t . u~_t) g~_t                          (u~, g~) = y
 *     Delta_m^T = (U^T U + exp(lambda_m) I)^-1 U^T D          (F,d)
 *
 * max(0, x) has the slope 1 at 0, as PyTorch's clamp had when BiasEdit was written: B and b begin as zeros, and would stay so with 0.
 * Backward, from G = dL/dDelta^T (F,d):  M = (U^T U + exp(lambda) I)^-1 G,  dL/dD = U M,  dL/dlambda = -exp(lambda) <M, Delta^T>.
 *
 * Sums over rows are in their order. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_EDITOR_H
#define FAIRSTAMP_STAGES_METHODS_EDITOR_H

#include <stddef.h>
#include <stdint.h>

#include "io/error.h"
#include "model/backends/backend.h"

#define FS_EDITOR_EPSILON 1.1920928955078125e-07 /* of a float32, which MALMEN adds */
enum { FS_EDITOR_BLOCKS = 2 };

struct fs_editor {
    size_t ffn, hidden, rank, layers; /* F, d, r, matrices */
    const double *mean, *scale;       /* [n]: scale 1 / (deviation + epsilon) */
};

/* Where its numbers lie in one vector. */
struct fs_editor_block {
    size_t a, b, bias, scale, shift; /* scale, shift (layers,n) */
};
struct fs_editor_layout {
    struct fs_editor_block block[FS_EDITOR_BLOCKS];
    size_t rate, ridge; /* eta, lambda [layers] */
    size_t count;
};
struct fs_editor_layout fs_editor_layout_of(const struct fs_editor *editor);

/* As it begins: A normal, by `seed` and block; s 1, eta `rate`, all else 0. */
void fs_editor_begin(const struct fs_editor *editor, uint64_t seed, double rate, fs_real *number);

/* Rows of one matrix, at work. */
struct fs_editor_run {
    const struct fs_editor *editor;
    const struct fs_backend *backend;
    const fs_real *number; /* [count] the editor's */
    size_t layer, rows;    /* R */
    const fs_real *row;    /* (R,n) */
    fs_real *scratch;      /* [fs_editor_scratch] */
};
/* Numbers of scratch that both calls below take for `rows` rows. */
size_t fs_editor_scratch(const struct fs_editor *editor, size_t rows);
/* value (R,d) = D of the rows. */
void fs_editor_forward(const struct fs_editor_run *run, fs_real *value);
/* Adds to gradient [count] that of the rows' D, dvalue (R,d); not of lambda. */
void fs_editor_backward(const struct fs_editor_run *run, const fs_real *dvalue, fs_real *gradient);

/* The equations of one matrix; zeroed it has no rows. */
struct fs_editor_system {
    size_t ffn, hidden;
    double *square; /* (F,F) U^T U, its lower half; then the factor */
    double *right;  /* (d,F) D^T U */
};
int fs_editor_system_create(const struct fs_editor *editor, struct fs_editor_system *system, struct fs_error *err);
void fs_editor_system_release(struct fs_editor_system *system); /* takes a zeroed struct */
/* Rows (R,n) and their D (R,d); `value` NULL: of U^T U alone. */
int fs_editor_add(struct fs_editor_system *system, size_t rows, const fs_real *row, const fs_real *value,
                  struct fs_error *err);
/* To the factor of U^T U + exp(ridge) I. FS_EXIT_DATA where that has none. */
int fs_editor_factorise(struct fs_editor_system *system, double ridge, struct fs_error *err);
/* delta (d,F), of the factor. */
void fs_editor_solve(struct fs_editor_system *system, fs_real *delta);
/* What Delta has made of the loss: Delta (d,F), and G as gradient (d,F). */
struct fs_editor_change {
    double ridge;
    const fs_real *delta, *gradient;
};
/* Of the factor: to dvalue (R,d) of rows (R,n), and dL/dlambda; `right` is lost. */
int fs_editor_solve_backward(struct fs_editor_system *system, const struct fs_editor_change *change, size_t rows,
                             const fs_real *row, fs_real *dvalue, double *dridge, struct fs_error *err);

#endif
