/* What a folder has in place of the files that are read. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/formats/tensor_format.h"
#include "model/folder/folder.h"
#include "model/folder/folder_parts.h"

#define MODEL (FS_FOLDER_CONFIG | FS_FOLDER_WEIGHTS)

/* What is said of several names. */
#define BROKE_OFF "a download that broke off; download the model again"
#define FSDP "the shards of FSDP; gather them: accelerate merge-weights"
#define PYTORCH "a file of PyTorch; load it, and write the model in it with save_pretrained(DIR)"
#define NO_JSON                                                                                                        \
    "which is not read; write a tokenizer.json: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR) with Python"

/* By name, the first row that fits: what an entry is, and what to do. `missing`: of the parts that are looked for. */
static const struct hint {
    const char *pattern;
    unsigned missing;
    const char *says;
} hints[] = {
    {"consolidated.*", FS_FOLDER_WEIGHTS,
     "a model as Meta distributes it; convert it with transformers' convert_llama_weights_to_hf.py"},
    {"bert_model.ckpt*", FS_FOLDER_WEIGHTS,
     "a TensorFlow checkpoint of Google's BERT; convert it with transformers' "
     "convert_bert_original_tf_checkpoint_to_pytorch.py"},
    {"model.ckpt*", FS_FOLDER_WEIGHTS, "a TensorFlow checkpoint; convert it with the scripts of transformers"},
    {"tf_model.h5", FS_FOLDER_WEIGHTS,
     "weights of TensorFlow, expected model.safetensors; convert them with Python and transformers 4: "
     "AutoModelForMaskedLM (or AutoModelForCausalLM).from_pretrained(DIR, from_tf=True).save_pretrained(DIR), DIR "
     "being this folder"},
    {"flax_model.msgpack", FS_FOLDER_WEIGHTS,
     "weights of Flax, expected model.safetensors; convert them with Python and transformers 4: AutoModelForMaskedLM "
     "(or AutoModelForCausalLM).from_pretrained(DIR, from_flax=True).save_pretrained(DIR), DIR being this folder"},
    {"*.gguf", MODEL,
     "a file of llama.cpp; give the file itself, for a folder stands for one only where it is alone, without "
     "config.json "
     "and weights of HuggingFace"},
    {"*.incomplete", MODEL, BROKE_OFF},
    {"*.part", MODEL, BROKE_OFF},
    {"*.crdownload", MODEL, BROKE_OFF},
    {"*.aria2", MODEL, BROKE_OFF},
    {"zero_to_fp32.py", FS_FOLDER_WEIGHTS,
     "a checkpoint of DeepSpeed; gather its shards: python zero_to_fp32.py . DIR --safe_serialization"},
    {"pytorch_model_fsdp*", FS_FOLDER_WEIGHTS, FSDP},
    {"*.distcp", FS_FOLDER_WEIGHTS, FSDP},
    {"*-of-*.safetensors", FS_FOLDER_WEIGHTS,
     "a shard, but no model.safetensors.index.json; download or copy that file too"},
    {"pytorch_model-*-of-*.bin", FS_FOLDER_WEIGHTS,
     "a shard, but no pytorch_model.bin.index.json; download or copy that file too"},
    {"pytorch_model*.bin", FS_FOLDER_WEIGHTS,
     "weights under a name of their own; rename them to pytorch_model.bin if they are the whole model's"},
    {"model.*.safetensors", FS_FOLDER_WEIGHTS,
     "weights of another number format under a name of their own; rename them to model.safetensors to use them"},
    {"*.safetensors", FS_FOLDER_WEIGHTS,
     "weights of another name, expected model.safetensors; rename them if they are the whole model's"},
    {"model_index.json", MODEL, "a pipeline of diffusers; give the folder of a language model"},
    {"*.nemo", FS_FOLDER_WEIGHTS, "a model of NeMo; convert it to the HuggingFace layout"},
    {"*.ckpt", FS_FOLDER_WEIGHTS,
     "a checkpoint of a trainer (Lightning); load it, and write the model in it with save_pretrained(DIR)"},
    {"*.onnx", FS_FOLDER_WEIGHTS, "a model of ONNX; take the HuggingFace folder that it was made from"},
    {"*.pt", FS_FOLDER_WEIGHTS, PYTORCH},
    {"*.pth", FS_FOLDER_WEIGHTS, PYTORCH},
    {"*.bin", FS_FOLDER_WEIGHTS, PYTORCH},
    {"*.zip", MODEL, "an archive; unpack it"},
    {"*.tar*", MODEL, "an archive; unpack it"},
    {"*.tgz", MODEL, "an archive; unpack it"},
    {"encoder.json", FS_FOLDER_TOKENIZER, "OpenAI's name of vocab.json (and vocab.bpe of merges.txt); rename them"},
    {"*.spm", FS_FOLDER_TOKENIZER, NO_JSON},
};

