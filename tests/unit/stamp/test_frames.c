/* Neutral sentences before the statements of a pair: which, when, and what is read behind them. */
#include "support.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "stages/methods/stamp_frames.h"
#include "stages/methods/stamp_unit.h"
#include "tests/unit/bounds.h"

/* Lower-case words with a blank before and behind each. */
static void plain_words(const char *text, char *out, size_t room)
{
    size_t n = 0;
    out[n++] = ' ';
    for (const char *c = text; *c != '\0' && n + 2 < room; c++) {
        bool word = isalnum((unsigned char)*c) || *c == '\'' || *c == '-';
        if (word || out[n - 1] != ' ') {
            out[n++] = word ? (char)tolower((unsigned char)*c) : ' ';
        }
    }
    out[n] = '\0';
}

/* Each is one plain sentence of its own, and has no word of any group. */
static void sentences_are_neutral(void **state)
{
    (void)state;
    const char *root = getenv("FAIRSTAMP_SOURCE");
    char path[1200], sentence[256], word[256];
    struct fs_json_document *document;
    struct fs_error err = FS_ERROR_INIT;
    snprintf(path, sizeof path, "%s/benchmark/attribute_words.json", root != NULL ? root : ".");
    assert_done(fs_json_load(path, &document, &err), err);
    for (size_t i = 0; i < FS_FRAMES; i++) {
        const char *text = fs_stamp_frame(i);
        size_t length = strlen(text), words = 0;
        assert_true(length < 60 && text[0] >= 'A' && text[0] <= 'Z' && strchr(text, '.') == text + length - 1);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(text, fs_stamp_frame(j));
        }
        plain_words(text, sentence, sizeof sentence);
        const cJSON *category, *row, *item;
        cJSON_ArrayForEach(category, fs_json_root(document))
        {
            cJSON_ArrayForEach(row, category)
            {
                cJSON_ArrayForEach(item, row)
                {
                    plain_words(item->valuestring, word, sizeof word - 1);
                    if (word[strlen(word) - 1] != ' ') {
                        strcat(word, " ");
                    }
                    words++;
                    if (strstr(sentence, word) != NULL) {
                        fail_msg("\"%s\" has \"%s\" of %s", text, item->valuestring, category->string);
                    }
                }
            }
        }
        assert_true(words > 500);
    }
    fs_json_destroy(document);
}

/* The numbers are those of SplitMix64 and of Fisher and Yates' shuffle, worked out by another program (Python). */
static void drawn_by_seed_pair_and_version(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        const char *pair;
        size_t frame[8];
    } known[] = {{3, "p0", {57, 55, 49, 41, 5, 22, 43, 12}},
                 {3, "p1", {3, 32, 38, 49, 30, 28, 16, 25}},
                 {4, "p0", {37, 27, 9, 10, 33, 2, 52, 39}}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        bool seen[FS_FRAMES] = {false};
        for (size_t version = 1; version <= FS_FRAMES; version++) {
            size_t frame = fs_stamp_frame_of(known[i].seed, known[i].pair, version);
            assert_true(version > 8 || frame == known[i].frame[version - 1]);
            assert_true(frame < FS_FRAMES && !seen[frame]); /* another one in each version */
            seen[frame] = true;
        }
    }
}

static void half_of_the_steps_are_framed(void **state)
{
    (void)state;
    static const size_t known[20] = {0, 1, 3, 0, 0, 2, 3, 0, 0, 2, 0, 2, 1, 0, 0, 3, 3, 0, 0, 1};
    struct fs_stamp_options options = {.frames = 3, .iterations = 10, .seed = 3};
    for (size_t step = 0; step < 20; step++) {
        assert_int_equal(fs_stamp_version_of(&options, step), known[step]);
    }
    options.iterations = 80;
    for (options.frames = 0; options.frames <= FS_FRAMES; options.frames += 8) {
        size_t plain = 0, most = 0, uses[FS_FRAMES + 1] = {0};
        for (size_t step = 0; step < 80; step++) {
            size_t version = fs_stamp_version_of(&options, step);
            assert_true(version <= options.frames);
            plain += version == 0;
            most = version > 0 && ++uses[version] > most ? uses[version] : most;
        }
        assert_int_equal(plain, options.frames == 0 ? 80 : 40);
        assert_true(options.frames == 0 || most == (40 + options.frames - 1) / options.frames);
        assert_true(fs_stamp_version_of(&options, 0) == 0 && fs_stamp_version_of(&options, 79) == 0);
    }
}

