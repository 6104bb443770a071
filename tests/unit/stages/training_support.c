#include "training_support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"

void fill_settings(const struct fs_method *method, enum fs_model_kind kind, union fs_method_settings *settings)
{
    const struct fs_setting_value none = {0};
    memset(settings, 0, sizeof *settings);
    for (size_t i = 0; method->settings != NULL && i < method->settings->count; i++) {
        fs_setting_fill(&method->settings->row[i], &none, kind, settings);
    }
}

void change_setting(const struct fs_method *method, const char *key, const char *value,
                    union fs_method_settings *settings)
{
    const struct fs_setting_origin origin = {.name = "test"};
    struct fs_error err = FS_ERROR_INIT;
    for (size_t i = 0; i < method->settings->count; i++) {
        struct fs_setting_value read = {0};
        const struct fs_setting *row = &method->settings->row[i];
        if (strcmp(row->key, key) == 0) {
            assert_int_equal(fs_setting_read_text(row, &origin, value, &read, &err), 0);
            fs_setting_fill(row, &read, 0, settings);
            fs_setting_release(&read);
            return;
        }
    }
    fail_msg("%s has no %s", method->name, key);
}

int go_on(void *context, const struct fs_training_state *state, bool stop, struct fs_error *err)
{
    (void)context, (void)state, (void)stop, (void)err;
    return 0;
}

static size_t edited_pairs(const struct fs_method_task *task)
{
    size_t edited = 0;
    for (size_t i = 0; task->pairs != NULL && i < task->pairs->count; i++) {
        edited += task->pairs->item[i].skip == FS_KEPT && (task->held_out == NULL || !task->held_out[i]) ? 1 : 0;
    }
    return edited;
}

struct fs_training_state *trained(const struct fs_method *method, const struct fs_method_task *task)
{
    struct fs_training_state *state = NULL;
    struct fs_error err = FS_ERROR_INIT;
    if (method->trainer->create(task, edited_pairs(task), &state, &err) != 0 ||
        method->trainer->train(task, go_on, NULL, state, &err) != 0) {
        fail_msg("%s: %s", method->name, err.text);
    }
    return state;
}

static int stop_each(void *context, const struct fs_training_state *state, bool stop, struct fs_error *err)
{
    (void)context, (void)state, (void)stop;
    return fs_error_set(err, FS_EXIT_INTERRUPTED, "stopped");
}

/* Through an archive and back. */
static struct fs_training_state *again(const struct fs_method *method, const struct fs_method_task *task,
                                       struct fs_training_state *state)
{
    const struct fs_trainer *trainer = method->trainer;
    struct fs_archive *archive;
    struct fs_training_state *back = NULL, *fresh = NULL;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_archive_create(path_of("part.h5"), "part", "job", &archive, &err) != 0 ||
        trainer->write(task, state, archive, &err) != 0 || fs_archive_publish(archive, &err) != 0 ||
        fs_archive_open(path_of("part.h5"), "part", &archive, &err) != 0 || trainer->read(archive, &back, &err) != 0 ||
        trainer->create(task, edited_pairs(task), &fresh, &err) != 0) {
        fail_msg("%s: %s", method->name, err.text);
    }
    assert_true(trainer->is_same(fresh, back));
    fs_archive_close(archive);
    trainer->destroy(fresh);
    trainer->destroy(state);
    return back;
}

size_t expect_same_bits(const struct fs_method *method, const struct fs_method_task *task,
                        const struct fs_method_task *threads)
{
    const struct fs_trainer *trainer = method->trainer;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_training_state *state[3] = {trained(method, task), trained(method, threads)};
    assert_int_equal(trainer->create(task, edited_pairs(task), &state[2], &err), 0);
    while (state[2]->step < state[2]->steps) {
        size_t before = state[2]->step;
        assert_int_equal(trainer->train(task, stop_each, NULL, state[2], &err), -1);
        assert_int_equal(state[2]->step, before + 1);
        state[2] = again(method, task, state[2]);
    }
    const struct fs_edit edit = trainer->edit(state[0]);
    size_t steps = state[0]->steps;
    for (size_t i = 1; i < 3; i++) {
        const struct fs_edit other = trainer->edit(state[i]);
        assert_int_equal(edit.first_layer, other.first_layer);
        assert_int_equal(edit.count, other.count);
        assert_memory_equal(edit.number, other.number, edit.count * sizeof *edit.number);
    }
    for (size_t i = 0; i < 3; i++) {
        trainer->destroy(state[i]);
    }
    return steps;
}

