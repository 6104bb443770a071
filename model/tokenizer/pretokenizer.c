#include "model/tokenizer/pretokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/unicode.h"

void fs_pretokenizer_release(struct fs_pretokenizer *pretokenizer)
{
    for (size_t i = 0; i < pretokenizer->count; i++) {
        fs_pattern_release(&pretokenizer->step[i].pattern);
    }
    free(pretokenizer->step);
    memset(pretokenizer, 0, sizeof *pretokenizer);
}

bool fs_pretokenizer_leaves_bytes(const struct fs_pretokenizer *pretokenizer)
{
    return pretokenizer->count > 0 && pretokenizer->step[pretokenizer->count - 1].kind == FS_PRETOKENIZE_BYTE_LEVEL &&
           !pretokenizer->step[pretokenizer->count - 1].map_bytes;
}

bool fs_pretokenizer_is_byte_level(const struct fs_pretokenizer *pretokenizer)
{
    for (size_t i = 0; i < pretokenizer->count; i++) {
        if (pretokenizer->step[i].kind == FS_PRETOKENIZE_BYTE_LEVEL) {
            return true;
        }
    }
    return false;
}

void fs_pretokenizer_map_bytes(struct fs_pretokenizer *pretokenizer)
{
    if (fs_pretokenizer_leaves_bytes(pretokenizer)) {
        pretokenizer->step[pretokenizer->count - 1].map_bytes = true;
    }
}

/* One cut of one piece: where it lies and whether the pattern matched it. */
struct cut {
    size_t begin, end;
    bool match;
};

/* An empty match cuts too; its piece is none. */
struct cuts {
    struct cut *cut;
    size_t count, capacity;
};

static int add_cut(struct cuts *cuts, size_t begin, size_t end, bool match, struct fs_error *err)
{
    if (fs_grow(&cuts->cut, &cuts->capacity, cuts->count + 1, sizeof *cuts->cut, "the cuts of a text", err) != 0) {
        return -1;
    }
    cuts->cut[cuts->count++] = (struct cut){begin, end, match};
    return 0;
}

static int add_pieces(const struct cuts *cuts, enum fs_split behavior, struct fs_pieces *pieces, struct fs_error *err)
{
    for (size_t i = 0; i < cuts->count; i++) {
        struct cut cut = cuts->cut[i];
        bool more = i + 1 < cuts->count;
        if (behavior == FS_SPLIT_REMOVED && cut.match) {
            continue;
        }
        if (behavior == FS_SPLIT_PREVIOUS && !cut.match && more && cuts->cut[i + 1].match) {
            cut.end = cuts->cut[++i].end;
        }
        if (behavior == FS_SPLIT_NEXT && cut.match && more && !cuts->cut[i + 1].match) {
            cut.end = cuts->cut[++i].end;
        }
        while (behavior == FS_SPLIT_CONTIGUOUS && i + 1 < cuts->count && cuts->cut[i + 1].match == cut.match) {
            cut.end = cuts->cut[++i].end;
        }
        if (cut.begin < cut.end && fs_pieces_add(pieces, cut.begin, cut.end, err)) {
            return -1;
        }
    }
    return 0;
}

/* Cuts every piece of `in` at the pattern. */
static int split(const struct fs_pattern *pattern, enum fs_split behavior, bool invert, const struct fs_text *text,
                 const struct fs_pieces *in, struct fs_pieces *out, struct fs_error *err)
{
    struct fs_search search;
    struct cuts cuts = {0};
    if (fs_search_begin(&search, pattern, err)) {
        return -1;
    }
    int status = 0;
    for (size_t i = 0; i < in->count && status == 0; i++) {
        size_t base = in->begin[i], length = in->end[i] - base, done = 0, begin, end;
        cuts.count = 0;
        fs_search_subject(&search, text->data + base, length);
        while ((status = fs_search_next(&search, &begin, &end, err)) > 0) {
            if ((done < begin && add_cut(&cuts, base + done, base + begin, invert, err)) ||
                add_cut(&cuts, base + begin, base + end, !invert, err)) {
                status = -1;
                break;
            }
            done = end;
        }
        if (status == 0 && done < length) {
            status = add_cut(&cuts, base + done, base + length, invert, err);
        }
        if (status == 0) {
            status = add_pieces(&cuts, behavior, out, err);
        }
    }
    free(cuts.cut);
    fs_search_end(&search);
    return status;
}

