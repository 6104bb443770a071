#include "stages/plan/statement.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum fs_model_kind kind;
    bool probability;   /* the score is a probability, otherwise its logarithm or a sum of such */
    bool one_sentence;  /* defined for a statement by itself */
    bool two_sentences; /* defined for a pair of sentences without a marked completion */
} scorings[FS_SCORING_COUNT] = {
    [FS_TARGET_PROB] = {"target.prob", FS_MASKED, true, true, false},
    [FS_TARGET_LOGPROB] = {"target.logprob", FS_MASKED, false, true, false},
    [FS_SENTENCE_MEAN] = {"sentence.mean", FS_CAUSAL, true, true, true},
    [FS_SENTENCE_SUM] = {"sentence.sum", FS_CAUSAL, false, true, true},
    [FS_OBJECT_MEAN] = {"object.mean", FS_CAUSAL, true, true, false},
    [FS_OBJECT_MEAN_STOP] = {"object.mean.stop", FS_CAUSAL, true, true, false},
    [FS_CONTINUATION_SUM] = {"continuation.sum", FS_CAUSAL, false, true, false},
    [FS_PLL_GIVEN] = {"pll.given", FS_MASKED, false, true, false},
    [FS_PLL_SUM] = {"pll.sum", FS_MASKED, false, true, false},
    [FS_PLL_UNMODIFIED] = {"pll.unmodified", FS_MASKED, false, false, true},
    [FS_PLL_MODIFIED] = {"pll.modified", FS_MASKED, false, false, true},
};

const char *fs_scoring_name(enum fs_scoring scoring)
{
    return scorings[scoring].name;
}

bool fs_scoring_is_probability(enum fs_scoring scoring)
{
    return scorings[scoring].probability;
}

int fs_scoring_parse(const char *name, enum fs_model_kind kind, enum fs_scoring *scoring, struct fs_error *err)
{
    char fitting[160] = "";
    size_t used = 0;
    for (int i = 0; i < FS_SCORING_COUNT; i++) {
        if (scorings[i].kind != kind) {
            continue;
        }
        if (strcmp(scorings[i].name, name) == 0) {
            *scoring = (enum fs_scoring)i;
            return 0;
        }
        used += (size_t)snprintf(fitting + used, sizeof fitting - used, "%s%s", used > 0 ? ", " : "", scorings[i].name);
    }
    return fs_error_set(err, FS_EXIT_CONFIG, "scoring: found \"%s\"; a %s model takes one of %s", name,
                        kind == FS_MASKED ? "masked" : "causal", fitting);
}

size_t fs_prompt_tokens_run(const struct fs_prompt_style *style, size_t count)
{
    return count > style->usual_positions ? count : count - 1;
}

int fs_prompt_style_of(const struct fs_spec *spec, const struct fs_tokenizer *tokenizer, struct fs_prompt_style *style,
                       struct fs_error *err)
{
    *style = (struct fs_prompt_style){spec->kind, spec->max_positions, *fs_tokenizer_special(tokenizer),
                                      fs_spec_usual_positions(spec)};
    struct fs_special_tokens *special = &style->special;
    if (special->begin_of_text < 0) {
        special->begin_of_text = spec->begin_of_text;
    }
    const struct {
        const char *name;
        int32_t id;
        bool needed;
    } token[] = {
        {"[CLS]", special->cls, spec->kind == FS_MASKED},
        {"[SEP]", special->sep, spec->kind == FS_MASKED},
        {"[MASK]", special->mask, spec->kind == FS_MASKED},
        {"begin-of-text", special->begin_of_text, spec->kind == FS_CAUSAL && special->begin_of_text >= 0},
    };
    for (size_t i = 0; i < sizeof token / sizeof *token; i++) {
        if (!token[i].needed) {
            continue;
        }
        if (token[i].id < 0) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "a %s model needs a %s token, and neither the tokenizer's files nor config.json name "
                                "one; add it to tokenizer_config.json",
                                spec->kind == FS_MASKED ? "masked" : "causal", token[i].name);
        }
        if ((size_t)token[i].id >= spec->vocabulary) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s is token %d, but config.json has a vocabulary of %zu; the tokenizer belongs to "
                                "another model",
                                token[i].name, token[i].id, spec->vocabulary);
        }
    }
    return 0;
}

/* A growing list of ids. */
struct ids {
    int32_t *id;
    size_t count;
};

