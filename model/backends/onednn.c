/*
 * Matrix products by oneDNN, on the processor: in float32, and by BF16 weights with inputs rounded to BF16 and sums in
 * float32, where the processor multiplies BF16 (AVX512-BF16, AMX). Weights are multiplied where they lie. A thread holds
 * FS_PANEL_BYTES for its inputs in BF16, or for a panel of widened weights, and what the library keeps for itself.
 */
#ifndef FS_DOUBLE

#include "model/backends/panels.h"

#ifdef FAIRSTAMP_ONEDNN

#include <dnnl.h>
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include "io/console/progress.h"
#include "model/numbers/halves.h"

static dnnl_engine_t engine;
static char version_text[96];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool has_instructions(dnnl_cpu_isa_t wanted)
{
    return (dnnl_get_effective_cpu_isa() & wanted) == wanted;
}

static void start(void)
{
    const dnnl_version_t *library = dnnl_version();
    const char *instructions = has_instructions(dnnl_cpu_isa_avx512_core_amx)    ? "AMX"
                               : has_instructions(dnnl_cpu_isa_avx512_core_bf16) ? "AVX512-BF16"
                               : has_instructions(dnnl_cpu_isa_avx512_core)      ? "AVX-512"
                               : has_instructions(dnnl_cpu_isa_avx2)             ? "AVX2"
                                                                                 : "no AVX2";
    snprintf(version_text, sizeof version_text, "oneDNN %d.%d.%d (%s)", library->major, library->minor, library->patch,
             instructions);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) {
        engine = NULL;
    }
}

static void begin(void)
{
    pthread_once(&once, start);
}

static const char *version(void)
{
    begin();
    return version_text;
}

/* Threads and ranks take whole batches, so that a product's bits do not depend on their number. The library takes as many
 * threads as OpenMP says to the calling one. */
static void stay_in_this_thread(void)
{
    static _Thread_local bool done;
    if (!done) {
        omp_set_num_threads(1);
        done = true;
    }
}

/* Memory ran out, mostly. No number is better than a wrong one: whoever reads it refuses it. */
static void give_up(const char *what, size_t m, size_t n, fs_real *c, size_t stride)
{
    fs_warn("oneDNN: %s of %zu x %zu numbers failed; is there memory left?", what, m, n);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            c[i * stride + j] = (fs_real)NAN;
        }
    }
}

static void product(const struct fs_term *term, fs_real beta, fs_real *c, size_t stride)
{
    bool transpose_a = (term->transpose & FS_TRANSPOSE_A) != 0, transpose_b = (term->transpose & FS_TRANSPOSE_B) != 0;
    const struct fs_matrix *a = &term->a, *b = &term->b;
    size_t m = transpose_a ? a->columns : a->rows, k = transpose_a ? a->rows : a->columns;
    size_t n = transpose_b ? b->rows : b->columns;
    if (m == 0 || n == 0) {
        return;
    }
    stay_in_this_thread();
    if (dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', (dnnl_dim_t)m, (dnnl_dim_t)n, (dnnl_dim_t)k,
                   term->alpha, a->data, (dnnl_dim_t)a->stride, b->data, (dnnl_dim_t)b->stride, beta, c,
                   (dnnl_dim_t)stride) != dnnl_success) {
        give_up("a product in float32", m, n, c, stride);
    }
}

static void widened(const struct fs_term *term, fs_real beta, fs_real *c, size_t stride)
{
    fs_product_by_panels(product, term, beta, c, stride);
}

/* out (count,k) = op(A)'s rows from `first` on, in BF16 */
static void round_inputs(const struct fs_term *term, size_t first, size_t count, size_t k, uint16_t *out)
{
    const float *in = term->a.data;
    size_t stride = term->a.stride;
    for (size_t i = 0; i < count; i++) {
        if ((term->transpose & FS_TRANSPOSE_A) == 0) {
            fs_round_bf16(in + (first + i) * stride, out + i * k, k);
            continue;
        }
        for (size_t j = 0; j < k; j++) {
            fs_round_bf16(in + j * stride + first + i, out + i * k + j, 1);
        }
    }
}

/* What the library makes of a product. */
struct parts {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t description;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[3]; /* A, B, C */
    dnnl_stream_t stream;
};

static void release(struct parts *parts)
{
    dnnl_stream_destroy(parts->stream);
    for (int i = 0; i < 3; i++) {
        dnnl_memory_destroy(parts->memory[i]);
    }
    dnnl_primitive_destroy(parts->primitive);
    dnnl_primitive_desc_destroy(parts->description);
    dnnl_primitive_attr_destroy(parts->attributes);
}

/* alpha scales the product, beta C is added to it */
static dnnl_status_t make_attributes(float alpha, float beta, dnnl_primitive_attr_t *attributes)
{
    dnnl_post_ops_t after;
    dnnl_status_t status = dnnl_primitive_attr_create(attributes);
    if (status == dnnl_success && alpha != 1) {
        status = dnnl_primitive_attr_set_output_scales(*attributes, 1, 0, &alpha);
    }
    if (status != dnnl_success || beta == 0) {
        return status;
    }
    status = dnnl_post_ops_create(&after);
    if (status == dnnl_success) {
        status = dnnl_post_ops_append_sum(after, beta);
        status = status == dnnl_success ? dnnl_primitive_attr_set_post_ops(*attributes, after) : status;
        dnnl_post_ops_destroy(after);
    }
    return status;
}

