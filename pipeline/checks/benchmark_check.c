#include "pipeline/checks/benchmark_check.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/tokenizer/tokenizer.h"

struct check {
    const struct fs_pair_list *pairs;
    const struct fs_fact_list *facts;
    struct fs_benchmark_report *report;
    FILE *findings;
};

/* A text and the item it belongs to. */
struct place {
    char *text; /* what is compared */
    const char *id;
};

static void find(struct check *check, const char *id, const char *what, const char *text)
{
    fprintf(check->findings, "%s: %s: \"%.200s\"\n", id, what, text);
    check->report->errors++;
}

/* ASCII letters and digits in lower case, one space between words: what makes two sentences the same one. */
static char *plain_text(const char *text, struct fs_error *err)
{
    size_t used = 0;
    char *plain = fs_allocate(strlen(text) + 1, 1, "a sentence", err);
    for (; plain != NULL && *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || c >= 0x80) {
            plain[used++] = (char)tolower(c);
        } else if (used > 0 && plain[used - 1] != ' ' && c != '\'') {
            plain[used++] = ' ';
        }
    }
    if (used > 0 && plain[used - 1] == ' ') {
        plain[used - 1] = '\0';
    }
    return plain;
}

static int compare_places(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    int by = strcmp(one->text, other->text);
    return by != 0 ? by : strcmp(one->id, other->id);
}

static int add_place(struct place *place, size_t *count, const char *id, const char *text, struct fs_error *err)
{
    place[*count] = (struct place){plain_text(text, err), id};
    return place[(*count)++].text != NULL ? 0 : -1;
}

/* Sentences that occur twice, over all pairs, paraphrases and facts, true and false. */
static int find_repeated(struct check *check, struct fs_error *err)
{
    size_t most = 2 * check->facts->count, count = 0;
    for (size_t i = 0; i < check->pairs->count; i++) {
        most += 2 + 2 * check->pairs->item[i].paraphrases;
    }
    struct place *place = fs_allocate(most, sizeof *place, "sentences", err);
    int status = place != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < check->pairs->count; i++) {
        const struct fs_pair *pair = &check->pairs->item[i];
        for (size_t k = 0; status == 0 && k < 2; k++) {
            status = add_place(place, &count, pair->id, pair->statement[k].text, err);
        }
        for (size_t k = 0; status == 0 && k < 2 * pair->paraphrases; k++) {
            status = add_place(place, &count, pair->id, pair->paraphrase[k / 2][k % 2].text, err);
        }
    }
    for (size_t i = 0; status == 0 && i < check->facts->count; i++) {
        const struct fs_fact *fact = &check->facts->item[i];
        status = add_place(place, &count, fact->id, fact->statement.text, err) == 0
                     ? add_place(place, &count, fact->id, fact->counterpart.text, err)
                     : -1;
    }
    if (status == 0) {
        qsort(place, count, sizeof *place, compare_places);
        for (size_t i = 1; i < count; i++) {
            if (strcmp(place[i - 1].text, place[i].text) == 0) {
                char what[160];
                snprintf(what, sizeof what, "the sentence is also in %.100s", place[i - 1].id);
                find(check, place[i].id, what, place[i].text);
            }
        }
    }
    for (size_t i = 0; place != NULL && i < count; i++) {
        free(place[i].text);
    }
    free(place);
    return status;
}

/* "a"/"an" before the completion, by its first letter; words that sound otherwise than they are spelt are let be. */
static void find_article(struct check *check, const char *id, const struct fs_statement_text *statement)
{
    static const char *const either[] = {"uni", "use", "uti", "euro", "one", "hour", "honest", "heir", "honor", "x"};
    size_t length = strlen(statement->before);
    const char *completion = statement->completion;
    bool a = length >= 2 && strcasecmp(statement->before + length - 2, "a ") == 0 &&
             (length == 2 || statement->before[length - 3] == ' ');
    bool an = length >= 3 && strcasecmp(statement->before + length - 3, "an ") == 0 &&
              (length == 3 || statement->before[length - 4] == ' ');
    for (size_t i = 0; i < sizeof either / sizeof either[0]; i++) {
        if (strncasecmp(completion, either[i], strlen(either[i])) == 0) {
            return;
        }
    }
    bool vowel = completion[0] != '\0' && strchr("aeiouAEIOU", completion[0]) != NULL;
    if ((a && vowel) || (an && !vowel)) {
        find(check, id, "the article does not go with the object", statement->text);
    }
}

