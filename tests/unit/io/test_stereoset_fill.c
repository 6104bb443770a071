/* The words for BLANK: in sentences of as many words as the context, of more and fewer, in other words and scripts. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/stereoset_fill.h"

struct fill_case {
    const char *context, *sentence[3];
    const char *fill[3]; /* NULL: skipped */
    enum fs_skip skip;
    size_t which;
};

static void check(const struct fill_case *of)
{
    struct fs_error err = FS_ERROR_INIT;
    char *fill[3] = {NULL};
    enum fs_skip skip = FS_KEPT;
    size_t which = 9;
    check_success(fs_stereoset_fill(of->context, of->sentence, fill, &skip, &which, &err), &err);
    if (skip != of->skip) {
        fail_msg("\"%s\": found %s, expected %s", of->context, fs_skip_name(skip), fs_skip_name(of->skip));
    }
    for (size_t k = 0; k < 3 && skip == FS_KEPT; k++) {
        assert_string_equal(fill[k], of->fill[k]);
    }
    if (skip != FS_KEPT) {
        assert_int_equal(which, of->which);
    }
    for (size_t k = 0; k < 3; k++) {
        free(fill[k]);
    }
}

#define CHECK_ALL(cases)                                                                                               \
    for (size_t i = 0; i < sizeof(cases) / sizeof *(cases); i++) {                                                     \
        check(&(cases)[i]);                                                                                            \
    }

/* As many words: the word at the place, as the published scorer takes it, in whatever words the rest is. */
static void in_place(void **state)
{
    (void)state;
    static const struct fill_case cases[] = {
        {"A cook is BLANK here.",
         {"A cook is loud here.", "A cook is calm here.", "A cook is iron here."},
         {"loud", "calm", "iron"},
         FS_KEPT,
         0},
        {"A cook is BLANK.",
         {"a cook was loud!", "One cook, is (calm).", "The cook is well-iron."},
         {"loud", "calm", "welliron"},
         FS_KEPT,
         0},
        /* the same word twice is no changed place */
        {"We like BLANK cooks.",
         {"We like cooks cooks.", "We like calm cooks.", "We like tin cooks."},
         {"cooks", "calm", "tin"},
         FS_KEPT,
         0},
        {"BLANK's pan", {"Ann's pan", "Bob's pan", "Fog's pan"}, {"Anns", "Bobs", "Fogs"}, FS_KEPT, 0},
        {"Very BLANK and BLANK.",
         {"Very odd and odd.", "Very new and new.", "Very map and map."},
         {"odd", "new", "map"},
         FS_KEPT,
         0},
    };
    CHECK_ALL(cases)
}

/* Several words for BLANK, or none of the three with as many words as the context. */
static void several_words(void **state)
{
    (void)state;
    static const struct fill_case cases[] = {
        {"The cook is BLANK today.",
         {"The cook is not at all loud today.", "The cook is rather calm today.", "The cook is an iron today."},
         {"not at all loud", "rather calm", "an iron"},
         FS_KEPT,
         0},
        /* one of them has one word */
        {"BLANK cooks well.",
         {"My old aunt cooks well.", "Ivan cooks well.", "The fog cooks well."},
         {"My old aunt", "Ivan", "The fog"},
         FS_KEPT,
         0},
        {"The cook is BLANK",
         {"The cook is so loud", "The cook is so calm", "The cook is so so iron"},
         {"so loud", "so calm", "so so iron"},
         FS_KEPT,
         0},
        {"He asked \"BLANK?\" twice",
         {"He asked \"who is it?\" twice", "he asked \"why now?\" twice", "He asked \"stone or fog?\" twice"},
         {"who is it", "why now", "stone or fog"},
         FS_KEPT,
         0},
        {"BLANK", {"one word", "two other words", "fog"}, {"one word", "two other words", "fog"}, FS_KEPT, 0},
    };
    CHECK_ALL(cases)
}

/* The sentences say the context in other words: more or fewer of them before or behind BLANK. */
static void other_wording(void **state)
{
    (void)state;
    static const struct fill_case cases[] = {
        /* before: the word at the place is "we" in all three */
        {"The cooks we know are BLANK.",
         {"Many of the cooks we know are loud.", "Many of the cooks we know are calm.",
          "Many of the cooks we know are iron."},
         {"loud", "calm", "iron"},
         FS_KEPT,
         0},
        /* behind, fewer */
        {"A BLANK cook came in to see us.",
         {"A loud cook came to us.", "A calm cook came to us.", "A fog cook came by."},
         {"loud", "calm", "fog"},
         FS_KEPT,
         0},
        /* an article that agrees with the fill: the word behind it holds the place */
        {"Mein BLANK ist m\xc3\xbc"
         "de heute.",
         {"Meine Mutter ist m\xc3\xbc"
          "de.",
          "Mein Vater ist sehr m\xc3\xbc"
          "de heute.",
          "Meine alte Wolke ist m\xc3\xbc"
          "de heute."},
         {"Mutter", "Vater", "alte Wolke"},
         FS_KEPT,
         0},
        /* of as many words, but the place has the same word */
        {"So the cook is BLANK now.",
         {"The cook is loud just now.", "The cook is calm just now.", "The cook is fog just now."},
         {"loud just", "calm just", "fog just"},
         FS_KEPT,
         0},
        /* two of other length, and one of as many words whose word stands at the place alone */
        {"The guard was BLANK.",
         {"The guard is calm.", "The guard was so loud.", "The guard was fog and tin."},
         {"calm", "so loud", "fog and tin"},
         FS_KEPT,
         0},
    };
    CHECK_ALL(cases)
}