/* Cuts every piece of `in` by the classes of its characters. */
static int split_classes(const struct fs_pretokenizer_step *step, const struct fs_text *text,
                         const struct fs_pieces *in, struct fs_pieces *out, struct fs_error *err)
{
    struct cuts cuts = {0};
    int status = 0;
    for (size_t i = 0; i < in->count && status == 0; i++) {
        size_t run = in->begin[i];
        int run_class = FS_CLASS_MATCH;
        cuts.count = 0;
        for (size_t at = run; at < in->end[i] && status == 0;) {
            uint32_t character;
            size_t length = fs_utf8_decode(text->data + at, &character);
            int class = step->class_of(character);
            if (class == FS_CLASS_MATCH || class != run_class) {
                status = run < at ? add_cut(&cuts, run, at, run_class == FS_CLASS_MATCH, err) : 0;
                run = at;
                run_class = class;
            }
            at += length;
        }
        if (status == 0 && run < in->end[i]) {
            status = add_cut(&cuts, run, in->end[i], run_class == FS_CLASS_MATCH, err);
        }
        if (status == 0) {
            status = add_pieces(&cuts, step->behavior, out, err);
        }
    }
    free(cuts.cut);
    return status;
}

/*
 * Writes every piece anew, with `sign` in front where `when` says so and the piece does not begin with it, and, if
 * `replace`, with `sign` in place of every space.
 */
