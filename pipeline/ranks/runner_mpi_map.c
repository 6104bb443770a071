/* Map and claim over MPI ranks: units by a counter, results to the root, partial results saved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/console/log.h"
#include "io/console/progress.h"
#include "pipeline/ranks/checkpoint.h"
#include "pipeline/ranks/runner_mpi_private.h"
#include "pipeline/ranks/sharing.h"
#include "pipeline/ranks/stop.h"
#include "pipeline/ranks/taking.h"
#include "pipeline/ranks/watch.h"
#include "results/stage_files.h"

#define PIECE ((size_t)4 << 20)         /* bytes of a result in one message */
#define UNSENT_LIMIT ((size_t)64 << 20) /* a rank takes no new unit while more than this waits for the root */
#define POLL_SECONDS 1e-3
#define HURRY_SECONDS 1.0 /* between saves of a job that may be ended any moment */
#define END_OF_RESULTS (-1)

struct message_header {
    int64_t unit;   /* END_OF_RESULTS: the last message of a rank, followed by a struct fs_error */
    int64_t offset; /* of the bytes after the header in the unit's result */
    int64_t failed; /* of the last message */
    int64_t spare;  /* keeps the bytes that follow aligned for any number */
};

/* A finished result on its way to the root; the result's bytes follow the struct. */
struct outgoing {
    struct outgoing *next;
    size_t unit, bytes, sent;
    struct message_header header;
};

/* One call of map or claim on one rank. */
struct mapping {
    struct runner_mpi *runner;
    const struct fs_work *work;
    char *part;          /* path of the partial results, NULL: none */
    unsigned char *done; /* [units] 1 once the root has the result (elsewhere: what was resumed) */
    size_t done_count, bytes;
    size_t saved_count;     /* root: of them, those in the partial file */
    unsigned char *results; /* root: [bytes] */
    size_t *offset;         /* [units + 1] */
    struct fs_taking taking;
    const struct fs_work *sums; /* claim: whose costs share the units out; NULL: the counter does */
    unsigned char *mine;        /* claim: [units] */
    struct fs_error failure;
    int failed; /* lowest failing rank known here, or ranks */
    /* other ranks than the root */
    struct outgoing *first, *last;
    size_t unsent;
    MPI_Request sending;
    /* root */
    unsigned char *buffer;
    unsigned char *heard_end; /* [ranks] 1 where the end message came in */
    size_t ends;              /* so many */
    double heard, told;       /* when the last message came; seconds of silence at the last line about it */
};

static bool is_root(const struct mapping *m)
{
    return m->runner->base.rank == 0;
}

static size_t result_bytes(const struct mapping *m, size_t unit)
{
    return m->offset[unit + 1] - m->offset[unit];
}

static struct fs_partial partial_of(const struct mapping *m)
{
    const struct runner_mpi *runner = m->runner;
    return (struct fs_partial){runner->job, runner->settings, m->work->name, m->work->units,
                               m->bytes,    m->done,          m->results};
}

static void release(struct mapping *m)
{
    while (m->first != NULL) {
        struct outgoing *next = m->first->next;
        free(m->first);
        m->first = next;
    }
    free(m->part);
    free(m->done);
    free(m->offset);
    free(m->taking.remaining);
    free(m->taking.owner);
    free(m->buffer);
    free(m->heard_end);
}

static int prepare(struct mapping *m, const char *checkpoint, struct fs_error *err)
{
    size_t units = m->work->units;
    m->done = fs_allocate(units, 1, "the list of finished units", err);
    m->offset = fs_allocate(units + 1, sizeof *m->offset, "offsets of results", err);
    m->taking.remaining = fs_allocate(units, sizeof *m->taking.remaining, "the list of units", err);
    if (m->done == NULL || m->offset == NULL || m->taking.remaining == NULL) {
        return -1;
    }
    for (size_t unit = 0; unit < units; unit++) {
        size_t bytes =
            m->mine == NULL && m->work->result_bytes != NULL ? m->work->result_bytes(m->work->context, unit) : 0;
        if (__builtin_add_overflow(m->offset[unit], bytes, &m->offset[unit + 1])) {
            return fs_error_memory(err, SIZE_MAX, "results");
        }
    }
    m->bytes = m->offset[units];
    if (is_root(m)) {
        m->buffer = fs_allocate_aligned(PIECE + sizeof(struct message_header), 1, "incoming results", err);
        m->heard_end = fs_allocate(m->runner->base.ranks, 1, "the list of ranks that have ended", err);
        if (m->buffer == NULL || m->heard_end == NULL) {
            return -1;
        }
    }
    if (checkpoint != NULL && m->runner->folder != NULL &&
        asprintf(&m->part, "%s/%s.part.h5", m->runner->folder, checkpoint) < 0) {
        m->part = NULL;
        return fs_error_memory(err, strlen(checkpoint), "a path");
    }
    return 0;
}

