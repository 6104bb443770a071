/*
 * What a command that uses ranks needs: communicator, runner, and the model it loads. Everything here is collective
 * over all ranks unless it says local.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_SESSION_H
#define FAIRSTAMP_PIPELINE_RANKS_SESSION_H

#include <mpi.h>
#include <stdbool.h>

#include "model/model.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/ranks/node_memory.h"
#include "stages/work/runner.h"

struct fs_options;

struct fs_session {
    const struct fs_options *options;
    const char *command_line;
    char start[32];    /* UTC, ISO 8601 */
    char kernels[128]; /* OpenBLAS's, of the root, and of other ranks where theirs differ */
    MPI_Comm communicator;
    struct fs_runner *runner;
    struct fs_model *model;    /* NULL until fs_session_load_model */
    struct fs_compute compute; /* of the model */
    struct fs_tokenizer *tokenizer;
    struct fs_node_memory *weights;
};

/* `session` is zeroed except options and command_line. Ended by the caller, also on failure. */
int fs_session_begin(struct fs_session *session, struct fs_error *err);
void fs_session_end(struct fs_session *session);

bool fs_session_is_root(const struct fs_session *session); /* local */
/* 0 where `status` is 0 on all ranks, otherwise -1 with the error of the lowest failing rank. */
int fs_session_agree(struct fs_session *session, int status, struct fs_error *err);

/* A model that a session holds beside its own. */
struct fs_other_model {
    struct fs_model *model;
    struct fs_node_memory *weights;
};
/* Opens the model of `folder`, whose tokenizer must be the session's; FS_EXIT_DATA where it is another one. The session's
 * model is loaded. The caller closes, also on failure. */
int fs_session_open_other(struct fs_session *session, const char *folder, struct fs_other_model *other,
                          struct fs_error *err);
void fs_session_close_other(struct fs_other_model *other); /* takes a zeroed struct */

/* Opens model and tokenizer of `folder`, the converted weights once a node. Does nothing the second time. `compute`, also of
 * models opened beside it later: its text must outlive the session. */
int fs_session_load_model(struct fs_session *session, const char *folder, const struct fs_compute *compute,
                          struct fs_error *err);

#endif
