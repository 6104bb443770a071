/*
 * The hashes of input files, computed by all ranks of a session together: each file by one of them, the largest first, each
 * to who has least. All ranks then know them (io/digest_cache.h), so that fs_fingerprint_make reads nothing.
 */
#ifndef FAIRSTAMP_PIPELINE_RUN_INPUT_HASHES_H
#define FAIRSTAMP_PIPELINE_RUN_INPUT_HASHES_H

#include "pipeline/ranks/session.h"

struct fs_input_file {
    const char *path;
    size_t owner; /* set: the rank that hashed it; SIZE_MAX: it was known */
    double ready; /* set: seconds after the begin */
};

/*
 * Hashes those of `file` [count] that the root does not know yet; both are the root's, elsewhere NULL and 0. A file that its
 * rank cannot read, or that changes, is left to who asks for it. FS_EXIT_INTERRUPTED once a stop is asked for. Collective.
 */
int fs_hash_inputs(struct fs_session *session, struct fs_input_file *file, size_t count, struct fs_error *err);

#endif
