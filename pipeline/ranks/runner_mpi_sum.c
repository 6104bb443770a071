/*
 * The ordered sum over MPI ranks. Each rank computes its units in ascending order; a finished vector travels at once,
 * a slice of it to each rank, while the pool computes the next ones. The owner of a slice adds in unit order what has
 * come, and takes in what lies ahead within a bound, so a rank that is early waits only once its vectors are all in use.
 *
 * No circle of waiting: the rank of the next unit to be added has no later unit in work before it, and its vectors hold
 * but earlier units, which all ranks have added.
 *
 * A rank whose unit failed, or that learns of it, computes nothing more and sends empty slices for the rest of its
 * units, so that all ranks come to the end and agree.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "pipeline/ranks/runner_mpi_private.h"
#include "pipeline/ranks/sharing.h"
#include "pipeline/ranks/watch.h"

#define POLL_SECONDS 1e-3 /* between looks at messages while the pool computes */
#define TAGS ((size_t)16384)
#define CALL "MPI_Testsome" /* in which a rank waits for slices */

/* A vector of an own unit: from its start until it has reached all ranks, and is added here. */
struct vector {
    enum { UNUSED, COMPUTED, TRAVELS } state;
    size_t unit;
};

/* All that one sum needs; arrays are freed by release(). */
struct summation {
    struct runner_mpi *runner;
    const struct fs_work *work;
    int rank, ranks;
    struct fs_sum_shape shape;
    size_t units, length, piece; /* length: of a vector, with its tail; piece: numbers of this rank's slice */
    size_t size;                 /* of a number */
    MPI_Datatype type;
    size_t *owner;         /* [units] */
    size_t *own, owned;    /* [owned] own units in ascending order */
    struct vector *vector; /* [held]; its numbers: row of runner->kept.vectors */
    MPI_Request *sent;     /* (held, ranks) */
    MPI_Request *asked;    /* [ahead] for the slice of unit u at u % ahead, as the next three */
    unsigned char *there;  /* [ahead] 1: it has come */
    int *done;             /* [ahead] of MPI_Testsome */
    MPI_Status *status;    /* [ahead] */
    size_t held, ahead;
    size_t started, next, asked_to; /* own units; units that are added, that were asked for */
    bool failed;                    /* here or elsewhere: nothing more is computed */
    int outcome;                    /* -1: a unit failed here, with */
    struct fs_error failure;
    unsigned char *slice; /* [piece] of the total */
};

/* What a rank sums: its share, the last one the tail too. */
static struct fs_share slice_of(const struct summation *s, int rank)
{
    struct fs_share share = fs_runner_share(s->shape.length, (size_t)rank, (size_t)s->ranks);
    share.count += rank == s->ranks - 1 ? s->shape.tail : 0;
    return share;
}

static void release(struct summation *s)
{
    free(s->owner);
    free(s->own);
    free(s->vector);
    free(s->sent);
    free(s->asked);
    free(s->there);
    free(s->done);
    free(s->status);
}

void fs_runner_mpi_forget_sums(struct runner_mpi *runner)
{
    free(runner->kept.vectors);
    free(runner->kept.slices);
    runner->kept = (struct sum_memory){0};
}

/* Who keeps which unit: the same answer on all ranks. */
static int find_owners(struct summation *s, const unsigned char *mine, struct fs_error *err)
{
    int *keepers = fs_allocate(2 * s->units, sizeof *keepers, "the owners of units", err);
    s->owner = fs_allocate(s->units, sizeof *s->owner, "the owners of units", err);
    s->own = fs_allocate(s->units, sizeof *s->own, "the owners of units", err);
    int status = keepers == NULL || s->owner == NULL || s->own == NULL ? -1 : 0;
    if (fs_runner_agree(&s->runner->base, status, err) != 0) {
        free(keepers);
        return -1;
    }
    int *owner = keepers + s->units;
    for (size_t unit = 0; unit < s->units; unit++) {
        keepers[unit] = mine[unit] != 0;
        owner[unit] = mine[unit] != 0 ? s->rank : 0;
    }
    if (s->ranks > 1) {
        fs_watch_patiently("MPI_Allreduce");
        MPI_Allreduce(MPI_IN_PLACE, keepers, (int)(2 * s->units), MPI_INT, MPI_SUM, s->runner->communicator);
        fs_watch_end();
    }
    for (size_t unit = 0; status == 0 && unit < s->units; unit++) {
        s->owner[unit] = (size_t)owner[unit];
        if (owner[unit] == s->rank) {
            s->own[s->owned++] = unit;
        }
        if (keepers[unit] != 1) {
            status = fs_error_set(err, FS_EXIT_SOFTWARE, "sum: unit %zu is kept by %d ranks, expected 1", unit,
                                  keepers[unit]);
        }
    }
    free(keepers);
    return status;
}

