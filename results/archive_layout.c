#include "results/archive_layout.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/metrics/metric_table.h"
#include "stages/plan/statement.h"

/* The first line that fits a dataset's name counts; "*" stands for anything. */
static const struct {
    const char *pattern, *dimensions, *units;
} layout[] = {
    {"/trace/indirect_effect", "item layer", "1"},
    {"/trace/aie*", "category layer", "1"},
    {"/trace/argmax_count", "category layer", NULL},
    {"/trace/category", "category", NULL},
    {"/trace/kind", "kind", NULL},
    {"/trace/kind_indirect_effect", "kind item layer", "1"},
    {"/trace/kind_*", "kind category layer", "1"},
    {"/trace/role", "role", NULL},
    {"/trace/role_aie", "kind category role layer", "1"},
    {"/trace/role_count", "category role", NULL},
    {"/trace/position_first", "item_bound", NULL},
    {"/trace/position_token", "position", NULL},
    {"/trace/position_effect", "kind layer position", "1"},
    {"/trace/attribution/direction", "direction", NULL},
    {"/trace/attribution/component", "component", NULL},
    {"/trace/attribution/position_first", "item_bound", NULL},
    {"/trace/attribution/position_effect", "direction component layer position", "nat"},
    {"/trace/attribution/neuron", "layer rank", NULL},
    {"/trace/attribution/neuron_share", "layer rank", "1"},
    {"/trace/attribution/measure", "measure", NULL},
    {"/trace/attribution/total_effect", "item", "nat"},
    {"/trace/attribution/share", "measure item layer", "1"},
    {"/trace/attribution/decisive", "measure category", NULL},
    {"/trace/attribution/counted", "category", NULL},
    {"/trace/attribution/*", "measure category layer", "1"},
    {"/trace/biased", "item", "1"},
    {"/trace/counterfactual", "item", "1"},
    {"/trace/noised", "item", NULL},
    {"/trace/pair", "item", NULL},
    {"/trace/pair_category", "item", NULL},
    {"/trace/id", "item", NULL},
    {"/trace/measures/measure", "measure", NULL},
    {"/trace/measures/total_effect", "item", "nat"},
    {"/trace/measures/share", "measure item layer", "1"},
    {"/trace/measures/decisive", "measure category", NULL},
    {"/trace/measures/counted", "category", NULL},
    {"/trace/measures/*", "measure category layer", "1"},
    {"/stamp/key", "width hidden", NULL},
    {"/stamp/value", "width hidden", NULL},
    {"/stamp/key_bias", "width", NULL},
    {"/stamp/value_bias", "hidden", NULL},
    {"/stamp/training/loss", "step term", NULL},
    {"/stamp/training/extra", "step extra_term", NULL},
    {"/stamp/training/*", "parameter", NULL},
    {"/suites/*/score", "item candidate column", NULL},
    {"/suites/*/log", "item candidate column", "nat"},
    {"/suites/*/answer", "item column", NULL},
    {"/suites/*/object_top1", "item column", NULL},
    {"/suites/*/top1", "item candidate column", NULL},
    {"/suites/*/effect_size", "test column", "1"},
    {"/suites/*/p_value", "test column", "1"},
    {"/suites/*/test", "test", NULL},
    {"/suites/*/candidate", "candidate", NULL},
    {"/suites/*/paraphrase_log", "paraphrase statement column", "nat"},
    {"/suites/*/paraphrase_*", "paraphrase", NULL},
    {"/suites/*", "item", NULL},
    {"/edits/*", "edit", NULL},
    {"/results/column", "column", NULL},
    {"/results/value", "row column", NULL},
    {"/results/low", "row column", NULL},
    {"/results/high", "row column", NULL},
    {"/results/n", "row column", NULL},
    {"/results/ties", "row column", NULL},
    {"/results/skipped", "row reason", NULL},
    {"/results/change/p_value", "row edit", "1"},
    {"/results/change/*", "row edit", NULL},
    {"/results/*", "row", NULL},
    {"/tries/value", "try term", NULL},
    {"/tries/*", "try", NULL},
    {"/layers/value", "layer row model", NULL},
    {"/layers/loss", "layer term", NULL},
    {"/layers/layer", "layer", NULL},
    {"/layers/place", "layer", NULL},
    {"/layers/score", "layer", "1"},
    {"/layers/*", "row", NULL},
};
#define LINES (sizeof layout / sizeof layout[0])

#define MOST_WORDS 16
static const char *const models[] = {"unedited", "stamped", NULL};
static const char *const terms[] = {"L", "L_e", "L_s1", "L_s2", NULL};
static const char *const tried[] = {"gap_before", "gap", "lms_before", "lms", "rs", NULL};
static const char *const extra_terms[] = {"L_m", "L_b", "SS_distance", "gap", "L_t", "version", NULL};

_Static_assert(FS_SKIP_COUNT <= MOST_WORDS, "every reason has a word");

