/*
 * What a tokenizer was read from and which rule decided, for people: a loader adds a line for each thing that it
 * settles, in the order of its doing. Local.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_EXPLAIN_H
#define FAIRSTAMP_MODEL_TOKENIZER_EXPLAIN_H

#include <stddef.h>

#include "io/error.h"

enum fs_explain_topic {
    FS_EXPLAIN_FILE,     /* a file that was read, or stands there and was not */
    FS_EXPLAIN_CLASS,    /* the tokenizer's class */
    FS_EXPLAIN_PIPELINE, /* normalizer, pre-tokenizer, model */
    FS_EXPLAIN_RULE,     /* a key or a class that overruled a file */
    FS_EXPLAIN_TOKEN,    /* a special token */
    FS_EXPLAIN_VERSION,  /* what a version of transformers does otherwise */
    FS_EXPLAIN_TOPICS
};

struct fs_explanation {
    struct fs_explained {
        enum fs_explain_topic topic;
        char *text;
        char *source; /* file and key, or class; "" where the text says it */
    } * line;
    size_t count, capacity;
};

/* Adds a line to a zeroed or grown `explanation`. Only out of memory fails. */
int fs_explain(struct fs_explanation *explanation, enum fs_explain_topic topic, const char *source,
               struct fs_error *err, const char *format, ...) FS_PRINTF(5, 6);
void fs_explanation_release(struct fs_explanation *explanation); /* zeroes it */

/* "files", "class", ...: the topic's name in pages and in JSON. */
const char *fs_explain_topic_name(enum fs_explain_topic topic);

#endif
