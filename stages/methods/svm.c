#include "stages/methods/svm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/dense.h"

#define MOST_STEPS 500      /* of Newton; some 15 are usual */
#define PROBED_STEPS 15     /* of a probe */
#define PROBED_PRODUCTS 30  /* in each, where H is not made */
#define MOST_HALVINGS 60    /* of a step */
#define ARMIJO 1e-4         /* of the decrease that the slope promises */
#define CLOSE 1e-12         /* |g| of the end, as a share of |g| at 0 */
#define NOISE 1e-14         /* of the objective: what its sums may be off by */
#define ROUNDING 1e-15      /* of the objective: a promise of less is none */
#define MOST_ROUNDS 4       /* of conjugate gradients, as a multiple of d */
#define INNER_TOLERANCE 0.1 /* of conjugate gradients, of |g| */

/* ---- rows ---- */

static size_t rows_of(const struct fs_svm_rows *rows, size_t unit)
{
    size_t left = rows->count - unit * FS_SVM_ROWS;
    return left < FS_SVM_ROWS ? left : FS_SVM_ROWS;
}

static int claim_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct fs_svm_rows *rows = context;
    (void)thread, (void)result;
    rows->block[unit] =
        fs_allocate(rows_of(rows, unit), rows->width * sizeof(double), "features of labelled texts", err);
    return rows->block[unit] != NULL ? 0 : -1;
}

static void claim_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct fs_svm_rows *rows = context;
    double n = (double)rows_of(rows, unit), d = (double)rows->width;
    *cost = (struct fs_cost){.flops = n * d, .stays = n * d * (double)sizeof(double)};
}

int fs_svm_rows_make(struct fs_runner *runner, size_t count, size_t width, const unsigned char *label,
                     struct fs_svm_rows *rows, struct fs_error *err)
{
    *rows = (struct fs_svm_rows){.count = count, .width = width, .units = (count + FS_SVM_ROWS - 1) / FS_SVM_ROWS};
    rows->label = fs_allocate(count, 1, "labels of texts", err);
    rows->mine = fs_allocate(rows->units, 1, "labels of texts", err);
    rows->block = fs_allocate(rows->units, sizeof *rows->block, "labels of texts", err);
    bool made = rows->label != NULL && rows->mine != NULL && rows->block != NULL;
    if (fs_runner_agree(runner, made ? 0 : -1, err) != 0) {
        return -1;
    }
    memcpy(rows->label, label, count);
    const struct fs_work work = {
        .name = "svm: rows", .units = rows->units, .context = rows, .run = claim_unit, .cost = claim_cost};
    return fs_runner_claim(runner, &work, &work, rows->mine, err);
}

void fs_svm_rows_release(struct fs_svm_rows *rows)
{
    for (size_t u = 0; rows->block != NULL && u < rows->units; u++) {
        free(rows->block[u]);
    }
    free(rows->block);
    free(rows->label);
    free(rows->mine);
    *rows = (struct fs_svm_rows){0};
}

void fs_svm_rows_set(struct fs_svm_rows *rows, size_t row, const float *x)
{
    double *block = rows->block[row / FS_SVM_ROWS];
    for (size_t i = 0; block != NULL && i < rows->width; i++) {
        block[row % FS_SVM_ROWS * rows->width + i] = (double)x[i];
    }
}

void fs_svm_rows_project(struct fs_svm_rows *rows, size_t count, const double *basis)
{
    for (size_t u = 0; u < rows->units; u++) {
        for (size_t row = 0; rows->block[u] != NULL && row < rows_of(rows, u); row++) {
            for (size_t k = 0; k < count; k++) {
                double *x = rows->block[u] + row * rows->width;
                const double *q = basis + k * rows->width;
                fs_dense_add_scaled(rows->width, -fs_dense_dot(rows->width, q, x), q, x);
            }
        }
    }
}

/* ---- one classifier ---- */

/* What the root tells all to do next: a sum, or to end. */
enum order { EVALUATE, CURVE, MULTIPLY, END, FAIL };

