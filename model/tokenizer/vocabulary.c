#include "model/tokenizer/vocabulary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t hash(const unsigned char *text, size_t length)
{
    uint64_t value = 0xCBF29CE484222325u; /* FNV-1a */
    for (size_t i = 0; i < length; i++) {
        value = (value ^ text[i]) * 0x100000001B3u;
    }
    return (size_t)(value ^ value >> 32);
}

/* The slot that holds the token, or the free one where it belongs. */
static size_t find_slot(const struct fs_vocabulary *vocabulary, const unsigned char *text, size_t length)
{
    size_t mask = vocabulary->slots - 1;
    for (size_t slot = hash(text, length) & mask;; slot = (slot + 1) & mask) {
        int32_t id = vocabulary->slot[slot];
        if (id < 0) {
            return slot;
        }
        const struct fs_vocabulary_entry *entry = &vocabulary->entry[id];
        if (entry->length == length && memcmp(vocabulary->arena + entry->offset, text, length) == 0) {
            return slot;
        }
    }
}

static int grow_slots(struct fs_vocabulary *vocabulary, struct fs_error *err)
{
    size_t slots = vocabulary->slots ? 2 * vocabulary->slots : 1024;
    int32_t *old = vocabulary->slot;
    size_t old_slots = vocabulary->slots;
    int32_t *slot = fs_allocate(slots, sizeof *slot, "a vocabulary", err);
    if (slot == NULL) {
        return -1;
    }
    memset(slot, 0xFF, slots * sizeof *slot);
    vocabulary->slot = slot;
    vocabulary->slots = slots;
    for (size_t i = 0; i < old_slots; i++) {
        if (old[i] < 0) {
            continue;
        }
        const struct fs_vocabulary_entry *entry = &vocabulary->entry[old[i]];
        slot[find_slot(vocabulary, vocabulary->arena + entry->offset, entry->length)] = old[i];
    }
    free(old);
    return 0;
}

static int store(struct fs_vocabulary *vocabulary, const void *text, size_t length, struct fs_error *err)
{
    size_t need = vocabulary->arena_used + length;
    /* one more: an empty token, too, needs an arena */
    if (fs_grow(&vocabulary->arena, &vocabulary->arena_capacity, need + 1, 1, "a vocabulary", err) != 0) {
        return -1;
    }
    memcpy(vocabulary->arena + vocabulary->arena_used, text, length);
    vocabulary->arena_used = need;
    return 0;
}

/* At most this much of a token goes into an error text. */
static int shown(size_t length)
{
    return length < 60 ? (int)length : 60;
}

int fs_vocabulary_add(struct fs_vocabulary *vocabulary, const char *name, const void *text, size_t length, int64_t id,
                      bool added, struct fs_error *err)
{
    if (id < 0 || id >= FS_VOCABULARY_LIMIT) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: token \"%.*s\": found id %" PRId64 ", expected an integer from 0 to %" PRId64
                            "; take the file from the model's source again",
                            name, shown(length), (const char *)text, id, FS_VOCABULARY_LIMIT - 1);
    }
    if (2 * (vocabulary->used + 1) > vocabulary->slots && grow_slots(vocabulary, err)) {
        return -1;
    }
    size_t slot = find_slot(vocabulary, text, length);
    if (vocabulary->slot[slot] >= 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: token \"%.*s\" stands twice, as %" PRId32 " and as %" PRId64
                            "; a vocabulary has each token once: take the file from the model's source again",
                            name, shown(length), (const char *)text, vocabulary->slot[slot], id);
    }
    if ((size_t)id < vocabulary->size && vocabulary->entry[id].present) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: id %" PRId64 " belongs to two tokens, \"%.*s\" and \"%.*s\"; take the file from the "
                            "model's source again",
                            name, id, shown(vocabulary->entry[id].length),
                            (const char *)vocabulary->arena + vocabulary->entry[id].offset, shown(length),
                            (const char *)text);
    }
    if (fs_grow(&vocabulary->entry, &vocabulary->capacity, (size_t)id + 1, sizeof *vocabulary->entry, "a vocabulary",
                err) != 0) {
        return -1;
    }
    size_t offset = vocabulary->arena_used;
    if (store(vocabulary, text, length, err)) {
        return -1;
    }
    vocabulary->entry[id] = (struct fs_vocabulary_entry){offset, length, true, added};
    if ((size_t)id >= vocabulary->size) {
        vocabulary->size = (size_t)id + 1;
    }
    vocabulary->slot[slot] = (int32_t)id;
    vocabulary->used++;
    return 0;
}

int fs_vocabulary_put(struct fs_vocabulary *vocabulary, const char *name, const void *text, size_t length, int64_t id,
                      struct fs_error *err)
{
    int32_t known = fs_vocabulary_find_any(vocabulary, text, length);
    if (known < 0) {
        return fs_vocabulary_add(vocabulary, name, text, length, id, false, err);
    }
    /* The entry goes to its new id: the hash table has a slot for it, which alone says where it is. */
    if (id < 0 || id >= FS_VOCABULARY_LIMIT || (size_t)id < vocabulary->size) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: token \"%.*s\": found id %" PRId64 ", expected one above %zu", name,
                            shown(length), (const char *)text, id, vocabulary->size - 1);
    }
    if (fs_grow(&vocabulary->entry, &vocabulary->capacity, (size_t)id + 1, sizeof *vocabulary->entry, "a vocabulary",
                err) != 0) {
        return -1;
    }
    vocabulary->slot[find_slot(vocabulary, text, length)] = (int32_t)id;
    vocabulary->entry[id] = vocabulary->entry[known];
    vocabulary->entry[known] = (struct fs_vocabulary_entry){0};
    vocabulary->size = (size_t)id + 1;
    vocabulary->moved++;
    return 0;
}

int fs_vocabulary_complete(const struct fs_vocabulary *vocabulary, const char *name, struct fs_error *err)
{
    return vocabulary->size > 0 ? 0
                                : fs_error_set(err, FS_EXIT_DATA,
                                               "%s: found no token; take the file from the model's source again", name);
}

int32_t fs_vocabulary_find_any(const struct fs_vocabulary *vocabulary, const void *text, size_t length)
{
    return vocabulary->slots ? vocabulary->slot[find_slot(vocabulary, text, length)] : -1;
}

int32_t fs_vocabulary_find(const struct fs_vocabulary *vocabulary, const void *text, size_t length)
{
    int32_t id = fs_vocabulary_find_any(vocabulary, text, length);
    return id >= 0 && vocabulary->entry[id].added ? -1 : id;
}

int32_t fs_vocabulary_find_byte(const struct fs_vocabulary *vocabulary, unsigned char byte)
{
    char text[8];
    snprintf(text, sizeof text, "<0x%02X>", (unsigned)byte);
    return fs_vocabulary_find(vocabulary, text, 6);
}

const unsigned char *fs_vocabulary_text(const struct fs_vocabulary *vocabulary, int32_t id, size_t *length)
{
    *length = vocabulary->entry[id].length;
    return vocabulary->arena + vocabulary->entry[id].offset;
}

void fs_vocabulary_release(struct fs_vocabulary *vocabulary)
{
    free(vocabulary->arena);
    free(vocabulary->entry);
    free(vocabulary->slot);
    memset(vocabulary, 0, sizeof *vocabulary);
}