/*
 * Whether this rank has the root's units: it may see other files on its node, and would take units that are none of the
 * root's, or wait for those that never come.
 */
static int compare_units(const struct mapping *m, struct fs_error *err)
{
    uint64_t own[2] = {m->work->units, m->bytes}, roots[2] = {own[0], own[1]};
    fs_mpi_broadcast(roots, sizeof roots, 0, m->runner->communicator);
    if (memcmp(own, roots, sizeof own) == 0) {
        return 0;
    }
    return fs_error_set(
        err, FS_EXIT_DATA,
        "%s: this rank has %zu units with %zu bytes of results, the root %zu with %zu; do all nodes see "
        "the same job file, data and model?",
        m->work->name, (size_t)own[0], (size_t)own[1], (size_t)roots[0], (size_t)roots[1]);
}

/* claim: the same answer on all ranks, whose costs are the same. */
static int share_units(struct mapping *m, struct fs_error *err)
{
    size_t units = m->work->units;
    if (m->sums == NULL) {
        return 0;
    }
    double *cost = fs_allocate(units, sizeof *cost, "the costs of units", err);
    m->taking.owner = fs_allocate(units, sizeof *m->taking.owner, "the owners of units", err);
    int status = cost == NULL || m->taking.owner == NULL ? -1 : 0;
    for (size_t unit = 0; status == 0 && unit < units; unit++) {
        struct fs_cost all;
        m->sums->cost(m->sums->context, unit, &all);
        cost[unit] = all.flops;
    }
    if (status == 0) {
        status = fs_share_units(cost, units, m->runner->threads, m->runner->base.ranks, m->taking.owner, err);
    }
    free(cost);
    return status;
}

/* What an earlier run has saved, to all ranks; and the counter back to 0. */
static int resume(struct mapping *m, struct fs_error *err)
{
    int status = 0;
    if (is_root(m)) {
        fs_counter_reset(&m->runner->counter);
        if (m->part != NULL) {
            bool loaded;
            struct fs_error reason = FS_ERROR_INIT;
            const struct fs_partial partial = partial_of(m);
            status = fs_checkpoint_load(m->part, &partial, &loaded, &reason);
            if (status == 0 && reason.code != 0) {
                status = fs_stage_move_aside(m->part, "what it held is done again", &reason);
            }
            if (status != 0) {
                *err = reason;
            }
        }
    }
    if (fs_runner_agree(&m->runner->base, status, err) != 0) {
        return -1;
    }
    fs_mpi_broadcast(m->done, m->work->units, 0, m->runner->communicator);
    for (size_t unit = 0; unit < m->work->units; unit++) {
        if (m->done[unit] != 0) {
            m->done_count++;
        } else {
            m->taking.remaining[m->taking.remaining_count++] = unit;
        }
    }
    m->saved_count = m->done_count;
    return 0;
}

/* No rank takes another unit. */
static void end_for_all(struct mapping *m)
{
    if (!m->taking.ended) {
        fs_taking_end(&m->taking);
        m->taking.ended = true;
    }
}

static void fail(struct mapping *m, int rank, const struct fs_error *err)
{
    if (rank < m->failed) {
        m->failed = rank;
        m->failure = *err;
        fs_mpi_place_error(&m->failure, m->runner->communicator);
    }
}

