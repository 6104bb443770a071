#include "model/tokenizer/piece_classes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FIRST = 5, MOST_EXTRA = 4096 };

/* Where a class has the id of its unknown token from. */
enum unknown { UNKNOWN_OF_MODEL, UNKNOWN_BY_NAME, UNKNOWN_GIVEN };

struct fs_piece_class {
    const char *name;
    size_t skipped; /* pieces of the model that have no id */
    /* Tokens before the pieces: a role's name, or else a text; NULL at the end. */
    struct first {
        enum fs_role role;
        const char *text;
        double score;
    } first[MOST_FIRST + 1];
    bool mask_last; /* the mask's name behind the pieces */
    bool extra_ids; /* <extra_id_N> behind the pieces, the last first */
    enum unknown unknown;
    int32_t unknown_id; /* UNKNOWN_GIVEN */

    bool quotes;                          /* `` and '' become " */
    bool folds, keeps_accents;            /* NFKD and no marks; keep_accents of tokenizer_config.json can forbid it */
    bool lowers;                          /* do_lower_case where that file says nothing */
    bool charsmap;                        /* the model's character map */
    bool spaces;                          /* DeBERTa-v2's own rules of white space in its place */
    bool whitespace_split;                /* before Metaspace */
    bool punctuation;                     /* split_by_punct may ask for it */
    enum fs_prepend prepend, prepend_not; /* Metaspace; where add_prefix_space is false */
};

#define ROLE(role)                                                                                                     \
    {                                                                                                                  \
        FS_ROLE_##role, "", 0                                                                                          \
    }
#define TEXT(text, score)                                                                                              \
    {                                                                                                                  \
        FS_ROLES, text, score                                                                                          \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        FS_ROLES, NULL, 0                                                                                              \
    }
#define WORDS .whitespace_split = true, .prepend = FS_PREPEND_ALWAYS, .prepend_not = FS_PREPEND_NEVER

static const struct fs_piece_class classes[] = {
    {.name = "XLMRobertaTokenizer",
     .skipped = 3,
     .first = {ROLE(BEGIN), ROLE(PAD), ROLE(END), ROLE(UNKNOWN), END},
     .mask_last = true,
     .unknown = UNKNOWN_GIVEN,
     .unknown_id = 3,
     .charsmap = true,
     WORDS},
    {.name = "CamembertTokenizer",
     .skipped = 1,
     .first = {TEXT("<s>NOTUSED", 0), ROLE(PAD), TEXT("</s>NOTUSED", 0), ROLE(UNKNOWN), TEXT("<unk>NOTUSED", -100),
               END},
     .mask_last = true,
     .unknown = UNKNOWN_GIVEN,
     .unknown_id = 3,
     .charsmap = true,
     WORDS},
    {.name = "T5Tokenizer",
     .first = {END},
     .extra_ids = true,
     .unknown = UNKNOWN_GIVEN,
     .unknown_id = 2,
     .charsmap = true,
     .whitespace_split = true,
     .prepend = FS_PREPEND_ALWAYS,
     .prepend_not = FS_PREPEND_ALWAYS},
    {.name = "AlbertTokenizer",
     .first = {END},
     .unknown = UNKNOWN_GIVEN,
     .unknown_id = 1,
     .quotes = true,
     .folds = true,
     .keeps_accents = true,
     .lowers = true,
     .charsmap = true,
     WORDS},
    {.name = "XLNetTokenizer",
     .first = {END},
     .unknown = UNKNOWN_OF_MODEL,
     .quotes = true,
     .folds = true,
     .charsmap = true,
     .whitespace_split = true,
     .prepend = FS_PREPEND_ALWAYS,
     .prepend_not = FS_PREPEND_ALWAYS},
    {.name = "DebertaV2Tokenizer",
     .first = {END},
     .unknown = UNKNOWN_BY_NAME,
     .spaces = true,
     .punctuation = true,
     .prepend = FS_PREPEND_ALWAYS,
     .prepend_not = FS_PREPEND_FIRST},
};
#undef END

