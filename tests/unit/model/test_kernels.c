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

static const struct {
    enum fs_norm_kind kind;
    bool gain, bias;
} norms[] = {
    {FS_LAYER_NORM, true, true}, {FS_LAYER_NORM, true, false}, {FS_LAYER_NORM, false, false},
    {FS_RMS_NORM, true, false},  {FS_RMS_NORM, false, false},  {FS_RMS_NORM_PLUS_ONE, true, false},
};

/* out (d), in double, of one row. */
static void norm_naive(const struct fs_norm *norm, const float *in, size_t d, double *out)
{
    double mean = 0.0, square = 0.0;
    for (size_t j = 0; j < d && norm->kind == FS_LAYER_NORM; j++) {
        mean += (double)in[j] / (double)d;
    }
    for (size_t j = 0; j < d; j++) {
        square += ((double)in[j] - mean) * ((double)in[j] - mean) / (double)d;
    }
    for (size_t j = 0; j < d; j++) {
        double gain = norm->gain == NULL ? 1.0 : (double)norm->gain[j];
        gain += norm->kind == FS_RMS_NORM_PLUS_ONE ? 1.0 : 0.0;
        out[j] = ((double)in[j] - mean) / sqrt(square + norm->epsilon) * gain;
        out[j] += norm->bias != NULL ? (double)norm->bias[j] : 0.0;
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
        double *wanted = malloc(d * sizeof *wanted);
        assert_true(in != NULL && out != NULL && gain != NULL && bias != NULL && wanted != NULL);
        for (size_t i = 0; i < 2 * d; i++) {
            in[i] = (float)(30.0 + noise(&seed)); /* a mean far from zero must cost no digits */
            gain[i % d] = (float)noise(&seed);
            bias[i % d] = (float)noise(&seed);
        }
        for (size_t n = 0; n < sizeof norms / sizeof *norms; n++) {
            struct fs_norm norm = {norms[n].kind, 1e-6, norms[n].gain ? gain : NULL, norms[n].bias ? bias : NULL};
            /* a number near 31 is off by 16 epsilons; divided by its row's deviation, or by sqrt(1e-6) where there is
             * none; times a gain of up to 2 */
            double bound = 32.0 * EPSILON / (d == 1 ? 1e-3 : 0.1);
            fs_kernel_norm(&norm, in, out, 2, d);
            for (size_t r = 0; r < 2; r++) {
                norm_naive(&norm, in + r * d, d, wanted);
                for (size_t j = 0; j < d; j++) {
                    assert_true(fabs((double)out[r * d + j] - wanted[j]) < bound);
                }
            }
        }
        free(in);
        free(out);
        free(gain);
        free(bias);
        free(wanted);
    }
}

/* Against central differences of the naive norm; what is there already is added to or not. */
static void test_norms_backward(void **state)
{
    (void)state;
    enum { D = 19 };
    float in[D], gain[D], bias[D], dout[D], din[D], moved[D];
    double high[D], low[D];
    uint64_t seed = 12;
    for (size_t j = 0; j < D; j++) {
        in[j] = (float)noise(&seed);
        gain[j] = (float)noise(&seed);
        bias[j] = (float)noise(&seed);
        dout[j] = (float)noise(&seed);
    }
    for (size_t n = 0; n < sizeof norms / sizeof *norms; n++) {
        struct fs_norm norm = {norms[n].kind, 1e-5, norms[n].gain ? gain : NULL, norms[n].bias ? bias : NULL};
        for (int add = 0; add < 2; add++) {
            memcpy(din, bias, sizeof din);
            fs_kernel_norm_backward(&norm, in, dout, din, add == 1, 1, D);
            for (size_t i = 0; i < D; i++) {
                const float step = 0x1p-8f;
                double wanted = add == 1 ? (double)bias[i] : 0.0;
                memcpy(moved, in, sizeof moved);
                moved[i] = in[i] + step;
                norm_naive(&norm, moved, D, high);
                double width = (double)moved[i];
                moved[i] = in[i] - step;
                norm_naive(&norm, moved, D, low);
                width -= (double)moved[i];
                for (size_t j = 0; j < D; j++) {
                    wanted += (double)dout[j] * (high[j] - low[j]) / width;
                }
                assert_true(fabs((double)din[i] - wanted) < 2e-4); /* step^2 times third derivatives */
            }
        }
    }
}

