/*
 * The measures of the trace: what is put where, layer by layer, and what it changes.
 *
 * An item's total effect is TE = log P[o] - log P*[o], of the biased and the counterfactual run (trace.h). A measure puts
 * what a component has in one run into the other, in one layer or in a window of layers around it, at some positions:
 *
 *     restore   the biased run's value into the counterfactual run: what suffices
 *               share = (log P*[o | restored] - log P*[o]) / TE
 *     remove    the counterfactual run's value into the biased run: what is needed
 *               share = (log P[o] - log P[o | removed]) / TE
 *
 * Where noise stands in for a counterpart, log P*[o] and the log P[o] of a changed run are means over the samples. Items
 * with |TE| below a limit say nothing on shares, and are left out and counted. The share of several items is their
 * median, which a few large ones do not move; its 95 % interval is a bootstrap that draws target terms, all items of a
 * drawn term with it, as these are alike; one term alone has none (NaN).
 *
 * Components: the residual stream after layer l; what attention, or the FFN, adds to it. The residual stream at all
 * positions is the other run itself, and no measure. Severed, after ROME (kmeng01/rome, causal_trace.py,
 * trace_with_repatch): the residual stream is restored at the subject, while what the FFN, or attention, of every later
 * layer adds there is held at its value of the counterfactual run: how much of the effect goes past that path.
 *
 * A new measure is one row. Names are component.positions.direction, with the path that is severed, or "window", behind.
 */
#ifndef FAIRSTAMP_STAGES_TRACE_TRACE_MEASURE_H
#define FAIRSTAMP_STAGES_TRACE_TRACE_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

#include "io/archive/archive.h"
#include "io/error.h"

/* The residual stream after a layer; or what attention, or the FFN, adds to it, over a window of layers. */
enum fs_trace_kind { FS_TRACE_RESIDUAL, FS_TRACE_ATTENTION, FS_TRACE_FFN, FS_TRACE_KINDS };
const char *fs_trace_kind_name(enum fs_trace_kind kind); /* "residual", "attention", "ffn" */

/* The subject's last token or all of its tokens, as trace.positions says; where the object is predicted; all. */
enum fs_trace_span { FS_SPAN_SUBJECT, FS_SPAN_READ, FS_SPAN_ALL };
enum fs_trace_direction { FS_TRACE_RESTORE, FS_TRACE_REMOVE };
enum fs_trace_width { FS_TRACE_ONE, FS_TRACE_WINDOW }; /* layers: one, or trace.window around it */

