#include "results/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct fs_table {
    size_t columns;
    const char *const *name;
    char **cell;
    size_t cells, capacity;
    bool out_of_memory;
};

int fs_table_create(size_t columns, const char *const *name, struct fs_table **result, struct fs_error *err)
{
    struct fs_table *table = fs_allocate(1, sizeof *table, "a table", err);
    if (table == NULL) {
        return -1;
    }
    table->columns = columns;
    table->name = name;
    *result = table;
    return 0;
}

void fs_table_destroy(struct fs_table *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < table->cells; i++) {
        free(table->cell[i]);
    }
    free(table->cell);
    free(table);
}

void fs_table_cell(struct fs_table *table, const char *format, ...)
{
    if (fs_grow(&table->cell, &table->capacity, table->cells + 1, sizeof *table->cell, "a table", NULL) != 0) {
        table->out_of_memory = true;
        return;
    }
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
        table->out_of_memory = true;
    }
    va_end(arguments);
    table->cell[table->cells++] = text;
}

void fs_table_number(struct fs_table *table, double value, int decimals)
{
    if (isfinite(value)) {
        fs_table_cell(table, "%.*f", decimals, value);
    } else {
        fs_table_cell(table, "-");
    }
}

/* Columns on a terminal: characters, not bytes. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void print_cell(FILE *stream, const char *text, bool right, size_t width, bool last)
{
    int padding = (int)(width - width_of(text));
    if (right) {
        fprintf(stream, "%*s%s", padding, "", text);
    } else if (last) {
        fprintf(stream, "%s", text);
    } else {
        fprintf(stream, "%s%*s", text, padding, "");
    }
    fputs(last ? "\n" : "  ", stream);
}

int fs_table_print(const struct fs_table *table, FILE *stream, struct fs_error *err)
{
    size_t *width = fs_allocate(table->columns, sizeof *width, "a table", err);
    if (width == NULL || table->out_of_memory) {
        free(width);
        return fs_error_memory(err, table->capacity * sizeof *table->cell, "a table");
    }
    for (size_t column = 0; column < table->columns; column++) {
        width[column] = width_of(table->name[column] + 1);
    }
    for (size_t i = 0; i < table->cells; i++) {
        size_t own = width_of(table->cell[i]);
        size_t *widest = &width[i % table->columns];
        *widest = own > *widest ? own : *widest;
    }
    for (size_t column = 0; column < table->columns; column++) {
        print_cell(stream, table->name[column] + 1, table->name[column][0] == '>', width[column],
                   column + 1 == table->columns);
    }
    for (size_t i = 0; i < table->cells; i++) {
        size_t column = i % table->columns;
        print_cell(stream, table->cell[i], table->name[column][0] == '>', width[column], column + 1 == table->columns);
    }
    free(width);
    return 0;
}