static struct fs_attribute_table *read_words(const char *text)
{
    struct fs_attribute_table *words;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_attribute_table_read(write_text("words.json", text), &words, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return words;
}

void open_text_scene(struct text_scene *scene, const struct fs_method *method, const char *model, size_t threads,
                     const char *words, const char *text, const char *const *categories)
{
    *scene = (struct text_scene){.loaded = load_golden(model, threads), .words = read_words(words)};
    fill_settings(method, scene->loaded.style.kind, &scene->settings);
    snprintf(scene->text, sizeof scene->text, "%s", write_text("text.txt", text));
    scene->task = (struct fs_method_task){.model = scene->loaded.model,
                                          .tokenizer = scene->loaded.tokenizer,
                                          .text = scene->text,
                                          .words = scene->words,
                                          .categories = categories,
                                          .runner = scene->loaded.runner,
                                          .seed = 3,
                                          .settings = &scene->settings};
}

void close_text_scene(struct text_scene *scene)
{
    fs_attribute_table_destroy(scene->words);
    unload(&scene->loaded);
}

void read_golden_pairs(const struct fs_json_document *golden, const char *name, struct fs_pair_list *pairs)
{
    struct fs_fact_list facts = {0};
    struct fs_error err = FS_ERROR_INIT;
    char *text = cJSON_Print(cJSON_GetObjectItem(fs_json_root(golden), name));
    const char *file = write_text("pairs.json", text);
    if ((strcmp(name, "fills") == 0 ? fs_stereoset_read(file, NULL, pairs, &err)
                                    : fs_biaske_read(file, NULL, pairs, &facts, &err)) != 0) {
        fail_msg("%s", err.text);
    }
    fs_fact_list_release(&facts);
    free(text);
}

struct fs_attribute_table *read_golden_words(const struct fs_json_document *golden)
{
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItem(fs_json_root(golden), "words"));
    struct fs_attribute_table *words = read_words(text);
    free(text);
    return words;
}

const char *write_golden_text(const struct fs_json_document *golden)
{
    FILE *stream = text_begin();
    const cJSON *sentence;
    cJSON_ArrayForEach(sentence, cJSON_GetObjectItem(fs_json_root(golden), "text"))
    {
        fprintf(stream, "%s\n", sentence->valuestring);
    }
    char *text = text_end(stream);
    const char *path = write_text("text.txt", text);
    free(text);
    return path;
}

void read_text(const struct loaded *own, const cJSON *ids, const struct fs_edit *edit, double *logprob)
{
    const bool masked = own->style.kind == FS_MASKED;
    struct fs_plan *plan = NULL;
    struct fs_plan_values values;
    struct fs_error err = FS_ERROR_INIT;
    size_t count = (size_t)cJSON_GetArraySize(ids), pass, read[64];
    int32_t given[64] = {masked ? own->style.special.cls : own->style.special.begin_of_text};
    const struct fs_edit_list list = {edit != NULL ? 1 : 0, edit};
    assert_in_range(count, 1, 60);
    assert_int_equal(fs_plan_create(&plan, &err), 0);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            given[1 + k] = (int32_t)cJSON_GetArrayItem(ids, (int)k)->valuedouble;
        }
        int32_t token = given[1 + i];
        given[1 + i] = masked ? own->style.special.mask : token;
        given[1 + count] = own->style.special.sep;
        assert_int_equal(fs_plan_add_pass(plan, given, 1 + count + (masked ? 1 : 0), &pass, &err), 0);
        assert_int_equal(fs_plan_add_read(plan, pass, masked ? 1 + i : i, token, &read[i], &err), 0);
    }
    assert_int_equal(fs_plan_seal(plan, fs_plan_limits_of(fs_model_spec(own->model), 64), &err), 0);
    assert_int_equal(fs_plan_execute(plan, own->model, &list, own->runner, NULL, &values, &err), 0);
    for (size_t i = 0; i < count; i++) {
        logprob[i] = fs_values_logprob(&values, list.count, read[i]);
    }
    fs_plan_values_release(&values);
    fs_plan_destroy(plan);
}

void expect_numbers(const char *what, const cJSON *expected, const double *found, double bound)
{
    const cJSON *number;
    size_t i = 0;
    cJSON_ArrayForEach(number, expected)
    {
        if (!(fabs(found[i] - number->valuedouble) <= bound)) {
            fail_msg("%s: number %zu: %.9g, expected %.9g", what, i, found[i], number->valuedouble);
        }
        i++;
    }
}
