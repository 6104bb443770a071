/* The globals that a state dict of tensors may name, and what calling them makes. Nothing is imported or run. */
#include <string.h>

#include "io/formats/pickle_machine.h"

/* Whether the arguments are of these kinds: a letter each, those behind '|' may be absent. */
static bool are(const struct fs_pickle *pickle, struct fs_pickle_value arguments, const char *kinds)
{
    static const struct {
        char letter;
        enum fs_pickle_kind kind;
    } letters[] = {{'b', FS_PICKLE_BOOL}, {'i', FS_PICKLE_INTEGER}, {'s', FS_PICKLE_TEXT},    {'t', FS_PICKLE_TUPLE},
                   {'d', FS_PICKLE_DICT}, {'g', FS_PICKLE_GLOBAL},  {'S', FS_PICKLE_STORAGE}, {'T', FS_PICKLE_TENSOR}};
    bool optional = false;
    size_t index = 0;
    for (; *kinds != '\0'; kinds++) {
        if (*kinds == '|') {
            optional = true;
            continue;
        }
        if (index == arguments.length) {
            return optional;
        }
        enum fs_pickle_kind kind = fs_pickle_element(pickle, arguments, index++)->kind;
        bool fits = *kinds == '?'; /* anything */
        for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
            fits = fits || (letters[i].letter == *kinds && letters[i].kind == kind);
        }
        if (!fits) {
            return false;
        }
    }
    return index == arguments.length;
}

/* collections.OrderedDict(): its items follow. */
static int call_ordered_dict(struct fs_pickle *pickle, struct fs_pickle_value arguments)
{
    return are(pickle, arguments, "")
               ? fs_pickle_push(pickle, (struct fs_pickle_value){.kind = FS_PICKLE_DICT})
               : fs_pickle_fail(pickle, "OrderedDict is called with %u arguments, expected none", arguments.length);
}

/* torch.Size((2, 3)) */
static int call_size(struct fs_pickle *pickle, struct fs_pickle_value arguments)
{
    return are(pickle, arguments, "t") ? fs_pickle_push(pickle, *fs_pickle_element(pickle, arguments, 0))
                                       : fs_pickle_fail(pickle, "torch.Size is called without a tuple of sizes");
}

/* _rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None) */
static int call_tensor(struct fs_pickle *pickle, struct fs_pickle_value arguments)
{
    if (!are(pickle, arguments, "Sittbd|?")) {
        return fs_pickle_fail(pickle, "_rebuild_tensor_v2 is called with other arguments than a storage, its offset, "
                                      "sizes, strides, requires_grad and hooks");
    }
    arguments.kind = FS_PICKLE_TENSOR;
    return fs_pickle_push(pickle, arguments);
}

/* _rebuild_parameter(data, requires_grad, backward_hooks), and with the state of the Python object behind them. */
static int call_parameter(struct fs_pickle *pickle, struct fs_pickle_value arguments)
{
    return are(pickle, arguments, "Tbd|?")
               ? fs_pickle_push(pickle, *fs_pickle_element(pickle, arguments, 0))
               : fs_pickle_fail(pickle, "_rebuild_parameter is called with other arguments than a tensor, "
                                        "requires_grad and hooks");
}

/* _rebuild_from_type_v2(_rebuild_tensor_v2, torch.Tensor, arguments, state): a tensor that was given attributes. */
static int call_from_type(struct fs_pickle *pickle, struct fs_pickle_value arguments)
{
    const struct fs_pickle_global *inner =
        are(pickle, arguments, "ggt?") ? fs_pickle_global_at((size_t)fs_pickle_element(pickle, arguments, 0)->number)
                                       : NULL;
    if (inner == NULL || (inner->call != call_tensor && inner->call != call_parameter)) {
        return fs_pickle_fail(pickle, "_rebuild_from_type_v2 is called with other arguments than a function that makes "
                                      "tensors, a type, its arguments and a state");
    }
    return inner->call(pickle, *fs_pickle_element(pickle, arguments, 2));
}

