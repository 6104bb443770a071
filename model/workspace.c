#include <stdlib.h>

#include "model/engine.h"
#include "model/steps/workspace.h"

int fs_workspace_create(const struct fs_model *model, struct fs_workspace **workspace, struct fs_error *err)
{
    (void)model; /* grows with the first batch */
    *workspace = fs_allocate(1, sizeof **workspace, "a workspace", err);
    return *workspace == NULL ? -1 : 0;
}

void fs_workspace_forget(struct fs_workspace *workspace)
{
    workspace->bias.length = 0;
    workspace->relative.filled = false;
}

void fs_workspace_drop(struct fs_workspace *workspace, const struct fs_dropout *dropout)
{
    workspace->dropout = dropout;
}

size_t fs_workspace_bytes(const struct fs_workspace *workspace)
{
    return fs_workspace_numbers(workspace) * sizeof(fs_real);
}

void fs_workspace_destroy(struct fs_workspace *workspace)
{
    if (workspace == NULL) {
        return;
    }
    fs_workspace_release(workspace);
    free(workspace);
}
