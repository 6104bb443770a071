#include "model/families/rotary_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/families/family.h"

#define KINDS "default, linear, llama3, dynamic, yarn or longrope"
#define MOST_POSITIONS ((size_t)1 << 24)

const struct fs_rotary_keys fs_rotary_usual = {.theta = "rope_theta", .default_theta = 10000.0};

static const struct {
    const char *name;
    enum fs_rope_scaling scaling;
} kinds[] = {
    {"default", FS_ROPE_PLAIN},   {"linear", FS_ROPE_LINEAR}, {"llama3", FS_ROPE_LLAMA3},
    {"dynamic", FS_ROPE_DYNAMIC}, {"yarn", FS_ROPE_YARN},     {"longrope", FS_ROPE_LONGROPE},
};

/* What is read from: `rope` is the object at `where`, or NULL. */
struct reader {
    const struct fs_json_document *config;
    const struct fs_rotary_keys *keys;
    const cJSON *rope;
    const char *where;
    struct fs_spec *spec;
    struct fs_rotary *rotary;
    struct fs_error *err;
    size_t positions; /* max_position_embeddings; those of the spec may be stretched already by another layer type */
    char place[64];   /* room for `where` */
};

/* NULL where `key` is missing or null. */
static const cJSON *member(const struct fs_json_document *config, const cJSON *object, const char *key)
{
    const cJSON *value = fs_json_member(config, object, key);
    return cJSON_IsNull(value) ? NULL : value;
}

/* An optional number within the rope object. */
static int number(const struct reader *reader, const char *key, double least, double most, double *value)
{
    return fs_json_number_optional(reader->config, reader->rope, reader->where, key,
                                   (struct fs_number_range){least, most}, value, reader->err);
}

static int wrong(const struct reader *reader, const char *key, const char *found, const char *expected)
{
    return fs_json_wrong(reader->config, reader->where, key, found, expected, reader->err);
}

/* The part of rope_parameters for the layer type; a former file's rope_scaling is for all that turn by it. */
static int find_rope_of_type(struct reader *reader, const cJSON *scaling, const cJSON *parameters)
{
    reader->where = "rope_parameters";
    for (const cJSON *item = parameters != NULL ? parameters->child : NULL; item != NULL; item = item->next) {
        if (!cJSON_IsObject(item) && !cJSON_IsNull(item)) {
            return wrong(reader, item->string, fs_json_kind(item), "an object for each layer type");
        }
    }
    reader->rope = member(reader->config, parameters, reader->keys->layer_type);
    if (reader->rope != NULL) {
        snprintf(reader->place, sizeof reader->place, "rope_parameters.%s", reader->keys->layer_type);
        reader->where = reader->place;
    }
    if (scaling == NULL || reader->keys->unscaled) {
        return 0;
    }
    if (reader->rope != NULL) {
        return fs_json_wrong(reader->config, "", "rope_scaling", "an object beside rope_parameters", "null",
                             reader->err);
    }
    reader->rope = scaling;
    reader->where = "rope_scaling";
    return 0;
}

static int find_rope(struct reader *reader)
{
    const cJSON *root = fs_json_root(reader->config);
    const cJSON *scaling = member(reader->config, root, "rope_scaling"),
                *parameters = member(reader->config, root, "rope_parameters");
    if (scaling != NULL && !cJSON_IsObject(scaling)) {
        return fs_json_wrong(reader->config, "", "rope_scaling", fs_json_kind(scaling), "an object", reader->err);
    }
    if (parameters != NULL && !cJSON_IsObject(parameters)) {
        return fs_json_wrong(reader->config, "", "rope_parameters", fs_json_kind(parameters), "an object", reader->err);
    }
    scaling = scaling != NULL && scaling->child == NULL ? NULL : scaling;   /* {} is none */
    (void)member(reader->config, root, "original_max_position_embeddings"); /* passed over where nothing is stretched */
    if (reader->keys->layer_type != NULL) {
        return find_rope_of_type(reader, scaling, parameters);
    }
    reader->rope = scaling != NULL ? scaling : parameters;
    reader->where = scaling != NULL ? "rope_scaling" : "rope_parameters";
    for (const cJSON *item = reader->rope != NULL ? reader->rope->child : NULL; item != NULL; item = item->next) {
        if (cJSON_IsObject(item)) {
            return wrong(reader, item->string, "an object", "the same positions in all layers of this family");
        }
    }
    return 0;
}