/* `leading` (-1: none), the ids of `text`, `trailing` (-1: none). The caller frees ids->id. */
static int encode_between(const struct fs_tokenizer *tokenizer, int32_t leading, const char *text, size_t length,
                          int32_t trailing, struct ids *ids, struct fs_error *err)
{
    struct fs_encoding encoding = {0};
    if (fs_tokenizer_encode(tokenizer, text, length, &encoding, err) != 0) {
        return -1;
    }
    *ids = (struct ids){fs_allocate(encoding.count + 2, sizeof *ids->id, "token ids", err), 0};
    if (ids->id != NULL) {
        if (leading >= 0) {
            ids->id[ids->count++] = leading;
        }
        if (encoding.count > 0) {
            memcpy(ids->id + ids->count, encoding.id, encoding.count * sizeof *ids->id);
        }
        ids->count += encoding.count;
        if (trailing >= 0) {
            ids->id[ids->count++] = trailing;
        }
    }
    fs_encoding_release(&encoding);
    return ids->id != NULL ? 0 : -1;
}

static int begin_reads(struct fs_statement *statement, size_t count, struct fs_error *err)
{
    statement->read = fs_allocate(count, sizeof *statement->read, "reads of a statement", err);
    return statement->read != NULL ? 0 : -1;
}

static int add_read(struct fs_plan *plan, struct fs_statement *statement, size_t pass, size_t position, int32_t token,
                    struct fs_error *err)
{
    if (fs_plan_add_read(plan, pass, position, token, &statement->read[statement->count], err) != 0) {
        return -1;
    }
    statement->count++;
    return 0;
}

void fs_statement_skip(struct fs_statement *statement, enum fs_skip reason)
{
    free(statement->read);
    statement->read = NULL;
    statement->count = 0;
    statement->skip = reason;
}

/* A text with one sub-token of the fill masked. */
struct masked_text {
    char *whole;
    size_t mask_at; /* where the mask's text begins */
    int32_t token;  /* what the mask stands for */
};

/*
 * before + decode(the first `known` ids of the completion) + mask + after. Further gaps get the same as the first, and
 * are not read (bias-bench replaces every BLANK and reads the first mask). The caller frees masked->whole.
 */
static int mask_token(const struct fs_tokenizer *tokenizer, const struct fs_statement_text *text,
                      const struct ids *completion, size_t known, const char *mask, struct masked_text *masked,
                      struct fs_error *err)
{
    static const char blank[] = "BLANK";
    char *earlier = NULL, *whole = NULL;
    size_t size = 0;
    *masked = (struct masked_text){NULL, 0, completion->id[known]};
    if (fs_tokenizer_decode(tokenizer, completion->id, known, &earlier, err) != 0) {
        return -1;
    }
    FILE *out = open_memstream(&whole, &size);
    bool written = out != NULL;
    if (out != NULL) {
        (void)fprintf(out, "%s%s%s", text->before, earlier, mask);
        const char *rest = text->gaps != NULL ? text->gaps : text->after;
        const char *gap = text->gaps != NULL ? strstr(rest, blank) : NULL;
        for (; gap != NULL; gap = strstr(rest, blank)) {
            (void)fprintf(out, "%.*s%s%s", (int)(gap - rest), rest, earlier, mask);
            rest = gap + sizeof blank - 1;
        }
        (void)fputs(rest, out);
        written = fclose(out) == 0;
    }
    masked->mask_at = strlen(text->before) + strlen(earlier);
    free(earlier);
    if (!written) {
        free(whole);
        return fs_error_memory(err, strlen(text->before) + strlen(text->after), "a masked text");
    }
    masked->whole = whole;
    return 0;
}

/* Adds the read of the masked sub-token: the text tokenized anew between [CLS] and [SEP]. */
static int add_masked_read(struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                           const struct fs_prompt_style *style, const struct masked_text *masked,
                           struct fs_statement *statement, struct fs_error *err)
{
    const char *whole = masked->whole;
    struct fs_encoding encoding = {0};
    if (fs_tokenizer_encode(tokenizer, whole, strlen(whole), &encoding, err) != 0) {
        return -1;
    }
    size_t position = 0;
    while (position < encoding.count &&
           !(encoding.id[position] == style->special.mask && encoding.begin[position] <= masked->mask_at &&
             masked->mask_at < encoding.end[position])) {
        position++;
    }
    int status = -1;
    int32_t *id = fs_allocate(encoding.count + 2, sizeof *id, "token ids", err);
    if (id != NULL && position == encoding.count) {
        status = fs_error_set(err, FS_EXIT_DATA,
                              "\"%s\": the tokenizer gives no mask token for the mask; check its added tokens", whole);
    } else if (id != NULL && encoding.count + 2 > style->max_positions) {
        fs_statement_skip(statement, FS_SKIP_TOO_LONG);
        status = 0;
    } else if (id != NULL) {
        size_t pass;
        id[0] = style->special.cls;
        memcpy(id + 1, encoding.id, encoding.count * sizeof *id);
        id[encoding.count + 1] = style->special.sep;
        status = fs_plan_add_pass(plan, id, encoding.count + 2, &pass, err) == 0 &&
                         add_read(plan, statement, pass, position + 1, masked->token, err) == 0
                     ? 0
                     : -1;
    }
    free(id);
    fs_encoding_release(&encoding);
    return status;
}

