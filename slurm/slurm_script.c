#include "slurm/slurm_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/publish.h"

#define READS ". \"$FAIRSTAMP_SLURM/" /* begins a line of a script that reads a file beside it */

extern char **environ;

/* `text` of `length` bytes as one word of the shell. */
static void quote_bytes(FILE *stream, const char *text, size_t length)
{
    fputc('\'', stream);
    for (size_t i = 0; i < length; i++) {
        fputs(text[i] == '\'' ? "'\\''" : (const char[2]){text[i], '\0'}, stream);
    }
    fputc('\'', stream);
}

static void quote(FILE *stream, const char *text)
{
    quote_bytes(stream, text, strlen(text));
}

static bool is_name(const char *text, size_t length)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return length > 0 && strspn(text, letters) >= length && (text[0] < '0' || text[0] > '9');
}

/*
 * Variables that programs of a job read. SLURM_... is not among them: sbatch hands these on in any case. Where this process is
 * a rank, those of Open MPI describe its own job.
 */
static bool is_taken(const char *name, size_t length)
{
    static const char *const begins[] = {"FAIRSTAMP_", "OMP_",  "GOMP_",     "OPENBLAS_", "HDF5_",
                                         "UCX_",       "OMPI_", "PMIX_MCA_", "PRTE_MCA_"};
    size_t count = sizeof begins / sizeof begins[0];
    count -= getenv("OMPI_COMM_WORLD_SIZE") != NULL || getenv("PMIX_RANK") != NULL ? 3 : 0;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(name, begins[i], strlen(begins[i])) == 0) {
            return is_name(name, length);
        }
    }
    return false;
}

/* What the job's own environment has, counts: a login file's, or that of sbatch --export=NAME=VALUE. */
static void write_variable(FILE *stream, const char *name, size_t length, const char *value)
{
    fprintf(stream, "[ -n \"${%.*s+set}\" ] || export %.*s=", (int)length, name, (int)length, name);
    quote(stream, value);
    fputc('\n', stream);
}

/* In front of what the job's own has: the programs and libraries with which the submission worked. */
static void write_search_path(FILE *stream, const char *name)
{
    const char *value = getenv(name);
    if (value != NULL && value[0] != '\0') {
        fprintf(stream, "path=");
        quote(stream, value);
        fprintf(stream, "\n[ \"${%s:-}\" = \"$path\" ] || export %s=\"$path${%s:+:$%s}\"\n", name, name, name, name);
    }
}

/* Whether `name` is not among `*seen`, ",A,B,", to which it is then added; the caller frees that. */
static bool is_new(char **seen, const char *name)
{
    char *key = NULL, *longer = NULL;
    bool is = asprintf(&key, ",%s,", name) >= 0 && (*seen == NULL || strstr(*seen, key) == NULL) &&
              asprintf(&longer, "%s%s", *seen != NULL ? *seen : "", key) >= 0;
    if (is) {
        free(*seen);
        *seen = longer;
    }
    free(key);
    return is;
}

/* The variables that `text` of `size` bytes names as ${NAME}. */
static void write_named(FILE *stream, const char *text, size_t size, char **seen)
{
    const char *end = text + size;
    while ((text = memmem(text, (size_t)(end - text), "${", 2)) != NULL) {
        text += 2;
        const char *close = memchr(text, '}', (size_t)(end - text));
        char *name = close != NULL ? strndup(text, (size_t)(close - text)) : NULL;
        const char *value = name != NULL && is_name(name, strlen(name)) ? getenv(name) : NULL;
        if (value != NULL && is_new(seen, name)) {
            write_variable(stream, name, strlen(name), value);
        }
        free(name);
    }
}

/* The variables that job files of the sweep name. Each is set, or the jobs could not have been read. */
static int write_named_by_jobs(FILE *stream, const struct fs_sweep *sweep, struct fs_error *err)
{
    char *seen = NULL;
    int status = 0;
    for (size_t i = 0; status == 0 && i < sweep->cells; i++) {
        struct fs_file_map map = {0};
        status = fs_file_map_open(sweep->cell[i].job, &map, err);
        if (status == 0) {
            write_named(stream, (const char *)map.data, map.size, &seen);
        }
        fs_file_map_close(&map);
    }
    free(seen);
    return status;
}

