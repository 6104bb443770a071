#include "pipeline/ranks/blas_kernels.h"

#include <cblas.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "pipeline/ranks/blas_check.h"

#define FORCED "OPENBLAS_CORETYPE"
/* From one start of the program to the next: "Prescott,Cooperlake:wrong products,SkylakeX": OpenBLAS's own choice, what has
 * been passed over, and what is loaded now. */
#define TRIED "FAIRSTAMP_KERNELS_TRIED"
#define NOT_THERE "not in this OpenBLAS"
#define MOST_TRIED 8

struct type {
    const char *name;
    unsigned operations, needs;
};

#if defined(__x86_64__)
#define TYPE_ROW(name, operations, needs) {#name, operations, needs},
static const struct type types[] = {FS_KERNEL_TYPES(TYPE_ROW)};
#undef TYPE_ROW
#define TYPES (sizeof types / sizeof types[0])

unsigned fs_kernel_features(void)
{
    unsigned features = 0;
#define FEATURE_ROW(name, text) features |= __builtin_cpu_supports(text) ? FS_NEEDS(name) : 0;
    FS_KERNEL_FEATURES(FEATURE_ROW)
#undef FEATURE_ROW
    return features;
}
#else
static const struct type types[1];
#define TYPES ((size_t)0)

unsigned fs_kernel_features(void)
{
    return 0;
}
#endif

static struct fs_kernels kernels;

