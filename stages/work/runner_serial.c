#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "stages/work/runner.h"

/* Where the results of units go. */
struct places {
    void *(*of)(const void *context, size_t unit); /* NULL: the work has no results */
    const void *context;
};

/* Units first .. last-1: all of them, or those with mine[unit] != 0. */
struct units {
    const unsigned char *mine; /* [units of the work]; NULL: all */
    size_t first, last;
};

/*
 * Runs units on the threads of the runner. After a failure no further unit starts; of the units that failed the lowest
 * tells its error, so that one bad unit gives the same error every time.
 */
static int run_units(const struct fs_runner *runner, const struct fs_work *work, struct units units,
                     struct places places, struct fs_error *err)
{
    size_t failed = units.last;
    bool any = false;

#pragma omp parallel for schedule(dynamic, 1) num_threads((int)runner->threads)
    for (size_t unit = units.first; unit < units.last; unit++) {
        bool stop;
#pragma omp atomic read
        stop = any;
        if (stop || (units.mine != NULL && units.mine[unit] == 0)) {
            continue;
        }
        struct fs_error mistake = FS_ERROR_INIT;
        void *result = places.of != NULL ? places.of(places.context, unit) : NULL;
        if (work->run(work->context, (size_t)omp_get_thread_num(), unit, result, &mistake) != 0) {
#pragma omp atomic write
            any = true;
#pragma omp critical(fs_runner_serial_error)
            if (unit < failed) {
                failed = unit;
                if (err != NULL) {
                    *err = mistake;
                }
            }
        }
    }
    return any ? -1 : 0;
}

struct result_places {
    unsigned char *results;
    const size_t *offset; /* [units + 1] */
};

static void *place_result(const void *context, size_t unit)
{
    const struct result_places *places = context;
    return places->results + places->offset[unit];
}

static int map(struct fs_runner *runner, const struct fs_work *work, const char *checkpoint, unsigned char *results,
               struct fs_error *err)
{
    (void)checkpoint; /* one process that is not asked to stop has nothing to save */
    const struct units all = {NULL, 0, work->units};
    if (work->result_bytes == NULL) {
        return run_units(runner, work, all, (struct places){NULL, NULL}, err);
    }
    size_t *offset = fs_allocate(work->units + 1, sizeof *offset, "offsets of results", err);
    if (offset == NULL) {
        return -1;
    }
    for (size_t unit = 0; unit < work->units; unit++) {
        offset[unit + 1] = offset[unit] + work->result_bytes(work->context, unit);
    }
    const struct result_places places = {results, offset};
    int status = run_units(runner, work, all, (struct places){place_result, &places}, err);
    free(offset);
    return status;
}

static int claim(struct fs_runner *runner, const struct fs_work *work, const struct fs_work *sums, unsigned char *mine,
                 struct fs_error *err)
{
    (void)sums;
    memset(mine, 1, work->units);
    return run_units(runner, work, (struct units){NULL, 0, work->units}, (struct places){NULL, NULL}, err);
}

#define SUM_WINDOW 32 /* vectors that are held at once */

struct vector_places {
    unsigned char *vector; /* [SUM_WINDOW][bytes] */
    size_t bytes;
};

static void *place_vector(const void *context, size_t unit)
{
    const struct vector_places *places = context;
    return places->vector + (unit % SUM_WINDOW) * places->bytes;
}

static int sum(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine,
               struct fs_sum_shape shape, void *total, struct fs_error *err)
{
    size_t window = work->units < SUM_WINDOW ? work->units : SUM_WINDOW;
    size_t numbers;
    shape.length += shape.tail; /* the share is all */
    memset(total, 0, shape.length * shape.size);
    if (fs_multiply(window, shape.length, &numbers) != 0) {
        return fs_error_set(err, FS_EXIT_OS, "sum: %zu vectors of %zu numbers do not fit in memory", window,
                            shape.length);
    }
    const struct vector_places places = {fs_allocate_aligned(numbers, shape.size, "vectors to be summed", err),
                                         shape.length * shape.size};
    if (places.vector == NULL) {
        return -1;
    }
    int status = 0;
    for (size_t first = 0; status == 0 && first < work->units; first += SUM_WINDOW) {
        size_t last = work->units - first < SUM_WINDOW ? work->units : first + SUM_WINDOW;
        status =
            run_units(runner, work, (struct units){mine, first, last}, (struct places){place_vector, &places}, err);
        for (size_t unit = first; status == 0 && unit < last; unit++) {
            fs_runner_add(shape.size, total, place_vector(&places, unit), shape.length, unit == 0);
        }
    }
    free(places.vector);
    return status;
}

static int broadcast(struct fs_runner *runner, void *data, size_t bytes, struct fs_error *err)
{
    (void)runner, (void)data, (void)bytes, (void)err;
    return 0;
}

static int agree(struct fs_runner *runner, int status, struct fs_error *err)
{
    (void)runner, (void)err;
    return status == 0 ? 0 : -1;
}

static bool stop_requested(struct fs_runner *runner)
{
    (void)runner;
    return false;
}

int fs_runner_serial_create(size_t threads, struct fs_runner **runner, struct fs_error *err)
{
    static const struct fs_runner_operations operations = {map,   claim,          sum,  broadcast,
                                                           agree, stop_requested, NULL, NULL};
    *runner = fs_allocate(1, sizeof **runner, "a runner", err);
    if (*runner == NULL) {
        return -1;
    }
    **runner =
        (struct fs_runner){.operations = &operations, .rank = 0, .ranks = 1, .threads = threads > 0 ? threads : 1};
    return 0;
}