static struct outgoing *create_outgoing(size_t unit, size_t bytes, struct fs_error *err)
{
    size_t all;
    struct outgoing *out = NULL;
    if (__builtin_add_overflow(sizeof *out, bytes, &all)) {
        fs_error_memory(err, SIZE_MAX, "a result");
        return NULL;
    }
    out = fs_allocate_aligned(all, 1, "a result", err);
    if (out != NULL) {
        *out = (struct outgoing){.unit = unit, .bytes = bytes};
    }
    return out;
}

/* NULL without an error where the result is empty. */
static void *place_for(struct mapping *m, size_t unit, struct fs_error *err)
{
    size_t bytes = result_bytes(m, unit);
    if (bytes == 0) {
        return NULL;
    }
    if (is_root(m)) {
        return m->results + m->offset[unit];
    }
    struct outgoing *out = create_outgoing(unit, bytes, err);
    return out == NULL ? NULL : out + 1;
}

/*
 * A unit more than there are threads keeps them busy while the next one is fetched; towards the end it would wait here
 * while another rank has nothing to do.
 */
static bool has_room(const struct mapping *m)
{
    const struct fs_pool *pool = m->runner->pool;
    return fs_pool_has_room(pool) && (fs_taking_many(&m->taking) || fs_pool_inside(pool) < m->runner->base.threads);
}

/* Fills the pool. */
static void take_units(struct mapping *m)
{
    struct fs_pool *pool = m->runner->pool;
    size_t unit;
    if (fs_stop_asked()) {
        end_for_all(m);
    }
    while (!m->taking.ended && has_room(m) && m->unsent < UNSENT_LIMIT && fs_taking_next(&m->taking, &unit)) {
        struct fs_error err = FS_ERROR_INIT;
        void *place = place_for(m, unit, &err);
        if (err.code != 0) {
            fail(m, (int)m->runner->base.rank, &err);
            end_for_all(m);
            break;
        }
        fs_pool_put(pool, m->work, unit, place);
        fs_log("%s: unit %zu taken", m->work->name, unit);
    }
}

static void mark_done(struct mapping *m, size_t unit)
{
    m->done_count += m->done[unit] == 0;
    m->done[unit] = 1;
}

static void finish_unit(struct mapping *m, const struct fs_pool_item *item, struct fs_error *err)
{
    struct outgoing *out = NULL;
    if (!is_root(m) && item->result != NULL) {
        out = (struct outgoing *)item->result - 1;
    }
    int status = item->status;
    if (status == 0 && !is_root(m) && out == NULL) {
        out = create_outgoing(item->unit, 0, err);
        status = out == NULL ? -1 : 0;
    }
    if (status != 0) {
        fail(m, (int)m->runner->base.rank, err);
        end_for_all(m);
        free(out);
        return;
    }
    fs_log("%s: unit %zu done", m->work->name, item->unit);
    if (m->mine != NULL) {
        m->mine[item->unit] = 1;
    }
    if (is_root(m)) {
        mark_done(m, item->unit);
        return;
    }
    m->unsent += out->bytes;
    if (m->last != NULL) {
        m->last->next = out;
    } else {
        m->first = out;
    }
    m->last = out;
}

/* Moves the queue of results towards the root, one message in flight. */
static void send_results(struct mapping *m)
{
    for (;;) {
        if (m->sending != MPI_REQUEST_NULL) {
            int sent;
            MPI_Test(&m->sending, &sent, MPI_STATUS_IGNORE);
            if (!sent) {
                return;
            }
            struct outgoing *out = m->first;
            if (out->sent == out->bytes) {
                m->unsent -= out->bytes;
                m->first = out->next;
                m->last = m->first == NULL ? NULL : m->last;
                free(out);
            }
        }
        struct outgoing *out = m->first;
        if (out == NULL) {
            return;
        }
        /* the header of a later piece overwrites the end of the piece before, which has been sent */
        unsigned char *message = (unsigned char *)(out + 1) + out->sent - sizeof out->header;
        size_t piece = out->bytes - out->sent < PIECE ? out->bytes - out->sent : PIECE;
        struct message_header header = {.unit = (int64_t)out->unit, .offset = (int64_t)out->sent};
        memcpy(message, &header, sizeof header);
        MPI_Isend(message, (int)(sizeof header + piece), MPI_BYTE, 0, FS_TAG_RESULT, m->runner->communicator,
                  &m->sending);
        out->sent += piece;
    }
}