struct bench {
    struct test_model m;
    struct fs_prompt_style style;
    struct fs_plan *plan;
};

static void open_bench(const char *name, struct bench *bench)
{
    struct fs_error err = FS_ERROR_INIT;
    test_model_open(name, &bench->m);
    assert_done(fs_prompt_style_of(bench->m.spec, bench->m.tokenizer, &bench->style, &err), err);
    assert_done(fs_plan_create(&bench->plan, &err), err);
}

static void close_bench(struct bench *bench)
{
    fs_plan_destroy(bench->plan);
    test_model_close(&bench->m);
}

static struct fs_framing framing_of(const struct bench *bench, enum fs_scoring scoring, size_t version)
{
    return (struct fs_framing){bench->plan, bench->m.tokenizer, &bench->style, scoring, 3, version, NULL, NULL};
}

static void assert_same_reads(const struct fs_statement *a, const struct fs_statement *b)
{
    assert_true(a->skip == FS_KEPT && b->skip == FS_KEPT && a->count > 0);
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->read, b->read, a->count * sizeof *a->read); /* equal passes and reads are one */
}

/* Of seed 3 "p0" has sentence 5 in version 5: the text is that sentence, a blank, and the statement; the object is read as ever. */
static void stands_before_the_statement(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        enum fs_scoring scoring;
    } cases[] = {{"bert-tiny", FS_TARGET_PROB}, {"gpt2-tiny", FS_OBJECT_MEAN}, {"llama-grouped", FS_OBJECT_MEAN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_pair_list list;
        struct fs_statement k[2], by_hand[2];
        struct bench bench;
        open_bench(cases[i].model, &bench);
        test_pairs_make(true, &list);
        const struct fs_framing framing = framing_of(&bench, cases[i].scoring, 5);
        assert_done(fs_stamp_pair_compile(&framing, &list.item[0], k, &err), err);
        char whole[2][80], before[2][80], home[] = "home", stop[] = ".", id[] = "";
        for (int s = 0; s < 2; s++) {
            snprintf(whole[s], sizeof whole[s], "The river was low that day. the %s was at home.",
                     s == 0 ? "nurse" : "captain");
            memcpy(before[s], whole[s], sizeof before[s]);
            *strstr(before[s], "home.") = '\0';
            const struct fs_statement_text text = {
                .before = before[s], .completion = home, .after = stop, .text = whole[s], .id = id};
            assert_done(fs_statement_compile(bench.plan, bench.m.tokenizer, &bench.style, cases[i].scoring, &text,
                                             &by_hand[s], &err),
                        err);
            assert_same_reads(&k[s], &by_hand[s]);
            fs_statement_release(&by_hand[s]);
            fs_statement_release(&k[s]);
        }
        fs_pair_list_release(&list);
        close_bench(&bench);
    }
}

/* The statement's own tokens are read, the first given the sentence; no begin-of-text. */
static void a_sentence_is_read_behind_it(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt2-tiny", "llama-grouped"};
    for (size_t i = 0; i < 2; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_pair_list list;
        struct fs_statement k[2];
        struct fs_encoding frame = {0}, whole = {0};
        struct bench bench;
        static const char sentence[] = "The river was low that day.",
                          text[] = "The river was low that day. the nurse was at home.";
        open_bench(names[i], &bench);
        test_pairs_make(false, &list);
        const struct fs_framing framing = framing_of(&bench, FS_SENTENCE_MEAN, 5);
        assert_done(fs_stamp_pair_compile(&framing, &list.item[0], k, &err), err);
        assert_done(fs_tokenizer_encode(bench.m.tokenizer, sentence, strlen(sentence), &frame, &err), err);
        assert_done(fs_tokenizer_encode(bench.m.tokenizer, text, strlen(text), &whole, &err), err);
        assert_int_equal(k[0].count, whole.count - frame.count);
        for (size_t r = 0; r < k[0].count; r++) {
            size_t pass, position;
            fs_plan_read_place(bench.plan, k[0].read[r], &pass, &position);
            assert_int_equal(position, frame.count + r - 1);
            assert_int_equal(fs_plan_read_token(bench.plan, k[0].read[r]), whole.id[frame.count + r]);
            assert_int_equal(fs_plan_pass_length(bench.plan, pass), whole.count - 1);
            assert_memory_equal(fs_plan_pass_ids(bench.plan, pass), whole.id, (whole.count - 1) * sizeof *whole.id);
        }
        fs_encoding_release(&frame);
        fs_encoding_release(&whole);
        fs_statement_release(&k[0]);
        fs_statement_release(&k[1]);
        fs_pair_list_release(&list);
        close_bench(&bench);
    }
}

