#include "stages/work/runner.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int fs_runner_map(struct fs_runner *runner, const struct fs_work *work, const char *checkpoint, unsigned char *results,
                  struct fs_error *err)
{
    return runner->operations->map(runner, work, checkpoint, results, err);
}

int fs_runner_claim(struct fs_runner *runner, const struct fs_work *work, const struct fs_work *sums,
                    unsigned char *mine, struct fs_error *err)
{
    return runner->operations->claim(runner, work, sums, mine, err);
}

int fs_runner_sum(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine, size_t length,
                  fs_real *total, struct fs_error *err)
{
    const struct fs_sum_shape shape = {.length = length, .size = sizeof *total};
    return runner->operations->sum(runner, work, mine, shape, total, err);
}

int fs_runner_sum_double(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine, size_t length,
                         double *total, struct fs_error *err)
{
    const struct fs_sum_shape shape = {.length = length, .size = sizeof *total};
    return runner->operations->sum(runner, work, mine, shape, total, err);
}

static void add_floats(float *restrict total, const float *restrict vector, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        total[i] += vector[i];
    }
}

static void add_doubles(double *restrict total, const double *restrict vector, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        total[i] += vector[i];
    }
}

void fs_runner_add(size_t size, void *total, const void *vector, size_t count, bool is_first)
{
    if (is_first) {
        memcpy(total, vector, count * size);
    } else if (size == sizeof(float)) {
        add_floats(total, vector, count);
    } else {
        add_doubles(total, vector, count);
    }
}

int fs_runner_broadcast(struct fs_runner *runner, void *data, size_t bytes, struct fs_error *err)
{
    return runner->operations->broadcast(runner, data, bytes, err);
}

int fs_runner_agree(struct fs_runner *runner, int status, struct fs_error *err)
{
    return runner->operations->agree(runner, status, err);
}

bool fs_runner_stop_requested(struct fs_runner *runner)
{
    return runner->operations->stop_requested(runner);
}

/* ---- vectors that are shared out ---- */

struct fs_share fs_runner_share(size_t length, size_t rank, size_t ranks)
{
    size_t each = length / ranks, more = length % ranks;
    return (struct fs_share){each * rank + (rank < more ? rank : more), each + (rank < more ? 1 : 0)};
}

int fs_runner_sum_shared(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine, size_t length,
                         size_t tail, fs_real *own, struct fs_error *err)
{
    const struct fs_sum_shape shape = {.length = length, .size = sizeof *own, .shared = true, .tail = tail};
    return runner->operations->sum(runner, work, mine, shape, own, err);
}

void fs_runner_gather(struct fs_runner *runner, fs_real *numbers, size_t length)
{
    if (runner->ranks > 1) { /* a failing MPI call ends all ranks */
        runner->operations->gather(runner, numbers, length, sizeof *numbers);
    }
}

int fs_runner_fold(struct fs_runner *runner, void *value, size_t bytes, fs_runner_adder *add, void *context,
                   struct fs_error *err)
{
    const struct fs_runner_operations *operations = runner->operations;
    size_t rank = runner->rank, last = runner->ranks - 1;
    if (rank > 0) {
        operations->move(runner, rank - 1, rank, value, bytes);
    }
    add(context, value);
    if (rank < last) {
        operations->move(runner, rank, rank + 1, value, bytes);
    }
    if (last > 0 && (rank == 0 || rank == last)) {
        operations->move(runner, last, 0, value, bytes);
    }
    return fs_runner_broadcast(runner, value, bytes, err);
}

/* The numbers `part` of a vector between the root's `piece` and the shares of all ranks; `in`: to the root. */
static void move_piece(struct fs_runner *runner, fs_real *own, size_t length, struct fs_share part, bool in,
                       fs_real *piece)
{
    for (size_t rank = 0; rank < runner->ranks; rank++) {
        const struct fs_share share = fs_runner_share(length, rank, runner->ranks);
        size_t begin = share.first > part.first ? share.first : part.first;
        size_t end = share.first + share.count, part_end = part.first + part.count;
        end = end < part_end ? end : part_end;
        if (begin >= end || (rank != runner->rank && !fs_runner_is_root(runner))) {
            continue;
        }
        size_t bytes = (end - begin) * sizeof *own;
        fs_real *here = piece != NULL ? piece + (begin - part.first) : NULL;
        fs_real *there = rank == runner->rank ? own + (begin - share.first) : NULL;
        if (rank == 0) {
            memcpy(in ? here : there, in ? there : here, bytes);
        } else {
            runner->operations->move(runner, in ? rank : 0, in ? 0 : rank, here != NULL ? here : there, bytes);
        }
    }
}

/* Once `pass` has failed it is not called again, and the ranks go on to the end. */
static int move_all(struct fs_runner *runner, fs_real *own, size_t length, bool in, fs_runner_pass *pass, void *context,
                    struct fs_error *err)
{
    size_t most = length < FS_RUNNER_PIECE ? length : FS_RUNNER_PIECE;
    fs_real *piece = fs_runner_is_root(runner) ? fs_allocate(most, sizeof *piece, "a piece of a vector", err) : NULL;
    int status = fs_runner_agree(runner, fs_runner_is_root(runner) && piece == NULL ? -1 : 0, err);
    if (status != 0) {
        free(piece);
        return -1;
    }
    for (size_t first = 0; first < length; first += FS_RUNNER_PIECE) {
        const struct fs_share part = {first, length - first < most ? length - first : most};
        if (!in && piece != NULL && status == 0) {
            status = pass(context, first, part.count, piece, err);
        }
        move_piece(runner, own, length, part, in, piece);
        if (in && piece != NULL && status == 0) {
            status = pass(context, first, part.count, piece, err);
        }
    }
    free(piece);
    return fs_runner_agree(runner, status, err);
}

int fs_runner_collect(struct fs_runner *runner, const fs_real *own, size_t length, fs_runner_pass *pass, void *context,
                      struct fs_error *err)
{
    return move_all(runner, (fs_real *)(uintptr_t)own, length, true, pass, context, err); /* it is read alone */
}

int fs_runner_distribute(struct fs_runner *runner, fs_real *own, size_t length, fs_runner_pass *pass, void *context,
                         struct fs_error *err)
{
    return move_all(runner, own, length, false, pass, context, err);
}