/* ROW(id, name, component, positions, direction, layers, severed; RESIDUAL: nothing, meaning) */
#define FS_TRACE_MEASURE_ROWS(ROW)                                                                                     \
    ROW(RESIDUAL_SUBJECT_RESTORE, "residual.subject.restore", RESIDUAL, SUBJECT, RESTORE, ONE, RESIDUAL,               \
        "the state after the layer at the subject suffices")                                                           \
    ROW(RESIDUAL_SUBJECT_REMOVE, "residual.subject.remove", RESIDUAL, SUBJECT, REMOVE, ONE, RESIDUAL,                  \
        "the state after the layer at the subject is needed")                                                          \
    ROW(RESIDUAL_READ_RESTORE, "residual.read.restore", RESIDUAL, READ, RESTORE, ONE, RESIDUAL,                        \
        "the state after the layer where the object is predicted suffices")                                            \
    ROW(RESIDUAL_READ_REMOVE, "residual.read.remove", RESIDUAL, READ, REMOVE, ONE, RESIDUAL,                           \
        "the state after the layer where the object is predicted is needed")                                           \
    ROW(RESIDUAL_WITHOUT_FFN, "residual.subject.restore.without_ffn", RESIDUAL, SUBJECT, RESTORE, ONE, FFN,            \
        "the state at the subject suffices without the later FFNs there (severed)")                                    \
    ROW(RESIDUAL_WITHOUT_ATTENTION, "residual.subject.restore.without_attention", RESIDUAL, SUBJECT, RESTORE, ONE,     \
        ATTENTION, "the state at the subject suffices without the later attention there (severed)")                    \
    ROW(FFN_SUBJECT_RESTORE, "ffn.subject.restore", FFN, SUBJECT, RESTORE, ONE, RESIDUAL,                              \
        "the FFN's output at the subject suffices")                                                                    \
    ROW(FFN_SUBJECT_REMOVE, "ffn.subject.remove", FFN, SUBJECT, REMOVE, ONE, RESIDUAL,                                 \
        "the FFN's output at the subject is needed")                                                                   \
    ROW(FFN_READ_RESTORE, "ffn.read.restore", FFN, READ, RESTORE, ONE, RESIDUAL,                                       \
        "the FFN's output where the object is predicted suffices")                                                     \
    ROW(FFN_READ_REMOVE, "ffn.read.remove", FFN, READ, REMOVE, ONE, RESIDUAL,                                          \
        "the FFN's output where the object is predicted is needed")                                                    \
    ROW(FFN_ALL_RESTORE, "ffn.all.restore", FFN, ALL, RESTORE, ONE, RESIDUAL,                                          \
        "the FFN's output at all positions suffices")                                                                  \
    ROW(FFN_ALL_REMOVE, "ffn.all.remove", FFN, ALL, REMOVE, ONE, RESIDUAL,                                             \
        "the FFN's output at all positions is needed")                                                                 \
    ROW(ATTENTION_SUBJECT_RESTORE, "attention.subject.restore", ATTENTION, SUBJECT, RESTORE, ONE, RESIDUAL,            \
        "attention's output at the subject suffices")                                                                  \
    ROW(ATTENTION_SUBJECT_REMOVE, "attention.subject.remove", ATTENTION, SUBJECT, REMOVE, ONE, RESIDUAL,               \
        "attention's output at the subject is needed")                                                                 \
    ROW(ATTENTION_READ_RESTORE, "attention.read.restore", ATTENTION, READ, RESTORE, ONE, RESIDUAL,                     \
        "attention's output where the object is predicted suffices")                                                   \
    ROW(ATTENTION_READ_REMOVE, "attention.read.remove", ATTENTION, READ, REMOVE, ONE, RESIDUAL,                        \
        "attention's output where the object is predicted is needed")                                                  \
    ROW(ATTENTION_ALL_RESTORE, "attention.all.restore", ATTENTION, ALL, RESTORE, ONE, RESIDUAL,                        \
        "attention's output at all positions suffices")                                                                \
    ROW(ATTENTION_ALL_REMOVE, "attention.all.remove", ATTENTION, ALL, REMOVE, ONE, RESIDUAL,                           \
        "attention's output at all positions is needed")                                                               \
    ROW(FFN_SUBJECT_RESTORE_WINDOW, "ffn.subject.restore.window", FFN, SUBJECT, RESTORE, WINDOW, RESIDUAL,             \
        "the FFNs' outputs at the subject suffice")                                                                    \
    ROW(FFN_SUBJECT_REMOVE_WINDOW, "ffn.subject.remove.window", FFN, SUBJECT, REMOVE, WINDOW, RESIDUAL,                \
        "the FFNs' outputs at the subject are needed")                                                                 \
    ROW(FFN_READ_RESTORE_WINDOW, "ffn.read.restore.window", FFN, READ, RESTORE, WINDOW, RESIDUAL,                      \
        "the FFNs' outputs where the object is predicted suffice")                                                     \
    ROW(FFN_READ_REMOVE_WINDOW, "ffn.read.remove.window", FFN, READ, REMOVE, WINDOW, RESIDUAL,                         \
        "the FFNs' outputs where the object is predicted are needed")                                                  \
    ROW(FFN_ALL_RESTORE_WINDOW, "ffn.all.restore.window", FFN, ALL, RESTORE, WINDOW, RESIDUAL,                         \
        "the FFNs' outputs at all positions suffice")                                                                  \
    ROW(FFN_ALL_REMOVE_WINDOW, "ffn.all.remove.window", FFN, ALL, REMOVE, WINDOW, RESIDUAL,                            \
        "the FFNs' outputs at all positions are needed")                                                               \
    ROW(ATTENTION_SUBJECT_RESTORE_WINDOW, "attention.subject.restore.window", ATTENTION, SUBJECT, RESTORE, WINDOW,     \
        RESIDUAL, "attention's outputs at the subject suffice")                                                        \
    ROW(ATTENTION_SUBJECT_REMOVE_WINDOW, "attention.subject.remove.window", ATTENTION, SUBJECT, REMOVE, WINDOW,        \
        RESIDUAL, "attention's outputs at the subject are needed")                                                     \
    ROW(ATTENTION_READ_RESTORE_WINDOW, "attention.read.restore.window", ATTENTION, READ, RESTORE, WINDOW, RESIDUAL,    \
        "attention's outputs where the object is predicted suffice")                                                   \
    ROW(ATTENTION_READ_REMOVE_WINDOW, "attention.read.remove.window", ATTENTION, READ, REMOVE, WINDOW, RESIDUAL,       \
        "attention's outputs where the object is predicted are needed")                                                \
    ROW(ATTENTION_ALL_RESTORE_WINDOW, "attention.all.restore.window", ATTENTION, ALL, RESTORE, WINDOW, RESIDUAL,       \
        "attention's outputs at all positions suffice")                                                                \
    ROW(ATTENTION_ALL_REMOVE_WINDOW, "attention.all.remove.window", ATTENTION, ALL, REMOVE, WINDOW, RESIDUAL,          \
        "attention's outputs at all positions are needed")

