/*
 * A layer in memory: its weights, and the list of steps that it is. The list is chosen once, when the layer is bound,
 * from what the architecture says; forward and backward walk it and ask no more. Private to model/; local.
 *
 *     pre-norm       norm1, attend, output, norm2, ffn               | edit
 *     pre-norm, m    norm1, attend, output, scale, norm2, ffn        | edit, scale
 *     post-norm      attend, output, norm1, ffn                      | edit, norm2
 *     convolved      convolution, attend, output, norm1, ffn, put    | edit, norm2, norm
 *     parallel       norm1, attend, output, ffn                      | edit
 *     two norms      norm1, qkv, norm2, attend, output, ffn          | edit
 *     sandwich-norm  norm1, attend, output, norm1', norm2, ffn       | edit, norm2'
 *     branch-norm    attend, output, norm1', copy, ffn               | edit, norm2'
 *
 * The bar is the seam, where an edit adds to FFN(x); "attend" is qkv, clip, head norm, positions, attention. At the seam
 * stream Y holds FFN(x), where it is apart, and H the rest; where it is not, Y is H, which holds both. X is what the FFN
 * read. "positions" turn by rotary angles; they, "clip" and "head norm" are no step where the layer has none.
 */
#ifndef FAIRSTAMP_MODEL_STEPS_LAYER_H
#define FAIRSTAMP_MODEL_STEPS_LAYER_H

#include "model/backends/linear.h"
#include "model/families/spec.h"
#include "model/numbers/kernels.h"
#include "model/steps/batch.h"
#include "model/steps/workspace.h"

/* The (T,d) matrices of a layer at work. */
enum fs_stream { FS_STREAM_H, FS_STREAM_NORMED, FS_STREAM_X, FS_STREAM_Y, FS_STREAMS, FS_STREAM_NONE = FS_STREAMS };

/* One step: reads `from`, writes `to`; what is not named here lies in the activations and the workspace. */
struct fs_step {
    const struct fs_step_kind *kind;
    enum fs_stream from, to;
    enum fs_stream residual; /* what is added to the result; NONE */
    bool joins;              /* backward: adds to the gradient of `from`, which holds another branch's already */
    enum fs_layer_norm norm; /* of a norm */
};

enum { FS_MOST_STEPS = 16 };

struct fs_expert {
    struct fs_linear gate, up, down;
};

struct fs_layer {
    const struct fs_layer_spec *spec;
    struct fs_norm norm[FS_LAYER_NORMS];
    struct fs_norm query_norm, key_norm; /* of D numbers, or of all heads' */
    struct fs_norm *own_norm;            /* [H + G] of D numbers, in the model's. Which: head_norm of the layer */
    size_t projections;                  /* 3: query, key, value; 1: all in one matrix, in this order */
    struct fs_linear projection[3];      /* (d) -> (H D), (G D), (G D) */
    struct fs_linear attention_output, gate, up, down;
    struct fs_linear convolution;                  /* (d kernel) -> (d), a number's neighbours side by side */
    struct fs_linear relative_key, relative_query; /* (d) -> (H D), of relative positions; disentangled attention */
    struct fs_linear router;                       /* (d) -> (experts) */
    struct fs_expert *expert;                      /* [experts], which have gate, up and down then; in the model's */
    const struct fs_ffn_kind *ffn;
    struct fs_step step[FS_MOST_STEPS];
    size_t steps, seam; /* steps before `seam` are before the edit */
    /* Streams whose gradient is h's own: they are h, or carry its residual. The rest share one. */
    bool residual[FS_STREAMS];
};

/*
 * Where one layer's intermediates go. A forward without memory points to the workspace, and leaves NULL what it need
 * not keep; a tape has its own for each layer. All are owned by the workspace or the tape.
 */
struct fs_activations {
    fs_real *norm_in[FS_LAYER_NORMS]; /* (T,d) inputs of the norms, or NULL */
    fs_real *qkv;                     /* (T,(H+2G)D), rotated */
    fs_real *clip_in;                 /* (T,(H+2G)D) inputs of the clip, or NULL */
    fs_real *head_norm_in;            /* (T,(H+G)D) inputs of the head norm, or NULL */
    fs_real *weights;   /* all attention weights: (H,n,n) for each sequence in turn; NULL: a few at a time */
    fs_real *up, *gate; /* (T,F) before the activation; with experts (T experts_used,F), one's rows after the other's */
    fs_real *active;    /* likewise after it; may be `up` */
    fs_real *chosen;    /* (T,experts) the router's softmax; where layers have experts */
    const struct fs_row_copies *attention_copies, *ffn_copies; /* NULL but in fs_run_layer_patched */
};

/* What the attention of all layers reads. */
struct fs_score_weights {
    const fs_real *bias;          /* (buckets,H) of FS_BUCKET_BIAS */
    const fs_real *relative;      /* (2 S,d) embedding of relative positions, of disentangled attention */
    struct fs_norm relative_norm; /* of its rows */
};

