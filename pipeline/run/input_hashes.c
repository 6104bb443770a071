#include "pipeline/run/input_hashes.h"

#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/digest_cache.h"
#include "pipeline/ranks/mpi_support.h"

/* What the rank of a file says of it; zero elsewhere, so that the records of all ranks are one after a bitwise or. */
struct record {
    struct fs_file_identity identity;
    double ready;
    unsigned char is_there;
    char digest[FS_DIGEST_SIZE];
};

/* What all ranks have of the files. */
struct task {
    size_t count, bytes;
    int32_t *owner; /* [count] */
    char *paths;    /* [bytes] one behind the other, each with its zero */
    struct record *record;
};

static void release(struct task *task)
{
    free(task->owner);
    free(task->paths);
    free(task->record);
}

struct sized {
    size_t index;
    uint64_t bytes;
};

static int compare_sizes(const void *a, const void *b)
{
    const struct sized *one = a, *other = b;
    if (one->bytes != other->bytes) {
        return one->bytes < other->bytes ? 1 : -1;
    }
    return one->index < other->index ? -1 : 1;
}

/* Root: who hashes which of file[count]. */
static int assign(struct fs_input_file *file, size_t count, size_t ranks, struct fs_error *err)
{
    struct sized *order = fs_allocate(count, sizeof *order, "input files", err);
    uint64_t *load = fs_allocate(ranks, sizeof *load, "input files", err);
    int status = order != NULL && load != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < count; i++) {
        struct fs_file_identity identity = {0};
        (void)fs_file_identity_get(file[i].path, &identity);
        order[i] = (struct sized){i, identity.size};
    }
    if (status == 0) {
        qsort(order, count, sizeof *order, compare_sizes);
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        size_t least = 0;
        for (size_t rank = 1; rank < ranks; rank++) {
            least = load[rank] < load[least] ? rank : least;
        }
        bool known = fs_digest_known(file[order[i].index].path);
        file[order[i].index].owner = known ? SIZE_MAX : least;
        load[least] += known ? 0 : order[i].bytes + 1;
    }
    free(order);
    free(load);
    return status;
}

/* Root: the files to be hashed, as all ranks get them. */
static int describe(struct task *task, const struct fs_input_file *file, size_t count, struct fs_error *err)
{
    for (size_t i = 0; i < count; i++) {
        task->count += file[i].owner != SIZE_MAX;
        task->bytes += file[i].owner != SIZE_MAX ? strlen(file[i].path) + 1 : 0;
    }
    task->owner = fs_allocate(task->count, sizeof *task->owner, "input files", err);
    task->paths = fs_allocate(task->bytes, 1, "input files", err);
    if (task->owner == NULL || task->paths == NULL) {
        return -1;
    }
    for (size_t i = 0, next = 0, used = 0; i < count; i++) {
        if (file[i].owner != SIZE_MAX) {
            task->owner[next++] = (int32_t)file[i].owner;
            memcpy(task->paths + used, file[i].path, strlen(file[i].path) + 1);
            used += strlen(file[i].path) + 1;
        }
    }
    return 0;
}

/* The root's task to all. */
static int hand_out(struct fs_session *session, struct task *task, struct fs_error *err)
{
    size_t sizes[2] = {task->count, task->bytes};
    fs_mpi_broadcast(sizes, sizeof sizes, 0, session->communicator);
    if (!fs_session_is_root(session)) {
        task->count = sizes[0];
        task->bytes = sizes[1];
        task->owner = fs_allocate(task->count, sizeof *task->owner, "input files", err);
        task->paths = fs_allocate(task->bytes, 1, "input files", err);
    }
    task->record = fs_allocate(task->count, sizeof *task->record, "input files", err);
    int status = task->owner != NULL && task->paths != NULL && task->record != NULL ? 0 : -1;
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    fs_mpi_broadcast(task->owner, task->count * sizeof *task->owner, 0, session->communicator);
    fs_mpi_broadcast(task->paths, task->bytes, 0, session->communicator);
    return 0;
}

/* This rank's files. */
static int hash_own(struct task *task, size_t rank, struct fs_error *err)
{
    double begin = fs_seconds();
    const char *path = task->paths;
    for (size_t i = 0; i < task->count; i++, path += strlen(path) + 1) {
        struct record *record = &task->record[i];
        struct fs_error failure = FS_ERROR_INIT;
        if ((size_t)task->owner[i] != rank || !fs_file_identity_get(path, &record->identity)) {
            continue;
        }
        if (fs_digest_once(path, record->digest, &failure) == 0) {
            record->is_there = 1;
            record->ready = fs_seconds() - begin;
        } else if (failure.code == FS_EXIT_INTERRUPTED) {
            *err = failure;
            return -1;
        } else {
            memset(record, 0, sizeof *record);
        }
    }
    return 0;
}

/* What all have found, to all; what is on this node another file is left out. */
static void share(struct fs_session *session, struct task *task)
{
    MPI_Request request;
    MPI_Iallreduce(MPI_IN_PLACE, task->record, (int)(task->count * sizeof *task->record), MPI_BYTE, MPI_BOR,
                   session->communicator, &request);
    fs_mpi_wait(&request, "MPI_Iallreduce");
    const char *path = task->paths;
    for (size_t i = 0; i < task->count; i++, path += strlen(path) + 1) {
        const struct record *record = &task->record[i];
        struct fs_file_identity here;
        if (record->is_there && fs_file_identity_get(path, &here) &&
            fs_file_identity_same(&here, &record->identity, false)) {
            fs_digest_remember(&here, record->digest);
        }
    }
}

int fs_hash_inputs(struct fs_session *session, struct fs_input_file *file, size_t count, struct fs_error *err)
{
    struct task task = {0};
    int status = 0;
    if (fs_session_is_root(session)) {
        status = assign(file, count, session->runner->ranks, err) == 0 ? describe(&task, file, count, err) : -1;
    }
    status = fs_session_agree(session, status, err) == 0 ? hand_out(session, &task, err) : -1;
    if (status == 0 && task.count > 0) {
        status = fs_session_agree(session, hash_own(&task, session->runner->rank, err), err);
        if (status == 0) {
            share(session, &task);
        }
    }
    for (size_t i = 0, next = 0; status == 0 && i < count; i++) {
        file[i].ready = file[i].owner != SIZE_MAX ? task.record[next++].ready : 0;
    }
    release(&task);
    return status;
}
