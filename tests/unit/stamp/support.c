#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *source_root(void)
{
    const char *root = getenv("FAIRSTAMP_SOURCE");
    return root != NULL ? root : ".";
}

void test_model_open(const char *name, struct test_model *model)
{
    struct fs_error err = FS_ERROR_INIT;
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/tests/golden/models/%s", source_root(), name);
    assert_done(fs_model_load(folder, &model->model, &err), err);
    assert_done(fs_tokenizer_open(folder, &model->tokenizer, &err), err);
    model->spec = fs_model_spec(model->model);
}

void test_model_close(struct test_model *model)
{
    fs_model_destroy(model->model);
    fs_tokenizer_destroy(model->tokenizer);
}

static struct fs_statement_text statement(const char *before, const char *completion, const char *after)
{
    struct fs_statement_text text = {
        .before = strdup(before), .completion = strdup(completion), .after = strdup(after), .id = strdup("")};
    if (asprintf(&text.text, "%s%s%s", before, completion, after) < 0) {
        abort();
    }
    return text;
}

/* category, subject, counterpart, before and after the subject, two completions, what follows */
static const char *const rows[10][8] = {
    {"gender", "nurse", "captain", "the ", " was at ", "home", "the river", "."},
    {"gender", "nurse", "captain", "they said the ", " is ", "kind", "strong", " now."},
    {"gender", "captain", "nurse", "a ", " and the ", "dog", "ship", "."},
    {"gender", "mother", "father", "my ", " works in ", "the kitchen", "town", "."},
    {"gender", "mother", "father", "the ", " is ", "tired", "angry", "."},
    {"race", "farmer", "singer", "that ", " was ", "poor", "rich", "."},
    {"race", "farmer", "singer", "every ", " has ", "land", "debts", " to pay."},
    {"race", "farmer", "singer", "the old ", " likes ", "bread", "wine", "."},
    {"race", "baker", "driver", "one ", " went to ", "jail", "church", " on monday."},
    {"race", "baker", "driver", "is the ", " ", "clean", "late", "?"},
};

void test_pairs_make(bool subjects, struct fs_pair_list *list)
{
    list->count = 10;
    list->item = calloc(list->count, sizeof *list->item);
    for (size_t i = 0; i < list->count; i++) {
        const char *const *row = rows[i];
        struct fs_pair *pair = &list->item[i];
        char id[32], before[2][256];
        snprintf(id, sizeof id, "p%zu", i);
        for (int s = 0; s < 2; s++) {
            snprintf(before[s], sizeof before[s], "%s%s%s", row[3], subjects ? row[1 + s] : row[1], row[4]);
        }
        *pair = (struct fs_pair){.id = strdup(id),
                                 .category = strdup(row[0]),
                                 .target = strdup(row[1]),
                                 .subject = strdup(row[1]),
                                 .counterpart = strdup(subjects ? row[2] : "")};
        pair->statement[FS_STEREOTYPE] = statement(before[0], row[5], row[7]);
        pair->statement[FS_ANTI_STEREOTYPE] = statement(before[1], subjects ? row[5] : row[6], row[7]);
        pair->statement[FS_UNRELATED] = statement(before[0], "seven", row[7]);
    }
}

struct fs_stamp_options test_options(const struct fs_spec *spec)
{
    return (struct fs_stamp_options){
        .form = &fs_stamp_form,
        .layer = 0,
        .width = 8,
        .generic_prompts = 1,
        .loss = FS_LOSS_LOGRATIO,
        .scoring = spec->kind == FS_MASKED ? FS_TARGET_PROB : FS_SENTENCE_MEAN,
        .alpha = 1,
        .beta = 0.5,
        .learning_rate = 0.01,
        .adam_beta1 = 0.9,
        .adam_beta2 = 0.999,
        .adam_epsilon = 1e-8,
        .iterations = 6,
        .batch = 0,
        .checkpoint_every = 0,
        .memory = 1024,
        .seed = 3,
    };
}

void test_train(const struct test_model *m, const struct fs_pair_list *list, const struct fs_stamp_options *options,
                size_t threads, struct fs_stamp_state *state)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_runner *runner;
    assert_done(fs_runner_serial_create(threads, &runner, &err), err);
    assert_done(fs_stamp_state_create(options, m->spec, fs_stamp_steps(options, list->count), state, &err), err);
    assert_done(
        fs_stamp_train(
            &(const struct fs_stamp_task){
                .model = m->model, .tokenizer = m->tokenizer, .pairs = list, .options = options, .runner = runner},
            state, &err),
        err);
    free(runner);
}

struct fs_json_document *open_golden(const char *name)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_json_document *document;
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/%s.json", source_root(), name);
    assert_done(fs_json_load(path, &document, &err), err);
    return document;
}

const cJSON *get(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_non_null(value);
    return value;
}

double number_of(const cJSON *object, const char *key)
{
    return get(object, key)->valuedouble;
}

const char *test_shared(void)
{
    static char folder[1024];
    const char *named = getenv("FAIRSTAMP_SHARED");
    struct stat status;
    if (named != NULL) {
        snprintf(folder, sizeof folder, "%s", named);
    } else {
        snprintf(folder, sizeof folder, "%s/../shared", source_root());
    }
    if (stat(folder, &status) == 0) {
        return folder;
    }
    print_message("skipped: no shared data\n");
    return NULL;
}
