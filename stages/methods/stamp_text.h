/*
 * What is trained, on plain text, which it shall leave alone:
 *
 *   L_t = mean over N tokens of the text of ||edit(x)||^2 / ||FFN(x)||^2
 *
 * x (d): what the FFN of the stamp's layer receives at the token in the unedited model; FFN(x) is the FFN's own output,
 * before any norm or scale behind it. No layer above is run: a step costs the stamp's own products. (fairstamp's own.)
 *
 *   y = edit(x)      dL_t/dy = 2 y / (N ||FFN(x)||^2)
 *
 * edit(x) is what the edit adds to FFN(x): the stamp's output, or FFN'(x) - FFN(x). A filled unit keeps what the edit reads:
 * x, or the keys of a change of W_out.
 *
 * The text is cut into windows of at most FS_STAMP_WINDOW tokens, with the special tokens that a text of the model's kind
 * has around it, which are run but not counted (masked models: nothing is masked). The first N tokens of evenly spread
 * windows are taken. Units are as many windows as FS_UNIT_TOKENS holds, and stand behind those of the pairs: their
 * composition depends on the text, the tokenizer and stamp.text_tokens alone. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_TEXT_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_TEXT_H

#include "model/edit.h"
#include "stages/methods/stamp_unit.h"

#define FS_STAMP_WINDOW ((size_t)128)

/* What the training takes of the text; zeroed: nothing. */
struct fs_stamp_text {
    int32_t *id; /* [count] of the whole text */
    size_t count;
};

/*
 * Reads options->text, or the program's own where it is NULL. FS_EXIT_DATA where the file is no text in UTF-8 or has fewer
 * than options->text_tokens tokens. The caller releases, also on failure.
 */
int fs_stamp_text_read(const struct fs_tokenizer *tokenizer, const struct fs_stamp_options *options,
                       struct fs_stamp_text *text, struct fs_error *err);
void fs_stamp_text_release(struct fs_stamp_text *text); /* takes a zeroed struct */

/* Adds units of the text behind those that are there; units->text_tokens: N. */
int fs_stamp_text_compile(const struct fs_spec *spec, const struct fs_tokenizer *tokenizer,
                          const struct fs_stamp_options *options, const struct fs_stamp_text *text,
                          struct fs_stamp_units *units, struct fs_error *err);

/* Runs the unedited model up to the layer's FFN: sets x, or the keys in its place, and share of a unit of the text. fs_stamp_unit_empty frees them. */
int fs_stamp_text_fill(const struct fs_model *model, struct fs_workspace *workspace,
                       const struct fs_stamp_options *options, struct fs_stamp_unit *unit, struct fs_error *err);

/* The same from a filled unit of the same windows; nothing is run. */
int fs_stamp_text_copy(const struct fs_spec *spec, const struct fs_stamp_options *options,
                       const struct fs_stamp_unit *from, struct fs_stamp_unit *unit, struct fs_error *err);

/* Memory for a unit of T tokens at work, of the caller. */
struct fs_stamp_text_room {
    size_t hidden;  /* d */
    fs_real *y;     /* (T,d) */
    fs_real *inner; /* (2 T, the edit's inner size) */
};

/* The unit's share of L_t, without its weight; adds text_weight times its gradient to `gradient` (NULL: not wanted). */
double fs_stamp_text_loss(const struct fs_backend *backend, const struct fs_edit *edit,
                          const struct fs_stamp_options *options, const struct fs_stamp_unit *unit,
                          const struct fs_stamp_text_room *room, fs_real *gradient);

#endif
