/*
 * The table of backends: each multiplies every type that it has, in every shape and transposition that the engine uses,
 * against a plain double loop.
 *
 * Bound: a product of depth k rounds each of its k products and sums once in the engine's type, so its error is at most
 * (k + 2) epsilon times the sum of |alpha a b|, plus |beta c|; backends may sum in any order. Weights of 16 bits are
 * widened exactly, so that the bound is the same. Products in BF16 are held against the inputs rounded to BF16 here, by
 * arithmetic: the same bound again.
 */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "model/backends/backend.h"
#include "support.h"

#ifdef FS_DOUBLE
static const double epsilon = DBL_EPSILON;
#else
static const double epsilon = (double)FLT_EPSILON;
#endif

/* `value` rounded to so many bits of a significand, ties to even. */
static double rounded(double value, int bits)
{
    int exponent;
    double fraction = frexp(value, &exponent);
    return ldexp(nearbyint(ldexp(fraction, bits)), exponent - bits);
}

/* The 16 bits of a number that they hold and that is no subnormal: sign, exponent from its bias on, fraction. */
static uint16_t halves_of(double value, int fraction_bits, int bias)
{
    int exponent;
    double fraction = frexp(fabs(value), &exponent); /* in [0.5, 1) */
    unsigned number = value == 0 ? 0
                                 : ((unsigned)(exponent - 1 + bias) << fraction_bits) +
                                       (unsigned)ldexp(2 * fraction - 1, fraction_bits);
    return (uint16_t)(number | (signbit(value) ? 0x8000u : 0u));
}

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
        double wide = noise(seed);
        float narrow = (float)wide;
        if (type == FS_MATRIX_F16 || type == FS_MATRIX_BF16) {
            bool f16 = type == FS_MATRIX_F16;
            wide = rounded(fabs(wide) < 1e-3 ? 0 : wide, f16 ? 11 : 8);
            uint16_t half = f16 ? halves_of(wide, 10, 15) : halves_of(wide, 7, 127);
            memcpy(data + i * sizeof half, &half, sizeof half);
            value[i] = wide;
            continue;
        }
        wide = type == FS_MATRIX_F64 ? wide : (double)narrow;
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
    if (backend->type == FS_COMPUTE_BF16 && type == FS_MATRIX_BF16) {
        for (size_t i = 0; i < a.matrix.rows * a.matrix.stride; i++) {
            a.value[i] = rounded(a.value[i], 8);
        }
    }
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
            fail_msg("%s in %s, type %d, transpose %d, m %zu n %zu k %zu, space %zu, beta %g: (%zu,%zu) is %.9g, "
                     "expected %.9g",
                     backend->name, fs_compute_type_name(backend->type), (int)type, (int)transpose, p->m, p->n, p->k,
                     p->space, p->beta, row, column, (double)c[i], sum + old);
        }
    }
    free(a.data);
    free(a.value);
    free(b.data);
    free(b.value);
    free(c);
    free(before);
}

/* Single numbers, odd sizes, long and flat shapes, a head's columns among others', and matrices without rows; the last of
 * several panels where weights have 16 bits. */
static const struct product products[] = {
    {1, 1, 1, 0, 1, 0},        {1, 7, 13, 0, 1, 1},    {3, 5, 1, 2, 0.25, 0}, {17, 19, 23, 0, 1, 0},
    {17, 19, 23, 9, 1, 1},     {33, 1, 65, 31, 1, 1},  {64, 64, 64, 0, 1, 0}, {90, 90, 12, 84, 0.28867513459, 0},
    {90, 12, 90, 84, 1, 1},    {2, 511, 130, 1, 1, 0}, {0, 5, 7, 1, 1, 1},    {5, 0, 7, 1, 1, 0},
    {3, 270, 5200, 3, 0.5, 1},
};

static void check_backend(const struct fs_backend *backend)
{
    const char *why = fs_backend_unusable(backend);
    if (why != NULL) {
        print_message("%s in %s skipped: %s\n", backend->name, fs_compute_type_name(backend->type), why);
        return;
    }
    backend->begin();
    assert_true(strlen(backend->version()) > 0);
    assert_non_null(backend->product[FS_MATRIX_REAL]);
    for (size_t type = 0; type < FS_MATRIX_TYPES; type++) {
        for (size_t k = 0; backend->product[type] != NULL && k < sizeof products / sizeof *products; k++) {
            for (int transpose = 0; transpose <= FS_TRANSPOSE_BOTH; transpose++) {
                check(backend, (enum fs_matrix_type)type, (enum fs_transpose)transpose, &products[k]);
            }
        }
    }
}

static void test_products(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_backend_count; i++) {
        check_backend(fs_backends[i]);
        if (fs_backends[i]->bf16 != NULL) {
            check_backend(fs_backends[i]->bf16);
        }
    }
}

/* The same product twice, alone and after another, has the same bits; so has one by the widened weights, while they are one
 * panel. */
