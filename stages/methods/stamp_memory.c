#include "stages/methods/stamp_memory.h"

#include <math.h>

size_t fs_stamp_slots(const struct fs_stamp_holding *holding)
{
    if (!(holding->slot > 0)) {
        return 0;
    }
    double left = holding->ranks > 1 ? floor(fmax(0, holding->bound - holding->caches) / holding->slot) : 0;
    double least = fmin((double)(FS_STAMP_SLOTS * holding->threads), floor(0.5 * holding->bound / holding->slot));
    return (size_t)fmin(ceil(holding->units), fmax(left, least));
}

double fs_stamp_cache_limit(const struct fs_stamp_holding *holding)
{
    return holding->bound - (double)fs_stamp_slots(holding) * holding->slot;
}
