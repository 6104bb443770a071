/*
 * Stage 1, causal tracing: which layer's hidden state at the subject carries the bias (method: ROME, kmeng01/rome, with
 * the counterfactual subject in place of noise where one of the same length exists).
 *
 *   biased run           prompt with s1; P[o], and the residual state h^(l) at the subject's positions for every l
 *   counterfactual run   prompt with s2, or, where no counterpart of the same token length exists, the prompt with
 *                        Gaussian noise on the subject's word embeddings (noise_scale x their standard deviation over
 *                        all subjects, noise_samples seeded samples, averaged); P*[o]
 *   restoration runs     the counterfactual run with h^(l) set to its value from the biased run; P*[o | h^(l)]
 *
 *   IE^(l) = P*[o | h^(l)] - P*[o]     TE = P[o] - P*[o]     AIE^(l) = mean over items
 *
 * l* = argmax AIE^(l), or what `select` says: the layer of the largest median share of one of the measures
 * (trace_measure.h), the last layer, or the one two thirds up.
 *
 * h^(l) is the output of layer l, l = 0 .. layers-1. o is the first token of the stereotype completion (pair: the object).
 * For a masked model the prompt is the whole statement with [MASK] in place of the completion, for a causal one begin-of-text
 * and what stands before the fill. Where a StereoSet context holds no word of the target term, any word of the
 * category's attribute table serves as the subject; where that is missing too the item is skipped, and counted
 * (sublayers: trace_item.h).
 *
 * A sample's noise depends on the seed, the pair's index and the sample's number alone.
 *
 * Further kinds restore what attention, or the FFN, adds to the residual stream at the subject in a window of layers
 * around l (ROME's); the heat map restores one position at a time, which costs layers x positions copies a kind and item.
 *
 * Restorations run by wavefront: a copy of the corrupted run joins the batch at the first layer that it changes, and the
 * rows share all layers above. In a causal model a run holds only the rows that no other one of its unit has
 * (trace_layout.h). A restoration that nothing reads any more has an effect of exactly 0.
 *
 * What is restored in one corrupted run is a block: its copies, with the biased run that they take rows from, which each
 * unit computes again. Blocks are sorted by the biased tokens and grouped into units of at most FS_UNIT_TOKENS tokens at
 * the top layer; a larger one is cut into several. Units begin with the most costly and end with small ones
 * (trace_units.c).
 */
#ifndef FAIRSTAMP_STAGES_TRACE_TRACE_H
#define FAIRSTAMP_STAGES_TRACE_TRACE_H

#include <stdint.h>

#include "io/archive/archive.h"
#include "io/benchmarks/benchmark.h"
#include "io/settings/settings.h"
#include "model/engine.h"
#include "stages/plan/statement.h"
#include "stages/trace/trace_attribution.h"
#include "stages/trace/trace_measure.h"
#include "stages/work/runner.h"

enum fs_trace_positions { FS_TRACE_LAST_SUBJECT_TOKEN, FS_TRACE_ALL_SUBJECT_TOKENS };

struct fs_trace_options {
    enum fs_trace_positions positions;
    double noise_scale;   /* 3 */
    size_t noise_samples; /* 10 */
    size_t bootstrap;     /* resamples of the interval, 1000 */
    uint64_t seed;
    const char *checkpoint;    /* as fs_runner_map; NULL: none */
    bool always_noise;         /* noise even where a counterpart fits */
    bool kind[FS_TRACE_KINDS]; /* further kinds beside the residual stream, which is always traced */
    size_t window;             /* layers l - window/2 .. l + (window - 1)/2 of a further kind, clipped; at least 1 */
    bool heat_map;             /* every single position of each prompt, for each kind */
    const char *sublayers_checkpoint; /* of what follows from the three lines above; NULL: none */
    bool attribution;                 /* attribution patching, with so many neurons a layer */
    size_t neurons;
    const char *attribution_checkpoint; /* NULL: none */
    bool measure[FS_TRACE_MEASURES];    /* that are taken, beside the one that names l* */
    double least_effect;                /* nats; items of a smaller |TE| are left out of all measures */
    unsigned select;                    /* enum fs_trace_select: what names l* */
};

