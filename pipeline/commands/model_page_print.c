/* The page for people. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/families/spec_words.h"
#include "pipeline/commands/model_page.h"
#include "results/table.h"

enum { LABEL = 11, WIDTH = 120, SHOWN_TOKENS = 24 };

/* "257 MiB" */
static void bytes_text(double bytes, char text[32])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++) {
        bytes /= 1024;
    }
    snprintf(text, 32, unit > 0 && bytes < 10 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

/* "134.5 M (134515008)" */
static void numbers_text(size_t numbers, char text[64])
{
    double millions = (double)numbers / 1e6;
    if (millions < 1) {
        snprintf(text, 64, "%zu", numbers);
    } else if (millions < 1000) {
        snprintf(text, 64, "%.1f M (%zu)", millions, numbers);
    } else {
        snprintf(text, 64, "%.2f G (%zu)", millions / 1000, numbers);
    }
}

/* A line of the page; text beyond its width goes on below, at a blank. What files say is made printable. */
static void print_line(void *context, const char *label, const char *raw)
{
    FILE *stream = context;
    struct fs_error printable = FS_ERROR_INIT;
    fs_error_set(&printable, FS_EXIT_DATA, "%s", raw);
    const char *text = printable.text;
    fprintf(stream, "%-*s", LABEL, label);
    size_t column = LABEL;
    for (const char *word = text; *word != '\0';) {
        size_t length = strcspn(word, " "), blanks = strspn(word + length, " ");
        if (column > LABEL && column + length > WIDTH) {
            fprintf(stream, "\n%*s", LABEL, "");
            column = LABEL;
        }
        fprintf(stream, "%.*s", (int)length, word);
        column += length;
        word += length;
        if (*word != '\0' && column + blanks + strcspn(word + blanks, " ") <= WIDTH) {
            fprintf(stream, "%.*s", (int)blanks, word);
            column += blanks;
        } else if (*word != '\0') {
            column = WIDTH + 1;
        }
        word += blanks;
    }
    fputc('\n', stream);
}

static void print_failure(FILE *stream, const char *label, const struct fs_error *error)
{
    char text[sizeof error->text + 16];
    snprintf(text, sizeof text, "FAILED: %s", error->text);
    print_line(stream, label, text);
}

static void print_spec(const struct fs_model_page *page, FILE *stream)
{
    const struct fs_spec *spec = &page->spec;
    char sizes[FS_SPEC_SIZES], text[256];
    if (page->config.code != 0) {
        print_failure(stream, "config", &page->config);
        return;
    }
    snprintf(text, sizeof text, "%s, %s%s%s", spec->family_name, fs_model_kind_name(spec->kind),
             spec->saved_from[0] != '\0' ? "; saved from " : "", spec->saved_from);
    print_line(stream, "model", text);
    fs_spec_sizes(spec, sizes);
    print_line(stream, "sizes", sizes);
    fs_spec_describe(spec, print_line, stream);
}

static void print_weights(const struct fs_model_page *page, FILE *stream)
{
    char text[512], numbers[64], bytes[32], converted[32], rank[32];
    size_t used = 0;
    for (size_t i = 0; page->listed && i < FS_DTYPES && used < sizeof text; i++) {
        const struct fs_page_type *type = &page->type[i];
        if (type->tensors > 0) {
            numbers_text(type->numbers, numbers);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s: %s numbers in %zu tensor%s",
                                     used > 0 ? "; " : "", fs_dtype_name((enum fs_dtype)i), numbers, type->tensors,
                                     type->tensors == 1 ? "" : "s");
        }
    }
    if (page->listed) {
        bytes_text(page->disk, bytes);
        used = used < sizeof text ? used : sizeof text - 1;
        snprintf(text + used, sizeof text - used, "; %s in %zu file%s", bytes, page->files,
                 page->files == 1 ? "" : "s");
        print_line(stream, "weights", text);
    }
    if (page->weights.code != 0) {
        print_failure(stream, page->listed ? "" : "weights", &page->weights);
    } else if (page->config.code == 0) {
        bytes_text(page->memory.weights, bytes);
        bytes_text(page->converted, converted);
        bytes_text(page->memory.program + page->memory.thread + page->memory.evaluate, rank);
        snprintf(text, sizeof text,
                 "weights %s a node, %s of it converted to float32; evaluating %s a rank of one thread", bytes,
                 page->converted > 0 ? converted : "none", rank);
        print_line(stream, "memory", text);
    }
}