/* The base, and how many numbers of a head turn. */
static int read_shape(const struct reader *reader)
{
    const cJSON *root = fs_json_root(reader->config);
    const struct fs_rotary_keys *keys = reader->keys;
    const struct fs_number_range bases = {1.0, 1e12};
    const double least = keys->partial != NULL ? 1e-6 : 1.0;
    double share = keys->partial != NULL ? keys->default_partial : 1.0;
    reader->rotary->theta = keys->default_theta;
    if (fs_json_number_optional(reader->config, root, "", keys->theta, bases, &reader->rotary->theta, reader->err) !=
            0 ||
        (keys->partial != NULL &&
         fs_json_number_optional(reader->config, root, "", keys->partial, (struct fs_number_range){least, 1.0}, &share,
                                 reader->err) != 0) ||
        number(reader, "rope_theta", bases.least, bases.most, &reader->rotary->theta) != 0 ||
        number(reader, "partial_rotary_factor", least, 1.0, &share) != 0) {
        return -1;
    }
    size_t dims = (size_t)((double)reader->spec->head_size * share);
    if (dims == 0 || dims + dims % 2 > reader->spec->head_size) {
        return fs_error_set(reader->err, FS_EXIT_DATA,
                            "%s: of a head's %zu numbers %zu turn; expected at least one, and the pair of each",
                            fs_json_name(reader->config), reader->spec->head_size, dims);
    }
    reader->rotary->dims = dims == reader->spec->head_size ? 0 : dims;
    return 0;
}

static int find_kind(const struct reader *reader)
{
    const char *type = NULL;
    if (fs_json_text_optional(reader->config, reader->rope, reader->where, "type", &type, reader->err) != 0 ||
        fs_json_text_optional(reader->config, reader->rope, reader->where, "rope_type", &type, reader->err) != 0) {
        return -1;
    }
    if (type == NULL) {
        return 0;
    }
    bool alone = reader->keys->longrope_alone;
    if (alone && (strcmp(type, "su") == 0 || strcmp(type, "yarn") == 0)) {
        type = "longrope";
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool known = !alone || kinds[i].scaling == FS_ROPE_PLAIN || kinds[i].scaling == FS_ROPE_LONGROPE;
        if (known && strcmp(kinds[i].name, type) == 0) {
            reader->rotary->scaling = kinds[i].scaling;
            return 0;
        }
    }
    return fs_error_set(reader->err, FS_EXIT_DATA,
                        "%s: %s.rope_type: found \"%s\", expected %s; the engine does not compute other kinds",
                        fs_json_name(reader->config), reader->where, type, alone ? "default or longrope" : KINDS);
}

/* How long the sequences were before the positions were stretched: the key at the top goes first. */
static int read_original(const struct reader *reader, size_t least)
{
    const char *const key = "original_max_position_embeddings";
    const struct fs_size_range range = {least, MOST_POSITIONS};
    const cJSON *root = fs_json_root(reader->config);
    size_t *original = &reader->rotary->original_positions;
    *original = reader->positions;
    if (reader->keys->original_positions > 0) {
        *original = reader->keys->original_positions;
    } else if (fs_json_size_optional(reader->config, reader->rope, reader->where, key, range, original, reader->err) !=
               0) {
        return -1;
    }
    return fs_json_size_optional(reader->config, root, "", key, range, original, reader->err);
}