const struct fs_piece_class *fs_piece_class_find(const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strcmp(classes[i].name, name) == 0) {
            return &classes[i];
        }
    }
    return NULL;
}

/* The name of a special token; NULL: none. */
static const char *role_name(const struct fs_settings *settings, enum fs_role role)
{
    if (settings->given[role] != NULL) {
        return settings->role[role].content;
    }
    return settings->class->roles != NULL ? settings->class->roles[role] : NULL;
}

/* The vocabulary while it grows, each id with its score. */
struct pieces {
    struct fs_vocabulary *vocabulary;
    const char *path;
    double *score;
    size_t count, capacity;
};

static int add_piece(struct pieces *pieces, const void *text, size_t length, double score, struct fs_error *err)
{
    if (fs_grow(&pieces->score, &pieces->capacity, pieces->count + 1, sizeof *pieces->score, "the pieces' scores",
                err) != 0 ||
        fs_vocabulary_put(pieces->vocabulary, pieces->path, text, length, (int64_t)pieces->count, err)) {
        return -1;
    }
    pieces->score[pieces->count++] = score;
    return 0;
}

/* A setting of tokenizer_config.json. */
static int read_flag(const struct fs_settings *settings, const char *key, bool *flag, struct fs_error *err)
{
    return settings->config == NULL
               ? 0
               : fs_json_bool_optional(settings->config, fs_json_root(settings->config), "", key, flag, err);
}

static int add_extra_ids(struct pieces *pieces, const struct fs_settings *settings, struct fs_added *added,
                         struct fs_error *err)
{
    size_t count = 100;
    if (settings->config != NULL &&
        fs_json_size_optional(settings->config, fs_json_root(settings->config), "", "extra_ids",
                              (struct fs_size_range){0, MOST_EXTRA}, &count, err)) {
        return -1;
    }
    for (size_t number = count; number-- > 0;) {
        char text[40];
        struct fs_added_token token = {.content = text, .id = (int32_t)pieces->count};
        int length = snprintf(text, sizeof text, "<extra_id_%zu>", number);
        if (add_piece(pieces, text, (size_t)length, 0, err) || fs_added_add(added, &token, err)) {
            return -1;
        }
    }
    return 0;
}

static int add_vocabulary(const struct fs_piece_class *class, struct fs_tokenizer *tokenizer,
                          const struct fs_settings *settings, const struct fs_sentencepiece *model,
                          struct pieces *pieces, struct fs_error *err)
{
    if (model->count <= class->skipped) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %zu pieces, expected more than the %zu that class %s takes off", pieces->path,
                            model->count, class->skipped, class->name);
    }
    for (const struct first *first = class->first; first->text != NULL; first++) {
        const char *text = first->role == FS_ROLES ? first->text : role_name(settings, first->role);
        text = text != NULL ? text : "None"; /* as Python writes it */
        if (add_piece(pieces, text, strlen(text), first->score, err)) {
            return -1;
        }
    }
    for (size_t i = class->skipped; i < model->count; i++) {
        const struct fs_piece *piece = &model->piece[i];
        if (add_piece(pieces, piece->text, piece->length, (double)piece->score, err)) {
            return -1;
        }
    }
    const char *mask = role_name(settings, FS_ROLE_MASK);
    mask = mask != NULL ? mask : "None";
    return (class->mask_last && add_piece(pieces, mask, strlen(mask), 0, err)) ||
                   (class->extra_ids && add_extra_ids(pieces, settings, &tokenizer->added, err))
               ? -1
               : 0;
}

