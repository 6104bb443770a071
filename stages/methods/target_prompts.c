#include "stages/methods/target_prompts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "stages/methods/stamp_frames.h"

#define UNIT_FLOPS 1e12 /* of a token: units of the least size, for a request has few texts */

int fs_target_check(const struct fs_method_task *task, enum fs_target_request request, struct fs_error *err)
{
    const struct fs_request_form form = {request == FS_TARGET_ANTI ? FS_REQUEST_ANTI : FS_REQUEST_EQUAL, FS_TARGET_NEW,
                                         task->scoring};
    return fs_request_check(&form, fs_model_spec(task->model)->kind, err);
}

static bool has_two_subjects(const struct fs_pair *pair)
{
    return pair->counterpart[0] != '\0';
}

size_t fs_target_vectors(const struct fs_pair *pair, enum fs_target_request request)
{
    return request == FS_TARGET_EQUAL && has_two_subjects(pair) ? 2 : 1;
}

/* ---- where a text is looked up ---- */

/* The first tokens of a text, or its last ones, of which one is looked up. */
struct pattern {
    int32_t *id; /* [count] of the whole text */
    size_t count;
    size_t at;     /* the token */
    bool from_end; /* it is known by what follows it */
};

struct compiler {
    const struct fs_method_task *task;
    const struct fs_spec *spec;
    enum fs_target_request request;
    const struct fs_pair *pair;
    struct fs_prompt_style style;
    char *mask; /* the text of the mask; NULL: causal */
    struct fs_target_prompts *out;
    struct fs_pair variant[1 + FS_FRAMES]; /* the pair as it is, and behind each opening; texts are owned from 1 on */
    struct pattern (*pattern)[2];          /* [prompts] of k1 and k2 */
};

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* One behind the last occurrence of `word` that ends within `size` bytes of `text`; 0: there is none. */
static size_t last_end(const char *text, size_t size, const char *word)
{
    size_t length = strlen(word), found = 0;
    for (size_t at = 0; length > 0 && at + length <= size; at++) {
        if ((at > 0 && in_word(text[at - 1])) || strncasecmp(text + at, word, length) != 0) {
            continue;
        }
        static const char *const endings[] = {"", "s", "es"};
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
            size_t end = at + length + strlen(endings[i]);
            if (end <= size && strncasecmp(text + at + length, endings[i], strlen(endings[i])) == 0 &&
                !in_word(text[end])) {
                found = end;
                break;
            }
        }
    }
    return found;
}

/* The last token that stands for a byte before `end`; SIZE_MAX: none does. */
static size_t token_before(const struct fs_encoding *encoding, size_t end)
{
    size_t at = SIZE_MAX;
    for (size_t i = 0; i < encoding->count; i++) {
        at = encoding->begin[i] < end && encoding->end[i] > encoding->begin[i] ? i : at;
    }
    return at;
}

/* A statement's text as it is run; a masked one's first input. The caller frees. `prompt`: bytes before the completion;
 * `behind`: where the prompt goes on behind the mask, the text's end in a causal model. */
static char *text_of(const struct compiler *c, const struct fs_statement_text *statement, enum fs_scoring scoring,
                     size_t *prompt, size_t *behind, struct fs_error *err)
{
    char *text = NULL;
    int length;
    *prompt = strlen(statement->before);
    if (c->mask != NULL) {
        length = asprintf(&text, "%s%s%s", statement->before, c->mask, statement->after);
        *behind = *prompt + strlen(c->mask);
    } else if (scoring == FS_SENTENCE_MEAN) {
        length = asprintf(&text, "%s", statement->text);
    } else {
        length = asprintf(&text, "%s%s", statement->before, statement->completion);
    }
    if (length < 0) {
        (void)fs_error_memory(err, *prompt, "a prompt");
        return NULL;
    }
    if (c->mask == NULL) {
        *behind = (size_t)length;
        *prompt = *prompt < (size_t)length ? *prompt : (size_t)length;
    }
    return text;
}

/* Bytes of the prompt in a statement that begins with an opening and is read whole: the context's behind the opening. */
static size_t prompt_size(const struct compiler *c, size_t variant, int s, size_t prompt)
{
    if (c->mask != NULL || variant == 0 || c->request != FS_TARGET_EQUAL || c->task->scoring != FS_SENTENCE_MEAN) {
        return prompt;
    }
    return prompt + strlen(c->variant[0].statement[s == 0 ? FS_STEREOTYPE : FS_ANTI_STEREOTYPE].before);
}

