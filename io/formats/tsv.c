#include "io/formats/tsv.h"

#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/formats/file_kind.h"

struct fs_tsv {
    char *path;
    char *text;         /* the file, tabs and line ends replaced by NUL */
    const char **field; /* [rows][columns] */
    size_t *line;       /* [rows] of the file, from 1 */
    size_t rows, columns;
};

static size_t count_of(const char *text, size_t length, char wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += text[i] == wanted;
    }
    return count;
}

static int add_line(struct fs_tsv *tsv, char *text, size_t length, size_t number, struct fs_error *err)
{
    size_t columns = count_of(text, length, '\t') + 1;
    if (columns != tsv->columns) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: line %zu: found %zu tab-separated fields, expected %zu", tsv->path,
                            number, columns, tsv->columns);
    }
    const char **field = tsv->field + tsv->rows * tsv->columns;
    for (size_t i = 0; i < columns; i++) {
        field[i] = text;
        text += strcspn(text, "\t");
        *text++ = '\0';
    }
    tsv->line[tsv->rows++] = number;
    return 0;
}

static int split(struct fs_tsv *tsv, size_t length, struct fs_error *err)
{
    size_t lines = count_of(tsv->text, length, '\n') + 1, number = 0;
    size_t fields = count_of(tsv->text, length, '\t') + lines;
    tsv->field = fs_allocate(fields, sizeof *tsv->field, "a tab-separated file", err);
    tsv->line = fs_allocate(lines, sizeof *tsv->line, "a tab-separated file", err);
    if (tsv->field == NULL || tsv->line == NULL) {
        return -1;
    }
    for (char *at = tsv->text, *end = tsv->text + length; at < end;) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        size_t size = (size_t)(stop - at);
        while (size > 0 && at[size - 1] == '\r') {
            size--;
        }
        at[size] = '\0';
        number++;
        if (size > 0 && add_line(tsv, at, size, number, err) != 0) {
            return -1;
        }
        at = stop + 1;
    }
    return tsv->rows > 0 ? 0 : fs_error_set(err, FS_EXIT_DATA, "%s: found no line, expected a row", tsv->path);
}

int fs_tsv_load_rows(const char *path, size_t columns, struct fs_tsv **result, struct fs_error *err)
{
    struct fs_file_map map = {0};
    struct fs_tsv *tsv = fs_allocate(1, sizeof *tsv, "a tab-separated file", err);
    *result = NULL;
    int status = tsv != NULL ? fs_file_map_open(path, &map, err) : -1;
    if (status == 0) {
        tsv->columns = columns;
        tsv->path = strdup(path);
        tsv->text = fs_allocate(map.size + 1, 1, "a tab-separated file", err);
        status = tsv->path != NULL && tsv->text != NULL ? 0 : fs_error_memory(err, map.size, "a tab-separated file");
    }
    status = status == 0 ? fs_check_text_file(path, map.data, map.size, err) : -1;
    if (status == 0) {
        memcpy(tsv->text, map.data, map.size);
        status = split(tsv, map.size, err);
    }
    fs_file_map_close(&map);
    if (status != 0) {
        fs_tsv_destroy(tsv);
        return -1;
    }
    *result = tsv;
    return 0;
}

void fs_tsv_destroy(struct fs_tsv *tsv)
{
    if (tsv != NULL) {
        free(tsv->path);
        free(tsv->text);
        free(tsv->field);
        free(tsv->line);
        free(tsv);
    }
}

size_t fs_tsv_rows(const struct fs_tsv *tsv)
{
    return tsv->rows;
}

size_t fs_tsv_line(const struct fs_tsv *tsv, size_t row)
{
    return tsv->line[row];
}

const char *fs_tsv_path(const struct fs_tsv *tsv)
{
    return tsv->path;
}

const char *fs_tsv_field(const struct fs_tsv *tsv, size_t row, size_t column)
{
    return tsv->field[row * tsv->columns + column];
}
