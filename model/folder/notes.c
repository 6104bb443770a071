#include "model/folder/notes.h"

#include <stdarg.h>
#include <stdio.h>

#include "io/console/progress.h"

void fs_notes_add(struct fs_notes *notes, bool warning, const char *format, ...)
{
    if (notes == NULL || notes->count == FS_NOTES_MOST) {
        return;
    }
    struct fs_note *note = &notes->note[notes->count++];
    struct fs_error text = FS_ERROR_INIT; /* makes what files say printable */
    char raw[sizeof note->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    fs_error_set(&text, FS_EXIT_DATA, "%s", raw);
    note->warning = warning;
    snprintf(note->text, sizeof note->text, "%.*s", (int)sizeof note->text - 1, text.text);
}

void fs_notes_say(const struct fs_notes *notes, const char *folder)
{
    for (size_t i = 0; i < notes->count; i++) {
        (notes->note[i].warning ? fs_warn : fs_say)("%s: %s", folder, notes->note[i].text);
    }
}
