/*
 * What a job holds in memory: the one place of the formula, which `estimate`, `doctor` and the comments of other files
 * refer to. All results are bytes, upper bounds that are rarely far off. Local.
 *
 * Legend: model/families/spec.h, and T tokens, R rows that are read, n tokens of the longest sequence, S the sum of n^2
 * over the sequences, all of a stage's largest unit; C numbers a token that the edit keeps (a stamp's width), P its
 * parameters; a = layers above the trained one, all but one where a method goes back through all; k norms of a layer; b = 2 where FFN(x) is apart from the residual
 * (model/engine.h), otherwise 1; f = F, 2 F in gated families; with experts that of each that is used, and their number,
 * in a workspace 3 d more; A cosines and sines a position (fs_spec_angle_width): D where whole heads turn, and alike in
 * all layers. Numbers (fs_real), where not said otherwise:
 *
 *     weights      once a node: the files that are mapped, and the tensors that are converted; the latter once a rank
 *                  where the ranks of a node cannot share memory, which `doctor` finds out
 *     program      once a rank: program, libraries, buffers of MPI, and FS_MEMORY_DATA bytes of data; FS_MEMORY_PROGRAM bytes; and
 *                  what the items of all suites take beyond those of data
 *     thread       a thread: stack, heap, BLAS' buffer; FS_MEMORY_THREAD bytes, and with weights of 16 bits their panel
 *     optimizer    once a rank: 5 P, the edit, its best, Adam's two moments, the gradient; P more for a step of several parts.
 *                  A method of all weights: P + 4 P / ranks, the changed weights, and this rank's share of difference, moments and
 *                  gradient. The tokens of a text that a method has read
 *     gradients    once a rank: w P, w = min(units of a rank, fs_sum_held, 2 threads + 2) vectors of own units, for they go
 *                  round while ranks keep step (a rank that waits long may fill fs_sum_held); and slices of others' units
 *     caches       once a rank: of its part of a batch's units, in all versions (stages/methods/stamp_frames.h) (1 + b) d T + V D, D distributions; at least one unit's, and at
 *                  most what stamp.memory leaves them; a method of all weights has none
 *     kept         once a rank, where a step has two sweeps: slots of a unit's tape, R V, and cache where that is not kept; how
 *                  many, stages/methods/stamp_memory.h says; slots that units share are as the largest, and
 *                  all are counted, of which terms that must stay together may leave some empty
 *
 *     forward      a workspace: T (b d + e + (2 H + 2 G) D + f) + max(2^16, n^2) + n A + q + 512 min(V, 512) + 2 R e,
 *                  e = max(d, E)
 *     trace        a thread: forward + (d + E) T
 *     attribution  a thread, where it is asked for, in the trace's place if that is less: the larger forward, of its own
 *                  units T (3 d + (2 H + 2 G) D + f), what runs back, + (L + 3) T d of L layers + max over
 *                  layers (T (k d + (H + 2 G) D + f + u) + H S) + R (d + E + V) + T E
 *     training     a thread: forward + T (3 d + (2 H + 2 G) D + f + 2 C), what runs back
 *                  + a (T (k d + (H + 2 G) D + f + u) + H S) + T d + R (d + E), the tape
 *                  + R V, at most FS_MEMORY_LOGITS or one row; tape and R V only for units without a slot. A method of all
 *                  weights keeps (L + 4) T d, one layer's part and R (d + E) in the tape's place
 *     columns      once a rank, evaluating: 2 P of each column whose edit is all weights, the difference and the weights
 *     items        once a rank, evaluating: the plan of all suites, fs_plan_bytes: 48 bytes a pass, 16 more where passes share what
 *                  they begin with, 4 a token of them and 4 a token that is computed, 52 a read, 16 a row, 104 a unit, 4 a token of
 *                  choices; and texts behind prefixes
 *     evaluate     a thread: (1 + o) forward + T ((2 + b) e + C) + 2 R d, o other models of a job's methods, as large as
 *                  its own; with a decoding rule T d + max(FS_RULE_NUMBERS, 2 V) + V more
 *
 *     q            what some families add to scores: n^2 for a cap; 2 n H for a bias; (H + 2 G) D to put the heads of a
 *                  group in order; 2 r (H D + n) + 2 s d for disentangled attention of span s, r = 2 min(n, s); n d kernel
 *                  of a convolution, behind which a second T d is kept
 *     u            kept where a layer has it: (H + 2 G) D of a clip, (H + G) D of a norm of heads
 *
 *     results      on the root, evaluating: 16 bytes a read and column, numbers of states likewise, as units give them and once more in their
 *                  places; in place of the former the suites' scores, 8 bytes an item, candidate and column, three more an item. Before
 *                  the archive, not beside it
 *     archive      on the root: twice the largest file, which is built in memory and written in one piece; that of a training
 *                  beyond FS_TRAINING_IN_MEMORY grows on disk, and goes there piece by piece
 *
 * A stage frees what it holds, so the largest stage counts.
 */
