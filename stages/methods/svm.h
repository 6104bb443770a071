/*
 * Linear support vector machines on rows of features that lie on several ranks: the classifiers of INLP (inlp.c).
 *
 *     min over w of   |w|^2 / 2 + sum over i of max(0, 1 - y_i w.x_i)^2        y_i = 1 in the class, -1 in the others
 *
 * no intercept, nothing scaled: LIBLINEAR's solver 2 with C = 1, which scikit-learn's LinearSVC(fit_intercept=False,
 * dual=False) calls; here to the optimum. The objective is strictly convex and once differentiable: Newton with
 *
 *     g = w - 2 X_I^T (y (1 - y X w))_I         H = 1 + 2 X_I^T X_I         I: the rows inside the margin
 *
 * from w = 0, halving steps (Armijo), until |g| is 1e-12 of what it was, or the step would change the objective by less
 * than rounding does. H s = -g by Cholesky; wide features by conjugate gradients to a tenth of |g|, without H.
 *
 * A unit is FS_SVM_ROWS rows, kept by the rank that claims it. All sums are of float64 in unit order, and the root alone
 * solves and decides: the bits are the same on any number of ranks.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_SVM_H
#define FAIRSTAMP_STAGES_METHODS_SVM_H

#include <stddef.h>

#include "io/error.h"
#include "stages/work/runner.h"

#define FS_SVM_ROWS ((size_t)512)
#define FS_SVM_DENSE ((size_t)2048) /* the widest features that H is made for */

struct fs_svm_rows {
    size_t count, width, units; /* n, d */
    unsigned char *label;       /* [n] on all ranks */
    unsigned char *mine;        /* [units] */
    double **block;             /* [units] (rows of the unit,d), zeros until they are set; NULL: another rank's */
};

/* label [count] is copied. Collective; the caller releases, also on failure. */
int fs_svm_rows_make(struct fs_runner *runner, size_t count, size_t width, const unsigned char *label,
                     struct fs_svm_rows *rows, struct fs_error *err);
void fs_svm_rows_release(struct fs_svm_rows *rows); /* takes a zeroed struct */
/* Row `row`, where it is this rank's. Local. */
void fs_svm_rows_set(struct fs_svm_rows *rows, size_t row, const float *x);
/* x <- x - Q^T Q x of this rank's rows; basis (count,d): Q, orthonormal rows or zeros. Local. */
void fs_svm_rows_project(struct fs_svm_rows *rows, size_t count, const double *basis);

/*
 * The classifier of rows labelled `class`: w (d), the same on all ranks. `dense`: the widest features that H is made for,
 * FS_SVM_DENSE but for tests. Collective. FS_EXIT_DATA where no minimum is found, as of numbers that are not finite. On a
 * runner that probes, w is nothing, after as many sums as a training usually takes.
 */
int fs_svm_solve(struct fs_runner *runner, const struct fs_svm_rows *rows, unsigned char class, size_t dense, double *w,
                 struct fs_error *err);

#endif