/* Room for `rows` of `bytes` bytes, of before where that is enough. */
static int keep_room(unsigned char **kept, size_t *room, size_t rows, size_t bytes, struct fs_error *err)
{
    size_t needed;
    if (fs_multiply(rows, bytes, &needed) != 0) {
        return fs_error_memory(err, SIZE_MAX, "vectors to be summed");
    }
    if (*kept == NULL || needed > *room) {
        free(*kept);
        *kept = fs_allocate_aligned(needed, 1, "vectors to be summed", err);
        *room = *kept != NULL ? needed : 0;
    }
    return *kept != NULL ? 0 : -1;
}

static int prepare(struct summation *s, struct fs_error *err)
{
    struct sum_memory *kept = &s->runner->kept;
    size_t threads = s->runner->base.threads, bytes = s->length * s->size;
    s->piece = slice_of(s, s->rank).count;
    if (s->ranks > 1 && s->length / (size_t)s->ranks >= INT_MAX - s->shape.tail) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: %zu numbers are to be summed on %d ranks, more than %d on each; take more ranks",
                            s->work->name, s->length, s->ranks, INT_MAX);
    }
    size_t most = s->runner->sum_bytes;
    s->held = fs_sum_held(s->owned, threads, bytes, most);
    s->ahead = fs_sum_ahead(s->units, (size_t)s->ranks, threads, bytes, most);
    s->vector = fs_allocate(s->held, sizeof *s->vector, "a sum", err);
    s->sent = fs_allocate(s->held * (size_t)s->ranks, sizeof(MPI_Request), "a sum", err);
    s->asked = fs_allocate(s->ahead, sizeof(MPI_Request), "a sum", err);
    s->there = fs_allocate(s->ahead, 1, "a sum", err);
    s->done = fs_allocate(s->ahead, sizeof *s->done, "a sum", err);
    s->status = fs_allocate(s->ahead, sizeof *s->status, "a sum", err);
    if (s->vector == NULL || s->sent == NULL || s->asked == NULL || s->there == NULL || s->done == NULL ||
        s->status == NULL || keep_room(&kept->vectors, &kept->vector_bytes, s->held, bytes, err) != 0 ||
        (s->ranks > 1 && keep_room(&kept->slices, &kept->slice_bytes, s->ahead, s->piece * s->size, err) != 0)) {
        return -1;
    }
    for (size_t i = 0; i < s->held * (size_t)s->ranks; i++) {
        s->sent[i] = MPI_REQUEST_NULL;
    }
    for (size_t i = 0; i < s->ahead; i++) {
        s->asked[i] = MPI_REQUEST_NULL;
    }
    return 0;
}

static unsigned char *numbers_of(const struct summation *s, const struct vector *vector)
{
    return s->runner->kept.vectors + (size_t)(vector - s->vector) * s->length * s->size;
}

static unsigned char *slice_at(const struct summation *s, size_t place)
{
    return s->runner->kept.slices + place * s->piece * s->size;
}

static MPI_Datatype type_of(size_t size)
{
    return size == sizeof(float) ? MPI_FLOAT : MPI_DOUBLE;
}

static int tag_of(size_t unit)
{
    return FS_TAG_SLICE + (int)(unit % TAGS);
}

/* A slice to each rank; `count` of the others, so that not all send to the same one. */
static void send_vector(struct summation *s, struct vector *vector, bool empty)
{
    MPI_Request *request = s->sent + (size_t)(vector - s->vector) * (size_t)s->ranks;
    vector->state = TRAVELS;
    for (int step = 1; step < s->ranks; step++) {
        int to = (s->rank + step) % s->ranks;
        const struct fs_share slice = slice_of(s, to);
        if (slice.count > 0) {
            MPI_Isend(numbers_of(s, vector) + slice.first * s->size, empty ? 0 : (int)slice.count, s->type, to,
                      tag_of(vector->unit), s->runner->communicator, &request[to]);
        }
    }
}

