/*
 * An edit: what a method changes of a model. No edit (NULL) is the unedited model. The engine knows edits by the hooks
 * of their kind alone; a kind is one row and one file in model/edits/.
 *
 * An edit acts on layers from `first_layer` on: below it an edited model computes what the unedited one does, so that
 * both share those layers. One of the last state, or of log probabilities, alone has the model's number of layers there and shares them all. An
 * edit that replaces the whole model (`model`) shares nothing.
 *
 * Letters as in spec.h. All local.
 */
#ifndef FAIRSTAMP_MODEL_EDIT_H
#define FAIRSTAMP_MODEL_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "io/archive/archive.h"
#include "io/error.h"
#include "model/backends/backend.h"
#include "model/numbers/real.h"

struct fs_applied;
struct fs_edit;
struct fs_model;
struct fs_spec;

/* What the hooks at an FFN work on. */
struct fs_edit_run {
    const struct fs_backend *backend; /* for matrix products */
    size_t layer, tokens;             /* T */
    const fs_real *x;                 /* (T,d) the FFN's input */
    const fs_real *key;               /* (T,F) what W_out reads, where the kind reads_keys; else undefined */
    fs_real *inner;                   /* (T, inner_size) out of the forward hook, into the backward one */
};

/* NULL: the kind has no such hook. */
struct fs_edit_kind {
    const char *name; /* "stamp" */
    bool reads_keys;  /* its hooks at an FFN read run->key, and x no more; its check refuses a layer of experts */
    /* fs_upper_backward calls ffn_output_backward at each layer above the first too, from the top down. Forward it adds
     * nothing there: the pass's model is what it is there to see. A layer of experts is passed over. */
    bool sees_upper_layers;
    /* Whether the edit fits a model; FS_EXIT_DATA says what does not. */
    int (*check)(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err);

    /* The output of the FFN of run->layer: adds to h (T,d), the base, what the edit makes of run->x. */
    void (*ffn_output)(const struct fs_edit *edit, const struct fs_edit_run *run, fs_real *h);
    size_t (*inner_size)(const struct fs_edit *edit);
    /* From dy (T,d), the gradient of the FFN's output: adds to gradient (layout of edit->number; NULL: not wanted), and
     * sets dx (T,d; NULL: not wanted, as where the kind reads_keys) to the gradient of x through the edit alone. dinner
     * (T, inner_size) is scratch. */
    void (*ffn_output_backward)(const struct fs_edit *edit, const struct fs_edit_run *run, const fs_real *dy,
                                fs_real *dinner, fs_real *gradient, fs_real *dx);
    /* The hidden state h (T,d) after `layer`, in place. */
    void (*hidden_state)(const struct fs_edit *edit, size_t layer, size_t tokens, fs_real *h);
    /* Rows of the last state, (rows, fs_spec_state_width), behind final norm and output projection, in place. inner (rows,
     * inner_size) is scratch. */
    void (*last_state)(const struct fs_edit *edit, const struct fs_backend *backend, size_t rows, fs_real *state,
                       fs_real *inner);

    /*
     * A decoding rule changes what is made of the model's log probabilities, and no state: what is said of a text depends on
     * what the model says of the same text behind a prefix. Both or none of the two; such an edit is at no layer.
     */
    /* What stands before texts of a category, by its name (io/benchmarks/category.h); any is allowed. */
    const char *(*prefix)(const char *category);
    /* out (V) = log p' at a position, from log p (V) of the text and log q (V) of it behind the prefix; no two overlap. */
    void (*distribution)(const struct fs_edit *edit, size_t vocabulary, const fs_real *plain, const fs_real *prefixed,
                         fs_real *out);

    /* Multiplies what the edit adds to the model, in place; 1 changes no bit. */
    void (*scale)(struct fs_edit *edit, double strength);

    /* Floating point operations of the hooks on T tokens, or on as many rows of the last state. */
    double (*flops)(const struct fs_edit *edit, double tokens);
    /* Its datasets below /<name> of an archive, and back; the reader sets all of `edit` but `kind`. */
    int (*write)(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err);
    int (*read)(const struct fs_archive *archive, struct fs_edit *edit, struct fs_error *err);
    /* What the edit is outside of this program (applied.h): changes the model's weights, or adds tensors and metadata of its
     * own, whose meaning results/load_edit.py knows by the kind's name. */
    int (*apply)(const struct fs_edit *edit, struct fs_applied *applied, struct fs_error *err);
    /* Makes edit->model, `model` with what the edit's numbers change; after `read`, on each rank. */
    int (*attach)(struct fs_edit *edit, const struct fs_model *model, struct fs_error *err);
};

#define FS_EDIT_SIZES 5
struct fs_edit {
    const struct fs_edit_kind *kind;
    size_t first_layer;
    size_t size[FS_EDIT_SIZES]; /* what the kind needs beside the numbers, such as a width; 0 where not used */
    fs_real *number;            /* [count] its parameters, as the kind lays them out; NULL: none */
    size_t count;
    struct fs_model *model; /* another whole model; NULL: the edit acts on the unedited one */
};

/* Kinds that an archive can hold; NULL where there is none of that name. */
const struct fs_edit_kind *fs_edit_kind_find(const char *name);
/* Frees the parameters, and the other model. Takes a zeroed struct. */
void fs_edit_release(struct fs_edit *edit);

#endif
