/*
 * A GGUF file as the HuggingFace folder that it was made from: its metadata as config.json, its tensors under the names of
 * transformers, so that one reader of architectures reads both. Local. Private to model/.
 *
 * Key names and their meaning: gguf-py/gguf/constants.py and convert_hf_to_gguf.py of llama.cpp.
 */
#ifndef FAIRSTAMP_MODEL_GGUF_ARCHITECTURE_H
#define FAIRSTAMP_MODEL_GGUF_ARCHITECTURE_H

#include "io/formats/gguf.h"
#include "io/formats/json.h"
#include "io/formats/tensor_store.h"

struct fs_gguf_architecture {
    const char *name;       /* general.architecture */
    const char *model_type; /* of config.json */
    const char *class_name; /* of transformers */
    /* llama.cpp turns neighbours of a head where transformers turns its halves, so that rows of q and k stand in another
     * order */
    bool paired;
    /* Keys of config.json that say there are such; NULL: the family has no key. */
    const char *attention_bias, *ffn_bias;
    bool experts; /* whether its FFN is a mixture of experts */
};

/* FS_EXIT_DATA where the file is no whole model, or names an architecture that is not read. */
int fs_gguf_architecture_find(const struct fs_gguf *gguf, const struct fs_gguf_architecture **architecture,
                              struct fs_error *err);

/* config.c: the metadata as a config.json, named "FILE: metadata as config.json". A key of the architecture that is not
 * known is FS_EXIT_DATA: it may change what the model computes. The caller destroys. */
int fs_gguf_config(const struct fs_gguf *gguf, struct fs_json_document **config, struct fs_error *err);

/* tensors.c: the weights of the GGUF file `path` under the names of transformers. The caller destroys. */
int fs_gguf_weights_open(const char *path, struct fs_tensor_store **store, struct fs_error *err);

/*
 * rotary.c: adds rope_theta and rope_scaling to `config`. rope_freqs.weight, by which Llama 3.1's frequencies are divided,
 * is read as the parameters that give the same: FS_EXIT_DATA where there are none.
 */
int fs_gguf_add_rotary(const struct fs_gguf *gguf, const char *architecture, size_t head_size, cJSON *config,
                       struct fs_error *err);

/* "architecture.suffix" in a buffer. */
#define FS_GGUF_KEY 128
const char *fs_gguf_key(const char *architecture, const char *suffix, char key[FS_GGUF_KEY]);
/* The number as its decimal of fewest digits says it, as config.json has it: 1e-05 for the float32 next to it. */
double fs_gguf_plain(double value);

#endif
