/* Shared by archive_merge.c (which results are kept, copying) and archive_merge_table.c (tables over all cells). */
#ifndef FAIRSTAMP_RESULTS_ARCHIVE_MERGE_INTERNAL_H
#define FAIRSTAMP_RESULTS_ARCHIVE_MERGE_INTERNAL_H

#include "jobs/stage_names.h"

/* A cell's stage in an input. */
struct fs_merge_source {
    char *cell;
    enum fs_stage stage;
    size_t input;
    bool has_training;
    char content[FS_DIGEST_SIZE], training[FS_DIGEST_SIZE], provenance[FS_DIGEST_SIZE];
    char *job, *settings;         /* never NULL once read */
    char *model_name;             /* given; NULL: none */
    struct fs_digest *running[3]; /* content, training, provenance; while it is read */
};

/* Writes /results and /cells_index; source[sources] is sorted by cell and stage, each once, and copied already. */
int fs_merge_write_tables(struct fs_archive *archive, const struct fs_merge_source *source, size_t sources,
                          struct fs_error *err);

#endif