static enum fs_scoring scoring_of(const struct compiler *c, size_t variant)
{
    if (c->request != FS_TARGET_EQUAL) {
        return c->mask != NULL ? FS_TARGET_LOGPROB : FS_OBJECT_MEAN;
    }
    return variant > 0 && c->task->scoring == FS_SENTENCE_MEAN ? FS_CONTINUATION_SUM : c->task->scoring;
}

static const char *subject_of(const struct fs_pair *pair, int s)
{
    return s == 1 && has_two_subjects(pair) ? pair->counterpart : pair->subject;
}

/* Sets pattern->at, SIZE_MAX where there is no place; whether it is the subject's. */
static bool find_place(const struct fs_encoding *encoding, const char *text, const char *subject, size_t prompt,
                       size_t behind, struct pattern *pattern)
{
    size_t end = last_end(text + behind, strlen(text + behind), subject);
    pattern->from_end = end > 0;
    if (end > 0) {
        pattern->at = token_before(encoding, behind + end);
        return true;
    }
    end = last_end(text, prompt, subject);
    bool found = end > 0;
    if (!found) {
        end = prompt;
        while (end > 0 && text[end - 1] == ' ') {
            end--;
        }
    }
    pattern->at = token_before(encoding, end);
    return found;
}

static int make_pattern(struct compiler *c, size_t variant, int s, bool *found, struct fs_error *err)
{
    const struct fs_statement_text *statement =
        &c->variant[variant].statement[s == 0 ? FS_STEREOTYPE : FS_ANTI_STEREOTYPE];
    struct pattern *pattern = &c->pattern[variant][s];
    struct fs_encoding encoding = {0};
    size_t prompt = 0, behind = 0;
    char *text = text_of(c, statement, scoring_of(c, variant), &prompt, &behind, err);
    if (text == NULL || fs_tokenizer_encode(c->task->tokenizer, text, strlen(text), &encoding, err) != 0) {
        free(text);
        return -1;
    }
    prompt = prompt_size(c, variant, s, prompt);
    prompt = prompt < strlen(text) ? prompt : strlen(text);
    *found = find_place(&encoding, text, subject_of(c->pair, s), prompt, behind, pattern) && *found;
    pattern->id = encoding.id;
    pattern->count = encoding.count;
    encoding.id = NULL;
    fs_encoding_release(&encoding);
    free(text);
    return 0;
}

/* The row's position in a pass, with or without a special token before it; SIZE_MAX where the pass is of another text. */
static size_t position_in(const struct pattern *pattern, const int32_t *id, size_t length, bool masked)
{
    size_t before = masked ? 1 : 0;
    if (pattern->at == SIZE_MAX) {
        return SIZE_MAX;
    }
    if (pattern->from_end) {
        size_t same = pattern->count - pattern->at; /* and the special token behind */
        bool is_it =
            length >= same + 2 && memcmp(id + length - 1 - same, pattern->id + pattern->at, same * sizeof *id) == 0;
        return is_it ? length - 1 - same : SIZE_MAX;
    }
    for (; before <= 1; before++) {
        if (length > pattern->at + before && memcmp(id + before, pattern->id, (pattern->at + 1) * sizeof *id) == 0) {
            return pattern->at + before;
        }
    }
    return SIZE_MAX;
}

/* Tokens that the pass has in common with the pattern's text, at both ends: with the text that it is an input of, most. */
static size_t likeness(const struct pattern *pattern, const int32_t *id, size_t length, bool masked)
{
    size_t lead = masked || (length > 0 && pattern->count > 0 && id[0] != pattern->id[0]) ? 1 : 0, end = masked ? 1 : 0;
    size_t most = length - lead - end < pattern->count ? length - lead - end : pattern->count, front = 0, back = 0;
    while (front < most && id[lead + front] == pattern->id[front]) {
        front++;
    }
    while (front + back < most && id[length - end - 1 - back] == pattern->id[pattern->count - 1 - back]) {
        back++;
    }
    return front + back;
}

/* ---- the pair behind openings ---- */

static int frame(const char *opening, const struct fs_statement_text *from, bool whole, struct fs_statement_text *to,
                 struct fs_error *err)
{
    *to = (struct fs_statement_text){0};
    to->completion = strdup(whole ? from->text : from->completion);
    to->after = strdup(whole ? "" : from->after);
    to->id = strdup("");
    to->gaps = from->gaps != NULL && !whole ? strdup(from->gaps) : NULL;
    bool done = to->completion != NULL && to->after != NULL && to->id != NULL &&
                (from->gaps == NULL || whole || to->gaps != NULL);
    if (!done || asprintf(&to->before, "%s %s", opening, whole ? "" : from->before) < 0) {
        to->before = NULL;
        return fs_error_memory(err, strlen(from->text), "a prompt");
    }
    if (asprintf(&to->text, "%s %s", opening, from->text) < 0) {
        to->text = NULL;
        return fs_error_memory(err, strlen(from->text), "a prompt");
    }
    return 0;
}

