/* Folders as people have them: each is made by a few lines, refused with its code and the words that help. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/folder/folder.h"
#include "model/tokenizer/tokenizer.h"
#include "support.h"

static int enter_scratch(void **state)
{
    return scratch_make(state) != 0 || chdir(scratch_folder()) != 0 ? -1 : 0;
}

static int leave_scratch(void **state)
{
    return chdir("/") != 0 ? -1 : scratch_remove(state);
}

/*
 * Makes the entries of `made`, a space between two, below the folder `name`: "a/" a folder, "a" a file of one byte,
 * "a=text" a file with this text, "a>b" a link to b, "a|" a named pipe. "@" in a text
 * stands for a space.
 */
static void make(const char *name, const char *made)
{
    char copy[1024], *rest = copy;
    snprintf(copy, sizeof copy, "%s", made);
    mkdir(name, 0700);
    for (char *entry; (entry = strtok_r(rest, " ", &rest)) != NULL;) {
        char path[1200], *mark = strpbrk(entry, "=>|");
        char kind = mark != NULL ? *mark : entry[strlen(entry) - 1] == '/' ? '/' : '=';
        const char *value = mark != NULL ? mark + 1 : "x";
        if (mark != NULL) {
            *mark = '\0';
        }
        snprintf(path, sizeof path, "%s/%s", name, entry);
        for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
            *slash = '\0';
            mkdir(path, 0700);
            *slash = '/';
        }
        if (kind == '>') {
            assert_int_equal(symlink(value, path), 0);
        } else if (kind == '|') {
            assert_int_equal(mkfifo(path, 0600), 0);
        } else if (kind == '=') {
            FILE *file = fopen(path, "w");
            assert_non_null(file);
            for (; *value != '\0'; value++) {
                fputc(*value == '@' ? ' ' : *value, file);
            }
            assert_int_equal(fclose(file), 0);
        }
    }
}

static void expect(const char *path, unsigned parts, int code, const char *first, const char *second)
{
    struct fs_error err = FS_ERROR_INIT;
    int status = fs_model_folder_check(path, parts, &err);
    if (status == 0 || err.code != code || strstr(err.text, first) == NULL || strstr(err.text, second) == NULL ||
        strlen(err.text) > 1200) {
        fail_msg("%s: code %d, \"%s\", expected %d, \"%s\" and \"%s\"", path, err.code, err.text, code, first, second);
    }
}

enum { MODEL = FS_FOLDER_CONFIG | FS_FOLDER_WEIGHTS, ALL = MODEL | FS_FOLDER_TOKENIZER };
enum { DATA = FS_EXIT_DATA, GONE = FS_EXIT_NO_INPUT };

