#include "io/formats/pickle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/pickle_machine.h"
#include "io/utf8.h"

#define NOT_A_STATE_DICT                                                                                               \
    "nothing of it is run; save the tensors alone (torch.save(model.state_dict(), FILE)), or convert the model with "  \
    "Python: from_pretrained(DIR).save_pretrained(DIR, safe_serialization=True)"

int fs_pickle_fail(struct fs_pickle *pickle, const char *format, ...)
{
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return fs_error_set(pickle->err, FS_EXIT_DATA, "%s: byte %zu: opcode %s: %s; " NOT_A_STATE_DICT, pickle->where,
                        pickle->opcode_at, pickle->opcode, text);
}

const char *fs_pickle_kind_name(enum fs_pickle_kind kind)
{
    static const char *const names[] = {
        [FS_PICKLE_NONE] = "None",         [FS_PICKLE_BOOL] = "a truth value", [FS_PICKLE_NUMBER] = "a number",
        [FS_PICKLE_INTEGER] = "a number",  [FS_PICKLE_TEXT] = "a text",        [FS_PICKLE_TUPLE] = "a tuple",
        [FS_PICKLE_LIST] = "a list",       [FS_PICKLE_DICT] = "a dictionary",  [FS_PICKLE_GLOBAL] = "a global",
        [FS_PICKLE_STORAGE] = "a storage", [FS_PICKLE_TENSOR] = "a tensor",
    };
    return names[kind];
}

const struct fs_pickle_value *fs_pickle_element(const struct fs_pickle *pickle, struct fs_pickle_value tuple,
                                                size_t index)
{
    return &pickle->value[pickle->elements.at[(size_t)tuple.number + index]];
}

bool fs_pickle_is_text(const struct fs_pickle *pickle, const struct fs_pickle_value *value, const char *text)
{
    return value->kind == FS_PICKLE_TEXT && value->length == strlen(text) &&
           memcmp(pickle->data + value->number, text, value->length) == 0;
}

static int cannot_be(const struct fs_pickle *pickle, const char *name, const char *found)
{
    return fs_error_set(pickle->err, FS_EXIT_DATA, "%s: %.200s: found %s, expected a tensor; " NOT_A_STATE_DICT,
                        pickle->where, name, found);
}

/* A tuple of sizes or strides, `count` of them. */
static int read_numbers(const struct fs_pickle *pickle, const char *name, struct fs_pickle_value tuple, size_t *numbers)
{
    for (size_t i = 0; i < tuple.length; i++) {
        const struct fs_pickle_value *value = fs_pickle_element(pickle, tuple, i);
        if (value->kind != FS_PICKLE_INTEGER || value->number < 0) {
            return fs_error_set(
                pickle->err, FS_EXIT_DATA,
                "%s: tensor %.200s: found a negative size or stride, or none that is a number; the file is "
                "damaged, fetch it again",
                pickle->where, name);
        }
        numbers[i] = (size_t)value->number;
    }
    return 0;
}

/* The tensor of _rebuild_tensor_v2's arguments, whose kinds are checked. */
static int read_tensor(const struct fs_pickle *pickle, struct fs_pickle_value value, struct fs_pickled_tensor *tensor)
{
    struct fs_pickle_value storage = *fs_pickle_element(pickle, value, 0), shape = *fs_pickle_element(pickle, value, 2);
    struct fs_pickle_value stride = *fs_pickle_element(pickle, value, 3);
    int64_t offset = fs_pickle_element(pickle, value, 1)->number;
    if (offset < 0 || shape.length != stride.length || shape.length > FS_TENSOR_MAX_DIMENSIONS) {
        return fs_error_set(
            pickle->err, FS_EXIT_DATA,
            "%s: tensor %.200s: found %u sizes and %u strides from element %lld on, expected as many of one "
            "as of the other, at most %d, from element 0 or later",
            pickle->where, tensor->name, shape.length, stride.length, (long long)offset, FS_TENSOR_MAX_DIMENSIONS);
    }
    tensor->offset = (size_t)offset;
    tensor->dimensions = shape.length;
    tensor->dtype = fs_pickle_global_at((size_t)fs_pickle_element(pickle, storage, 1)->number)->dtype;
    tensor->numel = (size_t)fs_pickle_element(pickle, storage, 4)->number;
    return read_numbers(pickle, tensor->name, shape, tensor->shape) != 0 ||
                   read_numbers(pickle, tensor->name, stride, tensor->stride) != 0
               ? -1
               : 0;
}