/* A statement that fills the model's positions stands without the sentence, and so does its counterpart; one that is
 * longer still is left out in every version. */
static void too_long_goes_without(void **state)
{
    (void)state;
    static const char *const names[] = {"bert-tiny", "gpt2-tiny"};
    for (size_t i = 0; i < 4; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_pair_list list;
        struct fs_statement plain[2], framed[2];
        struct bench bench;
        open_bench(names[i / 2], &bench);
        test_pairs_make(true, &list);
        const enum fs_scoring scoring = i / 2 == 0 ? FS_TARGET_PROB : FS_OBJECT_MEAN;
        struct fs_statement_text *text = &list.item[0].statement[FS_ANTI_STEREOTYPE];
        struct fs_encoding encoding = {0};
        do { /* "a" is at least one token of every model */
            char *longer;
            assert_true(asprintf(&longer, "a %s", text->before) > 0);
            free(text->before);
            text->before = longer;
            fs_encoding_release(&encoding);
            assert_done(fs_tokenizer_encode(bench.m.tokenizer, longer, strlen(longer), &encoding, &err), err);
        } while (encoding.count + 4 < bench.m.spec->max_positions + (i % 2 == 0 ? 0 : 8));
        fs_encoding_release(&encoding);
        const struct fs_framing first = framing_of(&bench, scoring, 0), other = framing_of(&bench, scoring, 5);
        assert_done(fs_stamp_pair_compile(&first, &list.item[0], plain, &err), err);
        assert_done(fs_stamp_pair_compile(&other, &list.item[0], framed, &err), err);
        for (int s = 0; s < 2; s++) {
            if (i % 2 == 0) {
                assert_same_reads(&plain[s], &framed[s]);
            } else {
                assert_true(plain[s].skip == FS_SKIP_TOO_LONG && framed[s].skip == FS_SKIP_TOO_LONG);
                assert_true(plain[s].count == 0 && framed[s].count == 0);
            }
            fs_statement_release(&plain[s]);
            fs_statement_release(&framed[s]);
        }
        fs_pair_list_release(&list);
        close_bench(&bench);
    }
}

/* By hand: "the nurse was at home" of p0 with the subjects "boss" and "maid" of another pair, in both texts. */
static void subjects_of_another_pair(void **state)
{
    (void)state;
    static const enum fs_scoring scoring[] = {FS_TARGET_PROB, FS_OBJECT_MEAN};
    static const char *const names[] = {"bert-tiny", "gpt2-tiny"};
    for (size_t i = 0; i < 2; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_pair_list list;
        struct fs_statement k[2], by_hand;
        struct bench bench;
        open_bench(names[i], &bench);
        test_pairs_make(true, &list);
        char subject[] = "boss", counterpart[] = "maid", home[] = "home", stop[] = ".", id[] = "", whole[80],
             before[80];
        const struct fs_pair donor = {.subject = subject, .counterpart = counterpart};
        struct fs_framing framing = framing_of(&bench, scoring[i], 5);
        framing.donor = &donor;
        assert_done(fs_stamp_pair_compile(&framing, &list.item[0], k, &err), err);
        for (int s = 0; s < 2; s++) {
            snprintf(whole, sizeof whole, "The river was low that day. the %s was at home.", s == 0 ? "boss" : "maid");
            memcpy(before, whole, sizeof before);
            *strstr(before, "home.") = '\0';
            const struct fs_statement_text text = {
                .before = before, .completion = home, .after = stop, .text = whole, .id = id};
            assert_done(
                fs_statement_compile(bench.plan, bench.m.tokenizer, &bench.style, scoring[i], &text, &by_hand, &err),
                err);
            assert_same_reads(&k[s], &by_hand);
            fs_statement_release(&by_hand);
            fs_statement_release(&k[s]);
        }
        /* one text without its subject: both stay as they are behind the sentence */
        struct fs_statement kept[2], plain[2];
        free(list.item[0].subject);
        list.item[0].subject = strdup("nurs");
        assert_done(fs_stamp_pair_compile(&framing, &list.item[0], kept, &err), err);
        framing.donor = NULL;
        assert_done(fs_stamp_pair_compile(&framing, &list.item[0], plain, &err), err);
        for (int s = 0; s < 2; s++) {
            assert_same_reads(&kept[s], &plain[s]);
            fs_statement_release(&kept[s]);
            fs_statement_release(&plain[s]);
        }
        fs_pair_list_release(&list);
        close_bench(&bench);
    }
}

