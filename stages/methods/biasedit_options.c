/*
 * Presets: `published` has the rates of zjunlp/BiasEdit, made for editors of large models and groups of 128; `small` the rates that
 * were chosen on a validation split of small models' edited pairs (docs/methods.md).
 */
#include "stages/methods/biasedit_options.h"

#define PRESET(preset, key, value)                                                                                     \
    {                                                                                                                  \
        preset, "biasedit." key,                                                                                       \
        {                                                                                                              \
            value, value                                                                                               \
        }                                                                                                              \
    }

static const struct fs_preset_row preset_rows[] = {
    PRESET("published", "learning_rate", "1e-06"), PRESET("published", "edit_rate", "1e-07"),
    PRESET("published", "keep_weight", "1"),       PRESET("small", "learning_rate", "1e-06"),
    PRESET("small", "edit_rate", "1e-05"),         PRESET("small", "keep_weight", "1")};
static const struct fs_presets presets = {preset_rows, sizeof preset_rows / sizeof preset_rows[0]};

#define ROW(name) .key = "biasedit." #name, FS_SETTING_MEMBER(struct fs_biasedit_options, name)

static const struct fs_setting rows[] = {
    {.key = "biasedit.preset",
     .kind = FS_SETTING_CHOICE,
     .changes_no_result = true, /* what it chooses does */
     .initial = "small",
     .choices = "published|small",
     .presets = &presets,
     .meaning =
         "sets the keys learning_rate, edit_rate and keep_weight that the job does not: published, those of BiasEdit "
         "for GPT-2 medium, which change little in a small model; small, chosen on a validation split of one"},
    {ROW(layers), .kind = FS_SETTING_INTEGER, .initial = "3", .least = 1, .most = 10000, .unit = "layers",
     .meaning = "that are changed, the last ones, fewer where there are fewer; published: 1 to 3"},
    {ROW(above), .kind = FS_SETTING_INTEGER, .initial = "0", .most = 10000, .unit = "layers",
     .meaning = "above those, which stay as they are; published: 1 for Gemma, with one layer"},
    {ROW(rank), .kind = FS_SETTING_INTEGER, .initial = "1920", .least = 1, .most = 1000000,
     .meaning = "of the editor's blocks; at most 3/8 of FFN size and hidden size together"},
    {ROW(batch), .kind = FS_SETTING_INTEGER, .initial = "128", .least = 1, .most = FS_LARGEST_INTEGER, .unit = "pairs",
     .meaning = "of a group, at most: those that one edit of a step is for; published: 128, and 64 for large models"},
    {ROW(epochs), .kind = FS_SETTING_INTEGER, .initial = "100", .least = 1, .most = 1000000, .unit = "epochs",
     .meaning = "over all groups, at most"},
    {ROW(learning_rate), .kind = FS_SETTING_NUMBER, .initial = "1e-06", .least = 1e-12, .most = 10,
     .meaning = "Adam's step size, of all numbers of the editor"},
    {ROW(edit_rate), .kind = FS_SETTING_NUMBER, .initial = "1e-05", .least = 1e-12, .most = 10,
     .meaning = "how far the editor moves what W_out puts out, to begin with; it is learnt too"},
    {ROW(keep_weight), .kind = FS_SETTING_NUMBER, .initial = "1", .most = 1e6,
     .meaning = "of the loss that unrelated statements keep their probability; published: 1e-6 to 5, by model"},
    {ROW(clip), .kind = FS_SETTING_NUMBER, .initial = "1", .most = 1e6,
     .meaning = "bound of the norm of a step's gradient; 0: none"},
    {ROW(validation), .kind = FS_SETTING_NUMBER, .initial = "0.15", .most = 0.9,
     .meaning =
         "share of the edited pairs, by target term, whose loss says when to stop and which editor is best; they "
         "are edited, but the editor is not trained on them; 0: the training loss says it"},
    {ROW(patience), .kind = FS_SETTING_INTEGER, .initial = "5", .least = 1, .most = 1000000, .unit = "epochs",
     .meaning = "without a smaller loss that end the training; published: 3 to 5"},
    {ROW(checkpoint_every), .kind = FS_SETTING_INTEGER, .changes_no_result = true, .initial = "5", .least = 1,
     .most = 1000000, .unit = "steps",
     .meaning = "steps between two checkpoints of the training, or checkpoint_seconds where that is sooner"},
    {ROW(memory), .kind = FS_SETTING_INTEGER, .changes_no_result = true, .initial = "4096", .most = FS_LARGEST_INTEGER,
     .unit = "MiB a rank",
     .meaning = "bound of what a rank keeps of the unedited model; beyond it, it is computed again each step"}};
const struct fs_settings fs_biasedit_settings = {rows, sizeof rows / sizeof rows[0]};

size_t fs_biasedit_rank(const struct fs_biasedit_options *options, size_t n)
{
    size_t most = 3 * n / 8 > 0 ? 3 * n / 8 : 1;
    return options->rank < most ? options->rank : most;
}
