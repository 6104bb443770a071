#include "pipeline/ranks/node_store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "io/console/progress.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/node_memory_private.h"

/* One model, in shared memory; all zero at first. */
struct entry {
    atomic_int lock; /* of what follows; held for moments, and while pages are taken */
    int users;       /* ranks that have it open */
    bool taken;      /* has pages, and `identity`, `fill` are those of its content */
    char identity[FS_DIGEST_SIZE];
    struct fs_fill fill;
};

struct fs_node_store {
    struct fs_shared_block block; /* entries, then the models */
    struct entry *entry;          /* [count] */
    size_t count;
    size_t *offset; /* [count + 1] in the block */
    size_t *bytes;  /* [count] */
};

static size_t whole_pages(size_t bytes)
{
    return (bytes + FS_SHARED_PAGE - 1) / FS_SHARED_PAGE * FS_SHARED_PAGE;
}

/* Holders do not wait for each other; one that dies ends all ranks. */
static void lock(struct entry *entry)
{
    static const struct timespec moment = {0, 200000};
    int open = 0;
    while (!atomic_compare_exchange_weak(&entry->lock, &open, 1)) {
        open = 0;
        nanosleep(&moment, NULL);
    }
}

static void unlock(struct entry *entry)
{
    atomic_store(&entry->lock, 0);
}

static int allocate(const size_t *bytes, size_t count, struct fs_node_store **result, struct fs_error *err)
{
    struct fs_node_store *store = fs_allocate(1, sizeof *store, "the models of a node", err);
    *result = store;
    if (store == NULL) {
        return -1;
    }
    store->count = count;
    store->offset = fs_allocate(count + 1, sizeof *store->offset, "the models of a node", err);
    store->bytes = fs_allocate(count, sizeof *store->bytes, "the models of a node", err);
    if (store->offset == NULL || store->bytes == NULL) {
        return -1;
    }
    store->offset[0] = whole_pages(count * sizeof(struct entry));
    for (size_t i = 0; i < count; i++) {
        store->bytes[i] = bytes[i];
        if (bytes[i] > SIZE_MAX / 4 ||
            __builtin_add_overflow(store->offset[i], whole_pages(bytes[i]), &store->offset[i + 1])) {
            return fs_error_memory(err, SIZE_MAX, "the models of a node");
        }
    }
    return 0;
}

int fs_node_store_create(MPI_Comm communicator, const size_t *bytes, size_t count, struct fs_node_store **result,
                         struct fs_error *err)
{
    struct fs_node_store *store = NULL;
    struct fs_error reason = FS_ERROR_INIT;
    *result = NULL;
    if (count == 0) {
        return 0;
    }
    int status = allocate(bytes, count, &store, err);
    if (fs_mpi_agree(communicator, status, err) != 0) {
        fs_node_store_destroy(store);
        return -1;
    }
    MPI_Comm node = fs_mpi_node(communicator);
    status = fs_shared_block_reserve(node, store->offset[0], store->offset[count], &store->block, &reason);
    fs_mpi_free(&node);
    if (fs_mpi_agree(communicator, status, &reason) != 0) {
        fs_warn("no memory that the groups of a node share: %s (%s); each group has weights of its own", reason.text,
                reason.where);
        fs_node_store_destroy(store);
        return 0;
    }
    store->entry = store->block.data;
    *result = store;
    return 0;
}

void fs_node_store_destroy(struct fs_node_store *store)
{
    if (store == NULL) {
        return;
    }
    fs_shared_block_destroy(&store->block);
    free(store->offset);
    free(store->bytes);
    free(store);
}

static void *data_of(const struct fs_node_store *store, size_t model)
{
    return (char *)store->block.data + store->offset[model];
}

/* With the lock: pages for a model that nobody has open. */
static int take(struct fs_node_store *store, size_t model, const char identity[FS_DIGEST_SIZE], struct fs_error *err)
{
    struct entry *entry = &store->entry[model];
    if (entry->taken && strcmp(entry->identity, identity) == 0) {
        return 0; /* as it was left */
    }
    if (fs_shared_block_take(&store->block, store->offset[model], whole_pages(store->bytes[model]), err) != 0) {
        fs_shared_block_drop(&store->block, store->offset[model], whole_pages(store->bytes[model]));
        entry->taken = false;
        return fs_error_prepend(err, "%zu bytes of converted weights that this node is to hold", store->bytes[model]);
    }
    memset(&entry->fill, 0, sizeof entry->fill);
    memcpy(entry->identity, identity, FS_DIGEST_SIZE);
    entry->taken = true;
    return 0;
}

int fs_node_store_open(struct fs_node_store *store, size_t model, size_t bytes, const char identity[FS_DIGEST_SIZE],
                       struct fs_node_memory **result, struct fs_error *err)
{
    struct entry *entry = &store->entry[model];
    *result = NULL;
    if (bytes != store->bytes[model]) {
        return 0;
    }
    struct fs_node_memory *memory = fs_allocate(1, sizeof *memory, "shared memory", err);
    if (memory == NULL) {
        return -1;
    }
    lock(entry);
    int status = entry->users == 0 ? take(store, model, identity, err) : 0;
    bool same = status == 0 && strcmp(entry->identity, identity) == 0;
    entry->users += same;
    unlock(entry);
    if (!same) {
        free(memory);
        return status;
    }
    *memory = (struct fs_node_memory){
        .data = data_of(store, model), .bytes = bytes, .fill = &entry->fill, .store = store, .entry = model};
    if (bytes > 0) {
        (void)mprotect(memory->data, bytes, PROT_READ | PROT_WRITE); /* an earlier content was closed to writing */
    }
    *result = memory;
    return 0;
}

void fs_node_store_close(struct fs_node_store *store, size_t model)
{
    struct entry *entry = &store->entry[model];
    lock(entry);
    entry->users--;
    unlock(entry);
}

void fs_node_store_trim(struct fs_node_store *store, const unsigned char *needed)
{
    for (size_t i = 0; i < store->count; i++) {
        struct entry *entry = &store->entry[i];
        lock(entry);
        if (entry->taken && entry->users == 0 && !needed[i]) {
            fs_shared_block_drop(&store->block, store->offset[i], whole_pages(store->bytes[i]));
            entry->taken = false;
        }
        unlock(entry);
    }
}
