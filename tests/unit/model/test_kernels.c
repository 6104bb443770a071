/* The kernels against the C library in float64, the random numbers against their moments. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/stamp_net.h"
#include "model/numbers/kernels.h"
#include "model/numbers/random.h"
#include "support.h"
#include "tests/unit/bounds.h"

#define EPSILON ((double)FLT_EPSILON)

enum { COUNT = 40001 };

/* exp through the kernel that sums it, one number at a time. */
static void test_exponential(void **state)
{
    (void)state;
    double worst = 0.0;
    for (int i = 0; i < COUNT; i++) {
        float x = -87.0f + 175.0f * (float)i / COUNT;
        double found = fs_kernel_sum_exp(&x, 1, 0.0f), expected = exp((double)x);
        double error = fabs(found - expected) / expected / EPSILON;
        worst = error > worst ? error : worst;
    }
    print_message("exp: worst error %.2f units in the last place\n", worst);
    assert_true(worst < 1.5); /* the polynomial, its reduced argument, the rounding of the result: half a unit each */
    const float far[] = {-104.5f, -1e4f, -INFINITY};
    for (int i = 0; i < 3; i++) {
        assert_true(fs_kernel_sum_exp(&far[i], 1, 0.0f) == 0.0);
    }
    float small = -100.0f; /* below the normal range: 26.5 of the smallest steps, and half a step is 0.019 of it */
    assert_true(fabs(fs_kernel_sum_exp(&small, 1, 0.0f) / exp(-100.0) - 1.0) < 0.03);
    float nan = NAN;
    assert_true(isnan(fs_kernel_sum_exp(&nan, 1, 0.0f)));
}