/* Folders below, in `below`, that match `pattern` and hold `file` (NULL: any). */
static int find_below(const char *folder, const struct fs_entries *entries, const char *pattern, const char *file,
                      struct fs_entries *below, struct fs_error *err)
{
    for (size_t i = 0; i < entries->count; i++) {
        char path[FS_PATH_ROOM];
        const char *name = entries->name[i];
        if (fnmatch(pattern, name, 0) != 0 || !fs_has_folder(folder, name) ||
            (file != NULL && (!fs_join(folder, name, path) || !fs_has_file(path, file)))) {
            continue;
        }
        if (fs_grow(&below->name, &below->capacity, below->count + 1, sizeof *below->name, "folders", err) != 0) {
            return -1;
        }
        below->name[below->count] = strdup(name);
        if (below->name[below->count] == NULL) {
            return fs_error_memory(err, strlen(name), "folders");
        }
        below->count++;
    }
    return 0;
}

/* "a, b, c and 7 more". */
static void write_names(const struct fs_entries *entries, char *text, size_t size)
{
    size_t used = 0, shown = entries->count < 4 ? entries->count : 3;
    text[0] = '\0';
    for (size_t i = 0; i < shown; i++) {
        int wrote = snprintf(text + used, size - used, "%s%.60s", i > 0 ? ", " : "", entries->name[i]);
        used += wrote > 0 && (size_t)wrote < size - used ? (size_t)wrote : 0;
    }
    if (shown < entries->count) {
        snprintf(text + used, size - used, " and %zu more", entries->count - shown);
    }
}

/* The snapshot that refs/main names, in `name`: "" where it is not told or not there. */
static void read_main(const char *folder, char *name, size_t size)
{
    char path[FS_PATH_ROOM], snapshots[FS_PATH_ROOM];
    struct fs_file_map map;
    struct fs_error ignored = FS_ERROR_INIT;
    name[0] = '\0';
    if (!fs_join(folder, "refs/main", path) || fs_file_map_open(path, &map, &ignored) != 0) {
        return;
    }
    size_t length = 0;
    while (length < map.size && length + 1 < size && map.data[length] > ' ' && map.data[length] != '/') {
        name[length] = (char)map.data[length];
        length++;
    }
    name[length] = '\0';
    fs_file_map_close(&map);
    if (length == 0 || name[0] == '.' || !fs_join(folder, "snapshots", snapshots) || !fs_has_folder(snapshots, name)) {
        name[0] = '\0';
    }
}

/* 1 where `folder` is the cache of one model, and `err` says so. */
static int say_cache(const char *folder, struct fs_error *err)
{
    char snapshots[FS_PATH_ROOM], name[256], hub[256], names[512];
    struct fs_entries all = {0};
    if (!fs_has_folder(folder, "snapshots") || !fs_join(folder, "snapshots", snapshots)) {
        return 0;
    }
    if (fs_entries_read(snapshots, &all, err) != 0) {
        fs_entries_release(&all);
        return -1;
    }
    read_main(folder, name, sizeof name);
    if (name[0] == '\0' && all.count == 1) {
        snprintf(name, sizeof name, "%s", all.name[0]);
    }
    fs_hub_name(folder, hub);
    write_names(&all, names, sizeof names);
    if (name[0] != '\0') {
        fs_error_set(err, FS_EXIT_NO_INPUT, "%s: is the Hub's cache of a model; give the snapshot in it: %s/%s", folder,
                     snapshots, name);
    } else if (all.count > 0) {
        fs_error_set(err, FS_EXIT_NO_INPUT,
                     "%s: is the Hub's cache of a model, with %zu snapshots and no refs/main that names one; give one "
                     "of the folders in %s: %s",
                     folder, all.count, snapshots, names);
    } else {
        fs_error_set(err, FS_EXIT_NO_INPUT,
                     "%s: is the Hub's cache of a model, but there is nothing in %s; download it again: hf download %s",
                     folder, snapshots, hub);
    }
    fs_entries_release(&all);
    return 1;
}

