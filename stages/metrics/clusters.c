#include "stages/metrics/clusters.h"

#include <stdlib.h>

void fs_clusters_release(struct fs_clusters *clusters)
{
    free(clusters->first);
    free(clusters->item);
    *clusters = (struct fs_clusters){0};
}

/* of[n]: the cluster of each item, in the order of first appearance. place [largest number + 1] is scratch. */
static void number_densely(size_t n, const size_t *number, size_t *place, size_t *of, struct fs_clusters *clusters)
{
    for (size_t i = 0; i < n; i++) {
        size_t *known = &place[number != NULL ? number[i] : i]; /* 0: not seen yet */
        if (*known == 0) {
            *known = ++clusters->count;
        }
        of[i] = *known - 1;
    }
}

int fs_clusters_create(size_t n, const size_t *number, struct fs_clusters *clusters, struct fs_error *err)
{
    size_t places = number != NULL ? 0 : n;
    for (size_t i = 0; number != NULL && i < n; i++) {
        places = number[i] >= places ? number[i] + 1 : places;
    }
    *clusters = (struct fs_clusters){0, fs_allocate(n + 1, sizeof *clusters->first, "clusters of items", err),
                                     fs_allocate(n, sizeof *clusters->item, "clusters of items", err)};
    size_t *place = fs_allocate(places, sizeof *place, "clusters of items", err);
    size_t *of = fs_allocate(n, sizeof *of, "clusters of items", err);
    int status = clusters->first != NULL && clusters->item != NULL && place != NULL && of != NULL ? 0 : -1;
    if (status == 0) {
        number_densely(n, number, place, of, clusters);
        for (size_t i = 0; i < n; i++) {
            clusters->first[of[i] + 1]++;
        }
        for (size_t c = 0; c < clusters->count; c++) {
            clusters->first[c + 1] += clusters->first[c];
        }
        for (size_t i = n; i-- > 0;) { /* from the back: each end moves down to its cluster's beginning */
            clusters->item[--clusters->first[of[i] + 1]] = i;
        }
        for (size_t c = 0; c < clusters->count; c++) {
            clusters->first[c] = clusters->first[c + 1];
        }
        clusters->first[clusters->count] = n;
    }
    free(place);
    free(of);
    return status;
}