#ifndef FAIRSTAMP_PIPELINE_ESTIMATE_MEMORY_H
#define FAIRSTAMP_PIPELINE_ESTIMATE_MEMORY_H

#include <stddef.h>

#include "jobs/data.h"
#include "jobs/job.h"
#include "model/model.h"

#define FS_MEMORY_PROGRAM (48.0 * (1 << 20)) /* bytes */
#define FS_MEMORY_DATA (8.0 * (1 << 20))     /* bytes */
#define FS_MEMORY_THREAD (4.0 * (1 << 20))   /* bytes */
#define FS_MEMORY_LOGITS ((double)(16 << 20))

/* A stage's largest unit. */
struct fs_memory_unit {
    double tokens, rows;
    double squares; /* S; only of what runs back */
};

struct fs_memory_load {
    double mapped, converted;         /* bytes of weights */
    double panel;                     /* bytes; fs_model_panel_bytes */
    size_t ranks, threads;            /* of the job; of a rank */
    size_t layer;                     /* that is trained */
    size_t inner, parameters, shared; /* of the edit; struct fs_training_size */
    size_t others;                    /* whole models that methods bring, or make */
    size_t copies;                    /* of these, that are made of all weights in memory */
    double text;                      /* bytes of a rank; struct fs_training_size */
    bool rules;                       /* a method is a decoding rule */
    struct fs_memory_unit trace, training, evaluate;
    struct fs_memory_unit attribution; /* of the trace; zeroed: not asked for */
    double memory;                     /* stamp.memory, bytes */
    bool two_sweeps;                   /* of a training step */
    double cut_units;                  /* of training in a batch, which run in both sweeps; INFINITY: not known */
    double units;                      /* of training in a batch; INFINITY: not known */
    double versions;                   /* of a batch, each with so many units; 0: one */
    /* Bytes of a batch of training, as its units are; 0: not known, each rank holds one unit's cache, and slots are as the
     * largest unit's. */
    double caches;   /* of all units, in all versions of the batch */
    double tapes;    /* of all cut units, with their log probabilities */
    double tape;     /* of the largest of them */
    double slot;     /* of the largest with its cache */
    double alone;    /* of the largest other unit's tape, with its log probabilities */
    double file;     /* bytes of the largest file that is built in memory */
    double data;     /* bytes of the data that were read (struct fs_data) */
    double items;    /* bytes of the plan of the evaluation (fs_plan_bytes); 0: not compiled */
    double gathered; /* bytes that its units give */
    double scores;   /* bytes of the suites' */
};

/* Bytes of the file of an edit that is being trained. */
double fs_memory_training_file(const struct fs_training_size *size);
/* Bytes of a training's files that are built in memory, at most: of the largest, half-way and at the end. */
double fs_memory_training_built(const struct fs_training_size *size);

/* Before a job's data are read: units of the usual size, statements of 64 tokens. Sets the units, tokens and rows. */
void fs_memory_usual_units(const struct fs_spec *spec, struct fs_memory_load *load);

/* Bytes. */
struct fs_memory {
    double weights;                                     /* a node */
    double program, optimizer, gradients, caches, kept; /* a rank */
    double columns, items;                              /* a rank */
    double thread, trace, training, evaluate;           /* a thread; `thread` in all stages */
    double archive, results;                            /* the root */
};
/* Adds a model's bytes of weights to the load; `mapped` is that of its shape where it has no files. */
void fs_memory_add_model(const struct fs_model *model, struct fs_memory_load *load);
/* The other models of the job's methods, those that are made in memory, and whether there is a decoding rule. FS_EXIT_NO_INPUT,
 * FS_EXIT_DATA. */
int fs_memory_add_methods(const struct fs_job *job, struct fs_memory_load *load, struct fs_error *err);
void fs_memory_of(const struct fs_spec *spec, const struct fs_memory_load *load, struct fs_memory *memory);

/* Before the data are compiled: sets data, items, gathered and scores, for an item and candidate as a statement of 20 tokens, 4
 * of which are read. */
void fs_memory_usual_items(const struct fs_data *data, size_t columns, struct fs_memory_load *load);
/* Bytes that the root needs beside what a rank does. */
double fs_memory_root(const struct fs_memory *memory);
/* Bytes of the scores of suites of the data, for so many columns. */
double fs_memory_scores(const struct fs_data *data, size_t columns);
/* Of the largest stage of a rank with `threads` threads: bytes once a rank, and a thread; without weights and archive. */
void fs_memory_split(const struct fs_memory *memory, size_t threads, double *rank, double *thread);
/* Both: bytes of a rank that is not the root. */
double fs_memory_rank(const struct fs_memory *memory, size_t threads);
/* Bytes of one forward workspace (model/engine.h) that has seen units of T tokens and R rows. */
double fs_memory_workspace(const struct fs_spec *spec, double tokens, double rows);

#endif
