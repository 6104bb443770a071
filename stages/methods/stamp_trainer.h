/* What a training step works with, for stamp_step.c, which hands units out, and stamp_sweeps.c, which runs them. Private to
 * the stamp's files. */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_TRAINER_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_TRAINER_H

#include <stdatomic.h>

#include "model/backward.h"
#include "stages/methods/stamp_form.h"
#include "stages/methods/stamp_text.h"
#include "stages/work/runner.h"

/* What one thread computes with; made when it gets its first unit of a batch. */
struct fs_stamp_bench {
    struct fs_workspace *workspace;
    struct fs_tape *tape;
    fs_real *h, *dh;  /* (T,d) */
    fs_real *logprob; /* (R,V) log probabilities, then gradients of logits */
    fs_real *inner;   /* (2 T, the edit's inner size) of a unit of text; NULL until there is one */
};

/* A unit's forward pass, from the first sweep to the second. */
struct fs_stamp_kept {
    atomic_bool used;
    struct fs_tape *tape;
    fs_real *logprob; /* (R,V), room for the largest unit */
};

/* The second sweep runs the units up to `end`, once the first has run the cut units up to `ahead`. */
struct fs_stamp_part {
    size_t end;
    size_t ahead; /* of cut_unit */
};

/* The units of a batch in one version (stamp_frames.h), and what a step on them needs. */
struct fs_stamp_version {
    struct fs_stamp_units units; /* most_tokens, most_rows, most_text are those of all versions */
    unsigned char *mine;         /* [units] which of them this rank has filled */
    size_t length;               /* of a unit's vector: its gradient and values */
    bool two_sweeps;
    size_t *cut_unit, cut_units; /* [cut_units] units with pairs of cut terms, ascending */
    size_t *cut_number;          /* [units] place in cut_unit, or SIZE_MAX */
    double *difference, *mean;   /* [pairs], [terms] of cut terms */
    struct fs_stamp_part *part;  /* [parts] */
    size_t parts;
    size_t *slot; /* [units] its place in `kept`, or SIZE_MAX */
    size_t *home; /* [units] likewise, its last one */
};

struct fs_stamp_step {
    /* set by the caller; not owned */
    const struct fs_model *model;
    const struct fs_spec *spec;
    const struct fs_stamp_options *options;
    const struct fs_stamp_text *text; /* of L_t and key_share */
    struct fs_edit edit;              /* what is trained; its numbers are borrowed, and may change from step to step */
    struct fs_runner *runner;
    /* of the batch, from fs_stamp_step_begin to fs_stamp_step_end */
    struct fs_stamp_version *version; /* [versions] the first has the statements as they are */
    size_t versions;
    struct fs_stamp_version *now; /* what runs */
    double gap, mean_square;      /* of the unedited model on the first version: mean |D|; of the components of x */
    double *value;                /* [values] the terms, then the categories' SS: of the last step */
    fs_real *total;               /* [most_length] its gradient, and the units' values */
    /* private */
    size_t parameters, most_length; /* of all versions */
    double width;                   /* tau of L_b */
    size_t first, begin;            /* of the part that runs: of cut_unit, of units */
    fs_real *before;                /* [most_length] the sum of the parts before; one part: NULL */
    fs_real *pairs_total;           /* [2 x pairs of cut terms] of the first sweep */
    unsigned char *part_mine;       /* [units + 1] */
    struct fs_stamp_kept *kept;     /* [slots] */
    size_t slots;
    double cache_limit;           /* bytes */
    _Atomic size_t cached;        /* bytes of units that stay filled */
    struct fs_stamp_bench *bench; /* [threads] */
};

#endif