/* Control and user-defined pieces are looked for in the source text. */
static int add_special_pieces(struct fs_tokenizer *tokenizer, const struct fs_sentencepiece *model,
                              struct fs_error *err)
{
    for (size_t i = 0; i < model->count; i++) {
        const struct fs_piece *piece = &model->piece[i];
        if (piece->type != FS_PIECE_CONTROL && piece->type != FS_PIECE_USER_DEFINED) {
            continue;
        }
        struct fs_added_token token = {.id =
                                           fs_vocabulary_find_any(&tokenizer->vocabulary, piece->text, piece->length)};
        if (token.id < 0 || memchr(piece->text, '\0', piece->length) != NULL) {
            continue;
        }
        token.content = strndup((const char *)piece->text, piece->length);
        if (token.content == NULL) {
            return fs_error_memory(err, piece->length, "a control piece");
        }
        int status = fs_added_add(&tokenizer->added, &token, err);
        free(token.content);
        if (status) {
            return -1;
        }
    }
    return 0;
}

/* The largest id that the files of added tokens name, where it is above `largest`; whether they name the token. */
static void find_largest(const struct fs_settings *settings, const char *name, int64_t *largest, bool *found)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, settings->added_tokens_decoder)
    {
        const cJSON *content = cJSON_IsObject(item) ? cJSON_GetObjectItemCaseSensitive(item, "content") : NULL;
        int64_t id = strtoll(item->string, NULL, 10);
        *largest = id > *largest ? id : *largest;
        *found = *found || (cJSON_IsString(content) && strcmp(content->valuestring, name) == 0);
    }
    if (settings->added_tokens_decoder == NULL && settings->added != NULL) {
        cJSON_ArrayForEach(item, fs_json_root(settings->added))
        {
            int64_t id = cJSON_IsNumber(item) && fabs(item->valuedouble) < 1e9 ? (int64_t)item->valuedouble : 0;
            *largest = id > *largest ? id : *largest;
            *found = *found || strcmp(item->string, name) == 0;
        }
    }
}

/* Special tokens that no file has an id for stand behind the last id, in transformers' order: DeBERTa-v2's [MASK]. */
static int add_missing_roles(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                             struct fs_error *err)
{
    static const enum fs_role order[] = {FS_ROLE_BEGIN, FS_ROLE_END, FS_ROLE_UNKNOWN, FS_ROLE_SEP,
                                         FS_ROLE_PAD,   FS_ROLE_CLS, FS_ROLE_MASK};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const char *name = role_name(settings, order[i]);
        int64_t largest = (int64_t)tokenizer->vocabulary.size - 1;
        bool found = false;
        if (name == NULL || name[0] == '\0' ||
            fs_vocabulary_find_any(&tokenizer->vocabulary, name, strlen(name)) >= 0) {
            continue;
        }
        find_largest(settings, name, &largest, &found);
        if (!found && fs_vocabulary_add(&tokenizer->vocabulary, path, name, strlen(name), largest + 1, true, err)) {
            return -1;
        }
    }
    return 0;
}

static struct fs_normalizer_step *add_step(struct fs_tokenizer *tokenizer, enum fs_normalizer_kind kind,
                                           struct fs_error *err)
{
    struct fs_normalizer_step *step = fs_normalizer_add(&tokenizer->normalizer, err);
    if (step != NULL) {
        step->kind = kind;
    }
    return step;
}

/* A Replace of a text, or of what an expression matches. */
static int add_replace(struct fs_tokenizer *tokenizer, const char *text, const char *expression, const char *content,
                       struct fs_error *err)
{
    struct fs_normalizer_step *step = add_step(tokenizer, FS_NORMALIZE_REPLACE, err);
    if (step == NULL || (text != NULL ? fs_pattern_literal(&step->pattern, "a class's text", text, err)
                                      : fs_pattern_regex(&step->pattern, "a class's pattern", expression, err))) {
        return -1;
    }
    step->content = strdup(content);
    return step->content != NULL ? 0 : fs_error_memory(err, strlen(content), "a normalizer");
}

static int add_form(struct fs_tokenizer *tokenizer, enum fs_normalization form, struct fs_error *err)
{
    struct fs_normalizer_step *step = add_step(tokenizer, FS_NORMALIZE_UNICODE, err);
    if (step == NULL) {
        return -1;
    }
    step->form = form;
    return 0;
}