static void print_tokenizer(const struct fs_model_page *page, FILE *stream)
{
    char text[1024];
    struct fs_page_special special[FS_PAGE_SPECIAL];
    size_t used = 0;
    if (page->opened == NULL) {
        print_failure(stream, "tokenizer", &page->tokenizer);
        return;
    }
    snprintf(text, sizeof text, "%s, %zu tokens", fs_tokenizer_kind(page->opened), fs_tokenizer_size(page->opened));
    print_line(stream, "tokenizer", text);
    fs_model_page_special(page, special);
    text[0] = '\0';
    for (size_t i = 0; i < FS_PAGE_SPECIAL && used < sizeof text; i++) {
        if (special[i].id >= 0) {
            char *token = fs_model_page_token(page, special[i].id);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %.60s %d", used > 0 ? ", " : "",
                                     special[i].label, token != NULL ? token : "", (int)special[i].id);
            free(token);
        }
    }
    print_line(stream, "special", used > 0 ? text : "none");
}

static void print_notes(const struct fs_model_page *page, FILE *stream)
{
    for (size_t i = 0; i < page->notes.count; i++) {
        char text[sizeof page->notes.note[i].text + 16];
        snprintf(text, sizeof text, "%s%s", page->notes.note[i].warning ? "warning: " : "", page->notes.note[i].text);
        print_line(stream, i == 0 ? "notes" : "", text);
    }
}

/* Of the tokens that have one. */
static double sum_of(const struct fs_page_text *line, size_t *tokens)
{
    double sum = 0;
    *tokens = 0;
    for (size_t i = 0; i < line->encoding.count; i++) {
        if (!isnan(line->logprob[i])) {
            sum += line->logprob[i];
            ++*tokens;
        }
    }
    return sum;
}

static int print_tokens(const struct fs_model_page *page, FILE *stream, struct fs_error *err)
{
    static const char *const names[] = {"<         ", "<token", ">id", ">log p"};
    const struct fs_page_text *line = &page->line;
    struct fs_table *table;
    if (fs_table_create(4, names, &table, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < line->encoding.count && i < SHOWN_TOKENS; i++) {
        char *token = fs_model_page_token(page, line->encoding.id[i]);
        struct fs_error printable = FS_ERROR_INIT;
        fs_error_set(&printable, FS_EXIT_DATA, "\"%.60s\"", token != NULL ? token : "");
        fs_table_cell(table, "%s", "");
        fs_table_cell(table, "%s", printable.text);
        fs_table_cell(table, "%d", (int)line->encoding.id[i]);
        fs_table_number(table, line->logprob[i], 4);
        free(token);
    }
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

static int print_text(const struct fs_model_page *page, FILE *stream, struct fs_error *err)
{
    const struct fs_page_text *line = &page->line;
    char text[512];
    if (page->text.code != 0) {
        print_failure(stream, "text", &page->text);
        return 0;
    }
    if (line->text == NULL || (line->logprob == NULL && line->skipped[0] == '\0')) {
        return 0;
    }
    print_line(stream, "text", line->text);
    if (line->skipped[0] != '\0') {
        print_line(stream, "", line->skipped);
        return 0;
    }
    size_t tokens;
    double sum = sum_of(line, &tokens);
    int used =
        snprintf(text, sizeof text, "log p of each token given %s; sum %.4f over %zu token%s%s",
                 page->spec.kind == FS_MASKED ? "all others" : "those before it", sum, tokens, tokens == 1 ? "" : "s",
                 tokens < line->encoding.count ? "; no begin-of-text stands before the first" : "");
    if (line->encoding.count > SHOWN_TOKENS) {
        snprintf(text + used, sizeof text - (size_t)used, "; the first %d:", SHOWN_TOKENS);
    }
    print_line(stream, "", text);
    return print_tokens(page, stream, err);
}

int fs_model_page_print(const struct fs_model_page *page, FILE *stream, struct fs_error *err)
{
    fprintf(stream, "%s\n\n", page->folder);
    print_spec(page, stream);
    print_weights(page, stream);
    print_tokenizer(page, stream);
    print_notes(page, stream);
    return print_text(page, stream, err);
}