/* What is in a folder, what is going to be read, and how it is refused; code 0: it is not. */
static const struct row {
    const char *made;
    unsigned parts;
    int code;
    const char *first, *second;
} rows[] = {
    {"config.json model.safetensors vocab.txt", ALL, 0, "", ""},
    {"config.json model.safetensors.index.json model-00001-of-00001.safetensors tokenizer.json", ALL, 0, "", ""},
    {"config.json pytorch_model.bin vocab.txt", ALL, 0, "", ""},
    {"tokenizer.model", FS_FOLDER_TOKENIZER, 0, "", ""},
    {"spiece.model", FS_FOLDER_TOKENIZER, 0, "", ""},
    {"sentencepiece.bpe.model", FS_FOLDER_TOKENIZER, 0, "", ""},
    {"spm.model", FS_FOLDER_TOKENIZER, 0, "", ""},
    {"vocab.json merges.txt", FS_FOLDER_TOKENIZER, 0, "", ""},
    {"config.json merges.txt tokenizer_config.json special_tokens_map.json added_tokens.json", FS_FOLDER_TOKENIZER,
     GONE, "no tokenizer", "copy them from the base model"},
    {"config.json pytorch_model.bin.index.json pytorch_model-00001-of-00001.bin tokenizer.json", ALL, 0, "", ""},
    {"config.json model.safetensors pytorch_model.bin=version@https://git-lfs pytorch_model.bin.index.json>gone", MODEL,
     0, "", ""},
    {"tokenizer.json adapter_config.json={", FS_FOLDER_TOKENIZER, 0, "", ""},
    {"config.json model.safetensors vocab.txt default/adapter_config.json checkpoint-5/config.json", ALL, 0, "", ""},
    {"config.json model.safetensors README.md>nowhere", MODEL, 0, "", ""},
    {"config.json model.safetensors adapter_model.safetensors", MODEL, 0, "", ""},
    /* adapters */
    {"adapter_config.json={\"peft_type\":\"LORA\",\"base_model_name_or_path\":\"org/"
     "base-1b\",\"task_type\":\"CAUSAL_LM\"} "
     "adapter_model.safetensors",
     MODEL, DATA, "is a PEFT adapter (LORA) of org/base-1b", "AutoModelForCausalLM.from_pretrained(\"org/base-1b\")"},
    {"adapter_config.json={\"peft_type\":\"IA3\"} adapter_model.bin", MODEL, DATA, "(IA3)", "merge_and_unload()"},
    {"adapter_config.json={\"peft_type\":\"PREFIX_TUNING\",\"base_model_name_or_path\":\"b\"}", MODEL, DATA, "of b, ",
     "cannot be merged"},
    {"adapter_model.bin tokenizer.json", MODEL, DATA, "PEFT adapter", "does not name"},
    {"config.json adapter_config.json={\"peft_type\":\"LORA\"}", FS_FOLDER_CONFIG, DATA, "no whole model", "merge"},
    {"adapter_config.json={\"peft_type\":", MODEL, DATA, "PEFT adapter", "does not tell the kind"},
    {"adapter_config.json={\"peft_type\":7,\"base_model_name_or_path\":[]}", MODEL, DATA, "PEFT adapter", "merge"},
    {"adapter_config.json|", MODEL, DATA, "PEFT adapter", "merge"},
    {"adapter_config.json>nowhere", MODEL, GONE, "adapter_config.json: is a link to nowhere", "not there"},
    {"default/adapter_config.json other/adapter_config.json", MODEL, GONE, "adapters in folders below it",
     "default, other"},
    {"config.json model.safetensors adapter_config.json={\"peft_type\":\"ADALORA\",\"task_type\":\"FEATURE\"}", MODEL,
     DATA, "holds a whole model and beside it a PEFT adapter (ADALORA)", "AutoModelForMaskedLM"},
    {"config.json pytorch_model.bin adapter_config.json={\"peft_type\":\"LORA\"}", MODEL, DATA, "holds a whole model",
     "ADAPTER"},
    {"config.json model.safetensors adapter_config.json={", MODEL, DATA, "holds a whole model", "move"},
    /* the Hub's cache */
    {"refs/main=abc snapshots/abc/ snapshots/old/", ALL, GONE, "the Hub's cache of a model", "/snapshots/abc"},
    {"snapshots/only/", MODEL, GONE, "give the snapshot", "/snapshots/only"},
    {"refs/main=gone snapshots/a/ snapshots/b/", MODEL, GONE, "2 snapshots", ": a, b"},
    {"refs/main=../../.. snapshots/a/ snapshots/b/", MODEL, GONE, "2 snapshots", ": a, b"},
    {"refs/main| snapshots/a/ snapshots/b/", FS_FOLDER_TOKENIZER, GONE, "2 snapshots", ": a, b"},
    {"snapshots/", MODEL, GONE, "nothing in", "hf download"},
    {"models--org--one/snapshots/a/ models--two/", MODEL, GONE, "cache of several models",
     "models--org--one, models--two"},
    /* links */
    {"config.json model.safetensors>../blobs/x", MODEL, GONE, "model.safetensors: is a link to ../blobs/x",
     "not there"},
    {"config.json>config.json model.safetensors", MODEL, GONE, "config.json: is a link to config.json",
     "back to itself"},
    {"config.json model.safetensors.index.json model-00001-of-00001.safetensors>gone", MODEL, GONE,
     "model-00001-of-00001.safetensors: is a link", "download"},
    {"tokenizer.json>gone vocab.txt", FS_FOLDER_TOKENIZER, GONE, "tokenizer.json: is a link to gone", "not there"},
    {"config.json model.safetensors>gone", FS_FOLDER_CONFIG, GONE, "model.safetensors: is a link", "not there"},
    {"config.json model.safetensors>gone pytorch_model.bin", MODEL, GONE, "model.safetensors: is a link", "not there"},
    {"config.json pytorch_model.bin.index.json pytorch_model-00001-of-00001.bin>gone", MODEL, GONE,
     "pytorch_model-00001-of-00001.bin: is a link", "download"},
    /* files that are something else */
    {"config.json pytorch_model.bin=version@https://git-lfs.github.com/spec/v1", MODEL, DATA,
     "pytorch_model.bin: is a pointer", "git lfs pull"},
    {"config.json pytorch_model.bin=", MODEL, DATA, "pytorch_model.bin: is empty", "quota"},
    {"config.json model.safetensors=version@https://git-lfs.github.com/spec/v1", MODEL, DATA, "pointer of Git LFS",
     "git lfs pull"},
    {"vocab.txt=version@https://git-lfs.github.com/spec/v1", FS_FOLDER_TOKENIZER, DATA, "vocab.txt: is a pointer",
     "git lfs pull"},
    {"config.json=<!DOCTYPE@html>", MODEL, DATA, "web page", "hf auth login"},
    {"config.json=Entry@not@found model.safetensors", MODEL, DATA, "error of the Hub", "again"},
    {"config.json model.safetensors=PK\003\004", MODEL, DATA, "zip archive", "rename it to pytorch_model.bin"},
    {"config.json model.safetensors=GGUF", MODEL, DATA, "GGUF", "MODEL.gguf"},
    {"config.json=\xff\xfe{", MODEL, DATA, "UTF-16", "iconv"},
    {"config.json model.safetensors=", MODEL, DATA, "model.safetensors: is empty", "quota"},
    {"config.json model.safetensors=PAR1\001\001\001\001\001", MODEL, DATA, "Parquet", "again"},
    {"config.json=\x28\xb5\x2f\xfd model.safetensors", MODEL, DATA, "zstd", "zstd -dc"},
    {"vocab.json=\x1f\x8b", FS_FOLDER_TOKENIZER, DATA, "gzip", "gunzip"},
    /* other files in place of those that are read */
    {"config.json pytorch_model-00001-of-00002.bin", MODEL, GONE, "a shard", "pytorch_model.bin.index.json"},
    {"config.json pytorch_model.fp16.bin", MODEL, GONE, "a name of their own", "rename them to pytorch_model.bin"},
    {"config.json training_args.bin", MODEL, GONE, "training_args.bin, a file of PyTorch", "save_pretrained"},
    {"config.json tf_model.h5", MODEL, GONE, "TensorFlow", "from_tf=True"},
    {"config.json flax_model.msgpack", MODEL, GONE, "Flax", "from_flax=True"},
    {"x.Q4_K_M.gguf y.gguf", MODEL, GONE, "x.Q4_K_M.gguf", "give the file itself"},
    {"config.json x.Q4_K_M.gguf", MODEL, GONE, "x.Q4_K_M.gguf", "give the file itself"},
    {"consolidated.00.pth params.json", MODEL, GONE, "Meta", "convert_llama_weights_to_hf"},
    {"bert_config.json bert_model.ckpt.index", MODEL, GONE, "Google's BERT", "convert_bert"},
    {"config.json model-00001-of-00002.safetensors", MODEL, GONE, "a shard", "model.safetensors.index.json"},
    {"config.json model.fp16.safetensors", MODEL, GONE, "model.fp16.safetensors", "rename"},
    {"config.json latest zero_to_fp32.py", MODEL, GONE, "DeepSpeed", "python zero_to_fp32.py"},
    {"config.json pytorch_model_fsdp_0/", MODEL, GONE, "FSDP", "accelerate merge-weights"},
    {"config.json model.safetensors.part", MODEL, GONE, "broke off", "again"},
    {"config.json .cache/huggingface/download/model.safetensors.1f.incomplete", MODEL, GONE, "broke off",
     "hf download"},
    {"checkpoint-1000/config.json checkpoint-500/config.json runs/x", MODEL, GONE, "models in folders below it",
     "checkpoint-500, checkpoint-1000"},
    {"a/config.json b/config.json c/config.json d/config.json e/config.json", MODEL, GONE, "a, b, c and 2 more", ""},
    {"config.json checkpoint-7/config.json", MODEL, GONE, "folders below it", "checkpoint-7"},
    {"", MODEL, GONE, "no config.json", "is empty"},
    {"notes.md", MODEL, GONE, "no config.json, but notes.md", "HuggingFace model"},
    {"pytorch_model.bin vocab.txt", MODEL, GONE, "no config.json, but pytorch_model.bin", "HuggingFace model"},
    {"model.safetensors consolidated.safetensors", MODEL, GONE, "no config.json, but consolidated.safetensors", ""},
    {"model.safetensors optimizer.pt tf_model.h5", MODEL, GONE, "no config.json, but", ""},
    {"model.safetensors config.json.part", MODEL, GONE, "broke off", "again"},
    {"tf_model.h5", FS_FOLDER_CONFIG, GONE, "TensorFlow", "from_tf=True"},
    {"config.json notes.md", MODEL, GONE, "no weights (model.safetensors", "notes.md"},
    {"config.json model.safetensors", ALL, GONE, "no tokenizer", "AutoTokenizer"},
    {"encoder.json vocab.bpe", FS_FOLDER_TOKENIZER, GONE, "encoder.json", "vocab.json"},
    {"source.spm", FS_FOLDER_TOKENIZER, GONE, "source.spm", "save_pretrained"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[32];
        snprintf(name, sizeof name, "row%zu", i);
        make(name, rows[i].made);
        struct fs_error err = FS_ERROR_INIT;
        if (rows[i].code != 0) {
            expect(name, rows[i].parts, rows[i].code, rows[i].first, rows[i].second);
        } else if (fs_model_folder_check(name, rows[i].parts, &err) != 0) {
            fail_msg("%s: %s", rows[i].made, err.text);
        }
    }
}