/* `must`: the kind has no factor of its own; else it is by how much the positions were stretched. */
static int read_factor(const struct reader *reader, bool must)
{
    struct fs_rotary *rotary = reader->rotary;
    if (number(reader, "factor", 1.0, 1e6, &rotary->factor) != 0) {
        return -1;
    }
    if (rotary->factor == 0.0 && must) {
        return wrong(reader, "factor", "nothing", "a number from 1 to 1e+06");
    }
    if (rotary->factor == 0.0) {
        rotary->factor = (double)reader->positions / (double)rotary->original_positions;
    }
    return 0;
}

static int read_llama3(const struct reader *reader)
{
    struct fs_rotary *rotary = reader->rotary;
    if (read_original(reader, 1) != 0 || read_factor(reader, true) != 0 ||
        number(reader, "low_freq_factor", 1e-6, 1e6, &rotary->low_frequency) != 0 ||
        number(reader, "high_freq_factor", 1e-6, 1e6, &rotary->high_frequency) != 0) {
        return -1;
    }
    if (!(rotary->low_frequency > 0.0 && rotary->high_frequency > rotary->low_frequency)) {
        return fs_error_set(
            reader->err, FS_EXIT_DATA,
            "%s: %s: found low_freq_factor %g, high_freq_factor %g (0: missing); expected the second above the first",
            fs_json_name(reader->config), reader->where, rotary->low_frequency, rotary->high_frequency);
    }
    return 0;
}

/* Beyond max_position_embeddings the base grows; how far is what the factor says. */
static int read_dynamic(const struct reader *reader)
{
    struct fs_rotary *rotary = reader->rotary;
    rotary->original_positions = reader->positions;
    if (read_factor(reader, true) != 0) {
        return -1;
    }
    if (fs_rotary_width(reader->spec, rotary) < 4) {
        return wrong(reader, "rope_type", "dynamic with heads of which two numbers turn", "more");
    }
    double stretched = fmin((double)reader->positions * rotary->factor, (double)MOST_POSITIONS);
    if (stretched > (double)reader->spec->max_positions) {
        reader->spec->max_positions = (size_t)stretched;
    }
    return 0;
}

/* The pair that turns `turns` times over the original positions, as a real number. */
static double pair_of(const struct fs_rotary *rotary, size_t dims, double turns)
{
    const double turn = 6.283185307179586;
    return (double)dims * log((double)rotary->original_positions / (turns * turn)) / (2.0 * log(rotary->theta));
}

static double temperature(double factor, double scale)
{
    return factor <= 1.0 ? 1.0 : 0.1 * scale * log(factor) + 1.0;
}

static int read_yarn(const struct reader *reader)
{
    struct fs_rotary *rotary = reader->rotary;
    size_t dims = fs_rotary_width(reader->spec, rotary);
    double fast = 0.0, slow = 0.0, scale = 0.0, scale_all = 0.0;
    bool truncate = true;
    if (read_original(reader, 1) != 0 || read_factor(reader, false) != 0 ||
        number(reader, "beta_fast", 0.0, 1e6, &fast) != 0 || number(reader, "beta_slow", 0.0, 1e6, &slow) != 0 ||
        number(reader, "mscale", 0.0, 1e6, &scale) != 0 ||
        number(reader, "mscale_all_dim", 0.0, 1e6, &scale_all) != 0 ||
        number(reader, "attention_factor", 1e-6, 1e6, &rotary->attention_factor) != 0 ||
        fs_json_bool_optional(reader->config, reader->rope, reader->where, "truncate", &truncate, reader->err) != 0) {
        return -1;
    }
    if (!(rotary->theta > 1.0) || rotary->dims % 2 != 0) {
        return wrong(reader, "rope_type", "yarn with rope_theta 1, or of a head an odd number that turns",
                     "another base, and an even number");
    }
    if (rotary->attention_factor == 0.0) {
        rotary->attention_factor = scale > 0.0 && scale_all > 0.0
                                       ? temperature(rotary->factor, scale) / temperature(rotary->factor, scale_all)
                                       : temperature(rotary->factor, 1.0);
    }
    double low = pair_of(rotary, dims, fast > 0.0 ? fast : 32.0), high = pair_of(rotary, dims, slow > 0.0 ? slow : 1.0);
    rotary->ramp_low = fmax(truncate ? floor(low) : low, 0.0);
    rotary->ramp_high = fmin(truncate ? ceil(high) : high, (double)dims - 1.0);
    if (rotary->ramp_low == rotary->ramp_high) {
        rotary->ramp_high += 0.001;
    }
    return 0;
}

