/*
 * A method makes an edit of a model: it trains one, or takes one that is there. One row of method_rows.h, and its own
 * files; nothing else in the program names a method.
 *
 * A method that trains brings a trainer. Its state lies in memory between two steps, is the same on all ranks, or shared out
 * among them where it is as large as the model, and goes to an archive and back, so that a training goes on where an earlier
 * run has left it.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_METHOD_H
#define FAIRSTAMP_STAGES_METHODS_METHOD_H

#include <stdbool.h>
#include <stddef.h>

#include "io/archive/archive.h"
#include "io/benchmarks/benchmark.h"
#include "io/settings/settings.h"
#include "model/edit.h"
#include "model/model.h"
#include "model/tokenizer/tokenizer.h"
#include "stages/plan/statement.h"
#include "stages/work/runner.h"

/* What a training learns from: its results depend on these data of the job alone. FS_LEARNS_KEYS: from covariances of the
 * text too (covariance.h). */
enum { FS_LEARNS_PAIRS = 1, FS_LEARNS_TEXT = 2, FS_LEARNS_WORDS = 4, FS_LEARNS_KEYS = 8 };

struct fs_covariance_store;

/* What a training works on; all owned by the caller. */
struct fs_method_task {
    const struct fs_model *model;
    const struct fs_tokenizer *tokenizer;
    const struct fs_pair_list *pairs;
    const bool *held_out;                   /* [pairs->count] left out of the edit */
    const char *text;                       /* a file, one paragraph a line; NULL: none */
    const struct fs_attribute_table *words; /* NULL: none */
    const char *const *categories;          /* NULL-terminated; NULL: all of the data */
    struct fs_runner *runner;
    size_t layer;            /* where the edit goes; 0 where the trainer has no layer_key */
    enum fs_scoring scoring; /* P[k] of the pairs */
    uint64_t seed;
    size_t covariance_tokens;                      /* of the text, the most that a covariance is of */
    const struct fs_covariance_store *covariances; /* covariance.h; NULL: they are made and not kept */
    const void *settings;                          /* the method's own struct, filled from its table */
};

/* Begins a method's own state. */
struct fs_training_state {
    size_t step, steps; /* done; of the whole training */
};

/* What a training has gone through, for reports; the caller releases it. */
#define FS_HISTORY_TERMS 10
struct fs_training_history {
    char title[128];     /* "Fairness Stamp at layer 3, width 1024" */
    const char *note;    /* what some terms are of; "" */
    const char *caption; /* what the losses are, below their picture */
    size_t layer;        /* FS_AUTO: at none */
    size_t step;
    size_t losses, terms;               /* the first `losses` of the terms are losses, drawn together */
    const char *term[FS_HISTORY_TERMS]; /* "L", for people */
    const char *name[FS_HISTORY_TERMS]; /* "L", for programs */
    int decimals[FS_HISTORY_TERMS];
    size_t sizes; /* such as the width */
    struct {
        const char *name;
        size_t value;
    } size[FS_EDIT_SIZES];
    double *value; /* [step][terms], before each step */
};
void fs_training_history_release(struct fs_training_history *history); /* takes a zeroed struct */

/* How much a training is, before it begins. */
struct fs_training_size {
    size_t layer;      /* FS_AUTO: the trace finds it */
    size_t inner;      /* numbers a token that the edit keeps, fs_edit_kind.inner_size, and keys that it reads */
    size_t parameters; /* whose training each rank holds whole */
    size_t shared;     /* parameters whose training the ranks share out, but for the edited weights (write_shares) */
    size_t steps;      /* a batch of pairs */
    size_t save_every; /* steps */
    double memory;     /* bytes of a rank, the most, for what need not be computed again */
    double root;       /* bytes that the root needs besides */
    double text;       /* bytes of a rank, of what it has read of a text */
    bool all_layers;   /* gradients go back through all of them, whatever `layer` is */
    bool two_sweeps;   /* a step may keep forward passes from one to the other (stamp_memory.h) */
};

