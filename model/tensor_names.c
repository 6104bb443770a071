#include "model/tensor_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parts of names, from a dot to the next, that only wrappers write, wherever in a name. */
static const char *const inner[] = {"_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."};

/* Beginnings of such parts that only adapters write: with them the weights beside are not the model's. */
static const char *const adapters[] = {"lora_", "ia3_l", "base_layer.", "hada_w", "lokr_w", "oft_r", "vera_lambda"};

void fs_tensor_name(char name[FS_TENSOR_NAME], const char *prefix, const char *stem, const size_t number[2],
                    const char *end)
{
    size_t used = (size_t)snprintf(name, FS_TENSOR_NAME, "%s", prefix), numbers = 0;
    while (used < FS_TENSOR_NAME) {
        const char *place = numbers < 2 ? strstr(stem, "%zu") : NULL;
        if (place == NULL) {
            snprintf(name + used, FS_TENSOR_NAME - used, "%s%s", stem, end);
            return;
        }
        used += (size_t)snprintf(name + used, FS_TENSOR_NAME - used, "%.*s%zu", (int)(place - stem), stem,
                                 number[numbers++]);
        stem = place + strlen("%zu");
    }
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

/* The one of `parts` that `text` begins with; NULL: none. */
static const char *part_at(const char *text, const char *const *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (begins_with(text, parts[i])) {
            return parts[i];
        }
    }
    return NULL;
}

/* Whether one of `parts` stands in `name` at its begin or after a dot. */
static bool has_part(const char *name, const char *const *parts, size_t count)
{
    for (const char *at = name;; at++) {
        if (part_at(at, parts, count) != NULL) {
            return true;
        }
        at = strchr(at, '.');
        if (at == NULL) {
            return false;
        }
    }
}

/* Leaves out all inner parts of an entry's name. */
static int strip_inner(struct fs_named_tensor *entry, struct fs_error *err)
{
    const size_t count = sizeof inner / sizeof *inner;
    if (!has_part(entry->name, inner, count)) {
        return 0;
    }
    char *to = malloc(strlen(entry->name) + 1);
    if (to == NULL) {
        return fs_error_memory(err, strlen(entry->name), "the name of a tensor");
    }
    entry->own = to;
    for (const char *from = entry->name; *from != '\0';) {
        const char *part = part_at(from, inner, count);
        if (part != NULL) {
            from += strlen(part);
            continue;
        }
        size_t length = strcspn(from, ".");
        length += from[length] == '.' ? 1 : 0;
        memcpy(to, from, length);
        to += length;
        from += length;
    }
    *to = '\0';
    entry->name = entry->own;
    return 0;
}

/* Names that begin with an inner part: all or none, as with any other prefix. */
static int check_leading(const struct fs_tensor_names *names, struct fs_error *err)
{
    const struct fs_named_tensor *with = NULL, *without = NULL;
    for (size_t i = 0; i < names->count; i++) {
        bool leads = part_at(names->entry[i].tensor->name, inner, sizeof inner / sizeof *inner) != NULL;
        *(leads ? &with : &without) = &names->entry[i];
    }
    if (with == NULL || without == NULL) {
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: tensor %s: lacks the prefix that %s has, expected all or none; save the model itself, not "
                        "the wrapper that it was in",
                        without->tensor->file, without->tensor->name, with->tensor->name);
}

/* The one entry whose name is `stem`, or ends in it after a dot: *outer is what stands before, "" at most. NULL where
 * there is none, or where several have it and none is it. */
static const struct fs_named_tensor *find_stem(const struct fs_tensor_names *names, const char *stem, size_t *outer)
{
    const struct fs_named_tensor *found = NULL;
    bool several = false;
    for (size_t i = 0; i < names->count; i++) {
        const struct fs_named_tensor *entry = &names->entry[i];
        size_t before = strlen(entry->name) - strlen(stem);
        if (!ends_with(entry->name, stem) || (before > 0 && entry->name[before - 1] != '.')) {
            continue;
        }
        if (before == 0) {
            *outer = 0;
            return entry;
        }
        several = found != NULL;
        found = entry;
        *outer = before;
    }
    return several ? NULL : found;
}

