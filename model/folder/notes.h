/* What is to be said of a model that could be read all the same. Local. */
#ifndef FAIRSTAMP_MODEL_FOLDER_NOTES_H
#define FAIRSTAMP_MODEL_FOLDER_NOTES_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

#define FS_NOTES_MOST 4

struct fs_note {
    bool warning; /* what was read may be another thing than was meant */
    char text[480];
};

struct fs_notes {
    size_t count;
    struct fs_note note[FS_NOTES_MOST];
};

/* Adds a note, without the folder's name. `notes` NULL: dropped; so is what finds no room. */
void fs_notes_add(struct fs_notes *notes, bool warning, const char *format, ...) FS_PRINTF(3, 4);

/* Says each on standard error behind the folder's name: warnings also with --quiet. */
void fs_notes_say(const struct fs_notes *notes, const char *folder);

#endif
