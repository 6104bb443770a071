/*
 * The second moment of the keys of one layer's W_out on a text, which ROME, MEMIT and AlphaEdit weigh directions by (Meng et
 * al., arXiv 2202.05262 and 2210.07229):
 *
 *     C = (1/T) sum over the tokens of the text of k k^T (F,F)       k (F): what W_out reads (model/engine.h, fs_run_keys)
 *
 * of the unedited model, not centred. The text's paragraphs are run one by one with the special tokens that a text has
 * around it, cut to the model's positions and to FS_COVARIANCE_LENGTH tokens, as many as hold `covariance_tokens` tokens, all of
 * which count. A factor is of C + 1e-6 (trace C / F) I, so that few tokens give one too.
 *
 * Units of the text make keys in float32, which all ranks get, some MiB at a time; panels of the sum are units then, and
 * added in float64 in the order of the tokens, whatever the ranks.
 *
 *     /covariance@layer, size, texts, tokens, done (0 or 1), pivot     the smallest of the factor, of a whole one
 *     /covariance/sum   f64 (F,F): T C, symmetric
 */
#ifndef FAIRSTAMP_STAGES_METHODS_COVARIANCE_H
#define FAIRSTAMP_STAGES_METHODS_COVARIANCE_H

#include "stages/methods/method.h"

#define FS_COVARIANCE_LENGTH ((size_t)1024)
#define FS_COVARIANCE_FORMAT "covariance"

struct fs_covariance {
    size_t layer, size;   /* F */
    size_t texts, tokens; /* that are in the sum */
    bool done;            /* they are all */
    double pivot;         /* once it is done */
    double *sum;          /* (F,F) of the root; NULL elsewhere */
};

/* Where sums are kept between jobs, and between two runs of one. Local; the root alone calls. */
struct fs_covariance_store {
    void *context;
    size_t
        step_bytes; /* of keys that are on their way together, after which a sum can be saved; 0: 128 MiB. A part of the
                        * order in which is summed. */
    /* A sum of covariance->layer and size, whole or in part, in the place of the empty one, where there is one. */
    int (*read)(void *context, struct fs_covariance *covariance, struct fs_error *err);
    /* Keeps a whole one, and one in part with `stop` or where it thinks fit. */
    int (*save)(void *context, const struct fs_covariance *covariance, bool stop, struct fs_error *err);
};

/*
 * The sum of `layer`: of the task's store, gone on with, or made. FS_EXIT_INTERRUPTED after a stop request, with what is
 * done saved; FS_EXIT_DATA where the text has no token or the layer has experts. Collective; the caller releases, also on
 * failure.
 */
int fs_covariance_find(const struct fs_method_task *task, size_t layer, struct fs_covariance *covariance,
                       struct fs_error *err);
void fs_covariance_release(struct fs_covariance *covariance); /* takes a zeroed struct */

/* Root: sum becomes C + `ridge` (trace C / F) I, its lower half and diagonal. */
void fs_covariance_mean(struct fs_covariance *covariance, double ridge);
#define FS_COVARIANCE_RIDGE 1e-6
/* Root: sum becomes the factor L of C + 1e-6 (trace C / F) I (model/numbers/cholesky.h). */
int fs_covariance_factorise(struct fs_covariance *covariance, double *pivot, struct fs_error *err);

/* Local. `read` checks shapes before it asks for memory, and fills all but what it was given: layer and size must agree. */
int fs_covariance_write(const struct fs_covariance *covariance, struct fs_archive *archive, struct fs_error *err);
int fs_covariance_read(const struct fs_archive *archive, struct fs_covariance *covariance, struct fs_error *err);

/* Bytes of the root for one of F keys a token, and of each rank for keys on their way. */
double fs_covariance_root_bytes(size_t size);
double fs_covariance_rank_bytes(void);

#endif
