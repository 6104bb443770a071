#include "io/formats/csv.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/utf8.h"

struct fs_csv {
    char *path;
    char *text; /* all fields, unquoted, each followed by a zero byte */
    size_t columns;
    size_t rows;        /* with the header */
    const char **field; /* [rows][columns], into text */
    size_t *line;       /* [rows], 1-based */
};

struct reader {
    struct fs_csv *csv;
    const unsigned char *data;
    size_t size;
    size_t at;
    size_t line;
    size_t written; /* bytes of csv->text */
    size_t fields;
    size_t field_room;
    size_t row_room;
    struct fs_error *err;
};

static int fail(const struct reader *reader, const char *found)
{
    return fs_error_set(reader->err, FS_EXIT_DATA, "%s: line %zu: %s; write the file as RFC 4180 says",
                        reader->csv->path, reader->line, found);
}

/* From after the opening quote to after the closing one. */
static int read_quoted(struct reader *reader)
{
    size_t begin = reader->line;
    while (reader->at < reader->size) {
        unsigned char byte = reader->data[reader->at++];
        if (byte == '"') {
            if (reader->at == reader->size || reader->data[reader->at] != '"') {
                return 0;
            }
            reader->at++;
        }
        reader->line += byte == '\n' ? 1 : 0;
        reader->csv->text[reader->written++] = (char)byte;
    }
    reader->line = begin;
    return fail(reader, "found a field whose opening quote is never closed");
}

static bool at_line_end(const struct reader *reader)
{
    const unsigned char *next = reader->data + reader->at;
    size_t left = reader->size - reader->at;
    return left == 0 || next[0] == '\n' || (left > 1 && next[0] == '\r' && next[1] == '\n');
}

/* One field; the cursor is then at a comma or a line end. */
static int read_field(struct reader *reader)
{
    struct fs_csv *csv = reader->csv;
    if (fs_grow(&csv->field, &reader->field_room, reader->fields + 1, sizeof *csv->field, "a csv file", reader->err) !=
        0) {
        return -1;
    }
    csv->field[reader->fields++] = csv->text + reader->written;
    if (reader->at < reader->size && reader->data[reader->at] == '"') {
        reader->at++;
        if (read_quoted(reader) != 0) {
            return -1;
        }
        if (!at_line_end(reader) && reader->data[reader->at] != ',') {
            return fail(reader, "found text after a closing quote");
        }
    } else {
        while (!at_line_end(reader) && reader->data[reader->at] != ',') {
            unsigned char byte = reader->data[reader->at++];
            if (byte == '"') {
                return fail(reader, "found a quote inside an unquoted field");
            }
            if (byte == '\r') {
                return fail(reader, "found a carriage return without a line feed");
            }
            csv->text[reader->written++] = (char)byte;
        }
    }
    csv->text[reader->written++] = '\0';
    return 0;
}

static int read_row(struct reader *reader)
{
    struct fs_csv *csv = reader->csv;
    size_t begin = reader->fields;
    if (fs_grow(&csv->line, &reader->row_room, csv->rows + 1, sizeof *csv->line, "a csv file", reader->err) != 0) {
        return -1;
    }
    csv->line[csv->rows] = reader->line;
    for (;;) {
        if (read_field(reader) != 0) {
            return -1;
        }
        if (at_line_end(reader)) {
            break;
        }
        reader->at++;
    }
    size_t columns = reader->fields - begin;
    if (csv->rows == 0) {
        csv->columns = columns;
    } else if (columns != csv->columns) {
        return fs_error_set(reader->err, FS_EXIT_DATA,
                            "%s: line %zu: found %zu fields, expected %zu as in the header; "
                            "a field with commas needs quotes",
                            csv->path, csv->line[csv->rows], columns, csv->columns);
    }
    csv->rows++;
    if (reader->at < reader->size) {
        reader->at += reader->data[reader->at] == '\r' ? 2 : 1;
        reader->line++;
    }
    return 0;
}

static int check_header(const struct fs_csv *csv, struct fs_error *err)
{
    if (csv->rows == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: is empty, expected a header line", csv->path);
    }
    for (size_t i = 0; i < csv->columns; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(csv->field[i], csv->field[j]) == 0) {
                return fs_error_set(err, FS_EXIT_DATA, "%s: column \"%s\" occurs twice in the header", csv->path,
                                    csv->field[i]);
            }
        }
    }
    return 0;
}

static int read_all(struct fs_csv *csv, const struct fs_file_map *map, struct fs_error *err)
{
    struct reader reader = {.csv = csv, .data = map->data, .size = map->size, .line = 1, .err = err};
    size_t invalid = fs_utf8_invalid(map->data, map->size);
    const unsigned char *nul = memchr(map->data, '\0', map->size);
    if (invalid < map->size || nul != NULL) {
        size_t offset = nul != NULL && (size_t)(nul - map->data) < invalid ? (size_t)(nul - map->data) : invalid;
        return fs_error_set(err, FS_EXIT_DATA, "%s: byte %zu: found %s, expected UTF-8 text; save the file as UTF-8",
                            csv->path, offset, offset == invalid ? "a byte that is not UTF-8" : "a NUL byte");
    }
    if (map->size >= 3 && memcmp(map->data, "\xef\xbb\xbf", 3) == 0) {
        reader.at = 3;
    }
    /* Each field takes its bytes and a zero byte, which its comma or line end has paid for, except the last one. */
    csv->text = fs_allocate(map->size + 1, 1, "a csv file", err);
    if (csv->text == NULL) {
        return -1;
    }
    while (reader.at < reader.size) {
        if (read_row(&reader) != 0) {
            return -1;
        }
    }
    return check_header(csv, err);
}

int fs_csv_load(const char *path, struct fs_csv **csv, struct fs_error *err)
{
    *csv = NULL;
    struct fs_file_map map;
    if (fs_file_map_open(path, &map, err) != 0) {
        return -1;
    }
    struct fs_csv *made = fs_allocate(1, sizeof *made, "a csv file", err);
    int result = -1;
    if (made != NULL) {
        made->path = strdup(path);
        result = made->path == NULL ? fs_error_memory(err, strlen(path) + 1, "a path") : read_all(made, &map, err);
    }
    fs_file_map_close(&map);
    if (result != 0) {
        fs_csv_destroy(made);
        return -1;
    }
    *csv = made;
    return 0;
}

void fs_csv_destroy(struct fs_csv *csv)
{
    if (csv != NULL) {
        free(csv->path);
        free(csv->text);
        free(csv->field);
        free(csv->line);
        free(csv);
    }
}

size_t fs_csv_rows(const struct fs_csv *csv)
{
    return csv->rows - 1;
}

size_t fs_csv_line(const struct fs_csv *csv, size_t row)
{
    return csv->line[row + 1];
}

int fs_csv_column(const struct fs_csv *csv, const char *name, size_t *column, struct fs_error *err)
{
    for (size_t i = 0; i < csv->columns; i++) {
        if (strcmp(csv->field[i], name) == 0) {
            *column = i;
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: found no column \"%s\" in the header; give the file in its original layout", csv->path,
                        name);
}

const char *fs_csv_field(const struct fs_csv *csv, size_t row, size_t column)
{
    return csv->field[(row + 1) * csv->columns + column];
}
