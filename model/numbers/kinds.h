/* The norms and activations that the kernels compute. */
#ifndef FAIRSTAMP_MODEL_NUMBERS_KINDS_H
#define FAIRSTAMP_MODEL_NUMBERS_KINDS_H

/* FS_RMS_NORM_PLUS_ONE multiplies by 1 + gain. */
enum fs_norm_kind { FS_NO_NORM, FS_LAYER_NORM, FS_RMS_NORM, FS_RMS_NORM_PLUS_ONE };
enum fs_activation { FS_GELU_ERF, FS_GELU_TANH, FS_SILU, FS_RELU };

#endif