/* Whether `text` holds `word` as a whole word, without regard to ASCII case. */
static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = text; (at = strcasestr(at, word)) != NULL; at++) {
        bool begins = at == text || !isalnum((unsigned char)at[-1]);
        if (begins && !isalnum((unsigned char)at[length])) {
            return true;
        }
    }
    return false;
}

/* A word twice in a row, as where both the prompt and its subject bring an article; "had had" and "that that" are
 * English. */
static void find_doubled_word(struct check *check, const char *id, const struct fs_statement_text *statement)
{
    const char *word = statement->text;
    while (*word != '\0') {
        size_t length = strcspn(word, " ");
        const char *next = word + length + (word[length] == ' ');
        bool english = length >= 3 && (strncasecmp(word, "had", length) == 0 || strncasecmp(word, "that", length) == 0);
        if (length > 0 && !english && strcspn(next, " ") == length && strncasecmp(word, next, length) == 0) {
            find(check, id, "a word occurs twice in a row", statement->text);
            return;
        }
        word = next;
    }
}

/* What can be said of the two statements of a pair, a paraphrase or a fact. */
static void find_in_statements(struct check *check, const char *id, const struct fs_statement_text *first,
                               const struct fs_statement_text *second)
{
    if (strcmp(first->completion, second->completion) == 0 && strcmp(first->before, second->before) == 0) {
        find(check, id, "{subject} comes after {object}: a left-to-right model reads the same before both",
             first->text);
    }
    if (has_word(first->before, first->completion) || has_word(first->after, first->completion)) {
        find(check, id, "the object occurs once more in the text", first->text);
    }
    find_article(check, id, first);
    find_article(check, id, second);
    find_doubled_word(check, id, first);
    find_doubled_word(check, id, second);
}

static void find_in_items(struct check *check)
{
    for (size_t i = 0; i < check->pairs->count; i++) {
        const struct fs_pair *pair = &check->pairs->item[i];
        find_in_statements(check, pair->id, &pair->statement[FS_STEREOTYPE], &pair->statement[FS_ANTI_STEREOTYPE]);
        find_article(check, pair->id, &pair->statement[FS_UNRELATED]);
        for (size_t k = 0; k < pair->paraphrases; k++) {
            find_in_statements(check, pair->id, &pair->paraphrase[k][0], &pair->paraphrase[k][1]);
        }
    }
    for (size_t i = 0; i < check->facts->count; i++) {
        const struct fs_fact *fact = &check->facts->item[i];
        find_in_statements(check, fact->id, &fact->statement, &fact->counterpart);
    }
}

static struct fs_benchmark_count *count_of(struct fs_benchmark_report *report, const char *category)
{
    size_t i = 0;
    while (i < report->categories && strcmp(report->count[i].category, category) != 0) {
        i++;
    }
    if (i == report->categories) {
        report->categories++;
        report->count[i] = (struct fs_benchmark_count){.category = category, .fewest_paraphrases = SIZE_MAX};
    }
    return &report->count[i];
}

static bool is_first_of_target(const struct fs_pair_list *pairs, size_t item)
{
    for (size_t i = 0; i < item; i++) {
        if (strcmp(pairs->item[i].category, pairs->item[item].category) == 0 &&
            strcmp(pairs->item[i].target, pairs->item[item].target) == 0) {
            return false;
        }
    }
    return true;
}

static void add_count(struct fs_benchmark_count *sum, const struct fs_benchmark_count *count)
{
    sum->pairs += count->pairs;
    sum->targets += count->targets;
    sum->paraphrases += count->paraphrases;
    sum->facts += count->facts;
    if (count->pairs > 0) {
        sum->fewest_paraphrases =
            count->fewest_paraphrases < sum->fewest_paraphrases ? count->fewest_paraphrases : sum->fewest_paraphrases;
        sum->most_paraphrases =
            count->most_paraphrases > sum->most_paraphrases ? count->most_paraphrases : sum->most_paraphrases;
    }
}