/* Both statements of k are `text[s]` with `completion` before the full stop. */
static void assert_texts(struct bench *bench, enum fs_scoring scoring, const struct fs_statement k[2],
                         const char *const text[2])
{
    for (int s = 0; s < 2; s++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_statement by_hand;
        char whole[120], before[120], home[] = "home", stop[] = ".", id[] = "";
        snprintf(whole, sizeof whole, "%s", text[s]);
        memcpy(before, whole, sizeof before);
        *strstr(before, "home.") = '\0';
        const struct fs_statement_text expected = {
            .before = before, .completion = home, .after = stop, .text = whole, .id = id};
        assert_done(
            fs_statement_compile(bench->plan, bench->m.tokenizer, &bench->style, scoring, &expected, &by_hand, &err),
            err);
        assert_same_reads(&k[s], &by_hand);
        fs_statement_release(&by_hand);
    }
}

/* By hand: p0's object "home" in "all day the boss sees the dog" of another pair, with p0's subjects or a donor's. */
static void statements_of_another_pair(void **state)
{
    (void)state;
    static const enum fs_scoring scoring[] = {FS_TARGET_PROB, FS_OBJECT_MEAN};
    static const char *const names[] = {"bert-tiny", "gpt2-tiny"};
    static const char *const hosted[2] = {"The river was low that day. all day the nurse sees the home.",
                                          "The river was low that day. all day the captain sees the home."};
    static const char *const given[2] = {"The river was low that day. all day the cook sees the home.",
                                         "The river was low that day. all day the king sees the home."};
    static const char *const own[2] = {"The river was low that day. the cook was at home.",
                                       "The river was low that day. the king was at home."};
    for (size_t i = 0; i < 2; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_pair_list list;
        struct fs_statement k[2];
        struct bench bench;
        open_bench(names[i], &bench);
        test_pairs_make(true, &list);
        char boss[] = "boss", maid[] = "maid", cook[] = "cook", king[] = "king", dog[] = "dog", stop[] = ".",
             before[2][40] = {"all day the boss sees the ", "all day the maid sees the "},
             text[2][40] = {"all day the boss sees the dog.", "all day the maid sees the dog."}, gaps[] = " BLANK.";
        const struct fs_pair donor = {.subject = cook, .counterpart = king};
        struct fs_pair host = {.subject = boss, .counterpart = maid};
        for (int s = 0; s < 2; s++) {
            host.statement[s == 0 ? FS_STEREOTYPE : FS_ANTI_STEREOTYPE] = (struct fs_statement_text){
                .before = before[s], .completion = dog, .after = stop, .text = text[s], .id = stop};
        }
        struct fs_framing framing = framing_of(&bench, scoring[i], 5);
        framing.host = &host;
        for (size_t c = 0; c < 4; c++) {
            framing.donor = c > 0 ? &donor : NULL;
            host.statement[FS_STEREOTYPE].gaps = c == 2 ? gaps : NULL; /* a second place for its object: not asked */
            host.counterpart = c == 3 ? cook : maid;                   /* which its statement lacks */
            assert_done(fs_stamp_pair_compile(&framing, &list.item[0], k, &err), err);
            assert_texts(&bench, scoring[i], k, c == 0 ? hosted : c == 1 ? given : own);
            fs_statement_release(&k[0]);
            fs_statement_release(&k[1]);
        }
        fs_pair_list_release(&list);
        close_bench(&bench);
    }
}

