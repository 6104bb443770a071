#include "model/folder/folder.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/formats/tensor_format.h"
#include "model/folder/folder_parts.h"

static int by_name(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b); /* checkpoint-500 before checkpoint-1000 */
}

int fs_entries_read(const char *folder, struct fs_entries *entries, struct fs_error *err)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    int status = 0;
    entries->unlisted = directory == NULL;
    while (directory != NULL && status == 0 && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        status = fs_grow(&entries->name, &entries->capacity, entries->count + 1, sizeof *entries->name,
                         "the entries of a folder", err);
        char *name = status == 0 ? strdup(entry->d_name) : NULL;
        if (name != NULL) {
            entries->name[entries->count++] = name;
        } else if (status == 0) {
            status = fs_error_memory(err, strlen(entry->d_name), "the entries of a folder");
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    if (entries->count > 0) {
        qsort(entries->name, entries->count, sizeof *entries->name, by_name);
    }
    return status;
}

void fs_entries_release(struct fs_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        free(entries->name[i]);
    }
    free(entries->name);
    *entries = (struct fs_entries){0};
}

bool fs_join(const char *folder, const char *name, char path[FS_PATH_ROOM])
{
    return (size_t)snprintf(path, FS_PATH_ROOM, "%s/%s", folder, name) < FS_PATH_ROOM;
}

bool fs_has_file(const char *folder, const char *name)
{
    char path[FS_PATH_ROOM];
    struct stat info;
    return fs_join(folder, name, path) && stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

bool fs_has_folder(const char *folder, const char *name)
{
    char path[FS_PATH_ROOM];
    struct stat info;
    return fs_join(folder, name, path) && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The shards that an index may name. */
static int check_shards(const char *folder, const char *pattern, struct fs_error *err)
{
    struct fs_entries entries = {0};
    int status = fs_entries_read(folder, &entries, err);
    for (size_t i = 0; status == 0 && i < entries.count; i++) {
        if (fnmatch(pattern, entries.name[i], 0) == 0) {
            status = fs_check_file(folder, entries.name[i], err);
        }
    }
    fs_entries_release(&entries);
    return status;
}

/* The files of the weights, whatever is going to be read: an estimate must not take a download that broke off for a model
 * without weights. `shards`: also those that an index may name. */
static int check_weights(const char *folder, const struct fs_tensor_format *format, bool shards, struct fs_error *err)
{
    if (fs_check_file(folder, format->file, err) != 0 || fs_check_file(folder, format->index, err) != 0) {
        return -1;
    }
    shards = shards && strcmp(fs_tensor_format_entry(format, folder), format->index) == 0;
    return shards ? check_shards(folder, format->shards, err) : 0;
}

/* Other files that are read where they are there, by part. */
static const struct {
    const char *name;
    unsigned parts;
    bool is_tokenizer; /* without it, or another such file, there is none */
} files[] = {
    {"config.json", FS_FOLDER_CONFIG | FS_FOLDER_TOKENIZER, false},
    {"adapter_config.json", FS_FOLDER_CONFIG, false},
    {"tokenizer.json", FS_FOLDER_TOKENIZER, true},
    {"tokenizer.model", FS_FOLDER_TOKENIZER, true},
    {"spiece.model", FS_FOLDER_TOKENIZER, true},
    {"sentencepiece.bpe.model", FS_FOLDER_TOKENIZER, true},
    {"spm.model", FS_FOLDER_TOKENIZER, true},
    {"vocab.json", FS_FOLDER_TOKENIZER, true},
    {"merges.txt", FS_FOLDER_TOKENIZER, false},
    {"vocab.txt", FS_FOLDER_TOKENIZER, true},
    {"tokenizer_config.json", FS_FOLDER_TOKENIZER, false},
    {"special_tokens_map.json", FS_FOLDER_TOKENIZER, false},
    {"added_tokens.json", FS_FOLDER_TOKENIZER, false},
};

static bool there(const char *folder, const char *name)
{
    return fs_has_file(folder, name) || fs_has_folder(folder, name); /* a folder: its reader refuses it by name */
}

int fs_model_folder_check(const char *folder, unsigned parts, struct fs_error *err)
{
    char *gguf;
    if (fs_model_gguf_file(folder, &gguf, err) != 0) {
        return -1;
    }
    if (gguf != NULL) { /* holds all parts; its reader checks it */
        free(gguf);
        return 0;
    }
    if (fs_check_path(folder, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if ((files[i].parts & parts) != 0 && fs_check_file(folder, files[i].name, err) != 0) {
            return -1;
        }
    }
    const struct fs_tensor_format *format = fs_tensor_format_in(folder);
    bool config = there(folder, "config.json"), model = (parts & (FS_FOLDER_CONFIG | FS_FOLDER_WEIGHTS)) != 0;
    if (model && format != NULL && check_weights(folder, format, (parts & FS_FOLDER_WEIGHTS) != 0, err) != 0) {
        return -1;
    }
    if (model && fs_check_adapter(folder, config && format != NULL, err) != 0) {
        return -1;
    }
    unsigned found = config ? FS_FOLDER_CONFIG : 0;
    found |= format != NULL ? FS_FOLDER_WEIGHTS : 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        found |= files[i].is_tokenizer && there(folder, files[i].name) ? FS_FOLDER_TOKENIZER : 0;
    }
    unsigned missing = parts & ~found;
    if ((missing & FS_FOLDER_CONFIG) != 0) { /* what has neither is told by what stands in place of the weights */
        missing |= FS_FOLDER_WEIGHTS & ~found;
    }
    return missing != 0 ? fs_say_instead(folder, missing, err) : 0;
}

void fs_model_folder_note_weights(const char *folder, struct fs_notes *notes)
{
    const struct fs_tensor_format *read = fs_tensor_format_in(folder);
    for (size_t i = 0; read != NULL && i < fs_tensor_format_count; i++) {
        const char *other = fs_tensor_format_entry(fs_tensor_formats[i], folder);
        if (fs_tensor_formats[i] != read && other != NULL) {
            fs_notes_add(notes, false, "%s is passed over: %s is read", other, fs_tensor_format_entry(read, folder));
        }
    }
}
