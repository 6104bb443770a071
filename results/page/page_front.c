#include "results/page/page_front.h"

#include <math.h>
#include <string.h>

static double value_of(const struct fs_page_data *data, const char *metric, const char *subset, size_t column)
{
    const struct fs_result_row *row = fs_page_row(data, "all", metric, subset);
    return row != NULL ? row->value[column].value : NAN;
}

const char *fs_front_subset(const struct fs_page_data *data)
{
    static const char *const subsets[] = {"held_out", "validation"};
    for (size_t i = 0; i < 2; i++) {
        if (fs_page_row(data, "all", "gap", subsets[i]) != NULL) {
            return subsets[i];
        }
    }
    return "";
}

double fs_front_bias(const struct fs_page_data *data, enum fs_front_bias bias, size_t column)
{
    if (bias == FS_FRONT_PS) {
        return fabs(value_of(data, "ps", "all", column) - 50);
    }
    const char *subset = fs_front_subset(data);
    double before = value_of(data, "gap", subset, 0);
    return before > 0 ? value_of(data, "gap", subset, column) / before : NAN;
}

double fs_front_kept(const struct fs_page_data *data, enum fs_front_kept kept, size_t column)
{
    return kept == FS_FRONT_RS ? value_of(data, "rs.top1", "all", column)
                               : value_of(data, "ds", "all", column) - value_of(data, "ds", "all", 0);
}

bool fs_front_has_bias(const struct fs_page_data *data, enum fs_front_bias bias)
{
    size_t edits = 0;
    for (size_t c = 1; c < data->result.columns; c++) {
        edits += isfinite(fs_front_bias(data, bias, c)) ? 1 : 0;
    }
    return edits > 1;
}

bool fs_front_has_kept(const struct fs_page_data *data, enum fs_front_kept kept)
{
    size_t edits = 0;
    for (size_t c = 1; c < data->result.columns; c++) {
        edits += isfinite(fs_front_kept(data, kept, c)) ? 1 : 0;
    }
    return edits > 1;
}

bool fs_front_is_there(const struct fs_page_data *data)
{
    return (fs_front_has_bias(data, FS_FRONT_GAP) || fs_front_has_bias(data, FS_FRONT_PS)) &&
           (fs_front_has_kept(data, FS_FRONT_RS) || fs_front_has_kept(data, FS_FRONT_DS));
}

bool fs_front_is_best(const struct fs_page_data *data, enum fs_front_bias bias, enum fs_front_kept kept, size_t column)
{
    double own_bias = fs_front_bias(data, bias, column), own_kept = fs_front_kept(data, kept, column);
    for (size_t c = 0; c < data->result.columns; c++) {
        double other_bias = fs_front_bias(data, bias, c), other_kept = fs_front_kept(data, kept, c);
        if (other_bias <= own_bias && other_kept >= own_kept && (other_bias < own_bias || other_kept > own_kept)) {
            return false;
        }
    }
    return isfinite(own_bias) && isfinite(own_kept);
}
