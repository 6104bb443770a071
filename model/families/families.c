#include "model/families/families.h"

#include <stdio.h>
#include <string.h>

/* One row a family: its struct fs_family is fs_family_<row>, in a file of its own. */
#define FAMILIES(ROW)                                                                                                  \
    ROW(bert)                                                                                                          \
    ROW(roberta)                                                                                                       \
    ROW(xlm_roberta)                                                                                                   \
    ROW(camembert)                                                                                                     \
    ROW(ernie)                                                                                                         \
    ROW(distilbert)                                                                                                    \
    ROW(gpt2)                                                                                                          \
    ROW(gpt_neo)                                                                                                       \
    ROW(llama)                                                                                                         \
    ROW(mistral)                                                                                                       \
    ROW(mixtral)                                                                                                       \
    ROW(qwen2)                                                                                                         \
    ROW(qwen3)

#define DECLARE(family) extern const struct fs_family fs_family_##family;
#define POINT(family) &fs_family_##family,

FAMILIES(DECLARE)
const struct fs_family *const fs_families[] = {FAMILIES(POINT)};
const size_t fs_family_count = sizeof fs_families / sizeof *fs_families;

const struct fs_family *fs_family_find(const char *name)
{
    for (size_t i = 0; i < fs_family_count; i++) {
        if (strcmp(fs_families[i]->name, name) == 0) {
            return fs_families[i];
        }
    }
    return NULL;
}

void fs_family_names(char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < fs_family_count && used < size; i++) {
        const char *between = i == 0 ? "" : i + 1 < fs_family_count ? ", " : " or ";
        used += (size_t)snprintf(text + used, size - used, "%s%s", between, fs_families[i]->name);
    }
}