/* Gives the tensor of an entry to `visit`; `name`: a buffer for its name. */
static int give(struct fs_pickle *pickle, struct fs_pickle_entry entry, char *name, fs_pickle_visit visit,
                void *context)
{
    struct fs_pickle_value key = pickle->value[entry.key], value = pickle->value[entry.value];
    if (key.kind != FS_PICKLE_TEXT) {
        return cannot_be(pickle, fs_pickle_kind_name(key.kind), "as the name of a tensor");
    }
    const unsigned char *text = pickle->data + key.number;
    memcpy(name, text, key.length);
    name[key.length] = '\0';
    if (key.length == 0 || !fs_utf8_is_text(text, key.length)) {
        return cannot_be(pickle, "a key", "an empty text, one with NUL or one that is not UTF-8 as a name");
    }
    if (value.kind != FS_PICKLE_TENSOR) {
        return cannot_be(pickle, name,
                         value.kind == FS_PICKLE_DICT ? "a dictionary, as in the checkpoints that trainers write"
                                                      : fs_pickle_kind_name(value.kind));
    }
    struct fs_pickle_value storage = *fs_pickle_element(pickle, value, 0);
    struct fs_pickle_value digits = *fs_pickle_element(pickle, storage, 2);
    char number[FS_PICKLE_KEY_DIGITS + 1] = "";
    memcpy(number, pickle->data + digits.number, digits.length);
    struct fs_pickled_tensor tensor = {.name = name, .key = number};
    return read_tensor(pickle, value, &tensor) != 0 ? -1 : visit(context, &tensor, pickle->err);
}

static int by_key(const void *a, const void *b)
{
    const struct fs_pickle_entry *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* Goes through the entries of the dictionary that the pickle makes. */
static int give_all(struct fs_pickle *pickle, fs_pickle_visit visit, void *context)
{
    uint32_t top = pickle->stack.at[0];
    enum fs_pickle_kind kind = pickle->value[top].kind;
    size_t count = 0;
    for (size_t i = 0; i < pickle->entries; i++) {
        if (pickle->entry[i].dictionary == top) {
            pickle->entry[count++] = pickle->entry[i];
        }
    }
    if (kind != FS_PICKLE_DICT || count == 0) {
        return fs_error_set(pickle->err, FS_EXIT_DATA,
                            "%s: found %s, expected a dictionary of tensors; " NOT_A_STATE_DICT, pickle->where,
                            kind == FS_PICKLE_DICT ? "an empty dictionary" : fs_pickle_kind_name(kind));
    }
    /* A key that the memo repeats would cost its length each time. Other keys of the same text are the list's affair. */
    qsort(pickle->entry, count, sizeof *pickle->entry, by_key);
    char *name = fs_allocate(pickle->size + 1, 1, "the name of a tensor", pickle->err);
    int status = name == NULL ? -1 : 0;
    for (size_t i = 0; status == 0 && i < count; i++) { /* of a trainer's checkpoint, what holds its tensors is named */
        bool nested = pickle->value[pickle->entry[i].value].kind == FS_PICKLE_DICT;
        status = nested ? give(pickle, pickle->entry[i], name, visit, context) : 0;
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (i > 0 && pickle->entry[i - 1].key == pickle->entry[i].key) {
            status = cannot_be(pickle, "a key", "a name that is there twice");
        } else {
            status = give(pickle, pickle->entry[i], name, visit, context);
        }
    }
    free(name);
    return status;
}

int fs_pickle_read(const char *where, const unsigned char *data, size_t size, fs_pickle_visit visit, void *context,
                   struct fs_error *err)
{
    if (size == 0 || size > FS_PICKLE_MOST_BYTES) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: found %zu bytes, expected 1 to %zu, as the names and shapes of tensors take; " NOT_A_STATE_DICT, where,
            size, FS_PICKLE_MOST_BYTES);
    }
    struct fs_pickle pickle = {.where = where, .data = data, .size = size, .err = err};
    int status = fs_pickle_run(&pickle) != 0 ? -1 : give_all(&pickle, visit, context);
    free(pickle.value);
    free(pickle.entry);
    free(pickle.stack.at);
    free(pickle.marks.at);
    free(pickle.elements.at);
    free(pickle.memo.at);
    return status;
}
