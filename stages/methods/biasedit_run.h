/* What a training of BiasEdit (biasedit.h) computes on all ranks: rows, changes, losses and gradients of a group. Private to it. */
#ifndef FAIRSTAMP_STAGES_METHODS_BIASEDIT_RUN_H
#define FAIRSTAMP_STAGES_METHODS_BIASEDIT_RUN_H

#include "model/backward.h"
#include "stages/methods/biasedit_state.h"
#include "stages/methods/biasedit_texts.h"
#include "stages/methods/editor.h"

/* Pairs that one change is made for. */
struct fs_biasedit_group {
    size_t first, count;                   /* of fs_biasedit_run.pair */
    struct fs_biasedit_texts edits, texts; /* without and with unrelated statements */
    unsigned char *mine;                   /* [texts.units] */
    size_t rows;                           /* T, of a layer */
    fs_real *row;                          /* (layers,T,n); NULL: not computed now */
    unsigned char *block_mine;             /* [layers x blocks of rows] */
    bool stays;
};

/* What one thread computes with; made when it gets its first unit. */
struct fs_biasedit_bench {
    struct fs_workspace *workspace;
    struct fs_tape *tape;
    fs_real *h, *dh;  /* (T,d) */
    fs_real *logprob; /* (R,V) */
    fs_real *scratch; /* of the editor */
};

struct fs_biasedit_run {
    const struct fs_method_task *task;
    const struct fs_spec *spec;
    const struct fs_biasedit_options *options;
    struct fs_biasedit_state *state;
    struct fs_biasedit_form form;
    struct fs_editor editor;
    double *mean, *scale; /* [n] of the editor */
    struct fs_model *view;
    size_t *pair, pairs; /* [pairs] the edited ones: of the training groups, then of those for validation */
    struct fs_biasedit_group *group;
    size_t groups, training;         /* the first `training` ones are trained on */
    size_t together;                 /* pairs of the largest of these */
    struct fs_biasedit_group *now;   /* what runs */
    const fs_real *number;           /* the editor that runs */
    size_t most_tokens, most_rows;   /* of a unit */
    size_t block;                    /* rows of a block, at most */
    double kept;                     /* bytes of rows that stay */
    _Atomic size_t cached;           /* bytes of units that stay filled */
    struct fs_biasedit_bench *bench; /* [threads] */
    fs_real *value;                  /* (layers,most T,d) D, then its gradient */
    fs_real *total;                  /* [edit.count + 4 units] G, and losses */
    fs_real *gradient;               /* [parameters] */
    struct fs_editor_system *system; /* [layers] of `serial`, on the rank that has made it; else zeroed */
    size_t *system_of;               /* [layers] of which it is */
    size_t serial;                   /* the change that is at work */
};

/* All collective. */
/* FFN inputs of all texts, and the unedited model's a. */
int fs_biasedit_fill(struct fs_biasedit_run *run, struct fs_error *err);
/* now->row, where it is not there; fs_biasedit_forget frees what does not stay. */
int fs_biasedit_need_rows(struct fs_biasedit_run *run, struct fs_error *err);
void fs_biasedit_forget(struct fs_biasedit_group *group);
/* run->value = D of the group's rows by run->number. */
int fs_biasedit_values(struct fs_biasedit_run *run, struct fs_error *err);
/* state->edit = the change of these. */
int fs_biasedit_solve(struct fs_biasedit_run *run, struct fs_error *err);
/* run->total = G; loss: L, L_d, L_r of the group. */
int fs_biasedit_loss(struct fs_biasedit_run *run, double loss[FS_BIASEDIT_LOSSES], struct fs_error *err);
/* run->gradient, of all that the editor is, from G; after fs_biasedit_solve. */
int fs_biasedit_gradient(struct fs_biasedit_run *run, struct fs_error *err);
static inline size_t fs_biasedit_width(const struct fs_biasedit_run *run)
{
    return run->editor.ffn + run->editor.hidden;
}
/* Local. */
struct fs_biasedit_bench *fs_biasedit_bench_of(struct fs_biasedit_run *run, size_t thread, struct fs_error *err);
void fs_biasedit_release_benches(struct fs_biasedit_run *run);

#endif