/* A list of a divisor for each pair. */
static int read_divisors(const struct reader *reader, const char *key, size_t pairs, double *divisor)
{
    const cJSON *list = NULL;
    size_t i = 0;
    if (fs_json_array(reader->config, reader->rope, reader->where, key, &list, reader->err) != 0) {
        return -1;
    }
    for (const cJSON *item = list->child; item != NULL; item = item->next, i++) {
        if (i == pairs || !cJSON_IsNumber(item) || !(item->valuedouble >= 1e-6 && item->valuedouble <= 1e6)) {
            break;
        }
        divisor[i] = item->valuedouble;
    }
    if (i != pairs || cJSON_GetArraySize(list) != (int)pairs) {
        char expected[96];
        snprintf(expected, sizeof expected, "%zu numbers from 1e-06 to 1e+06, one for each pair that turns", pairs);
        return wrong(reader, key, "another list", expected);
    }
    return 0;
}

/* LongRoPE (Ding et al. 2024): each pair's frequency is divided by a number of a list; long sequences have their own. */
static int read_longrope(const struct reader *reader)
{
    struct fs_spec *spec = reader->spec;
    struct fs_rotary *rotary = reader->rotary;
    size_t pairs = fs_rotary_width(spec, rotary) / 2, held = spec->divisors;
    if (rotary->dims % 2 != 0) {
        return wrong(reader, "rope_type", "longrope with an odd number of a head that turns", "an even number");
    }
    if (read_original(reader, 2) != 0 || read_factor(reader, false) != 0 ||
        number(reader, "attention_factor", 1e-6, 1e6, &rotary->attention_factor) != 0 ||
        fs_grow(&spec->divisor, &held, spec->divisors + 2 * pairs, sizeof *spec->divisor, "rotary positions",
                reader->err) != 0) {
        return -1;
    }
    rotary->divisors = spec->divisors;
    if (read_divisors(reader, "short_factor", pairs, spec->divisor + rotary->divisors) != 0 ||
        read_divisors(reader, "long_factor", pairs, spec->divisor + rotary->divisors + pairs) != 0) {
        return -1;
    }
    spec->divisors += 2 * pairs;
    if (rotary->attention_factor == 0.0) {
        rotary->attention_factor =
            rotary->factor <= 1.0 ? 1.0 : sqrt(1.0 + log(rotary->factor) / log((double)rotary->original_positions));
    }
    return 0;
}

int fs_rotary_config_read(const struct fs_json_document *config, const struct fs_rotary_keys *keys,
                          struct fs_spec *spec, struct fs_rotary *rotary, struct fs_error *err)
{
    struct reader reader = {config, keys, NULL, "", spec, rotary, err, spec->max_positions, ""};
    const char *key = spec->family->key.positions;
    if (key != NULL && fs_json_size_optional(config, fs_json_root(config), "", key,
                                             (struct fs_size_range){1, MOST_POSITIONS}, &reader.positions, err) != 0) {
        return -1;
    }
    if (find_rope(&reader) != 0 || read_shape(&reader) != 0 || find_kind(&reader) != 0) {
        return -1;
    }
    switch (rotary->scaling) {
    case FS_ROPE_LINEAR:
        return read_factor(&reader, true);
    case FS_ROPE_LLAMA3:
        return read_llama3(&reader);
    case FS_ROPE_DYNAMIC:
        return read_dynamic(&reader);
    case FS_ROPE_YARN:
        return read_yarn(&reader);
    case FS_ROPE_LONGROPE:
        return read_longrope(&reader);
    default:
        return 0;
    }
}
