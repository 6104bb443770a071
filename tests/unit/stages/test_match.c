/* fs_match_tokens against Python's difflib (tests/golden/difflib/make_difflib.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stages/plan/statement.h"

#define MOST 1000

static size_t read_ids(char *line, int32_t *id)
{
    size_t count = 0;
    for (char *word = strtok(line, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        assert_true(count < MOST);
        id[count++] = (int32_t)strtol(word, NULL, 10);
    }
    return count;
}

static void equals_difflib(void **state)
{
    (void)state;
    char path[4096];
    const char *source = getenv("FAIRSTAMP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/tests/golden/difflib/matches.txt", source != NULL ? source : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    static int32_t a[MOST], b[MOST];
    static size_t shared_a[MOST], shared_b[MOST];
    char *line = NULL;
    size_t size = 0, cases = 0;
    struct fs_shared_tokens shared = {.a = shared_a, .b = shared_b};
    struct fs_error err = FS_ERROR_INIT;
    while (getline(&line, &size, file) >= 0) {
        size_t n_a = read_ids(line, a);
        assert_true(getline(&line, &size, file) >= 0);
        size_t n_b = read_ids(line, b);
        assert_true(getline(&line, &size, file) >= 0);
        const struct fs_token_sequence one = {a, n_a}, other = {b, n_b};
        assert_int_equal(fs_match_tokens(one, other, &shared, &err), 0);
        size_t count = shared.count;
        size_t next = 0;
        for (char *word = strtok(line, " \n"); word != NULL; word = strtok(NULL, " \n")) {
            size_t at_a, at_b, length;
            assert_int_equal(sscanf(word, "%zu:%zu:%zu", &at_a, &at_b, &length), 3);
            for (size_t i = 0; i < length; i++, next++) {
                assert_true(next < count);
                assert_int_equal(shared_a[next], at_a + i);
                assert_int_equal(shared_b[next], at_b + i);
            }
        }
        assert_int_equal(next, count);
        cases++;
    }
    free(line);
    (void)fclose(file);
    assert_true(cases >= 290);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_difflib)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