static int count_items(struct check *check, struct fs_error *err)
{
    struct fs_benchmark_report *report = check->report;
    size_t items = check->pairs->count + check->facts->count;
    report->count = fs_allocate(items + 1, sizeof *report->count, "counts", err);
    if (report->count == NULL) {
        return -1;
    }
    for (size_t i = 0; i < check->pairs->count; i++) {
        const struct fs_pair *pair = &check->pairs->item[i];
        add_count(count_of(report, pair->category),
                  &(struct fs_benchmark_count){NULL, 1, is_first_of_target(check->pairs, i), pair->paraphrases, 0,
                                               pair->paraphrases, pair->paraphrases});
    }
    for (size_t i = 0; i < check->facts->count; i++) {
        count_of(report, check->facts->item[i].category)->facts++;
    }
    struct fs_benchmark_count all = {.category = "all", .fewest_paraphrases = SIZE_MAX};
    for (size_t i = 0; i < report->categories; i++) {
        add_count(&all, &report->count[i]);
    }
    report->count[report->categories++] = all;
    for (size_t i = 0; i < report->categories; i++) {
        report->count[i].fewest_paraphrases = report->count[i].pairs > 0 ? report->count[i].fewest_paraphrases : 0;
    }
    return 0;
}

/* Share of the distinct words of two plain texts that both have; their order in the texts does not matter. */
static double overlap_of(const char *a, const char *b)
{
    size_t common = 0, words[2] = {0, 0};
    const char *const text[2] = {a, b};
    for (size_t side = 0; side < 2; side++) {
        for (const char *word = text[side]; *word != '\0';) {
            char copy[128];
            size_t length = strcspn(word, " ");
            snprintf(copy, sizeof copy, "%.*s", (int)(length < 127 ? length : 127), word);
            words[side]++;
            common += side == 0 && has_word(b, copy);
            word += length + (word[length] == ' ');
        }
    }
    size_t all = words[0] + words[1] - common;
    return all > 0 ? (double)common / (double)all : 0.0;
}

static int measure_overlap(struct check *check, struct fs_error *err)
{
    double sum = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < check->pairs->count; i++) {
        const struct fs_pair *pair = &check->pairs->item[i];
        char *prompt = plain_text(pair->statement[FS_STEREOTYPE].text, err);
        for (size_t k = 0; prompt != NULL && k < pair->paraphrases; k++, count++) {
            char *other = plain_text(pair->paraphrase[k][FS_STEREOTYPE].text, err);
            if (other == NULL) {
                free(prompt);
                return -1;
            }
            sum += overlap_of(prompt, other);
            free(other);
        }
        if (prompt == NULL) {
            return -1;
        }
        free(prompt);
    }
    check->report->overlap = count > 0 ? sum / (double)count : 0.0;
    return 0;
}

static int token_count(const struct fs_tokenizer *tokenizer, const char *before, const char *word, size_t *tokens,
                       bool *unknown, struct fs_error *err)
{
    /* as it is after a blank: byte-level vocabularies hold words with it */
    struct fs_encoding alone = {0}, joined = {0};
    char *text = NULL;
    if (asprintf(&text, "%s %s", before, word) < 0) {
        return fs_error_memory(err, strlen(word), "a text");
    }
    int status = fs_tokenizer_encode(tokenizer, before, strlen(before), &alone, err) == 0
                     ? fs_tokenizer_encode(tokenizer, text, strlen(text), &joined, err)
                     : -1;
    if (status == 0) {
        *tokens = joined.count - alone.count;
        int32_t unk = fs_tokenizer_special(tokenizer)->unknown;
        for (size_t i = 0; i < joined.count; i++) {
            *unknown = *unknown || (unk >= 0 && joined.id[i] == unk);
        }
    }
    fs_encoding_release(&alone);
    fs_encoding_release(&joined);
    free(text);
    return status;
}

static int measure_text(struct check *check, const struct fs_tokenizer *tokenizer, struct fs_benchmark_tokens *tokens,
                        const char *id, const char *text, struct fs_error *err)
{
    size_t count = 0;
    bool unknown = false;
    if (token_count(tokenizer, "the", text, &count, &unknown, err) != 0) {
        return -1;
    }
    tokens->texts++;
    tokens->single += count == 1;
    tokens->most = count > tokens->most ? count : tokens->most;
    if (unknown || count == 0) {
        char what[256];
        snprintf(what, sizeof what, "%.200s has no token for a part of it", tokens->tokenizer);
        find(check, id, what, text);
        tokens->unknown++;
    }
    return 0;
}

