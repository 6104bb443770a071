/*
 * The folder of a HuggingFace model as people have it: what is in its place, or stands in it beside or instead of what is
 * read, is said in one line with the fix. Local.
 */
#ifndef FAIRSTAMP_MODEL_FOLDER_FOLDER_H
#define FAIRSTAMP_MODEL_FOLDER_FOLDER_H

#include "io/error.h"
#include "model/folder/notes.h"

/* What a caller is going to read. */
enum fs_folder_part { FS_FOLDER_CONFIG = 1, FS_FOLDER_WEIGHTS = 2, FS_FOLDER_TOKENIZER = 4 };

/*
 * Checks, before `parts` of the folder are read, that they are there, that no file of theirs is a link to nothing, a
 * pointer of Git LFS, a web page or the like, and that no adapter lies beside the model. Opens no pipe or device. What the
 * files hold is for their readers to check. FS_EXIT_NO_INPUT where something is missing, FS_EXIT_DATA where it is another
 * thing.
 */
int fs_model_folder_check(const char *folder, unsigned parts, struct fs_error *err);

/*
 * The GGUF file that is the whole model: `path` itself, or the only one in a folder with neither config.json nor weights of
 * HuggingFace. *file: NULL where there is none, else the caller frees it.
 */
int fs_model_gguf_file(const char *path, char **file, struct fs_error *err);

/* Notes files of weights that are passed over, as those of another format are read. */
void fs_model_folder_note_weights(const char *folder, struct fs_notes *notes);

#endif
