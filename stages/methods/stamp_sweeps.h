/* What the works of a training step do with one unit (stamp_step.c hands them out). Private to the stamp's files. */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_SWEEPS_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_SWEEPS_H

#include "stages/methods/stamp_trainer.h"

/* What a unit reports beside its gradient: the terms, and its share of each category's SS. */
static inline size_t fs_stamp_values(const struct fs_stamp_step *step)
{
    return FS_VALUE_COUNT + step->now->units.categories;
}

/* Bytes of what a unit keeps of the unedited model, and of its forward pass, which waits in a slot. */
size_t fs_stamp_cache_bytes(const struct fs_stamp_step *step, const struct fs_stamp_unit *unit);
double fs_stamp_tape_bytes(const struct fs_stamp_step *step, const struct fs_stamp_unit *unit);

/* Functions of struct fs_work; context: the step. Units: all of them; those that are cut, from step->first on; those of
 * the part, behind the sum of the parts before it where there are some. */
int fs_stamp_fill_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err);
int fs_stamp_measure_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err);
int fs_stamp_first_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err);
int fs_stamp_second_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err);
int fs_stamp_first_again(void *context, size_t thread, size_t number, struct fs_error *err);
void fs_stamp_fill_cost(const void *context, size_t unit, struct fs_cost *cost);
void fs_stamp_first_cost(const void *context, size_t number, struct fs_cost *cost);
void fs_stamp_second_cost(const void *context, size_t number, struct fs_cost *cost);
void fs_stamp_whole_cost(const void *context, size_t unit, struct fs_cost *cost); /* of both sweeps */

void fs_stamp_bench_release(struct fs_stamp_bench *bench); /* takes a zeroed struct */

#endif
