/* Further kinds of restoration, and the heat map over every position; see trace.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stages/trace/trace_parts.h"

const char *fs_trace_kind_name(enum fs_trace_kind kind)
{
    static const char *const names[FS_TRACE_KINDS] = {"residual", "attention", "ffn"};
    return names[kind];
}

const char *fs_trace_role_name(enum fs_trace_role role)
{
    static const char *const names[FS_TRACE_ROLES] = {
        "before subject", "subject first", "subject middle", "subject last", "after first", "after", "last"};
    return names[role];
}

static enum fs_trace_role role_of(const struct fs_trace_item *item, size_t position)
{
    if (position == item->read) {
        return FS_ROLE_READ;
    }
    if (position < item->subject_begin) {
        return FS_ROLE_BEFORE_SUBJECT;
    }
    if (position >= item->subject_end) {
        return position == item->subject_end ? FS_ROLE_AFTER_FIRST : FS_ROLE_AFTER;
    }
    if (position + 1 == item->subject_end) {
        return FS_ROLE_SUBJECT_LAST;
    }
    return position == item->subject_begin ? FS_ROLE_SUBJECT_FIRST : FS_ROLE_SUBJECT_MIDDLE;
}

/* Positions of an item in the heat map. */
static size_t positions_of(const struct fs_trace_map *map, size_t item)
{
    return map->heat_map ? map->trace->item[item].length : 0;
}

static int allocate_sublayers(const struct fs_trace_map *map, struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_trace_sublayers *out = &result->sublayers;
    size_t k = map->kinds, n = result->items, L = result->layers, c = result->categories;
    out->kinds = k;
    memcpy(out->kind, map->kind, sizeof out->kind);
    for (size_t i = 0; i < n; i++) {
        out->positions += positions_of(map, i);
    }
    out->indirect_effect = fs_allocate(k * n, L * sizeof *out->indirect_effect, "trace results", err);
    out->aie = fs_allocate(k * c, L * sizeof *out->aie, "trace results", err);
    out->low = fs_allocate(k * c, L * sizeof *out->low, "trace results", err);
    out->high = fs_allocate(k * c, L * sizeof *out->high, "trace results", err);
    out->first = fs_allocate(n + 1, sizeof *out->first, "trace results", err);
    out->token = fs_allocate(out->positions, sizeof *out->token, "trace results", err);
    out->position_effect =
        fs_allocate(k * L, (out->positions + 1) * sizeof *out->position_effect, "trace results", err);
    out->role_aie = fs_allocate(k * c, FS_TRACE_ROLES * L * sizeof *out->role_aie, "trace results", err);
    out->role_count = fs_allocate(c, FS_TRACE_ROLES * sizeof *out->role_count, "trace results", err);
    return out->indirect_effect != NULL && out->aie != NULL && out->low != NULL && out->high != NULL &&
                   out->first != NULL && out->token != NULL && out->position_effect != NULL && out->role_aie != NULL &&
                   out->role_count != NULL
               ? 0
               : -1;
}

static void fold_effects(const struct fs_trace_map *map, struct fs_trace_result *result)
{
    struct fs_trace_sublayers *out = &result->sublayers;
    size_t n = result->items, L = result->layers;
    memcpy(out->indirect_effect, result->indirect_effect, n * L * sizeof *out->indirect_effect);
    for (size_t i = 0; i < n; i++) {
        size_t positions = positions_of(map, i), subject = (map->kinds - map->from) * L;
        out->first[i + 1] = out->first[i] + positions;
        for (size_t number = 0; number < subject; number++) {
            out->indirect_effect[((map->from + number / L) * n + i) * L + number % L] = fs_trace_effect(map, i, number);
        }
        for (size_t number = 0; number < map->kinds * L * positions; number++) {
            out->position_effect[number / positions * out->positions + out->first[i] + number % positions] =
                fs_trace_effect(map, i, subject + number);
        }
    }
}

