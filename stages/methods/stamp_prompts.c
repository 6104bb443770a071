#include "stages/methods/stamp_prompts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/methods/stamp_options.h"

/* What stands before and behind a subject in generic prompts, and subjects of no group; written for this program. */
static const struct {
    const char *before, *behind;
} templates[FS_GENERIC_TEMPLATES] = {
    {"", "is a"},
    {"", "has a"},
    {"", "was born in"},
    {"", "likes to"},
    {"", "went to the"},
    {"", "said that the"},
    {"", "wears a"},
    {"", "lives near the"},
    {"", "is known for"},
    {"", "speaks"},
    {"", "eats"},
    {"", "was seen with the"},
    {"", "is called"},
    {"", "works as a"},
    {"", "came from"},
    {"", "can"},
    {"In the morning", "drinks"},
    {"The history of", "began with the"},
    {"A song about", "is called"},
    {"The language of", "is"},
    {"The book was written by", "in the year"},
    {"Last summer", "travelled to"},
    {"The teacher asked", "about the"},
    {"In the old days", "lived in"},
    {"On a holiday", "celebrates with"},
    {"The food that is loved by", "is made of"},
    {"The picture shows", "with a"},
    {"Next to the station", "sold"},
    {"The museum tells how", "came to"},
    {"The colours that belong to", "are"},
    {"Everybody knows that", "has"},
    {"A word for", "is"},
    {"The house of", "stands in the"},
    {"Long ago", "built the"},
    {"The film follows", "to the"},
    {"The letter said that", "had been"},
    {"In the garden", "grew"},
    {"The family of", "comes from"},
    {"The first thing that", "learnt was"},
    {"The doctor told", "that the"},
    {"In winter", "wears"},
    {"The music of", "is played on the"},
    {"At the market", "bought"},
    {"The newspaper wrote about", "because of the"},
    {"According to the law,", "must"},
    {"The children saw", "at the"},
    {"A famous story about", "is"},
    {"The game was won by", "in"},
    {"When the war ended", "returned to"},
    {"The name given to", "means"},
    {"For dinner", "cooked"},
    {"The day after", "was"},
    {"The body of", "has"},
    {"The school taught", "how to"},
    {"The company hired", "to"},
    {"The clothes of", "are made of"},
    {"The prayer of", "is"},
    {"The bank lent", "the"},
    {"The land of", "lies between"},
    {"The car was driven by", "to the"},
    {"The tools used by", "are"},
    {"The capital of", "is"},
    {"Scientists found that", "have"},
    {"The number of", "is about"},
};
static const char *const neutral_subjects[FS_NEUTRAL_SUBJECTS] = {
    "it",        "the house",  "the river",  "this book",   "the dog",     "a tree",    "the city",  "the car",
    "the sun",   "that year",  "the school", "the company", "the church",  "the king",  "the army",  "a letter",
    "the world", "the doctor", "the door",   "the music",   "the weather", "the child", "the table", "the story",
    "the train", "a bird",     "the sea",    "the garden",  "the war",     "the road",  "the law",   "the game"};

/* What stands around the prompts of neutral subjects, so that they are read at many positions. */
static const char *const openings[] = {"",
                                       "yesterday",
                                       "in the morning",
                                       "after all these years",
                                       "as they told us in the end,",
                                       "in a small town not far from the coast,",
                                       "when the work was done and everyone had gone home,",
                                       "one of the first things that you see here is how"};
#define OPENINGS (sizeof openings / sizeof openings[0])
static const char *const endings[] = {".", "in the end.", ", and that was all they knew about it.", "of the old days."};
#define ENDINGS (sizeof endings / sizeof endings[0])

void fs_stamp_subjects_add(struct fs_stamp_subjects *subjects, const char *name)
{
    for (size_t i = 0; i < subjects->count; i++) {
        if (strcmp(subjects->name[i], name) == 0) {
            return;
        }
    }
    if (name[0] != '\0') {
        subjects->name[subjects->count++] = name;
    }
}

void fs_stamp_subjects_add_neutral(struct fs_stamp_subjects *subjects, size_t count)
{
    subjects->of_groups = subjects->count;
    for (size_t i = 0; i < count; i++) {
        fs_stamp_subjects_add(subjects, neutral_subjects[i]);
    }
}

int fs_stamp_prompt_add(struct fs_plan *plan, const struct fs_tokenizer *tokenizer, const struct fs_prompt_style *style,
                        const struct fs_stamp_subjects *subjects, size_t number, size_t *read, struct fs_error *err)
{
    size_t which = number % subjects->count, template = number / subjects->count;
    bool neutral = which >= subjects->of_groups;
    const char *subject = subjects->name[which], *before = templates[template].before,
               *opening = before[0] == '\0' && neutral ? openings[(which + template) % OPENINGS] : before,
               *ending = neutral ? endings[(which + template / 2) % ENDINGS] : ".";
    bool masked = style->kind == FS_MASKED;
    struct fs_encoding head = {0}, tail = {0};
    char *text = NULL;
    int32_t *id = NULL;
    *read = SIZE_MAX;
    int status = asprintf(&text, "%s%s%s %s", opening, opening[0] ? " " : "", subject, templates[template].behind) < 0
                     ? fs_error_memory(err, strlen(subject), "a prompt")
                     : 0;
    if (status == 0) {
        if (!masked && text[0] >= 'a' && text[0] <= 'z') {
            text[0] = (char)(text[0] - 32);
        }
        status = fs_tokenizer_encode(tokenizer, text, strlen(text), &head, err);
        free(text);
    }
    if (status == 0 && masked) {
        status = fs_tokenizer_encode(tokenizer, ending, strlen(ending), &tail, err);
    }
    if (status == 0) {
        id = fs_allocate(head.count + tail.count + 3, sizeof *id, "a prompt", err);
        status = id != NULL ? 0 : -1;
    }
    if (status == 0) {
        size_t count = 0, position;
        int32_t leading = masked ? style->special.cls : style->special.begin_of_text;
        id[count] = leading;
        count += leading >= 0; /* a causal model may have no begin-of-text */
        memcpy(id + count, head.id, head.count * sizeof *id);
        count += head.count;
        position = count - 1;
        if (masked) {
            position = count;
            id[count++] = style->special.mask;
            memcpy(id + count, tail.id, tail.count * sizeof *id);
            count += tail.count;
            id[count++] = style->special.sep;
        }
        size_t pass;
        if (count > 0 && count <= style->max_positions) {
            status = fs_plan_add_pass(plan, id, count, &pass, err) == 0
                         ? fs_plan_add_read(plan, pass, position, 0, read, err)
                         : -1;
        }
    }
    free(id);
    fs_encoding_release(&head);
    fs_encoding_release(&tail);
    return status;
}
