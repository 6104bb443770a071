/*
 * Errors as values.
 *
 * A function that can fail takes a `struct fs_error *` that its caller owns, and returns 0 or -1.
 * On failure it has called fs_error_set(), whose result is always -1, so that the usual line is
 *
 *     return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: found ..., expected ...; fix", ...);
 *
 * The text names the file, the key or tensor, what was found, what was expected, and the likely fix.
 * Libraries return errors; only main() ends the process.
 */
#ifndef FAIRSTAMP_IO_ERROR_H
#define FAIRSTAMP_IO_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes of the program, after sysexits(3); an error carries the code the program shall end with. */
enum fs_exit {
    FS_EXIT_OK = 0,
    FS_EXIT_DIFFERENT = 1,      /* `verify`: files differ, or a hash does not hold; `sweep`: cells are not complete */
    FS_EXIT_USAGE = 64,         /* wrong command line */
    FS_EXIT_DATA = 65,          /* an input file is damaged, hostile or of the wrong kind */
    FS_EXIT_NO_INPUT = 66,      /* an input file or folder is missing or unreadable */
    FS_EXIT_NO_ANSWER = 68,     /* a rank has waited --wait-seconds for the others in vain, or a node is lost */
    FS_EXIT_CHECK_FAILED = 69,  /* `doctor`: a check failed */
    FS_EXIT_SOFTWARE = 70,      /* a bug in fairstamp, or MPI / HDF5 refused a call that must not fail */
    FS_EXIT_OS = 71,            /* out of memory, out of file descriptors */
    FS_EXIT_CANNOT_CREATE = 73, /* an output file or folder cannot be made */
    FS_EXIT_IO = 74,            /* a read or write failed half-way (disk full) */
    FS_EXIT_INTERRUPTED = 75,   /* asked to stop, and stopped after a checkpoint: run the same command again */
    FS_EXIT_OTHER_JOB = 76,     /* what is in the output belongs to another job, or another process works there */
    FS_EXIT_CONFIG = 78         /* the job file, sweep file or a --set is wrong */
};

struct fs_error {
    int code;        /* an fs_exit, 0 where no error was set */
    char text[2048]; /* one line, no newline at the end */
    char where[128]; /* "rank 3 of 8 on node n2", "" where nobody has noted it */
};

#define FS_ERROR_INIT                                                                                                  \
    {                                                                                                                  \
        0, "", ""                                                                                                      \
    }

#if defined(__GNUC__)
#define FS_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define FS_PRINTF(format_index, first)
#endif

/* Sets `err` (NULL allowed: the error is dropped). Bytes that a terminal would act on are shown as \xNN. Returns -1. */
int fs_error_set(struct fs_error *err, enum fs_exit code, const char *format, ...) FS_PRINTF(3, 4);

/* Puts "text: " before the text that `err` holds already: who was asked for what. Keeps the code. Returns -1. */
int fs_error_prepend(struct fs_error *err, const char *format, ...) FS_PRINTF(2, 3);

/* Sets an out-of-memory error that says what `bytes` were for. Returns -1. */
int fs_error_memory(struct fs_error *err, size_t bytes, const char *purpose);

/* Adds name `index` of `count`, one after the other, to "a, b or c" in `text`; what finds no room is cut off. */
void fs_error_add_name(char *text, size_t size, size_t index, size_t count, const char *name);

/*
 * calloc with overflow check: `count` x `size` zeroed bytes; NULL with `err` set on failure. A request of 0 bytes
 * returns a valid pointer. The caller frees with free().
 */
void *fs_allocate(size_t count, size_t size, const char *purpose, struct fs_error *err);

/* As fs_allocate, but aligned to 64 bytes and not zeroed, for matrices. The caller frees with free(). */
void *fs_allocate_aligned(size_t count, size_t size, const char *purpose, struct fs_error *err);

/*
 * Makes room in an array for `needed` elements of `size` bytes. `array`: the address of the pointer to it (NULL at
 * first), which malloc's kin gave. Grows by half at least, so that adding one after the other costs little; new elements
 * are zero. *capacity: elements there is room for. On failure the array stays as it is. The caller frees with free().
 */
int fs_grow(void *array, size_t *capacity, size_t needed, size_t size, const char *purpose, struct fs_error *err);

/* a * b in `product`, or -1 where it does not fit in a size_t. No text is set. */
int fs_multiply(size_t a, size_t b, size_t *product);

#endif
