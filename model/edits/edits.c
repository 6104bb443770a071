#include <stdlib.h>
#include <string.h>

#include "model/edit.h"
#include "model/edits/all_weights.h"
#include "model/edits/checkpoint.h"
#include "model/edits/direction.h"
#include "model/edits/last_state.h"
#include "model/edits/neurons.h"
#include "model/edits/self_debias.h"
#include "model/edits/stamp_net.h"
#include "model/edits/weight.h"
#include "model/model.h"

static const struct fs_edit_kind *const kinds[] = {&fs_edit_stamp,     &fs_edit_checkpoint,  &fs_edit_last_state,
                                                   &fs_edit_weight,    &fs_edit_all_weights, &fs_edit_self_debias,
                                                   &fs_edit_direction, &fs_edit_neurons};

const struct fs_edit_kind *fs_edit_kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

void fs_edit_release(struct fs_edit *edit)
{
    free(edit->number);
    fs_model_destroy(edit->model);
    *edit = (struct fs_edit){0};
}