/* What is joined to BLANK is no part of the fill. */
static void joined(void **state)
{
    (void)state;
    static const struct fill_case cases[] = {
        {"Voil\xc3\xa0 l'BLANK du village.",
         {"Voil\xc3\xa0 l'ami du village.", "Voil\xc3\xa0 l'ennemi du village.", "Voil\xc3\xa0 l'arbre du village."},
         {"ami", "ennemi", "arbre"},
         FS_KEPT,
         0},
        {"l\xe2\x80\x99"
         "BLANK rit.",
         {"L\xe2\x80\x99"
          "ami rit.",
          "l\xe2\x80\x99"
          "ennemi rit.",
          "l\xe2\x80\x99"
          "arbre rit."},
         {"ami", "ennemi", "arbre"},
         FS_KEPT,
         0},
        /* a script without blanks: one word each */
        {"\xe5\xbd\xbc\xe3\x81\xaf"
         "BLANK\xe3\x81\xa0\xe3\x80\x82",
         {"\xe5\xbd\xbc\xe3\x81\xaf"
          "a\xe3\x81\xa0\xe3\x80\x82",
          "\xe5\xbd\xbc\xe3\x81\xaf\xe5\xbc\xb7\xe3\x81\xa0\xe3\x80\x82",
          "\xe5\xbd\xbc\xe3\x81\xaf"
          "c d\xe3\x81\xa0\xe3\x80\x82"},
         {"a", "\xe5\xbc\xb7", "c d"},
         FS_KEPT,
         0},
        /* a particle */
        {"BLANK\xec\x9d\x80 \xec\xa2\x8b\xeb\x8b\xa4.",
         {"A\xec\x9d\x80 \xec\xa2\x8b\xeb\x8b\xa4.", "B\xec\x9d\x80 \xec\xa2\x8b\xeb\x8b\xa4.",
          "C\xec\x9d\x80 \xec\xa2\x8b\xeb\x8b\xa4."},
         {"A", "B", "C"},
         FS_KEPT,
         0},
    };
    CHECK_ALL(cases)
}

static void skipped(void **state)
{
    (void)state;
    static const struct fill_case cases[] = {
        /* neither neighbour of BLANK is there */
        {"Of all men the cook is the one BLANK.",
         {"Of all men none loud.", "Of all men none calm.", "Of all men none fog."},
         {NULL},
         FS_SKIP_NO_FILL,
         0},
        {"The cook is BLANK.", {"The cook is loud.", "Nobody.", "The cook is fog."}, {NULL}, FS_SKIP_NO_FILL, 1},
        {"The cook is BLANK.",
         {"The cook is loud.", "The cook is calm.", "The cook is ..."},
         {NULL},
         FS_SKIP_NO_FILL,
         2},
        {"The cook is BLANK.",
         {"The cook is loud.", "The cook is loud.", "The cook is fog."},
         {NULL},
         FS_SKIP_NO_DIFFERENCE,
         0},
        {"The cook is BLANK.",
         {"The cook is loud.", "The cook is calm.", "The cook is calm!"},
         {NULL},
         FS_SKIP_NO_DIFFERENCE,
         1},
        {"The cook is BLANK.",
         {"The cook is so calm.", "The cook is loud.", "The cook is so calm."},
         {NULL},
         FS_SKIP_NO_DIFFERENCE,
         2},
        /* the word at BLANK's place is that behind it, and the sentences differ elsewhere */
        {"We like BLANK cooks.",
         {"We like cooks loud.", "We like cooks calm.", "We like cooks tin."},
         {NULL},
         FS_SKIP_NO_FILL,
         0},
        /* in one sentence alone, on either side, and within several words */
        {"We like BLANK cooks now.",
         {"We like loud cooks now.", "We like cooks calm now.", "We like tin cooks now."},
         {NULL},
         FS_SKIP_NO_FILL,
         1},
        {"The cook BLANK sang.",
         {"The cook loudly sang.", "The cook calm sang.", "The iron cook sang."},
         {NULL},
         FS_SKIP_NO_FILL,
         2},
        {"A team of BLANK cooks came.",
         {"A team of cooks of iron came.", "A team of loud cooks came.", "A team of calm cooks came."},
         {NULL},
         FS_SKIP_NO_FILL,
         0},
        {"Very BLANK and BLANK.", {"Very odd.", "Very new.", "Very map."}, {NULL}, FS_SKIP_NO_FILL, 0},
    };
    CHECK_ALL(cases)
}

/* A sentence of a million words takes no quadratic time. */
static void long_sentence(void **state)
{
    (void)state;
    size_t words = 1000000;
    char *text = malloc(2 * words + 1);
    assert_non_null(text);
    for (size_t i = 0; i < words; i++) {
        memcpy(text + 2 * i, "a ", 3);
    }
    const struct fill_case of = {"The BLANK a", {text, "The dog a", "The cat a"}, {NULL}, FS_SKIP_NO_FILL, 0};
    check(&of);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_place),      cmocka_unit_test(several_words),
                                       cmocka_unit_test(other_wording), cmocka_unit_test(joined),
                                       cmocka_unit_test(skipped),       cmocka_unit_test(long_sentence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
