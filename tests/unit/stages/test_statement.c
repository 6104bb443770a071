/* What statements ask of a plan, and how they are folded; small random-weight models of the repository. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support.h"

static struct loaded bert, gpt2;

static int setup(void **state)
{
    (void)state;
    bert = load("tests/golden/models/bert-tiny", 1);
    gpt2 = load("tests/golden/models/gpt2-tiny", 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unload(&bert);
    unload(&gpt2);
    return 0;
}

static struct fs_plan *new_plan(void)
{
    struct fs_plan *plan = NULL;
    assert_int_equal(fs_plan_create(&plan, NULL), 0);
    return plan;
}

struct asked {
    const int32_t *id;
    size_t count, position;
    int32_t token;
};

/* What read number `read` of a sealed plan is. */
static struct asked asked_of(const struct fs_plan *plan, size_t read)
{
    for (size_t u = 0; u < fs_plan_units(plan); u++) {
        struct fs_plan_unit unit;
        fs_plan_get_unit(plan, u, &unit);
        for (size_t row = 0; row < unit.reads.rows; row++) {
            for (size_t i = unit.reads.first[row]; i < unit.reads.first[row + 1]; i++) {
                if (unit.read_index[i] == read) {
                    size_t s = 0;
                    while (unit.batch.start[s + 1] <= unit.reads.row[row]) {
                        s++;
                    }
                    return (struct asked){unit.batch.token + unit.batch.start[s],
                                          unit.batch.start[s + 1] - unit.batch.start[s],
                                          unit.reads.row[row] - unit.batch.start[s], unit.reads.token[i]};
                }
            }
        }
    }
    fail_msg("no read %zu", read);
    return (struct asked){0};
}

static int32_t token_of(const struct loaded *loaded, const char *word)
{
    struct fs_encoding encoding = {0};
    assert_int_equal(fs_tokenizer_encode(loaded->tokenizer, word, strlen(word), &encoding, NULL), 0);
    assert_int_equal(encoding.count, 1);
    int32_t id = encoding.id[0];
    fs_encoding_release(&encoding);
    return id;
}

/* The read's input is `leading` text `trailing` (-1: none), read at `position` (the mask's where it has one) for
 * `token`. */
static void check_read(const struct loaded *loaded, const struct fs_plan *plan, size_t read, int32_t leading,
                       const char *text, int32_t trailing, size_t position, int32_t token)
{
    struct asked asked = asked_of(plan, read);
    struct fs_encoding encoding = {0};
    assert_int_equal(fs_tokenizer_encode(loaded->tokenizer, text, strlen(text), &encoding, NULL), 0);
    size_t before = leading >= 0 ? 1 : 0;
    assert_int_equal(asked.count, encoding.count + before + (trailing >= 0 ? 1 : 0));
    if (before > 0) {
        assert_int_equal(asked.id[0], leading);
    }
    assert_memory_equal(asked.id + before, encoding.id, encoding.count * sizeof(int32_t));
    if (trailing >= 0) {
        assert_int_equal(asked.id[asked.count - 1], trailing);
    }
    assert_int_equal(asked.position, position);
    assert_int_equal(asked.token, token);
    fs_encoding_release(&encoding);
}