/* Root: takes in what has arrived. */
static void receive_results(struct mapping *m)
{
    for (;;) {
        int there;
        MPI_Message message;
        MPI_Status status;
        MPI_Improbe(MPI_ANY_SOURCE, FS_TAG_RESULT, m->runner->communicator, &there, &message, &status);
        if (!there) {
            return;
        }
        int count;
        struct message_header header;
        MPI_Get_count(&status, MPI_BYTE, &count);
        MPI_Mrecv(m->buffer, count, MPI_BYTE, &message, MPI_STATUS_IGNORE);
        memcpy(&header, m->buffer, sizeof header);
        m->heard = fs_seconds();
        m->told = 0;
        const unsigned char *bytes = m->buffer + sizeof header;
        size_t length = (size_t)count - sizeof header;
        if (header.unit == END_OF_RESULTS) {
            m->ends++;
            m->heard_end[status.MPI_SOURCE] = 1;
            if (header.failed) {
                struct fs_error err;
                memcpy(&err, bytes, sizeof err);
                fail(m, status.MPI_SOURCE, &err);
            }
            continue;
        }
        size_t unit = (size_t)header.unit, offset = (size_t)header.offset;
        if (length > 0) {
            memcpy(m->results + m->offset[unit] + offset, bytes, length);
        }
        if (offset + length == result_bytes(m, unit)) {
            mark_done(m, unit);
        }
    }
}

static void send_end(struct mapping *m)
{
    unsigned char message[sizeof(struct message_header) + sizeof(struct fs_error)];
    struct message_header header = {.unit = END_OF_RESULTS, .failed = m->failed < (int)m->runner->base.ranks};
    memcpy(message, &header, sizeof header);
    memcpy(message + sizeof header, &m->failure, sizeof m->failure);
    MPI_Request request;
    MPI_Isend(message, sizeof message, MPI_BYTE, 0, FS_TAG_RESULT, m->runner->communicator, &request);
    fs_mpi_wait(&request, "MPI_Isend");
}

static int save(struct mapping *m, struct fs_error *err)
{
    double begin = fs_seconds();
    const struct fs_partial partial = partial_of(m);
    int status = fs_checkpoint_save(m->part, &partial, err);
    fs_save_note(&m->runner->clock, begin, fs_seconds());
    if (status == 0) {
        m->saved_count = m->done_count;
        fs_log("%s: saved %zu of %zu units in %.3f s", m->work->name, m->done_count, m->work->units,
               m->runner->clock.last - begin);
    }
    return status;
}

static void save_now_and_then(struct mapping *m)
{
    const struct fs_save_clock *clock = &m->runner->clock;
    double now = fs_seconds();
    if (m->part == NULL || m->done_count == m->saved_count || m->done_count == m->work->units) {
        return;
    }
    bool hurry =
        fs_watch_node_is_silent() || fs_stop_asked(); /* the launcher may kill before the last units are done */
    if (hurry ? now - clock->last < HURRY_SECONDS
              : !fs_save_waited(clock, now) || !fs_save_affordable(clock, fs_save_guess(m->bytes), now)) {
        return;
    }
    struct fs_error err = FS_ERROR_INIT;
    if (save(m, &err) != 0) {
        fs_warn("partial results cannot be saved, the work goes on: %s", err.text);
    }
}

/* Root, with nothing left to do: names the ranks that it waits for, seldom. They may compute long units. */
static void tell_of_silence(struct mapping *m)
{
    double limit = fs_watch_seconds(), silence = fs_seconds() - m->heard;
    if (!(limit > 0) || silence < limit || silence < 2 * m->told) {
        return;
    }
    char names[128] = "";
    size_t silent = m->runner->base.ranks - 1 - m->ends;
    for (size_t rank = 1, used = 0; rank < m->runner->base.ranks && used + 16 < sizeof names; rank++) {
        if (m->heard_end[rank] == 0) {
            used += (size_t)snprintf(names + used, sizeof names - used, " %zu", rank);
        }
    }
    fs_warn("%s: for %.0f s nothing has come from %zu rank%s:%s; long units, or a rank that hangs; the job goes on "
            "waiting",
            m->work->name, silence, silent, silent == 1 ? "" : "s", names);
    m->told = silence;
}

