#include "stages/evaluate/differences.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stages/metrics/metric_table.h"
#include "stages/suites/capability.h"
#include "stages/suites/result_rows.h"
#include "stages/suites/stored_suite.h"

/* Two programs can round a value differently, never by more than this share of it. */
#define AS_STORED 1e-9

static const char *held_out_name(const struct fs_results *results)
{
    for (size_t i = 0; i < results->rows; i++) {
        if (strcmp(results->row[i].subset, "validation") == 0) {
            return "validation";
        }
    }
    return "held_out";
}

/* The suites that the file has, in the registry's order, and their rows. */
static int make_rows(const struct fs_differences_input *input, struct fs_suite **suite, struct fs_suite_rows *rows,
                     struct fs_error *err)
{
    const struct fs_suite_file file = {input->archive, input->root, input->results->columns};
    size_t suites = 0;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *kind = fs_suite_kinds[i];
        if (kind->restore == NULL || !fs_stored_has(&file, kind->name, "score")) {
            continue;
        }
        if (kind->restore(kind, &file, &suite[suites], err) != 0) {
            return -1;
        }
        if (suite[suites] != NULL && suite[suites]->operations->add_rows(suite[suites], rows, err) != 0) {
            return fs_error_prepend(err, "%s", kind->name);
        }
        suites += suite[suites] != NULL;
    }
    return fs_add_capability(suite, suites, rows, err);
}

static const struct fs_result_row *find_row(const struct fs_results *made, const struct fs_result_row *row)
{
    for (size_t i = 0; i < made->rows; i++) {
        bool same = true;
        for (enum fs_row_text k = 0; same && k < FS_ROW_TEXTS; k++) {
            same = strcmp(fs_row_text(&made->row[i], k), fs_row_text(row, k)) == 0;
        }
        if (same) {
            return &made->row[i];
        }
    }
    return NULL;
}

/* Whether the values made again are those of the table. */
static bool is_as_stored(const struct fs_result_row *made, const struct fs_result_row *row, size_t columns)
{
    for (size_t c = 0; c < columns; c++) {
        double one = made->value[c].value, other = row->value[c].value;
        if (made->value[c].n != row->value[c].n || !(fabs(one - other) <= AS_STORED * fmax(1.0, fabs(other)))) {
            return false;
        }
    }
    return true;
}

static void fill(const struct fs_differences_input *input, const struct fs_results *made,
                 struct fs_differences *differences)
{
    const struct fs_results *results = input->results;
    for (size_t i = 0; i < results->rows; i++) {
        const struct fs_result_row *row = &results->row[i], *again = find_row(made, row);
        double reference = row->value[input->against].value;
        bool of_distance = !input->values && fs_ideal_is_between(row->ideal);
        differences->known[i] = again != NULL && is_as_stored(again, row, results->columns);
        for (size_t c = 0; c < results->columns; c++) {
            struct fs_paired *out = &differences->value[i * results->columns + c];
            double value = row->value[c].value;
            *out = fs_paired_none();
            if (c == input->against) {
                continue;
            }
            if (differences->known[i] && c > 0) {
                *out = again->change[c - 1];
            } else {
                out->difference =
                    of_distance ? fabs(value - row->ideal) - fabs(reference - row->ideal) : value - reference;
            }
        }
    }
}

int fs_differences_make(const struct fs_differences_input *input, struct fs_differences *differences,
                        struct fs_error *err)
{
    const struct fs_results *results = input->results;
    const size_t columns = results->columns;
    struct fs_results made = {0};
    *differences = (struct fs_differences){.against = input->against, .rows = results->rows, .columns = columns};
    struct fs_suite **suite = fs_allocate(fs_suite_kind_count, sizeof(struct fs_suite *), "the suites of a file", err);
    differences->value = fs_allocate(results->rows, columns * sizeof *differences->value, "differences", err);
    differences->known = fs_allocate(results->rows, sizeof *differences->known, "differences", err);
    int status = suite != NULL && differences->value != NULL && differences->known != NULL
                     ? fs_results_create(columns - 1, (const char *const *)results->column + 1, &made, err)
                     : -1;
    if (status == 0) {
        struct fs_suite_rows rows = {.results = &made,
                                     .bootstrap = input->bootstrap,
                                     .held_out = held_out_name(results),
                                     .against = input->against,
                                     .from_ideal = !input->values,
                                     .changes_alone = true};
        status = make_rows(input, suite, &rows, err);
    }
    if (status == 0) {
        fill(input, &made, differences);
    }
    for (size_t i = 0; suite != NULL && i < fs_suite_kind_count; i++) {
        fs_suite_destroy(suite[i]);
    }
    free(suite);
    fs_results_release(&made);
    return status;
}

void fs_differences_release(struct fs_differences *differences)
{
    free(differences->value);
    free(differences->known);
    *differences = (struct fs_differences){0};
}
