#include "results/time_check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"

static double attribute_number(const struct fs_archive *archive, const char *name)
{
    struct fs_error ignored = FS_ERROR_INIT; /* an older file may lack it */
    char *text = NULL;
    double number = NAN;
    if (fs_archive_read_attribute_text(archive, "/provenance", name, &text, &ignored) == 0) {
        char *end;
        number = strtod(text, &end);
        number = end != text && *end == '\0' && number >= 0 && number < 1e12 ? number : NAN;
    }
    free(text);
    return number;
}

/* The seconds predicted for `ranks`, where the estimate is of the job with `digest`. */
static double find_seconds(const struct fs_json_document *document, const char *stage, const char *digest,
                           const struct fs_estimate_check *check, struct fs_error *err)
{
    const cJSON *root = fs_json_root(document), *stages, *one, *times, *entry;
    const char *of = "";
    size_t threads = 0;
    if (fs_json_size(document, root, "", "threads_a_rank", (struct fs_size_range){1, 65536}, &threads, err) != 0 ||
        threads != check->threads || fs_json_object(document, root, "", "stages", &stages, err) != 0 ||
        fs_json_object(document, stages, "stages", stage, &one, err) != 0 ||
        fs_json_text(document, one, stage, "digest", &of, err) != 0 || strcmp(of, digest) != 0 ||
        fs_json_array(document, one, stage, "time", &times, err) != 0) {
        return NAN;
    }
    cJSON_ArrayForEach(entry, times)
    {
        size_t ranks = 0;
        double seconds = NAN;
        if (fs_json_size(document, entry, "time", "ranks", (struct fs_size_range){1, 1 << 20}, &ranks, err) != 0 ||
            fs_json_number_optional(document, entry, "time", "seconds", (struct fs_number_range){0, 1e12}, &seconds,
                                    err) != 0) {
            return NAN;
        }
        if (ranks == check->ranks) {
            return seconds;
        }
    }
    return NAN;
}

void fs_estimate_check(const char *folder, enum fs_stage stage, const struct fs_archive *archive,
                       struct fs_estimate_check *check)
{
    struct fs_error ignored = FS_ERROR_INIT; /* an estimate that cannot be read is none */
    struct fs_json_document *document = NULL;
    char *path = NULL;
    double ranks = attribute_number(archive, "ranks"), threads = attribute_number(archive, "threads_a_rank");
    *check = (struct fs_estimate_check){NAN, attribute_number(archive, "stage_seconds"),
                                        ranks >= 1 && ranks <= 1 << 20 ? (size_t)ranks : 0,
                                        threads >= 1 && threads <= 65536 ? (size_t)threads : 0};
    if (asprintf(&path, "%s/" FS_ESTIMATE_FILE, folder) < 0) {
        return;
    }
    if (fs_json_load(path, &document, &ignored) == 0) {
        check->predicted = find_seconds(document, fs_stage_names[stage], fs_archive_job(archive), check, &ignored);
        fs_json_destroy(document);
    }
    free(path);
}
