#include "stages/methods/rome_options.h"

#include "stages/methods/stamp_options.h"

#define ROW(name, member) .key = "rome." #name, FS_SETTING_MEMBER(struct fs_rome_options, member)

/* Defaults of the published files: kmeng01/rome, hparams/ROME. */
static const struct fs_setting rows[] = {
    {ROW(layer, layer), .kind = FS_SETTING_AUTO, .initial = "auto", .most = 10000, .unit = "layer, from 0",
     .meaning = "\"auto\": the decisive layer of the trace; a number needs no trace"},
    {ROW(request, target.request), .kind = FS_SETTING_CHOICE, .initial = "equal", .choices = "anti|crossed|equal",
     .meaning =
         "what a pair asks for: anti, the anti-stereotype's completion more probable, as published; crossed, the same "
         "until its statement is as probable as the stereotype's; equal, both statements as probable, (log P'[k1] - "
         "log P'[k2])^2"},
    {ROW(form, form), .kind = FS_SETTING_CHOICE, .initial = "r-rome", .choices = "r-rome|rome|p-rome",
     .meaning =
         "r-rome, the mean key over all prompts everywhere; rome, as published first, which divides by another key "
         "than the one it edits for; p-rome, the key of the prompt as it is everywhere"},
    {ROW(openings, target.openings), .kind = FS_SETTING_INTEGER, .initial = "20", .most = FS_FRAMES, .unit = "openings",
     .meaning =
         "neutral sentences of the program that stand before a prompt, one at a time, beside the prompt as it is"},
    {ROW(iterations, target.iterations), .kind = FS_SETTING_INTEGER, .initial = "20", .least = 1, .most = 1000000,
     .unit = "iterations", .meaning = "of the search for a target value, at most; the last one measures alone"},
    {ROW(learning_rate, target.learning_rate), .kind = FS_SETTING_NUMBER, .initial = "0.5", .least = 1e-9, .most = 100,
     .meaning = "Adam's step size"},
    {ROW(weight_decay, target.weight_decay), .kind = FS_SETTING_NUMBER, .initial = "0.5", .most = 1e6,
     .meaning = "times |delta| / |v_0|^2, beside the loss; published: 0.5, and 0.001 for Llama"},
    {ROW(clamp, target.clamp), .kind = FS_SETTING_NUMBER, .initial = "4", .least = 1e-9, .most = 1e6,
     .unit = "times |v_0|", .meaning = "the longest delta; published: 4, and 3 for GPT-2 of 24 layers"},
    {ROW(kl_weight, target.kl_weight), .kind = FS_SETTING_NUMBER, .initial = "0.0625", .most = 1e6,
     .meaning = "of the divergence at \"{subject} is a\", which shall stay"},
    {ROW(enough, target.enough), .kind = FS_SETTING_NUMBER, .initial = "0.05", .most = 1e6,
     .meaning = "a loss below which the search for a target value ends"},
    {ROW(checkpoint_every, checkpoint_every), .kind = FS_SETTING_INTEGER, .changes_no_result = true, .initial = "10",
     .least = 1, .most = 1000000, .unit = "requests",
     .meaning = "requests between two checkpoints, or checkpoint_seconds where that is sooner"},
};
const struct fs_settings fs_rome_settings = {rows, sizeof rows / sizeof rows[0]};
