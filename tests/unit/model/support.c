#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/formats/json.h"
#include "model/families/config.h"
#include "model/tokenizer/tokenizer.h"

static const char *join(const char *first, const char *second, const char *third)
{
    static char buffers[4][4096];
    static size_t next;
    char *buffer = buffers[next++ % 4];
    snprintf(buffer, sizeof buffers[0], "%s/%s/%s", first, second, third);
    return buffer;
}

static const char *source(void)
{
    const char *folder = getenv("FAIRSTAMP_SOURCE");
    return folder == NULL ? "." : folder;
}

const char *golden_path(const char *rest)
{
    return join(source(), "tests/golden", rest);
}

const char *shared_path(const char *rest)
{
    const char *shared = getenv("FAIRSTAMP_SHARED");
    const char *path = shared != NULL ? join(shared, ".", rest) : join(source(), "../shared", rest);
    struct stat status;
    return stat(path, &status) == 0 ? path : NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **golden_models(size_t *count)
{
    DIR *folder = opendir(golden_path("models"));
    assert_non_null(folder);
    char **names = NULL;
    size_t found = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        names = realloc(names, (found + 1) * sizeof *names);
        assert_non_null(names);
        names[found] = strdup(entry->d_name);
        assert_non_null(names[found++]);
    }
    closedir(folder);
    assert_true(found > 0);
    qsort(names, found, sizeof *names, by_name);
    *count = found;
    return names;
}

void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

struct fs_model *load_model(const char *folder)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_model *model;
    if (fs_model_load(folder, &model, &err) != 0) {
        fail_msg("%s: %s", folder, err.text);
    }
    return model;
}

int read_spec(const char *text, struct fs_spec *spec, struct fs_error *err)
{
    fs_spec_release(spec);
    scratch_write_text("config.json", text);
    *err = (struct fs_error)FS_ERROR_INIT;
    return fs_spec_read(scratch_folder(), spec, NULL, err);
}

void expect_spec(const char *text, struct fs_spec *spec)
{
    struct fs_error err;
    if (read_spec(text, spec, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
}

void expect_no_spec(const char *text, const char *word)
{
    struct fs_spec spec = {0};
    struct fs_error err;
    if (read_spec(text, &spec, &err) == 0 || err.code != FS_EXIT_DATA || strstr(err.text, word) == NULL) {
        fail_msg("%s: code %d, \"%s\", expected a refusal that names \"%s\"", text, err.code, err.text, word);
    }
}

/* Makes room for one more element. */
static void *grow(void *array, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) {
        return array;
    }
    *capacity = 2 * needed + 64;
    void *grown = realloc(array, *capacity * size);
    assert_non_null(grown);
    return grown;
}

void texts_add_sequence(struct texts *texts, const int32_t *token, size_t count)
{
    texts->start = grow(texts->start, &texts->sequence_capacity, texts->sequences + 2, sizeof *texts->start);
    texts->token = grow(texts->token, &texts->token_capacity, texts->tokens + count, sizeof *texts->token);
    memcpy(texts->token + texts->tokens, token, count * sizeof *token);
    texts->start[texts->sequences++] = texts->tokens;
    texts->tokens += count;
    texts->start[texts->sequences] = texts->tokens;
}

void texts_add_read(struct texts *texts, size_t position, int32_t token, double expected)
{
    size_t capacity = texts->read_capacity, same = capacity, again = capacity;
    texts->read_row = grow(texts->read_row, &capacity, texts->reads + 1, sizeof *texts->read_row);
    texts->read_token = grow(texts->read_token, &same, texts->reads + 1, sizeof *texts->read_token);
    texts->expected = grow(texts->expected, &again, texts->reads + 1, sizeof *texts->expected);
    texts->read_capacity = capacity;
    texts->read_row[texts->reads] = texts->start[texts->sequences - 1] + position;
    texts->read_token[texts->reads] = token;
    texts->expected[texts->reads++] = expected;
}

void texts_release(struct texts *texts)
{
    free(texts->token);
    free(texts->start);
    free(texts->read_row);
    free(texts->read_token);
    free(texts->expected);
    memset(texts, 0, sizeof *texts);
}

static void check_ids(const cJSON *line, const struct fs_tokenizer *tokenizer)
{
    const char *text = cJSON_GetObjectItemCaseSensitive(line, "text")->valuestring;
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(line, "ids");
    struct fs_encoding encoding = {0};
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_tokenizer_encode(tokenizer, text, strlen(text), &encoding, &err), 0);
    assert_int_equal(encoding.count, cJSON_GetArraySize(ids));
    size_t i = 0;
    for (const cJSON *id = ids->child; id != NULL; id = id->next) {
        assert_int_equal(encoding.id[i++], id->valuedouble);
    }
    fs_encoding_release(&encoding);
}