static const struct fs_pickle_global globals[] = {
    {.module = "collections", .name = "OrderedDict", .call = call_ordered_dict},
    {.module = "torch._utils", .name = "_rebuild_tensor_v2", .call = call_tensor},
    {.module = "torch._utils", .name = "_rebuild_parameter", .call = call_parameter},
    {.module = "torch._utils", .name = "_rebuild_parameter_with_state", .call = call_parameter},
    {.module = "torch._tensor", .name = "_rebuild_from_type_v2", .call = call_from_type},
    {.module = "torch", .name = "Size", .call = call_size},
    {.module = "torch", .name = "Tensor"},
    {.module = "torch.nn.parameter", .name = "Parameter"},
    {.module = "torch", .name = "DoubleStorage", .storage = true, .dtype = FS_F64},
    {.module = "torch", .name = "FloatStorage", .storage = true, .dtype = FS_F32},
    {.module = "torch", .name = "HalfStorage", .storage = true, .dtype = FS_F16},
    {.module = "torch", .name = "BFloat16Storage", .storage = true, .dtype = FS_BF16},
    {.module = "torch", .name = "LongStorage", .storage = true, .dtype = FS_I64},
    {.module = "torch", .name = "IntStorage", .storage = true, .dtype = FS_I32},
    {.module = "torch", .name = "ShortStorage", .storage = true, .dtype = FS_I16},
    {.module = "torch", .name = "CharStorage", .storage = true, .dtype = FS_I8},
    {.module = "torch", .name = "ByteStorage", .storage = true, .dtype = FS_U8},
    {.module = "torch", .name = "BoolStorage", .storage = true, .dtype = FS_BOOL},
};

/* What torch.save names for tensors that are not read. */
static const struct {
    const char *name, *says;
} others[] = {
    {"_rebuild_tensor_v3", ", a tensor of a type such as float8 or uint16"},
    {"_rebuild_qtensor", ", a quantised tensor"},
    {"_rebuild_sparse_tensor", ", a sparse tensor"},
    {"ComplexFloatStorage", ", complex numbers"},
    {"ComplexDoubleStorage", ", complex numbers"},
};

static bool equals(const char *text, size_t length, const char *expected)
{
    return strlen(expected) == length && memcmp(text, expected, length) == 0;
}

const struct fs_pickle_global *fs_pickle_global_find(const char *module, size_t module_length, const char *name,
                                                     size_t name_length)
{
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
        if (equals(module, module_length, globals[i].module) && equals(name, name_length, globals[i].name)) {
            return &globals[i];
        }
    }
    return NULL;
}

const char *fs_pickle_global_meaning(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (equals(name, length, others[i].name)) {
            return others[i].says;
        }
    }
    return "";
}

const struct fs_pickle_global *fs_pickle_global_at(size_t row)
{
    return &globals[row];
}

size_t fs_pickle_global_row(const struct fs_pickle_global *global)
{
    return (size_t)(global - globals);
}

/* ('storage', torch.FloatStorage, key, location, numel) */
int fs_pickle_load_storage(struct fs_pickle *pickle, struct fs_pickle_value id)
{
    if (id.kind != FS_PICKLE_TUPLE || !are(pickle, id, "sgssi") ||
        !fs_pickle_is_text(pickle, fs_pickle_element(pickle, id, 0), "storage") ||
        !globals[fs_pickle_element(pickle, id, 1)->number].storage) {
        return fs_pickle_fail(pickle, "found a persistent id that is not ('storage', type, key, location, numel)");
    }
    const struct fs_pickle_value *key = fs_pickle_element(pickle, id, 2), *numel = fs_pickle_element(pickle, id, 4);
    bool digits = key->length > 0 && key->length <= FS_PICKLE_KEY_DIGITS;
    for (size_t i = 0; digits && i < key->length; i++) {
        unsigned char byte = pickle->data[(size_t)key->number + i];
        digits = byte >= '0' && byte <= '9';
    }
    if (!digits) {
        return fs_pickle_fail(pickle, "found a storage whose key is no number, expected the number of a record data/N");
    }
    if (numel->number < 0) {
        return fs_pickle_fail(pickle, "found a storage of %lld elements", (long long)numel->number);
    }
    id.kind = FS_PICKLE_STORAGE;
    return fs_pickle_push(pickle, id);
}