/* A download that broke off within the cache: a link to nothing, or a file that has no link yet. */
static void test_cache(void **state)
{
    (void)state;
    mkdir("hub é", 0700);
    make("hub é/models--org--small", "blobs/aa.incomplete refs/main=abc snapshots/abc/config.json");
    expect("hub é/models--org--small", ALL, GONE, "hub é/models--org--small/snapshots/abc", "");
    expect("hub é/models--org--small/", ALL, GONE, "snapshots/abc", "");
    expect("hub é/models--org--small/snapshots/abc", MODEL, GONE, "broke off", "*.incomplete");
    make("hub é/models--org--small", "snapshots/abc/model.safetensors>../../blobs/aa");
    expect("hub é/models--org--small/snapshots/abc", MODEL, GONE, "is a link to ../../blobs/aa",
           "hf download org/small");
    expect("hub é/models--org--small/snapshots", MODEL, GONE, "models in folders below it", "abc");
}

static void test_paths(void **state)
{
    (void)state;
    static const char *const paths[][3] = {
        {"", "is empty", "variable"},
        {"gpt2", "there is no such folder in /", "hf download gpt2 --local-dir DIR"},
        {"org/some-model_1.5", "found no org", "hf download org/some-model_1.5"},
        {"here/there/a/model", "found no here/there", "HuggingFace model"},
        {"here/gpt2", "there is no such folder", "hf download gpt2"},
        {"./org/gpt2", "there is no such folder", "hf download org/gpt2"},
        {"/nonexistent/a/b", "found no /nonexistent", "give the folder"},
        {"/nonexistent/model", "found no /nonexistent", "; give the folder"},
        {"/nonexistent", "there is no such folder; give the folder", ""},
        {"~/models/x", "in a shell alone", "write /home/somebody/models/x"},
        {"~somebody/x", "in a shell alone", "the whole path"},
        {"https://huggingface.co/org/name/tree/main", "is an address", "hf download org/name --local-dir"},
        {"hf://org/name", "is an address", "hf download org/name --local-dir"},
        {"s3://bucket/x", "is an address", "ORG/NAME"},
        {"here/model.safetensors", "is a file", "the folder that holds it: here"},
        {"file", "is a file", "the folder that holds it: ."},
        {"here/x.tar.gz", "archive", "unpack"},
        {"here/pipe", "is a pipe or device", ""},
        {"/dev/null", "is a pipe or device", ""},
        {"here/gone", "is a link to a folder that is not there", ""},
        {"here/loop", "symbolic links", ""},
        {"file/", "Not a directory", ""},
    };
    make("here", "model.safetensors x.tar.gz pipe| gone>nowhere loop>loop");
    make(".", "file");
    assert_int_equal(setenv("HOME", "/home/somebody", 1), 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        expect(paths[i][0], ALL, GONE, paths[i][1], paths[i][2]);
    }
    char here[1024], text[1100];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(text, sizeof text, "there is no such folder in %s;", here);
    expect("gpt2", ALL, GONE, text, "");
    char *longest = malloc(9000);
    assert_non_null(longest);
    memset(longest, 'a', 8999);
    longest[8999] = '\0';
    expect(longest, ALL, GONE, "too long", "");
    free(longest);
}

/* The hints are what opening a model or a tokenizer says, and no name of a file becomes an escape sequence. */
static void test_callers(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_model *model;
    struct fs_tokenizer *tokenizer;
    make("cache", "refs/main=abc snapshots/abc/config.json");
    assert_int_equal(fs_model_open("cache", &model, &err), -1);
    assert_non_null(strstr(err.text, "cache/snapshots/abc"));
    err = (struct fs_error)FS_ERROR_INIT;
    assert_int_equal(fs_tokenizer_open("cache", &tokenizer, &err), -1);
    assert_non_null(strstr(err.text, "cache/snapshots/abc"));
    make("hostile", "adapter_config.json={\"peft_type\":\"L\\u001b[31m\"} \033[2J");
    expect("hostile", MODEL, DATA, "L\\x1b[31m", "");
    make("named", "\033[2J");
    expect("named", MODEL, GONE, "\\x1b[2J", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_cache, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_paths, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_callers, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