/* Mean over the group's items that have the role of the mean over their positions of that role. */
static void fold_role(const struct fs_trace_map *map, struct fs_trace_result *result,
                      const struct fs_trace_group *group, size_t role)
{
    const size_t category = group->category, *member = group->member;
    struct fs_trace_sublayers *out = &result->sublayers;
    size_t L = result->layers, cells = out->kinds * L, counted = 0;
    for (size_t cell = 0; cell < cells; cell++) {
        double sum = 0.0;
        counted = 0;
        for (size_t m = 0; m < group->n; m++) {
            double own = 0.0;
            size_t found = 0;
            for (size_t p = 0; p < positions_of(map, member[m]); p++) {
                if ((size_t)role_of(&map->trace->item[member[m]], p) == role) {
                    own += out->position_effect[cell * out->positions + out->first[member[m]] + p];
                    found++;
                }
            }
            sum += found ? own / (double)found : 0.0;
            counted += found > 0;
        }
        out->role_aie[((cell / L * result->categories + category) * FS_TRACE_ROLES + role) * L + cell % L] =
            counted ? sum / (double)counted : NAN;
    }
    out->role_count[category * FS_TRACE_ROLES + role] = counted;
}

static int fold_categories(const struct fs_trace_map *map, const struct fs_pair_list *pairs,
                           struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_trace_sublayers *out = &result->sublayers;
    size_t L = result->layers;
    struct fs_trace_group group = {.member = fs_allocate(result->items, sizeof(size_t), "a category's items", err)};
    double *scratch = fs_allocate(L * map->trace->options->bootstrap, sizeof *scratch, "bootstrap means", err);
    int status = group.member != NULL && scratch != NULL ? 0 : -1;
    for (size_t c = 0; status == 0 && c < result->categories; c++) {
        group.category = c;
        fs_trace_gather(result, pairs, &group);
        status = fs_trace_gather_terms(result, pairs, &group, err);
        for (size_t k = 0; status == 0 && k < out->kinds; k++) {
            size_t at = (k * result->categories + c) * L;
            const double *effect = out->indirect_effect + k * result->items * L;
            const struct fs_trace_mean mean = {out->aie + at, out->low + at, out->high + at};
            fs_trace_average(map->trace->options, &group, effect, L, scratch, mean);
        }
        for (size_t role = 0; status == 0 && out->positions > 0 && role < FS_TRACE_ROLES; role++) {
            fold_role(map, result, &group, role);
        }
    }
    fs_clusters_release(&group.terms);
    free(group.member);
    free(scratch);
    return status;
}

static int name_tokens(const struct fs_trace_map *map, const struct fs_tokenizer *tokenizer,
                       struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_trace_sublayers *out = &result->sublayers;
    for (size_t i = 0; i < result->items; i++) {
        for (size_t p = 0; p < positions_of(map, i); p++) {
            if (fs_tokenizer_decode(tokenizer, &map->trace->item[i].biased[p], 1, &out->token[out->first[i] + p],
                                    err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int prepare(struct fs_trace_map *map, struct fs_error *err)
{
    const struct fs_trace_options *options = map->trace->options;
    if (options->window == 0) {
        return fs_error_set(err, FS_EXIT_CONFIG, "trace: window 0; expected at least 1 layer");
    }
    map->kinds = map->from = 1;
    for (int kind = FS_TRACE_ATTENTION; kind < FS_TRACE_KINDS; kind++) {
        if (options->kind[kind]) {
            map->kind[map->kinds++] = (enum fs_trace_kind)kind;
        }
    }
    map->heat_map = options->heat_map;
    return fs_trace_map_cut(map, err);
}

int fs_trace_sublayers_run(struct trace *trace, const struct fs_tokenizer *tokenizer, const struct fs_pair_list *pairs,
                           struct fs_runner *runner, struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_trace_map map = {.trace = trace, .name = "trace sublayers"};
    int status = fs_runner_agree(runner, prepare(&map, err), err);
    if (status == 0) {
        status = fs_trace_map_run(&map, runner, trace->options->sublayers_checkpoint, err);
    }
    if (status == 0) {
        if (fs_runner_is_root(runner)) {
            status = allocate_sublayers(&map, result, err);
            if (status == 0) {
                fold_effects(&map, result);
                status =
                    fold_categories(&map, pairs, result, err) == 0 ? name_tokens(&map, tokenizer, result, err) : -1;
            }
        }
        status = fs_runner_agree(runner, status, err);
    }
    fs_trace_map_release(&map);
    return status;
}