/* Whether `unit` may be in work: messages of two units with one tag go out in their order. */
static bool tag_is_free(const struct summation *s, size_t unit)
{
    for (size_t i = 0; i < s->held; i++) {
        if (s->vector[i].state == COMPUTED && unit >= s->vector[i].unit + TAGS) {
            return false;
        }
    }
    return true;
}

/* Own units into the pool, as long as there are vectors for them. */
static bool start_units(struct summation *s)
{
    bool moved = false;
    for (size_t i = 0; i < s->held && s->started < s->owned; i++) {
        struct vector *vector = &s->vector[i];
        size_t unit = s->own[s->started];
        if (vector->state != UNUSED || !tag_is_free(s, unit)) {
            continue;
        }
        if (!s->failed && !fs_pool_has_room(s->runner->pool)) {
            break;
        }
        *vector = (struct vector){COMPUTED, unit};
        s->started++;
        moved = true;
        if (s->failed) {
            send_vector(s, vector, true);
        } else {
            fs_pool_put(s->runner->pool, s->work, unit, numbers_of(s, vector));
        }
    }
    return moved;
}

static bool finish_units(struct summation *s, double seconds)
{
    struct fs_pool_item item;
    bool moved = false;
    while (fs_pool_take(s->runner->pool, moved ? 0 : seconds, &item, &s->failure)) {
        struct vector *vector = s->vector;
        while (vector->state != COMPUTED || vector->unit != item.unit) {
            vector++;
        }
        s->outcome = item.status != 0 ? -1 : s->outcome;
        s->failed = s->failed || item.status != 0;
        send_vector(s, vector, s->failed);
        moved = true;
    }
    return moved;
}

/* Asks for the slices of units that are not too far ahead. */
static void ask_for_slices(struct summation *s)
{
    for (; s->asked_to < s->units && s->asked_to < s->next + s->ahead; s->asked_to++) {
        size_t owner = s->owner[s->asked_to], place = s->asked_to % s->ahead;
        if (owner != (size_t)s->rank && s->piece > 0) {
            MPI_Irecv(slice_at(s, place), (int)s->piece, s->type, (int)owner, tag_of(s->asked_to),
                      s->runner->communicator, &s->asked[place]);
        }
        s->there[place] = s->piece == 0;
    }
}

static bool receive_slices(struct summation *s)
{
    int count = 0;
    MPI_Testsome((int)s->ahead, s->asked, &count, s->done, s->status);
    for (int i = 0; i < count; i++) { /* MPI_UNDEFINED is negative */
        int numbers;
        MPI_Get_count(&s->status[i], s->type, &numbers);
        s->failed = s->failed || numbers == 0;
        s->there[s->done[i]] = 1;
    }
    return count > 0;
}

/* This rank's slice of the next unit; NULL: not yet there. */
static const unsigned char *next_slice(const struct summation *s)
{
    if (s->owner[s->next] != (size_t)s->rank) {
        return s->next < s->asked_to && s->there[s->next % s->ahead] ? slice_at(s, s->next % s->ahead) : NULL;
    }
    for (size_t i = 0; i < s->held; i++) {
        if (s->vector[i].state == TRAVELS && s->vector[i].unit == s->next) {
            return numbers_of(s, &s->vector[i]) + slice_of(s, s->rank).first * s->size;
        }
    }
    return NULL;
}

static bool add_slices(struct summation *s)
{
    size_t before = s->next;
    const unsigned char *slice;
    while (s->next < s->units && (slice = next_slice(s)) != NULL) {
        if (!s->failed) {
            fs_runner_add(s->size, s->slice, slice, s->piece, s->next == 0);
        }
        s->next++;
    }
    return s->next > before;
}

/* Vectors that are added here, and have reached all ranks, are free for further units. True: none is in use. */
static bool free_vectors(struct summation *s)
{
    bool all = true;
    for (size_t i = 0; i < s->held; i++) {
        struct vector *vector = &s->vector[i];
        if (vector->state == TRAVELS && vector->unit < s->next) {
            int sent;
            MPI_Testall(s->ranks, s->sent + i * (size_t)s->ranks, &sent, MPI_STATUSES_IGNORE);
            vector->state = sent ? UNUSED : TRAVELS;
        }
        all = all && vector->state == UNUSED;
    }
    return all;
}

