/*
 * Sentences of a text by the attribute words in them, as bias-bench labels them for INLP. Classes of a category whose rows
 * are all pairs: words of the first column alone, of the second alone, none; of one with longer rows: any word, none.
 * Sentences of fewer than five words are left out, so are those with words of both columns, and a sentence with attribute
 * words that stands there twice counts once. Of each class at most as many as the caller asks for are taken, drawn by
 * seed and place in the text. Each is clipped at random: behind word j, drawn from the first place of its last attribute
 * word, in the order of the table, to the end; one of no class from the fifth word on, or before it. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_LABELLED_H
#define FAIRSTAMP_STAGES_METHODS_LABELLED_H

#include <stddef.h>

#include "stages/methods/method.h"
#include "stages/methods/sentences.h"

struct fs_labelled {
    struct fs_text_list texts; /* of one category after the other */
    size_t capacity;
    unsigned char *label; /* [texts.count] counted over the classes of all categories */
    size_t classes, categories;
    /* [categories + 1] the first text and the first class of each; those of the last: how many there are */
    struct fs_labelled_part {
        size_t text, class;
    } * part;
};

/* Of task->text and all its categories, at most `most` a class. FS_EXIT_DATA where a class has no sentence. The caller
 * releases, also on failure. */
int fs_labelled_make(const struct fs_method_task *task, size_t most, struct fs_labelled *labelled,
                     struct fs_error *err);
void fs_labelled_release(struct fs_labelled *labelled); /* takes a zeroed struct */

#endif