/* What the places along a dimension are called, where no dataset says so. `beside`: the dataset that has it. */
static const struct {
    const char *beside, *name;
    const char *const *words; /* NULL: the reasons of fs_skip_name */
} indices[] = {
    {"/results/skipped", "/results/reason", NULL},
    {"/layers/value", "/layers/model", models},
    {"/layers/loss", "/layers/term", terms},
    {"/tries/value", "/tries/term", tried},
    {"/stamp/training/loss", "/stamp/training/term", terms},
    {"/stamp/training/extra", "/stamp/training/extra_term", extra_terms},
};

/* Datasets by name. */
struct found {
    struct {
        char *name;
        bool is_text;
    } * item;
    size_t count, room;
};

static int find_datasets(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    struct found *found = context;
    if (entry->is_attribute || entry->dimensions == 0) {
        return 0;
    }
    if (fs_grow(&found->item, &found->room, found->count + 1, sizeof *found->item, "the layout of an archive", err) !=
        0) {
        return -1;
    }
    found->item[found->count].is_text = entry->is_text;
    found->item[found->count].name = strdup(entry->name);
    return found->item[found->count++].name != NULL ? 0 : fs_error_memory(err, strlen(entry->name), "a name");
}

static void release(struct found *found)
{
    for (size_t i = 0; i < found->count; i++) {
        free(found->item[i].name);
    }
    free(found->item);
}

static int write_indices(struct fs_archive *archive, struct fs_error *err)
{
    for (size_t i = 0; i < sizeof indices / sizeof indices[0]; i++) {
        const char *word[MOST_WORDS];
        size_t count = 0;
        if (!fs_archive_has(archive, indices[i].beside) || fs_archive_has(archive, indices[i].name)) {
            continue;
        }
        if (indices[i].words == NULL) {
            for (; count < FS_SKIP_COUNT && count < MOST_WORDS; count++) {
                word[count] = fs_skip_name((enum fs_skip)count);
            }
        } else {
            for (; indices[i].words[count] != NULL; count++) {
                word[count] = indices[i].words[count];
            }
        }
        if (fs_archive_write_texts(archive, indices[i].name, count, word, err) != 0 ||
            fs_archive_attribute_text(archive, indices[i].name, "dimensions", strrchr(indices[i].name, '/') + 1, err) !=
                0 ||
            fs_archive_attribute_text(archive, indices[i].name, "_Encoding", "utf-8", err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int describe(struct fs_archive *archive, const char *name, bool is_text, struct fs_error *err)
{
    for (size_t i = 0; i < LINES; i++) {
        if (fnmatch(layout[i].pattern, name, 0) == 0) {
            if (fs_archive_attribute_text(archive, name, "dimensions", layout[i].dimensions, err) != 0 ||
                (layout[i].units != NULL &&
                 fs_archive_attribute_text(archive, name, "units", layout[i].units, err) != 0)) {
                return -1;
            }
            return is_text ? fs_archive_attribute_text(archive, name, "_Encoding", "utf-8", err) : 0;
        }
    }
    return 0;
}

/* Attributes of `group`, whose columns "metric" and "ideal" say what is best. */
static int describe_metrics(struct fs_archive *archive, const char *group, struct fs_error *err)
{
    char name[128], **metric;
    size_t rows;
    snprintf(name, sizeof name, "%s/metric", group);
    if (fs_archive_read_texts(archive, name, &rows, &metric, err) != 0) {
        return -1;
    }
    double *ideal = fs_allocate(rows, sizeof *ideal, "ideals", err);
    snprintf(name, sizeof name, "%s/ideal", group);
    int status = ideal == NULL ? -1 : fs_archive_read(archive, name, FS_ARCHIVE_F64, rows, ideal, err);
    for (size_t i = 0; status == 0 && i < rows; i++) {
        bool known = false;
        for (size_t before = 0; before < i && !known; before++) {
            known = strcmp(metric[before], metric[i]) == 0;
        }
        if (known) {
            continue;
        }
        snprintf(name, sizeof name, "unit.%.100s", metric[i]);
        const struct fs_metric_kind *kind = fs_metric_kind_find(metric[i]);
        status = kind != NULL ? fs_archive_attribute_text(archive, group, name, kind->unit, err) : 0;
        if (status == 0 && isfinite(ideal[i])) {
            snprintf(name, sizeof name, "ideal.%.100s", metric[i]);
            status = fs_archive_attribute_number(archive, group, name, ideal[i], err);
        }
    }
    free(ideal);
    free(metric);
    return status;
}

int fs_layout_describe(struct fs_archive *archive, struct fs_error *err)
{
    static const char *const tables[] = {"/results", "/layers"};
    struct found found = {0};
    int status = fs_archive_visit(archive, find_datasets, &found, err);
    for (size_t i = 0; status == 0 && i < found.count; i++) {
        status = describe(archive, found.item[i].name, found.item[i].is_text, err);
    }
    release(&found);
    for (size_t i = 0; status == 0 && i < sizeof tables / sizeof tables[0]; i++) {
        if (fs_archive_has(archive, tables[i])) {
            status = describe_metrics(archive, tables[i], err);
        }
    }
    return status == 0 ? write_indices(archive, err) : -1;
}
