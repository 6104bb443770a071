/*
 * Presets: `published` is bias-bench's budget, 524 million tokens, a cluster's work; `small` is 8.2 million, for a first look
 * or a small model. Defaults are those of bias-bench's scripts: AdamW without weight decay, linear to 0 without warm-up.
 */
#include "stages/methods/further_options.h"

#define PRESETS(method)                                                                                                \
    {"published", #method ".steps", {"2000", "2000"}}, {"published", #method ".batch", {"512", "256"}},                \
        {"published", #method ".block", {"512", "1024"}}, {"small", #method ".steps", {"2000", "2000"}},               \
        {"small", #method ".batch", {"32", "32"}},                                                                     \
    {                                                                                                                  \
        "small", #method ".block",                                                                                     \
        {                                                                                                              \
            "128", "128"                                                                                               \
        }                                                                                                              \
    }

static const struct fs_preset_row cda_presets[] = {PRESETS(cda), {"published", "cda.case", {"exact", "exact"}}};
static const struct fs_preset_row dropout_debias_presets[] = {PRESETS(dropout_debias)};
#define ALL(rows)                                                                                                      \
    {                                                                                                                  \
        (rows), sizeof(rows) / sizeof((rows)[0])                                                                       \
    }
static const struct fs_presets presets_of_cda = ALL(cda_presets),
                               presets_of_dropout_debias = ALL(dropout_debias_presets);

#define ROW(method, name, member) .key = #method "." #name, FS_SETTING_MEMBER(struct fs_further_options, member)

#define ROWS(method)                                                                                                   \
    {.key = #method ".preset",                                                                                         \
     .kind = FS_SETTING_CHOICE,                                                                                        \
     .changes_no_result = true, /* what it chooses does */                                                             \
     .initial = "small",                                                                                               \
     .choices = "published|small",                                                                                     \
     .presets = &presets_of_##method,                                                                                  \
     .meaning = "sets the keys below that the job does not: published, bias-bench's budget, 524 million tokens, a "    \
                "cluster's work; small, 8.2 million"},                                                                 \
        {ROW(method, steps, steps),                                                                                    \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "2000",                                                                                            \
         .least = 1,                                                                                                   \
         .most = 1e9,                                                                                                  \
         .unit = "steps",                                                                                              \
         .meaning = "of the optimiser; the rate falls to 0 over them"},                                                \
        {ROW(method, batch, batch), .kind = FS_SETTING_INTEGER,   .initial = "32", .least = 1, .most = 1e6,            \
         .unit = "blocks",          .meaning = "blocks of a step"},                                                    \
        {ROW(method, block, block),                                                                                    \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "128",                                                                                             \
         .least = 2,                                                                                                   \
         .most = 1e6,                                                                                                  \
         .unit = "tokens",                                                                                             \
         .meaning = "tokens of a block; at most what the model has positions for"},                                    \
        {ROW(method, learning_rate, learning_rate),                                                                    \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = "5e-05",                                                                                           \
         .least = 1e-9,                                                                                                \
         .most = 1,                                                                                                    \
         .meaning = "AdamW's first step size"},                                                                        \
        {ROW(method, clip, clip), .kind = FS_SETTING_NUMBER, .initial = "1", .most = 1e6,                              \
         .meaning = "bound of the norm of a step's gradient; 0: none"},                                                \
    {                                                                                                                  \
        ROW(method, checkpoint_every, checkpoint_every), .kind = FS_SETTING_INTEGER, .changes_no_result = true,        \
                                                         .initial = "100", .least = 1, .most = 1000000,                \
                                                         .unit = "steps",                                              \
                                                         .meaning = "steps between two checkpoints of the training, "  \
                                                                    "or checkpoint_seconds where that is sooner"       \
    }

#define MEANING_hidden "share of the numbers that are dropped of the embeddings and of what attention and FFN add"
#define MEANING_attention "share of attention's weights that are dropped"
#define DROPOUT(method, what, ...)                                                                                     \
    {                                                                                                                  \
        ROW(method, what##_dropout, what##_dropout), .kind = FS_SETTING_NUMBER, .initial_by_variant = __VA_ARGS__,     \
                                                     .most = 0.9, .meaning = MEANING_##what                            \
    }

static const struct fs_setting cda_rows[] = {
    ROWS(cda),
    DROPOUT(cda, hidden, {"0.1", "0.1"}),
    DROPOUT(cda, attention, {"0.1", "0.1"}),
    {ROW(cda, case, letters), .kind = FS_SETTING_CHOICE, .initial = "fold", .choices = "fold|exact",
     .meaning = "which words are exchanged: fold, with capitals too, which the word in their place gets; exact, as the "
                "table writes them, as published"}};

static const struct fs_setting dropout_debias_rows[] = {ROWS(dropout_debias),
                                                        DROPOUT(dropout_debias, hidden, {"0.2", "0.15"}),
                                                        DROPOUT(dropout_debias, attention, {"0.15", "0.15"})};
const struct fs_settings fs_cda_settings = ALL(cda_rows), fs_dropout_debias_settings = ALL(dropout_debias_rows);