static double exact_activation(enum fs_activation activation, double x)
{
    switch (activation) {
    case FS_GELU_ERF:
        return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
    case FS_GELU_TANH:
        return 0.5 * x * (1.0 + tanh(sqrt(2.0 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case FS_SILU:
        return x / (1.0 + exp(-x));
    default:
        return x > 0.0 ? x : 0.0;
    }
}

static void test_activations(void **state)
{
    (void)state;
    static const char *const names[] = {"gelu", "gelu_tanh", "silu", "relu"};
    static float in[COUNT], out[COUNT], times[COUNT], gradient[COUNT], slope[COUNT], dtimes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        in[i] = -20.0f + 40.0f * (float)i / COUNT;
        times[i] = 0.5f + (float)(i % 7);
        gradient[i] = 1.0f + (float)(i % 3);
    }
    for (int a = 0; a < 4; a++) {
        enum fs_activation activation = (enum fs_activation)a;
        double worst = 0.0, worst_slope = 0.0;
        fs_kernel_activation(activation, in, NULL, out, COUNT);
        fs_kernel_activation_backward(activation, in, NULL, gradient, slope, NULL, COUNT);
        for (int i = 0; i < COUNT; i++) {
            double x = (double)in[i], h = 1e-5, scale = fabs(x) > 1.0 ? fabs(x) : 1.0;
            double error = fabs((double)out[i] - exact_activation(activation, x)) / scale;
            double numeric = (exact_activation(activation, x + h) - exact_activation(activation, x - h)) / (2.0 * h);
            double slope_error = fabs((double)slope[i] / (double)gradient[i] - numeric);
            worst = error > worst ? error : worst;
            worst_slope = slope_error > worst_slope && fabs(x) > 2.0 * h ? slope_error : worst_slope;
        }
        print_message("%-9s worst error %.1e, of the slope %.1e\n", names[a], worst, worst_slope);
        assert_true(worst < 2.5 * EPSILON); /* exp, the quotient and the product round */
        /* where tanh is near 1 its slope, 1 - tanh^2, has two epsilons, times the argument's slope and x: at most 15 */
        assert_true(worst_slope < 32.0 * EPSILON);

        static float gated[COUNT], din[COUNT];
        fs_kernel_activation(activation, in, times, gated, COUNT);
        fs_kernel_activation_backward(activation, in, times, gradient, din, dtimes, COUNT);
        for (int i = 0; i < COUNT; i++) {
            double bound = 7.0 * 4.0 * EPSILON * (1.0 + fabs((double)out[i])); /* a few roundings; factors to 6.5 */
            assert_true(fabs((double)gated[i] - (double)out[i] * (double)times[i]) <= bound);
            assert_true(fabs((double)dtimes[i] - (double)out[i] * (double)gradient[i]) <= bound);
            assert_true(fabs((double)din[i] - (double)slope[i] * (double)times[i]) <= bound);
        }
    }
}

static void test_norms(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 64, 100, 771};
    uint64_t seed = 2;
    for (size_t s = 0; s < 5; s++) {
        size_t d = sizes[s];
        float *in = malloc(2 * d * sizeof *in), *out = malloc(2 * d * sizeof *out);
        float *gain = malloc(d * sizeof *gain), *bias = malloc(d * sizeof *bias);
        assert_true(in != NULL && out != NULL && gain != NULL && bias != NULL);
        for (size_t i = 0; i < 2 * d; i++) {
            in[i] = (float)(30.0 + noise(&seed)); /* a mean far from zero must cost no digits */
            gain[i % d] = (float)noise(&seed);
            bias[i % d] = (float)noise(&seed);
        }
        for (int kind = 0; kind < 2; kind++) {
            struct fs_norm norm = {(enum fs_norm_kind)kind, 1e-6, gain, kind == FS_LAYER_NORM ? bias : NULL};
            /* a number near 31 is off by 16 epsilons; divided by its row's deviation, or by sqrt(1e-6) where there is
             * none */
            double bound = 16.0 * EPSILON / (d == 1 ? 1e-3 : 0.1);
            fs_kernel_norm(&norm, in, out, 2, d);
            for (size_t r = 0; r < 2; r++) {
                double mean = 0.0, square = 0.0;
                for (size_t j = 0; j < d && kind == FS_LAYER_NORM; j++) {
                    mean += (double)in[r * d + j] / (double)d;
                }
                for (size_t j = 0; j < d; j++) {
                    square += ((double)in[r * d + j] - mean) * ((double)in[r * d + j] - mean) / (double)d;
                }
                for (size_t j = 0; j < d; j++) {
                    double wanted = ((double)in[r * d + j] - mean) / sqrt(square + 1e-6) * (double)gain[j];
                    wanted += kind == FS_LAYER_NORM ? (double)bias[j] : 0.0;
                    assert_true(fabs((double)out[r * d + j] - wanted) < bound);
                }
            }
        }
        free(in);
        free(out);
        free(gain);
        free(bias);
    }
}

static bool attends(size_t row, size_t column, bool causal, size_t window)
{
    size_t away = row > column ? row - column : column - row;
    return !(causal && column > row) && (window == 0 || away < window);
}

static void check_softmax(size_t n, bool causal, size_t window)
{
    size_t count = 3;
    uint64_t seed = 4 + n;
    float *x = malloc(count * n * n * sizeof *x), *raw = malloc(count * n * n * sizeof *raw);
    assert_true(x != NULL && raw != NULL);
    for (size_t i = 0; i < count * n * n; i++) {
        raw[i] = (float)(40.0 * noise(&seed));
    }
    memcpy(x, raw, count * n * n * sizeof *x);
    fs_kernel_softmax(x, count, n, causal, window);
    for (size_t r = 0; r < count * n; r++) {
        double max = -1e9, sum = 0.0;
        for (size_t j = 0; j < n; j++) {
            max = attends(r % n, j, causal, window) ? fmax(max, (double)raw[r * n + j]) : max;
        }
        for (size_t j = 0; j < n; j++) {
            sum += attends(r % n, j, causal, window) ? exp((double)raw[r * n + j] - max) : 0.0;
        }
        for (size_t j = 0; j < n; j++) {
            bool allowed = attends(r % n, j, causal, window);
            double wanted = allowed ? exp((double)raw[r * n + j] - max) / sum : 0.0;
            assert_true(fabs((double)x[r * n + j] - wanted) < 1e-6);
            assert_true(allowed || x[r * n + j] == 0.0f);
        }
    }
    free(x);
    free(raw);
}

static void test_softmax(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 13, 16, 90}, windows[] = {0, 1, 2, 15, 200};
    for (size_t s = 0; s < 5; s++) {
        for (size_t w = 0; w < 5; w++) {
            check_softmax(sizes[s], false, windows[w]);
            check_softmax(sizes[s], true, windows[w]);
        }
    }
}