struct solver {
    struct fs_runner *runner;
    const struct fs_svm_rows *rows;
    unsigned char class;
    bool dense;
    double *order;         /* [1 + d] an enum order, and the point or vector that it is about */
    double *total;         /* of a sum */
    unsigned char *inside; /* [n] of this rank's rows: inside the margin at the point of the last EVALUATE */
    double **room;         /* [threads] (rows,d), (d,d): where H is made */
    bool broken;           /* a sum has failed, on all ranks */
    /* the root's */
    double *w, *gradient;         /* (d) and the objective there */
    double value;                 /* at w, the point of the last EVALUATE */
    double first;                 /* |g| at 0 */
    double *step;                 /* (d) */
    double *residual, *conjugate; /* (d) of conjugate gradients */
    double *matrix;               /* (d,d) H, where it is made */
};

/* The unit's part of the objective and of its gradient, at the point of the order. */
static int evaluate_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct solver *s = context;
    size_t d = s->rows->width;
    double *value = result, *gradient = value + 1;
    (void)thread, (void)err;
    memset(value, 0, (1 + d) * sizeof *value);
    for (size_t row = 0; row < rows_of(s->rows, unit); row++) {
        const double *x = s->rows->block[unit] + row * d;
        size_t number = unit * FS_SVM_ROWS + row;
        double y = s->rows->label[number] == s->class ? 1 : -1, slack = 1 - y * fs_dense_dot(d, x, s->order + 1);
        s->inside[number] = !(slack <= 0); /* one that is no number shows in the objective */
        if (s->inside[number]) {
            *value += slack * slack;
            fs_dense_add_scaled(d, -2 * y * slack, x, gradient);
        }
    }
    return 0;
}

/* The unit's part of X_I^T X_I: the rows of its lower half, one behind the other. */
static int curve_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct solver *s = context;
    size_t d = s->rows->width, inside = 0;
    double *packed = result;
    if (s->room[thread] == NULL) {
        s->room[thread] = fs_allocate_aligned((FS_SVM_ROWS + d) * d, sizeof(double), "a classifier", err);
    }
    double *x = s->room[thread], *square = x != NULL ? x + FS_SVM_ROWS * d : NULL;
    if (x == NULL) {
        return -1;
    }
    for (size_t row = 0; row < rows_of(s->rows, unit); row++) {
        if (s->inside[unit * FS_SVM_ROWS + row]) {
            memcpy(x + inside++ * d, s->rows->block[unit] + row * d, d * sizeof *x);
        }
    }
    memset(square, 0, d * d * sizeof *square);
    fs_dense_add_square(inside, d, x, square);
    for (size_t i = 0; i < d; i++) {
        memcpy(packed, square + i * d, (i + 1) * sizeof *packed);
        packed += i + 1;
    }
    return 0;
}

/* The unit's part of X_I^T X_I v, of the vector of the order. */
static int multiply_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct solver *s = context;
    size_t d = s->rows->width;
    double *product = result;
    (void)thread, (void)err;
    memset(product, 0, d * sizeof *product);
    for (size_t row = 0; row < rows_of(s->rows, unit); row++) {
        const double *x = s->rows->block[unit] + row * d;
        if (s->inside[unit * FS_SVM_ROWS + row]) {
            fs_dense_add_scaled(d, fs_dense_dot(d, x, s->order + 1), x, product);
        }
    }
    return 0;
}

/* The root's order to all, and the sum that it asks for. Collective. */
static int obey(struct solver *s, enum order *order, struct fs_error *err)
{
    static const struct {
        const char *name;
        int (*run)(void *context, size_t thread, size_t unit, void *result, struct fs_error *err);
    } works[] = {[EVALUATE] = {"svm: gradient", evaluate_unit},
                 [CURVE] = {"svm: curvature", curve_unit},
                 [MULTIPLY] = {"svm: product", multiply_unit}};
    size_t d = s->rows->width;
    const size_t lengths[] = {[EVALUATE] = 1 + d, [CURVE] = d * (d + 1) / 2, [MULTIPLY] = d};
    int status = fs_runner_broadcast(s->runner, s->order, (1 + d) * sizeof *s->order, err);
    *order = (enum order)s->order[0];
    if (status == 0 && *order < END) {
        const struct fs_work work = {
            .name = works[*order].name, .units = s->rows->units, .context = s, .run = works[*order].run};
        status = fs_runner_sum_double(s->runner, &work, s->rows->mine, lengths[*order], s->total, err);
    }
    s->broken = s->broken || status != 0;
    return status;
}

