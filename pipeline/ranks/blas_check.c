#include "pipeline/ranks/blas_check.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define ALPHA 0.5F
#define BETA 0.25F
#define BESIDE 3        /* columns behind those of C, which a product must leave alone */
#define UNTOUCHED 77.0F /* what stands there */

struct shape {
    size_t m, n, k;
};

/* Edges of every kernel's tile, depth beyond one block of k, and a size beyond the kernels for small matrices. */
static const struct shape shapes[] = {{1, 1, 1}, {3, 5, 7}, {1, 37, 65}, {31, 17, 33}, {19, 45, 770}, {131, 101, 97}};
#define MOST_A ((size_t)19 * 770)
#define MOST_B ((size_t)45 * 770)
#define MOST_C ((size_t)131 * (101 + BESIDE))

struct matrices {
    float a[MOST_A], b[MOST_B], start[MOST_C], c[MOST_C];
    double sum[101], size[101]; /* of a row of C: the products, and their absolute values */
};

static sigjmp_buf before;

static void jump_back(int signal)
{
    siglongjmp(before, signal);
}

/* Numbers in [-1, 1). */
static void fill(float *number, size_t count, unsigned *state)
{
    for (size_t i = 0; i < count; i++) {
        *state = *state * 1664525U + 1013904223U;
        number[i] = (float)(*state >> 8) / 8388608.0F - 1.0F;
    }
}

static const char *check_shape(fs_sgemm *product, struct matrices *x, const struct shape *s, bool a_is_transposed,
                               bool b_is_transposed, float beta)
{
    size_t stride = s->n + BESIDE, stride_a = a_is_transposed ? s->m : s->k, stride_b = b_is_transposed ? s->k : s->n;
    for (size_t i = 0; i < s->m * stride; i++) {
        x->c[i] = i % stride < s->n ? x->start[i] : UNTOUCHED;
    }
    product(CblasRowMajor, a_is_transposed ? CblasTrans : CblasNoTrans, b_is_transposed ? CblasTrans : CblasNoTrans,
            (blasint)s->m, (blasint)s->n, (blasint)s->k, ALPHA, x->a, (blasint)stride_a, x->b, (blasint)stride_b, beta,
            x->c, (blasint)stride);
    for (size_t row = 0; row < s->m; row++) {
        for (size_t column = 0; column < s->n; column++) {
            x->sum[column] = (double)beta * (double)x->start[row * stride + column];
            x->size[column] = fabs(x->sum[column]);
        }
        for (size_t depth = 0; depth < s->k; depth++) {
            double a = ALPHA * (double)x->a[a_is_transposed ? depth * stride_a + row : row * stride_a + depth];
            for (size_t column = 0; column < s->n; column++) {
                double term = a * (double)x->b[b_is_transposed ? column * stride_b + depth : depth * stride_b + column];
                x->sum[column] += term;
                x->size[column] += fabs(term);
            }
        }
        const float *c = x->c + row * stride;
        for (size_t column = 0; column < s->n; column++) {
            double bound = (double)(s->k + 2) * (double)FLT_EPSILON * x->size[column];
            if (!(fabs((double)c[column] - x->sum[column]) <= bound)) { /* so that NaN is wrong */
                return "wrong products";
            }
        }
        for (size_t column = s->n; column < stride; column++) {
            if (c[column] != UNTOUCHED) {
                return "writes beside its matrix";
            }
        }
    }
    return NULL;
}

static const char *check_shapes(fs_sgemm *product, struct matrices *x)
{
    unsigned state = 1;
    const char *wrong = NULL;
    fill(x->a, MOST_A, &state);
    fill(x->b, MOST_B, &state);
    fill(x->start, MOST_C, &state);
    for (size_t i = 0; wrong == NULL && i < sizeof shapes / sizeof shapes[0]; i++) {
        for (size_t way = 0; wrong == NULL && way < 4; way++) {
            wrong = check_shape(product, x, &shapes[i], (way & 1) != 0, (way & 2) != 0, (way + i) % 2 ? BETA : 0.0F);
        }
    }
    return wrong;
}

const char *fs_blas_check(fs_sgemm *product)
{
    static const int fatal[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE};
    enum { FATAL = sizeof fatal / sizeof fatal[0] };
    struct sigaction former[FATAL], handler = {.sa_handler = jump_back};
    struct matrices *x = malloc(sizeof *x);
    if (x == NULL) {
        return "no memory";
    }
    sigemptyset(&handler.sa_mask);
    for (size_t i = 0; i < FATAL; i++) {
        sigaction(fatal[i], &handler, &former[i]);
    }
    const char *wrong;
    int signal = sigsetjmp(before, 1);
    if (signal == 0) {
        wrong = check_shapes(product, x);
    } else {
        wrong = signal == SIGILL ? "an illegal instruction" : "a crash";
    }
    for (size_t i = 0; i < FATAL; i++) {
        sigaction(fatal[i], &former[i], NULL);
    }
    free(x);
    return wrong;
}