/*
 * Finds the first layer's attention output as the family or its bare model names it, perhaps behind a wrapper's prefix:
 * [prefix]; `wrapper` of `length` bytes, which all names begin with, is left out of them.
 */
static int strip_outer(struct fs_tensor_names *names, const struct fs_family *family, const char **wrapper,
                       size_t *length, struct fs_error *err)
{
    static const size_t first[2] = {0, 0};
    char bare[FS_TENSOR_NAME], whole[FS_TENSOR_NAME];
    fs_tensor_name(bare, "", family->body.attention_output, first, ".weight");
    fs_tensor_name(whole, family->prefix, family->body.attention_output, first, ".weight");
    size_t outer_whole = 0, outer_bare = 0;
    const struct fs_named_tensor *as_whole = find_stem(names, whole, &outer_whole);
    const struct fs_named_tensor *as_bare = find_stem(names, bare, &outer_bare);
    names->prefix = as_whole == NULL && as_bare != NULL ? "" : family->prefix;
    const struct fs_named_tensor *found = as_whole != NULL ? as_whole : as_bare;
    *length = as_whole != NULL ? outer_whole : as_bare != NULL ? outer_bare : 0;
    *wrapper = found != NULL ? found->name : "";
    if (*length == 0) {
        return 0; /* or nothing was found, and what is missing will be named */
    }
    size_t with = 0;
    const struct fs_named_tensor *without = NULL;
    for (size_t i = 0; i < names->count; i++) {
        bool has = strncmp(names->entry[i].name, *wrapper, *length) == 0;
        with += has ? 1 : 0;
        without = !has && without == NULL ? &names->entry[i] : without;
    }
    if (without != NULL) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: tensor %s: lacks the prefix \"%.*s\" that %zu of the %zu names have, expected all or "
                            "none; save the model itself, not the wrapper or trainer that it was in",
                            without->tensor->file, without->tensor->name, (int)*length, *wrapper, with, names->count);
    }
    for (size_t i = 0; i < names->count; i++) {
        names->entry[i].name += *length;
    }
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct fs_named_tensor *)a)->name, ((const struct fs_named_tensor *)b)->name);
}

static int sort_names(struct fs_tensor_names *names, struct fs_error *err)
{
    qsort(names->entry, names->count, sizeof *names->entry, compare_names);
    for (size_t i = 1; i < names->count; i++) {
        const struct fs_named_tensor *entry = &names->entry[i];
        if (strcmp(entry[-1].name, entry->name) == 0) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: tensors %s and %s are both %s without the words of wrappers in them; save the "
                                "model itself, without its wrapper",
                                entry->tensor->file, entry[-1].tensor->name, entry->tensor->name, entry->name);
        }
    }
    return 0;
}

int fs_tensor_names_make(const struct fs_tensor_store *store, const struct fs_family *family,
                         struct fs_tensor_names *names, struct fs_notes *notes, struct fs_error *err)
{
    size_t stripped = 0;
    names->entry = fs_allocate(fs_tensor_store_count(store), sizeof *names->entry, "the names of tensors", err);
    if (names->entry == NULL) {
        return -1;
    }
    for (size_t i = 0; i < fs_tensor_store_count(store); i++) {
        const struct fs_tensor *tensor = fs_tensor_store_at(store, i);
        if (has_part(tensor->name, adapters, sizeof adapters / sizeof *adapters)) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: tensor %s: is of a PEFT adapter in the model; merge it before saving: "
                                "model.merge_and_unload().save_pretrained(DIR)",
                                tensor->file, tensor->name);
        }
        struct fs_named_tensor *entry = &names->entry[names->count++];
        *entry = (struct fs_named_tensor){.name = tensor->name, .tensor = tensor};
        if (strip_inner(entry, err) != 0) {
            return -1;
        }
        stripped += entry->own != NULL ? 1 : 0;
    }
    const char *wrapper;
    size_t length;
    if (check_leading(names, err) != 0 || strip_outer(names, family, &wrapper, &length, err) != 0) {
        return -1;
    }
    if (length > 0) {
        fs_notes_add(notes, false, "the names of all %zu tensors begin with \"%.*s\", of a wrapper; read without it",
                     names->count, length < 100 ? (int)length : 100, wrapper);
    }
    if (stripped > 0) {
        fs_notes_add(notes, false,
                     "the names of %zu of the %zu tensors hold _orig_mod or another word of a wrapper; read without it",
                     stripped, names->count);
    }
    return sort_names(names, err);
}

