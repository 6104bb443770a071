/* Rotary positions in the metadata of a GGUF file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/gguf/architecture.h"

/* Llama 3.1 and its kin; what else they say is found from the numbers. */
#define LOW_FREQUENCY 1.0
#define HIGH_FREQUENCY 4.0

/* What frequency i of a head is divided by: _compute_llama3_parameters of transformers. */
static double divisor(double theta, size_t i, size_t head_size, double factor, double original)
{
    const double pi = 3.14159265358979323846;
    double length = 2.0 * pi * pow(theta, 2.0 * (double)i / (double)head_size);
    if (length < original / HIGH_FREQUENCY) {
        return 1.0;
    }
    if (length > original / LOW_FREQUENCY) {
        return factor;
    }
    double smooth = (original / length - LOW_FREQUENCY) / (HIGH_FREQUENCY - LOW_FREQUENCY);
    return 1.0 / ((1.0 - smooth) / factor + smooth);
}

static bool is_llama3(const float *divisors, size_t count, double theta, double factor, double original)
{
    for (size_t i = 0; i < count; i++) {
        double expected = divisor(theta, i, 2 * count, factor, original);
        if (!(fabs((double)divisors[i] - expected) <= 1e-5 * expected)) {
            return false;
        }
    }
    return true;
}

/* The parameters of rope_type llama3 that give `divisors`, as an object of `config`. */
static int add_llama3(const struct fs_gguf *gguf, const float *divisors, size_t count, double theta, cJSON *config,
                      struct fs_error *err)
{
    double factor = 0.0;
    for (size_t i = 0; i < count; i++) {
        factor = fmax(factor, (double)divisors[i]);
    }
    if (is_llama3(divisors, count, theta, 1.0, 1.0)) {
        return 0; /* all are 1 */
    }
    for (double original = 16.0; original <= 0x1p24; original *= 2.0) {
        if (!is_llama3(divisors, count, theta, factor, original)) {
            continue;
        }
        cJSON *rope = cJSON_AddObjectToObject(config, "rope_scaling");
        cJSON_AddStringToObject(rope, "rope_type", "llama3");
        cJSON_AddNumberToObject(rope, "factor", factor);
        cJSON_AddNumberToObject(rope, "low_freq_factor", LOW_FREQUENCY);
        cJSON_AddNumberToObject(rope, "high_freq_factor", HIGH_FREQUENCY);
        cJSON_AddNumberToObject(rope, "original_max_position_embeddings", original);
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: tensor rope_freqs.weight: found other numbers than Llama 3.1's scaling gives "
                        "(low_freq_factor 1, high_freq_factor 4); the engine does not compute them, take the "
                        "HuggingFace folder that the file was made from",
                        gguf->path);
}

static int add_frequencies(const struct fs_gguf *gguf, size_t head_size, double theta, cJSON *config,
                           struct fs_error *err)
{
    const struct fs_tensor *tensor = fs_gguf_find_tensor(gguf, "rope_freqs.weight");
    if (tensor == NULL) {
        return 0;
    }
    if (tensor->dtype != FS_F32 || tensor->dimensions != 1 || tensor->elements != head_size / 2) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: tensor rope_freqs.weight: found type %s and %zu numbers, expected F32 and %zu, half "
                            "the size of a head",
                            gguf->path, fs_dtype_name(tensor->dtype), tensor->elements, head_size / 2);
    }
    if (cJSON_GetObjectItemCaseSensitive(config, "rope_scaling") != NULL) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: tensor rope_freqs.weight: found beside a linear scaling of positions, expected one "
                            "of the two; the engine does not compute both",
                            gguf->path);
    }
    float *divisors = fs_allocate(tensor->elements, sizeof *divisors, "rotary frequencies", err);
    if (divisors == NULL) {
        return -1;
    }
    memcpy(divisors, tensor->data, tensor->elements * sizeof *divisors);
    int status = add_llama3(gguf, divisors, tensor->elements, theta, config, err);
    free(divisors);
    return status;
}

int fs_gguf_add_rotary(const struct fs_gguf *gguf, const char *architecture, size_t head_size, cJSON *config,
                       struct fs_error *err)
{
    char key[FS_GGUF_KEY];
    const char *type = "linear"; /* llama.cpp's own where there is a factor */
    double theta = 10000.0, factor = 0.0, attention = 1.0;
    if (fs_gguf_number(gguf, fs_gguf_key(architecture, "rope.freq_base", key), &theta, err) != 0 ||
        fs_gguf_number(gguf, fs_gguf_key(architecture, "rope.scale_linear", key), &factor, err) != 0 ||
        fs_gguf_number(gguf, fs_gguf_key(architecture, "rope.scaling.factor", key), &factor, err) != 0 ||
        fs_gguf_number(gguf, fs_gguf_key(architecture, "rope.scaling.attn_factor", key), &attention, err) != 0) {
        return -1;
    }
    if (attention != 1.0) {
        return fs_gguf_wrong(gguf, key, "another number", "1; the engine does not compute others", err);
    }
    if (fs_gguf_text(gguf, fs_gguf_key(architecture, "rope.scaling.type", key), &type, err) != 0) {
        return -1;
    }
    bool none = strcmp(type, "none") == 0;
    if (!none && strcmp(type, "linear") != 0) {
        char found[80];
        snprintf(found, sizeof found, "\"%.60s\"", type);
        return fs_gguf_wrong(gguf, key, found, "none or linear; the engine does not compute others from a GGUF file",
                             err);
    }
    theta = fs_gguf_plain(theta);
    cJSON_AddNumberToObject(config, "rope_theta", theta);
    if (!none && factor != 0.0 && factor != 1.0) {
        cJSON *rope = cJSON_AddObjectToObject(config, "rope_scaling");
        cJSON_AddStringToObject(rope, "rope_type", "linear");
        cJSON_AddNumberToObject(rope, "factor", fs_gguf_plain(factor));
    }
    return add_frequencies(gguf, head_size, theta, config, err);
}