/*
 * Collective where it has a task, otherwise local. `save` is called on all ranks after every step: with `stop` it must
 * save, otherwise it saves where it thinks fit.
 */
typedef int fs_training_save(void *context, const struct fs_training_state *state, bool stop, struct fs_error *err);
#define FS_TRAINING_LOSSES 4
struct fs_trainer {
    /* A state without a step, on every rank; destroyed by the caller. `pairs`: how many are edited. */
    int (*create)(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,
                  struct fs_error *err);
    void (*destroy)(struct fs_training_state *state); /* takes NULL */
    /* The root's state to all; every rank has created its own for the same task. */
    int (*broadcast)(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err);
    /* Trains on from state->step. FS_EXIT_INTERRUPTED after a stop request. */
    int (*train)(const struct fs_method_task *task, fs_training_save *save, void *context,
                 struct fs_training_state *state, struct fs_error *err);
    /* Whether a state that was read back belongs to the training of `fresh`. */
    bool (*is_same)(const struct fs_training_state *fresh, const struct fs_training_state *found);
    size_t (*bytes)(const struct fs_training_state *state); /* of its file */
    /* Losses before the last step done: as many as the history has, the whole loss first; zeros where none is done. */
    void (*losses)(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES]);
    int (*write)(const struct fs_method_task *task, const struct fs_training_state *state, struct fs_archive *archive,
                 struct fs_error *err);
    int (*read)(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err);
    /*
     * Where the ranks share the state out, what `write`, `read` and `broadcast` leave out; NULL: nothing. Behind them, of the
     * same archive, and collective; `archive` is NULL but on the root.
     */
    int (*write_shares)(const struct fs_method_task *task, const struct fs_training_state *state,
                        struct fs_archive *archive, struct fs_error *err);
    int (*read_shares)(const struct fs_method_task *task, const struct fs_archive *archive,
                       struct fs_training_state *state, struct fs_error *err);
    /* The edit as trained so far; it borrows the state's parameters, and is not to be released. Where the ranks share its
     * numbers out it has none of them, but its model. */
    struct fs_edit (*edit)(const struct fs_training_state *state);
    int (*read_history)(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err);

    /* Of settings alone, for estimates; `spec` NULL: no parameters. */
    void (*size)(const void *settings, const struct fs_spec *spec, struct fs_training_size *size);
    /* Keys of the job behind these sizes; layer_key NULL: the edit is at no layer. */
    const char *steps_key, *save_key, *layer_key;
};

/* Room for any method's settings. */
union fs_method_settings {
    max_align_t align;
    unsigned char byte[1024];
};

struct fs_method {
    const char *name; /* of the job's keys method and methods */
    const char *about;
    const struct fs_edit_kind *edit;    /* what it makes */
    const struct fs_settings *settings; /* keys <name>.*; NULL: none */
    size_t settings_size;               /* of the struct that they fill, at most a union fs_method_settings */
    const struct fs_trainer *trainer;   /* NULL: it does not train */
    unsigned learns;                    /* bits FS_LEARNS_* of the data that the job must have */
    bool takes_model;                   /* the edit is another model, at a path that the job gives */
    /* By enum fs_model_kind: raised where the same settings and data make another edit than before. Fingerprints have it
     * where it is not 0, so files of former revisions are of another job. */
    unsigned revision[FS_SETTING_VARIANTS];
    /* Of one that neither trains nor takes a model: makes the edit of its settings. The caller releases. Local. */
    int (*make)(const void *settings, const struct fs_spec *spec, struct fs_edit *edit, struct fs_error *err);
};
/* [fs_method_count] */
extern const struct fs_method *const fs_methods[];
extern const size_t fs_method_count;

const struct fs_method *fs_method_find(const char *name); /* NULL: none */

#endif
