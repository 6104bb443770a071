#include "pipeline/ranks/taking.h"

#define PAST_THE_END ((int64_t)1 << 40) /* what a failure or a stop request adds to the counter */
#define SHARE_PARTS 4                   /* of a rank's share of what is left, one is taken at once at most */
#define UNITS_A_THREAD 4                /* likewise */

bool fs_taking_many(const struct fs_taking *taking)
{
    const struct fs_runner *base = &taking->runner->base;
    return taking->taken + 2 * base->ranks * base->threads < taking->remaining_count;
}

void fs_taking_end(struct fs_taking *taking)
{
    fs_counter_take(&taking->runner->counter, PAST_THE_END);
}

/*
 * How many numbers to take. Where each time waits for an answer, milliseconds on a slow network, as many as keep the threads
 * busy for long, but a quarter of this rank's share of what is left at most, so that all ranks end together.
 */
static size_t amount_to_take(const struct fs_taking *taking)
{
    const struct fs_runner *base = &taking->runner->base;
    if (!fs_counter_asks(&taking->runner->counter) || taking->taken >= taking->remaining_count) {
        return 1;
    }
    size_t share = (taking->remaining_count - taking->taken) / (SHARE_PARTS * base->ranks);
    size_t most =
        fs_taking_many(taking) ? UNITS_A_THREAD * base->threads : base->threads - fs_pool_inside(taking->runner->pool);
    share = share < most ? share : most;
    return share > 0 ? share : 1;
}

/* The next of the units that are this rank's. */
static bool next_owned(struct fs_taking *taking, size_t *unit)
{
    bool past_the_end = fs_counter_take(&taking->runner->counter, 0) >= PAST_THE_END;
    while (!past_the_end && taking->taken < taking->remaining_count &&
           taking->owner[taking->remaining[taking->taken]] != taking->runner->base.rank) {
        taking->taken++;
    }
    taking->ended = past_the_end || taking->taken >= taking->remaining_count;
    if (taking->ended) {
        return false;
    }
    *unit = taking->remaining[taking->taken++];
    return true;
}

bool fs_taking_next(struct fs_taking *taking, size_t *unit)
{
    if (taking->owner != NULL) {
        return next_owned(taking, unit);
    }
    if (taking->held == taking->held_end) {
        size_t amount = amount_to_take(taking);
        int64_t first = fs_counter_take(&taking->runner->counter, (int64_t)amount);
        if (first >= (int64_t)taking->remaining_count) {
            taking->ended = true;
            return false;
        }
        taking->held = (size_t)first;
        taking->held_end =
            taking->held + amount < taking->remaining_count ? taking->held + amount : taking->remaining_count;
        taking->taken = taking->held_end;
    }
    *unit = taking->remaining[taking->held++];
    return true;
}
