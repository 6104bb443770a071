#include "model/tokenizer/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fs_explain(struct fs_explanation *explanation, enum fs_explain_topic topic, const char *source,
               struct fs_error *err, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    if (fs_grow(&explanation->line, &explanation->capacity, explanation->count + 1, sizeof *explanation->line,
                "an explanation", err) != 0) {
        return -1;
    }
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
    }
    va_end(arguments);
    char *copy = strdup(source);
    if (text == NULL || copy == NULL) {
        free(text);
        free(copy);
        return fs_error_memory(err, strlen(format), "an explanation");
    }
    explanation->line[explanation->count++] = (struct fs_explained){topic, text, copy};
    return 0;
}

void fs_explanation_release(struct fs_explanation *explanation)
{
    for (size_t i = 0; i < explanation->count; i++) {
        free(explanation->line[i].text);
        free(explanation->line[i].source);
    }
    free(explanation->line);
    memset(explanation, 0, sizeof *explanation);
}

const char *fs_explain_topic_name(enum fs_explain_topic topic)
{
    static const char *const names[FS_EXPLAIN_TOPICS] = {
        [FS_EXPLAIN_FILE] = "files", [FS_EXPLAIN_CLASS] = "class",          [FS_EXPLAIN_PIPELINE] = "pipeline",
        [FS_EXPLAIN_RULE] = "rules", [FS_EXPLAIN_TOKEN] = "special_tokens", [FS_EXPLAIN_VERSION] = "versions"};
    return names[topic];
}