static void target_masks_one_sub_token_at_a_time(void **state)
{
    (void)state;
    const struct fs_special_tokens *special = &bert.style.special;
    struct fs_plan *plan = new_plan();
    struct fs_statement one, other, same, gaps;
    struct fs_statement_text text = text_of(0, "The nurse said that ", "she", " was tired.");
    struct fs_statement_text pieces = text_of(1, "The old ", "faring", " said.");
    struct fs_statement_text several = text_of(2, "The ", "he", " and he.");
    struct fs_error err = FS_ERROR_INIT;
    several.gaps = (char[]){" and BLANK."};
    assert_int_equal(fs_statement_compile(plan, bert.tokenizer, &bert.style, FS_TARGET_PROB, &text, &one, &err), 0);
    assert_int_equal(fs_statement_compile(plan, bert.tokenizer, &bert.style, FS_TARGET_LOGPROB, &pieces, &other, &err),
                     0);
    size_t passes = fs_plan_passes(plan), reads = fs_plan_reads(plan);
    text.completion[0] = 'S'; /* the same token after lower-casing: nothing new to compute */
    assert_int_equal(fs_statement_compile(plan, bert.tokenizer, &bert.style, FS_TARGET_PROB, &text, &same, &err), 0);
    assert_int_equal(fs_plan_passes(plan), passes);
    assert_int_equal(fs_plan_reads(plan), reads);
    assert_int_equal(fs_statement_compile(plan, bert.tokenizer, &bert.style, FS_TARGET_PROB, &several, &gaps, &err), 0);
    assert_int_equal(one.count, 1);
    assert_int_equal(same.read[0], one.read[0]);
    assert_int_equal(other.count, 4); /* f ##a ##r ##ing */
    assert_int_equal(gaps.count, 1);
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){SIZE_MAX, bert.style.max_positions, 0, 0}, &err), 0);
    check_read(&bert, plan, one.read[0], special->cls, "the nurse said that [MASK] was tired.", special->sep, 5,
               token_of(&bert, "she"));
    static const char *const inputs[] = {"the old [MASK] said.", "the old f[MASK] said.", "the old fa[MASK] said.",
                                         "the old far[MASK] said."};
    struct fs_encoding completion = {0};
    assert_int_equal(fs_tokenizer_encode(bert.tokenizer, "faring", 6, &completion, NULL), 0);
    assert_int_equal(completion.count, 4);
    for (size_t i = 0; i < 4; i++) {
        check_read(&bert, plan, other.read[i], special->cls, inputs[i], special->sep, 3 + i, completion.id[i]);
    }
    check_read(&bert, plan, gaps.read[0], special->cls, "the [MASK] and [MASK].", special->sep, 2,
               token_of(&bert, "he"));
    fs_encoding_release(&completion);
    fs_statement_release(&one);
    fs_statement_release(&other);
    fs_statement_release(&same);
    fs_statement_release(&gaps);
    fs_plan_destroy(plan);
}