static void check_bits(const struct fs_backend *backend, enum fs_matrix_type type)
{
    uint64_t seed = 3;
    struct stored a = store(FS_MATRIX_REAL, 37, 129, 129, &seed), b = store(type, 129, 41, 41, &seed);
    fs_real first[37 * 41], second[37 * 41], other[129 * 129], wide[129 * 41];
    struct fs_term term = {FS_TRANSPOSE_NONE, 1, a.matrix, b.matrix};
    fs_product(backend, term, 0, first, 41);
    fs_product(backend, (struct fs_term){FS_TRANSPOSE_A, 1, a.matrix, a.matrix}, 0, other, 129);
    fs_product(backend, term, 0, second, 41);
    assert_memory_equal(first, second, sizeof first);
    fs_matrix_widen(&b.matrix, wide, 41);
    for (size_t i = 0; i < 129 * 41; i++) {
        assert_true((double)wide[i] == b.value[i]);
    }
    if (backend->type != FS_COMPUTE_BF16) {
        term.b = fs_matrix_of(wide, 129, 41, 41);
        fs_product(backend, term, 0, second, 41);
        assert_memory_equal(first, second, sizeof first);
    }
    free(a.data);
    free(a.value);
    free(b.data);
    free(b.value);
}

static void test_bits(void **state)
{
    (void)state;
    const enum fs_matrix_type types[] = {FS_MATRIX_REAL, FS_MATRIX_F16, FS_MATRIX_BF16};
    for (size_t i = 0; i < fs_backend_count; i++) {
        const struct fs_backend *both[] = {fs_backends[i], fs_backends[i]->bf16};
        for (size_t j = 0; j < 6; j++) {
            const struct fs_backend *backend = both[j / 3];
            if (backend != NULL && fs_backend_unusable(backend) == NULL) {
                check_bits(backend, types[j % 3]);
            }
        }
    }
}

/* Threads of a pool, each with a panel of its own, get the bits that one alone gets. */
static void *thread(void *argument)
{
    const struct fs_backend *backend = argument;
    for (int i = 0; i < 3; i++) {
        check_bits(backend, FS_MATRIX_BF16);
        check(backend, FS_MATRIX_F16, FS_TRANSPOSE_B, &products[2]);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_backend_count; i++) {
        const struct fs_backend *backend =
            fs_backends[i]->bf16 != NULL && fs_backend_unusable(fs_backends[i]->bf16) == NULL ? fs_backends[i]->bf16
                                                                                              : fs_backends[i];
        pthread_t pool[4];
        if (fs_backend_unusable(backend) != NULL) {
            continue;
        }
        for (size_t j = 0; j < 4; j++) {
            assert_int_equal(pthread_create(&pool[j], NULL, thread, (void *)(uintptr_t)backend), 0);
        }
        for (size_t j = 0; j < 4; j++) {
            assert_int_equal(pthread_join(pool[j], NULL), 0);
        }
    }
}

/* Every F16 and BF16 against the meaning of its bits, and which of them are finite. */
static void test_halves(void **state)
{
    (void)state;
    static const struct {
        enum fs_matrix_type type;
        int fraction_bits, bias;
    } types[] = {{FS_MATRIX_F16, 10, 15}, {FS_MATRIX_BF16, 7, 127}};
    uint16_t half[1 << 8];
    fs_real wide[1 << 8];
    for (size_t t = 0; t < 2; t++) {
        for (unsigned first = 0; first < 1u << 16; first += 1u << 8) {
            for (unsigned i = 0; i < 1u << 8; i++) {
                half[i] = (uint16_t)(first + i);
            }
            const struct fs_matrix row = {half, types[t].type, 1, 1u << 8, 1u << 8};
            fs_matrix_widen(&row, wide, 1u << 8);
            for (unsigned i = 0; i < 1u << 8; i++) {
                unsigned most = (1u << (15 - types[t].fraction_bits)) - 1;
                unsigned exponent = ((unsigned)half[i] >> types[t].fraction_bits) & most;
                unsigned fraction = half[i] & ((1u << types[t].fraction_bits) - 1);
                double size = ldexp(fraction + (exponent > 0 ? ldexp(1, types[t].fraction_bits) : 0),
                                    (int)(exponent > 0 ? exponent : 1) - types[t].bias - types[t].fraction_bits);
                assert_int_equal(fs_numbers_finite(types[t].type, half + i, 1), exponent < most);
                if (exponent == most) {
                    assert_true(fraction == 0 ? isinf(wide[i]) != 0 : isnan(wide[i]) != 0);
                } else {
                    assert_true(fabs((double)wide[i]) == size);
                }
                assert_int_equal(signbit(wide[i]) != 0, half[i] >> 15);
            }
        }
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
    assert_ptr_equal(fs_backend_choose(&(struct fs_compute){FS_COMPUTE_AUTO, NULL}), fs_backends[0]);
    assert_ptr_equal(fs_backend_choose(&(struct fs_compute){FS_COMPUTE_F32, "auto"}), fs_backends[0]);
    assert_null(fs_backend_choose(&(struct fs_compute){FS_COMPUTE_F32, "abacus"}));
    assert_null(fs_backend_choose(&(struct fs_compute){FS_COMPUTE_BF16, "openblas"}));
    assert_non_null(strstr(fs_backend_choices, fs_backends[0]->name));
    struct fs_model *model = load_model(golden_path("models/gpt2-tiny"));
    assert_ptr_equal(fs_model_backend(model), fs_backends[0]);
    fs_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products), cmocka_unit_test(test_bits), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_halves),   cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
