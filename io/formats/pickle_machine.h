/* What the files of the pickle reader share: the values that a pickle makes, and where they are kept. Private to them. */
#ifndef FAIRSTAMP_IO_FORMATS_PICKLE_MACHINE_H
#define FAIRSTAMP_IO_FORMATS_PICKLE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "io/error.h"
#include "io/formats/tensor.h"

enum { FS_PICKLE_KEY_DIGITS = 20 }; /* of a storage's number, at most */

enum fs_pickle_kind {
    FS_PICKLE_NONE,
    FS_PICKLE_BOOL,
    FS_PICKLE_NUMBER, /* that is no integer of 64 bits */
    FS_PICKLE_INTEGER,
    FS_PICKLE_TEXT,
    FS_PICKLE_TUPLE,
    FS_PICKLE_LIST, /* what is in it is dropped: nothing that is read has lists */
    FS_PICKLE_DICT,
    FS_PICKLE_GLOBAL,
    FS_PICKLE_STORAGE,
    FS_PICKLE_TENSOR
};

/* A value is a number of the machine's array `value`. */
struct fs_pickle_value {
    enum fs_pickle_kind kind;
    uint32_t length; /* of a text; of a tuple, and of the tuple of arguments of storage and tensor */
    int64_t number;  /* integer, truth value; first byte of a text; first element of such a tuple; row of a global */
};

/* A key of a dictionary. */
struct fs_pickle_entry {
    uint32_t dictionary, key, value;
};

/* A growing array of values' numbers. */
struct fs_pickle_numbers {
    size_t count, capacity;
    uint32_t *at;
};

struct fs_pickle {
    const char *where;
    const unsigned char *data;
    size_t size, at;  /* `at`: the next byte */
    size_t opcode_at; /* of the opcode that is read */
    char opcode[24];  /* its name */
    bool stopped;
    size_t values, value_capacity, entries, entry_capacity;
    struct fs_pickle_value *value;
    struct fs_pickle_entry *entry;
    struct fs_pickle_numbers stack, marks, elements; /* marks: heights of the stack; elements: of all tuples */
    struct fs_pickle_numbers memo;                   /* value + 1; 0: nothing */
    struct fs_error *err;
};

/* A name that pickles look up: what it is and, where it may be called, what the call makes on the stack. */
struct fs_pickle_global {
    const char *module, *name;
    int (*call)(struct fs_pickle *pickle, struct fs_pickle_value arguments);
    bool storage; /* a type of storages, of numbers of `dtype` */
    enum fs_dtype dtype;
};

/* pickle_opcodes.c: runs the pickle to its end; what it makes is the one value on the stack. */
int fs_pickle_run(struct fs_pickle *pickle);

/* pickle_globals.c: the row of a global; NULL where it is none that may be named. */
const struct fs_pickle_global *fs_pickle_global_find(const char *module, size_t module_length, const char *name,
                                                     size_t name_length);
/* What is known of a name that has no row, behind a comma; "" where nothing is. */
const char *fs_pickle_global_meaning(const char *name, size_t length);
const struct fs_pickle_global *fs_pickle_global_at(size_t row);
size_t fs_pickle_global_row(const struct fs_pickle_global *global);
/* Makes a storage of its persistent id, a tuple. */
int fs_pickle_load_storage(struct fs_pickle *pickle, struct fs_pickle_value id);

/* Makes a value and pushes it. */
int fs_pickle_push(struct fs_pickle *pickle, struct fs_pickle_value value);
/* Says what is wrong with the opcode that is read. Returns -1. */
int fs_pickle_fail(struct fs_pickle *pickle, const char *format, ...) FS_PRINTF(2, 3);
/* "a text", ...: for messages. */
const char *fs_pickle_kind_name(enum fs_pickle_kind kind);
/* Element `index` of a tuple, or of a storage's or tensor's. */
const struct fs_pickle_value *fs_pickle_element(const struct fs_pickle *pickle, struct fs_pickle_value tuple,
                                                size_t index);
bool fs_pickle_is_text(const struct fs_pickle *pickle, const struct fs_pickle_value *value, const char *text);

#endif
