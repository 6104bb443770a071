/* Two tokenizers are one, or the first difference is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/tokenizer/tokenizer_compare.h"
#include "tests/unit/scratch.h"

/* WordPiece of this vocabulary, one token a line. */
static struct fs_tokenizer *wordpiece(const char *vocabulary, bool lower)
{
    struct fs_tokenizer *tokenizer = NULL;
    struct fs_error err = FS_ERROR_INIT;
    scratch_write_text("vocab.txt", vocabulary);
    scratch_write_text("tokenizer_config.json", lower ? "{\"do_lower_case\": true}" : "{\"do_lower_case\": false}");
    if (fs_tokenizer_open(scratch_folder(), &tokenizer, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return tokenizer;
}

#define USUAL "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

/* `found` NULL: both are one. */
static void compare(const char *vocabulary, bool lower, const char *found)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_tokenizer *one = wordpiece(USUAL "the\nThe\ncat\n##s\n", true), *other = wordpiece(vocabulary, lower);
    int status = fs_tokenizers_compare(one, other, &err);
    assert_int_equal(status, found != NULL ? -1 : 0);
    if (found != NULL) {
        assert_int_equal(err.code, FS_EXIT_DATA);
        if (strstr(err.text, found) == NULL) {
            fail_msg("found \"%s\", expected it to name \"%s\"", err.text, found);
        }
    }
    fs_tokenizer_destroy(one);
    fs_tokenizer_destroy(other);
}

static void differences_are_found(void **state)
{
    (void)state;
    compare(USUAL "the\nThe\ncat\n##s\n", true, NULL);
    compare(USUAL "the\nThe\ncat\n##s\nmore\n", true, "9 ids here, 10 there");
    compare(USUAL "the\nThe\n##s\ncat\n", true, "id 7 is \"cat\" here");
    compare("[PAD]\n[UNK]\n[SEP]\n[CLS]\n[MASK]\nthe\nThe\ncat\n##s\n", true, "[CLS]: id 2 here, 3 there");
    compare(USUAL "the\nThe\ncat\n##s\n", false, "\"The\""); /* the same tokens, other ids of a text */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(differences_are_found)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