void fs_tensor_names_release(struct fs_tensor_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->entry[i].own);
    }
    free(names->entry);
    *names = (struct fs_tensor_names){0};
}

const struct fs_tensor *fs_tensor_names_find(struct fs_tensor_names *names, const char *name)
{
    struct fs_named_tensor wanted = {.name = name};
    struct fs_named_tensor *found =
        names->count == 0 ? NULL : bsearch(&wanted, names->entry, names->count, sizeof wanted, compare_names);
    if (found == NULL) {
        return NULL;
    }
    found->used = true;
    return found->tensor;
}

/*
 * Buffers that older classes stored, and poolers: no language model computes with them. Causal masks are the only biases
 * of an attention as a whole, and have four dimensions.
 */
static bool is_leftover(const struct fs_named_tensor *entry)
{
    static const char *const ends[] = {"position_ids", "rotary_emb.inv_freq", ".attn.masked_bias",
                                       ".attention.masked_bias"};
    static const char *const masks[] = {".attn.bias", ".attention.bias"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends_with(entry->name, ends[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        if (ends_with(entry->name, masks[i]) && entry->tensor->dimensions == 4) {
            return true;
        }
    }
    return begins_with(entry->name, "pooler.") || strstr(entry->name, ".pooler.") != NULL;
}

static bool is_passed_over(const struct fs_family *family, const struct fs_named_tensor *entry)
{
    for (size_t i = 0; i < FS_UNUSED_TENSORS && family->unused[i] != NULL; i++) {
        if (ends_with(entry->name, family->unused[i])) {
            return true;
        }
    }
    return is_leftover(entry);
}

/* Whether `name` begins as `stem` does, up to the first dot. */
static bool begins_alike(const char *name, const char *stem)
{
    if (stem == NULL) {
        return false;
    }
    size_t length = strcspn(stem, ".");
    return strncmp(name, stem, length) == 0 && (name[length] == '.' || name[length] == '\0');
}

/* Whether a tensor lies in the body: under its prefix, or, in checkpoints of the bare model, beside a part of it. */
static bool is_of_body(const struct fs_tensor_names *names, const struct fs_family *family, const char *name)
{
    if (names->prefix[0] != '\0') {
        return begins_with(name, names->prefix);
    }
    const char *const parts[] = {family->body.word, family->body.position, family->body.embedding_norm,
                                 family->body.attention_output, family->body.final_norm};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (begins_alike(name, parts[i])) {
            return true;
        }
    }
    return false;
}

/* Tensors that nobody has asked for: how many, and the names of the first three. */
struct unused {
    size_t count, used;
    const char *file;
    char names[480];
};

static void add_unused(struct unused *unused, const struct fs_tensor *tensor)
{
    const size_t room = sizeof unused->names - unused->used;
    if (unused->count == 0) {
        unused->file = tensor->file;
    }
    if (unused->count < 3) {
        unused->used += (size_t)snprintf(unused->names + unused->used, room, "%s%.150s", unused->count > 0 ? ", " : "",
                                         tensor->name);
    }
    unused->count++;
}

int fs_tensor_names_check_unused(const struct fs_tensor_names *names, const struct fs_family *family,
                                 struct fs_notes *notes, struct fs_error *err)
{
    struct unused body = {0}, outside = {0};
    for (size_t i = 0; i < names->count; i++) {
        const struct fs_named_tensor *entry = &names->entry[i];
        if (!entry->used && !is_passed_over(family, entry)) {
            add_unused(is_of_body(names, family, entry->name) ? &body : &outside, entry->tensor);
        }
    }
    if (body.count > 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %zu tensor%s that nothing of family %s reads: %s%s; is model_type that of "
                            "another family, or does config.json not belong to these weights?",
                            body.file, body.count, body.count == 1 ? "" : "s", family->name, body.names,
                            body.count > 3 ? " ..." : "");
    }
    if (outside.count > 0) {
        fs_notes_add(notes, true,
                     "%zu of the %zu tensors are not used, for they are of no part of a language model: %.250s%s",
                     outside.count, names->count, outside.names, outside.count > 3 ? " ..." : "");
    }
    return 0;
}
