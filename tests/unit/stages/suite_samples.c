#include "suite_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support.h"

char long_name[LONG_NAME + 1];

#define SENTENCE(id, label, text) "{\"id\": \"" id "\", \"gold_label\": \"" label "\", \"sentence\": \"" text "\"}"
#define SENTENCES(id, before, after)                                                                                   \
    "\"sentences\": [" SENTENCE(id "s", "stereotype", before "kind" after) ", " SENTENCE(                              \
        id "a", "anti-stereotype", before "old" after) ", " SENTENCE(id "u", "unrelated", before "wood" after) "]"
#define HEAD(id, context)                                                                                              \
    "{\"id\": \"" id "\", \"bias_type\": \"%s\", \"target\": \"her\", \"context\": \"" context "\", "

/* `layout` has the place of one category, `%s`. */
static const char *write_with_category(const char *name, const char *layout)
{
    char text[4096];
    (void)snprintf(text, sizeof text, layout, long_name);
    return write_text(name, text);
}

static const char *write_stereoset(void)
{
    return write_with_category(
        "stereoset.json",
        "{\"data\": {\"intrasentence\": [" HEAD("p", "She is BLANK.") SENTENCES(
            "p", "She is ", ".") "}, {\"id\": \"q\", \"bias_type\": \"gender\", \"target\": "
                                 "\"her\", \"context\": \"He is BLANK.\", " SENTENCES("q", "He is ", ".") "}]}}");
}

static const char *write_intersentence(void)
{
    return write_with_category(
        "inter.json",
        "{\"data\": {\"intersentence\": [" HEAD("p", "She came in.")
            SENTENCES("p", "She was ", ".") "}, {\"id\": \"q\", \"bias_type\": \"gender\", \"target\": \"her\", "
                                            "\"context\": \"He came in.\", " SENTENCES("q", "He was ", ".") "}]}}");
}

#define SYNONYMS(id, before)                                                                                           \
    "\"data\": {\"stereotype\": {\"id\": \"" id "s\", \"sentence\": \"" before "kind.\"}, \"anti-stereotype\": "       \
    "{\"id\": \"" id "a\", \"sentence\": \"" before "old.\"}, \"unrelated\": {\"id\": \"" id                           \
    "u\", \"sentence\": \"" before "wood.\"}}}"

static const char *write_synonyms(void)
{
    return write_with_category("synonyms.json",
                               "[" HEAD("p", "She is BLANK.") SYNONYMS(
                                   "p", "She is ") ", {\"id\": \"q\", \"bias_type\": \"gender\", \"target\": \"her\", "
                                                   "\"context\": \"He is BLANK.\", " SYNONYMS("q", "He is ") "]");
}

static const char *write_biaske(void)
{
    return write_text(/* whose categories are given */
                      "biaske.json",
                      "{\"format\": \"fairstamp-biaske\", \"version\": 1, \"licence\": \"none\", \"pairs\": ["
                      "{\"id\": \"a\", \"category\": \"gender\", \"target\": \"woman\", \"relation\": \"is\", "
                      "\"object\": \"kind\", "
                      "\"unrelated\": \"wood\", \"subjects\": [\"woman\", \"man\"], \"prompt\": \"The {subject} is "
                      "{object}.\", "
                      "\"paraphrases\": [\"That {subject} was {object}.\"]}, "
                      "{\"id\": \"b\", \"category\": \"gender\", \"target\": \"man\", \"relation\": \"is\", "
                      "\"object\": \"old\", "
                      "\"unrelated\": \"wood\", \"subjects\": [\"man\", \"woman\"], \"prompt\": \"The {subject} is "
                      "{object}.\", "
                      "\"paraphrases\": []}], \"facts\": ["
                      "{\"id\": \"c\", \"category\": \"race\", \"subject\": \"king\", \"object\": \"man\", "
                      "\"counterpart_object\": \"woman\", \"prompt\": \"A {subject} is a {object}.\"}, "
                      "{\"id\": \"d\", \"category\": \"none\", \"subject\": \"sea\", \"object\": \"wet\", "
                      "\"counterpart_object\": \"old\", \"prompt\": \"The {subject} is {object}.\"}]}");
}

