/* A file mapped read-only. Local. */
#ifndef FAIRSTAMP_IO_FILE_MAP_H
#define FAIRSTAMP_IO_FILE_MAP_H

#include <stddef.h>

#include "io/error.h"

struct fs_file_map {
    const unsigned char *data; /* [size] bytes; not NULL even where size is 0 */
    size_t size;
};

/* Maps the regular file `path`. FS_EXIT_NO_INPUT where it is missing, unreadable or no regular file. Closed by the
 * caller. */
int fs_file_map_open(const char *path, struct fs_file_map *map, struct fs_error *err);
void fs_file_map_close(struct fs_file_map *map); /* takes a zeroed struct; zeroes it */

#endif
