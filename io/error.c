#include "io/error.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies `raw` into `out`, with control characters made visible: file names and keys may be hostile. */
static void make_printable(const char *raw, char *out, size_t size)
{
    size_t used = 0;
    for (; *raw != '\0' && used + 5 < size; raw++) {
        unsigned char byte = (unsigned char)*raw;
        if (byte < 0x20 || byte == 0x7f) {
            used += (size_t)snprintf(out + used, size - used, "\\x%02x", byte);
        } else {
            out[used++] = (char)byte;
        }
    }
    out[used] = '\0';
}

int fs_error_set(struct fs_error *err, enum fs_exit code, const char *format, ...)
{
    if (err == NULL) {
        return -1;
    }
    char raw[sizeof err->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    err->code = (int)code;
    err->where[0] = '\0';
    make_printable(raw, err->text, sizeof err->text);
    return -1;
}

int fs_error_prepend(struct fs_error *err, const char *format, ...)
{
    if (err == NULL) {
        return -1;
    }
    char raw[2 * sizeof err->text];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(raw, sizeof err->text, format, arguments);
    va_end(arguments);
    size_t used = length < 0 ? 0 : (size_t)length;
    if (used >= sizeof err->text) {
        used = sizeof err->text - 1;
    }
    snprintf(raw + used, sizeof raw - used, ": %s", err->text);
    make_printable(raw, err->text, sizeof err->text);
    return -1;
}

int fs_error_memory(struct fs_error *err, size_t bytes, const char *purpose)
{
    return fs_error_set(err, FS_EXIT_OS,
                        "out of memory: %zu bytes for %s; use more nodes, fewer ranks a node, or a smaller model",
                        bytes, purpose);
}

void fs_error_add_name(char *text, size_t size, size_t index, size_t count, const char *name)
{
    size_t used = index == 0 ? 0 : strlen(text);
    const char *between = index == 0 ? "" : index + 1 < count ? ", " : " or ";
    snprintf(text + used, size - used, "%s%s", between, name);
}

int fs_multiply(size_t a, size_t b, size_t *product)
{
    return __builtin_mul_overflow(a, b, product) ? -1 : 0;
}

void *fs_allocate(size_t count, size_t size, const char *purpose, struct fs_error *err)
{
    size_t bytes;
    if (fs_multiply(count, size, &bytes) != 0) {
        fs_error_memory(err, SIZE_MAX, purpose);
        return NULL;
    }
    void *memory = calloc(1, bytes == 0 ? 1 : bytes);
    if (memory == NULL) {
        fs_error_memory(err, bytes, purpose);
    }
    return memory;
}

void *fs_allocate_aligned(size_t count, size_t size, const char *purpose, struct fs_error *err)
{
    size_t bytes;
    void *memory = NULL;
    if (fs_multiply(count, size, &bytes) != 0 || bytes > SIZE_MAX - 64) {
        fs_error_memory(err, SIZE_MAX, purpose);
        return NULL;
    }
    bytes = (bytes + 63) / 64 * 64;
    if (posix_memalign(&memory, 64, bytes == 0 ? 64 : bytes) != 0) {
        fs_error_memory(err, bytes, purpose);
        return NULL;
    }
    return memory;
}

enum { FEWEST_ELEMENTS = 16 };

int fs_grow(void *array, size_t *capacity, size_t needed, size_t size, const char *purpose, struct fs_error *err)
{
    if (needed <= *capacity) {
        return 0;
    }
    size_t wanted, bytes;
    if (__builtin_add_overflow(*capacity, *capacity / 2, &wanted) || wanted < needed) {
        wanted = needed;
    }
    wanted = wanted < FEWEST_ELEMENTS ? FEWEST_ELEMENTS : wanted;
    if (fs_multiply(wanted, size, &bytes) != 0) {
        return fs_error_memory(err, SIZE_MAX, purpose);
    }
    unsigned char *old;
    memcpy(&old, array, sizeof old); /* the array's own pointer type is not known here */
    unsigned char *grown = realloc(old, bytes);
    if (grown == NULL) {
        return fs_error_memory(err, bytes, purpose);
    }
    memset(grown + *capacity * size, 0, bytes - *capacity * size);
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return 0;
}