static const char *write_crows_pairs(void)
{
    return write_with_category("crows.csv", ",sent_more,sent_less,stereo_antistereo,bias_type\n"
                                            "0,She is kind.,He is kind.,stereo,%s\n"
                                            "1,He is old.,She is old.,antistereo,gender\n");
}

static const char *write_winobias(void)
{
    static const char *const names[] = {"type1.txt.dev", "type1.txt.test", "type2.txt.dev", "type2.txt.test"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "pro_stereotyped_%s", names[i]);
        (void)write_text(name, "1 [The nurse] said that [she] was late.\n");
        (void)snprintf(name, sizeof name, "anti_stereotyped_%s", names[i]);
        (void)write_text(name, "1 [The nurse] said that [he] was late.\n");
    }
    return folder;
}

#define WINOGENDER(key, verb)                                                                                          \
    key ".male.txt\tThe nurse told the man that he " verb ".\n" key                                                    \
        ".female.txt\tThe nurse told the man that she " verb ".\n" key                                                 \
        ".neutral.txt\tThe nurse told the man that they " verb ".\n"

static const char *write_winogender(void)
{
    (void)write_text("all_sentences.tsv",
                     "sentid\tsentence\n" WINOGENDER("nurse.man.0", "ran") WINOGENDER("nurse.man.1", "sang"));
    return folder;
}

#define WINOGRAD(end, she, rain)                                                                                       \
    "en\toriginal\t?\tThe nurse said that it " end ".\t[\"The\", \"nurse\", \"said\", \"that\", \"it\", \"" end "\", " \
    "\".\"]\t[\"it\", [4, 5]]\t[[\"she\", [], [], " she "], [\"the rain\", [], [], " rain "]]\n"

static const char *write_winograd(void)
{
    return write_text("winograd.tsv", WINOGRAD("ran", "true", "false") WINOGRAD("fell", "false", "true"));
}

static const char *write_bec_pro(void)
{
    return write_text("bec.tsv", "\tSent_TM\tSent_TAM\tPerson\tGender\tProf_Gender\n"
                                 "0\t[MASK] is a nurse.\t[MASK] is a [MASK].\tHe\tmale\tfemale\n"
                                 "1\t[MASK] is a nurse.\t[MASK] is a [MASK].\tShe\tfemale\tfemale\n");
}

static const char *write_seat(void)
{
    return write_text("seat.jsonl", "{\"targ1\": {\"category\": \"x\", \"examples\": [\"she\", \"woman\"]},"
                                    "\"targ2\": {\"category\": \"y\", \"examples\": [\"he\", \"man\"]},"
                                    "\"attr1\": {\"category\": \"a\", \"examples\": [\"kind\", \"good\"]},"
                                    "\"attr2\": {\"category\": \"b\", \"examples\": [\"old\", \"bad\"]}}");
}

#define COUNTERFACT(id, answer)                                                                                        \
    "{\"case_id\": " id ", \"prompt\": \"The sea is\", \"ground_truth\": \"" answer "\", \"target_new\": \"old\","     \
    "\"rephrase_prompt\": \"That sea was\", \"locality_prompt\": \"The dog saw a\","                                   \
    "\"locality_ground_truth\": \"cat\"}"

static const char *write_blimp(void)
{
    return write_text("blimp.jsonl", "{\"sentence_good\": \"She is kind.\", \"sentence_bad\": \"She are kind.\", "
                                     "\"linguistics_term\": \"agreement\", \"UID\": \"one\"}\n"
                                     "{\"sentence_good\": \"He is old.\", \"sentence_bad\": \"He are old.\", "
                                     "\"linguistics_term\": \"agreement\", \"UID\": \"two\"}\n");
}

