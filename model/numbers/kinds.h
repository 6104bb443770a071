/* The norms and activations that the kernels compute. */
#ifndef FAIRSTAMP_MODEL_NUMBERS_KINDS_H
#define FAIRSTAMP_MODEL_NUMBERS_KINDS_H

enum fs_norm_kind { FS_LAYER_NORM, FS_RMS_NORM };
enum fs_activation { FS_GELU_ERF, FS_GELU_TANH, FS_SILU, FS_RELU };

#endif
