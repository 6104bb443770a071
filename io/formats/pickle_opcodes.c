/* The opcodes that build a dictionary of tensors: a stack of values, marks on it, and a memo of values. */
#include <stdio.h>
#include <string.h>

#include "io/formats/pickle_machine.h"
#include "io/little_endian.h"

static int append(struct fs_pickle *pickle, struct fs_pickle_numbers *numbers, size_t number)
{
    if (fs_grow(&numbers->at, &numbers->capacity, numbers->count + 1, sizeof *numbers->at, "a pickle", pickle->err) !=
        0) {
        return -1;
    }
    numbers->at[numbers->count++] = (uint32_t)number;
    return 0;
}

int fs_pickle_push(struct fs_pickle *pickle, struct fs_pickle_value value)
{
    if (fs_grow(&pickle->value, &pickle->value_capacity, pickle->values + 1, sizeof *pickle->value, "a pickle",
                pickle->err) != 0) {
        return -1;
    }
    pickle->value[pickle->values++] = value;
    return append(pickle, &pickle->stack, pickle->values - 1);
}

/* Numbers of the stack above its last mark. */
static size_t available(const struct fs_pickle *pickle)
{
    return pickle->stack.count - (pickle->marks.count == 0 ? 0 : pickle->marks.at[pickle->marks.count - 1]);
}

static int require(struct fs_pickle *pickle, size_t count)
{
    return available(pickle) >= count ? 0 : fs_pickle_fail(pickle, "found fewer values on the stack than it takes");
}

/* The number of the value `down` below the top; require() has been asked. */
static uint32_t peek(const struct fs_pickle *pickle, size_t down)
{
    return pickle->stack.at[pickle->stack.count - 1 - down];
}

/* Takes the last mark away: the values above it, `count`, are on the stack. */
static int pop_mark(struct fs_pickle *pickle, size_t *count)
{
    if (pickle->marks.count == 0) {
        return fs_pickle_fail(pickle, "found no mark on the stack");
    }
    *count = available(pickle);
    pickle->marks.count--;
    return 0;
}

/* The next `count` bytes. */
static int take(struct fs_pickle *pickle, size_t count, const unsigned char **bytes)
{
    *bytes = pickle->data + pickle->at;
    if (count > pickle->size - pickle->at) {
        return fs_pickle_fail(pickle, "the pickle ends within it");
    }
    pickle->at += count;
    return 0;
}

static int take_number(struct fs_pickle *pickle, size_t count, uint64_t *number)
{
    const unsigned char *bytes;
    if (take(pickle, count, &bytes) != 0) {
        return -1;
    }
    *number = fs_little_endian(bytes, count);
    return 0;
}

static int push_kind(struct fs_pickle *pickle, enum fs_pickle_kind kind, int64_t number)
{
    return fs_pickle_push(pickle, (struct fs_pickle_value){.kind = kind, .number = number});
}

/* One function an opcode; `width`: bytes of its number, or another number that tells kin apart. */

static int op_protocol(struct fs_pickle *pickle, size_t width)
{
    uint64_t version;
    if (take_number(pickle, width, &version) != 0) {
        return -1;
    }
    return version >= 2 && version <= 5 && pickle->opcode_at == 0
               ? 0
               : fs_pickle_fail(pickle, "found protocol %u, expected 2 to 5, at the beginning", (unsigned)version);
}

static int op_frame(struct fs_pickle *pickle, size_t width)
{
    uint64_t length;
    if (take_number(pickle, width, &length) != 0) {
        return -1;
    }
    return length <= pickle->size - pickle->at ? 0 : fs_pickle_fail(pickle, "the pickle ends within its frame");
}

static int op_stop(struct fs_pickle *pickle, size_t width)
{
    (void)width;
    pickle->stopped = true;
    return pickle->at == pickle->size && pickle->marks.count == 0 && pickle->stack.count == 1
               ? 0
               : fs_pickle_fail(pickle, "found %zu bytes behind it and %zu values, expected the end and one value",
                                pickle->size - pickle->at, pickle->stack.count);
}