/* DebertaV2Tokenizer: runs and line feeds to one space, NFC, nothing at the end; the model's character map is unread. */
static int add_spaces(struct fs_tokenizer *tokenizer, struct fs_error *err)
{
    if (add_replace(tokenizer, NULL, "\\s{2,}|[\\n\\r\\t]", " ", err) || add_form(tokenizer, FS_NFC, err)) {
        return -1;
    }
    struct fs_normalizer_step *step = add_step(tokenizer, FS_NORMALIZE_STRIP, err);
    if (step == NULL) {
        return -1;
    }
    step->strip_right = true;
    return 0;
}

static int add_normalizer(const struct fs_piece_class *class, struct fs_tokenizer *tokenizer,
                          const struct fs_settings *settings, const struct fs_sentencepiece *model, const char *path,
                          struct fs_error *err)
{
    bool keeps = false, lowers = settings->lower_case < 0 ? class->lowers : settings->lower_case != 0;
    if (class->keeps_accents && read_flag(settings, "keep_accents", &keeps, err)) {
        return -1;
    }
    lowers = lowers && (class->folds || class->spaces);
    if ((class->quotes &&
         (add_replace(tokenizer, "``", NULL, "\"", err) || add_replace(tokenizer, "''", NULL, "\"", err))) ||
        (class->folds && !keeps &&
         (add_form(tokenizer, FS_NFKD, err) || add_step(tokenizer, FS_NORMALIZE_STRIP_ACCENTS, err) == NULL)) ||
        (lowers && add_step(tokenizer, FS_NORMALIZE_LOWERCASE, err) == NULL) ||
        (class->spaces && add_spaces(tokenizer, err))) {
        return -1;
    }
    if (!class->charsmap || model->charsmap_size == 0) {
        return 0;
    }
    struct fs_normalizer_step *step = add_step(tokenizer, FS_NORMALIZE_PRECOMPILED, err);
    return step == NULL ? -1 : fs_charsmap_read(&step->charsmap, path, model->charsmap, model->charsmap_size, err);
}

static int add_pretokenizer(const struct fs_piece_class *class, struct fs_tokenizer *tokenizer,
                            const struct fs_settings *settings, struct fs_error *err)
{
    bool punctuation = false;
    enum fs_prepend prepend = settings->add_prefix_space == 0 ? class->prepend_not : class->prepend;
    if (class->punctuation && read_flag(settings, "split_by_punct", &punctuation, err)) {
        return -1;
    }
    return (class->whitespace_split && fs_pretokenizer_add_white_space_split(&tokenizer->pretokenizer, err)) ||
                   (punctuation && fs_pretokenizer_add_punctuation(&tokenizer->pretokenizer, err)) ||
                   fs_pretokenizer_add_metaspace(&tokenizer->pretokenizer, prepend, err) ||
                   fs_decoder_add_metaspace(&tokenizer->decoder, prepend != FS_PREPEND_NEVER, err)
               ? -1
               : 0;
}

static int add_model(const struct fs_piece_class *class, struct fs_tokenizer *tokenizer,
                     const struct fs_settings *settings, const struct fs_sentencepiece *model, struct pieces *pieces,
                     struct fs_error *err)
{
    struct fs_unigram *unigram = &tokenizer->unigram;
    const char *name = role_name(settings, FS_ROLE_UNKNOWN);
    int64_t unknown = class->unknown == UNKNOWN_GIVEN ? class->unknown_id : (int64_t)model->unk_id;
    double least = HUGE_VAL;
    for (size_t id = 0; id < pieces->count; id++) {
        least = pieces->score[id] < least ? pieces->score[id] : least;
    }
    int32_t named = name == NULL ? -1 : fs_vocabulary_find(&tokenizer->vocabulary, name, strlen(name));
    if (class->unknown == UNKNOWN_BY_NAME && named >= 0 && pieces->score[named] == 0) {
        unknown = named;
    }
    if (unknown < 0 || (size_t)unknown >= pieces->count) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: the unknown token of class %s has id %" PRId64 ", expected an id below %zu",
                            pieces->path, class->name, unknown, pieces->count);
    }
    tokenizer->model = FS_MODEL_UNIGRAM;
    unigram->unknown = (int32_t)unknown;
    unigram->unknown_score = least - 10;
    double *score = pieces->score;
    pieces->score = NULL; /* taken over */
    return fs_unigram_init(unigram, &tokenizer->vocabulary, score, err);
}