/* Until every unit is done, or all ranks have ended for another reason. */
static void work_through(struct mapping *m)
{
    struct fs_pool *pool = m->runner->pool;
    size_t others = m->runner->base.ranks - 1;
    m->heard = fs_seconds();
    for (;;) {
        take_units(m);
        struct fs_pool_item item;
        struct fs_error err = FS_ERROR_INIT;
        /* without a unit of its own the root still looks after the others, and a sender after its messages */
        for (double wait = POLL_SECONDS; fs_pool_take(pool, wait, &item, &err); wait = 0) {
            finish_unit(m, &item, &err);
            take_units(m);
        }
        bool idle = m->taking.ended && fs_pool_inside(pool) == 0;
        if (is_root(m)) {
            fs_counter_serve(&m->runner->counter);
            receive_results(m);
            fs_progress_update(m->done_count);
            save_now_and_then(m);
            if (idle && m->ends == others) {
                return;
            }
            if (idle) {
                tell_of_silence(m);
            }
        } else {
            send_results(m);
            if (idle && m->first == NULL) {
                send_end(m);
                return;
            }
        }
    }
}

/* Root: how it ended; 0, or the error for all. */
static int judge(struct mapping *m, struct fs_error *err)
{
    if (m->failed < (int)m->runner->base.ranks) {
        *err = m->failure;
        return -1;
    }
    if (m->done_count == m->work->units) {
        return 0;
    }
    if (m->part == NULL) {
        return fs_error_set(err, FS_EXIT_INTERRUPTED,
                            "interrupted: %s: %zu of %zu units were done and are not saved; "
                            "run the same command again",
                            m->work->name, m->done_count, m->work->units);
    }
    if (save(m, err) != 0) {
        return fs_error_prepend(err, "interrupted, and the partial results cannot be saved");
    }
    return fs_error_set(err, FS_EXIT_INTERRUPTED,
                        "interrupted: %s: %zu of %zu units are done and saved in %s; run the "
                        "same command again to go on",
                        m->work->name, m->done_count, m->work->units, m->part);
}

static int run_mapping(struct mapping *m, const char *checkpoint, struct fs_error *err)
{
    struct fs_runner *base = &m->runner->base;
    m->failed = (int)base->ranks;
    m->sending = MPI_REQUEST_NULL;
    struct fs_error own = FS_ERROR_INIT;
    fs_runner_mpi_forget_sums(m->runner);
    int status = prepare(m, checkpoint, &own);
    status = fs_runner_agree(base, status == 0 ? share_units(m, &own) : -1, &own);
    if (status == 0) {
        status = fs_runner_agree(base, compare_units(m, &own), &own);
    }
    if (status == 0) {
        status = resume(m, &own);
    }
    if (status == 0) {
        if (is_root(m)) {
            fs_progress_begin(m->work->name, m->work->units, m->done_count);
        }
        work_through(m);
        if (is_root(m)) {
            fs_progress_end(m->done_count);
            status = judge(m, &own);
        }
        status = fs_runner_agree(base, status, &own);
    }
    if (status != 0 && err != NULL) {
        *err = own;
    }
    release(m);
    return status;
}

int fs_runner_mpi_map(struct fs_runner *base, const struct fs_work *work, const char *checkpoint,
                      unsigned char *results, struct fs_error *err)
{
    struct mapping m = {.runner = (struct runner_mpi *)base,
                        .taking.runner = (struct runner_mpi *)base,
                        .work = work,
                        .results = results};
    return run_mapping(&m, checkpoint, err);
}

int fs_runner_mpi_claim(struct fs_runner *base, const struct fs_work *work, const struct fs_work *sums,
                        unsigned char *mine, struct fs_error *err)
{
    struct mapping m = {.runner = (struct runner_mpi *)base,
                        .taking.runner = (struct runner_mpi *)base,
                        .work = work,
                        .mine = mine,
                        .sums = sums};
    memset(mine, 0, work->units);
    return run_mapping(&m, NULL, err);
}