static int op_mark(struct fs_pickle *pickle, size_t width)
{
    (void)width;
    return append(pickle, &pickle->marks, pickle->stack.count);
}

/* Of `width` values, SIZE_MAX: of those above the mark. */
static int op_tuple(struct fs_pickle *pickle, size_t width)
{
    size_t count = width, begin = pickle->elements.count;
    if (width == SIZE_MAX ? pop_mark(pickle, &count) != 0 : require(pickle, count) != 0) {
        return -1;
    }
    for (size_t i = count; i > 0; i--) {
        if (append(pickle, &pickle->elements, peek(pickle, i - 1)) != 0) {
            return -1;
        }
    }
    pickle->stack.count -= count;
    return fs_pickle_push(pickle, (struct fs_pickle_value){FS_PICKLE_TUPLE, (uint32_t)count, (int64_t)begin});
}

static int op_constant(struct fs_pickle *pickle, size_t width)
{
    return width == 2 ? push_kind(pickle, FS_PICKLE_NONE, 0) : push_kind(pickle, FS_PICKLE_BOOL, (int64_t)width);
}

static int op_container(struct fs_pickle *pickle, size_t width)
{
    return push_kind(pickle, width == 0 ? FS_PICKLE_DICT : FS_PICKLE_LIST, 0);
}

static int op_unsigned(struct fs_pickle *pickle, size_t width)
{
    uint64_t number;
    return take_number(pickle, width, &number) != 0 ? -1 : push_kind(pickle, FS_PICKLE_INTEGER, (int64_t)number);
}

/* The number of `width` bytes, two's complement. */
static int push_signed(struct fs_pickle *pickle, size_t width)
{
    uint64_t number;
    if (take_number(pickle, width, &number) != 0) {
        return -1;
    }
    if (width > 0 && width < 8 && (number >> (8 * width - 1) & 1) != 0) {
        number |= UINT64_MAX << (8 * width);
    }
    int64_t value;
    memcpy(&value, &number, sizeof value);
    return push_kind(pickle, FS_PICKLE_INTEGER, value);
}

static int op_long(struct fs_pickle *pickle, size_t width)
{
    uint64_t length;
    if (take_number(pickle, width, &length) != 0) {
        return -1;
    }
    return length <= 8 ? push_signed(pickle, (size_t)length)
                       : fs_pickle_fail(pickle, "found an integer of %u bytes, expected at most 8", (unsigned)length);
}

static int op_float(struct fs_pickle *pickle, size_t width)
{
    const unsigned char *bytes;
    return take(pickle, width, &bytes) != 0 ? -1 : push_kind(pickle, FS_PICKLE_NUMBER, 0);
}

static int op_text(struct fs_pickle *pickle, size_t width)
{
    uint64_t length;
    const unsigned char *bytes;
    if (take_number(pickle, width, &length) != 0) {
        return -1;
    }
    if (length > pickle->size) {
        return fs_pickle_fail(pickle, "found a text of %llu bytes in a pickle of %zu", (unsigned long long)length,
                              pickle->size);
    }
    if (take(pickle, (size_t)length, &bytes) != 0) {
        return -1;
    }
    return fs_pickle_push(pickle, (struct fs_pickle_value){FS_PICKLE_TEXT, (uint32_t)length, bytes - pickle->data});
}

/* Under `number`, SIZE_MAX: the next. */
static int memorise(struct fs_pickle *pickle, size_t number)
{
    struct fs_pickle_numbers *memo = &pickle->memo;
    if (require(pickle, 1) != 0) {
        return -1;
    }
    number = number == SIZE_MAX ? memo->count : number;
    if (number >= pickle->size) {
        return fs_pickle_fail(pickle, "found place %zu of the memo in a pickle of %zu bytes", number, pickle->size);
    }
    if (fs_grow(&memo->at, &memo->capacity, number + 1, sizeof *memo->at, "a pickle", pickle->err) != 0) {
        return -1;
    }
    memo->at[number] = peek(pickle, 0) + 1;
    memo->count = number < memo->count ? memo->count : number + 1;
    return 0;
}

