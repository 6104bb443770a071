#include "tables_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stages/metrics/split.h"

const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (value == NULL) {
        fail_msg("tables.json: no %s", key);
    }
    return value;
}

void table_world_begin(struct table_world *world, const struct fs_json_document *golden)
{
    struct fs_error err = FS_ERROR_INIT;
    const double share = member(world->settings, "held_out")->valuedouble;
    const uint64_t seed = (uint64_t)member(fs_json_root(golden), "split_seed")->valuedouble;
    const bool fills = strcmp(world->kind, "fills") == 0;
    world->scoring = world->loaded.style.kind == FS_MASKED ? "target.prob" : fills ? "sentence.mean" : "object.mean";
    world->held_out = calloc(world->pairs.count, sizeof *world->held_out);
    assert_non_null(world->held_out);
    assert_int_equal(fs_split_by_target(&world->pairs, share, seed, world->held_out, &err), 0);
}

void table_world_end(struct table_world *world)
{
    free(world->held_out);
    fs_pair_list_release(&world->pairs);
    unload(&world->loaded);
}

static bool is_on(const cJSON *item, const char *kind)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, member(item, "pairs"))
    {
        if (strcmp(name->valuestring, kind) == 0) {
            return true;
        }
    }
    return false;
}

static struct fs_training_state *train(const struct table_world *world, const struct fs_method *method,
                                       const cJSON *item)
{
    struct fs_error err = FS_ERROR_INIT;
    union fs_method_settings settings;
    const cJSON *setting;
    fill_settings(method, world->loaded.style.kind, &settings);
    cJSON_ArrayForEach(setting, member(item, "settings"))
    {
        change_setting(method, setting->string, setting->valuestring, &settings);
    }
    struct fs_method_task task = {.model = world->loaded.model,
                                  .tokenizer = world->loaded.tokenizer,
                                  .pairs = &world->pairs,
                                  .held_out = world->held_out,
                                  .text = world->text,
                                  .words = world->words,
                                  .runner = world->loaded.runner,
                                  .layer = (size_t)member(world->settings, "layer")->valuedouble,
                                  .seed = (uint64_t)member(world->settings, "seed")->valuedouble,
                                  .covariance_tokens = (size_t)member(world->settings, "tokens")->valuedouble,
                                  .settings = &settings};
    assert_int_equal(fs_scoring_parse(world->scoring, world->loaded.style.kind, &task.scoring, &err), 0);
    return trained(method, &task);
}

void table_columns_train(struct table_columns *columns, const cJSON *cases, const struct table_world *world)
{
    const cJSON *item;
    *columns = (struct table_columns){0};
    cJSON_ArrayForEach(item, cases)
    {
        if (is_on(item, world->kind)) {
            size_t c = columns->count++;
            assert_in_range(c, 0, TABLE_COLUMNS - 1);
            columns->name[c] = member(item, "column")->valuestring;
            columns->method[c] = fs_method_find(member(item, "method")->valuestring);
            assert_non_null(columns->method[c]);
            columns->training[c] = train(world, columns->method[c], item);
            columns->edit[c] = columns->method[c]->trainer->edit(columns->training[c]);
        }
    }
}

void table_columns_release(struct table_columns *columns)
{
    for (size_t c = 0; c < columns->count; c++) {
        columns->method[c]->trainer->destroy(columns->training[c]);
    }
}

struct fs_suite *table_suite(const struct table_world *world)
{
    const struct fs_suite_options options = {.kind = world->loaded.style.kind,
                                             .scoring = world->scoring,
                                             .edited = &world->pairs,
                                             .held_out = world->held_out};
    return open_suite(strcmp(world->kind, "fills") == 0 ? "stereoset" : "biaske", "", &options);
}

struct fs_results table_evaluate(const struct table_world *world, const struct table_columns *columns,
                                 struct fs_suite *const *suite, size_t suites)
{
    const struct fs_evaluate_input input = {
        .suite = suite, .suites = suites, .edits = {columns->count, columns->edit}, .edit_name = columns->name};
    return evaluate(&world->loaded, &input);
}
