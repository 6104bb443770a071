/* Scores made elsewhere, in the layout of StereoSet's predictions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/benchmark.h"
#include "io/benchmarks/benchmark_internal.h"
#include "io/formats/json.h"

struct score {
    char *id;
    size_t place; /* in the file: the last of an id counts */
    double value;
};

struct fs_scores {
    size_t count;
    struct score *score; /* by id, then by place */
};

static int compare_scores(const void *a, const void *b)
{
    const struct score *x = a;
    const struct score *y = b;
    int order = strcmp(x->id, y->id);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static int read_scores(const struct fs_json_document *document, struct fs_scores *scores, struct fs_error *err)
{
    const cJSON *list;
    const cJSON *entry;
    if (fs_json_array(document, fs_json_root(document), "", "intrasentence", &list, err) != 0) {
        return -1;
    }
    size_t count = 0;
    cJSON_ArrayForEach(entry, list)
    {
        count++;
    }
    if (count == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: intrasentence: found no scores", fs_json_name(document));
    }
    scores->score = fs_allocate(count, sizeof *scores->score, "scores", err);
    if (scores->score == NULL) {
        return -1;
    }
    cJSON_ArrayForEach(entry, list)
    {
        char where[48];
        const char *id;
        snprintf(where, sizeof where, "intrasentence[%zu]", scores->count);
        if (fs_json_text(document, entry, where, "id", &id, err) != 0) {
            return -1;
        }
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(entry, "score");
        if (!cJSON_IsNumber(value)) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: %s.score: found %s, expected a number", fs_json_name(document),
                                where, fs_json_kind(value));
        }
        struct score *score = &scores->score[scores->count];
        *score = (struct score){fs_copy_text(id, strlen(id), err), scores->count, value->valuedouble};
        if (score->id == NULL) {
            return -1;
        }
        scores->count++;
    }
    qsort(scores->score, scores->count, sizeof *scores->score, compare_scores);
    return 0;
}

int fs_scores_read(const char *path, struct fs_scores **scores, struct fs_error *err)
{
    *scores = NULL;
    struct fs_json_document *document;
    if (fs_json_load(path, &document, err) != 0) {
        return -1;
    }
    struct fs_scores *made = fs_allocate(1, sizeof *made, "scores", err);
    int result = made == NULL ? -1 : read_scores(document, made, err);
    fs_json_destroy(document);
    if (result != 0) {
        fs_scores_destroy(made);
        return -1;
    }
    *scores = made;
    return 0;
}

void fs_scores_destroy(struct fs_scores *scores)
{
    if (scores != NULL) {
        for (size_t i = 0; i < scores->count; i++) {
            free(scores->score[i].id);
        }
        free(scores->score);
        free(scores);
    }
}

bool fs_scores_find(const struct fs_scores *scores, const char *id, double *score)
{
    size_t low = 0; /* the entries of `id` end before `high` */
    size_t high = scores->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(scores->score[middle].id, id) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 || strcmp(scores->score[low - 1].id, id) != 0) {
        return false;
    }
    *score = scores->score[low - 1].value;
    return true;
}