static int op_put(struct fs_pickle *pickle, size_t width)
{
    uint64_t number;
    return take_number(pickle, width, &number) != 0 ? -1 : memorise(pickle, (size_t)number);
}

static int op_memoize(struct fs_pickle *pickle, size_t width)
{
    (void)width;
    return memorise(pickle, SIZE_MAX);
}

static int op_get(struct fs_pickle *pickle, size_t width)
{
    uint64_t number;
    if (take_number(pickle, width, &number) != 0) {
        return -1;
    }
    if (number >= pickle->memo.count || pickle->memo.at[number] == 0) {
        return fs_pickle_fail(pickle, "found place %llu of the memo empty", (unsigned long long)number);
    }
    return append(pickle, &pickle->stack, pickle->memo.at[number] - 1);
}

static int push_global(struct fs_pickle *pickle, const char *module, size_t module_length, const char *name,
                       size_t name_length)
{
    const struct fs_pickle_global *global = fs_pickle_global_find(module, module_length, name, name_length);
    if (global == NULL) {
        return fs_pickle_fail(pickle, "found %.*s.%.*s%s, expected what tensors of weights need",
                              (int)(module_length < 100 ? module_length : 100), module,
                              (int)(name_length < 100 ? name_length : 100), name,
                              fs_pickle_global_meaning(name, name_length));
    }
    return push_kind(pickle, FS_PICKLE_GLOBAL, (int64_t)fs_pickle_global_row(global));
}

/* The text up to the end of the line. */
static int take_line(struct fs_pickle *pickle, const char **text, size_t *length)
{
    const unsigned char *begin = pickle->data + pickle->at;
    const unsigned char *end = memchr(begin, '\n', pickle->size - pickle->at);
    *text = (const char *)begin;
    *length = end == NULL ? 0 : (size_t)(end - begin);
    pickle->at += *length + 1;
    return end != NULL ? 0 : fs_pickle_fail(pickle, "the pickle ends within it");
}

static int op_global(struct fs_pickle *pickle, size_t width)
{
    const char *module, *name;
    size_t module_length, name_length;
    (void)width;
    if (take_line(pickle, &module, &module_length) != 0 || take_line(pickle, &name, &name_length) != 0) {
        return -1;
    }
    return push_global(pickle, module, module_length, name, name_length);
}

static int op_stack_global(struct fs_pickle *pickle, size_t width)
{
    (void)width;
    if (require(pickle, 2) != 0) {
        return -1;
    }
    struct fs_pickle_value name = pickle->value[peek(pickle, 0)], module = pickle->value[peek(pickle, 1)];
    if (name.kind != FS_PICKLE_TEXT || module.kind != FS_PICKLE_TEXT) {
        return fs_pickle_fail(pickle, "found %s and %s, expected the texts of a module and a name",
                              fs_pickle_kind_name(module.kind), fs_pickle_kind_name(name.kind));
    }
    pickle->stack.count -= 2;
    return push_global(pickle, (const char *)pickle->data + module.number, module.length,
                       (const char *)pickle->data + name.number, name.length);
}

