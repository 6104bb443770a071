/*
 * The engine's number type. The program computes in float32; the tests build the same sources with FS_DOUBLE to hold
 * gradients against finite differences in float64.
 */
#ifndef FAIRSTAMP_MODEL_NUMBERS_REAL_H
#define FAIRSTAMP_MODEL_NUMBERS_REAL_H

#ifdef FS_DOUBLE
typedef double fs_real;
#else
typedef float fs_real;
#endif

#endif
