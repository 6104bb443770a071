/* A thread's memory for the layers and the head, and what a batch is. Private to model/. */
#ifndef FAIRSTAMP_MODEL_STEPS_WORKSPACE_H
#define FAIRSTAMP_MODEL_STEPS_WORKSPACE_H

#include "io/error.h"
#include "model/families/spec.h"
#include "model/numbers/random.h"
#include "model/numbers/real.h"

/* Memory that grows to the largest request. */
struct fs_scratch {
    fs_real *data;
    size_t capacity;
};

/* Cosines and sines of positions from 0 on, as many of each as pairs turn. */
struct fs_angles {
    size_t length;           /* there is room for so many positions, and all are set but with dynamic frequencies */
    size_t sequence;         /* 0, or how long the sequence is that they are for */
    struct fs_scratch angle; /* (length, fs_rotary_width) */
};

struct fs_rotary_table {
    struct fs_rotary rotary;
    struct fs_angles usual, beyond; /* beyond: sequences longer than original_positions, where fs_rotary_has_long */
};

/* A row a head: biases of distances 1 - length .. length - 1, or of positions 0 .. length - 1. */
struct fs_score_bias_table {
    size_t length;
    struct fs_scratch rows;
};

/* Of disentangled attention, for sequences of at most `length`. */
struct fs_relative {
    size_t length;
    size_t *row; /* [2 length - 1] of the embedding, by distance from 1 - length on */
    size_t row_capacity;
    size_t first, rows;          /* of the embedding, that the batch meets */
    struct fs_scratch embedding; /* (2 S,d) behind its norm, where `filled` */
    bool filled;
    struct fs_scratch key, query; /* (rows,H D) of the layer at work */
    struct fs_scratch scores;     /* (n,rows) twice: of a head's queries and keys */
    struct fs_scratch
        gradients; /* of key and query, and (2 S,d) of the embedding behind its norm; of trainings alone */
};

/*
 * Dropout, in a training's passes: where numbers are set to 0, the others made larger by as much. Which ones, follows from
 * `key`, layer, place and the number's own place in the batch, so that the backward pass finds the same.
 */
struct fs_dropout {
    double hidden;    /* share of the embeddings' output, and of what attention and FFN add to the residual stream */
    double attention; /* of attention's weights */
    uint64_t key;
};
enum fs_dropout_place { FS_DROP_EMBEDDING, FS_DROP_WEIGHTS, FS_DROP_ATTENTION, FS_DROP_FFN, FS_DROP_PLACES };

struct fs_workspace {
    const struct fs_dropout *dropout;    /* NULL: none */
    struct fs_scratch dropped;           /* (T,d), or (n,n) of a head */
    struct fs_scratch normed;            /* (T,d) what the projections read in a pre-norm block */
    struct fs_scratch x;                 /* (T,d) what the FFN receives */
    struct fs_scratch chosen, dchosen;   /* (T,experts) the router's softmax, its gradient */
    struct fs_scratch expert;            /* (3,T,d) rows of one expert, in and out, and the sum over all */
    size_t *expert_row;                  /* [T experts_used] tokens, one expert's after the other's */
    size_t *expert_first;                /* [experts + 1] where they begin */
    size_t expert_rows, experts;         /* how many there is room for */
    struct fs_scratch branch;            /* (T,d) a branch's output that is apart from the residual */
    struct fs_scratch qkv;               /* (T,(H+2G)D) query, key, value heads side by side */
    struct fs_scratch weights;           /* attention weights of a few heads of one sequence */
    struct fs_scratch context;           /* (T,H D) */
    struct fs_scratch path;              /* (2,m,2 G D) keys and values of a sequence's path, and their gradients */
    struct fs_scratch up, gate;          /* (T,F) */
    struct fs_scratch inner;             /* (T, inner_size) of an edit */
    struct fs_scratch rows, transformed; /* (R,d) or (R,E) states at read positions, on their way to the head */
    struct fs_scratch logits;            /* one panel of the head */
    struct fs_scratch dffn, dgate, dqkv, dcontext, dstate; /* gradients, for backward.c */
    struct fs_scratch row;                                 /* ((H+2G)D) of qkv, while it is put in order */
    struct fs_scratch scores;                              /* (n,n) of a head, once more for backward */
    struct fs_scratch unfolded;                            /* (n, d kernel) what a convolution multiplies */
    struct fs_score_bias_table bias;
    struct fs_relative relative;
    struct fs_rotary_table *rotary; /* [rotaries] one for each that a layer has */
    size_t rotaries, rotary_capacity;
};

/* Numbers first .. first + count - 1 of a place of `layer`, or their gradients, through the dropout; there must be one. */
void fs_dropout_apply(const struct fs_dropout *dropout, enum fs_dropout_place place, size_t layer, size_t first,
                      fs_real *x, size_t count);

/* scratch->data holds at least `count` numbers; their values are undefined after growth. */
int fs_scratch_reserve(struct fs_scratch *scratch, size_t count, const char *purpose, struct fs_error *err);
/* How many it holds now. */
size_t fs_workspace_numbers(const struct fs_workspace *workspace);
/* Frees what the struct owns, and zeroes it. */
void fs_workspace_release(struct fs_workspace *workspace);

#endif