static void sentences_and_objects_of_causal_models(void **state)
{
    (void)state;
    struct fs_plan *plan = new_plan();
    struct fs_statement mean, sum, object, first;
    struct fs_statement_text text = text_of(0, "The nurse said that ", "she", " was tired.");
    struct fs_statement_text front = text_of(1, "", "The nurse", " said that.");
    struct fs_encoding ids = {0};
    int32_t begin = gpt2.style.special.begin_of_text;
    assert_int_equal(fs_tokenizer_encode(gpt2.tokenizer, text.text, strlen(text.text), &ids, NULL), 0);
    assert_int_equal(fs_statement_compile(plan, gpt2.tokenizer, &gpt2.style, FS_SENTENCE_MEAN, &text, &mean, NULL), 0);
    assert_int_equal(fs_statement_compile(plan, gpt2.tokenizer, &gpt2.style, FS_SENTENCE_SUM, &text, &sum, NULL), 0);
    assert_int_equal(fs_statement_compile(plan, gpt2.tokenizer, &gpt2.style, FS_OBJECT_MEAN, &text, &object, NULL), 0);
    assert_int_equal(fs_statement_compile(plan, gpt2.tokenizer, &gpt2.style, FS_OBJECT_MEAN, &front, &first, NULL), 0);
    assert_int_equal(mean.count, ids.count);
    assert_int_equal(sum.count, ids.count);
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){SIZE_MAX, gpt2.style.max_positions, 0, 0}, NULL), 0);

    struct asked asked = asked_of(plan, mean.read[0]);
    assert_int_equal(asked.count, 1);
    assert_int_equal(asked.id[0], begin);
    assert_int_equal(asked.token, ids.id[0]);
    for (size_t i = 0; i < ids.count; i++) {
        asked = asked_of(plan, sum.read[i]);
        assert_int_equal(asked.count, ids.count); /* begin-of-text, and all but the last */
        assert_int_equal(asked.id[0], begin);
        assert_memory_equal(asked.id + 1, ids.id, (ids.count - 1) * sizeof(int32_t));
        assert_int_equal(asked.position, i);
        assert_int_equal(asked.token, ids.id[i]);
        if (i > 0) {
            asked = asked_of(plan, mean.read[i]);
            assert_int_equal(asked.count, ids.count - 1);
            assert_int_equal(asked.id[0], ids.id[0]);
            assert_int_equal(asked.position, i - 1);
            assert_int_equal(asked.token, ids.id[i]);
        }
    }
    /* the blank belongs to the object */
    int32_t token[32];
    char *decoded = NULL;
    assert_true(object.count < 32);
    for (size_t i = 0; i < object.count; i++) {
        asked = asked_of(plan, object.read[i]);
        token[i] = asked.token;
        assert_int_equal(asked.id[0], begin);
        assert_int_equal(asked.position, asked.count - object.count + i);
    }
    assert_int_equal(fs_tokenizer_decode(gpt2.tokenizer, token, object.count, &decoded, NULL), 0);
    assert_string_equal(decoded, " she");
    free(decoded);
    for (size_t i = 0; i < first.count; i++) {
        asked = asked_of(plan, first.read[i]);
        assert_int_equal(asked.position, i);
        token[i] = asked.token;
    }
    assert_int_equal(fs_tokenizer_decode(gpt2.tokenizer, token, first.count, &decoded, NULL), 0);
    assert_string_equal(decoded, "The nurse");
    free(decoded);
    fs_encoding_release(&ids);
    fs_statement_release(&mean);
    fs_statement_release(&sum);
    fs_statement_release(&object);
    fs_statement_release(&first);
    fs_plan_destroy(plan);
}

/* Where positions turn by the length of a text, longer texts are run whole: the reads stay, the pass grows by one token. */
static void long_texts_are_run_whole(void **state)
{
    (void)state;
    struct fs_statement_text text = text_of(0, "The nurse said that ", "she", " was tired.");
    struct fs_encoding ids = {0};
    assert_int_equal(fs_tokenizer_encode(gpt2.tokenizer, text.text, strlen(text.text), &ids, NULL), 0);
    assert_true(gpt2.style.usual_positions == SIZE_MAX);
    for (size_t beyond = 0; beyond < 2; beyond++) {
        struct fs_plan *plan = new_plan();
        struct fs_statement sum;
        struct fs_prompt_style style = gpt2.style;
        style.usual_positions = ids.count + 1 - beyond; /* begin-of-text is of the text */
        assert_int_equal(fs_statement_compile(plan, gpt2.tokenizer, &style, FS_SENTENCE_SUM, &text, &sum, NULL), 0);
        assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){SIZE_MAX, style.max_positions, 0, 0}, NULL), 0);
        assert_int_equal(sum.count, ids.count);
        for (size_t i = 0; i < ids.count; i++) {
            struct asked asked = asked_of(plan, sum.read[i]);
            assert_true(asked.count == ids.count + beyond && asked.position == i && asked.token == ids.id[i]);
        }
        if (beyond > 0) {
            assert_int_equal(asked_of(plan, sum.read[0]).id[ids.count], ids.id[ids.count - 1]);
        }
        fs_statement_release(&sum);
        fs_plan_destroy(plan);
    }
    fs_encoding_release(&ids);
}