static int measure_alignment(const struct fs_tokenizer *tokenizer, const struct fs_pair *pair,
                             struct fs_benchmark_tokens *tokens, struct fs_error *err)
{
    size_t length[2];
    for (size_t k = 0; k < 2; k++) {
        struct fs_encoding encoding = {0};
        const char *before = pair->statement[k].before;
        if (fs_tokenizer_encode(tokenizer, before, strlen(before), &encoding, err) != 0) {
            return -1;
        }
        length[k] = encoding.count;
        fs_encoding_release(&encoding);
    }
    tokens->pairs++;
    tokens->aligned += length[0] == length[1];
    return 0;
}

/* Each word once: `place` is sorted. */
static int measure_places(struct check *check, const struct fs_tokenizer *tokenizer, struct place *place, size_t count,
                          struct fs_benchmark_tokens *tokens, struct fs_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if ((i == 0 || strcmp(place[i - 1].text, place[i].text) != 0) &&
            measure_text(check, tokenizer, tokens, place[i].id, place[i].text, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < check->pairs->count; i++) {
        if (measure_alignment(tokenizer, &check->pairs->item[i], tokens, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int measure_tokens(struct check *check, const char *const *folder, size_t folders, struct fs_error *err)
{
    struct fs_benchmark_report *report = check->report;
    size_t count = 0;
    report->tokens = fs_allocate(folders, sizeof *report->tokens, "token counts", err);
    struct place *place =
        fs_allocate(3 * check->pairs->count + 3 * check->facts->count, sizeof *place, "subjects and objects", err);
    int status = report->tokens != NULL && place != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < check->pairs->count; i++) {
        const struct fs_pair *pair = &check->pairs->item[i];
        place[count++] = (struct place){pair->subject, pair->id};
        place[count++] = (struct place){pair->counterpart, pair->id};
        place[count++] = (struct place){pair->statement[FS_STEREOTYPE].completion, pair->id};
    }
    for (size_t i = 0; status == 0 && i < check->facts->count; i++) {
        const struct fs_fact *fact = &check->facts->item[i];
        place[count++] = (struct place){fact->subject, fact->id};
        place[count++] = (struct place){fact->statement.completion, fact->id};
        place[count++] = (struct place){fact->counterpart.completion, fact->id};
    }
    if (status == 0) {
        qsort(place, count, sizeof *place, compare_places);
    }
    for (size_t t = 0; status == 0 && t < folders; t++) {
        struct fs_tokenizer *tokenizer;
        report->tokens[t].tokenizer = folder[t];
        report->tokenizers++;
        status = fs_tokenizer_open(folder[t], &tokenizer, err);
        if (status == 0) {
            status = measure_places(check, tokenizer, place, count, &report->tokens[t], err);
            fs_tokenizer_destroy(tokenizer);
        }
    }
    free(place);
    return status;
}

int fs_benchmark_check(const struct fs_pair_list *pairs, const struct fs_fact_list *facts, const char *const *folder,
                       size_t folders, struct fs_benchmark_report *report, struct fs_error *err)
{
    struct check check = {.pairs = pairs, .facts = facts, .report = report};
    size_t size = 0;
    *report = (struct fs_benchmark_report){0};
    check.findings = open_memstream(&report->findings, &size);
    if (check.findings == NULL) {
        return fs_error_memory(err, 4096, "the findings");
    }
    find_in_items(&check);
    int status = count_items(&check, err) == 0 && find_repeated(&check, err) == 0 &&
                         measure_overlap(&check, err) == 0 && measure_tokens(&check, folder, folders, err) == 0
                     ? 0
                     : -1;
    if (fclose(check.findings) != 0 && status == 0) {
        status = fs_error_memory(err, size, "the findings");
    }
    if (status != 0) {
        fs_benchmark_report_release(report);
    }
    return status;
}

void fs_benchmark_report_release(struct fs_benchmark_report *report)
{
    free(report->count);
    free(report->tokens);
    free(report->findings);
    *report = (struct fs_benchmark_report){0};
}
