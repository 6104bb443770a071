/*
 * How far two computations of the same number may lie apart.
 *
 * Each processor type's BLAS, each shape of a product and each other library adds the same terms in an order of its
 * own, and every addition rounds by half an epsilon of the partial sum at most. Roundings of either sign add up like a
 * random walk: behind `depth` of them, one after the other, two results differ by about sqrt(depth) / 2 epsilons of the
 * largest partial sum. Four times that is allowed. What the design promises bit for bit (ARCHITECTURE.md: the same
 * shapes) is compared with == or assert_memory_equal instead.
 */
#ifndef FAIRSTAMP_TESTS_BOUNDS_H
#define FAIRSTAMP_TESTS_BOUNDS_H

#include <float.h>
#include <math.h>

#include "model/families/spec.h"

/* Relative to the largest partial sum. */
static inline double bound_f32(double depth)
{
    return 2.0 * sqrt(depth) * (double)FLT_EPSILON;
}

static inline double bound_f64(double depth)
{
    return 2.0 * sqrt(depth) * DBL_EPSILON;
}

/* Additions that a log probability has behind it: in each layer norms, q or k or v, scores, softmax, context,
 * attention's output and the FFN's two products; then the head's transform and norm, its product, and the sum over the
 * vocabulary. */
static inline double forward_depth(const struct fs_spec *spec)
{
    double d = (double)spec->hidden, D = (double)spec->head_size, F = (double)fs_spec_inner_width(spec);
    double layer = 2.0 * d + d + D + 2.0 * (double)spec->max_positions + (double)spec->heads * D + d + F;
    return (double)spec->layers * layer + 3.0 * d + (double)spec->vocabulary;
}

/* Of a log probability in float32, absolute: the difference of a logit and a logarithm, both up to 8 in the models of
 * the tests. Hence also of a probability, relative. */
static inline double bound_log_p(const struct fs_spec *spec)
{
    return 8.0 * bound_f32(forward_depth(spec));
}

#endif