/* Nothing stands before the first token: it is given and not scored; a text of it alone is skipped. */
static void causal_without_begin_of_text(void **state)
{
    (void)state;
    struct fs_prompt_style style = gpt2.style;
    struct fs_plan *plan = new_plan();
    struct fs_statement whole[2], object, front, alone[3];
    struct fs_statement_text text = text_of(0, "The nurse said that ", "she", " was tired.");
    struct fs_statement_text first = text_of(1, "", "The nurse", " said that."), one = text_of(2, "", "T", "");
    struct fs_encoding ids = {0}, opening = {0};
    style.special.begin_of_text = -1;
    assert_int_equal(fs_tokenizer_encode(gpt2.tokenizer, text.text, strlen(text.text), &ids, NULL), 0);
    assert_int_equal(fs_tokenizer_encode(gpt2.tokenizer, "The nurse", 9, &opening, NULL), 0);
    const enum fs_scoring scoring[] = {FS_SENTENCE_MEAN, FS_SENTENCE_SUM, FS_OBJECT_MEAN};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fs_statement_compile(plan, gpt2.tokenizer, &style, scoring[i], &text, &whole[i], NULL), 0);
        assert_int_equal(whole[i].count, ids.count - 1);
        assert_true(whole[i].first_unscored);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fs_statement_compile(plan, gpt2.tokenizer, &style, scoring[i], &one, &alone[i], NULL), 0);
        assert_int_equal(alone[i].skip, FS_SKIP_EMPTY_COMPLETION);
        assert_false(alone[i].first_unscored);
    }
    assert_int_equal(fs_statement_compile(plan, gpt2.tokenizer, &style, FS_OBJECT_MEAN, &text, &object, NULL), 0);
    assert_false(object.first_unscored);
    assert_int_equal(fs_statement_compile(plan, gpt2.tokenizer, &style, FS_OBJECT_MEAN, &first, &front, NULL), 0);
    assert_true(front.first_unscored);
    assert_int_equal(front.count, opening.count - 1);
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){SIZE_MAX, style.max_positions, 0, 0}, NULL), 0);
    for (size_t i = 0; i + 1 < ids.count; i++) {
        struct asked asked = asked_of(plan, whole[0].read[i]);
        assert_int_equal(whole[1].read[i], whole[0].read[i]);
        assert_int_equal(asked.count, ids.count - 1);
        assert_memory_equal(asked.id, ids.id, asked.count * sizeof(int32_t));
        assert_int_equal(asked.position, i);
        assert_int_equal(asked.token, ids.id[i + 1]);
    }
    struct asked asked = asked_of(plan, front.read[0]);
    assert_int_equal(asked.id[0], opening.id[0]);
    assert_int_equal(asked.token, opening.id[1]);
    for (int i = 0; i < 3; i++) {
        fs_statement_release(&alone[i]);
    }
    fs_statement_release(&whole[0]);
    fs_statement_release(&whole[1]);
    fs_statement_release(&object);
    fs_statement_release(&front);
    fs_encoding_release(&ids);
    fs_encoding_release(&opening);
    fs_plan_destroy(plan);
}