static int op_reduce(struct fs_pickle *pickle, size_t width)
{
    (void)width;
    if (require(pickle, 2) != 0) {
        return -1;
    }
    struct fs_pickle_value arguments = pickle->value[peek(pickle, 0)], callee = pickle->value[peek(pickle, 1)];
    const struct fs_pickle_global *global =
        callee.kind == FS_PICKLE_GLOBAL ? fs_pickle_global_at((size_t)callee.number) : NULL;
    if (global == NULL || global->call == NULL || arguments.kind != FS_PICKLE_TUPLE) {
        return fs_pickle_fail(pickle, "found a call of %s%s with %s, expected one of a function that makes tensors",
                              global == NULL ? fs_pickle_kind_name(callee.kind) : "torch.",
                              global == NULL ? "" : global->name, fs_pickle_kind_name(arguments.kind));
    }
    pickle->stack.count -= 2;
    return global->call(pickle, arguments);
}

static int op_persistent(struct fs_pickle *pickle, size_t width)
{
    (void)width;
    if (require(pickle, 1) != 0) {
        return -1;
    }
    struct fs_pickle_value id = pickle->value[peek(pickle, 0)];
    pickle->stack.count--;
    return fs_pickle_load_storage(pickle, id);
}

/* Attributes: _metadata of an OrderedDict, which says nothing of the tensors. */
static int op_build(struct fs_pickle *pickle, size_t width)
{
    (void)width;
    if (require(pickle, 2) != 0) {
        return -1;
    }
    enum fs_pickle_kind state = pickle->value[peek(pickle, 0)].kind, object = pickle->value[peek(pickle, 1)].kind;
    if (state != FS_PICKLE_DICT || object != FS_PICKLE_DICT) {
        return fs_pickle_fail(pickle, "found %s as the attributes of %s, expected a dictionary's",
                              fs_pickle_kind_name(state), fs_pickle_kind_name(object));
    }
    pickle->stack.count--;
    return 0;
}

/* `width` 1: one value, 0: those above the mark. */
static int op_append(struct fs_pickle *pickle, size_t width)
{
    size_t count = 1;
    if ((width == 0 && pop_mark(pickle, &count) != 0) || require(pickle, count + 1) != 0) {
        return -1;
    }
    enum fs_pickle_kind kind = pickle->value[peek(pickle, count)].kind;
    if (kind != FS_PICKLE_LIST) {
        return fs_pickle_fail(pickle, "found %s, expected a list", fs_pickle_kind_name(kind));
    }
    pickle->stack.count -= count;
    return 0;
}

static int op_set(struct fs_pickle *pickle, size_t width)
{
    size_t count = 2;
    if ((width == 0 && pop_mark(pickle, &count) != 0) || require(pickle, count + 1) != 0) {
        return -1;
    }
    uint32_t dictionary = peek(pickle, count);
    enum fs_pickle_kind kind = pickle->value[dictionary].kind;
    if (kind != FS_PICKLE_DICT || count % 2 != 0) {
        return fs_pickle_fail(pickle, "found %zu values for %s, expected keys and values for a dictionary", count,
                              fs_pickle_kind_name(kind));
    }
    if (fs_grow(&pickle->entry, &pickle->entry_capacity, pickle->entries + count / 2, sizeof *pickle->entry, "a pickle",
                pickle->err) != 0) {
        return -1;
    }
    for (size_t i = count; i > 0; i -= 2) {
        pickle->entry[pickle->entries++] =
            (struct fs_pickle_entry){dictionary, peek(pickle, i - 1), peek(pickle, i - 2)};
    }
    pickle->stack.count -= count;
    return 0;
}

