/*
 * Layout of attribution patching in a trace file, n items, L layers, P positions of all items together, k neurons a
 * layer; D 2 directions (restore, remove) and C 3 components (residual, attention, ffn). Effects are in nats.
 *
 *   /trace/attribution/direction  text (D); component text (C)
 *   /trace/attribution/log_biased, log_counterfactual  f64 (n)   log P[o]; log P*[o], with noise its mean
 *   /trace/attribution/subject, read, all  f64 (D, C, n, L)      at these positions, together
 *   /trace/attribution/position_first  i64 (n + 1); position_effect f64 (D, C, L, P)
 *   /trace/attribution/neuron  i64 (L, k); neuron_share f64 (L, k)   where any were asked for
 */
#include <stdlib.h>
#include <string.h>

#include "stages/trace/trace.h"

enum { DIRECTIONS = FS_ATTRIBUTION_DIRECTIONS, COMPONENTS = FS_ATTRIBUTION_COMPONENTS };

static const char *const direction_names[DIRECTIONS] = {"restore", "remove"};

static int write_sizes(struct fs_archive *archive, const char *name, size_t dimensions, const size_t *shape,
                       const size_t *value, struct fs_error *err)
{
    size_t count = shape[0] * (dimensions > 1 ? shape[1] : 1);
    int64_t *number = fs_allocate(count, sizeof *number, name, err);
    for (size_t i = 0; number != NULL && i < count; i++) {
        number[i] = (int64_t)value[i];
    }
    int status = number != NULL ? fs_archive_write(archive, name, FS_ARCHIVE_I64, dimensions, shape, number, err) : -1;
    free(number);
    return status;
}

static int write_names(struct fs_archive *archive, struct fs_error *err)
{
    const char *component[COMPONENTS];
    for (size_t c = 0; c < COMPONENTS; c++) {
        component[c] = fs_trace_kind_name((enum fs_trace_kind)c);
    }
    return fs_archive_write_texts(archive, "/trace/attribution/direction", DIRECTIONS, direction_names, err) == 0
               ? fs_archive_write_texts(archive, "/trace/attribution/component", COMPONENTS, component, err)
               : -1;
}

int fs_trace_attribution_write(struct fs_archive *archive, const struct fs_trace_attribution *attribution, size_t items,
                               size_t layers, struct fs_error *err)
{
    const struct fs_trace_attribution *from = attribution;
    const size_t by_item[] = {DIRECTIONS, COMPONENTS, items, layers}, first[] = {items + 1};
    const size_t by_position[] = {DIRECTIONS, COMPONENTS, layers, from->positions}, neurons[] = {layers, from->neurons};
    if (write_names(archive, err) != 0 ||
        fs_archive_write(archive, "/trace/attribution/log_biased", FS_ARCHIVE_F64, 1, &items, from->log_biased, err) !=
            0 ||
        fs_archive_write(archive, "/trace/attribution/log_counterfactual", FS_ARCHIVE_F64, 1, &items,
                         from->log_counterfactual, err) != 0 ||
        fs_archive_write(archive, "/trace/attribution/subject", FS_ARCHIVE_F64, 4, by_item, from->subject, err) != 0 ||
        fs_archive_write(archive, "/trace/attribution/read", FS_ARCHIVE_F64, 4, by_item, from->read, err) != 0 ||
        fs_archive_write(archive, "/trace/attribution/all", FS_ARCHIVE_F64, 4, by_item, from->all, err) != 0 ||
        write_sizes(archive, "/trace/attribution/position_first", 1, first, from->first, err) != 0 ||
        fs_archive_write(archive, "/trace/attribution/position_effect", FS_ARCHIVE_F64, 4, by_position,
                         from->position_effect, err) != 0) {
        return -1;
    }
    if (from->neurons == 0) {
        return 0;
    }
    return write_sizes(archive, "/trace/attribution/neuron", 2, neurons, from->neuron, err) == 0
               ? fs_archive_write(archive, "/trace/attribution/neuron_share", FS_ARCHIVE_F64, 2, neurons,
                                  from->neuron_share, err)
               : -1;
}

static double *read_numbers(const struct fs_archive *archive, const char *name, size_t count, struct fs_error *err)
{
    double *data = fs_allocate(count, sizeof *data, name, err);
    if (data != NULL && fs_archive_read(archive, name, FS_ARCHIVE_F64, count, data, err) != 0) {
        free(data);
        return NULL;
    }
    return data;
}

static int read_neurons(const struct fs_archive *archive, size_t layers, struct fs_trace_attribution *out,
                        struct fs_error *err)
{
    static const char name[] = "/trace/attribution/neuron";
    size_t dimensions, shape[4], count;
    if (!fs_archive_has(archive, name)) {
        return 0;
    }
    if (fs_archive_shape(archive, name, &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 2 || shape[0] != layers || fs_multiply(shape[0], shape[1], &count) != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: must be a table of %zu rows, one a layer; trace again", name,
                            layers);
    }
    int64_t *number = fs_allocate(count, sizeof *number, name, err);
    out->neuron = fs_allocate(count, sizeof *out->neuron, name, err);
    int status =
        number != NULL && out->neuron != NULL ? fs_archive_read(archive, name, FS_ARCHIVE_I64, count, number, err) : -1;
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (number[i] < 0) {
            status = fs_error_set(err, FS_EXIT_DATA, "%s: element %zu is %lld, expected 0 or more; trace again", name,
                                  i, (long long)number[i]);
        } else {
            out->neuron[i] = (size_t)number[i];
        }
    }
    free(number);
    if (status == 0) {
        out->neuron_share = read_numbers(archive, "/trace/attribution/neuron_share", count, err);
        status = out->neuron_share != NULL ? 0 : -1;
    }
    out->neurons = status == 0 ? shape[1] : 0;
    return status;
}

int fs_trace_attribution_read(const struct fs_archive *archive, size_t items, size_t layers,
                              struct fs_trace_attribution *attribution, struct fs_error *err)
{
    size_t numbers;
    *attribution = (struct fs_trace_attribution){0};
    if (!fs_archive_has(archive, "/trace/attribution/all")) {
        return 0;
    }
    if (fs_multiply(items, layers, &numbers) != 0 || fs_multiply(numbers, DIRECTIONS * COMPONENTS, &numbers) != 0) {
        return fs_error_memory(err, SIZE_MAX, "/trace/attribution");
    }
    attribution->log_biased = read_numbers(archive, "/trace/attribution/log_biased", items, err);
    attribution->log_counterfactual = read_numbers(archive, "/trace/attribution/log_counterfactual", items, err);
    attribution->subject = read_numbers(archive, "/trace/attribution/subject", numbers, err);
    attribution->read = read_numbers(archive, "/trace/attribution/read", numbers, err);
    attribution->all = read_numbers(archive, "/trace/attribution/all", numbers, err);
    if (attribution->log_biased == NULL || attribution->log_counterfactual == NULL || attribution->subject == NULL ||
        attribution->read == NULL || attribution->all == NULL) {
        return -1;
    }
    return read_neurons(archive, layers, attribution, err);
}
