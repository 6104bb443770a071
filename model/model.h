/*
 * A model: its spec and its weights, mapped from the HuggingFace folder or the GGUF file.
 *
 * Float32 tensors that are aligned are used in place, and so are F16 and BF16 ones that products alone read: matrices of
 * linear maps, the head, the word embedding. What must be converted goes to one block of fs_model_converted_bytes() bytes
 * that the caller provides, so that all ranks of a node can share one: other tensors of 16 bits (norms, biases, positions)
 * become float32, quantised matrices F16, and what is unaligned, strided or in another order stays of its type:
 *
 *     fs_model_open -> allocate (or share) the block -> fs_model_convert_piece, each piece on one rank -> barrier
 *     -> fs_model_convert(without write) on all
 */
#ifndef FAIRSTAMP_MODEL_MODEL_H
#define FAIRSTAMP_MODEL_MODEL_H

#include "io/error.h"
#include "model/backends/backend.h"
#include "model/families/spec.h"
#include "model/folder/notes.h"
#include "model/numbers/real.h"

struct fs_model;

/* Reads the config, maps the weights, checks that every tensor of the family is there with its shape. Local. */
int fs_model_open(const char *folder, struct fs_model **model, struct fs_error *err);
void fs_model_destroy(struct fs_model *model); /* unmaps; does not free the converted block; takes NULL */

const struct fs_spec *fs_model_spec(const struct fs_model *model);
/* What is to be said of its folder: how it was read where that is not plain. Owned by the model. */
const struct fs_notes *fs_model_notes(const struct fs_model *model);
/* What computes its matrix products: the default backend in float32, or what fs_model_compute has set. */
const struct fs_backend *fs_model_backend(const struct fs_model *model);
/* Sets what computes its products from here on. FS_EXIT_CONFIG names the key where this machine or build cannot, or where the
 * model has no weights of BF16 to multiply by. `compute` need not live on. */
int fs_model_compute(struct fs_model *model, const struct fs_compute *compute, struct fs_error *err);

/* Bytes that each thread holds from its first product by weights of 16 bits on; 0 where there are none. */
size_t fs_model_panel_bytes(const struct fs_model *model);
/* Bytes of the block for converted tensors; 0 where all weights are used in place. */
size_t fs_model_converted_bytes(const struct fs_model *model);

/*
 * Binds the model to `block` (64-byte aligned, fs_model_converted_bytes() bytes, outlives the model). With `write` the
 * tensors are converted into it; without, another rank has done so. Call before any computation, also with 0 bytes.
 * Non-finite weights are FS_EXIT_DATA (checked where `write`).
 */
int fs_model_convert(struct fs_model *model, void *block, bool write, struct fs_error *err);

/* What `write` does, in pieces that processes sharing `block` may do in any order and at once: each one tensor. */
size_t fs_model_pieces(const struct fs_model *model);
int fs_model_convert_piece(const struct fs_model *model, void *block, size_t piece, struct fs_error *err);

/* One process's way: open, allocate the block (freed by fs_model_destroy), convert. For tests and tools. */
int fs_model_load(const char *folder, struct fs_model **model, struct fs_error *err);

/*
 * For timing: a model of `spec` with random weights, layers of one shape sharing theirs. No files. As fs_model_load
 * otherwise.
 */
int fs_model_random(const struct fs_spec *spec, struct fs_model **model, struct fs_error *err);
/* For timing: from here on the model has its first `layers` layers alone, at most as many as it was opened with. */
void fs_model_limit_layers(struct fs_model *model, size_t layers);

/* Whether sequences of a batch may share their beginnings, where the family allows it; they may to begin with. */
void fs_model_share_prefixes(struct fs_model *model, bool share);

/* row (E): the word embedding of `token`. FS_EXIT_DATA where the vocabulary has no such token. */
int fs_model_word_embedding(const struct fs_model *model, int32_t token, fs_real *row, struct fs_error *err);

/* Files that make up the model (config, weights), for hashing: `count` paths owned by the model. */
const char *const *fs_model_files(const struct fs_model *model, size_t *count);

#endif
