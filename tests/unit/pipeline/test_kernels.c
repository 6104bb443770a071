/* Which kernels are taken for a processor, and whether products that lie are found. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/ranks/blas_check.h"
#include "pipeline/ranks/blas_kernels.h"

#if defined(__x86_64__)
#define NEHALEM 0U
#define SANDYBRIDGE FS_NEEDS(AVX)
#define HASWELL (SANDYBRIDGE | FS_NEEDS(AVX2) | FS_NEEDS(FMA))
#define SKYLAKE (HASWELL | FS_NEEDS_AVX512)
#define ZEN4 (SKYLAKE | FS_NEEDS(BF16))

static void choice(void **state)
{
    (void)state;
    static const struct {
        unsigned features;
        const char *own, *better;
    } cases[] = {
        {ZEN4, "Prescott", "Cooperlake"},
        {ZEN4, "Zen", "Cooperlake"},
        {ZEN4, "SkylakeX", NULL},
        {ZEN4, "Cooperlake", NULL},
        {SKYLAKE, "Prescott", "SkylakeX"},
        {SKYLAKE, "Haswell", "SkylakeX"},
        {SKYLAKE, "haswell", "SkylakeX"},
        {HASWELL, "Prescott", "Haswell"},
        {HASWELL, "Barcelona", "Haswell"},
        {HASWELL, "Zen", NULL},
        {HASWELL, "Haswell", NULL},
        {HASWELL, "Sandybridge", "Haswell"},
        {SANDYBRIDGE, "Core2", "Sandybridge"},
        {SANDYBRIDGE, "Sandybridge", NULL},
        {NEHALEM, "Prescott", NULL},
        {SANDYBRIDGE | FS_NEEDS(FMA) | FS_NEEDS(FMA4), "Piledriver", NULL},
        {ZEN4, "SapphireRapids", NULL}, /* of no row: newer than all of them */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *better = fs_kernel_better(cases[i].own, cases[i].features, NULL, 0);
        if ((better == NULL) != (cases[i].better == NULL) || (better != NULL && strcmp(better, cases[i].better) != 0)) {
            fail_msg("%s with %#x: found %s, expected %s", cases[i].own, cases[i].features, better, cases[i].better);
        }
    }
}

static void passed_over(void **state)
{
    (void)state;
    const char *passed[] = {"Prescott", "COOPERLAKE", "SkylakeX", "Haswell", "Zen", "Sandybridge"};
    assert_string_equal(fs_kernel_better("Prescott", ZEN4, passed, 2), "SkylakeX");
    assert_string_equal(fs_kernel_better("Prescott", ZEN4, passed, 3), "Haswell");
    assert_string_equal(fs_kernel_better("Prescott", ZEN4, passed, 5), "Sandybridge");
    assert_null(fs_kernel_better("Prescott", ZEN4, passed, 6));
    assert_null(fs_kernel_better("Zen", ZEN4, passed, 3)); /* no slower one */
}
#else
static void choice(void **state)
{
    (void)state;
    assert_null(fs_kernel_better("ARMV8", fs_kernel_features(), NULL, 0));
}

static void passed_over(void **state)
{
    choice(state);
}
#endif

static void words(void **state)
{
    (void)state;
    char why[FS_KERNELS_WHY_SIZE];
    fs_kernels_why(&(struct fs_kernels){.name = "Zen", .own = "Zen"}, why);
    assert_string_equal(why, "OpenBLAS's own choice");
    fs_kernels_why(&(struct fs_kernels){.name = "Zen", .forced = "zen"}, why);
    assert_string_equal(why, "forced by OPENBLAS_CORETYPE=zen");
    fs_kernels_why(&(struct fs_kernels){.name = "Zen", .forced = "Zen5"}, why); /* misspelt, or newer than OpenBLAS */
    assert_string_equal(why, "in place of OPENBLAS_CORETYPE=Zen5, which OpenBLAS does not take here");
    fs_kernels_why(&(struct fs_kernels){.name = "Zen", .own = "Prescott", .passed = "SkylakeX (a crash)"}, why);
    assert_string_equal(why, "in place of Prescott, OpenBLAS's own choice: the processor runs them, and their products "
                             "are right; passed over: SkylakeX (a crash)");
}

/* How a product lies. */
static enum { ONE_SUM_WRONG, ONE_TERM_LEFT_OUT, NO_NUMBER, WRITES_BESIDE, IGNORES_BETA, ILLEGAL, CRASH } lie;

static void lying(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, enum CBLAS_TRANSPOSE tb, blasint m, blasint n,
                  blasint k, float alpha, const float *a, blasint sa, const float *b, blasint sb, float beta, float *c,
                  blasint sc)
{
    bool turned = ta == CblasTrans && tb == CblasTrans, large = k > 64 && turned;
    blasint depth = lie == ONE_TERM_LEFT_OUT && large ? k - 1 : k;
    cblas_sgemm(order, ta, tb, m, n, depth, alpha, a, sa, b, sb, lie == IGNORES_BETA ? 0 : beta, c, sc);
    float *last = &c[(m - 1) * sc + n - 1];
    if (lie == ONE_SUM_WRONG && large) {
        *last += 0.5F; /* sums of k terms below 0.5 */
    } else if (lie == NO_NUMBER && large) {
        *last = NAN;
    } else if (lie == WRITES_BESIDE && turned) {
        last[1] = 0;
    } else if (lie == ILLEGAL && large) {
        raise(SIGILL);
    } else if (lie == CRASH && large) {
        raise(SIGSEGV);
    }
}

static void check(void **state)
{
    (void)state;
    static const char *const found[] = {[ONE_SUM_WRONG] = "wrong products",
                                        [ONE_TERM_LEFT_OUT] = "wrong products",
                                        [NO_NUMBER] = "wrong products",
                                        [WRITES_BESIDE] = "writes beside its matrix",
                                        [IGNORES_BETA] = "wrong products",
                                        [ILLEGAL] = "an illegal instruction",
                                        [CRASH] = "a crash"};
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        lie = i;
        const char *wrong = fs_blas_check(lying);
        assert_non_null(wrong);
        assert_string_equal(wrong, found[i]);
    }
    assert_null(fs_blas_check(cblas_sgemm)); /* under every kernel type, and after a crash */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choice),
        cmocka_unit_test(passed_over),
        cmocka_unit_test(words),
        cmocka_unit_test(check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
