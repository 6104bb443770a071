#include "model/families/families.h"

#include <string.h>

/* One row a family: its struct fs_family is fs_family_<row>, in a file of its own. */
#define FAMILIES(ROW)                                                                                                  \
    ROW(bert)                                                                                                          \
    ROW(roberta)                                                                                                       \
    ROW(xlm_roberta)                                                                                                   \
    ROW(camembert)                                                                                                     \
    ROW(ernie)                                                                                                         \
    ROW(distilbert)                                                                                                    \
    ROW(roberta_prelayernorm)                                                                                          \
    ROW(albert)                                                                                                        \
    ROW(electra)                                                                                                       \
    ROW(mpnet)                                                                                                         \
    ROW(deberta_v2)                                                                                                    \
    ROW(modernbert)                                                                                                    \
    ROW(gpt2)                                                                                                          \
    ROW(gpt_neo)                                                                                                       \
    ROW(openai_gpt)                                                                                                    \
    ROW(opt)                                                                                                           \
    ROW(gpt_bigcode)                                                                                                   \
    ROW(gpt_neox)                                                                                                      \
    ROW(gptj)                                                                                                          \
    ROW(phi)                                                                                                           \
    ROW(bloom)                                                                                                         \
    ROW(mpt)                                                                                                           \
    ROW(falcon)                                                                                                        \
    ROW(llama)                                                                                                         \
    ROW(mistral)                                                                                                       \
    ROW(mixtral)                                                                                                       \
    ROW(qwen2)                                                                                                         \
    ROW(qwen3)                                                                                                         \
    ROW(phi3)                                                                                                          \
    ROW(stablelm)                                                                                                      \
    ROW(olmo)                                                                                                          \
    ROW(olmo2)                                                                                                         \
    ROW(olmo3)                                                                                                         \
    ROW(granite)                                                                                                       \
    ROW(gemma)                                                                                                         \
    ROW(gemma2)                                                                                                        \
    ROW(gemma3_text)                                                                                                   \
    ROW(cohere)                                                                                                        \
    ROW(smollm3)                                                                                                       \
    ROW(starcoder2)

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
    for (size_t i = 0; i < fs_family_count; i++) {
        fs_error_add_name(text, size, i, fs_family_count, fs_families[i]->name);
    }
}
