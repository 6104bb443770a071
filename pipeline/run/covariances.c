#include "pipeline/run/covariances.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/console/progress.h"
#include "io/publish.h"
#include "io/values.h"
#include "jobs/job.h"
#include "pipeline/ranks/runner_mpi.h"
#include "pipeline/run/provenance.h"
#include "results/stage_files.h"

#define LARGE ((size_t)256 << 20) /* bytes that an archive is made of in memory */
#define SHOWN 16                  /* digits of the digest in a file's name */

/* The lines of a stage's settings that a covariance depends on begin so. */
static const char *const lines[] = {"archive = ", "model/", "edit.text = ", "covariance.", "compute."};

static bool is_taken(const char *line)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strncmp(line, lines[i], strlen(lines[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* The settings of a layer's covariance; the caller frees. Their digest to `digest`. */
static char *settings_of(const struct fs_covariances *own, size_t layer, char digest[FS_DIGEST_SIZE],
                         struct fs_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream != NULL) {
        fprintf(stream, "stage = " FS_COVARIANCE_FORMAT "\nlayer = %zu\n", layer);
        for (const char *line = own->run->fingerprint.settings[own->stage]; *line != '\0';) {
            size_t length = strcspn(line, "\n");
            if (is_taken(line)) {
                fprintf(stream, "%.*s\n", (int)length, line);
            }
            line += length + (line[length] == '\n');
        }
        if (fclose(stream) == 0) {
            fs_digest_bytes(text, size, digest);
            return text;
        }
    }
    free(text);
    fs_error_memory(err, 4096, "settings of a covariance");
    return NULL;
}

static char *path_of(const struct fs_covariances *own, size_t layer, const char *digest, bool whole,
                     struct fs_error *err)
{
    const char *folder = fs_job_settings(own->run->job)->covariance_folder;
    char *path;
    if (asprintf(&path, "%s/covariance-%zu-%.*s%s", whole && folder != NULL ? folder : own->run->output, layer, SHOWN,
                 digest, whole ? ".h5" : ".part.h5") < 0) {
        fs_error_memory(err, 256, "a path");
        return NULL;
    }
    return path;
}

/* Sets `covariance` where the file is there and its own; one that is damaged is moved aside. */
static int read_file(const char *path, const char *format, const char *digest, struct fs_covariance *covariance,
                     struct fs_error *err)
{
    struct fs_archive *archive;
    struct fs_error reason = FS_ERROR_INIT;
    if (fs_archive_open(path, format, &archive, &reason) == 0) {
        if (strcmp(fs_archive_job(archive), digest) != 0) {
            fs_say("%s: of another model or text; it will be replaced", path);
        } else if (fs_covariance_read(archive, covariance, &reason) == 0) {
            fs_say("covariance: layer %zu, %s %zu tokens taken from %s", covariance->layer,
                   covariance->done ? "all" : "the first", covariance->tokens, path);
        }
        fs_archive_close(archive);
    }
    if (reason.code != 0 && reason.code != FS_EXIT_NO_INPUT) {
        int status = fs_stage_move_aside(path, "the covariance is made anew", &reason);
        *err = reason;
        return status;
    }
    return 0;
}

static int read_stored(void *context, struct fs_covariance *covariance, struct fs_error *err)
{
    const struct fs_covariances *own = context;
    char digest[FS_DIGEST_SIZE];
    if (own->run->session->runner->probes) {
        return 0;
    }
    char *settings = settings_of(own, covariance->layer, digest, err);
    char *whole = settings != NULL ? path_of(own, covariance->layer, digest, true, err) : NULL;
    char *part = whole != NULL ? path_of(own, covariance->layer, digest, false, err) : NULL;
    int status = part != NULL ? read_file(whole, FS_COVARIANCE_FORMAT, digest, covariance, err) : -1;
    if (status == 0 && covariance->sum == NULL) {
        status = read_file(part, FS_PART_FORMAT, digest, covariance, err);
    }
    free(settings);
    free(whole);
    free(part);
    return status;
}

static int write_file(const struct fs_covariances *own, const struct fs_covariance *covariance, const char *path,
                      const char *digest, const char *settings, struct fs_error *err)
{
    struct fs_job_run *run = own->run;
    const char *format = covariance->done ? FS_COVARIANCE_FORMAT : FS_PART_FORMAT;
    size_t bytes = covariance->size * covariance->size * sizeof(double);
    struct fs_archive *archive;
    if ((bytes > LARGE ? fs_archive_create_large(path, format, digest, &archive, err)
                       : fs_archive_create(path, format, digest, &archive, err)) != 0) {
        return -1;
    }
    if (fs_covariance_write(covariance, archive, err) != 0 ||
        fs_provenance_write(archive, run->session, run->job, settings, digest, fs_seconds() - run->began, err) != 0) {
        fs_archive_abort(archive);
        return -1;
    }
    return fs_archive_publish(archive, err);
}

/* A part that cannot be saved does not end the work. */
static int save_part(const struct fs_covariances *own, const struct fs_covariance *covariance, const char *digest,
                     const char *settings, bool stop, struct fs_error *err)
{
    struct fs_save_clock *clock = fs_runner_mpi_clock(own->run->session->runner);
    double begin = fs_seconds();
    bool due = fs_save_waited(clock, begin) &&
               fs_save_affordable(clock, fs_save_guess(covariance->size * covariance->size * sizeof(double)), begin);
    if (!stop && !due) {
        return 0;
    }
    char *path = path_of(own, covariance->layer, digest, false, err);
    int status = path != NULL ? write_file(own, covariance, path, digest, settings, err) : -1;
    fs_save_note(clock, begin, fs_seconds());
    if (status == 0) {
        fs_say("covariance: layer %zu, %zu tokens, saved", covariance->layer, covariance->tokens);
    } else if (!stop) {
        fs_warn("the covariance cannot be saved, the work goes on: %s", err->text);
        *err = (struct fs_error)FS_ERROR_INIT;
        status = 0;
    }
    free(path);
    return status;
}

static int save(void *context, const struct fs_covariance *covariance, bool stop, struct fs_error *err)
{
    const struct fs_covariances *own = context;
    const char *folder = fs_job_settings(own->run->job)->covariance_folder;
    char digest[FS_DIGEST_SIZE];
    if (own->run->session->runner->probes) {
        return 0;
    }
    char *settings = settings_of(own, covariance->layer, digest, err);
    if (settings == NULL) {
        return -1;
    }
    int status = 0;
    if (!covariance->done) {
        status = save_part(own, covariance, digest, settings, stop, err);
    } else {
        char *path = path_of(own, covariance->layer, digest, true, err);
        char *part = path_of(own, covariance->layer, digest, false, err);
        status = path != NULL && part != NULL && (folder == NULL || fs_make_folder(folder, err) == 0)
                     ? write_file(own, covariance, path, digest, settings, err)
                     : -1;
        if (status == 0) {
            unlink(part); /* there may be none */
            fs_say("covariance: published %s", path);
        }
        free(path);
        free(part);
    }
    free(settings);
    return status;
}

void fs_covariances_begin(struct fs_job_run *run, enum fs_stage stage, struct fs_covariances *covariances)
{
    *covariances = (struct fs_covariances){
        .store = {.context = covariances, .read = read_stored, .save = save}, .run = run, .stage = stage};
}
