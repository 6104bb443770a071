/* Records in JSON as the rows of a table. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/formats/csv_internal.h"

/* Bytes of a number in decimal, with the zero. */
enum { NUMBER = 32 };

/* The text of a cell of `record`, of a wanted column or of another; `number`: room for one. */
static int field_of(const struct fs_csv *csv, size_t row, const cJSON *record, bool wanted, char *number,
                    const char **field, struct fs_error *err)
{
    const char *name = *field;
    const cJSON *cell = cJSON_GetObjectItemCaseSensitive(record, name);
    char place[FS_RECORD_PLACE], keys[320];
    if (cJSON_IsString(cell)) {
        *field = cell->valuestring;
    } else if (cJSON_IsNull(cell) || (!wanted && !cJSON_IsNumber(cell))) {
        *field = "";
    } else if (cJSON_IsNumber(cell)) {
        double value = cell->valuedouble;
        bool whole = value == floor(value) && fabs(value) < 1e15;
        snprintf(number, NUMBER, whole ? "%.0f" : "%.17g", value);
        *field = number;
    } else if (cell == NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s found %s, and no \"%s\"", csv->path,
                            fs_records_place(&csv->records, row, place), fs_records_describe(record, keys, sizeof keys),
                            name);
    } else {
        return fs_json_wrong(csv->records.document, fs_records_place(&csv->records, row, place), name,
                             fs_json_kind(cell), "text or a number", err);
    }
    return 0;
}

const char fs_csv_missing[] = "";

int fs_csv_check_record(const struct fs_csv *csv, size_t row, struct fs_error *err)
{
    char number[NUMBER];
    for (size_t column = 0; column < csv->columns; column++) {
        const char *field = csv->field[column];
        if (fs_csv_field(csv, row, column) == fs_csv_missing &&
            field_of(csv, row, csv->record[row], true, number, &field, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static size_t count_names(const char *const *names)
{
    size_t count = 0;
    while (names != NULL && names[count] != NULL) {
        count++;
    }
    return count;
}

/* The cells of the records into csv->field, whose first row has the names; the last `wanted` columns must be there. */
static int read_cells(struct fs_csv *csv, size_t wanted, bool keep, struct fs_error *err)
{
    size_t row = 0;
    const cJSON *record;
    cJSON_ArrayForEach(record, csv->records.list)
    {
        for (size_t i = 0; i < csv->columns; i++) {
            size_t at = (row + 1) * csv->columns + i;
            csv->field[at] = csv->field[i];
            if (field_of(csv, row, record, i >= csv->columns - wanted, csv->text + at * NUMBER, &csv->field[at],
                         keep ? NULL : err) != 0) {
                if (!keep) {
                    return -1;
                }
                csv->field[at] = fs_csv_missing;
            }
        }
        csv->record[row++] = record;
    }
    return 0;
}

int fs_csv_read_records(struct fs_csv *csv, const struct fs_file_map *map, const struct fs_csv_format *format,
                        struct fs_error *err)
{
    const struct fs_record_kind kind = {format->columns, "a table with these columns"};
    size_t wanted = count_names(format->columns), also = count_names(format->also), fields;
    struct fs_json_document *document;
    if (fs_json_parse_values(csv->path, (const char *)map->data, map->size, &document, err) != 0 ||
        fs_records_take(document, &kind, &csv->records, err) != 0) {
        return -1;
    }
    csv->rows = csv->records.count + 1;
    csv->columns = also + wanted;
    if (fs_multiply(csv->rows, csv->columns, &fields) != 0) {
        return fs_error_memory(err, SIZE_MAX, "records");
    }
    csv->field = fs_allocate(fields, sizeof *csv->field, "records", err);
    csv->text = fs_allocate(fields, NUMBER, "records", err);
    csv->record = fs_allocate(csv->rows, sizeof *csv->record, "records", err);
    if (csv->field == NULL || csv->text == NULL || csv->record == NULL) {
        return -1;
    }
    for (size_t i = 0; i < csv->columns; i++) {
        csv->field[i] = i < also ? format->also[i] : format->columns[i - also];
    }
    return read_cells(csv, wanted, format->keep_bad_rows, err);
}