#define FS_TRACE_MEASURE_ID(id, ...) FS_MEASURE_##id,
enum fs_trace_measure_id { FS_TRACE_MEASURE_ROWS(FS_TRACE_MEASURE_ID) FS_TRACE_MEASURES };

struct fs_trace_measure {
    const char *name;
    enum fs_trace_kind kind;
    enum fs_trace_span span;
    enum fs_trace_direction direction;
    enum fs_trace_width width;
    enum fs_trace_kind severed; /* the residual stream: nothing is */
    const char *meaning;
};
extern const struct fs_trace_measure fs_trace_measures[FS_TRACE_MEASURES];

/* What names the decisive layer l*. A measure: FS_SELECT_MEASURE + its id. */
enum fs_trace_select { FS_SELECT_AIE, FS_SELECT_LAST, FS_SELECT_TWO_THIRDS, FS_SELECT_MEASURE };
extern const char fs_trace_select_choices[]; /* "aie|last|two_thirds|residual.subject.restore|..." */

/* Of the items n, categories c and layers L of a trace, m measures; all owned by the struct. */
struct fs_trace_shares {
    size_t measures;
    enum fs_trace_measure_id measure[FS_TRACE_MEASURES]; /* [m] in the order of the table */
    double *total_effect;                                /* [n] TE in nats */
    double *share;                                       /* [m][n][L] NaN where the item is left out */
    double *median, *low, *high;                         /* [m][c][L] NaN where no item of the category is left */
    size_t *decisive; /* [m][c] the layer of the largest median, as fs_trace_shares_layer */
    size_t *counted;  /* [c] items that are not left out */
};

/*
 * The layer of the largest median [L] among those where the share of at least half of the counted items is not exactly
 * 0: what nothing reads any more is no place to edit. share [n][L]; member [count] of its items. 0 where no layer acts on
 * so many.
 */
size_t fs_trace_shares_layer(const double *median, const double *share, const size_t *member, size_t count,
                             size_t layers);

void fs_trace_shares_release(struct fs_trace_shares *shares); /* takes a zeroed struct */

/* Local (root): the datasets of `group`, layout at the top of trace_shares_file.c; n, c, L of the whole trace. */
struct fs_trace_sizes {
    size_t items, categories, layers;
};
int fs_trace_shares_write(struct fs_archive *archive, const char *group, const struct fs_trace_sizes *sizes,
                          const struct fs_trace_shares *shares, struct fs_error *err);
/* Leaves `shares` zeroed where the file has no such group. The caller releases, also on failure. */
int fs_trace_shares_read(const struct fs_archive *archive, const char *group, const struct fs_trace_sizes *sizes,
                         struct fs_trace_shares *shares, struct fs_error *err);

#endif
