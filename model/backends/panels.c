#include "model/backends/panels.h"

#include <pthread.h>
#include <stdlib.h>

#include "io/error.h"

/* Where the system refuses a thread its own panel, threads take turns with this one: slower, with the same bits. */
static _Alignas(64) unsigned char common[FS_PANEL_BYTES];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_key;

static void make_key(void)
{
    has_key = pthread_key_create(&key, free) == 0;
}

void *fs_panel_begin(void)
{
    pthread_once(&once, make_key);
    void *panel = has_key ? pthread_getspecific(key) : NULL;
    if (has_key && panel == NULL) {
        panel = fs_allocate_aligned(FS_PANEL_BYTES, 1, "a panel of weights", NULL);
        if (panel != NULL && pthread_setspecific(key, panel) != 0) {
            free(panel);
            panel = NULL;
        }
    }
    if (panel == NULL) {
        pthread_mutex_lock(&turn);
        panel = common;
    }
    return panel;
}

void fs_panel_end(void *panel)
{
    if (panel == common) {
        pthread_mutex_unlock(&turn);
    }
}

/* A panel has at most DEPTH of the k numbers that are summed, and as many of C's columns as fit, a multiple of COLUMNS. */
enum { DEPTH = 4096, COLUMNS = 64 };
_Static_assert(COLUMNS *(DEPTH + DEPTH / 4) <= FS_PANEL_NUMBERS, "the smallest panel must fit");

/* A quarter more at the end is taken along: a thin last panel is slow. */
static size_t depth_of(size_t rest)
{
    return rest <= DEPTH + DEPTH / 4 ? rest : DEPTH;
}

static size_t columns_of(size_t depth, size_t n)
{
    size_t columns = FS_PANEL_NUMBERS / depth;
    return columns >= n ? n : columns / COLUMNS * COLUMNS;
}

void fs_product_by_panels(fs_product_function *product, const struct fs_term *term, fs_real beta, fs_real *c,
                          size_t stride)
{
    bool transpose_a = (term->transpose & FS_TRANSPOSE_A) != 0, transpose_b = (term->transpose & FS_TRANSPOSE_B) != 0;
    const struct fs_matrix *a = &term->a, *b = &term->b;
    size_t k = transpose_b ? b->columns : b->rows, n = transpose_b ? b->rows : b->columns;
    size_t most = columns_of(depth_of(k), n);
    fs_real *panel = fs_panel_begin();
    for (size_t first = 0; first < n; first += most) {
        size_t columns = n - first < most ? n - first : most;
        for (size_t from = 0, depth; from < k; from += depth) {
            depth = depth_of(k - from);
            struct fs_matrix part = transpose_b ? fs_matrix_part(b, first, from, columns, depth)
                                                : fs_matrix_part(b, from, first, depth, columns);
            fs_matrix_widen(&part, panel, part.columns);
            struct fs_term widened = {term->transpose, term->alpha,
                                      transpose_a ? fs_matrix_part(a, from, 0, depth, a->columns)
                                                  : fs_matrix_part(a, 0, from, a->rows, depth),
                                      fs_matrix_of(panel, part.rows, part.columns, part.columns)};
            product(&widened, from == 0 ? beta : 1, c + first, stride);
        }
    }
    fs_panel_end(panel);
}
