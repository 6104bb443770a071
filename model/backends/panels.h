/*
 * Products by weights of 16 bits: a panel of the weights at a time is widened, exactly, into memory of the calling thread,
 * which holds FS_PANEL_BYTES from the first such product on, and a product of the engine's own type does the rest. The
 * panels depend on the shape alone. A matrix of at most FS_PANEL_NUMBERS numbers is one panel, so that its products have the
 * bits of the widened matrix's; larger ones differ by the rounding of sums in another order. Local. Private to
 * model/.
 */
#ifndef FAIRSTAMP_MODEL_BACKENDS_PANELS_H
#define FAIRSTAMP_MODEL_BACKENDS_PANELS_H

#include "model/backends/backend.h"

/* Fits a core's share of the last-level cache. */
#define FS_PANEL_NUMBERS ((size_t)1 << 20)
#define FS_PANEL_BYTES (FS_PANEL_NUMBERS * sizeof(fs_real))

/* `product`: of matrices of the engine's own type; k is not 0. */
void fs_product_by_panels(fs_product_function *product, const struct fs_term *term, fs_real beta, fs_real *c,
                          size_t stride);

/* The thread's FS_PANEL_BYTES, aligned to a cache line. Given back by fs_panel_end, in the same thread, before it asks again.
 */
void *fs_panel_begin(void);
void fs_panel_end(void *panel);

#endif
