/*
 * Self-Debias (Schick, Udupa and Schuetze, TACL 2021, arXiv 2103.00453), with the prefixes of bias-bench: a decoding rule. p is
 * the model's distribution at a position of a text, q that of the same token's position where a sentence that asks for
 * discrimination stands before the text:
 *
 *     Delta(v) = max(q(v) - p(v), 0)      alpha(v) = max(exp(-lambda Delta(v)), epsilon)
 *     p'(v) = p(v) alpha(v) / sum_w p(w) alpha(w)
 *
 * So what the prefix makes more probable becomes less so. All in logarithms, so that no p' is 0.
 */
#ifndef FAIRSTAMP_MODEL_EDITS_SELF_DEBIAS_H
#define FAIRSTAMP_MODEL_EDITS_SELF_DEBIAS_H

#include "io/error.h"
#include "model/edit.h"
#include "model/families/spec.h"

/* edit->number: lambda, epsilon. A strength multiplies lambda. */
extern const struct fs_edit_kind fs_edit_self_debias;

/* lambda >= 0, 0 < epsilon <= 1. The caller releases (fs_edit_release). */
int fs_self_debias_create(const struct fs_spec *spec, double lambda, double epsilon, struct fs_edit *edit,
                          struct fs_error *err);

#endif
