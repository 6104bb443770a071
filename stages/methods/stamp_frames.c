#include "stages/methods/stamp_frames.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/hash.h"
#include "model/numbers/random.h"

/* The streams of the seed begin with these; stamp.c and stamp_net.c have 0 and 1. */
#define FRAME_STREAM UINT64_C(2)
#define VERSION_STREAM UINT64_C(3)
#define SUBJECT_STREAM UINT64_C(4)
#define STATEMENT_STREAM UINT64_C(5)

/* Of no group, and without a word of benchmark/attribute_words.json; written for this program. */
static const char *const frames[FS_FRAMES] = {
    "It rained during the night.",
    "The train was late this morning.",
    "The gate to the park was open.",
    "There was snow on the hills.",
    "The shop opens at nine.",
    "The river was low that day.",
    "The lamp stands beside the window.",
    "The air was still warm.",
    "The road goes on past the mill.",
    "The clock on the wall had stopped.",
    "The leaves turn yellow in autumn.",
    "The box was empty.",
    "The bridge was closed for repairs.",
    "The wind came from the north.",
    "The sand was fine and dry.",
    "The garden was quiet.",
    "A letter lay on the table.",
    "The tram stops at the corner.",
    "The water in the stream is cold.",
    "The door was left open.",
    "The moon rose above the trees.",
    "The paint was not yet dry.",
    "The map shows two islands.",
    "The news came on at six.",
    "The market is held every week.",
    "The sky had cleared by noon.",
    "The path leads down to the beach.",
    "The roof was mended last year.",
    "The first chapter is about the sea.",
    "The stones were flat and round.",
    "The radio played all evening.",
    "The ferry crosses twice a day.",
    "The grass was wet with dew.",
    "The meeting began at noon.",
    "The wall is made of brick.",
    "The fire had burned low.",
    "The apples were ripe by then.",
    "The lights went out for a minute.",
    "The book has many pictures.",
    "The tide was coming in.",
    "The station is not far away.",
    "The weather changed in the afternoon.",
    "The key was under the mat.",
    "The field lies behind the hedge.",
    "The chair is made of oak.",
    "The glass was half full.",
    "The film lasted two hours.",
    "The clouds moved slowly.",
    "The signal changed to green.",
    "The coat hung on a hook.",
    "The streets were wet after the storm.",
    "The valley is full of mist.",
    "The phone rang once.",
    "The bell rang at noon.",
    "The boat was tied to the pier.",
    "The shelf was full of books.",
    "The report has twelve pages.",
    "The sun set behind the hills.",
    "The candle burned for hours.",
    "The page was torn at the corner.",
    "The lake is deep and clear.",
    "The stairs lead to the attic.",
    "The birds flew south.",
    "The ice on the pond was thick.",
};

const char *fs_stamp_frame(size_t number)
{
    return frames[number];
}

/* Entry `place` of a random order of 0 .. count - 1 (Fisher and Yates), count <= FS_FRAMES. */
static size_t drawn(uint64_t seed, uint64_t stream, size_t count, size_t place)
{
    struct fs_random random = fs_random_start(seed, stream);
    size_t order[FS_FRAMES];
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (size_t i = 0; i <= place; i++) {
        size_t other = i + fs_random_below(&random, count - i), moved = order[i];
        order[i] = order[other];
        order[other] = moved;
    }
    return order[place];
}

static uint64_t stream_of(uint64_t stream, const char *pair_id)
{
    for (const char *c = pair_id; *c != '\0'; c++) {
        stream = fs_hash_add(stream, (unsigned char)*c);
    }
    return stream;
}

size_t fs_stamp_frame_of(uint64_t seed, const char *pair_id, size_t version)
{
    return drawn(seed, stream_of(FRAME_STREAM, pair_id), FS_FRAMES, version - 1);
}

size_t fs_stamp_version_of(const struct fs_stamp_options *options, size_t step)
{
    size_t batch = step / options->iterations, number = step % options->iterations, of_four = number % 4;
    if (options->frames == 0 || of_four == 0 || of_four == 3) {
        return 0;
    }
    size_t framed = 2 * (number / 4) + of_four - 1, round = framed / options->frames;
    uint64_t stream = fs_hash_add(fs_hash_add(VERSION_STREAM, batch), round);
    return 1 + drawn(options->seed, stream, options->frames, framed % options->frames);
}

static bool same_kind(const struct fs_pair *pair, const struct fs_pair *other)
{
    return strcmp(pair->category, other->category) == 0 &&
           (pair->counterpart[0] == '\0') == (other->counterpart[0] == '\0');
}