#define BBQ(category, answer)                                                                                          \
    "{\"category\": \"" category                                                                                       \
    "\", \"question_index\": \"1\", \"context_condition\": \"ambig\", \"question_polarity\": \"neg\", "                \
    "\"context\": \"She is kind.\", \"question\": \"Who is old?\", \"label\": 2, \"ans0\": \"" answer                  \
    "\", \"ans1\": \"He\", \"ans2\": \"Unknown\", \"answer_info\": {\"ans0\": [\"x\", \"old\"], \"ans1\": [\"y\", "    \
    "\"nonOld\"], \"ans2\": []}, \"additional_metadata\": {\"stereotyped_groups\": [\"old\"]}}\n"

static const char *write_bbq(void)
{
    return write_with_category("bbq.jsonl", BBQ("%s", "She") BBQ("gender", "They"));
}

static const char *write_pararel(void)
{
    static char path[4096];
    (void)snprintf(path, sizeof path, "%s/graphs", folder);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof path, "%s/trex_lms_vocab", folder);
    (void)mkdir(path, 0700);
    (void)write_text("graphs/P1.jsonl", "{\"pattern\": \"[X] is [Y] .\"}\n{\"pattern\": \"It is [X], so [Y].\"}\n");
    (void)write_text("trex_lms_vocab/P1.jsonl", "{\"sub_label\": \"The sea\", \"obj_label\": \"the\"}\n"
                                                "{\"sub_label\": \"The dog\", \"obj_label\": \"she\"}\n");
    return folder;
}

static const char *write_lambada(void)
{
    return write_text("lambada.jsonl", "{\"text\": \"Wet is the sea\"}\n{\"text\": \"She is kind, and he is old\"}\n");
}

static const char *write_counterfact(void)
{
    return write_text("counterfact.json", "[" COUNTERFACT("4", "wet") ", " COUNTERFACT("5", "kind") "]");
}

static const char *write_known_facts(void)
{
    return write_text("known.json", "[{\"known_id\": 0, \"prompt\": \"The sea is\", \"attribute\": \"wet\"},"
                                    "{\"known_id\": 1, \"prompt\": \"The dog is\", \"attribute\": \"old\"}]");
}

static const char *write_plain_text(void)
{
    return write_text("text.txt", "The nurse told the man that she ran. The sea is wet, and the dog is old.");
}

static const struct sample samples[] = {
    {"stereoset", write_stereoset, 2, 2, LONG_CATEGORY},
    {"stereoset_intersentence", write_intersentence, 2, 2, LONG_CATEGORY},
    {"stereoset_synonyms", write_synonyms, 2, 2, LONG_CATEGORY},
    {"biaske", write_biaske, 2, 2, NO_CATEGORY},
    {"biaske_facts", write_biaske, 2, 2, CATEGORY},
    {"crows_pairs", write_crows_pairs, 2, 2, LONG_CATEGORY},
    {"winobias", write_winobias, 4, 4, NO_CATEGORY}, /* one of each file */
    {"winogender", write_winogender, 2, 2, NO_CATEGORY},
    {"winograd", write_winograd, 2, 2, NO_CATEGORY},
    {"bec_pro", write_bec_pro, 2, 2, NO_CATEGORY},
    {"seat", write_seat, 8, 4, NO_CATEGORY}, /* words, of which targets are scored */
    {"blimp", write_blimp, 2, 2, NO_CATEGORY},
    {"bbq", write_bbq, 2, 2, LONG_CATEGORY},
    {"pararel", write_pararel, 2, 2, NO_CATEGORY},
    {"lambada", write_lambada, 2, 2, NO_CATEGORY},
    {"counterfact", write_counterfact, 2, 2, NO_CATEGORY},
    {"known_facts", write_known_facts, 2, 2, NO_CATEGORY},
    {"text", write_plain_text, 1, 1, NO_CATEGORY}}; /* windows */

const struct sample *sample_of(const struct fs_suite_kind *kind)
{
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        if (strcmp(samples[i].suite, kind->name) == 0) {
            return &samples[i];
        }
    }
    fail_msg("%s: no file of two items is made for it here", kind->name);
    return NULL;
}
