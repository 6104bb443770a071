/*
 * Presets of the stamp: what stamp.preset sets, and of ft_equal, which has no keys' thresholds and a rate of its own. A key
 * that a job gives keeps its own value; one that has no row here has its initial value.
 *
 *   paper      the method's plain form, arXiv 2405.09341
 *   keep       what the model knows comes first
 *   carry      what was not edited comes first: paraphrases and held-out pairs
 *   balanced   both
 */
#include "stages/methods/stamp_options.h"

#define SHARED(method)                                                                                                 \
    {"paper", #method ".loss", {"gap", "gap"}}, {"paper", #method ".alpha", {"40", "40"}},                             \
        {"paper", #method ".beta", {"0.1", "0.1"}}, {"paper", #method ".generic_prompts", {"1", "1"}},                 \
        {"paper", #method ".neutral_subjects", {"0", "0"}}, {"paper", #method ".frames", {"0", "0"}},                  \
        {"paper", #method ".swap_subjects", {"false", "false"}},                                                       \
        {"paper", #method ".swap_statements", {"false", "false"}},                                                     \
        {"paper", #method ".vary_prompts", {"false", "false"}}, {"paper", #method ".text_weight", {"0", "0"}},         \
        {"paper", #method ".level_weight", {"0", "0"}}, {"paper", #method ".balance_weight", {"0", "0"}},              \
        {"paper", #method ".kl_rows", {"first", "first"}},                                                             \
        {"paper", #method ".kl_without_completion", {"false", "false"}},                                               \
        {"paper", #method ".keep_best", {"false", "false"}}, {"paper", #method ".schedule", {"constant", "constant"}}, \
        {"paper", #method ".iterations", {"20", "20"}}, {"keep", #method ".text_weight", {"10", "10"}},                \
        {"carry", #method ".text_weight", {"10", "10"}}, {"carry", #method ".frames", {"32", "32"}},                   \
        {"carry", #method ".swap_subjects", {"true", "true"}},                                                         \
        {"carry", #method ".swap_statements", {"true", "true"}}, {"carry", #method ".generic_prompts", {"4", "1"}},    \
        {"carry", #method ".neutral_subjects", {"32", "0"}}, {"balanced", #method ".text_weight", {"10", "10"}},       \
        {"balanced", #method ".frames", {"16", "16"}}, {"balanced", #method ".swap_subjects", {"true", "true"}},       \
        {"balanced", #method ".swap_statements", {"true", "true"}}, {"balanced", #method ".beta", {"1", "1"}},         \
        {"balanced", #method ".vary_prompts", {"true", "true"}},                                                       \
    {                                                                                                                  \
        "balanced", #method ".neutral_subjects",                                                                       \
        {                                                                                                              \
            "32", "0"                                                                                                  \
        }                                                                                                              \
    }

static const struct fs_preset_row stamp_rows[] = {
    SHARED(stamp),
    {"paper", "stamp.key_bias", {"0", "0"}},
    {"paper", "stamp.key_share", {"0", "0"}},
    {"paper", "stamp.learning_rate", {"0.1", "0.1"}},
};
static const struct fs_preset_row ft_equal_rows[] = {SHARED(ft_equal)};

#define TABLE(rows)                                                                                                    \
    {                                                                                                                  \
        (rows), sizeof(rows) / sizeof((rows)[0])                                                                       \
    }
const struct fs_presets fs_stamp_presets = TABLE(stamp_rows), fs_ft_equal_presets = TABLE(ft_equal_rows);
