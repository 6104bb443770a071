#include <stdlib.h>
#include <string.h>

#include "model/engine_parts.h"

int fs_scratch_reserve(struct fs_scratch *scratch, size_t count, const char *purpose, struct fs_error *err)
{
    if (count <= scratch->capacity) {
        return 0;
    }
    free(scratch->data);
    scratch->capacity = 0;
    scratch->data = fs_allocate_aligned(count, sizeof *scratch->data, purpose, err);
    if (scratch->data == NULL) {
        return -1;
    }
    scratch->capacity = count;
    return 0;
}

int fs_workspace_create(const struct fs_model *model, struct fs_workspace **workspace, struct fs_error *err)
{
    (void)model; /* grows with the first batch */
    *workspace = fs_allocate(1, sizeof **workspace, "a workspace", err);
    return *workspace == NULL ? -1 : 0;
}

enum { SCRATCHES = 17 };

static void list_scratches(const struct fs_workspace *workspace, const struct fs_scratch *all[SCRATCHES])
{
    const struct fs_scratch *const list[SCRATCHES] = {
        &workspace->normed, &workspace->x,      &workspace->qkv,   &workspace->weights, &workspace->context,
        &workspace->up,     &workspace->gate,   &workspace->inner, &workspace->rows,    &workspace->transformed,
        &workspace->logits, &workspace->dffn,   &workspace->dgate, &workspace->dqkv,    &workspace->dcontext,
        &workspace->dstate, &workspace->rotary,
    };
    memcpy(all, list, sizeof list);
}

size_t fs_workspace_bytes(const struct fs_workspace *workspace)
{
    const struct fs_scratch *all[SCRATCHES];
    size_t numbers = 0;
    list_scratches(workspace, all);
    for (size_t i = 0; i < SCRATCHES; i++) {
        numbers += all[i]->capacity;
    }
    return numbers * sizeof(fs_real);
}

void fs_workspace_destroy(struct fs_workspace *workspace)
{
    if (workspace == NULL) {
        return;
    }
    const struct fs_scratch *all[SCRATCHES];
    list_scratches(workspace, all);
    for (size_t i = 0; i < SCRATCHES; i++) {
        free(all[i]->data);
    }
    free(workspace);
}