/* The names of the steps that were added, with commas between. */
static void name_steps(const struct fs_tokenizer *tokenizer, char *text, size_t size)
{
    static const char *const names[] = {[FS_NORMALIZE_REPLACE] = "Replace",
                                        [FS_NORMALIZE_LOWERCASE] = "Lowercase",
                                        [FS_NORMALIZE_STRIP_ACCENTS] = "StripAccents",
                                        [FS_NORMALIZE_STRIP] = "Strip",
                                        [FS_NORMALIZE_PRECOMPILED] = "Precompiled"};
    static const char *const forms[] = {[FS_NFC] = "NFC", [FS_NFD] = "NFD", [FS_NFKC] = "NFKC", [FS_NFKD] = "NFKD"};
    size_t used = (size_t)snprintf(text, size, "%s", tokenizer->normalizer.count == 0 ? "none" : "");
    for (size_t i = 0; i < tokenizer->normalizer.count && used < size; i++) {
        const struct fs_normalizer_step *step = &tokenizer->normalizer.step[i];
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
                                 step->kind == FS_NORMALIZE_UNICODE ? forms[step->form] : names[step->kind]);
    }
}

static int explain(const struct fs_piece_class *class, struct fs_tokenizer *tokenizer, const char *path,
                   struct fs_error *err)
{
    const char *slash = strrchr(path, '/');
    char steps[256];
    name_steps(tokenizer, steps, sizeof steps);
    return fs_explain(&tokenizer->explanation, FS_EXPLAIN_FILE, "", err, "%s", slash != NULL ? slash + 1 : path) ||
                   fs_explain(&tokenizer->explanation, FS_EXPLAIN_PIPELINE, class->name, err, "normalizer: %s",
                              steps) ||
                   fs_explain(&tokenizer->explanation, FS_EXPLAIN_PIPELINE, class->name, err,
                              "pre-tokenizer: %s%sMetaspace", class->whitespace_split ? "WhitespaceSplit, " : "",
                              tokenizer->pretokenizer.count > 1 && class->punctuation ? "Punctuation, " : "") ||
                   fs_explain(&tokenizer->explanation, FS_EXPLAIN_PIPELINE, class->name, err, "model: Unigram, %zu ids",
                              tokenizer->vocabulary.size) ||
                   fs_explain(
                       &tokenizer->explanation, FS_EXPLAIN_VERSION, "", err,
                       "transformers 4 builds another pipeline of this file (white space but for spaces, the end "
                       "of a text, pieces that end in a digit and a comma); its tokenizer.json is read as written")
               ? -1
               : 0;
}

int fs_piece_class_use(const struct fs_piece_class *class, struct fs_tokenizer *tokenizer,
                       const struct fs_settings *settings, const struct fs_sentencepiece *model, const char *path,
                       struct fs_error *err)
{
    struct pieces pieces = {.vocabulary = &tokenizer->vocabulary, .path = path};
    int status = add_vocabulary(class, tokenizer, settings, model, &pieces, err) ||
                         add_model(class, tokenizer, settings, model, &pieces, err) ||
                         add_special_pieces(tokenizer, model, err) ||
                         add_normalizer(class, tokenizer, settings, model, path, err) ||
                         add_pretokenizer(class, tokenizer, settings, err) ||
                         add_missing_roles(tokenizer, settings, path, err) || explain(class, tokenizer, path, err)
                     ? -1
                     : 0;
    free(pieces.score);
    return status;
}
