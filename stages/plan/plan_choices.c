#include "stages/plan/plan_choices.h"

#include <string.h>

size_t fs_choices_count(const struct fs_plan *plan, const struct fs_plan_unit *unit)
{
    size_t reads = unit->reads.first[unit->reads.rows], tokens = reads, count;
    for (size_t i = 0; i < reads; i++) {
        (void)fs_plan_read_choice(plan, unit->read_index[i], &count);
        tokens += count;
    }
    return tokens;
}

void fs_choices_add(const struct fs_plan *plan, const struct fs_plan_unit *unit, size_t *first, int32_t *token,
                    struct fs_reads *reads)
{
    const struct fs_reads *own = &unit->reads;
    size_t next = 0, count;
    for (size_t row = 0; row < own->rows; row++) {
        size_t begin = own->first[row], end = own->first[row + 1];
        first[row] = next;
        memcpy(token + next, own->token + begin, (end - begin) * sizeof *token);
        next += end - begin;
        for (size_t i = begin; i < end; i++) {
            const int32_t *choice = fs_plan_read_choice(plan, unit->read_index[i], &count);
            if (count > 0) {
                memcpy(token + next, choice, count * sizeof *token);
            }
            next += count;
        }
    }
    first[own->rows] = next;
    *reads = (struct fs_reads){own->rows, own->row, first, token, NULL};
}

int32_t fs_choices_best(const struct fs_plan *plan, size_t read, const fs_real *x, int32_t top1)
{
    size_t count, at = 0;
    const int32_t *token = fs_plan_read_choice(plan, read, &count);
    for (size_t i = 1; i < count; i++) {
        at = x[token[i]] > x[token[at]] ? i : at;
    }
    return count > 0 ? token[at] : top1;
}

int32_t fs_largest(const fs_real *x, size_t count)
{
    size_t at = 0;
    for (size_t i = 1; i < count; i++) {
        at = x[i] > x[at] ? i : at;
    }
    return (int32_t)at;
}
