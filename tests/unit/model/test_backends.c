/*
 * The table of backends: each multiplies every type that it has, in every shape and transposition that the engine uses,
 * against a plain double loop.
 *
 * Bound: a product of depth k rounds each of its k products and sums once in the engine's type, so its error is at most
 * (k + 2) epsilon times the sum of |alpha a b|, plus |beta c|; backends may sum in any order.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/backends/backend.h"
#include "support.h"

#ifdef FS_DOUBLE
static const double epsilon = DBL_EPSILON;
#else
static const double epsilon = (double)FLT_EPSILON;
#endif

/* Stored numbers of a matrix as the type holds them, and as doubles. */
struct stored {
    struct fs_matrix matrix;
    void *data;
    double *value; /* [rows * stride] */
};

static struct stored store(enum fs_matrix_type type, size_t rows, size_t columns, size_t stride, uint64_t *seed)
{
    size_t count = rows * stride + 1; /* one more: an empty matrix has a place, too */
    double *value = calloc(count, sizeof *value);
    unsigned char *data = calloc(count, sizeof *value);
    assert_true(value != NULL && data != NULL);
    for (size_t i = 0; i < count; i++) {
        float narrow = (float)noise(seed);
        double wide = type == FS_MATRIX_F64 ? noise(seed) : (double)narrow;
        value[i] = wide;
        if (type == FS_MATRIX_F32) {
            memcpy(data + i * sizeof narrow, &narrow, sizeof narrow);
        } else {
            memcpy(data + i * sizeof wide, &wide, sizeof wide);
        }
    }
    return (struct stored){{data, type, rows, columns, stride}, data, value};
}

static double at(const struct stored *stored, bool transposed, size_t row, size_t column)
{
    size_t stride = stored->matrix.stride;
    return transposed ? stored->value[column * stride + row] : stored->value[row * stride + column];
}

struct product {
    size_t m, n, k, space; /* `space`: numbers between rows */
    double alpha, beta;
};

static void check(const struct fs_backend *backend, enum fs_matrix_type type, enum fs_transpose transpose,
                  const struct product *p)
{
    uint64_t seed = 7 * p->m + 5 * p->n + 3 * p->k + (uint64_t)transpose;
    bool ta = (transpose & FS_TRANSPOSE_A) != 0, tb = (transpose & FS_TRANSPOSE_B) != 0;
    size_t a_columns = ta ? p->m : p->k, b_columns = tb ? p->k : p->n, stride = p->n + p->space;
    struct stored a = store(FS_MATRIX_REAL, ta ? p->k : p->m, a_columns, a_columns + p->space, &seed);
    struct stored b = store(type, tb ? p->n : p->k, b_columns, b_columns + p->space, &seed);
    size_t count = p->m * stride + 1;
    fs_real *c = malloc(count * sizeof *c), *before = malloc(count * sizeof *before);
    assert_true(c != NULL && before != NULL);
    for (size_t i = 0; i < count; i++) {
        before[i] = (fs_real)noise(&seed);
        c[i] = p->beta == 0 && i % stride < p->n && i / stride < p->m ? (fs_real)NAN : before[i]; /* beta 0: not read */
    }
    fs_product(backend, (struct fs_term){transpose, (fs_real)p->alpha, a.matrix, b.matrix}, (fs_real)p->beta, c,
               stride);
    for (size_t i = 0; i < count; i++) {
        size_t row = i / stride, column = i % stride;
        if (row >= p->m || column >= p->n) {
            assert_true(c[i] == before[i]); /* what is between the rows, and after the last, is not touched */
            continue;
        }
        double sum = 0.0, size = 0.0;
        for (size_t j = 0; j < p->k; j++) {
            double product = p->alpha * at(&a, ta, row, j) * at(&b, tb, j, column);
            sum += product;
            size += fabs(product);
        }
        double old = p->beta == 0 ? 0.0 : p->beta * (double)before[i];
        double bound = ((double)p->k + 2.0) * epsilon * (size + fabs(old));
        if (!(fabs((double)c[i] - sum - old) <= bound)) {
            fail_msg(
                "%s, type %d, transpose %d, m %zu n %zu k %zu, space %zu, beta %g: (%zu,%zu) is %.9g, expected %.9g",
                backend->name, (int)type, (int)transpose, p->m, p->n, p->k, p->space, p->beta, row, column,
                (double)c[i], sum + old);
        }
    }
    free(a.data);
    free(a.value);
    free(b.data);
    free(b.value);
    free(c);
    free(before);
}

/* Single numbers, odd sizes, long and flat shapes, a head's columns among others', and matrices without rows. */
static const struct product products[] = {
    {1, 1, 1, 0, 1, 0},     {1, 7, 13, 0, 1, 1},    {3, 5, 1, 2, 0.25, 0}, {17, 19, 23, 0, 1, 0},
    {17, 19, 23, 9, 1, 1},  {33, 1, 65, 31, 1, 1},  {64, 64, 64, 0, 1, 0}, {90, 90, 12, 84, 0.28867513459, 0},
    {90, 12, 90, 84, 1, 1}, {2, 511, 130, 1, 1, 0}, {0, 5, 7, 1, 1, 1},    {5, 0, 7, 1, 1, 0},
};

static void test_products(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_backend_count; i++) {
        const struct fs_backend *backend = fs_backends[i];
        backend->begin();
        assert_non_null(backend->product[FS_MATRIX_REAL]);
        for (size_t type = 0; type < FS_MATRIX_TYPES; type++) {
            for (size_t k = 0; backend->product[type] != NULL && k < sizeof products / sizeof *products; k++) {
                for (int transpose = 0; transpose <= FS_TRANSPOSE_BOTH; transpose++) {
                    check(backend, (enum fs_matrix_type)type, (enum fs_transpose)transpose, &products[k]);
                }
            }
        }
    }
}

/* The same product twice, alone and after another, has the same bits. */
static void test_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_backend_count; i++) {
        uint64_t seed = 3;
        struct stored a = store(FS_MATRIX_REAL, 37, 129, 129, &seed), b = store(FS_MATRIX_REAL, 129, 41, 41, &seed);
        fs_real first[37 * 41], second[37 * 41], other[129 * 129];
        struct fs_term term = {FS_TRANSPOSE_NONE, 1, a.matrix, b.matrix};
        fs_product(fs_backends[i], term, 0, first, 41);
        fs_product(fs_backends[i], (struct fs_term){FS_TRANSPOSE_A, 1, a.matrix, a.matrix}, 0, other, 129);
        fs_product(fs_backends[i], term, 0, second, 41);
        assert_memory_equal(first, second, sizeof first);
        free(a.data);
        free(a.value);
        free(b.data);
        free(b.value);
    }
}

static void test_find(void **state)
{
    (void)state;
    assert_ptr_equal(fs_backend_find(NULL), fs_backends[0]);
    assert_null(fs_backend_find("abacus"));
    for (size_t i = 0; i < fs_backend_count; i++) {
        assert_ptr_equal(fs_backend_find(fs_backends[i]->name), fs_backends[i]);
    }
    struct fs_model *model = load_model(golden_path("models/gpt2-tiny"));
    assert_string_equal(fs_model_backend_name(model), fs_backends[0]->name);
    fs_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