static int write_settings(FILE *stream, const struct fs_script_source *source, struct fs_error *err)
{
    fprintf(stream, "\n# What the submission had, for a job that gets no environment of it.\nFAIRSTAMP_SLURM=");
    quote(stream, source->folder);
    fprintf(stream, "\nexport FAIRSTAMP_PROGRAM=");
    quote(stream, source->program);
    fputc('\n', stream);
    write_search_path(stream, "PATH");
    write_search_path(stream, "LD_LIBRARY_PATH");
    for (char **entry = environ; *entry != NULL; entry++) {
        const char *value = strchr(*entry, '=');
        size_t length = value != NULL ? (size_t)(value - *entry) : 0;
        bool own = strncmp(*entry, "FAIRSTAMP_SLURM=", 16) == 0 || strncmp(*entry, "FAIRSTAMP_PROGRAM=", 18) == 0;
        if (value != NULL && !own && is_taken(*entry, length)) {
            write_variable(stream, *entry, length, value + 1);
        }
    }
    int status = write_named_by_jobs(stream, source->sweep, err);
    fputc('\n', stream);
    return status;
}

/* `site`: a file of settings, which is read as the scripts would read it: it may return, and an error stays in it. */
static int insert_file(FILE *stream, const char *path, bool site, struct fs_error *err)
{
    struct fs_file_map map = {0};
    if (fs_file_map_open(path, &map, err) != 0) {
        return -1;
    }
    int status = 0;
    if (memchr(map.data, '\0', map.size) != NULL || memchr(map.data, '\r', map.size) != NULL) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found a NUL or \\r, expected the lines of a shell script", path);
    } else if (site) { /* a here-document would need room in the node's /tmp */
        fputs(". <(printf '%s\\n' ", stream);
        quote_bytes(stream, (const char *)map.data, map.size);
        fputs(")\n", stream);
    } else {
        fwrite(map.data, 1, map.size, stream);
        fputc('\n', stream);
    }
    fs_file_map_close(&map);
    return status;
}

/* A line of the script: the file that it reads, or the line itself. */
static int write_line(FILE *stream, const struct fs_script_source *source, const char *line, struct fs_error *err)
{
    const char *name = line + strlen(READS), *end;
    char *path = NULL;
    if (strncmp(line, READS, strlen(READS)) != 0 || (end = strchr(name, '"')) == NULL) {
        fputs(line, stream);
        return 0;
    }
    if (asprintf(&path, "%s/%.*s", source->folder, (int)(end - name), name) < 0) {
        return fs_error_memory(err, 64, "a path");
    }
    bool site = strncmp(name, "site.sh\"", 8) == 0;
    int status = insert_file(stream, path, site, err);
    free(path);
    if (status == 0 && site && source->site != NULL) {
        status = insert_file(stream, source->site, true, err);
    }
    return status;
}

static int write_script(FILE *stream, const struct fs_script_source *source, const char *path, struct fs_error *err)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    bool in_head = true; /* sbatch reads its options up to the first command */
    int status = file != NULL
                     ? 0
                     : fs_error_set(err, FS_EXIT_NO_INPUT,
                                    "%s cannot be read; --scripts names the folder of the batch scripts", path);
    while (status == 0 && getline(&line, &room, file) > 0) {
        if (in_head && line[0] != '#' && line[0] != '\n') {
            in_head = false;
            status = write_settings(stream, source, err);
        }
        status = status == 0 ? write_line(stream, source, line, err) : -1;
    }
    if (file != NULL) {
        fclose(file);
    }
    free(line);
    return status;
}

int fs_slurm_script_write(const struct fs_script_source *source, const char *name, char **path, struct fs_error *err)
{
    char *from = NULL, *folder = NULL, *text = NULL;
    size_t length = 0;
    *path = NULL;
    if (asprintf(&from, "%s/%s", source->folder, name) < 0 ||
        asprintf(&folder, "%s/slurm", source->sweep->folder) < 0 || asprintf(path, "%s/%s", folder, name) < 0) {
        return fs_error_memory(err, 64, "a path");
    }
    FILE *stream = open_memstream(&text, &length);
    int status = stream != NULL ? write_script(stream, source, from, err) : fs_error_memory(err, 64, "a batch script");
    if (stream != NULL && fclose(stream) != 0 && status == 0) {
        status = fs_error_memory(err, length, "a batch script");
    }
    status = status == 0 && fs_make_folder(folder, err) == 0 ? fs_publish_text(*path, text, length, err) : -1;
    free(from);
    free(folder);
    free(text);
    return status;
}