static void crows_pairs_by_shared_and_differing_tokens(void **state)
{
    (void)state;
    const struct fs_special_tokens *special = &bert.style.special;
    static char more[] = "The old nurse was at home.", less[] = "The old doctor was home.";
    struct fs_crows_pair pair = {.more = more, .less = less};
    struct fs_statement out[2], modified[2];
    struct fs_plan *plan = new_plan();
    assert_int_equal(fs_statement_compile_crows(plan, bert.tokenizer, &bert.style, FS_PLL_UNMODIFIED, &pair, out, NULL),
                     0);
    assert_int_equal(
        fs_statement_compile_crows(plan, bert.tokenizer, &bert.style, FS_PLL_MODIFIED, &pair, modified, NULL), 0);
    assert_int_equal(out[0].count, 5); /* the old was home . */
    assert_int_equal(out[1].count, 5);
    assert_int_equal(modified[0].count, 2); /* nurse, at */
    assert_int_equal(modified[1].count, 1); /* doctor */
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){64, bert.style.max_positions, 0, 0}, NULL), 0);
    check_read(&bert, plan, out[0].read[3], special->cls, "the old nurse was at [MASK].", special->sep, 6,
               token_of(&bert, "home"));
    check_read(&bert, plan, out[1].read[0], special->cls, "[MASK] old doctor was home.", special->sep, 1,
               token_of(&bert, "the"));
    check_read(&bert, plan, modified[0].read[1], special->cls, "the old nurse was [MASK] home.", special->sep, 5,
               token_of(&bert, "at"));
    check_read(&bert, plan, modified[1].read[0], special->cls, "the old [MASK] was home.", special->sep, 3,
               token_of(&bert, "doctor"));
    fs_plan_destroy(plan);
    for (size_t k = 0; k < 2; k++) {
        fs_statement_release(&out[k]);
        fs_statement_release(&modified[k]);
    }

    /* difflib is not symmetric: an antistereo pair is matched (less, more). In (more, less) "she" comes first. */
    plan = new_plan();
    struct fs_statement turned[2];
    pair.more = (char[]){"he she"};
    pair.less = (char[]){"she he"};
    assert_int_equal(fs_statement_compile_crows(plan, bert.tokenizer, &bert.style, FS_PLL_MODIFIED, &pair, out, NULL),
                     0);
    pair.antistereo = true;
    assert_int_equal(
        fs_statement_compile_crows(plan, bert.tokenizer, &bert.style, FS_PLL_MODIFIED, &pair, turned, NULL), 0);
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){64, bert.style.max_positions, 0, 0}, NULL), 0);
    assert_int_equal(out[0].count, 1);
    assert_int_equal(asked_of(plan, out[0].read[0]).token, token_of(&bert, "she"));
    assert_int_equal(asked_of(plan, turned[0].read[0]).token, token_of(&bert, "he"));
    assert_int_equal(asked_of(plan, turned[1].read[0]).token, token_of(&bert, "he"));
    fs_plan_destroy(plan);
    for (size_t k = 0; k < 2; k++) {
        fs_statement_release(&out[k]);
        fs_statement_release(&turned[k]);
    }
}

static void what_cannot_be_scored_is_skipped(void **state)
{
    (void)state;
    char many[400] = "";
    for (size_t i = 0; i < 130; i++) {
        strcat(many, "a ");
    }
    struct fs_plan *plan = new_plan();
    struct fs_statement statement, out[2];
    struct fs_statement_text text = text_of(0, many, "she", ""), empty = text_of(1, "The ", "", " was.");
    struct fs_statement_text nothing = text_of(2, "", "", "");
    const struct {
        const struct loaded *model;
        enum fs_scoring scoring;
        const struct fs_statement_text *text;
        enum fs_skip skip;
    } cases[] = {
        {&bert, FS_TARGET_PROB, &text, FS_SKIP_TOO_LONG},
        {&gpt2, FS_SENTENCE_SUM, &text, FS_SKIP_TOO_LONG},
        {&gpt2, FS_SENTENCE_MEAN, &text, FS_SKIP_TOO_LONG},
        {&gpt2, FS_OBJECT_MEAN, &text, FS_SKIP_TOO_LONG},
        {&bert, FS_TARGET_LOGPROB, &empty, FS_SKIP_EMPTY_COMPLETION},
        {&gpt2, FS_OBJECT_MEAN, &empty, FS_SKIP_EMPTY_COMPLETION},
        {&gpt2, FS_SENTENCE_MEAN, &nothing, FS_SKIP_EMPTY_COMPLETION},
        {&gpt2, FS_SENTENCE_SUM, &nothing, FS_SKIP_EMPTY_COMPLETION},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(fs_statement_compile(plan, cases[i].model->tokenizer, &cases[i].model->style, cases[i].scoring,
                                              cases[i].text, &statement, NULL),
                         0);
        assert_int_equal(statement.skip, cases[i].skip);
        assert_int_equal(statement.count, 0);
        assert_true(isnan(fs_statement_score(&statement, NULL, 0)));
        assert_true(isnan(fs_statement_log(&statement, NULL, 1)));
        fs_statement_release(&statement);
    }
    static char sentence[] = "she was tired", longer[] = "she was tired and old";
    struct fs_crows_pair same = {.more = sentence, .less = sentence}, inserted = {.more = longer, .less = sentence};
    struct fs_crows_pair long_one = {.more = many, .less = sentence};
    const struct {
        const struct fs_crows_pair *pair;
        enum fs_scoring scoring;
        enum fs_skip skip;
    } pairs[] = {{&same, FS_PLL_MODIFIED, FS_SKIP_NO_DIFFERENCE},
                 {&inserted, FS_PLL_MODIFIED, FS_SKIP_NO_DIFFERENCE},
                 {&long_one, FS_PLL_MODIFIED, FS_SKIP_TOO_LONG},
                 {&long_one, FS_PLL_UNMODIFIED, FS_SKIP_TOO_LONG},
                 {&same, FS_PLL_UNMODIFIED, FS_KEPT}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_int_equal(
            fs_statement_compile_crows(plan, bert.tokenizer, &bert.style, pairs[i].scoring, pairs[i].pair, out, NULL),
            0);
        assert_int_equal(out[0].skip, pairs[i].skip);
        assert_int_equal(out[1].skip, pairs[i].skip);
        fs_statement_release(&out[0]);
        fs_statement_release(&out[1]);
    }
    fs_plan_destroy(plan);
}

