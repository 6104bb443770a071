#include "tests/unit/rome/golden_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Numbers of arrays in arrays, which the caller frees. */
double *numbers_of(const cJSON *array, size_t *count)
{
    size_t all = 0, rows = (size_t)cJSON_GetArraySize(array);
    const cJSON *item;
    for (const cJSON *row = array->child; row != NULL; row = row->next) {
        all += cJSON_IsArray(row) ? (size_t)cJSON_GetArraySize(row) : 1;
    }
    double *number = calloc(all + rows, sizeof *number);
    *count = 0;
    for (const cJSON *row = array->child; row != NULL; row = row->next) {
        if (cJSON_IsNumber(row)) {
            number[(*count)++] = row->valuedouble;
        }
        cJSON_ArrayForEach(item, row)
        {
            number[(*count)++] = item->valuedouble;
        }
    }
    return number;
}

/* The distance of `found` from `wanted`, relative to the norm of the latter. */
double apart(const double *wanted, const double *found, size_t count)
{
    double norm = 0, square = 0;
    for (size_t i = 0; i < count; i++) {
        norm += wanted[i] * wanted[i];
        square += (wanted[i] - found[i]) * (wanted[i] - found[i]);
    }
    return norm > 0 ? sqrt(square / norm) : sqrt(square);
}

double apart_of(const cJSON *array, const fs_real *found, size_t count)
{
    size_t numbers;
    double *wanted = numbers_of(array, &numbers), *own = calloc(count + 1, sizeof *own);
    assert_int_equal(numbers, count);
    for (size_t i = 0; i < count; i++) {
        own[i] = (double)found[i];
    }
    double distance = apart(wanted, own, count);
    free(wanted);
    free(own);
    return distance;
}

const cJSON *case_of(const struct fs_json_document *document, int number)
{
    return cJSON_GetArrayItem(get(fs_json_root(document), "cases"), number);
}

void make_path(char path[64])
{
    snprintf(path, 64, "/tmp/fairstamp-rome-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
}

void write_state(const char *path, const struct fs_trainer *trainer, const struct fs_method_task *task,
                 const struct fs_training_state *state)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_archive *archive;
    assert_done(fs_archive_create(path, "part", "job", &archive, &err), err);
    assert_done(trainer->write(task, state, archive, &err), err);
    assert_done(fs_archive_publish(archive, &err), err);
}

int read_state(const char *path, const struct fs_trainer *trainer, struct fs_training_state **back,
               struct fs_error *err)
{
    struct fs_archive *archive;
    assert_done(fs_archive_open(path, "part", &archive, err), *err);
    int status = trainer->read(archive, back, err);
    fs_archive_close(archive);
    return status;
}

void row_of(const struct fs_edit *edit, size_t number, size_t row, fs_real *out)
{
    struct fs_weight w = fs_weight_at(edit, number);
    for (size_t i = 0; i < w.ffn; i++) {
        double sum = w.rank == 0 ? (double)w.delta[row * w.ffn + i] : 0;
        for (size_t k = 0; k < w.rank; k++) {
            sum += (double)w.left[row * w.rank + k] * (double)w.right[i * w.rank + k];
        }
        out[i] = (fs_real)sum;
    }
}

/* A text in a file of its own, which the caller removes. */
static void write_text(const cJSON *lines, char path[64])
{
    make_path(path);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    for (const cJSON *line = lines->child; line != NULL; line = line->next) {
        fprintf(stream, "%s\n", line->valuestring);
    }
    fclose(stream);
}

size_t choice(const char *word, const char *choices)
{
    size_t number = 0;
    for (const char *at = choices;
         strncmp(at, word, strlen(word)) != 0 || (at[strlen(word)] != '|' && at[strlen(word)] != '\0');) {
        at = strchr(at, '|') + 1;
        number++;
    }
    return number;
}

struct fs_target_options target_of(const cJSON *root, const cJSON *item)
{
    return (struct fs_target_options){
        .request = (enum fs_target_request)choice(get(item, "request")->valuestring, "anti|crossed|equal"),
        .openings = (size_t)number_of(root, "openings"),
        .iterations = (size_t)number_of(root, "iterations"),
        .learning_rate = number_of(root, "learning_rate"),
        .weight_decay = number_of(root, "weight_decay"),
        .kl_weight = number_of(root, "kl_weight"),
        .clamp = number_of(item, "clamp"),
        .enough = number_of(item, "enough")};
}

void open_edited(struct edited *e, const cJSON *root, const cJSON *item, size_t threads, const void *settings)
{
    struct fs_error err = FS_ERROR_INIT;
    *e = (struct edited){0};
    test_model_open(get(item, "model")->valuestring, &e->m);
    test_pairs_make(cJSON_IsTrue(get(item, "subjects")), &e->list);
    write_text(get(root, "text"), e->text);
    memset(e->held_out, true, sizeof e->held_out);
    for (const cJSON *pair = get(root, "pairs")->child; pair != NULL; pair = pair->next) {
        e->held_out[pair->valueint] = false;
    }
    assert_done(fs_runner_serial_create(threads, &e->runner, &err), err);
    e->task = (struct fs_method_task){.model = e->m.model,
                                      .tokenizer = e->m.tokenizer,
                                      .pairs = &e->list,
                                      .held_out = e->held_out,
                                      .text = e->text,
                                      .runner = e->runner,
                                      .layer = (size_t)number_of(root, "layer"),
                                      .covariance_tokens = 1000000,
                                      .settings = settings};
    assert_done(fs_scoring_parse(get(item, "scoring")->valuestring, e->m.spec->kind, &e->task.scoring, &err), err);
}

void close_edited(struct edited *e)
{
    unlink(e->text);
    free(e->runner);
    fs_pair_list_release(&e->list);
    test_model_close(&e->m);
}
