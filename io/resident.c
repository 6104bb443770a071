#include "io/resident.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool fs_resident_read(struct fs_resident *resident)
{
    FILE *status = fopen("/proc/self/status", "re");
    *resident = (struct fs_resident){0};
    if (status == NULL) {
        return false;
    }
    const struct {
        const char *name;
        double *bytes;
    } rows[] = {{"VmRSS:", &resident->now},
                {"VmHWM:", &resident->most},
                {"RssFile:", &resident->shared},
                {"RssShmem:", &resident->shared}};
    char line[256];
    while (fgets(line, sizeof line, status) != NULL) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            size_t length = strlen(rows[i].name);
            if (strncmp(line, rows[i].name, length) == 0) {
                *rows[i].bytes += 1024 * (double)strtoul(line + length, NULL, 10);
            }
        }
    }
    (void)fclose(status);
    return resident->most > 0;
}

#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 33)
#define HEAP_IS_KNOWN /* the older mallinfo counts in int */
#endif
#endif

double fs_heap_bytes(void)
{
#ifdef HEAP_IS_KNOWN
    struct mallinfo2 heap = mallinfo2();
    return (double)heap.uordblks + (double)heap.hblkhd;
#else
    return 0;
#endif
}

void fs_resident_begin(void)
{
    int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t ignored = write(file, "5", 1); /* where that is refused, the peak is the process' */
        (void)ignored;
        close(file);
    }
}
