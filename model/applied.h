/*
 * What an edit is outside of this program: changed weights, a HuggingFace folder that transformers loads as it is; or
 * tensors of its own, a safetensors file that a hook reads (results/load_edit.py). Which of the two, and what is in it, its
 * kind says (struct fs_edit_kind, apply). Local.
 */
#ifndef FAIRSTAMP_MODEL_APPLIED_H
#define FAIRSTAMP_MODEL_APPLIED_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"
#include "io/formats/safetensors_write.h"
#include "model/edit.h"
#include "model/model.h"

/* What is added to a matrix (outputs,inputs) of the model, or to a vector, which has one input. */
struct fs_weight_change {
    size_t outputs, inputs;
    const fs_real *delta;        /* (outputs,inputs); NULL: left right^T */
    const fs_real *left, *right; /* (outputs,rank), (inputs,rank) */
    size_t rank;
};

struct fs_applied_change {
    struct fs_weight_change what;
    const struct fs_tensor *tensor;
};

/* Zeroed to begin with; the numbers are the edit's, which outlives it. */
struct fs_applied {
    const struct fs_model *model;
    bool widened;                     /* a folder's weights of 16 bits shall be stored as F32; set by the caller */
    struct fs_applied_change *change; /* [changes] tensors of the model */
    size_t changes, change_capacity;
    struct fs_tensors own; /* of the edit */
    struct fs_tensor_note *note;
    size_t notes, note_capacity;
};
void fs_applied_release(struct fs_applied *applied); /* takes a zeroed struct */

/* Asks the edit's kind. FS_EXIT_DATA where this model cannot have the edit so: a tensor that other layers share. */
int fs_applied_make(const struct fs_edit *edit, const struct fs_model *model, struct fs_applied *applied,
                    struct fs_error *err);

/* For kinds. What is added to the weight (or the bias) of the matrix by which the FFN of `layer`, of no experts, writes. */
enum fs_applied_part { FS_APPLIED_FFN_WEIGHT, FS_APPLIED_FFN_BIAS };
int fs_applied_change_ffn(struct fs_applied *applied, size_t layer, enum fs_applied_part part,
                          const struct fs_weight_change *change, struct fs_error *err);
/* A tensor of the edit's own; columns 0: a vector. */
int fs_applied_add(struct fs_applied *applied, const char *name, size_t rows, size_t columns, const fs_real *numbers,
                   struct fs_error *err);
/* A text of the file's metadata. */
int fs_applied_note(struct fs_applied *applied, const char *name, const char *value, struct fs_error *err);
int fs_applied_note_number(struct fs_applied *applied, const char *name, size_t value, struct fs_error *err);
/* "reads" and "writes": the modules of transformers that get the FFN's input and give its output in `layer`, as the names
 * of their weights have them, without the model's prefix. FS_EXIT_DATA where it has experts, or shares its weights. */
int fs_applied_note_ffn(struct fs_applied *applied, size_t layer, struct fs_error *err);

/* What storing the changed numbers did. */
struct fs_applied_rounding {
    double change, lost;  /* sums of squares: of what was added, and of what rounding to the stored type took from it */
    size_t numbers, kept; /* that were to change, and those of them that are stored as before */
    const char *dtype;    /* of the last changed tensor */
};

/* Whether the edit changes weights of the model; otherwise it has tensors of its own. */
bool fs_applied_is_folder(const struct fs_applied *applied);
/* "a, b": the tensors that it changes, cut where `size` bytes do not hold it. */
void fs_applied_changed(const struct fs_applied *applied, char *names, size_t size);

/* The file of the edit's own tensors at `path`, which is not there; and its metadata alone, as JSON. */
int fs_applied_write_file(struct fs_applied *applied, const char *path, struct fs_error *err);
int fs_applied_write_notes(const struct fs_applied *applied, const char *path, struct fs_error *err);
/*
 * The model of `folder` with the changed tensors, in their stored types, into `out`, which is there and empty: files of
 * weights as in `folder`, or one model.safetensors where their format is another or they are widened; all else that is
 * neither weights nor a folder is copied. *left_out, a text that the caller frees: names of what was not; "" where there is none.
 */
int fs_applied_write_folder(const struct fs_applied *applied, const char *folder, const char *out,
                            struct fs_applied_rounding *rounding, char **left_out, struct fs_error *err);

#endif
