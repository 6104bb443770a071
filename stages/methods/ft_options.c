#include "stages/methods/ft_options.h"

#define ROW(method, name) .key = #method "." #name, FS_SETTING_MEMBER(struct fs_ft_options, name)

/* Defaults of the published files: kmeng01/rome, hparams/FT; EasyEdit, hparams/FT-M has a batch of its own. */
#define ROWS(method, requests)                                                                                         \
    {ROW(method, layer),      .kind = FS_SETTING_AUTO,                                                                 \
     .initial = "auto",       .most = 10000,                                                                           \
     .unit = "layer, from 0", .meaning = "\"auto\": the decisive layer of the trace; a number needs no trace"},        \
        {ROW(method, request), .kind = FS_SETTING_CHOICE, .initial = "equal", .choices = "anti|equal",                 \
         .meaning =                                                                                                    \
             "what a pair asks for: anti, the anti-stereotype's completion more probable, as published; equal, "       \
             "both statements as probable, mean (log P'[k1] - log P'[k2])^2"},                                         \
        {ROW(method, epochs),                                                                                          \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "25",                                                                                              \
         .least = 1,                                                                                                   \
         .most = 1000000,                                                                                              \
         .unit = "epochs",                                                                                             \
         .meaning = "over all requests, at most"},                                                                     \
        {ROW(method, batch),         .kind = FS_SETTING_INTEGER, .initial = (requests),          .least = 1,           \
         .most = FS_LARGEST_INTEGER, .unit = "requests",         .meaning = "requests of a step"},                     \
        {ROW(method, learning_rate),   .kind = FS_SETTING_NUMBER, .initial = "0.0005", .least = 1e-9, .most = 10,      \
         .meaning = "Adam's step size"},                                                                               \
        {ROW(method, enough), .kind = FS_SETTING_NUMBER, .initial = "0.01", .most = 1e6,                               \
         .meaning = "a batch whose loss is below takes no step; an epoch whose mean loss is ends the training"},       \
        {ROW(method, checkpoint_every),                                                                                \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .changes_no_result = true,                                                                                    \
         .initial = "10",                                                                                              \
         .least = 1,                                                                                                   \
         .most = 1000000,                                                                                              \
         .unit = "steps",                                                                                              \
         .meaning = "steps between two checkpoints of the training, or checkpoint_seconds where that is sooner"},      \
    {                                                                                                                  \
        ROW(method, memory),                                                                                           \
            .kind = FS_SETTING_INTEGER, .changes_no_result = true, .initial = "4096", .most = FS_LARGEST_INTEGER,      \
            .unit = "MiB a rank",                                                                                      \
            .meaning = "bound of what a rank keeps of the unedited model; beyond it, it is computed again each step"   \
    }

#define OBJECTIVE(method)                                                                                              \
    {                                                                                                                  \
        ROW(method, objective), .kind = FS_SETTING_CHOICE, .initial = "target_new",                                    \
                                .choices = "target_new|prompt_last",                                                   \
                                .meaning = "of request anti: each token of the completion given those before it, or, " \
                                           "causal models alone, all at "                                              \
                                           "the prompt's last position, as first published"                            \
    }

static const struct fs_setting ft_rows[] = {ROWS(ft, "128"), OBJECTIVE(ft)};
static const struct fs_setting ft_l_rows[] = {
    ROWS(ft_l, "128"),
    OBJECTIVE(ft_l),
    {ROW(ft_l, norm_constraint), .kind = FS_SETTING_NUMBER, .initial = "0.002", .least = 1e-12, .most = 1e3,
     .meaning =
         "no number of W_out or its bias moves further from its start; published: 0.002 for GPT-2 of 24 layers, 0.001 "
         "of 36, 0.0005 of 48, 0.00005 for GPT-J and Llama 2"}};
static const struct fs_setting ft_m_rows[] = {ROWS(ft_m, "1")};

#define TABLE(rows)                                                                                                    \
    {                                                                                                                  \
        (rows), sizeof(rows) / sizeof((rows)[0])                                                                       \
    }
const struct fs_settings fs_ft_settings = TABLE(ft_rows), fs_ft_l_settings = TABLE(ft_l_rows),
                         fs_ft_m_settings = TABLE(ft_m_rows);
