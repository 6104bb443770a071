#include "tests/unit/scratch.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char folder[1024];

int scratch_make(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    int length =
        snprintf(folder, sizeof folder, "%s/fairstamp-unit-XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp");
    return (size_t)length >= sizeof folder || mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

int scratch_remove(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_folder(void)
{
    return folder;
}

const char *scratch_path(const char *name)
{
    static char buffers[8][4096];
    static size_t next;
    char *buffer = buffers[next++ % 8];
    snprintf(buffer, sizeof buffers[0], "%s/%s", folder, name);
    return buffer;
}

const char *scratch_write(const char *name, const void *data, size_t size)
{
    const char *path = scratch_path(name);
    (void)remove(
        path); /* ext4 syncs a file that is cut to nothing and written anew, which makes thousands of them slow */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

const char *scratch_write_text(const char *name, const char *text)
{
    return scratch_write(name, text, strlen(text));
}

unsigned char *slurp(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long end = ftell(file);
    assert_true(end >= 0);
    rewind(file);
    unsigned char *data = malloc((size_t)end + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)end, file), (size_t)end);
    data[end] = '\0';
    fclose(file);
    *size = (size_t)end;
    return data;
}

static char *streamed;
static size_t streamed_size;

FILE *text_begin(void)
{
    FILE *stream = open_memstream(&streamed, &streamed_size);
    assert_non_null(stream);
    return stream;
}

char *text_end(FILE *stream)
{
    assert_int_equal(fclose(stream), 0);
    return streamed;
}
