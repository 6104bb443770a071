#include "model/edits/all_weights.h"

#include <stdlib.h>
#include <string.h>

#include "model/applied.h"
#include "model/edits/edit_file.h"
#include "model/trainable.h"

#define GROUP "/all_weights"
enum { PIECE = 3 }; /* numbers of a row of /all_weights/piece */

/* After its numbers have changed: the edited model has them. */
static void set(struct fs_edit *edit)
{
    fs_trainable_set(edit->model, 0, edit->count, edit->number);
}

static int attach(struct fs_edit *edit, const struct fs_model *model, struct fs_error *err)
{
    if (fs_trainable_copy(model, &edit->model, err) != 0) {
        return -1;
    }
    set(edit);
    return 0;
}

static int check(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    size_t numbers = fs_trainable_numbers(spec);
    if (edit->count == numbers && edit->first_layer == spec->layers) {
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "all_weights: found %zu numbers and %zu layers, expected %zu and %zu as the model has; use the "
                        "edit with the model it was made for",
                        edit->count, edit->first_layer, numbers, spec->layers);
}

static void scale(struct fs_edit *edit, double strength)
{
    for (size_t i = 0; i < edit->count; i++) {
        edit->number[i] = (fs_real)(strength * (double)edit->number[i]);
    }
    if (edit->model != NULL) {
        set(edit);
    }
}

static int write_pieces(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err)
{
    size_t count, shape[2] = {0, PIECE};
    struct fs_trainable_piece *piece = fs_trainable_pieces(edit->model, &count, err);
    const char **name = fs_allocate(count, sizeof *name, "names of tensors", err);
    int64_t *place = fs_allocate(count, PIECE * sizeof *place, "names of tensors", err);
    int status = piece != NULL && name != NULL && place != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < count; i++) {
        name[i] = piece[i].tensor;
        place[PIECE * i] = (int64_t)piece[i].first;
        place[PIECE * i + 1] = (int64_t)piece[i].count;
        place[PIECE * i + 2] = (int64_t)piece[i].offset;
    }
    shape[0] = count;
    if (status == 0) {
        status = fs_archive_write_texts(archive, GROUP "/tensor", count, name, err) == 0
                     ? fs_archive_write(archive, GROUP "/piece", FS_ARCHIVE_I64, 2, shape, place, err)
                     : -1;
    }
    free(piece);
    free(name);
    free(place);
    return status;
}

int fs_all_weights_write_places(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err)
{
    return write_pieces(edit, archive, err) == 0
               ? fs_archive_attribute_integer(archive, GROUP, "layers", (int64_t)edit->first_layer, err)
               : -1;
}

static int write_weights(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err)
{
    return fs_edit_write_reals(archive, FS_ALL_WEIGHTS_DELTA, 1, &edit->count, edit->number, err) == 0
               ? fs_all_weights_write_places(edit, archive, err)
               : -1;
}

int fs_all_weights_read_size(const struct fs_archive *archive, struct fs_edit *edit, struct fs_error *err)
{
    size_t dimensions, shape[4];
    *edit = (struct fs_edit){.kind = &fs_edit_all_weights};
    if (fs_edit_read_size(archive, GROUP, "layers", 1, (int64_t)1 << 32, &edit->first_layer, err) != 0 ||
        fs_archive_shape(archive, FS_ALL_WEIGHTS_DELTA, &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 1 || shape[0] == 0) {
        return fs_error_set(err, FS_EXIT_DATA, FS_ALL_WEIGHTS_DELTA ": expected a vector of numbers; train again");
    }
    edit->count = shape[0];
    return 0;
}

static int read_weights(const struct fs_archive *archive, struct fs_edit *edit, struct fs_error *err)
{
    struct fs_edit found;
    if (fs_all_weights_read_size(archive, &found, err) != 0) {
        return -1;
    }
    found.number = fs_allocate_aligned(found.count, sizeof *found.number, "the change of all weights", err);
    if (found.number == NULL ||
        fs_edit_read_reals(archive, FS_ALL_WEIGHTS_DELTA, found.count, found.number, err) != 0) {
        free(found.number);
        return -1;
    }
    *edit = found;
    return 0;
}

/* Of an attached edit: its model knows the names. */
static int apply(const struct fs_edit *edit, struct fs_applied *applied, struct fs_error *err)
{
    size_t count;
    struct fs_trainable_piece *piece = fs_trainable_pieces(edit->model, &count, err);
    int status = piece != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = fs_applied_change_numbers(applied, piece[i].tensor, piece[i].offset, piece[i].count,
                                           edit->number + piece[i].first, err);
    }
    free(piece);
    return status;
}

const struct fs_edit_kind fs_edit_all_weights = {.name = "all_weights",
                                                 .check = check,
                                                 .attach = attach,
                                                 .scale = scale,
                                                 .write = write_weights,
                                                 .read = read_weights,
                                                 .apply = apply};
