#include "jobs/stage_names.h"

const char *const fs_stage_names[FS_STAGE_COUNT] = {"trace", "stamp", "evaluate", "layers"};
