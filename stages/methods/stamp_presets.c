/*
 * Presets of the stamp: what stamp.preset sets. A key that a job gives keeps its own value; one that has no row here has
 * its initial value.
 *
 *   paper      the method's plain form, arXiv 2405.09341
 *   keep       what the model knows comes first
 *   carry      what was not edited comes first: paraphrases and held-out pairs
 *   balanced   both
 */
#include "stages/methods/stamp_options.h"

static const struct fs_preset_row rows[] = {
    {"paper", "stamp.loss", {"gap", "gap"}},
    {"paper", "stamp.alpha", {"40", "40"}},
    {"paper", "stamp.beta", {"0.1", "0.1"}},
    {"paper", "stamp.key_bias", {"0", "0"}},
    {"paper", "stamp.key_share", {"0", "0"}},
    {"paper", "stamp.generic_prompts", {"1", "1"}},
    {"paper", "stamp.neutral_subjects", {"0", "0"}},
    {"paper", "stamp.frames", {"0", "0"}},
    {"paper", "stamp.swap_subjects", {"false", "false"}},
    {"paper", "stamp.swap_statements", {"false", "false"}},
    {"paper", "stamp.text_weight", {"0", "0"}},
    {"paper", "stamp.level_weight", {"0", "0"}},
    {"paper", "stamp.balance_weight", {"0", "0"}},
    {"paper", "stamp.kl_rows", {"first", "first"}},
    {"paper", "stamp.kl_without_completion", {"false", "false"}},
    {"paper", "stamp.keep_best", {"false", "false"}},
    {"paper", "stamp.learning_rate", {"0.1", "0.1"}},
    {"paper", "stamp.schedule", {"constant", "constant"}},
    {"paper", "stamp.iterations", {"20", "20"}},
    {"keep", "stamp.text_weight", {"10", "10"}},
    {"carry", "stamp.text_weight", {"10", "10"}},
    {"carry", "stamp.frames", {"32", "32"}},
    {"carry", "stamp.swap_subjects", {"true", "true"}},
    {"carry", "stamp.swap_statements", {"true", "true"}},
    {"carry", "stamp.generic_prompts", {"4", "1"}},
    {"carry", "stamp.neutral_subjects", {"32", "0"}},
    {"balanced", "stamp.text_weight", {"10", "10"}},
    {"balanced", "stamp.frames", {"16", "16"}},
    {"balanced", "stamp.swap_subjects", {"true", "true"}},
    {"balanced", "stamp.swap_statements", {"true", "true"}},
    {"balanced", "stamp.beta", {"1", "1"}},
    {"balanced", "stamp.neutral_subjects", {"32", "0"}},
};
const struct fs_presets fs_stamp_presets = {rows, sizeof rows / sizeof rows[0]};
