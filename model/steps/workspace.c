#include "model/steps/workspace.h"

#include <stdlib.h>
#include <string.h>

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

enum { SCRATCHES = 31 };

static void list_scratches(const struct fs_workspace *workspace, const struct fs_scratch *all[SCRATCHES])
{
    const struct fs_scratch *const list[SCRATCHES] = {
        &workspace->normed,
        &workspace->x,
        &workspace->qkv,
        &workspace->weights,
        &workspace->context,
        &workspace->path,
        &workspace->up,
        &workspace->gate,
        &workspace->inner,
        &workspace->rows,
        &workspace->transformed,
        &workspace->logits,
        &workspace->dffn,
        &workspace->dgate,
        &workspace->dqkv,
        &workspace->dcontext,
        &workspace->dstate,
        &workspace->branch,
        &workspace->chosen,
        &workspace->expert,
        &workspace->dchosen,
        &workspace->row,
        &workspace->scores,
        &workspace->bias.rows,
        &workspace->relative.embedding,
        &workspace->relative.key,
        &workspace->relative.query,
        &workspace->relative.scores,
        &workspace->relative.gradients,
        &workspace->unfolded,
        &workspace->dropped,
    };
    memcpy(all, list, sizeof list);
}

void fs_dropout_apply(const struct fs_dropout *dropout, enum fs_dropout_place place, size_t layer, size_t first,
                      fs_real *x, size_t count)
{
    double share = place == FS_DROP_WEIGHTS ? dropout->attention : dropout->hidden;
    if (share > 0) {
        fs_random_drop(fs_random_start(dropout->key, layer * FS_DROP_PLACES + place), first, share, x, count);
    }
}

size_t fs_workspace_numbers(const struct fs_workspace *workspace)
{
    const struct fs_scratch *all[SCRATCHES];
    size_t numbers = 0;
    list_scratches(workspace, all);
    for (size_t i = 0; i < SCRATCHES; i++) {
        numbers += all[i]->capacity;
    }
    for (size_t i = 0; i < workspace->rotaries; i++) {
        numbers += workspace->rotary[i].usual.angle.capacity + workspace->rotary[i].beyond.angle.capacity;
    }
    return numbers;
}

void fs_workspace_release(struct fs_workspace *workspace)
{
    const struct fs_scratch *all[SCRATCHES];
    list_scratches(workspace, all);
    for (size_t i = 0; i < SCRATCHES; i++) {
        free(all[i]->data);
    }
    for (size_t i = 0; i < workspace->rotaries; i++) {
        free(workspace->rotary[i].usual.angle.data);
        free(workspace->rotary[i].beyond.angle.data);
    }
    free(workspace->rotary);
    free(workspace->relative.row);
    free(workspace->expert_row);
    free(workspace->expert_first);
    memset(workspace, 0, sizeof *workspace);
}
