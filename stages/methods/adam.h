/* Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1); epsilon outside the root, as PyTorch has it. Local. */
#ifndef FAIRSTAMP_STAGES_METHODS_ADAM_H
#define FAIRSTAMP_STAGES_METHODS_ADAM_H

#include <stddef.h>

#include "model/numbers/real.h"

struct fs_adam {
    double learning_rate, beta1, beta2, epsilon;
};

/* Step `t`, from 1, of `count` parameters in place; the moments are zeros before the first. */
struct fs_adam_parameters {
    fs_real *parameter, *moment1, *moment2; /* [count] */
    size_t count;
};
void fs_adam_step(const struct fs_adam *adam, size_t t, const fs_real *gradient, const struct fs_adam_parameters *at);

#endif
