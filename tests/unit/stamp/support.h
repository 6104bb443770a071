/* What the tests of the stamp and of edits of weights share: small models of tests/golden, a few pairs, and options. */
#ifndef FAIRSTAMP_TESTS_STAMP_SUPPORT_H
#define FAIRSTAMP_TESTS_STAMP_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include "io/formats/json.h"
#include "model/edits/stamp_net.h"
#include "stages/methods/stamp.h"

#define assert_done(call, error)                                                                                       \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("%s: %s", #call, (error).text);                                                                   \
    } while (0)

struct test_model {
    struct fs_model *model;
    struct fs_tokenizer *tokenizer;
    const struct fs_spec *spec;
};
/* tests/golden/models/`name`; NULL-terminated folder lists are not needed here. */
void test_model_open(const char *name, struct test_model *model);
void test_model_close(struct test_model *model);

/*
 * Ten pairs of five target terms, in two categories: StereoSet's form (one context, two completions of one or more tokens).
 * `subjects`: BiasKE's form instead (two subjects, one object).
 */
void test_pairs_make(bool subjects, struct fs_pair_list *list);

/* Options that converge on these; layer 0, target.prob or sentence.mean. */
struct fs_stamp_options test_options(const struct fs_spec *spec);

/* A whole training on `threads` threads; the caller releases the state. */
void test_train(const struct test_model *m, const struct fs_pair_list *list, const struct fs_stamp_options *options,
                size_t threads, struct fs_stamp_state *state);

#define ALL_TOKENS 4096 /* unit_tokens that make one unit of all these pairs */

/* tests/golden/`name`.json; the caller destroys. */
struct fs_json_document *open_golden(const char *name);
/* A member, which must be there. */
const cJSON *get(const cJSON *object, const char *key);
double number_of(const cJSON *object, const char *key);

/* The folder of the shared data, or NULL after saying so. */
const char *test_shared(void);

#endif
