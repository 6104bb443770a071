/* Small models of random weights, one for each form of block (model/families/spec.h). */
#ifndef FAIRSTAMP_TESTS_UNIT_MODEL_BLOCKS_H
#define FAIRSTAMP_TESTS_UNIT_MODEL_BLOCKS_H

#include "model/model.h"

extern const size_t block_count;
const char *block_name(size_t block);
/* The caller destroys it. Fails the test on an error. */
struct fs_model *block_model(size_t block);

#endif
