/*
 * The names of a checkpoint's tensors as its family has them: what wrappers put before or into a name (torch.compile,
 * DataParallel, FSDP, Lightning) is left out. Local. Private to model/.
 */
#ifndef FAIRSTAMP_MODEL_TENSOR_NAMES_H
#define FAIRSTAMP_MODEL_TENSOR_NAMES_H

#include "io/formats/tensor_store.h"
#include "model/families/family.h"
#include "model/folder/notes.h"

enum { FS_TENSOR_NAME = 192 };

/* `prefix`, `stem` with numbers put in for each "%zu", two at most, and `end`; cut off where it is too long. */
void fs_tensor_name(char name[FS_TENSOR_NAME], const char *prefix, const char *stem, const size_t number[2],
                    const char *end);

struct fs_named_tensor {
    char *own;        /* the name without what is in its middle, NULL where nothing is */
    const char *name; /* in `own`, or in the tensor's name */
    const struct fs_tensor *tensor;
    bool used; /* somebody has asked for it */
};

struct fs_tensor_names {
    size_t count;
    struct fs_named_tensor *entry; /* [count], by name */
    const char *prefix;            /* of the names of the body: the family's, or "" in checkpoints of the bare model */
};

/*
 * Takes a zeroed struct; released by the caller, before the store. FS_EXIT_DATA where some names have a wrapper and others
 * have not, where two tensors would come to one name, and where a tensor is of an adapter that was not merged. What was
 * left out is a note.
 */
int fs_tensor_names_make(const struct fs_tensor_store *store, const struct fs_family *family,
                         struct fs_tensor_names *names, struct fs_notes *notes, struct fs_error *err);
void fs_tensor_names_release(struct fs_tensor_names *names);

/* NULL where there is no such tensor; else it is noted as used. */
const struct fs_tensor *fs_tensor_names_find(struct fs_tensor_names *names, const char *name);

/*
 * What nobody has asked for and neither `family` nor an old buffer's name passes over: FS_EXIT_DATA where it lies in the
 * body, for the model would be computed without it; a warning where it is beside it, as other heads are.
 */
int fs_tensor_names_check_unused(const struct fs_tensor_names *names, const struct fs_family *family,
                                 struct fs_notes *notes, struct fs_error *err);

#endif