/* Of its own category, with other subjects, of the batch alone; another one for another version or seed. */
static void donors(void **state)
{
    (void)state;
    struct fs_pair_list list;
    test_pairs_make(true, &list);
    static const size_t chosen[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    size_t other = 0, of_seed = 0, given = 0;
    for (size_t i = 0; i < list.count - 1; i++) {
        const struct fs_pair *pair = &list.item[i], *first = NULL;
        for (size_t version = 1; version <= 32; version++) {
            const struct fs_stamp_batch batch = {.list = &list, .pair = chosen, .count = 9, .version = version};
            const struct fs_pair *donor = fs_stamp_donor(&batch, 3, pair);
            if (donor == NULL) {
                for (size_t j = 0; j < batch.count; j++) {
                    assert_true(strcmp(list.item[j].category, pair->category) != 0 ||
                                strcmp(list.item[j].subject, pair->subject) == 0);
                }
                continue;
            }
            first = first != NULL ? first : donor;
            other += donor != first;
            of_seed += donor != fs_stamp_donor(&batch, 4, pair);
            given++;
            assert_string_equal(donor->category, pair->category);
            assert_string_not_equal(donor->subject, pair->subject);
            assert_true(donor >= list.item && donor < list.item + 9);
            assert_ptr_equal(fs_stamp_donor(&batch, 3, pair), donor);
        }
    }
    assert_true(given > 0 && other > given / 4 && of_seed > given / 4);
    fs_pair_list_release(&list);
}

/* Of its own category, never the pair itself, of the batch alone; drawn apart from the donor. */
static void hosts(void **state)
{
    (void)state;
    struct fs_pair_list list;
    test_pairs_make(true, &list);
    static const size_t chosen[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    size_t given = 0, apart = 0, of_version = 0;
    for (size_t i = 0; i < 9; i++) {
        const struct fs_pair *pair = &list.item[i], *first = NULL;
        for (size_t version = 1; version <= 32; version++) {
            const struct fs_stamp_batch batch = {.list = &list, .pair = chosen, .count = 9, .version = version};
            const struct fs_pair *host = fs_stamp_host(&batch, 3, pair);
            for (size_t j = 0; host == NULL && j < batch.count; j++) {
                assert_true(j == i || strcmp(list.item[j].category, pair->category) != 0);
            }
            if (host != NULL) {
                first = first != NULL ? first : host;
                assert_string_equal(host->category, pair->category);
                assert_true(host != pair && host >= list.item && host < list.item + 9);
                assert_ptr_equal(fs_stamp_host(&batch, 3, pair), host);
                given++;
                of_version += host != first;
                apart += host != fs_stamp_donor(&batch, 3, pair);
            }
        }
    }
    assert_true(given > 0 && of_version > given / 4 && apart > given / 4);
    const struct fs_stamp_batch alone = {.list = &list, .pair = chosen, .count = 1, .version = 1};
    assert_null(fs_stamp_host(&alone, 3, &list.item[0]));
    fs_pair_list_release(&list);
}

static const char *const models[] = {"bert-tiny", "gpt2-tiny", "llama-grouped"};

/* L_e and gap before a step of each version, of a stamp that has not moved: those of texts written out by hand. */
static void frames_stand_before_the_statements(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct test_model m;
        struct fs_pair_list list, by_hand;
        struct fs_stamp_state framed, plain, known;
        test_model_open(models[i], &m);
        test_pairs_make(true, &list);
        test_pairs_make(true, &by_hand);
        struct fs_stamp_options options = test_options(m.spec);
        options.balance_weight = 0.1;
        options.balance_width = 0.05;
        options.unit_tokens = 24; /* the units cut target terms */
        options.scoring = m.spec->kind == FS_MASKED ? FS_TARGET_PROB : FS_OBJECT_MEAN;
        options.learning_rate = 1e-9;
        options.frames = 2;
        options.iterations = 4;
        test_train(&m, &list, &options, 2, &framed);
        options.frames = 0;
        options.iterations = 1;
        test_train(&m, &list, &options, 2, &plain);
        for (size_t step = 0; step < 4; step++) {
            const double *loss = framed.loss + 4 * step, *extra = framed.extra + FS_STAMP_EXTRA * step;
            size_t version = (size_t)extra[5];
            assert_int_equal(version > 0, step == 1 || step == 2);
            for (size_t p = 0; p < list.count; p++) {
                for (int s = 0; s < 2; s++) {
                    const struct fs_statement_text *from = &list.item[p].statement[s];
                    struct fs_statement_text *to = &by_hand.item[p].statement[s];
                    const char *frame =
                        version > 0 ? fs_stamp_frame(fs_stamp_frame_of(options.seed, list.item[p].id, version)) : "";
                    free(to->before);
                    free(to->text);
                    assert_true(asprintf(&to->before, "%s%s%s", frame, version > 0 ? " " : "", from->before) > 0);
                    assert_true(asprintf(&to->text, "%s%s%s", to->before, to->completion, to->after) > 0);
                }
            }
            test_train(&m, &by_hand, &options, 2, &known);
            /* the stamp has moved by 1e-9 a step and parameter, below a float32's epsilon of the keys; squares of
             * differences of log probabilities that are some ten times larger */
            double bound = 20 * bound_f32(forward_depth(m.spec));
            assert_true(fabs(loss[1] / known.loss[1] - 1) < bound && fabs(extra[3] / known.extra[3] - 1) < bound);
            assert_true(version > 0 || fabs(extra[1] - known.extra[1]) < bound); /* tau is that of version 0 */
            assert_true(version == 0 || fabs(loss[1] / plain.loss[1] - 1) > 0.01);
            assert_true(fabs(loss[3]) < bound && fabs(loss[2]) < bound); /* P is that of the same texts */
            fs_stamp_state_release(&known);
        }
        fs_stamp_state_release(&framed);
        fs_stamp_state_release(&plain);
        fs_pair_list_release(&list);
        fs_pair_list_release(&by_hand);
        test_model_close(&m);
    }
}

/* Whether a pass of the units has exactly the tokens of `text`, behind begin-of-text where the model has one. */
static bool has_pass(const struct test_model *m, const struct fs_prompt_style *style,
                     const struct fs_stamp_units *units, const char *text)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_encoding encoding = {0};
    bool found = false;
    size_t leading = style->special.begin_of_text >= 0 ? 1 : 0;
    assert_done(fs_tokenizer_encode(m->tokenizer, text, strlen(text), &encoding, &err), err);
    for (size_t u = 0; u < units->count; u++) {
        const struct fs_plan *plan = units->unit[u].plan;
        for (size_t p = 0; p < fs_plan_passes(plan); p++) {
            found = found || (fs_plan_pass_length(plan, p) == leading + encoding.count &&
                              memcmp(fs_plan_pass_ids(plan, p) + leading, encoding.id,
                                     encoding.count * sizeof *encoding.id) == 0);
        }
    }
    fs_encoding_release(&encoding);
    return found;
}