static int prepend(struct fs_text *text, struct fs_pieces *pieces, const char *sign, enum fs_prepend when, bool replace,
                   struct fs_error *err)
{
    struct fs_text result = {0};
    size_t length = strlen(sign);
    int status = 0;
    for (size_t i = 0; i < pieces->count && status == 0; i++) {
        size_t begin = pieces->begin[i], end = pieces->end[i], start = result.count;
        bool has = (end - begin >= length && memcmp(text->data + begin, sign, length) == 0) ||
                   (replace && text->data[begin] == ' ');
        if (!has && (when == FS_PREPEND_ALWAYS || (when == FS_PREPEND_FIRST && text->begin[begin] == 0))) {
            status = fs_text_append(&result, sign, length, text->begin[begin], text->begin[begin], err);
        }
        for (size_t at = begin, run = begin; at <= end && status == 0; at++) {
            bool space = replace && at < end && text->data[at] == ' ';
            if (at < end && !space) {
                continue;
            }
            status = fs_text_append_slice(&result, text, run, at, err);
            if (space && status == 0) {
                status = fs_text_append(&result, sign, length, text->begin[at], text->end[at], err);
            }
            run = at + 1;
        }
        pieces->begin[i] = start;
        pieces->end[i] = result.count;
    }
    if (status) {
        fs_text_release(&result);
        return -1;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

/* Writes every piece anew, in GPT-2's alphabet. */
static int map_bytes(struct fs_text *text, struct fs_pieces *pieces, struct fs_error *err)
{
    struct fs_text result = {0};
    for (size_t i = 0; i < pieces->count; i++) {
        size_t start = result.count;
        if (fs_append_byte_characters(&result, text, pieces->begin[i], pieces->end[i], err)) {
            fs_text_release(&result);
            return -1;
        }
        pieces->begin[i] = start;
        pieces->end[i] = result.count;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

static int apply_byte_level(const struct fs_pretokenizer_step *step, struct fs_text *text, struct fs_pieces *pieces,
                            struct fs_pieces *out, struct fs_error *err)
{
    if (step->add_prefix_space && prepend(text, pieces, " ", FS_PREPEND_ALWAYS, false, err)) {
        return -1;
    }
    if (step->use_regex && split(&step->pattern, FS_SPLIT_ISOLATED, false, text, pieces, out, err)) {
        return -1;
    }
    return step->map_bytes ? map_bytes(text, step->use_regex ? out : pieces, err) : 0;
}

static int cut_lengths(size_t most, const struct fs_text *text, const struct fs_pieces *in, struct fs_pieces *out,
                       struct fs_error *err)
{
    for (size_t i = 0; i < in->count; i++) {
        size_t begin = in->begin[i], characters = 0;
        for (size_t at = begin; at < in->end[i]; characters++) {
            if (characters == most) {
                if (fs_pieces_add(out, begin, at, err)) {
                    return -1;
                }
                begin = at;
                characters = 0;
            }
            at += fs_utf8_length(text->data[at]);
        }
        if (fs_pieces_add(out, begin, in->end[i], err)) {
            return -1;
        }
    }
    return 0;
}

/* Cuts before a character of another script. What stands before the first that has one is dropped, as in the library. */
static int cut_scripts(const struct fs_text *text, const struct fs_pieces *in, struct fs_pieces *out,
                       struct fs_error *err)
{
    for (size_t i = 0; i < in->count; i++) {
        size_t begin = in->end[i];
        int last = 0;
        for (size_t at = in->begin[i], next; at < in->end[i]; at = next) {
            uint32_t character;
            next = at + fs_utf8_decode(text->data + at, &character);
            int script = fs_script(character);
            if (script == 0 || script == last) {
                continue;
            }
            if (last != 0 && fs_pieces_add(out, begin, at, err)) {
                return -1;
            }
            begin = at;
            last = script;
        }
        if (begin < in->end[i] && fs_pieces_add(out, begin, in->end[i], err)) {
            return -1;
        }
    }
    return 0;
}

static int apply_step(const struct fs_pretokenizer_step *step, struct fs_text *text, struct fs_pieces *pieces,
                      struct fs_pieces *out, bool *changed, struct fs_error *err)
{
    *changed = true;
    switch (step->kind) {
    case FS_PRETOKENIZE_CLASS:
        return split_classes(step, text, pieces, out, err);
    case FS_PRETOKENIZE_SPLIT:
        return split(&step->pattern, step->behavior, step->invert, text, pieces, out, err);
    case FS_PRETOKENIZE_BYTE_LEVEL:
        *changed = step->use_regex;
        return apply_byte_level(step, text, pieces, out, err);
    case FS_PRETOKENIZE_FIXED_LENGTH:
        return cut_lengths(step->length, text, pieces, out, err);
    case FS_PRETOKENIZE_SCRIPTS:
        return cut_scripts(text, pieces, out, err);
    case FS_PRETOKENIZE_METASPACE:
        *changed = step->split;
        if (prepend(text, pieces, step->pattern.literal, step->prepend, true, err)) {
            return -1;
        }
        return step->split ? split(&step->pattern, FS_SPLIT_NEXT, false, text, pieces, out, err) : 0;
    }
    return fs_error_set(err, FS_EXIT_SOFTWARE, "pre-tokenizer step %d is unknown", (int)step->kind);
}

int fs_pretokenizer_apply(const struct fs_pretokenizer *pretokenizer, struct fs_text *text, struct fs_pieces *pieces,
                          struct fs_error *err)
{
    if (text->count > 0 && fs_pieces_add(pieces, 0, text->count, err)) {
        return -1;
    }
    for (size_t i = 0; i < pretokenizer->count; i++) {
        struct fs_pieces out = {0};
        bool changed;
        if (apply_step(&pretokenizer->step[i], text, pieces, &out, &changed, err)) {
            fs_pieces_release(&out);
            return -1;
        }
        if (changed) {
            fs_pieces_release(pieces);
            *pieces = out;
        }
    }
    return 0;
}