static void wrong_variants_are_errors(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_plan *plan = new_plan();
    struct fs_statement statement, out[2];
    struct fs_statement_text text = text_of(0, "The ", "nurse", "");
    static char sentence[] = "she";
    struct fs_crows_pair pair = {.more = sentence, .less = sentence};
    enum fs_scoring scoring;
    assert_int_equal(fs_scoring_parse("target.logprob", FS_MASKED, &scoring, &err), 0);
    assert_int_equal(scoring, FS_TARGET_LOGPROB);
    assert_int_equal(fs_scoring_parse("target.logprob", FS_CAUSAL, &scoring, &err), -1);
    assert_int_equal(err.code, FS_EXIT_CONFIG);
    assert_non_null(strstr(err.text, "sentence.mean, sentence.sum, object.mean"));
    assert_int_equal(fs_scoring_parse("pll", FS_MASKED, &scoring, &err), -1);
    assert_non_null(strstr(err.text, "pll.unmodified"));
    assert_int_equal(fs_statement_compile(plan, bert.tokenizer, &bert.style, FS_SENTENCE_SUM, &text, &statement, &err),
                     -1);
    assert_int_equal(fs_statement_compile(plan, bert.tokenizer, &bert.style, FS_PLL_MODIFIED, &text, &statement, &err),
                     -1);
    assert_int_equal(fs_statement_compile_crows(plan, bert.tokenizer, &bert.style, FS_TARGET_PROB, &pair, out, &err),
                     -1);
    assert_int_equal(fs_statement_compile_crows(plan, gpt2.tokenizer, &gpt2.style, FS_OBJECT_MEAN, &pair, out, &err),
                     -1);
    assert_int_equal(err.code, FS_EXIT_CONFIG);
    for (int i = 0; i < FS_SCORING_COUNT; i++) {
        assert_int_equal(fs_scoring_parse(fs_scoring_name((enum fs_scoring)i), FS_MASKED, &scoring, &err) == 0 ||
                             fs_scoring_parse(fs_scoring_name((enum fs_scoring)i), FS_CAUSAL, &scoring, &err) == 0,
                         1);
        assert_int_equal(scoring, i);
    }
    /* a causal model needs no begin-of-text; a masked one has no use for a tokenizer without [MASK] */
    struct fs_spec spec = *fs_model_spec(gpt2.model);
    struct fs_prompt_style style;
    spec.begin_of_text = -1;
    assert_int_equal(fs_prompt_style_of(&spec, bert.tokenizer, &style, &err), 0);
    assert_int_equal(style.special.begin_of_text, -1);
    spec = *fs_model_spec(bert.model);
    assert_int_equal(fs_prompt_style_of(&spec, gpt2.tokenizer, &style, &err), -1);
    spec.vocabulary = 3;
    assert_int_equal(fs_prompt_style_of(&spec, bert.tokenizer, &style, &err), -1);
    assert_non_null(strstr(err.text, "vocabulary of 3"));
    fs_plan_destroy(plan);
}