/* 1 where models, adapters or caches of them are in folders below, and `err` says so. */
static int say_below(const char *folder, const struct fs_entries *entries, struct fs_error *err)
{
    static const struct {
        const char *pattern, *file, *says;
    } rows[] = {
        {"*", "config.json", "holds models in folders below it; give one of these"},
        {"models--*", NULL,
         "is the Hub's cache of several models; give the folder of one snapshot, .../snapshots/..., of one of these"},
        {"*", "adapter_config.json",
         "holds PEFT adapters in folders below it, no whole model; merge one of these first"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fs_entries below = {0};
        char names[512];
        int status = find_below(folder, entries, rows[i].pattern, rows[i].file, &below, err);
        write_names(&below, names, sizeof names);
        bool found = below.count > 0;
        fs_entries_release(&below);
        if (status != 0) {
            return -1;
        }
        if (found) {
            fs_error_set(err, FS_EXIT_NO_INPUT, "%s: %s: %s", folder, rows[i].says, names);
            return 1;
        }
    }
    return 0;
}

/* 1 where an entry is told by its name, and `err` says so. */
static int say_entry(const char *folder, const struct fs_entries *entries, unsigned missing, struct fs_error *err)
{
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        for (size_t j = 0; (hints[i].missing & missing) != 0 && j < entries->count; j++) {
            if (fnmatch(hints[i].pattern, entries->name[j], 0) == 0) {
                fs_error_set(err, FS_EXIT_NO_INPUT, "%s: found %s, %s", folder, entries->name[j], hints[i].says);
                return 1;
            }
        }
    }
    return 0;
}

/* Where hf download keeps what it has of a file: with --local-dir, and in the cache. 1 where there is such a piece. */
static int say_broken_off(const char *folder, struct fs_error *err)
{
    static const char *const places[] = {".cache/huggingface/download", "../../blobs"};
    for (size_t place = 0; place < sizeof places / sizeof *places; place++) {
        char path[FS_PATH_ROOM];
        struct fs_entries entries = {0};
        bool found = false;
        int status = fs_join(folder, places[place], path) ? fs_entries_read(path, &entries, err) : 0;
        for (size_t i = 0; status == 0 && i < entries.count; i++) {
            found = found || fnmatch("*.incomplete", entries.name[i], 0) == 0;
        }
        fs_entries_release(&entries);
        if (status != 0) {
            return -1;
        }
        if (found) {
            fs_error_set(err, FS_EXIT_NO_INPUT,
                         "%s: the download broke off: %s holds a file *.incomplete; run hf download again, it goes on",
                         folder, path);
            return 1;
        }
    }
    return 0;
}

static int say_nothing_known(const char *folder, const struct fs_entries *entries, unsigned missing,
                             struct fs_error *err)
{
    char names[512], files[256], weights[400];
    write_names(entries, names, sizeof names);
    fs_tensor_format_names(files, sizeof files);
    snprintf(weights, sizeof weights, "no weights (%s, or the index of their shards)", files);
    const char *what = (missing & FS_FOLDER_CONFIG) != 0    ? "no config.json"
                       : (missing & FS_FOLDER_WEIGHTS) != 0 ? weights
                                                            : "no tokenizer";
    const char *fix =
        (missing & MODEL) != 0
            ? "give the folder of a HuggingFace model"
            : "expected tokenizer.json, a model of SentencePiece, vocab.json with merges.txt, or vocab.txt: copy "
              "them from the base model, as AutoTokenizer.from_pretrained(BASE).save_pretrained(DIR) does";
    const char *else_found = entries->count > 0  ? ", but "
                             : entries->unlisted ? ", and the folder cannot be listed"
                                                 : ": the folder is empty";
    return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: found %s%s%s; %s", folder, what, else_found, names, fix);
}

int fs_say_instead(const char *folder, unsigned missing, struct fs_error *err)
{
    struct fs_entries entries = {0};
    bool above = !fs_has_file(folder, "config.json"); /* the model may be in a folder below */
    int said = fs_entries_read(folder, &entries, err);
    said = said == 0 && above ? say_cache(folder, err) : said;
    said = said == 0 && above ? say_below(folder, &entries, err) : said;
    said = said == 0 && (missing & MODEL) != 0 ? say_broken_off(folder, err) : said;
    said = said == 0 ? say_entry(folder, &entries, missing, err) : said;
    said = said == 0 && !above && (missing & MODEL) != 0 ? say_below(folder, &entries, err) : said;
    if (said == 0) {
        say_nothing_known(folder, &entries, missing, err);
    }
    fs_entries_release(&entries);
    return -1;
}