/* By their byte. Those without a function are known, and refused by name as those that are not. */
static const struct opcode {
    const char *name;
    int (*run)(struct fs_pickle *pickle, size_t width);
    size_t width;
} opcodes[256] = {
    [0x80] = {"PROTO", op_protocol, 1},
    [0x95] = {"FRAME", op_frame, 8},
    ['.'] = {"STOP", op_stop, 0},
    ['('] = {"MARK", op_mark, 0},
    ['t'] = {"TUPLE", op_tuple, SIZE_MAX},
    [')'] = {"EMPTY_TUPLE", op_tuple, 0},
    [0x85] = {"TUPLE1", op_tuple, 1},
    [0x86] = {"TUPLE2", op_tuple, 2},
    [0x87] = {"TUPLE3", op_tuple, 3},
    [0x88] = {"NEWTRUE", op_constant, 1},
    [0x89] = {"NEWFALSE", op_constant, 0},
    ['N'] = {"NONE", op_constant, 2},
    ['}'] = {"EMPTY_DICT", op_container, 0},
    [']'] = {"EMPTY_LIST", op_container, 1},
    ['K'] = {"BININT1", op_unsigned, 1},
    ['M'] = {"BININT2", op_unsigned, 2},
    ['J'] = {"BININT", push_signed, 4},
    [0x8a] = {"LONG1", op_long, 1},
    ['G'] = {"BINFLOAT", op_float, 8},
    ['X'] = {"BINUNICODE", op_text, 4},
    [0x8c] = {"SHORT_BINUNICODE", op_text, 1},
    [0x8d] = {"BINUNICODE8", op_text, 8},
    ['q'] = {"BINPUT", op_put, 1},
    ['r'] = {"LONG_BINPUT", op_put, 4},
    [0x94] = {"MEMOIZE", op_memoize, 0},
    ['h'] = {"BINGET", op_get, 1},
    ['j'] = {"LONG_BINGET", op_get, 4},
    ['c'] = {"GLOBAL", op_global, 0},
    [0x93] = {"STACK_GLOBAL", op_stack_global, 0},
    ['R'] = {"REDUCE", op_reduce, 0},
    ['Q'] = {"BINPERSID", op_persistent, 0},
    ['b'] = {"BUILD", op_build, 0},
    ['a'] = {"APPEND", op_append, 1},
    ['e'] = {"APPENDS", op_append, 0},
    ['s'] = {"SETITEM", op_set, 1},
    ['u'] = {"SETITEMS", op_set, 0},
    ['i'] = {.name = "INST"},
    ['o'] = {.name = "OBJ"},
    ['P'] = {.name = "PERSID"},
    [0x81] = {.name = "NEWOBJ"},
    [0x92] = {.name = "NEWOBJ_EX"},
    [0x82] = {.name = "EXT1"},
    [0x83] = {.name = "EXT2"},
    [0x84] = {.name = "EXT4"},
    [0x8b] = {.name = "LONG4"},
    ['B'] = {.name = "BINBYTES"},
    ['C'] = {.name = "SHORT_BINBYTES"},
    [0x8e] = {.name = "BINBYTES8"},
    [0x96] = {.name = "BYTEARRAY8"},
    [0x97] = {.name = "NEXT_BUFFER"},
    ['0'] = {.name = "POP"},
    ['1'] = {.name = "POP_MARK"},
    ['2'] = {.name = "DUP"},
};

int fs_pickle_run(struct fs_pickle *pickle)
{
    while (!pickle->stopped) {
        if (pickle->at == pickle->size) {
            return fs_error_set(
                pickle->err, FS_EXIT_DATA,
                "%s: found the end at byte %zu, expected opcode STOP before it; the file is cut short or "
                "damaged, fetch it again",
                pickle->where, pickle->at);
        }
        unsigned char byte = pickle->data[pickle->at];
        const struct opcode *opcode = &opcodes[byte];
        pickle->opcode_at = pickle->at++;
        if (opcode->name != NULL) {
            snprintf(pickle->opcode, sizeof pickle->opcode, "%s", opcode->name);
        } else {
            snprintf(pickle->opcode, sizeof pickle->opcode, "0x%02x", byte);
        }
        if (pickle->opcode_at == 0 && opcode->run != op_protocol) {
            return fs_pickle_fail(pickle, "found no protocol at the beginning of the pickle");
        }
        if (opcode->run == NULL) {
            return fs_pickle_fail(pickle, "is none that a dictionary of tensors needs");
        }
        if (opcode->run(pickle, opcode->width) != 0) {
            return -1;
        }
    }
    return 0;
}
