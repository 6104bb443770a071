#include "applied_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void expect(int status, const struct fs_error *err)
{
    if (status != 0) {
        fail_msg("%s", err->text);
    }
}

void expect_refusal(int status, const struct fs_error *err, const char *word)
{
    if (status == 0 || strstr(err->text, word) == NULL) {
        fail_msg("expected \"%s\": %s", word, status == 0 ? "was not refused" : err->text);
    }
}

const char *model_path(const char *name)
{
    char rest[96];
    snprintf(rest, sizeof rest, "models/%s", name);
    return golden_path(rest);
}

void log_probabilities(const struct fs_model *model, const struct fs_edit *edit, const int32_t *token, size_t count,
                       fs_real *logprob)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_workspace *workspace;
    const size_t starts[] = {0, count};
    size_t row[64], first[65];
    const struct fs_batch batch = {1, count, token, starts, NULL, NULL};
    assert_true(count < 64);
    for (size_t i = 0; i <= count; i++) {
        first[i] = i;
        row[i < count ? i : 0] = i < count ? i : 0;
    }
    fs_real *h = calloc(count * fs_model_spec(model)->hidden, sizeof *h);
    assert_non_null(h);
    expect(fs_workspace_create(model, &workspace, &err), &err);
    const struct fs_pass pass = {model, workspace, &batch, edit};
    const struct fs_reads reads = {count, row, first, token, edit};
    expect(fs_embed(model, workspace, &batch, NULL, h, &err), &err);
    expect(fs_run_layers(&pass, 0, fs_model_spec(model)->layers, h, &err), &err);
    expect(fs_read_logprobs(model, workspace, h, &reads, logprob, NULL, &err), &err);
    fs_workspace_destroy(workspace);
    free(h);
}
