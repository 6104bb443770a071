#include <hdf5.h>

#include "pipeline/commands/program.h"

int main(int argc, char **argv)
{
    H5dont_atexit(); /* its handler closes files collectively, and would hang where one rank ends alone */
    return fs_program(argc, argv);
}
