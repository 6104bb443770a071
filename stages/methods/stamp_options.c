#include "stages/methods/stamp_options.h"

#include "stages/methods/plain_text.h"

#define PLACE(method)                                                                                                  \
    {.key = #method ".preset",                                                                                         \
     .kind = FS_SETTING_CHOICE,                                                                                        \
     .changes_no_result = true, /* what it chooses does */                                                             \
     .initial = "balanced",                                                                                            \
     .choices = "paper|keep|carry|balanced",                                                                           \
     .presets = &fs_##method##_presets,                                                                                \
     .meaning =                                                                                                        \
         "sets the keys below that the job does not: paper, the method's plain form; keep, what the model knows "      \
         "comes first; carry, paraphrases and held-out pairs come first; balanced, both"},                             \
    {                                                                                                                  \
        .key = #method ".layer", .kind = FS_SETTING_AUTO, .initial = "auto", .most = 10000, .unit = "layer, from 0",   \
        FS_SETTING_MEMBER(struct fs_stamp_options, layer),                                                             \
        .meaning = "\"auto\": the decisive layer of the trace; a number needs no trace"                                \
    }

#define LOSS(method)                                                                                                   \
    {.key = #method ".loss",                                                                                           \
     .kind = FS_SETTING_CHOICE,                                                                                        \
     .initial = "logratio",                                                                                            \
     .choices = "gap|logratio",                                                                                        \
     FS_SETTING_MEMBER(struct fs_stamp_options, loss),                                                                 \
     .meaning = "L_e: mean |P'[k1] - P'[k2]|, or mean (log P'[k1] - log P'[k2])^2"},                                   \
        {.key = #method ".alpha",                                                                                      \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial_by_variant = {"1", "0.1"},                                                                           \
         .most = 1e6,                                                                                                  \
         FS_SETTING_MEMBER(struct fs_stamp_options, alpha),                                                            \
         .meaning = "weight of L_s1, KL at the edited prompts"},                                                       \
    {                                                                                                                  \
        .key = #method ".beta", .kind = FS_SETTING_NUMBER, .initial_by_variant = {"1", "0.1"}, .most = 1e6,            \
        FS_SETTING_MEMBER(struct fs_stamp_options, beta),                                                              \
        .meaning = "weight of L_s2, KL at generic prompts on the subjects"                                             \
    }

