/*
 * The computing threads of one rank. The main thread alone speaks MPI: it puts units in, waits a moment at most, takes
 * finished units out, and looks after messages in between. Local.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_POOL_H
#define FAIRSTAMP_PIPELINE_RANKS_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"
#include "stages/work/runner.h"

struct fs_pool;

/* A unit on its way through the pool. */
struct fs_pool_item {
    const struct fs_work *work;
    size_t unit;
    void *result; /* where work->run writes; NULL where the work has no results */
    int status;   /* of work->run, once finished */
};

int fs_pool_create(size_t threads, struct fs_pool **pool, struct fs_error *err);
void fs_pool_destroy(struct fs_pool *pool); /* after the items inside; takes NULL */

/* One unit more than there are threads: the next one lies ready while the main thread fetches its successor. */
bool fs_pool_has_room(const struct fs_pool *pool);
/* Items put in and not yet taken. */
size_t fs_pool_inside(const struct fs_pool *pool);
/* Call only where there is room. */
void fs_pool_put(struct fs_pool *pool, const struct fs_work *work, size_t unit, void *result);
/*
 * Takes a finished item, waiting at most `seconds` for one. False where there is none. An item with status != 0 has its
 * error in `err`, if it is the first that failed since the pool was last empty.
 */
bool fs_pool_take(struct fs_pool *pool, double seconds, struct fs_pool_item *item, struct fs_error *err);

#endif