static double folded(enum fs_scoring scoring, size_t count, const struct fs_plan_values *values, bool logarithm)
{
    size_t read[4] = {2, 0, 1, 3};
    struct fs_statement statement = {.scoring = scoring, .count = count, .read = read};
    return logarithm ? fs_statement_log(&statement, values, 1) : fs_statement_score(&statement, values, 1);
}

/* Values below 1, and logarithms of them, by exp, log and sums of at most three in float64: a few epsilons of 2e-16. */
static void folds_by_hand(void **state)
{
    (void)state;
    struct fs_read_value read[2][4] = {{{0, 0}, {0, 0}, {0, 0}, {0, 0}},
                                       {{log(0.5), 0}, {log(0.125), 0}, {log(0.25), 0}, {0, 0}}};
    const struct fs_plan_values folded_from = {.columns = 2, .reads = 4, .read = read[0]}, *values = &folded_from;
    assert_true(fabs(folded(FS_TARGET_PROB, 3, values, false) - 0.875 / 3) < 1e-15);
    assert_true(fabs(folded(FS_TARGET_PROB, 3, values, true) - log(0.875 / 3)) < 1e-15);
    assert_true(fabs(folded(FS_TARGET_LOGPROB, 3, values, false) - log(0.25)) < 1e-15);
    assert_true(fabs(folded(FS_SENTENCE_MEAN, 3, values, false) - 0.25) < 1e-15);
    assert_true(fabs(folded(FS_SENTENCE_MEAN, 3, values, true) - log(0.25)) < 1e-15);
    assert_true(fabs(folded(FS_OBJECT_MEAN, 2, values, false) - sqrt(0.125)) < 1e-15);
    assert_true(fabs(folded(FS_SENTENCE_SUM, 3, values, false) - 3 * log(0.25)) < 1e-14);
    assert_true(folded(FS_PLL_UNMODIFIED, 0, values, false) == 0.0);
    /* far below what a double holds as a probability, yet the gap is finite */
    read[1][2].logprob = -2000;
    assert_true(fabs(folded(FS_TARGET_PROB, 1, values, true) + 2000) < 1e-9); /* its neighbours are 2e-13 away */
    /* Python: round(0.0005, 3), round(1.0005, 3), round(0.0625, 3), round(0.1875, 3), round(-7.27347, 3) */
    const double cases[][2] = {{0.0005, 0.001}, {1.0005, 1.0}, {0.0625, 0.062}, {0.1875, 0.188}, {-7.27347, -7.273}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read[1][2].logprob = cases[i][0];
        assert_true(folded(FS_PLL_UNMODIFIED, 1, values, false) == cases[i][1]);
        assert_true(folded(FS_PLL_MODIFIED, 1, values, true) == cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_masks_one_sub_token_at_a_time),
        cmocka_unit_test(sentences_and_objects_of_causal_models),
        cmocka_unit_test(long_texts_are_run_whole),
        cmocka_unit_test(causal_without_begin_of_text),
        cmocka_unit_test(crows_pairs_by_shared_and_differing_tokens),
        cmocka_unit_test(what_cannot_be_scored_is_skipped),
        cmocka_unit_test(wrong_variants_are_errors),
        cmocka_unit_test(folds_by_hand),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