static bool may_give_subjects(const struct fs_pair *pair, const struct fs_pair *other)
{
    return same_kind(pair, other) && strcmp(pair->subject, other->subject) != 0;
}

static bool may_give_statements(const struct fs_pair *pair, const struct fs_pair *other)
{
    return same_kind(pair, other) && other != pair;
}

/* One of the batch's pairs that may give; NULL where there is none. */
static const struct fs_pair *draw_pair(const struct fs_stamp_batch *batch, const struct fs_pair *pair,
                                       bool (*may_give)(const struct fs_pair *, const struct fs_pair *),
                                       struct fs_random *random)
{
    size_t givers = 0;
    for (size_t i = 0; i < batch->count; i++) {
        givers += may_give(pair, &batch->list->item[batch->pair[i]]);
    }
    if (givers == 0) {
        return NULL;
    }
    size_t left = fs_random_below(random, givers);
    for (size_t i = 0;; i++) {
        const struct fs_pair *other = &batch->list->item[batch->pair[i]];
        if (may_give(pair, other) && left-- == 0) {
            return other;
        }
    }
}

const struct fs_pair *fs_stamp_donor(const struct fs_stamp_batch *batch, uint64_t seed, const struct fs_pair *pair)
{
    struct fs_random random = fs_random_start(seed, fs_hash_add(stream_of(SUBJECT_STREAM, pair->id), batch->version));
    return draw_pair(batch, pair, may_give_subjects, &random);
}