static void add_line(const cJSON *root, const struct fs_spec *spec, const struct fs_tokenizer *tokenizer,
                     struct texts *texts)
{
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(root, "ids");
    const cJSON *logprobs = cJSON_GetObjectItemCaseSensitive(root, "logprobs");
    assert_true(cJSON_IsArray(ids) && cJSON_IsArray(logprobs));
    size_t count = (size_t)cJSON_GetArraySize(ids);
    assert_int_equal(cJSON_GetArraySize(logprobs), count);
    int32_t *token = malloc((count + 2) * sizeof *token);
    assert_non_null(token);
    bool masked = spec->kind == FS_MASKED;
    const struct fs_special_tokens *special = fs_tokenizer_special(tokenizer);
    check_ids(root, tokenizer);
    token[0] = masked ? special->cls : spec->begin_of_text;
    size_t i = 1;
    for (const cJSON *id = ids->child; id != NULL; id = id->next) {
        token[i++] = (int32_t)id->valuedouble;
    }
    token[i] = special->sep;
    if (!masked && count > 0) {
        bool whole = count + 1 > fs_spec_usual_positions(spec); /* transformers ran the last token too */
        texts_add_sequence(texts, token, whole ? count + 1 : count);
    }
    i = 0;
    for (const cJSON *value = logprobs->child; value != NULL; value = value->next, i++) {
        int32_t kept = token[i + 1];
        if (masked) {
            token[i + 1] = special->mask;
            texts_add_sequence(texts, token, count + 2);
            token[i + 1] = kept;
        }
        texts_add_read(texts, masked ? i + 1 : i, kept, value->valuedouble);
    }
    free(token);
}

void texts_load(const char *jsonl, const char *folder, const struct fs_spec *spec, struct texts *texts)
{
    memset(texts, 0, sizeof *texts);
    struct fs_error why = FS_ERROR_INIT;
    struct fs_tokenizer *tokenizer;
    if (fs_tokenizer_open(folder, &tokenizer, &why) != 0) {
        fail_msg("%s", why.text);
    }
    FILE *file = fopen(jsonl, "r");
    assert_non_null(file);
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t length; (length = getline(&line, &capacity, file)) > 0;) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_json_document *document;
        if (fs_json_parse(jsonl, line, (size_t)length, &document, &err) != 0) {
            fail_msg("%s", err.text);
        }
        add_line(fs_json_root(document), spec, tokenizer, texts);
        fs_json_destroy(document);
    }
    free(line);
    fclose(file);
    fs_tokenizer_destroy(tokenizer);
    assert_true(texts->reads > 0);
}

void texts_run(const struct fs_model *model, const struct texts *texts, size_t batch_tokens, fs_real *logprob)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_workspace *workspace;
    size_t d = fs_model_spec(model)->hidden, layers = fs_model_spec(model)->layers;
    assert_int_equal(fs_workspace_create(model, &workspace, &err), 0);
    size_t *start = malloc((texts->sequences + 1) * sizeof *start);
    size_t *row = malloc(texts->reads * sizeof *row), *first = malloc((texts->reads + 1) * sizeof *first);
    fs_real *h = malloc(texts->tokens * d * sizeof *h);
    assert_true(start != NULL && row != NULL && first != NULL && h != NULL);
    size_t read = 0;
    for (size_t s = 0; s < texts->sequences;) {
        size_t begin = texts->start[s], sequences = 0;
        do {
            start[sequences++] = texts->start[s++] - begin;
        } while (s < texts->sequences && texts->start[s + 1] - begin <= batch_tokens);
        size_t end = texts->start[s], reads = 0;
        start[sequences] = end - begin;
        for (size_t i = read; i < texts->reads && texts->read_row[i] < end; i++) {
            row[reads] = texts->read_row[i] - begin;
            first[reads] = reads;
            reads++;
        }
        first[reads] = reads;
        struct fs_batch batch = {sequences, end - begin, texts->token + begin, start, NULL, NULL};
        const struct fs_pass pass = {model, workspace, &batch, NULL};
        struct fs_reads what = {reads, row, first, texts->read_token + read, NULL};
        if (fs_embed(model, workspace, &batch, NULL, h, &err) != 0 || fs_run_layers(&pass, 0, layers, h, &err) != 0 ||
            fs_read_logprobs(model, workspace, h, &what, logprob + read, NULL, &err) != 0) {
            fail_msg("%s", err.text);
        }
        read += reads;
    }
    assert_int_equal(read, texts->reads);
    free(start);
    free(row);
    free(first);
    free(h);
    fs_workspace_destroy(workspace);
}

double noise(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-52 - 1.0;
}
