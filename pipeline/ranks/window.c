#include "pipeline/ranks/window.h"

#include <string.h>

#include "stages/work/runner.h"

size_t fs_sum_share(size_t ranks, size_t threads)
{
    size_t share = (FS_SUM_WINDOW - 1) / ranks + 1;
    return share < 2 * threads ? 2 * threads : share;
}

size_t fs_sum_window(const size_t *owner, size_t units, size_t first, size_t ranks, size_t threads, size_t *held)
{
    size_t share = fs_sum_share(ranks, threads), end = first;
    memset(held, 0, ranks * sizeof *held);
    while (end < units && held[owner[end]] < share) {
        held[owner[end++]]++;
    }
    return end;
}