static void test_log_sum_exp(void **state)
{
    (void)state;
    static float x[50257];
    double sum = 0.0;
    uint64_t seed = 6;
    for (size_t i = 0; i < 50257; i++) {
        x[i] = (float)(8.0 * noise(&seed));
    }
    float max = fs_kernel_max(x, 50257);
    for (size_t i = 0; i < 50257; i++) {
        assert_true(x[i] <= max);
        sum += exp((double)x[i] - (double)max);
    }
    /* x - max rounds by 4 epsilons at most, exp by 1.5; the sum is one of float64 */
    assert_true(fabs(log(fs_kernel_sum_exp(x, 50257, max)) - log(sum)) < 8.0 * EPSILON);
    x[31000] = NAN;
    assert_true(isnan(fs_kernel_sum_exp(x, 50257, max)));
    assert_false(fs_kernel_finite(x, 50257));
    assert_true(fs_kernel_finite(x, 31000));
}

/* The bits are part of the file format: a stamp's start must not change between machines or versions. */
static void test_random(void **state)
{
    (void)state;
    struct fs_random random = {1234567}; /* SplitMix64's published test vector */
    assert_true(fs_random_next(&random) == 6457827717110365317u);
    assert_true(fs_random_next(&random) == 3203168211198807973u);
    double sum = 0.0, square = 0.0, fourth = 0.0;
    random = fs_random_start(42, 0);
    for (int i = 0; i < 200000; i++) {
        double x = fs_random_normal(&random);
        sum += x;
        square += x * x;
        fourth += x * x * x * x;
    }
    /* four standard errors and more: 0.0022, 0.0032, 0.022 */
    assert_true(fabs(sum / 200000) < 0.01 && fabs(square / 200000 - 1.0) < 0.02 && fabs(fourth / 200000 - 3.0) < 0.1);
    size_t counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        size_t draw = fs_random_below(&random, 7);
        assert_true(draw < 7);
        counts[draw]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_true(counts[i] > 9500 && counts[i] < 10500); /* five standard errors of 93 */
    }
    struct fs_random a = fs_random_start(5, 1), b = fs_random_start(5, 2);
    assert_true(fs_random_next(&a) != fs_random_next(&b));
}

static void test_stamp(void **state)
{
    (void)state;
    struct fs_stamp stamp, again, other;
    struct fs_error err = FS_ERROR_INIT;
    size_t bytes = fs_stamp_parameters(48, 33) * sizeof(fs_real);
    assert_int_equal(fs_stamp_create(1, 48, 33, 99, &stamp, &err), 0);
    assert_int_equal(fs_stamp_create(1, 48, 33, 99, &again, &err), 0);
    assert_int_equal(fs_stamp_create(1, 48, 33, 100, &other, &err), 0);
    assert_memory_equal(stamp.parameters, again.parameters, bytes);
    assert_memory_not_equal(stamp.parameters, other.parameters, bytes);
    double square = 0.0;
    for (size_t i = 0; i < fs_stamp_parameters(48, 33); i++) {
        double value = (double)stamp.parameters[i];
        square += value * value;
        assert_true(i < fs_stamp_offset_key_bias(&stamp) || value == 0.0);
    }
    assert_true(fabs(square / 33.0 - 1.0) < 0.15); /* rows of K' have length about 1: four standard errors of 0.036 */
    assert_int_equal(fs_stamp_offset_value(&stamp), 48 * 33 + 33);
    assert_int_equal(fs_stamp_offset_value_bias(&stamp) + 48, fs_stamp_parameters(48, 33));
    fs_stamp_release(&stamp);
    fs_stamp_release(&again);
    fs_stamp_release(&other);
    assert_int_equal(fs_stamp_create(0, SIZE_MAX / 2, 3, 1, &stamp, &err), -1);
    assert_int_equal(fs_stamp_create(0, 48, 0, 1, &stamp, &err), -1);
    fs_stamp_release(&stamp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exponential), cmocka_unit_test(test_activations), cmocka_unit_test(test_norms),
        cmocka_unit_test(test_softmax),     cmocka_unit_test(test_log_sum_exp), cmocka_unit_test(test_random),
        cmocka_unit_test(test_stamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