#define REST(method, rate)                                                                                             \
    {.key = #method ".generic_prompts",                                                                                \
     .kind = FS_SETTING_INTEGER,                                                                                       \
     .initial = "4",                                                                                                   \
     .least = 1,                                                                                                       \
     .most = FS_GENERIC_TEMPLATES,                                                                                     \
     .unit = "templates",                                                                                              \
     FS_SETTING_MEMBER(struct fs_stamp_options, generic_prompts),                                                      \
     .meaning = "L_s2: generic prompts on each subject, such as \"{subject} is a\""},                                  \
        {.key = #method ".neutral_subjects",                                                                           \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "32",                                                                                              \
         .most = FS_NEUTRAL_SUBJECTS,                                                                                  \
         .unit = "subjects",                                                                                           \
         FS_SETTING_MEMBER(struct fs_stamp_options, neutral_subjects),                                                 \
         .meaning = "L_s2: subjects of no group, such as \"the river\", besides those of the pairs"},                  \
        {.key = #method ".frames",                                                                                     \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "0",                                                                                               \
         .most = FS_FRAMES,                                                                                            \
         .unit = "versions",                                                                                           \
         FS_SETTING_MEMBER(struct fs_stamp_options, frames),                                                           \
         .meaning =                                                                                                    \
             "versions of each pair with a neutral sentence, such as \"It rained during the night.\", before both of " \
             "its statements; half of the steps train on them, so that the edit carries over; each runs the unedited " \
             "model once, and shares " #method ".memory; 0: none"},                                                    \
        {.key = #method ".swap_subjects",                                                                              \
         .kind = FS_SETTING_FLAG,                                                                                      \
         .initial = "false",                                                                                           \
         FS_SETTING_MEMBER(struct fs_stamp_options, swap_subjects),                                                    \
         .meaning = "in the versions of " #method                                                                      \
                    ".frames each pair has the subjects of another edited pair of its category, drawn "                \
                    "for each version, so that what is learnt of an object holds for other subjects; without " #method \
                    ".frames "                                                                                         \
                    "there is none"},                                                                                  \
        {.key = #method ".swap_statements",                                                                            \
         .kind = FS_SETTING_FLAG,                                                                                      \
         .initial = "false",                                                                                           \
         FS_SETTING_MEMBER(struct fs_stamp_options, swap_statements),                                                  \
         .meaning = "in the versions of " #method                                                                      \
                    ".frames the object of each pair stands in the statement of another edited "                       \
                    "pair of its category, drawn for each version, so that what is learnt of it holds in other "       \
                    "words; without " #method ".frames there is none"},                                                \
        {.key = #method ".vary_prompts",                                                                               \
         .kind = FS_SETTING_FLAG,                                                                                      \
         .initial = "false",                                                                                           \
         FS_SETTING_MEMBER(struct fs_stamp_options, vary_prompts),                                                     \
         .meaning =                                                                                                    \
             "each version of " #method                                                                                \
             ".frames has the next of the generic prompts' templates in the place of the first ones, so that "         \
             "a subject's distribution is kept in more surroundings; without " #method ".frames there is none"},       \
        {.key = #method ".text_weight",                                                                                \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = "0",                                                                                               \
         .most = 1e6,                                                                                                  \
         FS_SETTING_MEMBER(struct fs_stamp_options, text_weight),                                                      \
         .meaning =                                                                                                    \
             "weight of L_t, what the edit adds to the FFN's output on plain text: mean ||FFN'(x) - FFN(x)||^2 / "     \
             "||FFN(x)||^2 "                                                                                           \
             "over its tokens, which keeps what the model knows and runs no layer above; 0: the method's plain form"}, \
        {.key = #method ".text_tokens",                                                                                \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "4096",                                                                                            \
         .least = 1,                                                                                                   \
         .most = 1048576,                                                                                              \
         .unit = "tokens",                                                                                             \
         FS_SETTING_MEMBER(struct fs_stamp_options, text_tokens),                                                      \
         .meaning = "tokens of the text that are taken, in windows spread evenly over it"},                            \
        {.key = #method ".text",                                                                                       \
         .kind = FS_SETTING_PATH,                                                                                      \
         .initial_words = "a text that the program brings with it",                                                    \
         .shipped = fs_plain_text,                                                                                     \
         .shipped_size = &fs_plain_text_size,                                                                          \
         FS_SETTING_MEMBER(struct fs_stamp_options, text),                                                             \
         .meaning = "plain text of L_t, UTF-8, general in subject: what the edit shall leave alone"},                  \
        {.key = #method ".level_weight",                                                                               \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = "0",                                                                                               \
         .most = 1e6,                                                                                                  \
         FS_SETTING_MEMBER(struct fs_stamp_options, level_weight),                                                     \
         .meaning = "weight of L_m, which raises the rarer completion to the commoner one, so that both stay above "   \
                    "unrelated words; 0: the method's plain form"},                                                    \
        {.key = #method ".balance_weight",                                                                             \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = "0.003",                                                                                           \
         .most = 1e6,                                                                                                  \
         FS_SETTING_MEMBER(struct fs_stamp_options, balance_weight),                                                   \
         .meaning = "weight of L_b, which keeps what is left of a term's gaps from pointing one way; 0: the method's " \
                    "plain form"},                                                                                     \
        {.key = #method ".balance_width",                                                                              \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = "0.05",                                                                                            \
         .least = 1e-6,                                                                                                \
         .most = 1e3,                                                                                                  \
         .unit = "mean gaps before training",                                                                          \
         FS_SETTING_MEMBER(struct fs_stamp_options, balance_width),                                                    \
         .meaning = "L_b counts gaps beyond this width as full ones"},                                                 \
        {.key = #method ".kl_rows",                                                                                    \
         .kind = FS_SETTING_CHOICE,                                                                                    \
         .initial = "all",                                                                                             \
         .choices = "first|all",                                                                                       \
         FS_SETTING_MEMBER(struct fs_stamp_options, kl_rows),                                                          \
         .meaning = "L_s1 at the position of the completion's first token, or wherever the statement is read"},        \
        {.key = #method ".kl_without_completion",                                                                      \
         .kind = FS_SETTING_FLAG,                                                                                      \
         .initial = "true",                                                                                            \
         FS_SETTING_MEMBER(struct fs_stamp_options, kl_without_completion),                                            \
         .meaning = "L_s1 leaves the pair's own tokens out of both distributions"},                                    \
        {.key = #method ".keep_best",                                                                                  \
         .kind = FS_SETTING_FLAG,                                                                                      \
         .initial = "true",                                                                                            \
         FS_SETTING_MEMBER(struct fs_stamp_options, keep_best),                                                        \
         .meaning = "end a batch with the best of its last quarter, judged on the edited pairs alone: gap, then SS, "  \
                    "then loss"},                                                                                      \
        {.key = #method ".learning_rate",                                                                              \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = (rate),                                                                                            \
         .least = 1e-9,                                                                                                \
         .most = 10,                                                                                                   \
         FS_SETTING_MEMBER(struct fs_stamp_options, learning_rate),                                                    \
         .meaning = "Adam's step size"},                                                                               \
        {.key = #method ".schedule",                                                                                   \
         .kind = FS_SETTING_CHOICE,                                                                                    \
         .initial = "cosine",                                                                                          \
         .choices = "constant|cosine",                                                                                 \
         FS_SETTING_MEMBER(struct fs_stamp_options, schedule),                                                         \
         .meaning = "the step size over the steps of a batch"},                                                        \
        {.key = #method ".beta1",                                                                                      \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = "0.9",                                                                                             \
         .most = 0.999999,                                                                                             \
         FS_SETTING_MEMBER(struct fs_stamp_options, adam_beta1),                                                       \
         .meaning = "Adam's decay of the first moment"},                                                               \
        {.key = #method ".beta2",                                                                                      \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = "0.999",                                                                                           \
         .most = 0.999999999,                                                                                          \
         FS_SETTING_MEMBER(struct fs_stamp_options, adam_beta2),                                                       \
         .meaning = "Adam's decay of the second moment"},                                                              \
        {.key = #method ".epsilon",                                                                                    \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = "1e-8",                                                                                            \
         .least = 1e-30,                                                                                               \
         .most = 1,                                                                                                    \
         FS_SETTING_MEMBER(struct fs_stamp_options, adam_epsilon),                                                     \
         .meaning = "Adam's epsilon"},                                                                                 \
        {.key = #method ".iterations",                                                                                 \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "80",                                                                                              \
         .least = 1,                                                                                                   \
         .most = 1000000,                                                                                              \
         .unit = "steps",                                                                                              \
         FS_SETTING_MEMBER(struct fs_stamp_options, iterations),                                                       \
         .meaning = "Adam steps a batch"},                                                                             \
        {.key = #method ".batch",                                                                                      \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "0",                                                                                               \
         .most = FS_LARGEST_INTEGER,                                                                                   \
         .unit = "pairs",                                                                                              \
         FS_SETTING_MEMBER(struct fs_stamp_options, batch),                                                            \
         .meaning = "pairs a batch; 0: all in one"},                                                                   \
        {.key = #method ".unit_tokens",                                                                                \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "0",                                                                                               \
         .most = 512,                                                                                                  \
         .unit = "tokens",                                                                                             \
         FS_SETTING_MEMBER(struct fs_stamp_options, unit_tokens),                                                      \
         .meaning =                                                                                                    \
             "what a thread trains on at a time; 0: at least 128 (64 of a large model), at most 512, as gives up to "  \
             "256 units. Fewer, such as 64, keep more ranks busy, and take more processor time: see estimate"},        \
        {.key = #method ".checkpoint_every",                                                                           \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .changes_no_result = true,                                                                                    \
         .initial = "10",                                                                                              \
         .least = 1,                                                                                                   \
         .most = 1000000,                                                                                              \
         .unit = "steps",                                                                                              \
         FS_SETTING_MEMBER(struct fs_stamp_options, checkpoint_every),                                                 \
         .meaning = "steps between two checkpoints of the training, or checkpoint_seconds where that is sooner"},      \
    {                                                                                                                  \
        .key = #method ".memory", .kind = FS_SETTING_INTEGER, .changes_no_result = true, .initial = "4096",            \
        .most = FS_LARGEST_INTEGER, .unit = "MiB a rank", FS_SETTING_MEMBER(struct fs_stamp_options, memory),          \
        .meaning =                                                                                                     \
            "bound of what a rank keeps of the unedited model and of a step's forward passes; beyond it they are "     \
            "computed again each step, which costs time alone"                                                         \
    }

static const struct fs_setting stamp_rows[] = {
    PLACE(stamp),
    {.key = "stamp.width",
     .kind = FS_SETTING_INTEGER,
     .initial = "1024",
     .least = 1,
     .most = 65536,
     .unit = "neurons",
     FS_SETTING_MEMBER(struct fs_stamp_options, width),
     .meaning = "rows of K' and V'"},
    LOSS(stamp),
    {.key = "stamp.key_bias",
     .kind = FS_SETTING_NUMBER,
     .initial_by_variant = {"-2", "-1"},
     .least = -10,
     .most = 10,
     .unit = "root mean squares of the FFN input",
     FS_SETTING_MEMBER(struct fs_stamp_options, key_bias),
     .meaning = "b_K before training: below 0 each neuron answers to few tokens at first, and the rest of the model "
                "stays; 0: the method's plain form"},
    {.key = "stamp.key_share",
     .kind = FS_SETTING_NUMBER,
     .initial = "0",
     .most = 0.9,
     .unit = "of the text's tokens",
     FS_SETTING_MEMBER(struct fs_stamp_options, key_share),
     .meaning = "b_K before training, instead of key_bias: each key fires on this share of stamp.text; 0: key_bias"},
    REST(stamp, "0.003")};
static const struct fs_setting ft_equal_rows[] = {PLACE(ft_equal), LOSS(ft_equal), REST(ft_equal, "0.001")};

#define TABLE(rows)                                                                                                    \
    {                                                                                                                  \
        (rows), sizeof(rows) / sizeof((rows)[0])                                                                       \
    }
const struct fs_settings fs_stamp_settings = TABLE(stamp_rows), fs_ft_equal_settings = TABLE(ft_equal_rows);
