#include <hdf5.h>
#include <malloc.h>

#include "pipeline/commands/program.h"

/* What a stage frees goes back to the system, and large blocks leave no holes; glibc raises both by itself otherwise. */
static void bound_heap(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
}

int main(int argc, char **argv)
{
    bound_heap();
    H5dont_atexit(); /* its handler closes files collectively, and would hang where one rank ends alone */
    return fs_program(argc, argv);
}