static int compile_target(struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                          const struct fs_prompt_style *style, const struct fs_statement_text *text,
                          struct fs_statement *statement, struct fs_error *err)
{
    struct ids completion = {0};
    char *mask = NULL;
    int status = -1;
    if (encode_between(tokenizer, -1, text->completion, strlen(text->completion), -1, &completion, err) == 0 &&
        begin_reads(statement, completion.count, err) == 0 &&
        fs_tokenizer_decode(tokenizer, &style->special.mask, 1, &mask, err) == 0) {
        status = 0;
        if (completion.count == 0) {
            fs_statement_skip(statement, FS_SKIP_EMPTY_COMPLETION);
        }
    }
    for (size_t i = 0; status == 0 && statement->skip == FS_KEPT && i < completion.count; i++) {
        struct masked_text masked;
        status = mask_token(tokenizer, text, &completion, i, mask, &masked, err) == 0
                     ? add_masked_read(plan, tokenizer, style, &masked, statement, err)
                     : -1;
        free(masked.whole);
    }
    free(mask);
    free(completion.id);
    return status;
}

/*
 * Adds reads of ids[from..] given all before, in one causal pass; ids[0] is given, not scored.
 */
static int add_causal_reads(struct fs_plan *plan, const struct fs_prompt_style *style, const struct ids *ids,
                            size_t from, struct fs_statement *statement, struct fs_error *err)
{
    size_t pass, run = fs_prompt_tokens_run(style, ids->count);
    if (from >= ids->count) {
        return 0;
    }
    if (run > style->max_positions) {
        fs_statement_skip(statement, FS_SKIP_TOO_LONG);
        return 0;
    }
    if (fs_plan_add_pass(plan, ids->id, run, &pass, err) != 0) {
        return -1;
    }
    for (size_t i = from; i < ids->count; i++) {
        if (add_read(plan, statement, pass, i - 1, ids->id[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Without begin-of-text the first token has nothing before it: it is given, not scored. */
static int compile_sentence(struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                            const struct fs_prompt_style *style, enum fs_scoring scoring, const char *text,
                            struct fs_statement *statement, struct fs_error *err)
{
    struct ids ids = {0};
    int status = -1;
    bool begins = style->special.begin_of_text >= 0;
    if (encode_between(tokenizer, style->special.begin_of_text, text, strlen(text), -1, &ids, err) == 0 &&
        begin_reads(statement, ids.count, err) == 0) {
        struct ids bare = {ids.id + begins, ids.count - begins};
        size_t pass;
        if (ids.count < 2) {
            fs_statement_skip(statement, FS_SKIP_EMPTY_COMPLETION);
            status = 0;
        } else if (!begins || scoring == FS_SENTENCE_SUM) {
            statement->first_unscored = !begins;
            status = add_causal_reads(plan, style, &ids, 1, statement, err);
        } else if (fs_plan_add_pass(plan, ids.id, 1, &pass, err) == 0 &&
                   add_read(plan, statement, pass, 0, bare.id[0], err) == 0) {
            status = add_causal_reads(plan, style, &bare, 1, statement, err);
        }
    }
    free(ids.id);
    return status;
}

/*
 * The completion's tokens are those of before + completion behind its longest common prefix with `before`. Blanks at the end of
 * `before` are left out there: byte-level BPE and SentencePiece join a blank to the word that follows it.
 */
static int compile_object(struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                          const struct fs_prompt_style *style, enum fs_scoring scoring,
                          const struct fs_statement_text *text, struct fs_statement *statement, struct fs_error *err)
{
    struct ids given = {0}, ids = {0};
    char *whole = NULL, *closed = scoring == FS_OBJECT_MEAN_STOP ? fs_close_context(text->before, err) : NULL;
    const char *before = closed != NULL ? closed : text->before;
    bool mean = scoring != FS_CONTINUATION_SUM;
    int status = -1;
    int32_t leading = mean ? style->special.begin_of_text : -1;
    size_t blank_free = strlen(before);
    while (blank_free > 0 && before[blank_free - 1] == ' ') {
        blank_free--;
    }
    if (scoring == FS_OBJECT_MEAN_STOP && closed == NULL) {
        return -1;
    }
    if (asprintf(&whole, "%s%s", before, text->completion) < 0) {
        whole = NULL;
        (void)fs_error_memory(err, strlen(before), "a text");
    } else if (encode_between(tokenizer, leading, before, blank_free, -1, &given, err) == 0 &&
               encode_between(tokenizer, leading, whole, strlen(whole), -1, &ids, err) == 0 &&
               begin_reads(statement, ids.count, err) == 0) {
        size_t common = !mean ? given.count : leading >= 0 ? 1 : 0; /* 1: begin-of-text */
        while (mean && common < given.count && common < ids.count && given.id[common] == ids.id[common]) {
            common++;
        }
        if (mean && common == 0) { /* the completion's first token has nothing before it */
            common = 1;
            statement->first_unscored = ids.count > 1;
        }
        if (text->completion[0] == '\0' || common == 0 || common >= ids.count) {
            fs_statement_skip(statement, FS_SKIP_EMPTY_COMPLETION);
            status = 0;
        } else {
            status = add_causal_reads(plan, style, &ids, common, statement, err);
        }
    }
    free(closed);
    free(whole);
    free(given.id);
    free(ids.id);
    return status;
}

/* Adds one pass and read for each position of `ids` that is listed, that position masked. */
static int add_pll_reads(struct fs_plan *plan, const struct fs_prompt_style *style, const struct ids *ids,
                         const size_t *position, size_t count, struct fs_statement *statement, struct fs_error *err)
{
    if (begin_reads(statement, count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        size_t pass;
        int32_t token = ids->id[position[i]];
        ids->id[position[i]] = style->special.mask;
        int status = fs_plan_add_pass(plan, ids->id, ids->count, &pass, err);
        ids->id[position[i]] = token;
        if (status != 0 || add_read(plan, statement, pass, position[i], token, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* The completion's tokens are those of before + completion behind as many as `before` has: WordPiece splits at blanks. */
static int compile_given(struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                         const struct fs_prompt_style *style, const struct fs_statement_text *text,
                         struct fs_statement *statement, struct fs_error *err)
{
    struct ids before = {0}, upto = {0}, ids = {0};
    size_t head = strlen(text->before), completion = strlen(text->completion);
    size_t *position = NULL;
    int status = -1;
    if (encode_between(tokenizer, style->special.cls, text->text, head, -1, &before, err) == 0 &&
        encode_between(tokenizer, style->special.cls, text->text, head + completion, -1, &upto, err) == 0 &&
        encode_between(tokenizer, style->special.cls, text->text, strlen(text->text), style->special.sep, &ids, err) ==
            0 &&
        (position = fs_allocate(ids.count, sizeof *position, "positions", err)) != NULL) {
        size_t count = 0;
        for (size_t i = before.count; i < upto.count; i++) {
            position[count++] = i;
        }
        status = 0;
        if (count == 0 || ids.count > style->max_positions) {
            fs_statement_skip(statement, count == 0 ? FS_SKIP_EMPTY_COMPLETION : FS_SKIP_TOO_LONG);
        } else {
            status = add_pll_reads(plan, style, &ids, position, count, statement, err);
        }
    }
    free(position);
    free(before.id);
    free(upto.id);
    free(ids.id);
    return status;
}

int fs_statement_compile(struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                         const struct fs_prompt_style *style, enum fs_scoring scoring,
                         const struct fs_statement_text *text, struct fs_statement *statement, struct fs_error *err)
{
    *statement = (struct fs_statement){.scoring = scoring};
    if (scorings[scoring].kind != style->kind || !scorings[scoring].one_sentence) {
        return fs_error_set(err, FS_EXIT_CONFIG, "scoring %s: scores no single statement of a %s model; see --help",
                            scorings[scoring].name, style->kind == FS_MASKED ? "masked" : "causal");
    }
    int status;
    switch (scoring) {
    case FS_TARGET_PROB:
    case FS_TARGET_LOGPROB:
        status = compile_target(plan, tokenizer, style, text, statement, err);
        break;
    case FS_PLL_GIVEN:
    case FS_PLL_SUM:
        status = compile_given(plan, tokenizer, style, text, statement, err);
        break;
    case FS_OBJECT_MEAN:
    case FS_OBJECT_MEAN_STOP:
    case FS_CONTINUATION_SUM:
        status = compile_object(plan, tokenizer, style, scoring, text, statement, err);
        break;
    default:
        status = compile_sentence(plan, tokenizer, style, scoring, text->text, statement, err);
        break;
    }
    if (status != 0) {
        fs_statement_release(statement);
    }
    return status;
}

/* The positions 0 .. n-1 that are not among the ascending `shared`; their number. */
static size_t differing_positions(size_t n, const size_t *shared, size_t count, size_t *position)
{
    size_t found = 0, next = 0;
    for (size_t i = 0; i < n; i++) {
        if (next < count && shared[next] == i) {
            next++;
        } else {
            position[found++] = i;
        }
    }
    return found;
}

/* side[0], side[1]: the two sentences in the order in which the published scorers compare them. */
static int compile_pll(struct fs_plan *plan, const struct fs_prompt_style *style, enum fs_scoring scoring,
                       const struct ids side[2], struct fs_statement *statement[2], struct fs_error *err)
{
    if (side[0].count > style->max_positions || side[1].count > style->max_positions) {
        fs_statement_skip(statement[0], FS_SKIP_TOO_LONG);
        fs_statement_skip(statement[1], FS_SKIP_TOO_LONG);
        return 0;
    }
    const struct fs_token_sequence a = {side[0].id, side[0].count}, b = {side[1].id, side[1].count};
    struct fs_shared_tokens shared = {.a = fs_allocate(a.count, sizeof(size_t), "matching tokens", err),
                                      .b = fs_allocate(b.count, sizeof(size_t), "matching tokens", err)};
    size_t *position = fs_allocate(a.count + b.count, sizeof *position, "matching tokens", err);
    int status = -1;
    if (shared.a != NULL && shared.b != NULL && position != NULL) {
        status = fs_match_tokens(a, b, &shared, err);
    }
    for (size_t k = 0; status == 0 && k < 2; k++) {
        const size_t *in_both = k == 0 ? shared.a : shared.b;
        if (scoring == FS_PLL_UNMODIFIED) { /* without the first and the last shared token, [CLS] and [SEP] */
            status = add_pll_reads(plan, style, &side[k], in_both + 1, shared.count > 2 ? shared.count - 2 : 0,
                                   statement[k], err);
        } else if (shared.count == a.count || shared.count == b.count) {
            fs_statement_skip(statement[k], FS_SKIP_NO_DIFFERENCE);
        } else {
            size_t count = differing_positions(side[k].count, in_both, shared.count, position);
            status = add_pll_reads(plan, style, &side[k], position, count, statement[k], err);
        }
    }
    free(position);
    free(shared.a);
    free(shared.b);
    return status;
}

int fs_statement_compile_crows(struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                               const struct fs_prompt_style *style, enum fs_scoring scoring,
                               const struct fs_crows_pair *pair, struct fs_statement out[2], struct fs_error *err)
{
    const char *const text[2] = {pair->more, pair->less};
    out[0] = out[1] = (struct fs_statement){.scoring = scoring};
    if (scorings[scoring].kind != style->kind || !scorings[scoring].two_sentences) {
        return fs_error_set(err, FS_EXIT_CONFIG, "scoring %s: does not score CrowS-Pairs on a %s model; take %s",
                            scorings[scoring].name, style->kind == FS_MASKED ? "masked" : "causal",
                            style->kind == FS_MASKED ? "pll.unmodified or pll.modified"
                                                     : "sentence.mean or sentence.sum");
    }
    int status = 0;
    if (style->kind == FS_CAUSAL) {
        for (size_t k = 0; status == 0 && k < 2; k++) {
            status = compile_sentence(plan, tokenizer, style, scoring, text[k], &out[k], err);
        }
    } else {
        size_t first = pair->antistereo ? 1 : 0;
        struct ids side[2] = {{0}, {0}};
        struct fs_statement *statement[2] = {&out[first], &out[1 - first]};
        for (size_t k = 0; status == 0 && k < 2; k++) {
            const char *sentence = text[k == 0 ? first : 1 - first];
            status = encode_between(tokenizer, style->special.cls, sentence, strlen(sentence), style->special.sep,
                                    &side[k], err);
        }
        status = status == 0 ? compile_pll(plan, style, scoring, side, statement, err) : -1;
        free(side[0].id);
        free(side[1].id);
    }
    if (status != 0) {
        fs_statement_release(&out[0]);
        fs_statement_release(&out[1]);
    }
    return status;
}

void fs_statement_release(struct fs_statement *statement)
{
    free(statement->read);
    statement->read = NULL;
    statement->count = 0;
}
