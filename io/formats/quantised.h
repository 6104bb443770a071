/*
 * Types of weights in blocks of few bits, as ggml stores them (ggml-common.h, ggml-quants.c of llama.cpp): a block has one
 * or two scales in F16, and for each of its numbers a small integer. Little endian. Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_QUANTISED_H
#define FAIRSTAMP_IO_FORMATS_QUANTISED_H

#include <stdint.h>

#define FS_BLOCK_MOST 256 /* numbers of a block */

/* The numbers of one block, in order. Exact in float32 but for the sum of Q4_1, Q5_1, Q2_K, Q4_K and Q5_K, rounded once. */
typedef void fs_dequantise(const unsigned char *block, float *out);

fs_dequantise fs_dequantise_q4_0, fs_dequantise_q4_1, fs_dequantise_q5_0, fs_dequantise_q5_1, fs_dequantise_q8_0;
fs_dequantise fs_dequantise_q2_k, fs_dequantise_q3_k, fs_dequantise_q4_k, fs_dequantise_q5_k, fs_dequantise_q6_k;

/* F16 to float32, exact; the nearest F16 of a float32, ties to even, as a float32 or in its 16 bits:
 * infinite from 65520. */
float fs_from_half(uint16_t half);
float fs_round_to_half(float value);
uint16_t fs_to_half(float value);

#endif
