#include "stages/methods/memit_options.h"

#include "stages/methods/stamp_options.h"

#define ROW(method, name, member) .key = #method "." #name, FS_SETTING_MEMBER(struct fs_memit_options, member)

/* Defaults of the published files: kmeng01/memit, hparams/MEMIT. */
#define ROWS(method)                                                                                                   \
    {ROW(method, layer, layer),                                                                                        \
     .kind = FS_SETTING_AUTO,                                                                                          \
     .initial = "auto",                                                                                                \
     .most = 10000,                                                                                                    \
     .unit = "layer, from 0",                                                                                          \
     .meaning = "the last layer that is changed; \"auto\": the decisive layer of the trace; a number needs no trace"}, \
        {ROW(method, layers, layers),                                                                                  \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "3",                                                                                               \
         .least = 1,                                                                                                   \
         .most = 10000,                                                                                                \
         .unit = "layers",                                                                                             \
         .meaning = "up to that one that share the change, fewer where there are fewer"},                              \
        {ROW(method, request, target.request), .kind = FS_SETTING_CHOICE, .initial = "equal",                          \
         .choices = "anti|crossed|equal", .meaning = "what a pair asks for, as rome.request"},                         \
        {ROW(method, openings, target.openings),                                                                       \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "5",                                                                                               \
         .most = FS_FRAMES,                                                                                            \
         .unit = "openings",                                                                                           \
         .meaning =                                                                                                    \
             "neutral sentences of the program that stand before a prompt, one at a time, beside the prompt as "       \
             "it is"},                                                                                                 \
        {ROW(method, iterations, target.iterations),                                                                   \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .initial = "20",                                                                                              \
         .least = 1,                                                                                                   \
         .most = 1000000,                                                                                              \
         .unit = "iterations",                                                                                         \
         .meaning = "of the search for a target value, at most; the last one measures alone"},                         \
        {ROW(method, learning_rate, target.learning_rate),                                                             \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = "0.5",                                                                                             \
         .least = 1e-9,                                                                                                \
         .most = 100,                                                                                                  \
         .meaning = "Adam's step size"},                                                                               \
        {ROW(method, weight_decay, target.weight_decay), .kind = FS_SETTING_NUMBER, .initial = "0.5", .most = 1e6,     \
         .meaning = "times |delta| / |h_0|^2, beside the loss; published: 0.5, and 0.001 for Llama"},                  \
        {ROW(method, clamp, target.clamp),                                                                             \
         .kind = FS_SETTING_NUMBER,                                                                                    \
         .initial = "0.75",                                                                                            \
         .least = 1e-9,                                                                                                \
         .most = 1e6,                                                                                                  \
         .unit = "times |h_0|",                                                                                        \
         .meaning = "the longest delta; published: 0.75, and 4 for Llama"},                                            \
        {ROW(method, kl_weight, target.kl_weight), .kind = FS_SETTING_NUMBER, .initial = "0.0625", .most = 1e6,        \
         .meaning = "of the divergence at \"{subject} is a\", which shall stay"},                                      \
        {ROW(method, enough, target.enough), .kind = FS_SETTING_NUMBER, .initial = "0.05", .most = 1e6,                \
         .meaning = "a loss below which the search for a target value ends"},                                          \
        {ROW(method, batch, batch),                                                                                    \
         .kind = FS_SETTING_INTEGER,                                                                                   \
         .changes_no_result = true,                                                                                    \
         .initial = "64",                                                                                              \
         .least = 1,                                                                                                   \
         .most = 1000000,                                                                                              \
         .unit = "pairs",                                                                                              \
         .meaning = "whose target values are looked for together, after which the training can be saved"},             \
    {                                                                                                                  \
        ROW(method, checkpoint_every, checkpoint_every), .kind = FS_SETTING_INTEGER, .changes_no_result = true,        \
                                                         .initial = "1", .least = 1, .most = 1000000, .unit = "steps", \
                                                         .meaning = "steps between two checkpoints, or "               \
                                                                    "checkpoint_seconds where that is sooner"          \
    }

static const struct fs_setting memit_rows[] = {
    ROWS(memit),
    {ROW(memit, update_weight, update_weight), .kind = FS_SETTING_NUMBER, .initial = "20000", .least = 1e-12,
     .most = 1e12,
     .meaning = "lambda, what the covariance weighs against the keys of the pairs: more of it changes less; published: "
                "20000 (GPT-2 XL), 15000 (GPT-J, Llama)"}};
static const struct fs_setting alphaedit_rows[] = {
    ROWS(alphaedit),
    {ROW(alphaedit, threshold, threshold), .kind = FS_SETTING_NUMBER, .initial = "0.02", .most = 1e12,
     .meaning = "directions of keys whose mean square on edit.text is not below are left as they are"},
    {ROW(alphaedit, ridge, ridge), .kind = FS_SETTING_NUMBER, .initial = "10", .least = 1e-12, .most = 1e12,
     .meaning = "L2, what holds the change small"}};

#define TABLE(rows)                                                                                                    \
    {                                                                                                                  \
        (rows), sizeof(rows) / sizeof((rows)[0])                                                                       \
    }
const struct fs_settings fs_memit_settings = TABLE(memit_rows), fs_alphaedit_settings = TABLE(alphaedit_rows);
