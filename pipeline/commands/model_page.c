#include "pipeline/commands/model_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/families/config.h"
#include "model/folder/folder.h"
#include "pipeline/checks/doctor.h"
#include "pipeline/commands/line_plan.h"

#define GIB (1024.0 * 1024.0 * 1024.0)

static void read_config(struct fs_model_page *page)
{
    if (fs_model_folder_check(page->folder, FS_FOLDER_CONFIG, &page->config) == 0) {
        (void)fs_spec_read(page->folder, &page->spec, &page->notes, &page->config);
    }
}

/* The weights' files, whether they are those of the config or not. */
static void list_tensors(struct fs_model_page *page)
{
    struct fs_tensor_store *store;
    char *gguf;
    if (fs_model_folder_check(page->folder, FS_FOLDER_WEIGHTS, &page->weights) != 0 ||
        fs_model_gguf_file(page->folder, &gguf, &page->weights) != 0) {
        return;
    }
    int status = fs_tensor_store_open(gguf != NULL ? gguf : page->folder, &store, &page->weights);
    free(gguf);
    if (status != 0) {
        return;
    }
    const char *const *file = fs_tensor_store_files(store, &page->files);
    for (size_t i = 0; i < page->files; i++) {
        struct stat info;
        page->disk += stat(file[i], &info) == 0 ? (double)info.st_size : 0;
    }
    page->tensors = fs_tensor_store_count(store);
    for (size_t i = 0; i < page->tensors; i++) {
        const struct fs_tensor *tensor = fs_tensor_store_at(store, i);
        struct fs_page_type *type = &page->type[tensor->dtype];
        type->tensors++;
        type->numbers += tensor->elements;
    }
    page->listed = true;
    fs_tensor_store_destroy(store);
}

/* Whether the weights are those of the config, and what they take. */
static void bind_weights(struct fs_model_page *page)
{
    struct fs_model *model;
    if (fs_model_open(page->folder, &model, &page->weights) != 0) {
        return;
    }
    struct fs_memory_load load = {.ranks = 1, .threads = 1, .layer = page->spec.layers / 2};
    fs_memory_add_model(model, &load);
    fs_memory_usual_units(&page->spec, &load);
    fs_memory_of(&page->spec, &load, &page->memory);
    page->converted = load.converted;
    page->notes = *fs_model_notes(model); /* those of the config, and of the weights */
    fs_model_destroy(model);
}

static int run_plan(struct fs_model_page *page, const struct fs_model *model, struct fs_plan *plan, size_t *read)
{
    const struct fs_encoding *encoding = &page->line.encoding;
    const struct fs_edit_list none = {0, NULL};
    struct fs_plan_values values = {0};
    struct fs_runner *runner = NULL;
    struct fs_error *err = &page->text;
    int status = fs_plan_line(plan, &page->style, encoding->id, encoding->count, read, err);
    status = status == 0 ? fs_plan_seal(plan, fs_plan_limits_of(&page->spec, FS_UNIT_TOKENS), err) : -1;
    status = status == 0 ? fs_runner_serial_create(1, &runner, err) : -1;
    status = status == 0 ? fs_plan_execute(plan, model, &none, runner, NULL, &values, err) : -1;
    for (size_t i = 0; status == 0 && i < encoding->count; i++) {
        page->line.logprob[i] = read[i] == FS_NO_READ ? NAN : fs_values_logprob(&values, 0, read[i]);
    }
    fs_plan_values_release(&values);
    free(runner);
    return status;
}

static void compute_text(struct fs_model_page *page)
{
    const struct fs_encoding *encoding = &page->line.encoding;
    struct fs_error *err = &page->text;
    struct fs_model *model;
    if (fs_model_load(page->folder, &model, &page->weights) != 0) {
        return; /* numbers that are not finite */
    }
    struct fs_plan *plan = NULL;
    size_t *read = fs_allocate(encoding->count, sizeof *read, "reads", err);
    page->line.logprob = fs_allocate(encoding->count, sizeof *page->line.logprob, "log probabilities", err);
    int status = read == NULL || page->line.logprob == NULL ? -1 : fs_plan_create(&plan, err);
    if (status == 0) {
        (void)run_plan(page, model, plan, read);
    }
    fs_plan_destroy(plan);
    free(read);
    fs_model_destroy(model);
}

static void read_text(struct fs_model_page *page)
{
    struct fs_page_text *line = &page->line;
    struct fs_rank_facts facts;
    if (fs_prompt_style_of(&page->spec, page->opened, &page->style, &page->text) != 0 || line->text == NULL) {
        return;
    }
    if (fs_tokenizer_encode(page->opened, line->text, strlen(line->text), &line->encoding, &page->text) != 0) {
        return;
    }
    size_t longest;
    if (fs_line_longest(&page->style, line->encoding.count, &longest, &page->text) != 0) {
        (void)fs_error_prepend(&page->text, "--text");
        return;
    }
    fs_rank_facts_get(1, &facts);
    double need = page->converted + page->memory.program + page->memory.thread + page->memory.evaluate;
    if (need > (double)facts.memory) {
        snprintf(line->skipped, sizeof line->skipped,
                 "not computed: it takes %.1f GiB, and this node has %.1f GiB left", need / GIB,
                 (double)facts.memory / GIB);
    } else if (line->encoding.count > 0) {
        compute_text(page);
    }
}

int fs_model_page_read(const char *folder, const char *text, struct fs_model_page *page, struct fs_error *err)
{
    page->folder = folder;
    page->line.text = text;
    read_config(page);
    list_tensors(page);
    if (page->config.code == 0 && page->weights.code == 0) {
        bind_weights(page);
    }
    (void)fs_tokenizer_open(folder, &page->opened, &page->tokenizer);
    if (page->config.code == 0 && page->weights.code == 0 && page->tokenizer.code == 0) {
        read_text(page);
    }
    const struct fs_error *const parts[] = {&page->config, &page->weights, &page->tokenizer, &page->text};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i]->code != 0) {
            *err = *parts[i];
            return -1;
        }
    }
    return 0;
}

void fs_model_page_release(struct fs_model_page *page)
{
    fs_spec_release(&page->spec);
    fs_tokenizer_destroy(page->opened);
    fs_encoding_release(&page->line.encoding);
    free(page->line.logprob);
    *page = (struct fs_model_page){0};
}

void fs_model_page_special(const struct fs_model_page *page, struct fs_page_special special[FS_PAGE_SPECIAL])
{
    const struct fs_special_tokens *own = fs_tokenizer_special(page->opened);
    int32_t begin = own->begin_of_text >= 0 || page->config.code != 0 ? own->begin_of_text : page->spec.begin_of_text;
    const struct fs_page_special all[FS_PAGE_SPECIAL] = {
        {"begin-of-text", "begin_of_text", begin},
        {"end-of-text", "end_of_text", own->end_of_text},
        {"cls", "cls", own->cls},
        {"sep", "sep", own->sep},
        {"mask", "mask", own->mask},
        {"unknown", "unknown", own->unknown},
        {"pad", "pad", own->pad},
    };
    memcpy(special, all, sizeof all);
}

char *fs_model_page_token(const struct fs_model_page *page, int32_t id)
{
    char *text = NULL;
    struct fs_error ignored = FS_ERROR_INIT;
    return fs_tokenizer_decode(page->opened, &id, 1, &text, &ignored) == 0 ? text : NULL;
}