/* By hand: two templates a version, the first two in version 0, from the beginning again behind the last of 64. */
static void prompts_of_each_version(void **state)
{
    (void)state;
    static const struct {
        size_t version;
        const char *varied;
    } cases[] = {{0, "Nurse is a"},
                 {0, "It is a"},
                 {1, "Nurse was born in"},
                 {12, "On a holiday nurse celebrates with"},
                 {12, "On a holiday it celebrates with"},
                 {33, "Nurse likes to"}};
    static const char *const names[] = {"gpt2-tiny", "llama-grouped"};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct test_model m;
        struct fs_pair_list list;
        struct fs_prompt_style style;
        test_model_open(names[i % 2], &m);
        test_pairs_make(true, &list);
        assert_done(fs_prompt_style_of(m.spec, m.tokenizer, &style, &err), err);
        size_t pair[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, version = cases[i / 2].version;
        const struct fs_stamp_batch batch = {&list, pair, list.count, 1, version};
        struct fs_stamp_options options = test_options(m.spec);
        options.scoring = FS_OBJECT_MEAN;
        options.generic_prompts = 2;
        options.neutral_subjects = 1;
        options.frames = 40;
        for (int varied = 0; varied < 2; varied++) {
            struct fs_stamp_units units;
            options.vary_prompts = varied == 1;
            assert_done(fs_stamp_units_compile(m.spec, m.tokenizer, &batch, &options, &units, &err), err);
            assert_true(has_pass(&m, &style, &units, cases[i / 2].varied) == (varied == 1 || version == 0));
            assert_true(has_pass(&m, &style, &units, "Nurse has a") == (varied == 0 || version == 0));
            fs_stamp_units_release(&units);
        }
        fs_pair_list_release(&list);
        test_model_close(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_are_neutral),
        cmocka_unit_test(drawn_by_seed_pair_and_version),
        cmocka_unit_test(half_of_the_steps_are_framed),
        cmocka_unit_test(stands_before_the_statement),
        cmocka_unit_test(a_sentence_is_read_behind_it),
        cmocka_unit_test(too_long_goes_without),
        cmocka_unit_test(subjects_of_another_pair),
        cmocka_unit_test(statements_of_another_pair),
        cmocka_unit_test(donors),
        cmocka_unit_test(hosts),
        cmocka_unit_test(frames_stand_before_the_statements),
        cmocka_unit_test(prompts_of_each_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