extern const struct fs_settings fs_trace_settings; /* the keys trace.*, which fill the struct but for its seed */

/* Where a position of the heat map is. */
enum fs_trace_role {
    FS_ROLE_BEFORE_SUBJECT,
    FS_ROLE_SUBJECT_FIRST,
    FS_ROLE_SUBJECT_MIDDLE,
    FS_ROLE_SUBJECT_LAST, /* of a subject of one token, too */
    FS_ROLE_AFTER_FIRST,  /* the first behind the subject */
    FS_ROLE_AFTER,
    FS_ROLE_READ, /* where the object is predicted */
    FS_TRACE_ROLES
};
const char *fs_trace_role_name(enum fs_trace_role role);

/* Further kinds and the heat map; zeroed where none is asked for. k kinds, the residual stream first. */
struct fs_trace_sublayers {
    size_t kinds;
    enum fs_trace_kind kind[FS_TRACE_KINDS];
    double *indirect_effect;  /* [kinds][items][layers] */
    double *aie, *low, *high; /* [kinds][categories][layers] */
    size_t positions;         /* of all items together; 0: no heat map */
    size_t *first;            /* [items + 1] positions of each item */
    char **token;             /* [positions] text of the biased prompt's token */
    double *position_effect;  /* [kinds][layers][positions] */
    double *role_aie;         /* [kinds][categories][FS_TRACE_ROLES][layers]; NaN where no item has the role */
    size_t *role_count;       /* [categories][FS_TRACE_ROLES] items that have it */
};

struct fs_trace_result {
    size_t items, layers; /* traced items; layers of the model */
    size_t skipped[FS_SKIP_COUNT];
    size_t *item;            /* [items] index into the pairs */
    uint8_t *noised;         /* [items] 1 where noise stood in for a counterpart */
    double *biased;          /* [items] P[o] */
    double *counterfactual;  /* [items] P*[o] */
    double *indirect_effect; /* [items][layers] */
    size_t categories;
    char **category;            /* [categories], "all" first */
    double *aie;                /* [categories][layers] */
    double *aie_low, *aie_high; /* 95 % bootstrap interval, same shape */
    size_t *argmax_count;       /* [categories][layers]: items whose largest IE is at this layer */
    size_t decisive_layer;      /* l* over "all", by options.select */
    struct fs_trace_sublayers sublayers;
    struct fs_trace_attribution attribution;
    struct fs_trace_shares shares; /* no measures: zeroed */
};

/*
 * l*: the layer of the largest aie [layers] among those where restoring changed at least half of effect
 * [items][layers]. What nothing reads any more has an effect of exactly 0 (the last layer, but for the few items of a
 * causal model whose object follows the subject at once), which is above the others where those are negative, and is no
 * place to edit. 0 where no layer acts on so many. Local.
 */
size_t fs_trace_decisive(const double *aie, const double *effect, size_t items, size_t layers);

/* What is traced; all owned by the caller. */
struct fs_trace_input {
    const struct fs_pair_list *pairs;
    const struct fs_attribute_table *attributes; /* NULL: none */
};

/* Collective. The result is complete on the root; elsewhere decisive_layer, items and layers are set. */
int fs_trace_run(const struct fs_model *model, const struct fs_tokenizer *tokenizer, const struct fs_trace_input *input,
                 const struct fs_trace_options *options, struct fs_runner *runner, struct fs_trace_result *result,
                 struct fs_error *err);
void fs_trace_result_release(struct fs_trace_result *result); /* takes a zeroed struct */

/* Local (root): the datasets and attributes of a trace file, layout at the top of trace_file.c; and back. */
int fs_trace_write(struct fs_archive *archive, const struct fs_pair_list *pairs, const struct fs_trace_options *options,
                   const struct fs_trace_result *result, struct fs_error *err);
int fs_trace_read(const struct fs_archive *archive, struct fs_trace_result *result, struct fs_error *err);

#endif