static void compute_and_add(struct summation *s)
{
    struct fs_pool *pool = s->runner->pool;
    struct fs_mpi_pause pause = {0};
    for (;;) {
        bool moved = start_units(s);
        ask_for_slices(s);
        moved = finish_units(s, moved ? 0 : POLL_SECONDS * (fs_pool_inside(pool) > 0)) || moved;
        moved = (s->ranks > 1 && receive_slices(s)) || moved;
        moved = add_slices(s) || moved;
        bool unused = free_vectors(s);
        if (unused && s->next == s->units) {
            break;
        }
        if (moved || fs_pool_inside(pool) > 0) {
            fs_mpi_pause_end(&pause);
        } else {
            fs_mpi_pause(&pause, CALL);
        }
    }
    fs_mpi_pause_end(&pause);
}

void fs_runner_mpi_move(struct fs_runner *base, size_t from, size_t to, void *data, size_t bytes)
{
    const struct runner_mpi *runner = (const struct runner_mpi *)base;
    unsigned char *byte = data;
    for (size_t done = 0; done < bytes; done += INT_MAX) {
        int piece = bytes - done < INT_MAX ? (int)(bytes - done) : INT_MAX;
        MPI_Request request;
        if (base->rank == from) {
            MPI_Isend(byte + done, piece, MPI_BYTE, (int)to, FS_TAG_MOVE, runner->communicator, &request);
            fs_mpi_wait(&request, "MPI_Isend");
        } else {
            MPI_Irecv(byte + done, piece, MPI_BYTE, (int)from, FS_TAG_MOVE, runner->communicator, &request);
            fs_mpi_wait(&request, "MPI_Irecv");
        }
    }
}

void fs_runner_mpi_gather(struct fs_runner *base, void *numbers, size_t length, size_t size)
{
    const struct runner_mpi *runner = (const struct runner_mpi *)base;
    int *count = runner->counts, *first = runner->counts + base->ranks;
    for (size_t rank = 0; rank < base->ranks; rank++) {
        const struct fs_share share = fs_runner_share(length, rank, base->ranks);
        if (length > runner->most_gathered) { /* MPI counts in int */
            fs_mpi_broadcast((unsigned char *)numbers + share.first * size, share.count * size, (int)rank,
                             runner->communicator);
        } else {
            first[rank] = (int)share.first;
            count[rank] = (int)share.count;
        }
    }
    if (length <= runner->most_gathered) {
        fs_watch_patiently("MPI_Allgatherv");
        MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, numbers, count, first, type_of(size), runner->communicator);
        fs_watch_end();
    }
}

/* All ranks learn whether the sum is there, and, where it is not shared out, the whole of it. */
static int finish(struct summation *s, void *total, struct fs_error *err)
{
    struct fs_error own = s->failure;
    int status = fs_runner_agree(&s->runner->base, s->outcome, &own);
    if (status != 0) {
        if (err != NULL) {
            *err = own;
        }
        return -1;
    }
    if (s->ranks > 1 && !s->shape.shared) {
        fs_runner_mpi_gather(&s->runner->base, total, s->length, s->size);
    }
    return 0;
}

int fs_runner_mpi_sum(struct fs_runner *base, const struct fs_work *work, const unsigned char *mine,
                      struct fs_sum_shape shape, void *total, struct fs_error *err)
{
    struct runner_mpi *runner = (struct runner_mpi *)base;
    struct summation s = {.runner = runner,
                          .work = work,
                          .rank = (int)base->rank,
                          .ranks = (int)base->ranks,
                          .shape = shape,
                          .units = work->units,
                          .length = shape.length + shape.tail,
                          .size = shape.size,
                          .type = type_of(shape.size)};
    const struct fs_share slice = slice_of(&s, s.rank);
    s.slice = (unsigned char *)total + (shape.shared ? 0 : slice.first * s.size);
    memset(total, 0, (shape.shared ? slice.count : s.length) * s.size);
    if (work->units == 0 || s.length == 0) {
        return 0;
    }
    int status = find_owners(&s, mine, err);
    if (base->ranks > 1) {
        status = fs_runner_agree(base, status == 0 ? prepare(&s, err) : -1, err);
    } else if (status == 0) {
        status = prepare(&s, err);
    }
    if (status == 0) {
        compute_and_add(&s);
        status = finish(&s, total, err);
    }
    release(&s);
    if (status == 0 && base->rank == 0 && !work->part && runner->expected_name != NULL &&
        strcmp(work->name, runner->expected_name) == 0) {
        runner->sums++;
        fs_progress_step(work->name, runner->sums, runner->expected_sums);
    }
    return status;
}
