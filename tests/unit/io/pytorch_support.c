#include "pytorch_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct fs_error err = FS_ERROR_INIT;

const float archive_numbers[6] = {0, 1, 2, 3, 4, 5};

struct built archive_of(const void *pickle, size_t size, size_t alignment, int options)
{
    const struct part parts[] = {{"m/data.pkl", pickle, size},
                                 {"m/byteorder", "little", 6},
                                 {"m/data/0", archive_numbers, sizeof archive_numbers},
                                 {"m/data/1", "\1\2\3\4", 4},
                                 {"m/version", "3\n", 2},
                                 {"m/.data/serialization_id", "123", 3}};
    return build_zip(parts, sizeof parts / sizeof *parts, alignment, options);
}

const char *archive_folder(void)
{
    const char *path = scratch_path("model");
    mkdir(path, 0700);
    return path;
}

void archive_put(const char *name, const void *bytes, size_t size)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", archive_folder(), name);
    (void)remove(path); /* not written in place: it may be mapped */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

struct fs_tensor_store *open_built(struct built built)
{
    struct fs_tensor_store *store;
    archive_put("pytorch_model.bin", built.bytes, built.size);
    check_success(fs_tensor_store_open(archive_folder(), &store, &err), &err);
    free(built.bytes);
    return store;
}

void refuse_built(struct built built, const char *key, const char *says)
{
    struct fs_tensor_store *store;
    archive_put("pytorch_model.bin", built.bytes, built.size);
    check_error(fs_tensor_store_open(archive_folder(), &store, &err), &err, FS_EXIT_DATA, key, says);
    assert_null(store);
    free(built.bytes);
}
