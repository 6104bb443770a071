/*
 * The method checkpoint: a whole other model folder is the edit, such as a published debiased checkpoint. It must have
 * the tokenizer of the job's model, so that both score the same tokens.
 */
#include "model/edits/checkpoint.h"
#include "stages/methods/method.h"

extern const struct fs_method fs_method_checkpoint;
const struct fs_method fs_method_checkpoint = {
    .name = "checkpoint",
    .about = "another model folder of the same tokenizer, such as a published debiased checkpoint",
    .edit = &fs_edit_checkpoint,
    .takes_model = true};
