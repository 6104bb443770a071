/*
 * Numbers of 16 bits: F16 (IEEE binary16: 5 bits of exponent, 10 of fraction) and BF16 (the upper half of a float32).
 * Widening is exact, so that every processor gives the same bits. Local.
 */
#ifndef FAIRSTAMP_MODEL_NUMBERS_HALVES_H
#define FAIRSTAMP_MODEL_NUMBERS_HALVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/numbers/real.h"

void fs_widen_f16(const uint16_t *in, fs_real *out, size_t count);
void fs_widen_bf16(const uint16_t *in, fs_real *out, size_t count);
/* out = the nearest BF16 of each number, ties to even; numbers are finite */
void fs_round_bf16(const float *in, uint16_t *out, size_t count);

bool fs_f16_finite(const uint16_t *x, size_t count);
bool fs_bf16_finite(const uint16_t *x, size_t count);

#endif