const struct fs_pair *fs_stamp_host(const struct fs_stamp_batch *batch, uint64_t seed, const struct fs_pair *pair)
{
    struct fs_random random = fs_random_start(seed, fs_hash_add(stream_of(STATEMENT_STREAM, pair->id), batch->version));
    return draw_pair(batch, pair, may_give_statements, &random);
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* `text` with `to` for the first word `from`, whose capital letter it takes; NULL with *found false where it has none. */
static char *with_word(const char *text, const char *from, const char *to, bool *found)
{
    size_t length = strlen(from);
    *found = false;
    for (const char *at = text; length > 0 && *at != '\0'; at++) {
        if ((at == text || !in_word(at[-1])) && strncasecmp(at, from, length) == 0 && !in_word(at[length])) {
            char *whole = NULL;
            bool capital = isupper((unsigned char)*at) != 0 && isupper((unsigned char)*from) == 0;
            *found = true;
            return asprintf(&whole, "%.*s%c%s%s", (int)(at - text), text, capital ? toupper((unsigned char)*to) : *to,
                            to + 1, at + length) < 0
                       ? NULL
                       : whole;
        }
    }
    return NULL;
}

/* A statement with another subject; `owned` is what the caller frees. */
struct swapped {
    struct fs_statement_text text;
    char *owned[2];
};

/* 1: done; 0: the text has no such subject where it can be told apart; -1: no memory. */
static int swap_subject(const struct fs_statement_text *text, const char *from, const char *to, struct swapped *out)
{
    bool before, found, other;
    char *completion = with_word(text->completion, from, to, &other);
    free(completion);
    *out = (struct swapped){.text = *text};
    if (other || *to == '\0') {
        return 0;
    }
    out->owned[0] = with_word(text->before, from, to, &before);
    found = before;
    if (!before) {
        out->owned[0] = with_word(text->after, from, to, &found);
    }
    if (!found) {
        return 0;
    }
    out->owned[1] = with_word(text->text, from, to, &other);
    if (out->owned[0] == NULL || out->owned[1] == NULL) {
        return -1;
    }
    *(before ? &out->text.before : &out->text.after) = out->owned[0];
    out->text.text = out->owned[1];
    return 1;
}

/* `text` with another completion; the caller frees out->text. Returns 0 where it has further places for one. */
static int swap_completion(const struct fs_statement_text *text, const struct fs_statement_text *from,
                           struct fs_statement_text *out)
{
    *out = *text;
    if (text->gaps != NULL || from->gaps != NULL) {
        return 0;
    }
    out->completion = from->completion;
    return asprintf(&out->text, "%s%s%s", text->before, from->completion, text->after) < 0 ? -1 : 1;
}

static const char *subject_of(const struct fs_pair *pair, int s)
{
    return s == 1 && pair->counterpart[0] != '\0' ? pair->counterpart : pair->subject;
}

static const struct fs_statement_text *statement_of(const struct fs_pair *pair, int s)
{
    return &pair->statement[s == 0 ? FS_STEREOTYPE : FS_ANTI_STEREOTYPE];
}

static void release_swapped(struct swapped swapped[2])
{
    for (int s = 0; s < 2; s++) {
        free(swapped[s].owned[0]);
        free(swapped[s].owned[1]);
        swapped[s].owned[0] = swapped[s].owned[1] = NULL;
    }
}

/* The host's statements with the pair's object and the donor's subjects: 1, 0, -1 as swap_subject; on 1 the caller releases. */
static int swap_both(const struct fs_pair *host, const struct fs_pair *pair, const struct fs_pair *donor,
                     struct swapped out[2])
{
    int done = 1;
    for (int s = 0; done == 1 && s < 2; s++) {
        struct fs_statement_text text = *statement_of(host, s);
        if (host != pair) {
            done = swap_completion(statement_of(host, s), statement_of(pair, s), &text);
        }
        if (done == 1) {
            done = swap_subject(&text, subject_of(host, s), subject_of(donor, s), &out[s]);
            if (host != pair) {
                free(text.text);
            }
        }
    }
    if (done != 1) {
        release_swapped(out);
    }
    return done;
}

/* The pair's two texts, with what others give where that can be done; the caller releases. */
static int take_texts(const struct fs_framing *framing, const struct fs_pair *pair, struct swapped out[2],
                      struct fs_error *err)
{
    const struct fs_pair *host = framing->host, *donor = framing->donor;
    int done = host != NULL ? swap_both(host, pair, donor != NULL ? donor : pair, out) : 0;
    if (done == 0 && donor != NULL) {
        done = swap_both(pair, pair, donor, out);
    }
    if (done < 0) {
        return fs_error_memory(err, strlen(statement_of(pair, 0)->text), "a framed statement");
    }
    for (int s = 0; done == 0 && s < 2; s++) {
        out[s].text = *statement_of(pair, s);
    }
    return 0;
}

static int compile_framed(const struct fs_framing *framing, const char *frame, const struct fs_statement_text *text,
                          struct fs_statement *statement, struct fs_error *err)
{
    bool sentence = framing->scoring == FS_SENTENCE_MEAN;
    char *before = NULL, *whole = NULL, nothing[] = "";
    if (asprintf(&before, "%s %s", frame, sentence ? "" : text->before) < 0) {
        return fs_error_memory(err, strlen(text->before), "a framed statement");
    }
    if (asprintf(&whole, "%s %s", frame, text->text) < 0) {
        free(before);
        return fs_error_memory(err, strlen(text->text), "a framed statement");
    }
    struct fs_statement_text framed = *text;
    framed.before = before;
    framed.text = whole;
    if (sentence) {
        framed.completion = text->text;
        framed.after = nothing;
    }
    int status = fs_statement_compile(framing->plan, framing->tokenizer, framing->style,
                                      sentence ? FS_CONTINUATION_SUM : framing->scoring, &framed, statement, err);
    free(before);
    free(whole);
    return status;
}

/* Behind `frame`, or as they are; sets whether both can be scored. */
static int compile_both(const struct fs_framing *framing, const struct fs_pair *pair, const char *frame,
                        struct fs_statement k[2], bool *scored, struct fs_error *err)
{
    int status = 0;
    struct swapped swapped[2] = {{.owned = {NULL}}};
    memset(k, 0, 2 * sizeof *k);
    status = frame != NULL ? take_texts(framing, pair, swapped, err) : 0;
    for (int s = 0; status == 0 && s < 2; s++) {
        const struct fs_statement_text *text = frame != NULL ? &swapped[s].text : statement_of(pair, s);
        status = frame != NULL ? compile_framed(framing, frame, text, &k[s], err)
                               : fs_statement_compile(framing->plan, framing->tokenizer, framing->style,
                                                      framing->scoring, text, &k[s], err);
    }
    release_swapped(swapped);
    *scored = status == 0 && k[0].skip == FS_KEPT && k[1].skip == FS_KEPT;
    if (!*scored) {
        enum fs_skip reason = k[0].skip != FS_KEPT ? k[0].skip : k[1].skip;
        fs_statement_skip(&k[0], reason);
        fs_statement_skip(&k[1], reason);
    }
    return status;
}

int fs_stamp_pair_compile(const struct fs_framing *framing, const struct fs_pair *pair, struct fs_statement k[2],
                          struct fs_error *err)
{
    const char *frame =
        framing->version > 0 ? frames[fs_stamp_frame_of(framing->seed, pair->id, framing->version)] : NULL;
    bool scored = false;
    int status = frame != NULL ? compile_both(framing, pair, frame, k, &scored, err) : 0;
    if (status == 0 && !scored) {
        status = compile_both(framing, pair, NULL, k, &scored, err);
    }
    return status == 0 ? 0 : fs_error_prepend(err, "pair %s", pair->id);
}