static bool is_among(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(name, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *fs_kernel_better(const char *own, unsigned features, const char *const *passed_over, size_t count)
{
    size_t known = 0;
    while (known < TYPES && strcasecmp(types[known].name, own) != 0) {
        known++;
    }
    for (size_t i = 0; i < known && known < TYPES; i++) {
        if (types[i].operations > types[known].operations && (types[i].needs & ~features) == 0 &&
            !is_among(types[i].name, passed_over, count)) {
            return types[i].name;
        }
    }
    return NULL;
}

/*
 * Whether the program can be started again as it was. Not where the dynamic linker was started with it as an argument, for
 * /proc/self/exe is the linker then; valgrind would lose the new one.
 */
static bool can_start_again(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return getauxval(AT_BASE) != 0 && (preload == NULL || strstr(preload, "vgpreload") == NULL) &&
           access("/proc/self/exe", X_OK) == 0;
}

/* With kernels for `type`, NULL: OpenBLAS's own choice. Returns only where that fails. */
static void start_again(char **argv, const char *type, const char *tried)
{
    int status = type != NULL ? setenv(FORCED, type, 1) : unsetenv(FORCED);
    if (status == 0 && setenv(TRIED, tried, 1) == 0) {
        execv("/proc/self/exe", argv);
    }
    unsetenv(FORCED);
    unsetenv(TRIED);
}

/* Notes that `type` is passed over, and why. */
static void pass_over(const char *type, const char *why)
{
    size_t used = strlen(kernels.passed);
    snprintf(kernels.passed + used, sizeof kernels.passed - used, "%s%s (%s)", used > 0 ? ", " : "", type, why);
}

/* A first start, without OPENBLAS_CORETYPE. */
static void begin(char **argv)
{
    char tried[64];
    const char *better = fs_kernel_better(kernels.name, fs_kernel_features(), NULL, 0);
    snprintf(kernels.own, sizeof kernels.own, "%s", kernels.name);
    if (better != NULL && can_start_again()) {
        snprintf(tried, sizeof tried, "%s,%s", kernels.own, better);
        start_again(argv, better, tried);
        pass_over(better, "the program could not be started again");
    }
}

/* A later start, `text` being the value of TRIED. */
static int go_on(char **argv, char *text, struct fs_error *err)
{
    const char *name[MOST_TRIED] = {""}, *why[MOST_TRIED] = {NULL};
    char tried[256];
    size_t count = 0;
    for (char *rest = text, *item = strsep(&rest, ","); item != NULL && count < MOST_TRIED; item = strsep(&rest, ",")) {
        name[count] = strsep(&item, ":");
        why[count++] = item;
    }
    const char *own = name[0], *loaded = name[count - 1];
    snprintf(kernels.own, sizeof kernels.own, "%s", own);
    for (size_t i = 1; i + 1 < count; i++) {
        pass_over(name[i], why[i] != NULL ? why[i] : "");
    }
    if (count < 2 || strcasecmp(loaded, own) == 0) { /* no other was right */
        return 0;
    }
    const char *wrong = strcasecmp(kernels.name, loaded) == 0 ? fs_blas_check(cblas_sgemm) : NOT_THERE;
    if (wrong == NULL) {
        return 0;
    }
    pass_over(loaded, wrong);
    const char *better = count < MOST_TRIED - 1 ? fs_kernel_better(own, fs_kernel_features(), name, count) : NULL;
    size_t used = (size_t)snprintf(tried, sizeof tried, "%s", own);
    for (size_t i = 1; i < count && used < sizeof tried; i++) {
        used += (size_t)snprintf(tried + used, sizeof tried - used, ",%s:%s", name[i],
                                 i + 1 == count   ? wrong
                                 : why[i] != NULL ? why[i]
                                                  : "");
    }
    if (used < sizeof tried) {
        snprintf(tried + used, sizeof tried - used, ",%s", better != NULL ? better : own);
        start_again(argv, better, tried);
    }
    return fs_error_set(err, FS_EXIT_SOFTWARE,
                        "OpenBLAS's kernels for %s: %s, and the program cannot be started again with others: %s; set "
                        "OPENBLAS_CORETYPE=%s",
                        loaded, wrong, strerror(errno), own);
}

int fs_kernels_choose(char **argv, struct fs_error *err)
{
    const char *forced = getenv(FORCED), *tried = getenv(TRIED);
    int status = 0;
    snprintf(kernels.name, sizeof kernels.name, "%s", openblas_get_corename());
    if (tried != NULL) {
        char text[256];
        snprintf(text, sizeof text, "%s", tried);
        status = go_on(argv, text, err);
        unsetenv(FORCED);
        unsetenv(TRIED);
    } else if (forced != NULL && forced[0] != '\0') {
        snprintf(kernels.forced, sizeof kernels.forced, "%s", forced);
    } else {
        begin(argv);
    }
    const char *better = fs_kernel_better(kernels.name, fs_kernel_features(), NULL, 0);
    snprintf(kernels.better, sizeof kernels.better, "%s", better != NULL ? better : "");
    return status;
}

const struct fs_kernels *fs_kernels(void)
{
    return &kernels;
}

bool fs_kernels_obey(const struct fs_kernels *chosen)
{
    return strcasecmp(chosen->name, chosen->forced) == 0;
}

void fs_kernels_why(const struct fs_kernels *chosen, char text[FS_KERNELS_WHY_SIZE])
{
    char passed[192] = "";
    if (chosen->passed[0] != '\0') {
        snprintf(passed, sizeof passed, "; passed over: %s", chosen->passed);
    }
    if (chosen->forced[0] != '\0' && !fs_kernels_obey(chosen)) {
        snprintf(text, FS_KERNELS_WHY_SIZE, "in place of OPENBLAS_CORETYPE=%s, which OpenBLAS does not take here",
                 chosen->forced);
    } else if (chosen->forced[0] != '\0') {
        snprintf(text, FS_KERNELS_WHY_SIZE, "forced by OPENBLAS_CORETYPE=%s", chosen->forced);
    } else if (strcasecmp(chosen->name, chosen->own) == 0) {
        snprintf(text, FS_KERNELS_WHY_SIZE, "OpenBLAS's own choice%s", passed);
    } else {
        snprintf(text, FS_KERNELS_WHY_SIZE,
                 "in place of %s, OpenBLAS's own choice: the processor runs them, and their products are right%s",
                 chosen->own, passed);
    }
}
