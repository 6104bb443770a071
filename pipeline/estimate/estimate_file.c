#include "pipeline/estimate/estimate_file.h"

#include <stdlib.h>

#include "io/publish.h"
#include "results/report.h"
#include "results/time_check.h"

int fs_estimate_save(const char *folder, const struct fs_estimate *estimate, struct fs_error *err)
{
    char *path = NULL, *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL) {
        return fs_error_memory(err, 4096, "an estimate");
    }
    int status = fs_report_print_json(fs_estimate_json(estimate), stream, err);
    if (fclose(stream) != 0 || asprintf(&path, "%s/" FS_ESTIMATE_FILE, folder) < 0) {
        path = NULL;
        status = fs_error_memory(err, size, "an estimate");
    }
    if (status == 0) {
        status = fs_make_folder(folder, err) == 0 ? fs_publish_text(path, text, size, err) : -1;
    }
    free(path);
    free(text);
    return status;
}
