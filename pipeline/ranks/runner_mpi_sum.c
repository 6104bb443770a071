#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "pipeline/ranks/runner_mpi_private.h"
#include "pipeline/ranks/watch.h"
#include "pipeline/ranks/window.h"

#define NO_RANK (-1)

#define REAL_TYPE (sizeof(fs_real) == sizeof(float) ? MPI_FLOAT : MPI_DOUBLE)

/* The part of a block of `length` numbers that `rank` sums. */
static size_t piece_begin(size_t length, int rank, int ranks)
{
    return length / (size_t)ranks * (size_t)rank +
           (length % (size_t)ranks < (size_t)rank ? length % (size_t)ranks : (size_t)rank);
}

static size_t piece_length(size_t length, int rank, int ranks)
{
    return piece_begin(length, rank + 1, ranks) - piece_begin(length, rank, ranks);
}

/* All that one sum needs; arrays are freed by release(). */
struct summation {
    struct runner_mpi *runner;
    int rank, ranks;
    size_t units, length;
    size_t threads;           /* of the rank that has most */
    size_t *owner;            /* [units] */
    size_t *held;             /* [ranks] */
    fs_real *vectors;         /* (own units of a window, length) */
    fs_real *sent, *received; /* one block: [rank][own units][piece], [owner][its units][own piece] */
    int *send_count, *send_begin, *receive_count, *receive_begin; /* [ranks] */
};

static void release(struct summation *s)
{
    free(s->owner);
    free(s->held);
    free(s->vectors);
    free(s->sent);
    free(s->received);
    free(s->send_count);
}

/* Who keeps which unit: the same answer on all ranks. */
static int find_owners(struct summation *s, const unsigned char *mine, struct fs_error *err)
{
    int *keepers = fs_allocate(2 * s->units + 1, sizeof *keepers, "the owners of units", err);
    s->owner = fs_allocate(s->units, sizeof *s->owner, "the owners of units", err);
    s->held = fs_allocate((size_t)s->ranks, sizeof *s->held, "the owners of units", err);
    int status = keepers == NULL || s->owner == NULL || s->held == NULL ? -1 : 0;
    if (fs_runner_agree(&s->runner->base, status, err) != 0) {
        free(keepers);
        return -1;
    }
    int *owner = keepers + s->units; /* followed by the threads */
    for (size_t unit = 0; unit < s->units; unit++) {
        keepers[unit] = mine[unit] != 0;
        owner[unit] = mine[unit] != 0 ? s->rank : NO_RANK;
    }
    owner[s->units] = (int)s->runner->base.threads;
    if (s->ranks > 1) {
        fs_watch_patiently("MPI_Allreduce");
        MPI_Allreduce(MPI_IN_PLACE, keepers, (int)s->units, MPI_INT, MPI_SUM, s->runner->communicator);
        MPI_Allreduce(MPI_IN_PLACE, owner, (int)s->units + 1, MPI_INT, MPI_MAX, s->runner->communicator);
        fs_watch_end();
    }
    s->threads = (size_t)owner[s->units];
    for (size_t unit = 0; status == 0 && unit < s->units; unit++) {
        s->owner[unit] = (size_t)owner[unit];
        if (keepers[unit] != 1) {
            status = fs_error_set(err, FS_EXIT_SOFTWARE, "sum: unit %zu is kept by %d ranks, expected 1", unit,
                                  keepers[unit]);
        }
    }
    free(keepers);
    return status;
}

static size_t units_of(const struct summation *s, int rank, size_t first, size_t last)
{
    size_t count = 0;
    for (size_t unit = first; unit < last; unit++) {
        count += s->owner[unit] == (size_t)rank;
    }
    return count;
}

static size_t window_end(const struct summation *s, size_t first)
{
    return fs_sum_window(s->owner, s->units, first, (size_t)s->ranks, s->threads, s->held);
}

static int prepare(struct summation *s, struct fs_error *err)
{
    size_t widest = 0, longest = 0; /* own units of a window, and all */
    for (size_t first = 0, last; first < s->units; first = last) {
        last = window_end(s, first);
        size_t count = units_of(s, s->rank, first, last);
        widest = count > widest ? count : widest;
        longest = last - first > longest ? last - first : longest;
    }
    size_t block = s->length < FS_SUM_BLOCK ? s->length : FS_SUM_BLOCK;
    size_t own = piece_length(block, 0, s->ranks); /* the longest piece */
    size_t numbers;
    s->send_count = fs_allocate(4 * (size_t)s->ranks, sizeof *s->send_count, "counts of a sum", err);
    if (s->send_count == NULL) {
        return -1;
    }
    s->send_begin = s->send_count + s->ranks;
    s->receive_count = s->send_begin + s->ranks;
    s->receive_begin = s->receive_count + s->ranks;
    if (fs_multiply(widest, s->length, &numbers) != 0) {
        return fs_error_memory(err, SIZE_MAX, "vectors to be summed");
    }
    s->vectors = fs_allocate_aligned(numbers, sizeof *s->vectors, "vectors to be summed", err);
    if (s->vectors == NULL || s->ranks == 1) {
        return s->vectors == NULL ? -1 : 0;
    }
    s->sent = fs_allocate_aligned(widest * block, sizeof *s->sent, "vectors to be sent", err);
    s->received = fs_allocate_aligned(longest * own, sizeof *s->received, "vectors to be summed", err);
    return s->sent == NULL || s->received == NULL ? -1 : 0;
}

