/*
 * The check of the trace: stamps at several layers, trained with the same settings and measured alike, so that one sees
 * where the traced layer ranks among all (method: controls of step 1). Local.
 *
 * A layer's score is what its edit brings less what it costs,
 *
 *     1 - gap' / gap  -  max(0, LMS - LMS') / 100  -  (100 - RS') / 100
 *
 * with the gap of the pairs that were not edited (edited ones where none is held out), LMS of the same pairs, RS (top1)
 * of the facts (left out where there are none), over all categories; ' is the edited model. It is fairstamp's own; the
 * parts stand beside it.
 */
#ifndef FAIRSTAMP_STAGES_EVALUATE_LAYER_SWEEP_H
#define FAIRSTAMP_STAGES_EVALUATE_LAYER_SWEEP_H

#include "io/archive/archive.h"
#include "stages/suites/results.h"

struct fs_layer_comparison {
    size_t capacity;           /* layers that are compared */
    size_t layers;             /* of them done; those of the arrays below */
    size_t traced;             /* l* */
    size_t random;             /* the control: another layer, drawn by the seed; l* where there is no other */
    size_t *layer;             /* [layers] */
    double *loss;              /* [layers][4] L, L_e, L_s1, L_s2 before the last step */
    struct fs_results *result; /* [layers] columns: unedited, the edit at the layer; read back: values alone */
    double *score;             /* [layers] */
    size_t *place;             /* [layers] 1: the best */
};

/* Room for `capacity` layers; none is done. The caller releases, also on failure. */
int fs_layers_create(size_t capacity, size_t traced, size_t random, struct fs_layer_comparison *comparison,
                     struct fs_error *err);
void fs_layers_release(struct fs_layer_comparison *comparison); /* takes a zeroed struct */
/* The control layer of `layers`, not `traced` where there are two or more. */
size_t fs_layers_random(size_t layers, size_t traced, uint64_t seed);
/* Adds a layer's results, of one edit, and ranks all anew. The results are taken over, also on failure; their rows are
 * called as those of the layers before. */
int fs_layers_add(struct fs_layer_comparison *comparison, size_t layer, const double loss[4], struct fs_results *result,
                  struct fs_error *err);
bool fs_layers_has(const struct fs_layer_comparison *comparison, size_t layer);
/* The value of a row of the i-th layer and of the whole; NaN where there is none. `subset` NULL: not edited, else any.
 */
double fs_layers_value(const struct fs_layer_comparison *comparison, size_t i, const char *metric, const char *subset,
                       size_t column);

/* Datasets below /layers (results/README.md); and back. */
int fs_layers_write(struct fs_archive *archive, const struct fs_layer_comparison *comparison, struct fs_error *err);
int fs_layers_read(const struct fs_archive *archive, struct fs_layer_comparison *comparison, struct fs_error *err);

#endif
