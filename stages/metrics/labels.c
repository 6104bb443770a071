#include "stages/metrics/labels.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct labelled {
    const char *text;
    size_t index;
};

static int compare_labelled(const void *a, const void *b)
{
    const struct labelled *one = a, *other = b;
    int by = strcmp(one->text, other->text);
    return by != 0 ? by : (one->index > other->index) - (one->index < other->index);
}

void fs_labels_release(struct fs_labels *labels)
{
    free(labels->name);
    free(labels->of);
}

int fs_labels_create(const char *const *text, size_t items, struct fs_labels *labels, struct fs_error *err)
{
    struct labelled *sorted = fs_allocate(items, sizeof *sorted, "labels of items", err);
    *labels = (struct fs_labels){fs_allocate(items, sizeof *labels->name, "labels of items", err), 0,
                                 fs_allocate(items, sizeof *labels->of, "labels of items", err)};
    if (sorted == NULL || labels->name == NULL || labels->of == NULL) {
        free(sorted);
        return -1;
    }
    for (size_t i = 0; i < items; i++) {
        sorted[i] = (struct labelled){text[i], i};
    }
    qsort(sorted, items, sizeof *sorted, compare_labelled);
    /* first the number of the earliest item with the same text, then, in the order of the items, that text's own number
     */
    for (size_t i = 0; i < items; i++) {
        bool same = i > 0 && strcmp(sorted[i].text, sorted[i - 1].text) == 0;
        labels->of[sorted[i].index] = same ? labels->of[sorted[i - 1].index] : sorted[i].index;
    }
    for (size_t i = 0; i < items; i++) {
        if (labels->of[i] == i) {
            labels->name[labels->count] = text[i];
            labels->of[i] = labels->count++;
        } else {
            labels->of[i] = labels->of[labels->of[i]];
        }
    }
    free(sorted);
    return 0;
}
