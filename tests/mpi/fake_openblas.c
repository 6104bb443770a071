/*
 * Preloaded: an OpenBLAS that does not know this processor, and takes Prescott's kernels. Those for FAKE_WRONG ("A,B")
 * multiply wrongly, those for FAKE_ILLEGAL end with an illegal instruction.
 */
#include <cblas.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int was_forced;

__attribute__((constructor)) static void begin(void)
{
    was_forced = getenv("OPENBLAS_CORETYPE") != NULL; /* OpenBLAS too reads it when it is loaded */
}

char *openblas_get_corename(void)
{
    static char unknown[] = "Prescott";
    char *(*own)(void) = NULL;
    *(void **)&own = dlsym(RTLD_NEXT, "openblas_get_corename");
    return was_forced ? own() : unknown;
}

static int is_named(const char *variable)
{
    const char *list = getenv(variable);
    return list != NULL && strstr(list, openblas_get_corename()) != NULL;
}

void cblas_sgemm(const enum CBLAS_ORDER order, const enum CBLAS_TRANSPOSE ta, const enum CBLAS_TRANSPOSE tb,
                 const blasint m, const blasint n, const blasint k, const float alpha, const float *a, const blasint sa,
                 const float *b, const blasint sb, const float beta, float *c, const blasint sc)
{
    static void (*own)(enum CBLAS_ORDER, enum CBLAS_TRANSPOSE, enum CBLAS_TRANSPOSE, blasint, blasint, blasint, float,
                       const float *, blasint, const float *, blasint, float, float *, blasint);
    *(void **)&own = dlsym(RTLD_NEXT, "cblas_sgemm");
    if (is_named("FAKE_ILLEGAL")) {
        raise(SIGILL);
    }
    own(order, ta, tb, m, n, k, is_named("FAKE_WRONG") ? 1.01F * alpha : alpha, a, sa, b, sb, beta, c, sc);
}
