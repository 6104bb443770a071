#include "io/formats/quantised.h"

#include <math.h>
#include <string.h>

/*
 * A product of a scale (11 bits), its factor (at most 8) and an integer (at most 5, or 8 without a factor) has at most 24
 * bits and is exact, so that neither order nor a fused multiply-add changes a bit.
 */

/* Shifted into place, the exponent set right by one product, which also makes subnormals exact. */
float fs_from_half(uint16_t half)
{
    uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    value *= 0x1p112f;
    memcpy(&bits, &value, sizeof bits);
    bits |= (half & 0x7fff) >= 0x7c00 ? 0x7f800000u : 0u;
    bits |= (uint32_t)(half & 0x8000) << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float fs_round_to_half(float value)
{
    uint32_t bits;
    float size = fabsf(value);
    if (size < 0x1p-14f) { /* subnormal: multiples of 2^-24, the last place of numbers from 0.5 to 1 */
        return copysignf((size + 0.75f) - 0.75f, value);
    }
    if (!(size < 65520.0f)) {
        return size > 0.0f ? copysignf(INFINITY, value) : value;
    }
    memcpy(&bits, &value, sizeof bits);
    bits += 0xfffu + ((bits >> 13) & 1u);
    bits &= ~0x1fffu;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Behind the rounding only the exponent's bias differs, 112; a subnormal is a multiple of 2^-24. */
uint16_t fs_to_half(float value)
{
    uint32_t bits;
    float rounded = fs_round_to_half(value), size = fabsf(rounded);
    memcpy(&bits, &rounded, sizeof bits);
    uint32_t number = (bits & 0x7fffffffu) >> 13;
    number = size < 0x1p-14f ? (uint32_t)(size * 0x1p24f) : number - (size <= 65504.0f ? 112u << 10 : 224u << 10);
    return (uint16_t)(number | (bits >> 16 & 0x8000u));
}

static float half_at(const unsigned char *bytes)
{
    return fs_from_half((uint16_t)(bytes[0] | bytes[1] << 8));
}

/* scale, 16 bytes: number i in the low half of byte i, number 16 + i in the high one */
void fs_dequantise_q4_0(const unsigned char *block, float *out)
{
    float scale = half_at(block);
    for (int i = 0; i < 16; i++) {
        out[i] = scale * (float)((block[2 + i] & 15) - 8);
        out[16 + i] = scale * (float)((block[2 + i] >> 4) - 8);
    }
}

/* scale, least number, 16 bytes as in Q4_0 */
void fs_dequantise_q4_1(const unsigned char *block, float *out)
{
    float scale = half_at(block), least = half_at(block + 2);
    for (int i = 0; i < 16; i++) {
        out[i] = scale * (float)(block[4 + i] & 15) + least;
        out[16 + i] = scale * (float)(block[4 + i] >> 4) + least;
    }
}

/* The fifth bit of number i is bit i of four bytes. */
static int fifth_bit(const unsigned char *bytes, int i)
{
    return (bytes[i / 8] >> (i % 8) & 1) << 4;
}

/* scale, fifth bits, 16 bytes as in Q4_0 */
void fs_dequantise_q5_0(const unsigned char *block, float *out)
{
    float scale = half_at(block);
    for (int i = 0; i < 16; i++) {
        out[i] = scale * (float)(((block[6 + i] & 15) | fifth_bit(block + 2, i)) - 16);
        out[16 + i] = scale * (float)(((block[6 + i] >> 4) | fifth_bit(block + 2, 16 + i)) - 16);
    }
}

/* scale, least number, fifth bits, 16 bytes as in Q4_0 */
void fs_dequantise_q5_1(const unsigned char *block, float *out)
{
    float scale = half_at(block), least = half_at(block + 2);
    for (int i = 0; i < 16; i++) {
        out[i] = scale * (float)((block[8 + i] & 15) | fifth_bit(block + 4, i)) + least;
        out[16 + i] = scale * (float)((block[8 + i] >> 4) | fifth_bit(block + 4, 16 + i)) + least;
    }
}

/* scale, 32 signed bytes */
void fs_dequantise_q8_0(const unsigned char *block, float *out)
{
    float scale = half_at(block);
    for (int i = 0; i < 32; i++) {
        out[i] = scale * (float)(int8_t)block[2 + i];
    }
}

/* 16 bytes of factors (low half: of the scale, high: of the least number), 64 bytes, scale, least number; groups of 16 */
void fs_dequantise_q2_k(const unsigned char *block, float *out)
{
    const unsigned char *factor = block, *bits = block + 16;
    float scale = half_at(block + 80), least = half_at(block + 82);
    for (int i = 0; i < 256; i++) {
        int group = i / 16, half = i / 128, place = i % 32, shift = i % 128 / 32 * 2;
        out[i] = scale * (float)(factor[group] & 15) * (float)(bits[32 * half + place] >> shift & 3) -
                 least * (float)(factor[group] >> 4);
    }
}

/* 32 bytes of third bits (set: 0, clear: -4), 64 bytes, 12 bytes of 16 factors of six bits less 32, scale */
void fs_dequantise_q3_k(const unsigned char *block, float *out)
{
    const unsigned char *third = block, *bits = block + 32, *factors = block + 96;
    float scale = half_at(block + 108);
    for (int i = 0; i < 256; i++) {
        int group = i / 16, half = i / 128, place = i % 32, shift = i % 128 / 32 * 2;
        int low = group < 8 ? factors[group] & 15 : factors[group - 8] >> 4;
        int factor = (low | (factors[8 + group % 4] >> (group / 4 * 2) & 3) << 4) - 32;
        int number = (bits[32 * half + place] >> shift & 3) - ((third[place] >> (i / 32) & 1) != 0 ? 0 : 4);
        out[i] = scale * (float)factor * (float)number;
    }
}

/* Of Q4_K and Q5_K: 12 bytes hold six bits each for 8 groups of 32: the factor of the scale, that of the least number. */
static void read_factors(const unsigned char *bytes, int group, float *scale, float *least)
{
    if (group < 4) {
        *scale = (float)(bytes[group] & 63);
        *least = (float)(bytes[group + 4] & 63);
    } else {
        *scale = (float)((bytes[group + 4] & 15) | bytes[group - 4] >> 6 << 4);
        *least = (float)(bytes[group + 4] >> 4 | bytes[group] >> 6 << 4);
    }
}

/* scale, least number, 12 bytes of factors, 128 bytes: 32 for two groups, low halves before high ones */
void fs_dequantise_q4_k(const unsigned char *block, float *out)
{
    float scale = half_at(block), least = half_at(block + 2);
    for (int group = 0; group < 8; group++) {
        const unsigned char *bits = block + 16 + group / 2 * 32;
        float own, own_least;
        read_factors(block + 4, group, &own, &own_least);
        own *= scale;
        own_least *= least;
        for (int i = 0; i < 32; i++) {
            out[32 * group + i] = own * (float)(bits[i] >> (group % 2 * 4) & 15) - own_least;
        }
    }
}

/* as Q4_K, with 32 bytes of fifth bits, bit g for group g, before the 128 */
void fs_dequantise_q5_k(const unsigned char *block, float *out)
{
    float scale = half_at(block), least = half_at(block + 2);
    for (int group = 0; group < 8; group++) {
        const unsigned char *fifth = block + 16, *bits = block + 48 + group / 2 * 32;
        float own, own_least;
        read_factors(block + 4, group, &own, &own_least);
        own *= scale;
        own_least *= least;
        for (int i = 0; i < 32; i++) {
            int number = (bits[i] >> (group % 2 * 4) & 15) | (fifth[i] >> group & 1) << 4;
            out[32 * group + i] = own * (float)number - own_least;
        }
    }
}

/* 128 bytes of low halves, 64 of two high bits, 16 signed factors of groups of 16, scale */
void fs_dequantise_q6_k(const unsigned char *block, float *out)
{
    const unsigned char *low = block, *high = block + 128;
    float scale = half_at(block + 208);
    for (int i = 0; i < 256; i++) {
        int half = i / 128, place = i % 128;
        int number = low[64 * half + place % 64] >> (place / 64 * 4) & 15;
        number |= (high[32 * half + place % 32] >> (place / 32 * 2) & 3) << 4;
        out[i] = scale * (float)(int8_t)block[192 + i / 16] * (float)(number - 32);
    }
}
