/* From the values of a statement's reads to its score. How a statement becomes reads: statement.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stages/plan/statement.h"

/* Correctly rounded to 3 decimals, as Python's round(x, 3): printf rounds the exact binary value. */
static double round_to_three_decimals(double x)
{
    char digits[400];
    (void)snprintf(digits, sizeof digits, "%.3f", x);
    return strtod(digits, NULL);
}

static double sum_of_logs(const struct fs_statement *statement, const struct fs_plan_values *values, size_t column)
{
    double sum = 0.0;
    for (size_t i = 0; i < statement->count; i++) {
        sum += fs_values_logprob(values, column, statement->read[i]);
    }
    return sum;
}

double fs_statement_score(const struct fs_statement *statement, const struct fs_plan_values *values, size_t column)
{
    if (statement->skip != FS_KEPT) {
        return NAN;
    }
    if (statement->scoring == FS_TARGET_PROB) {
        double sum = 0.0;
        for (size_t i = 0; i < statement->count; i++) {
            sum += exp(fs_values_logprob(values, column, statement->read[i]));
        }
        return sum / (double)statement->count;
    }
    double log_score = fs_statement_log(statement, values, column);
    return fs_scoring_is_probability(statement->scoring) ? exp(log_score) : log_score;
}

double fs_statement_log(const struct fs_statement *statement, const struct fs_plan_values *values, size_t column)
{
    if (statement->skip != FS_KEPT) {
        return NAN;
    }
    double sum = sum_of_logs(statement, values, column), count = (double)statement->count;
    switch (statement->scoring) {
    case FS_TARGET_PROB: { /* log of a mean of probabilities, the largest taken out so that none vanishes */
        double largest = -INFINITY, shares = 0.0;
        for (size_t i = 0; i < statement->count; i++) {
            largest = fmax(largest, fs_values_logprob(values, column, statement->read[i]));
        }
        for (size_t i = 0; i < statement->count; i++) {
            shares += exp(fs_values_logprob(values, column, statement->read[i]) - largest);
        }
        return isnan(sum) ? NAN : largest + log(shares / count);
    }
    case FS_SENTENCE_SUM:
    case FS_CONTINUATION_SUM:
    case FS_PLL_SUM:
        return sum;
    case FS_PLL_UNMODIFIED:
        return round_to_three_decimals(sum);
    case FS_PLL_MODIFIED:
        return round_to_three_decimals(sum / count);
    default:
        return sum / count;
    }
}

size_t fs_statement_found(const struct fs_statement *statement, const struct fs_plan_values *values, size_t column)
{
    size_t found = 0;
    while (found < statement->count && fs_values_is_top1(values, column, statement->read[found])) {
        found++;
    }
    return found;
}
