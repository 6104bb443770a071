/* A thread's memory for the layers and the head, and what a batch is. Private to model/. */
#ifndef FAIRSTAMP_MODEL_STEPS_WORKSPACE_H
#define FAIRSTAMP_MODEL_STEPS_WORKSPACE_H

#include "io/error.h"
#include "model/families/spec.h"
#include "model/numbers/real.h"

/* Memory that grows to the largest request. */
struct fs_scratch {
    fs_real *data;
    size_t capacity;
};

/* Cosines and sines of the positions 0 .. length - 1: (length, D), D / 2 cosines and D / 2 sines a position. */
struct fs_rotary_table {
    struct fs_rotary rotary;
    size_t length;
    struct fs_scratch angle;
};

struct fs_workspace {
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
    struct fs_scratch up, gate;          /* (T,F) */
    struct fs_scratch inner;             /* (T, inner_size) of an edit */
    struct fs_scratch rows, transformed; /* (R,d) states at read positions, through final norm or transform */
    struct fs_scratch logits;            /* one panel of the head */
    struct fs_scratch dffn, dgate, dqkv, dcontext, dstate; /* gradients, for backward.c */
    struct fs_rotary_table *rotary;                        /* [rotaries] one for each that a layer has */
    size_t rotaries, rotary_capacity;
};

/* scratch->data holds at least `count` numbers; their values are undefined after growth. */
int fs_scratch_reserve(struct fs_scratch *scratch, size_t count, const char *purpose, struct fs_error *err);
/* How many it holds now. */
size_t fs_workspace_numbers(const struct fs_workspace *workspace);
/* Frees what the struct owns, and zeroes it. */
void fs_workspace_release(struct fs_workspace *workspace);

#endif
