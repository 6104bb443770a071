/* The numbers of a tensor in the types that the engine reads. Local. Private to model/. */
#ifndef FAIRSTAMP_MODEL_CONVERT_H
#define FAIRSTAMP_MODEL_CONVERT_H

#include "io/formats/tensor.h"
#include "model/backends/matrix.h"

/* The type by which a matrix of weights is multiplied: F16 and BF16 as they are stored, quantised weights as F16. */
enum fs_matrix_type fs_tensor_matrix_type(const struct fs_tensor *tensor);
/* Whether the tensor lies in memory as numbers of `type`, row by row. */
bool fs_tensor_lies_as(const struct fs_tensor *tensor, enum fs_matrix_type type);
/*
 * Writes the elements of `tensor`, whose dtype is real, to `out`, in the engine's own type or in that of
 * fs_tensor_matrix_type. What is quantised becomes the nearest F16, as a checkpoint in F16 that was made of it holds. Rows
 * of paired heads are put in the order in which the halves of a head are turned.
 */
void fs_tensor_convert(const struct fs_tensor *tensor, enum fs_matrix_type type, void *out);

#endif