static dnnl_status_t execute(struct parts *parts, const dnnl_memory_desc_t form[3])
{
    dnnl_matmul_desc_t operation;
    dnnl_status_t status = dnnl_matmul_desc_init(&operation, &form[0], &form[1], NULL, &form[2]);
    status = status != dnnl_success
                 ? status
                 : dnnl_primitive_desc_create(&parts->description, &operation, parts->attributes, engine, NULL);
    status = status != dnnl_success ? status : dnnl_primitive_create(&parts->primitive, parts->description);
    status = status != dnnl_success ? status : dnnl_stream_create(&parts->stream, engine, dnnl_stream_default_flags);
    if (status != dnnl_success) {
        return status;
    }
    const dnnl_exec_arg_t arguments[3] = {
        {DNNL_ARG_SRC, parts->memory[0]}, {DNNL_ARG_WEIGHTS, parts->memory[1]}, {DNNL_ARG_DST, parts->memory[2]}};
    status = dnnl_primitive_execute(parts->primitive, parts->stream, 3, arguments);
    return status != dnnl_success ? status : dnnl_stream_wait(parts->stream);
}

/* C (m,n) = alpha A op(B) + beta C, A (m,k) in BF16 without space between rows. */
static dnnl_status_t multiply(struct parts *parts, const struct fs_term *term, const uint16_t *a, size_t m, float beta,
                              float *c, size_t stride)
{
    bool transpose_b = (term->transpose & FS_TRANSPOSE_B) != 0;
    const struct fs_matrix *b = &term->b;
    dnnl_dim_t rows = (dnnl_dim_t)m, n = (dnnl_dim_t)(transpose_b ? b->rows : b->columns);
    dnnl_dim_t k = (dnnl_dim_t)(transpose_b ? b->columns : b->rows), apart = (dnnl_dim_t)b->stride;
    const dnnl_dims_t size[3] = {{rows, k}, {k, n}, {rows, n}};
    const dnnl_dims_t step[3] = {{k, 1}, {transpose_b ? 1 : apart, transpose_b ? apart : 1}, {(dnnl_dim_t)stride, 1}};
    const dnnl_data_type_t type[3] = {dnnl_bf16, dnnl_bf16, dnnl_f32};
    void *const data[3] = {(void *)(uintptr_t)a, (void *)(uintptr_t)b->data, c}; /* inputs are not written to */
    dnnl_memory_desc_t form[3];
    dnnl_status_t status = make_attributes(term->alpha, beta, &parts->attributes);
    for (int i = 0; i < 3 && status == dnnl_success; i++) {
        status = dnnl_memory_desc_init_by_strides(&form[i], 2, size[i], type[i], step[i]);
        status = status != dnnl_success ? status : dnnl_memory_create(&parts->memory[i], &form[i], engine, data[i]);
    }
    return status != dnnl_success ? status : execute(parts, form);
}

static void bf16_product(const struct fs_term *term, fs_real beta, fs_real *c, size_t stride)
{
    bool transpose_a = (term->transpose & FS_TRANSPOSE_A) != 0, transpose_b = (term->transpose & FS_TRANSPOSE_B) != 0;
    size_t m = transpose_a ? term->a.columns : term->a.rows, k = transpose_a ? term->a.rows : term->a.columns;
    size_t n = transpose_b ? term->b.rows : term->b.columns, most = FS_PANEL_BYTES / sizeof(uint16_t) / k;
    if (most == 0) { /* not even one row of the inputs fits: wider than any model */
        widened(term, beta, c, stride);
        return;
    }
    stay_in_this_thread();
    uint16_t *inputs = fs_panel_begin();
    for (size_t first = 0; first < m && n > 0; first += most) {
        size_t count = m - first < most ? m - first : most;
        struct parts parts = {0};
        round_inputs(term, first, count, k, inputs);
        if (engine == NULL || multiply(&parts, term, inputs, count, beta, c + first * stride, stride) != dnnl_success) {
            give_up("a product in BF16", count, n, c + first * stride, stride);
        }
        release(&parts);
    }
    fs_panel_end(inputs);
}

static const char *unusable_bf16(void)
{
    return has_instructions(dnnl_cpu_isa_avx512_core_bf16) ? NULL : "no AVX512-BF16";
}

#define UNUSABLE NULL

#else

static const char *unusable(void)
{
    return "built without oneDNN (package libdnnl-dev)";
}

#define UNUSABLE unusable
#define unusable_bf16 unusable
#define begin NULL
#define version NULL
#define product NULL
#define widened NULL
#define bf16_product NULL

#endif

static const struct fs_backend bf16 = {
    .name = "onednn",
    .type = FS_COMPUTE_BF16,
    .unusable = unusable_bf16,
    .begin = begin,
    .version = version,
    .product = {[FS_MATRIX_REAL] = product, [FS_MATRIX_F16] = widened, [FS_MATRIX_BF16] = bf16_product},
};

extern const struct fs_backend fs_backend_onednn;
const struct fs_backend fs_backend_onednn = {
    .name = "onednn",
    .type = FS_COMPUTE_F32,
    .bf16 = &bf16,
    .unusable = UNUSABLE,
    .begin = begin,
    .version = version,
    .product = {[FS_MATRIX_REAL] = product, [FS_MATRIX_F16] = widened, [FS_MATRIX_BF16] = widened},
};

#endif
