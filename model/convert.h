/* The numbers of a tensor in the engine's type. Local. Private to model/. */
#ifndef FAIRSTAMP_MODEL_CONVERT_H
#define FAIRSTAMP_MODEL_CONVERT_H

#include "io/formats/tensor.h"
#include "model/numbers/real.h"

/*
 * Writes the elements of `tensor`, whose dtype is real, to `out`. What is quantised becomes the nearest F16, as a checkpoint
 * in F16 that was made of it holds. Rows of paired heads are put in the order in which the halves of a head are turned.
 */
void fs_tensor_convert(const struct fs_tensor *tensor, fs_real *out);

#endif