static int follow(struct solver *s, struct fs_error *err)
{
    enum order order = EVALUATE;
    while (order < END) {
        if (obey(s, &order, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- what the root does ---- */

/* `vector` (d), NULL: none. */
static int ask(struct solver *s, enum order order, const double *vector, struct fs_error *err)
{
    s->order[0] = (double)order;
    if (vector != NULL) {
        memcpy(s->order + 1, vector, s->rows->width * sizeof *vector);
    }
    return obey(s, &order, err);
}

static double norm(const struct solver *s, const double *x)
{
    return sqrt(fs_dense_dot(s->rows->width, x, x));
}

/* The objective and its gradient at the point; the gradient stays in `total`, behind the rows' part of the objective. */
static int evaluate(struct solver *s, const double *at, double *value, struct fs_error *err)
{
    size_t d = s->rows->width;
    if (ask(s, EVALUATE, at, err) != 0) {
        return -1;
    }
    *value = fs_dense_dot(d, at, at) / 2 + s->total[0];
    fs_dense_add_scaled(d, 1, at, s->total + 1);
    return 0;
}

/* step = -H^-1 g, from `total`. */
static int solve_dense(struct solver *s, struct fs_error *err)
{
    size_t d = s->rows->width;
    const double *packed = s->total;
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j <= i; j++) {
            s->matrix[i * d + j] = 2 * *packed++ + (i == j ? 1 : 0);
        }
        s->step[i] = -s->gradient[i];
    }
    return fs_dense_solve(d, s->matrix, s->step, err);
}

/* step = -H^-1 g, until |H step + g| is `enough`. */
static int solve_by_products(struct solver *s, double enough, struct fs_error *err)
{
    size_t d = s->rows->width;
    double square = fs_dense_dot(d, s->gradient, s->gradient);
    for (size_t i = 0; i < d; i++) {
        s->step[i] = 0;
        s->residual[i] = s->conjugate[i] = -s->gradient[i];
    }
    for (size_t round = 0; round < MOST_ROUNDS * d && square > enough * enough; round++) {
        if (ask(s, MULTIPLY, s->conjugate, err) != 0) {
            return -1;
        }
        double *product = s->total, before = square;
        for (size_t i = 0; i < d; i++) {
            product[i] = s->conjugate[i] + 2 * product[i];
        }
        double length = square / fs_dense_dot(d, s->conjugate, product);
        fs_dense_add_scaled(d, length, s->conjugate, s->step);
        fs_dense_add_scaled(d, -length, product, s->residual);
        square = fs_dense_dot(d, s->residual, s->residual);
        for (size_t i = 0; i < d; i++) {
            s->conjugate[i] = s->residual[i] + square / before * s->conjugate[i];
        }
    }
    return 0;
}

/* `enough`: where H is not made. */
static int find_step(struct solver *s, double enough, struct fs_error *err)
{
    if (!s->dense) {
        return solve_by_products(s, enough, err);
    }
    return ask(s, CURVE, NULL, err) == 0 ? solve_dense(s, err) : -1;
}

/* Where the objective is too flat to be compared: the step to the end of the piece of it that w is in. */
static int take_last_step(struct solver *s, struct fs_error *err)
{
    if (!s->dense && solve_by_products(s, CLOSE * s->first, err) != 0) {
        return -1;
    }
    fs_dense_add_scaled(s->rows->width, 1, s->step, s->w);
    return 0;
}

static int no_minimum(const struct solver *s, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA,
                        "a linear classifier of %zu states was not found: its loss is %g; are the states numbers?",
                        s->rows->count, s->value);
}

/* Along the step, halved until the loss falls as the slope promises: w, its value and gradient. */
static int search(struct solver *s, double slope, struct fs_error *err)
{
    size_t d = s->rows->width;
    double length = 1;
    double *trial = s->residual; /* of conjugate gradients nothing is kept */
    for (size_t halving = 0; halving < MOST_HALVINGS; halving++, length /= 2) {
        double value;
        memcpy(trial, s->w, d * sizeof *trial);
        fs_dense_add_scaled(d, length, s->step, trial);
        if (evaluate(s, trial, &value, err) != 0) {
            return -1;
        }
        if (value <= s->value + ARMIJO * length * slope + NOISE * s->value) {
            s->value = value;
            memcpy(s->w, trial, d * sizeof *trial);
            memcpy(s->gradient, s->total + 1, d * sizeof *trial);
            return 0;
        }
    }
    return no_minimum(s, err);
}

static int lead(struct solver *s, struct fs_error *err)
{
    size_t d = s->rows->width;
    memset(s->w, 0, d * sizeof *s->w);
    if (evaluate(s, s->w, &s->value, err) != 0) {
        return -1;
    }
    memcpy(s->gradient, s->total + 1, d * sizeof *s->gradient);
    s->first = norm(s, s->gradient);
    if (!isfinite(s->value) || !isfinite(s->first)) {
        return no_minimum(s, err);
    }
    for (size_t step = 0; step < MOST_STEPS; step++) {
        double length = norm(s, s->gradient);
        if (length <= CLOSE * s->first) {
            return 0;
        }
        if (find_step(s, INNER_TOLERANCE * length, err) != 0) {
            return -1;
        }
        double slope = fs_dense_dot(d, s->gradient, s->step);
        if (-slope <= ROUNDING * s->value) {
            return take_last_step(s, err);
        }
        if (search(s, slope, err) != 0) {
            return -1;
        }
    }
    return no_minimum(s, err);
}

/* The sums of a usual training; nothing is solved. */
static int probe(struct solver *s, struct fs_error *err)
{
    memset(s->w, 0, s->rows->width * sizeof *s->w);
    for (size_t step = 0; step < PROBED_STEPS; step++) {
        if (ask(s, EVALUATE, s->w, err) != 0) {
            return -1;
        }
        for (size_t round = 0; round < (s->dense ? 1 : PROBED_PRODUCTS); round++) {
            if (ask(s, s->dense ? CURVE : MULTIPLY, s->w, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int take_the_lead(struct solver *s, struct fs_error *err)
{
    struct fs_error own = FS_ERROR_INIT;
    enum order order;
    int status = s->runner->probes ? probe(s, &own) : lead(s, &own);
    if (!s->broken) { /* the others wait for an order */
        s->order[0] = status == 0 ? END : FAIL;
        memcpy(s->order + 1, s->w, s->rows->width * sizeof *s->w);
        status = obey(s, &order, &own) == 0 ? status : -1;
    }
    if (status != 0 && err != NULL) {
        *err = own;
    }
    return status;
}

/* ---- memory ---- */

static int reserve(struct solver *s, struct fs_error *err)
{
    size_t d = s->rows->width, sums = s->dense ? d * (d + 1) / 2 : 0;
    bool root = fs_runner_is_root(s->runner);
    s->order = fs_allocate(1 + d, sizeof *s->order, "a classifier", err);
    s->total = fs_allocate(sums > 1 + d ? sums : 1 + d, sizeof *s->total, "a classifier", err);
    s->inside = fs_allocate(s->rows->count, 1, "a classifier", err);
    s->room = fs_allocate(s->runner->threads, sizeof *s->room, "a classifier", err);
    s->w = root ? fs_allocate(5 * d, sizeof *s->w, "a classifier", err) : NULL;
    s->matrix = root && s->dense ? fs_allocate(d, d * sizeof *s->matrix, "a classifier", err) : NULL;
    if (s->order == NULL || s->total == NULL || s->inside == NULL || s->room == NULL || (root && s->w == NULL) ||
        (root && s->dense && s->matrix == NULL)) {
        return -1;
    }
    if (root) {
        s->gradient = s->w + d;
        s->step = s->w + 2 * d;
        s->residual = s->w + 3 * d;
        s->conjugate = s->w + 4 * d;
    }
    return 0;
}

static void release(struct solver *s)
{
    for (size_t t = 0; s->room != NULL && t < s->runner->threads; t++) {
        free(s->room[t]);
    }
    free(s->room);
    free(s->order);
    free(s->total);
    free(s->inside);
    free(s->w);
    free(s->matrix);
}

int fs_svm_solve(struct fs_runner *runner, const struct fs_svm_rows *rows, unsigned char class, size_t dense, double *w,
                 struct fs_error *err)
{
    struct solver s = {.runner = runner, .rows = rows, .class = class, .dense = rows->width <= dense};
    fs_dense_one_thread();
    int status = fs_runner_agree(runner, reserve(&s, err), err);
    if (status == 0) {
        status = fs_runner_is_root(runner) ? take_the_lead(&s, err) : follow(&s, err);
        status = fs_runner_agree(runner, status, err);
    }
    if (status == 0) {
        memcpy(w, s.order + 1, rows->width * sizeof *w);
    }
    release(&s);
    return status;
}
