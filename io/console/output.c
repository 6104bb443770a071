#include "io/console/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int fs_finish_output(struct fs_error *err)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return fs_error_set(err, FS_EXIT_IO, "standard output: %s", strerror(errno));
    }
    return 0;
}
