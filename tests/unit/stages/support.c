#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct loaded load(const char *folder, size_t threads)
{
    struct loaded loaded = {0};
    struct fs_error err = FS_ERROR_INIT;
    char path[4096];
    const char *source = getenv("FAIRSTAMP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/%s", source != NULL ? source : ".", folder);
    if (fs_model_load(path, &loaded.model, &err) != 0 || fs_tokenizer_open(path, &loaded.tokenizer, &err) != 0 ||
        fs_runner_serial_create(threads, &loaded.runner, &err) != 0 ||
        fs_prompt_style_of(fs_model_spec(loaded.model), loaded.tokenizer, &loaded.style, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return loaded;
}

void unload(struct loaded *loaded)
{
    fs_model_destroy(loaded->model);
    fs_tokenizer_destroy(loaded->tokenizer);
    free(loaded->runner);
}

struct fs_statement_text text_of(size_t slot, const char *before, const char *completion, const char *after)
{
    static char text[8][512], part[8][3][512], none[1];
    (void)snprintf(text[slot], sizeof text[slot], "%s%s%s", before, completion, after);
    (void)snprintf(part[slot][0], sizeof part[slot][0], "%s", before);
    (void)snprintf(part[slot][1], sizeof part[slot][1], "%s", completion);
    (void)snprintf(part[slot][2], sizeof part[slot][2], "%s", after);
    return (struct fs_statement_text){
        .before = part[slot][0], .completion = part[slot][1], .after = part[slot][2], .text = text[slot], .id = none};
}
