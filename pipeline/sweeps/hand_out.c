#include "pipeline/sweeps/hand_out.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/console/progress.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/stop.h"

struct question {
    uint64_t group, cell, model;
    int64_t code; /* of the cell; without a cell FS_EXIT_INTERRUPTED: this group is asked to stop */
};

/* Root: nothing more is begun, and each group saves what it is at. */
static void stop_all(struct fs_hand_out *h)
{
    if (h->stopped) {
        return;
    }
    h->stopped = true;
    fs_cell_list_stop(h->list);
    fs_stop_because("another group of the sweep is");
    for (size_t group = 1; group < h->groups; group++) {
        MPI_Send(NULL, 0, MPI_BYTE, h->first[group], FS_TAG_STOP, h->world);
    }
}

/* Root. */
static size_t answer(struct fs_hand_out *h, const struct question *question, unsigned char *needed)
{
    if (question->cell != FS_CELL_NONE) {
        fs_cell_list_end(h->list, (size_t)question->cell, (int)question->code);
    }
    if (question->code == FS_EXIT_INTERRUPTED) {
        stop_all(h);
    }
    size_t cell = fs_cell_list_begin(h->list, (size_t)question->group, (size_t)question->model);
    fs_cell_list_needed(h->list, needed);
    return cell;
}

static void attend_to_groups(struct fs_hand_out *h)
{
    if (fs_stop_by_user()) {
        stop_all(h);
    }
    for (;;) {
        int there;
        MPI_Status status;
        struct question question;
        MPI_Iprobe(MPI_ANY_SOURCE, FS_TAG_ASK, h->world, &there, &status);
        if (!there) {
            return;
        }
        MPI_Recv(&question, sizeof question, MPI_BYTE, status.MPI_SOURCE, FS_TAG_ASK, h->world, MPI_STATUS_IGNORE);
        uint64_t cell = answer(h, &question, h->message + sizeof cell);
        memcpy(h->message, &cell, sizeof cell);
        MPI_Send(h->message, (int)(sizeof cell + h->models), MPI_BYTE, status.MPI_SOURCE, FS_TAG_ANSWER, h->world);
    }
}

static void attend_to_root(struct fs_hand_out *h)
{
    int there;
    MPI_Iprobe(0, FS_TAG_STOP, h->world, &there, MPI_STATUS_IGNORE);
    if (there) {
        MPI_Recv(NULL, 0, MPI_BYTE, 0, FS_TAG_STOP, h->world, MPI_STATUS_IGNORE);
        h->stopped = true;
        fs_stop_because("another group of the sweep is");
    }
}

static void attend(void *context)
{
    struct fs_hand_out *h = context;
    if (h->list != NULL) {
        attend_to_groups(h);
    } else {
        attend_to_root(h);
    }
}

int fs_hand_out_begin(struct fs_hand_out *h, struct fs_error *err)
{
    h->message = fs_allocate(sizeof(uint64_t) + h->models, 1, "the cells of a sweep", err);
    if (h->message == NULL) {
        return -1;
    }
    fs_mpi_attend_by(attend, h);
    return 0;
}

void fs_hand_out_end(struct fs_hand_out *h)
{
    fs_mpi_attend_by(NULL, NULL);
    free(h->message);
    h->message = NULL;
}

static size_t ask(struct fs_hand_out *h, const struct question *question, unsigned char *needed)
{
    if (h->list != NULL) {
        return answer(h, question, needed);
    }
    uint64_t cell;
    MPI_Request request;
    MPI_Send(question, sizeof *question, MPI_BYTE, 0, FS_TAG_ASK, h->world);
    MPI_Irecv(h->message, (int)(sizeof cell + h->models), MPI_BYTE, 0, FS_TAG_ANSWER, h->world, &request);
    fs_mpi_wait(&request, "MPI_Irecv");
    memcpy(&cell, h->message, sizeof cell);
    memcpy(needed, h->message + sizeof cell, h->models);
    return (size_t)cell;
}

size_t fs_hand_out_next(struct fs_hand_out *h, size_t cell, int code, size_t model, unsigned char *needed)
{
    static const struct timespec pause = {0, 50000000};
    struct question question = {h->group, cell, model, code};
    for (;;) {
        size_t next = ask(h, &question, needed);
        if (next != FS_CELL_NONE_NOW) {
            return next;
        }
        nanosleep(&pause, NULL); /* a signal ends it */
        fs_mpi_attend();
        question.cell = FS_CELL_NONE;
        question.code = !h->stopped && fs_stop_by_user() ? FS_EXIT_INTERRUPTED : 0;
    }
}
