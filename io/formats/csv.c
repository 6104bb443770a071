#include "io/formats/csv.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/formats/csv_internal.h"
#include "io/formats/file_kind.h"

struct reader {
    struct fs_csv *csv;
    const unsigned char *data;
    size_t size;
    size_t at;
    size_t line;
    char separator;
    bool plain;     /* a quote is text */
    bool keep;      /* bad rows */
    size_t written; /* bytes of csv->text */
    size_t fields;
    size_t field_room;
    size_t row_room, found_room;
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

/* The bytes of the line end at `at`: the LF with the CRs before it; SIZE_MAX where there is none, and the file goes on. */
static size_t line_end(const struct reader *reader, size_t at)
{
    size_t length = 0;
    while (at + length < reader->size && reader->data[at + length] == '\r') {
        length++;
    }
    if (at + length == reader->size) {
        return length;
    }
    return reader->data[at + length] == '\n' ? length + 1 : SIZE_MAX;
}

static bool at_line_end(const struct reader *reader)
{
    return line_end(reader, reader->at) != SIZE_MAX;
}

/* One field; the cursor is then at a separator or a line end. */
static int read_field(struct reader *reader)
{
    struct fs_csv *csv = reader->csv;
    if (fs_grow(&csv->field, &reader->field_room, reader->fields + 1, sizeof *csv->field, "a csv file", reader->err) !=
        0) {
        return -1;
    }
    csv->field[reader->fields++] = csv->text + reader->written;
    if (reader->at < reader->size && reader->data[reader->at] == '"' && !reader->plain) {
        reader->at++;
        if (read_quoted(reader) != 0) {
            return -1;
        }
        if (!at_line_end(reader) && reader->data[reader->at] != (unsigned char)reader->separator) {
            return fail(reader, "found text after a closing quote");
        }
    } else {
        while (!at_line_end(reader) && reader->data[reader->at] != (unsigned char)reader->separator) {
            unsigned char byte = reader->data[reader->at++];
            if (byte == '"' && !reader->plain) {
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

static const char *advice(const struct reader *reader)
{
    return reader->plain              ? "a field must hold no tab"
           : reader->separator == ',' ? "a field with a comma needs quotes"
           : reader->separator == ';' ? "a field with a semicolon needs quotes"
                                      : "a field with a tab needs quotes";
}

static int refuse_row(const struct fs_csv *csv, size_t row, size_t found, const char *more, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA, "%s: line %zu: found %zu fields%s, expected %zu as in the header; %s",
                        csv->path, csv->line[row], found, more, csv->columns, csv->advice);
}

/* The row that was read, whose fields begin at `begin`, with as many fields as the header. */
static int keep_row(struct reader *reader, size_t begin)
{
    struct fs_csv *csv = reader->csv;
    size_t found = reader->fields - begin;
    bool several = reader->line != csv->line[csv->rows], cut = found < csv->columns && reader->at == reader->size;
    if (!reader->keep || several || cut) {
        return refuse_row(csv, csv->rows, found,
                          several ? " over several lines"
                          : cut   ? ", and the file's end"
                                  : "",
                          reader->err);
    }
    if (fs_grow(&csv->field, &reader->field_room, begin + csv->columns, sizeof *csv->field, "a csv file",
                reader->err) != 0) {
        return -1;
    }
    for (reader->fields = begin + csv->columns; found < csv->columns; found++) {
        csv->field[begin + found] = "";
    }
    return 0;
}

static int read_row(struct reader *reader)
{
    struct fs_csv *csv = reader->csv;
    size_t begin = reader->fields;
    if (fs_grow(&csv->line, &reader->row_room, csv->rows + 1, sizeof *csv->line, "a csv file", reader->err) != 0 ||
        fs_grow(&csv->found, &reader->found_room, csv->rows + 1, sizeof *csv->found, "a csv file", reader->err) != 0) {
        return -1;
    }
    csv->line[csv->rows] = reader->line;
    csv->found[csv->rows] = 0;
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
        csv->found[csv->rows] = columns;
        if (keep_row(reader, begin) != 0) {
            return -1;
        }
    }
    csv->rows++;
    reader->at += line_end(reader, reader->at);
    reader->line++;
    return 0;
}

/* Moves behind a line of nothing but blanks, if the cursor is at one. */
static bool skip_blank_line(struct reader *reader)
{
    size_t at = reader->at;
    while (at < reader->size && reader->data[at] == ' ') {
        at++;
    }
    size_t length = line_end(reader, at);
    if (length == SIZE_MAX) {
        return false;
    }
    reader->at = at + length;
    reader->line++;
    return true;
}

/* Blank lines before the header and between rows; in a table of one column they are its empty fields. */
static void skip_blank_lines(struct reader *reader)
{
    while (reader->csv->columns != 1 && reader->at < reader->size && skip_blank_line(reader)) {
    }
}

/* Rows of nothing but separators at the end, as spreadsheets leave them. */
static void drop_empty_rows(struct fs_csv *csv)
{
    for (; csv->rows > 1 && csv->found[csv->rows - 1] == 0; csv->rows--) {
        for (size_t i = 0; i < csv->columns; i++) {
            if (csv->field[(csv->rows - 1) * csv->columns + i][0] != '\0') {
                return;
            }
        }
    }
}

/* How many of the wanted columns the header at the cursor has with this separator; 0 where it is no header then. */
static size_t count_wanted(struct reader reader, char separator, const struct fs_csv_format *format)
{
    struct fs_csv csv = {.path = reader.csv->path, .text = reader.csv->text};
    struct fs_error ignored = FS_ERROR_INIT;
    size_t count = 0;
    reader.csv = &csv;
    reader.separator = separator;
    reader.plain = separator == '\t' && format->plain_tabs;
    reader.err = &ignored;
    if (read_row(&reader) == 0) {
        for (const char *const *name = format->columns; *name != NULL; name++) {
            for (size_t i = 0; i < csv.columns; i++) {
                count += strcmp(csv.field[i], *name) == 0 ? 1 : 0;
            }
        }
    }
    free(csv.field);
    free(csv.line);
    free(csv.found);
    return count;
}

/* Sets the separator: Excel's line "sep=;" says it, or the columns that the header has with it; the usual one of the
 * format where neither does. */
static void find_separator(struct reader *reader, const struct fs_csv_format *format)
{
    const char *separators = format->plain_tabs ? "\t,;" : ",;\t";
    const unsigned char *text = reader->data + reader->at;
    reader->separator = separators[0];
    if (reader->size - reader->at > 5 && memcmp(text, "sep=", 4) == 0 && strchr(separators, text[4]) != NULL &&
        text[4] != '\0' && line_end(reader, reader->at + 5) != SIZE_MAX) {
        reader->separator = (char)text[4];
        reader->at += 5 + line_end(reader, reader->at + 5);
        reader->line++;
    } else {
        size_t most = 0;
        for (const char *separator = separators; *separator != '\0'; separator++) {
            size_t count = count_wanted(*reader, *separator, format);
            if (count > most) {
                most = count;
                reader->separator = *separator;
            }
        }
    }
    reader->plain = reader->separator == '\t' && format->plain_tabs;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* No name twice in the header; columns without a name are allowed, as pandas and spreadsheets write them. */
static int check_header(const struct fs_csv *csv, struct fs_error *err)
{
    if (csv->rows == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: is empty, expected a header line", csv->path);
    }
    const char **names = fs_allocate(csv->columns, sizeof *names, "the header of a csv file", err);
    if (names == NULL) {
        return -1;
    }
    memcpy(names, csv->field, csv->columns * sizeof *names);
    qsort(names, csv->columns, sizeof *names, compare_names);
    int result = 0;
    for (size_t i = 1; i < csv->columns && result == 0; i++) {
        if (names[i][0] != '\0' && strcmp(names[i - 1], names[i]) == 0) {
            result =
                fs_error_set(err, FS_EXIT_DATA, "%s: column \"%.60s\" occurs twice in the header", csv->path, names[i]);
        }
    }
    free(names);
    return result;
}

static int read_rows(struct fs_csv *csv, const struct fs_file_map *map, const struct fs_csv_format *format,
                     struct fs_error *err)
{
    struct reader reader = {.csv = csv,
                            .data = map->data,
                            .size = map->size,
                            .at = fs_byte_order_mark(map->data, map->size),
                            .line = 1,
                            .keep = format->keep_bad_rows,
                            .err = err};
    /* Each field takes its bytes and a zero byte, which its separator or line end has paid for, except the last one. */
    csv->text = fs_allocate(map->size + 1, 1, "a csv file", err);
    if (csv->text == NULL) {
        return -1;
    }
    skip_blank_lines(&reader);
    find_separator(&reader, format);
    csv->advice = advice(&reader);
    for (skip_blank_lines(&reader); reader.at < reader.size; skip_blank_lines(&reader)) {
        if (read_row(&reader) != 0) {
            return -1;
        }
    }
    drop_empty_rows(csv);
    return check_header(csv, err);
}

/* Whether the text begins as JSON does. */
static bool is_json(const struct fs_file_map *map)
{
    size_t at = fs_byte_order_mark(map->data, map->size);
    while (at < map->size && memchr(" \t\r\n", map->data[at], 4) != NULL) {
        at++;
    }
    return at < map->size && (map->data[at] == '{' || map->data[at] == '[');
}

static int read_all(struct fs_csv *csv, const struct fs_csv_format *format, struct fs_error *err)
{
    struct fs_file_map map;
    if (fs_file_map_open(csv->path, &map, err) != 0) {
        return -1;
    }
    int result = -1;
    if (is_json(&map)) {
        result = fs_refuse_file_kind(csv->path, map.data, map.size, err) == 0
                     ? fs_csv_read_records(csv, &map, format, err)
                     : -1;
    } else if (fs_check_text_file(csv->path, map.data, map.size, err) == 0) {
        result = read_rows(csv, &map, format, err);
    }
    fs_file_map_close(&map);
    return result;
}

int fs_csv_load(const char *path, const struct fs_csv_format *format, struct fs_csv **csv, struct fs_error *err)
{
    *csv = NULL;
    struct fs_csv *made = fs_allocate(1, sizeof *made, "a csv file", err);
    if (made == NULL) {
        return -1;
    }
    made->path = strdup(path);
    int result = made->path == NULL ? fs_error_memory(err, strlen(path) + 1, "a path") : read_all(made, format, err);
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
        free(csv->found);
        free(csv->record);
        fs_records_release(&csv->records);
        free(csv);
    }
}

const char *fs_csv_path(const struct fs_csv *csv)
{
    return csv->path;
}

size_t fs_csv_rows(const struct fs_csv *csv)
{
    return csv->rows - 1;
}

int fs_csv_check_row(const struct fs_csv *csv, size_t row, struct fs_error *err)
{
    if (csv->found != NULL) {
        size_t found = csv->found[row + 1];
        return found == 0 ? 0 : refuse_row(csv, row + 1, found, "", err);
    }
    for (size_t column = 0; column < csv->columns; column++) {
        if (fs_csv_field(csv, row, column) == fs_csv_missing) {
            return fs_csv_check_record(csv, row, err);
        }
    }
    return 0;
}

int fs_csv_need_rows(const struct fs_csv *csv, struct fs_error *err)
{
    return fs_csv_rows(csv) > 0 ? 0
                                : fs_error_set(err, FS_EXIT_DATA, "%s: found no row%s, expected one at least",
                                               csv->path, csv->line != NULL ? " after the header" : "");
}

const char *fs_csv_place(const struct fs_csv *csv, size_t row, char place[FS_CSV_PLACE])
{
    if (csv->line != NULL || csv->records.lines) {
        snprintf(place, FS_CSV_PLACE, "line %zu",
                 csv->line != NULL ? csv->line[row + 1] : fs_json_line(csv->records.document, row));
    } else {
        snprintf(place, FS_CSV_PLACE, "record [%zu]", row);
    }
    return place;
}

bool fs_csv_has_column(const struct fs_csv *csv, const char *name, size_t *column)
{
    size_t count = name[0] == '\0' ? 1 : csv->columns;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(csv->field[i], name) == 0) {
            *column = i;
            return true;
        }
    }
    return false;
}

int fs_csv_column(const struct fs_csv *csv, const char *name, size_t *column, struct fs_error *err)
{
    if (fs_csv_has_column(csv, name, column)) {
        return 0;
    }
    char header[300] = "";
    for (size_t i = 0, used = 0; i < csv->columns; i++) {
        if (used < sizeof header && csv->field[i][0] != '\0') {
            used +=
                (size_t)snprintf(header + used, sizeof header - used, "%s%.60s", used == 0 ? "" : ", ", csv->field[i]);
        }
    }
    return fs_error_set(err, FS_EXIT_DATA, "%s: found no column \"%s\" in the header, which has: %s", csv->path, name,
                        header);
}

const char *fs_csv_field(const struct fs_csv *csv, size_t row, size_t column)
{
    return csv->field[(row + 1) * csv->columns + column];
}

void fs_csv_replace(struct fs_csv *csv, size_t row, size_t column, const char *text)
{
    csv->field[(row + 1) * csv->columns + column] = text;
}