static void test_no_norm(void **state)
{
    (void)state;
    const struct fs_norm none = {0};
    const float in[4] = {3.0f, -1.0f, 0.5f, 2.0f}, dout[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    float out[4], din[4] = {10.0f, 10.0f, 10.0f, 10.0f};
    fs_kernel_norm(&none, in, out, 2, 2);
    assert_memory_equal(out, in, sizeof out);
    fs_kernel_norm_backward(&none, in, dout, din, true, 2, 2);
    for (size_t i = 0; i < 4; i++) {
        assert_true(din[i] == 10.0f + dout[i]);
    }
    fs_kernel_norm_backward(&none, in, dout, din, false, 2, 2);
    assert_memory_equal(din, dout, sizeof din);
}

static void test_caps(void **state)
{
    (void)state;
    enum { NUMBERS = 4001 };
    static const float caps[] = {30.0f, 50.0f, 0.7f};
    static float x[NUMBERS], out[NUMBERS], ones[NUMBERS], din[NUMBERS];
    for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < NUMBERS; i++) {
            x[i] = caps[c] * 12.0f * ((float)i / 2000.0f - 1.0f);
            ones[i] = 1.0f;
        }
        memcpy(out, x, sizeof out);
        fs_kernel_cap(out, NUMBERS, caps[c]);
        fs_kernel_cap_backward(out, ones, din, NUMBERS, caps[c]);
        for (size_t i = 0; i < NUMBERS; i++) {
            double t = tanh((double)x[i] / (double)caps[c]);
            double wanted = (double)caps[c] * t;
            assert_true(fabs((double)out[i] - wanted) <= 3.0 * EPSILON * fabs(wanted));
            assert_true(fabs((double)din[i] - (1.0 - t * t)) <= 8.0 * EPSILON);
        }
    }
    assert_true(out[NUMBERS / 2] == 0.0f);
    fs_kernel_scale(out, NUMBERS, 0.25f);
    assert_true(out[0] == -0.175f);
}

static bool attends(size_t row, size_t column, bool causal, size_t window)
{
    size_t away = row > column ? row - column : column - row;
    return !(causal && column > row) && (window == 0 || away < window);
}

/* The last n rows of m. */
static void check_softmax(size_t n, size_t m, bool causal, size_t window)
{
    size_t count = 3;
    uint64_t seed = 4 + n;
    float *x = malloc(count * n * m * sizeof *x), *raw = malloc(count * n * m * sizeof *raw);
    assert_true(x != NULL && raw != NULL);
    for (size_t i = 0; i < count * n * m; i++) {
        raw[i] = (float)(40.0 * noise(&seed));
    }
    memcpy(x, raw, count * n * m * sizeof *x);
    fs_kernel_softmax(&(struct fs_softmax){count, n, m, causal, window}, x);
    for (size_t r = 0; r < count * n; r++) {
        size_t place = m - n + r % n;
        double max = -1e9, sum = 0.0;
        for (size_t j = 0; j < m; j++) {
            max = attends(place, j, causal, window) ? fmax(max, (double)raw[r * m + j]) : max;
        }
        for (size_t j = 0; j < m; j++) {
            sum += attends(place, j, causal, window) ? exp((double)raw[r * m + j] - max) : 0.0;
        }
        for (size_t j = 0; j < m; j++) {
            bool allowed = attends(place, j, causal, window);
            double wanted = allowed ? exp((double)raw[r * m + j] - max) / sum : 0.0;
            assert_true(fabs((double)x[r * m + j] - wanted) < 1e-6);
            assert_true(allowed || x[r * m + j] == 0.0f);
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
            check_softmax(sizes[s], sizes[s], false, windows[w]);
            check_softmax(sizes[s], sizes[s], true, windows[w]);
            check_softmax(sizes[s] / 2 + 1, sizes[s] + 3, true, windows[w]);
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
        cmocka_unit_test(test_exponential),    cmocka_unit_test(test_activations), cmocka_unit_test(test_norms),
        cmocka_unit_test(test_norms_backward), cmocka_unit_test(test_no_norm),     cmocka_unit_test(test_caps),
        cmocka_unit_test(test_softmax),        cmocka_unit_test(test_log_sum_exp), cmocka_unit_test(test_random),
        cmocka_unit_test(test_stamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
