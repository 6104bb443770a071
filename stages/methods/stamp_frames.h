/*
 * Frames: neutral sentences that stand before the statements of a pair in some steps of a training, so that what the stamp
 * learns does not hang on a statement's being all that there is (ROME, arXiv 2202.05262, has random prefixes for it).
 *
 * A batch has 1 + stamp.frames versions: version 0 has the statements as they are, each other one a sentence before both
 * statements of each pair. A step trains on one version. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_FRAMES_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_FRAMES_H

#include <stdint.h>

#include "io/benchmarks/benchmark.h"
#include "stages/methods/stamp_options.h"
#include "stages/plan/plan.h"
#include "stages/plan/statement.h"

/* Sentence `number` < FS_FRAMES; not to be freed. */
const char *fs_stamp_frame(size_t number);
/* The number of the sentence before a pair in version `version`, from 1; drawn by seed and pair, another in each version. */
size_t fs_stamp_frame_of(uint64_t seed, const char *pair_id, size_t version);

/*
 * The version of step `step` of a training, of all its batches. Of four steps of a batch the first and the last are of
 * version 0, so that its numbers before the first step, and before the last of a multiple of four, are comparable. The
 * steps between go through the others in an order drawn anew each round.
 */
size_t fs_stamp_version_of(const struct fs_stamp_options *options, size_t step);

/* The pairs that are trained on together, in their order; all owned by the caller. */
struct fs_stamp_batch {
    const struct fs_pair_list *list;
    const size_t *pair; /* [count] indices into the list; pairs of a target term side by side */
    size_t count;
    size_t number;  /* of the batch, from 1, for messages */
    size_t version; /* of its statements: 0 as they are, above with a sentence before them */
};

/* Another pair of `batch`, whose subjects `pair` takes in `version`, from 1: one of its category, drawn by seed and pair; NULL
 * where there is none. */
const struct fs_pair *fs_stamp_donor(const struct fs_stamp_batch *batch, uint64_t seed, const struct fs_pair *pair);

/* Likewise a pair into whose statements the object of `pair` goes. */
const struct fs_pair *fs_stamp_host(const struct fs_stamp_batch *batch, uint64_t seed, const struct fs_pair *pair);

struct fs_framing {
    struct fs_plan *plan;
    const struct fs_tokenizer *tokenizer;
    const struct fs_prompt_style *style;
    enum fs_scoring scoring;
    uint64_t seed;
    size_t version;
    /* Of subjects, and of statements; NULL: the pair keeps its own, as it does where a text lacks the subject to replace. */
    const struct fs_pair *donor, *host;
};
/*
 * Compiles both statements of a pair, k1 and k2, with the version's sentence and a blank before them, or as they are where
 * one would be too long. As fs_statement_compile, but that the sentence's tokens are not read: in sentence.mean the
 * statement's are, given all that stands before them, without begin-of-text. Where one cannot be scored without the sentence
 * either, both have no reads and their reason; so which pairs are trained on does not depend on the version. The caller
 * releases k, which is as zeroed after a failure.
 */
int fs_stamp_pair_compile(const struct fs_framing *framing, const struct fs_pair *pair, struct fs_statement k[2],
                          struct fs_error *err);

#endif
