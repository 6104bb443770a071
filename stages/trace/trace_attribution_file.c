/*
 * Layout of attribution patching in a trace file: in /trace/attribution the datasets of trace_shares_file.c, which are
 * estimates here, and, for n items, L layers, P positions of all items together, k neurons a layer, D 2 directions, C 3
 * components:
 *
 *   direction        text (D)     restore, remove
 *   component        text (C)     residual, attention, ffn
 *   position_first   i64 (n + 1)  positions of the items before
 *   position_effect  f64 (D, C, L, P)  nats
 *   neuron           i64 (L, k)   of largest share, where any were asked for
 *   neuron_share     f64 (L, k)
 */
#include <stdlib.h>

#include "stages/trace/trace.h"
#include "stages/trace/trace_numbers.h"

enum { DIRECTIONS = FS_ATTRIBUTION_DIRECTIONS, COMPONENTS = FS_ATTRIBUTION_COMPONENTS };

static const char *const direction_names[DIRECTIONS] = {"restore", "remove"};

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

int fs_trace_attribution_write(struct fs_archive *archive, const struct fs_trace_sizes *sizes,
                               const struct fs_trace_attribution *attribution, struct fs_error *err)
{
    const struct fs_trace_attribution *from = attribution;
    const size_t L = sizes->layers, first[] = {sizes->items + 1}, neurons[] = {L, from->neurons};
    const size_t by_position[] = {DIRECTIONS, COMPONENTS, L, from->positions};
    if (fs_trace_shares_write(archive, "/trace/attribution", sizes, &from->estimate, err) != 0 ||
        write_names(archive, err) != 0 ||
        fs_trace_write_sizes(archive, "/trace/attribution/position_first", 1, first, from->first, err) != 0 ||
        fs_archive_write(archive, "/trace/attribution/position_effect", FS_ARCHIVE_F64, 4, by_position,
                         from->position_effect, err) != 0) {
        return -1;
    }
    if (from->neurons == 0) {
        return 0;
    }
    return fs_trace_write_sizes(archive, "/trace/attribution/neuron", 2, neurons, from->neuron, err) == 0
               ? fs_archive_write(archive, "/trace/attribution/neuron_share", FS_ARCHIVE_F64, 2, neurons,
                                  from->neuron_share, err)
               : -1;
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
    out->neuron = fs_trace_read_sizes(archive, name, count, SIZE_MAX, err);
    if (out->neuron == NULL) {
        return -1;
    }
    out->neuron_share = fs_trace_read_numbers(archive, "/trace/attribution/neuron_share", FS_ARCHIVE_F64,
                                              sizeof *out->neuron_share, count, err);
    if (out->neuron_share == NULL) {
        return -1;
    }
    out->neurons = shape[1];
    return 0;
}

int fs_trace_attribution_read(const struct fs_archive *archive, const struct fs_trace_sizes *sizes,
                              struct fs_trace_attribution *attribution, struct fs_error *err)
{
    *attribution = (struct fs_trace_attribution){0};
    return fs_trace_shares_read(archive, "/trace/attribution", sizes, &attribution->estimate, err) == 0
               ? read_neurons(archive, sizes->layers, attribution, err)
               : -1;
}

void fs_trace_attribution_release(struct fs_trace_attribution *attribution)
{
    fs_trace_shares_release(&attribution->estimate);
    free(attribution->first);
    free(attribution->position_effect);
    free(attribution->neuron);
    free(attribution->neuron_share);
    *attribution = (struct fs_trace_attribution){0};
}
