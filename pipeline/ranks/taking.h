/* Which units a rank takes next, in a map or a claim over MPI ranks. Local, but that the counter asks the root. */
#ifndef FAIRSTAMP_PIPELINE_RANKS_TAKING_H
#define FAIRSTAMP_PIPELINE_RANKS_TAKING_H

#include "pipeline/ranks/runner_mpi_private.h"

struct fs_taking {
    struct runner_mpi *runner;
    size_t *remaining; /* [remaining_count] units to hand out */
    size_t remaining_count;
    size_t taken; /* so many numbers of the counter were given out when this rank last got some; with owners, the
                            * first place of `remaining` that this rank has not looked at */
    size_t held, held_end; /* of those that it got, the ones whose units it has not begun */
    size_t *owner;         /* [units] the rank that has each; NULL: the counter gives them */
    bool ended;            /* nothing more to take */
};

/* Whether there is more for every thread of all ranks than the next two units. */
bool fs_taking_many(const struct fs_taking *taking);
/* The next unit for this rank; false where there is none left, and `ended` is set. */
bool fs_taking_next(struct fs_taking *taking, size_t *unit);
/* Nobody gets another unit: after a failure or a stop request. */
void fs_taking_end(struct fs_taking *taking);

#endif
