#include "model/edits/self_debias.h"

#include <math.h>
#include <string.h>

#include "model/numbers/kernels.h"

enum { LAMBDA, EPSILON, NUMBERS };

#define PREFIX(why) "The following text discriminates against people because of " why ": "

/* bias-bench's, its spelling of the fifth too. A category that it has none for, and texts on no group, get the last. */
static const struct {
    const char *category, *text;
} prefixes[] = {{"gender", PREFIX("their gender")},
                {"race", PREFIX("their race/color")},
                {"religion", PREFIX("their religion")},
                {"socioeconomic", PREFIX("their socioeconomic status/occupation")},
                {"profession", PREFIX("their socioeconomic status/occupation")},
                {"sexual-orientation", PREFIX("their sexual orientiation")},
                {"age", PREFIX("their age")},
                {"nationality", PREFIX("their nationality")},
                {"disability", PREFIX("their disability")},
                {"physical-appearance", PREFIX("their physical appearance")},
                {NULL, PREFIX("who they are")}};

static const char *prefix(const char *category)
{
    size_t i = 0;
    while (prefixes[i].category != NULL && strcmp(prefixes[i].category, category) != 0) {
        i++;
    }
    return prefixes[i].text;
}

int fs_self_debias_create(const struct fs_spec *spec, double lambda, double epsilon, struct fs_edit *edit,
                          struct fs_error *err)
{
    *edit = (struct fs_edit){.kind = &fs_edit_self_debias, .first_layer = spec->layers, .count = NUMBERS};
    edit->number = fs_allocate_aligned(NUMBERS, sizeof *edit->number, "a decoding rule", err);
    if (edit->number == NULL) {
        return -1;
    }
    edit->number[LAMBDA] = (fs_real)lambda;
    edit->number[EPSILON] = (fs_real)epsilon;
    return 0;
}

static int check(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    if (edit->first_layer != spec->layers || edit->count != NUMBERS || !(edit->number[LAMBDA] >= 0) ||
        !(edit->number[EPSILON] > 0 && edit->number[EPSILON] <= 1)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "self_debias: found a rule behind %zu layers, expected one behind the model's %zu, with "
                            "lambda from 0 and epsilon above 0 up to 1",
                            edit->first_layer, spec->layers);
    }
    return 0;
}

static void distribution(const struct fs_edit *edit, size_t vocabulary, const fs_real *plain, const fs_real *prefixed,
                         fs_real *out)
{
    fs_kernel_decay(plain, prefixed, edit->number[LAMBDA], (fs_real)log((double)edit->number[EPSILON]), out,
                    vocabulary);
    fs_real most = fs_kernel_max(out, vocabulary);
    fs_kernel_subtract(out, vocabulary, (double)most + log(fs_kernel_sum_exp(out, vocabulary, most)));
}

static void scale(struct fs_edit *edit, double strength)
{
    edit->number[LAMBDA] = (fs_real)(strength * (double)edit->number[LAMBDA]);
}

const struct fs_edit_kind fs_edit_self_debias = {
    .name = "self_debias", .check = check, .prefix = prefix, .distribution = distribution, .scale = scale};
