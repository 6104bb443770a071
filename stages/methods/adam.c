#include "stages/methods/adam.h"

#include <math.h>

void fs_adam_step(const struct fs_adam *adam, size_t t, const fs_real *gradient, const struct fs_adam_parameters *at)
{
    const fs_real beta1 = (fs_real)adam->beta1, beta2 = (fs_real)adam->beta2, epsilon = (fs_real)adam->epsilon;
    const fs_real rate = (fs_real)(adam->learning_rate / (1 - pow(adam->beta1, (double)t)));
    const fs_real scale = (fs_real)(1 / sqrt(1 - pow(adam->beta2, (double)t)));
    for (size_t i = 0; i < at->count; i++) {
        fs_real g = gradient[i];
        at->moment1[i] = beta1 * at->moment1[i] + (1 - beta1) * g;
        at->moment2[i] = beta2 * at->moment2[i] + (1 - beta2) * g * g;
        at->parameter[i] -= rate * at->moment1[i] / ((fs_real)sqrt(at->moment2[i]) * scale + epsilon);
    }
}