/* One layer at work on one batch. */
struct fs_layer_run {
    const struct fs_spec *spec;
    const struct fs_layer *layer;
    const struct fs_backend *backend;
    struct fs_workspace *workspace;
    const struct fs_batch *batch;
    size_t tokens; /* T */
    const struct fs_activations *activations;
    fs_real *stream[FS_STREAMS];   /* forward: (T,d) each; backward with a sink: what projections and FFN have read */
    fs_real *gradient[FS_STREAMS]; /* backward: (T,d) each; see fs_layer.residual */
    const struct fs_score_weights *score_weights;
    const struct fs_weight_sink *sink; /* backward: also gradients of the weights go there; NULL: they are frozen */
};

struct fs_step_kind {
    const char *name;
    void (*forward)(const struct fs_step *step, const struct fs_layer_run *run);
    /* From the gradient of `to` to that of `from`, and to those of its weights where there is a sink. */
    void (*backward)(const struct fs_step *step, const struct fs_layer_run *run);
};

extern const struct fs_step_kind fs_step_norm, fs_step_qkv, fs_step_clip, fs_step_head_norm, fs_step_positions,
    fs_step_attention, fs_step_output, fs_step_scale, fs_step_copy, fs_step_put, fs_step_convolution, fs_step_ffn;

/* Sets the steps of a layer of `spec`. */
void fs_layer_choose_steps(const struct fs_spec *spec, const struct fs_layer_spec *own, struct fs_layer *layer);

/* The steps first .. last - 1 in order, and backward in the opposite order. */
void fs_steps_forward(const struct fs_layer_run *run, size_t first, size_t last);
void fs_steps_backward(const struct fs_layer_run *run, size_t first, size_t last);

/* Tables of the rotary positions of all layers, up to the batch's longest sequence. */
int fs_positions_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                         struct fs_error *err);

/* Tables and memory of what comes between qkv and the softmax, up to the batch's longest sequence. */
int fs_scores_prepare(const struct fs_spec *spec, const struct fs_score_weights *weights,
                      struct fs_workspace *workspace, const struct fs_batch *batch, struct fs_error *err);

/* Memory of a convolution, where the model has one. */
int fs_convolution_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                           struct fs_error *err);

/* Numbers in fs_activations.weights for a whole batch. */
size_t fs_attention_weights(const struct fs_spec *spec, const struct fs_batch *batch);
/* The most numbers that attention needs in workspace->weights where nothing is kept. */
size_t fs_attention_block(const struct fs_spec *spec, const struct fs_batch *batch);

/* A form of FFN. */
struct fs_ffn_kind {
    /* From x (T,d) to activations->up, ->gate and ->active, and ->chosen where there are experts. */
    void (*inner)(const struct fs_layer_run *run, const fs_real *x);
    /* out (T,d) = residual (NULL: 0) + FFN(x), after `inner`; does the row copies of the activations. */
    void (*output)(const struct fs_layer_run *run, const fs_real *residual, fs_real *out);
    /* dx (T,d) = beta dx + gradient through FFN(x) alone, from dy (T,d) and what `inner` left; dx may be dy. */
    void (*backward)(const struct fs_layer_run *run, const fs_real *dy, fs_real beta, fs_real *dx);
    /*
     * After `inner`: *value (T,width) of a part, so that FFN(x) is linear in the values of all parts together; returns the
     * width, 0 where no token uses the part. workspace->dffn (T,width) gets their gradient from dy (T,d).
     */
    size_t (*neurons)(const struct fs_layer_run *run, size_t part, const fs_real *dy, const fs_real **value);
};
const struct fs_ffn_kind *fs_ffn_kind_of(const struct fs_layer_spec *layer);
extern const struct fs_ffn_kind fs_ffn_experts;

/* Room for the rows of experts of T tokens. */
int fs_experts_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, size_t tokens, struct fs_error *err);

/* Adds to the gradients of a norm's weights, from its input `in` and the gradient of its output, (rows,size). */
void fs_norm_weight_gradient(const struct fs_weight_sink *sink, const struct fs_norm *norm, const fs_real *in,
                             const fs_real *dout, size_t rows, size_t size);

/* `count` numbers from `first` on of a place of the layer through the dropout, in place; no work where there is none. */
void fs_layer_drop(const struct fs_layer_run *run, enum fs_dropout_place place, size_t first, fs_real *x, size_t count);
/* dy (T,d), the gradient of what a place of the layer adds, through the dropout: in the workspace, or dy itself. */
const fs_real *fs_layer_drop_backward(const struct fs_layer_run *run, enum fs_dropout_place place, const fs_real *dy);
/* Room for what is dropped of the batch; none where there is no dropout. */
int fs_dropout_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                       struct fs_error *err);

/* Does copies->count copies of rows of `width` numbers; none where `copies` is NULL. */
void fs_copy_rows(const struct fs_row_copies *copies, fs_real *data, size_t width);

#endif