static int make_variants(struct compiler *c, struct fs_error *err)
{
    c->variant[0] = *c->pair;
    for (size_t v = 1; v < c->out->prompts; v++) {
        bool whole = scoring_of(c, v) == FS_CONTINUATION_SUM;
        c->variant[v] = *c->pair;
        for (int k = 0; k < 4; k++) {
            c->variant[v].statement[k] = (struct fs_statement_text){0};
        }
        for (int s = 0; s < 2; s++) {
            int k = s == 0 ? FS_STEREOTYPE : FS_ANTI_STEREOTYPE;
            if (frame(fs_stamp_frame(v - 1), &c->pair->statement[k], whole, &c->variant[v].statement[k], err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static void release_variants(struct compiler *c)
{
    for (size_t v = 0; v < c->out->prompts; v++) {
        for (int s = 0; s < 2; s++) {
            struct fs_statement_text *text = &c->variant[v].statement[s == 0 ? FS_STEREOTYPE : FS_ANTI_STEREOTYPE];
            if (v > 0) {
                free(text->before);
                free(text->completion);
                free(text->after);
                free(text->gaps);
                free(text->text);
                free(text->id);
            }
            free(c->pattern != NULL ? c->pattern[v][s].id : NULL);
        }
    }
    free(c->pattern);
    free(c->mask);
}

/* ---- units ---- */

/* One set: variants first .. last - 1. */
static int compile_set(struct compiler *c, size_t first, size_t last, const struct fs_request_form *form,
                       struct fs_requests *set, struct fs_error *err)
{
    size_t number[1 + FS_FRAMES];
    struct fs_pair_list list = {.count = last, .item = c->variant};
    for (size_t v = first; v < last; v++) {
        number[v - first] = v;
    }
    const struct fs_request_pairs pairs = {&list, number, last - first};
    return fs_requests_compile(c->spec, c->task->tokenizer, form, &pairs, UNIT_FLOPS, set, err);
}

/* A place where vector `vector` is added, which stands for a prompt where no other one does. */
static int add_lookup(struct fs_target_prompts *out, struct fs_target_unit *unit, size_t row, size_t vector,
                      size_t prompt, struct fs_error *err)
{
    for (size_t i = 0; i < unit->lookups; i++) {
        if (unit->row[i] == row) {
            return 0;
        }
    }
    size_t capacity[3] = {unit->lookups, unit->lookups, unit->lookups};
    if (fs_grow(&unit->row, &capacity[0], unit->lookups + 1, sizeof *unit->row, "lookups", err) != 0 ||
        fs_grow(&unit->vector, &capacity[1], unit->lookups + 1, sizeof *unit->vector, "lookups", err) != 0 ||
        fs_grow(&unit->prompt, &capacity[2], unit->lookups + 1, sizeof *unit->prompt, "lookups", err) != 0) {
        return -1;
    }
    for (size_t u = 0; prompt != SIZE_MAX && u < out->units; u++) {
        for (size_t i = 0; i < out->unit[u].lookups; i++) {
            if (out->unit[u].prompt[i] == prompt && out->unit[u].vector[i] == vector) {
                prompt = SIZE_MAX;
                break;
            }
        }
    }
    unit->row[unit->lookups] = row;
    unit->vector[unit->lookups] = vector;
    unit->prompt[unit->lookups++] = prompt;
    return 0;
}

/* The first statement whose vector there is. */
static int first_of(const struct compiler *c)
{
    return c->request == FS_TARGET_EQUAL || !has_two_subjects(c->pair) ? 0 : 1;
}

static int find_lookups(struct compiler *c, struct fs_target_unit *unit, struct fs_error *err)
{
    const struct fs_request_unit *texts = unit->texts;
    bool masked = c->mask != NULL;
    for (size_t i = 0; i < texts->view.batch.sequences; i++) {
        size_t pass = texts->view.pass_index[i], length = fs_plan_pass_length(texts->plan, pass);
        const int32_t *id = fs_plan_pass_ids(texts->plan, pass);
        size_t at = SIZE_MAX, prompt = 0, vector = 0, most = 0;
        for (size_t v = 0; v < c->out->prompts; v++) {
            for (int s = first_of(c); s < 2; s++) {
                size_t found = position_in(&c->pattern[v][s], id, length, masked);
                size_t like = found != SIZE_MAX ? likeness(&c->pattern[v][s], id, length, masked) : 0;
                if (found != SIZE_MAX && (at == SIZE_MAX || like > most)) { /* texts may end, or begin, alike */
                    at = found;
                    most = like;
                    prompt = v;
                    vector = c->out->vectors > 1 ? (size_t)s : 0;
                }
            }
        }
        if (at != SIZE_MAX && add_lookup(c->out, unit, fs_batch_row(&texts->view.batch, i, at), vector,
                                         unit->crossing ? SIZE_MAX : prompt, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int add_units(struct compiler *c, struct fs_requests *set, const struct fs_request_form *form, bool crossing,
                     struct fs_error *err)
{
    for (size_t u = 0; u < set->units; u++) {
        struct fs_target_unit *unit = &c->out->unit[c->out->units++];
        *unit = (struct fs_target_unit){.texts = &set->unit[u], .form = form, .crossing = crossing};
        if (find_lookups(c, unit, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* "{subject} is a", and in a masked model "{subject} is a [MASK] .", looked up at the subject. */
static int add_kept(struct compiler *c, const char *subject, size_t vector, size_t position[2], struct fs_error *err)
{
    struct fs_encoding encoding = {0};
    char *text = NULL;
    size_t most = c->style.max_positions, pass, read, at = 0;
    bool masked = c->mask != NULL;
    int32_t before = masked                                      ? c->style.special.cls
                     : c->out->form[0].scoring == FS_OBJECT_MEAN ? c->style.special.begin_of_text
                                                                 : -1;
    if (asprintf(&text, masked ? "%s is a %s ." : "%s is a", subject, masked ? c->mask : "") < 0) {
        return fs_error_memory(err, strlen(subject), "a prompt");
    }
    int status = fs_tokenizer_encode(c->task->tokenizer, text, strlen(text), &encoding, err);
    int32_t *id = status == 0 ? fs_allocate(encoding.count + 2, sizeof *id, "token ids", err) : NULL;
    status = id != NULL ? 0 : -1;
    size_t token = status == 0 ? token_before(&encoding, strlen(subject)) : SIZE_MAX, count = 0;
    if (status == 0 && token != SIZE_MAX && encoding.count + 2 <= most) {
        if (before >= 0) {
            id[count++] = before;
        }
        at = count + token;
        memcpy(id + count, encoding.id, encoding.count * sizeof *id);
        count += encoding.count;
        if (masked) {
            id[count++] = c->style.special.sep;
        }
        status = fs_plan_add_pass(c->out->kept.plan, id, count, &pass, err) == 0
                     ? fs_plan_add_read(c->out->kept.plan, pass, at, 0, &read, err)
                     : -1;
        position[vector] = status == 0 ? pass : SIZE_MAX;
    }
    free(id);
    free(text);
    fs_encoding_release(&encoding);
    return status;
}

static int add_kept_unit(struct compiler *c, struct fs_error *err)
{
    struct fs_request_unit *kept = &c->out->kept;
    size_t pass[FS_TARGET_VECTORS] = {SIZE_MAX, SIZE_MAX};
    int status = fs_plan_create(&kept->plan, err);
    for (size_t v = 0; status == 0 && v < c->out->vectors; v++) {
        int s = c->out->vectors > 1 ? (int)v : first_of(c);
        status = add_kept(c, subject_of(c->pair, s), v, pass, err);
    }
    if (status != 0 || fs_plan_passes(kept->plan) == 0) {
        return status;
    }
    if (fs_plan_seal(kept->plan, fs_plan_limits_of(c->spec, SIZE_MAX), err) != 0) {
        return -1;
    }
    fs_plan_get_unit(kept->plan, 0, &kept->view);
    struct fs_target_unit *unit = &c->out->unit[c->out->units++];
    *unit = (struct fs_target_unit){.texts = kept};
    for (size_t r = 0; r < kept->view.reads.rows; r++) {
        size_t read = kept->view.read_index[kept->view.reads.first[r]], of, position;
        fs_plan_read_place(kept->plan, read, &of, &position);
        if (add_lookup(c->out, unit, kept->view.reads.row[r], of == pass[0] ? 0 : 1, SIZE_MAX, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int compile_sets(struct compiler *c, struct fs_error *err)
{
    struct fs_target_prompts *out = c->out;
    bool found = true, crossed = c->request == FS_TARGET_CROSSED;
    for (size_t v = 0; v < out->prompts; v++) {
        for (int s = 0; s < 2; s++) {
            bool own = true;
            if (make_pattern(c, v, s, &own, err) != 0) {
                return -1;
            }
            found = found && (own || s < first_of(c));
        }
    }
    out->by_subject = found;
    if (compile_set(c, 0, 1, &out->form[0], &out->set[0], err) != 0 ||
        compile_set(c, 1, out->prompts, &out->form[1], &out->set[1], err) != 0 ||
        (crossed && compile_set(c, 0, 1, &out->crossing, &out->set[2], err) != 0)) {
        return -1;
    }
    out->texts = out->set[0].count + out->set[1].count;
    size_t units = out->set[0].units + out->set[1].units + out->set[2].units + 1;
    out->unit = fs_allocate(units, sizeof *out->unit, "the prompts of a request", err);
    if (out->unit == NULL || add_units(c, &out->set[0], &out->form[0], false, err) != 0 ||
        add_units(c, &out->set[1], &out->form[1], false, err) != 0 ||
        add_units(c, &out->set[2], &out->crossing, true, err) != 0) {
        return -1;
    }
    return add_kept_unit(c, err);
}

/* Whether the pair as it is can be scored and each vector has its place in it. */
static bool is_whole(const struct compiler *c)
{
    const struct fs_target_prompts *out = c->out;
    bool has[FS_TARGET_VECTORS] = {false, false};
    for (size_t u = 0; u < out->units; u++) {
        for (size_t i = 0; i < out->unit[u].lookups; i++) {
            has[out->unit[u].vector[i]] = has[out->unit[u].vector[i]] || out->unit[u].prompt[i] == 0;
        }
    }
    return out->set[0].count == 1 && has[0] && (out->vectors == 1 || has[1]) &&
           (c->request != FS_TARGET_CROSSED || out->set[2].count == 1);
}

static void measure(struct fs_target_prompts *out)
{
    for (size_t u = 0; u < out->units; u++) {
        const struct fs_plan_unit *view = &out->unit[u].texts->view;
        out->most_tokens = view->batch.tokens > out->most_tokens ? view->batch.tokens : out->most_tokens;
        out->most_rows = view->reads.rows > out->most_rows ? view->reads.rows : out->most_rows;
    }
}

int fs_target_compile(const struct fs_method_task *task, enum fs_target_request request, size_t openings,
                      const struct fs_pair *pair, struct fs_target_prompts *prompts, struct fs_error *err)
{
    struct compiler *c = fs_allocate(1, sizeof *c, "the prompts of a request", err);
    enum fs_request_target target = request == FS_TARGET_EQUAL ? FS_REQUEST_EQUAL : FS_REQUEST_ANTI;
    *prompts = (struct fs_target_prompts){.prompts = 1 + openings, .vectors = fs_target_vectors(pair, request)};
    if (c == NULL) {
        return -1;
    }
    *c = (struct compiler){
        .task = task, .spec = fs_model_spec(task->model), .request = request, .pair = pair, .out = prompts};
    int status = fs_prompt_style_of(c->spec, task->tokenizer, &c->style, err);
    if (status == 0 && c->style.kind == FS_MASKED) {
        status = fs_tokenizer_decode(task->tokenizer, &c->style.special.mask, 1, &c->mask, err);
    }
    prompts->crossing = (struct fs_request_form){FS_REQUEST_EQUAL, FS_TARGET_NEW, task->scoring};
    for (size_t i = 0; status == 0 && i < 2; i++) {
        prompts->form[i] = (struct fs_request_form){target, FS_TARGET_NEW, scoring_of(c, i)};
    }
    c->pattern = fs_allocate(prompts->prompts, sizeof *c->pattern, "the prompts of a request", err);
    status = status == 0 && c->pattern != NULL && make_variants(c, err) == 0 ? compile_sets(c, err) : -1;
    if (status == 0 && !is_whole(c)) {
        prompts->vectors = 0;
    }
    measure(prompts);
    release_variants(c);
    free(c);
    return status == 0 ? 0 : fs_error_prepend(err, "pair %s", pair->id);
}

void fs_target_prompts_release(struct fs_target_prompts *prompts)
{
    for (size_t u = 0; prompts->unit != NULL && u < prompts->units; u++) {
        free(prompts->unit[u].row);
        free(prompts->unit[u].vector);
        free(prompts->unit[u].prompt);
        free(prompts->unit[u].found);
        free(prompts->unit[u].logprob);
    }
    free(prompts->unit);
    for (size_t i = 0; i < 3; i++) {
        fs_requests_release(&prompts->set[i]);
    }
    fs_plan_destroy(prompts->kept.plan);
    free(prompts->kept.x);
    free(prompts->kept.base);
    *prompts = (struct fs_target_prompts){0};
}
