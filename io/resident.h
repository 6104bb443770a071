/* What this process holds in memory, as Linux counts it (/proc/self/status). Local. */
#ifndef FAIRSTAMP_IO_RESIDENT_H
#define FAIRSTAMP_IO_RESIDENT_H

#include <stdbool.h>

/* Bytes. */
struct fs_resident {
    double now;
    double most;   /* since fs_resident_begin(), or since the process began where that cannot be set */
    double shared; /* of `now`: mapped files and memory that ranks of a node share, which others may hold too */
};

bool fs_resident_read(struct fs_resident *resident); /* false: the system does not say */
/* Bytes of the heap that are in use: what was allocated and not freed. 0 where the allocator does not say. */
double fs_heap_bytes(void);
/* From here on `most` is counted anew. */
void fs_resident_begin(void);

#endif