/* Runs this rank's units first .. last-1 into `vectors`, one after the other. */
static int run_window(struct summation *s, const struct fs_work *work, size_t first, size_t last, struct fs_error *err)
{
    struct fs_pool *pool = s->runner->pool;
    struct fs_error failure = FS_ERROR_INIT;
    size_t own = 0;
    int status = 0;
    size_t unit = first;
    for (;;) {
        for (; unit < last && status == 0 && fs_pool_has_room(pool); unit++) {
            if (s->owner[unit] == (size_t)s->rank) {
                fs_pool_put(pool, work, unit, s->vectors + own++ * s->length);
            }
        }
        struct fs_pool_item item;
        if (fs_pool_inside(pool) == 0) {
            break;
        }
        if (fs_pool_take(pool, 1.0, &item, &failure) && item.status != 0) {
            status = -1;
        }
    }
    if (status != 0 && err != NULL) {
        *err = failure;
    }
    return status;
}

static void add(fs_real *restrict total, const fs_real *restrict vector, size_t count, bool is_first)
{
    for (size_t i = 0; i < count; i++) {
        total[i] = is_first ? vector[i] : total[i] + vector[i];
    }
}

/* Numbers begin .. begin+count-1 of the window's vectors: each rank gets its piece of all of them, and adds it to
 * `total`. */
static void exchange_block(struct summation *s, size_t first, size_t last, size_t begin, size_t count, fs_real *total)
{
    size_t own_units = units_of(s, s->rank, first, last);
    size_t own_piece = piece_length(count, s->rank, s->ranks);
    size_t sent = 0, received = 0;
    for (int rank = 0; rank < s->ranks; rank++) {
        size_t piece = piece_length(count, rank, s->ranks);
        s->send_begin[rank] = (int)sent;
        s->send_count[rank] = (int)(own_units * piece);
        for (size_t i = 0; i < own_units; i++, sent += piece) {
            memcpy(s->sent + sent, s->vectors + i * s->length + begin + piece_begin(count, rank, s->ranks),
                   piece * sizeof(fs_real));
        }
        s->receive_begin[rank] = (int)received;
        s->receive_count[rank] = (int)(units_of(s, rank, first, last) * own_piece);
        received += (size_t)s->receive_count[rank];
    }
    fs_watch_patiently("MPI_Alltoallv");
    MPI_Alltoallv(s->sent, s->send_count, s->send_begin, REAL_TYPE, s->received, s->receive_count, s->receive_begin,
                  REAL_TYPE, s->runner->communicator);
    fs_watch_end();
    fs_real *piece_total = total + begin + piece_begin(count, s->rank, s->ranks);
    for (size_t unit = first; unit < last; unit++) {
        int *next = &s->receive_begin[s->owner[unit]];
        add(piece_total, s->received + *next, own_piece, unit == 0);
        *next += (int)own_piece;
    }
}

static void gather_block(struct summation *s, size_t count, fs_real *total)
{
    for (int rank = 0; rank < s->ranks; rank++) {
        s->receive_begin[rank] = (int)piece_begin(count, rank, s->ranks);
        s->receive_count[rank] = (int)piece_length(count, rank, s->ranks);
    }
    fs_watch_patiently("MPI_Allgatherv");
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, total, s->receive_count, s->receive_begin, REAL_TYPE,
                   s->runner->communicator);
    fs_watch_end();
}

static int sum_windows(struct summation *s, const struct fs_work *work, fs_real *total, struct fs_error *err)
{
    for (size_t first = 0, last; first < s->units; first = last) {
        last = window_end(s, first);
        if (fs_runner_agree(&s->runner->base, run_window(s, work, first, last, err), err) != 0) {
            return -1;
        }
        if (s->ranks == 1) {
            for (size_t unit = first; unit < last; unit++) {
                add(total, s->vectors + (unit - first) * s->length, s->length, unit == 0);
            }
            continue;
        }
        for (size_t begin = 0; begin < s->length; begin += FS_SUM_BLOCK) {
            size_t count = s->length - begin < FS_SUM_BLOCK ? s->length - begin : FS_SUM_BLOCK;
            exchange_block(s, first, last, begin, count, total);
        }
    }
    for (size_t begin = 0; s->ranks > 1 && begin < s->length; begin += FS_SUM_BLOCK) {
        gather_block(s, s->length - begin < FS_SUM_BLOCK ? s->length - begin : FS_SUM_BLOCK, total + begin);
    }
    return 0;
}

int fs_runner_mpi_sum(struct fs_runner *base, const struct fs_work *work, const unsigned char *mine, size_t length,
                      fs_real *total, struct fs_error *err)
{
    struct runner_mpi *runner = (struct runner_mpi *)base;
    memset(total, 0, length * sizeof *total);
    if (work->units == 0 || length == 0) {
        return 0;
    }
    struct summation s = {
        .runner = runner, .rank = (int)base->rank, .ranks = (int)base->ranks, .units = work->units, .length = length};
    int status = find_owners(&s, mine, err);
    if (status == 0) {
        status = fs_runner_agree(base, prepare(&s, err), err);
    }
    if (status == 0) {
        status = sum_windows(&s, work, total, err);
    }
    release(&s);
    if (status == 0 && base->rank == 0 && runner->expected_name != NULL &&
        strcmp(work->name, runner->expected_name) == 0) {
        runner->sums++;
        fs_progress_step(work->name, runner->sums, runner->expected_sums);
    }
    return status;
}
