/* How a batch is cut into training units: everything once and in order, units of like cost, each with pairs. */
#include "support.h"

#include <math.h>
#include <stdlib.h>

#include "stages/methods/stamp_pack.h"
#include "stages/plan/plan.h"

#define PAIRS ((size_t)160)
#define PROMPTS ((size_t)80)
#define STATEMENT ((size_t)8) /* tokens; a pair's two share the first half, so that a pair computes 12 */
#define PROMPT ((size_t)4)
#define ROWS (2 * STATEMENT) /* that a pair reads; a prompt reads one */
#define ALL (PAIRS * 12 + PROMPTS * PROMPT)

struct bench {
    struct fs_plan *plan;
    size_t first[PAIRS + PROMPTS + 1], read[(PAIRS + 2) * ROWS + PROMPTS]; /* one pair reads three times ROWS */
    struct fs_stamp_items items;
};

static void read_all(struct bench *bench, size_t *next, const int32_t *id, size_t count, size_t from)
{
    struct fs_error err = FS_ERROR_INIT;
    size_t pass;
    assert_done(fs_plan_add_pass(bench->plan, id, count, &pass, &err), err);
    for (size_t i = from; i < count; i++) {
        assert_done(fs_plan_add_read(bench->plan, pass, i, id[i], &bench->read[(*next)++], &err), err);
    }
}

/* One pair has three times the tokens of the others where `long_pair` is set. */
static void make(struct bench *bench, bool long_pair)
{
    struct fs_error err = FS_ERROR_INIT;
    size_t next = 0;
    assert_done(fs_plan_create(&bench->plan, &err), err);
    for (size_t p = 0; p < PAIRS + PROMPTS; p++) {
        int32_t id[3 * STATEMENT];
        bench->first[p] = next;
        for (size_t k = 0; k < (p < PAIRS ? 2 : 1); k++) {
            size_t count = p >= PAIRS ? PROMPT : STATEMENT;
            for (size_t i = 0; i < 3 * STATEMENT; i++) {
                id[i] = (int32_t)(1 + p * 100 + (i < STATEMENT / 2 ? i : i + k * 50));
            }
            read_all(bench, &next, id, long_pair && p == PAIRS / 2 ? 3 * STATEMENT : count, p < PAIRS ? 0 : PROMPT - 1);
        }
    }
    bench->first[PAIRS + PROMPTS] = next;
    bench->items = (struct fs_stamp_items){bench->plan, PAIRS, PROMPTS, bench->first, bench->read};
}

/* Units, and checks what holds of all; *longest: cost of the dearest unit, tokens alone, in tokens. */
static size_t pack(const struct bench *bench, size_t wanted, double token, size_t *longest)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_stamp_packing packing;
    const struct fs_stamp_prices prices = {
        .shared_length = 64, .read_length = 64, .token = token, .unit_rows = SIZE_MAX, .unit_tokens = wanted};
    assert_done(fs_stamp_pack(&bench->items, &prices, &packing, &err), err);
    size_t pair = 0, prompt = 0, units = packing.units;
    *longest = 0;
    for (size_t u = 0; u < units; u++) {
        assert_true(packing.pair_end[u] > pair); /* of pairs alone, or of both */
        assert_true(packing.prompt_end[u] >= prompt);
        size_t tokens = (packing.pair_end[u] - pair) * 12 + (packing.prompt_end[u] - prompt) * PROMPT;
        *longest = tokens > *longest ? tokens : *longest;
        pair = packing.pair_end[u];
        prompt = packing.prompt_end[u];
    }
    assert_int_equal(pair, PAIRS);
    assert_int_equal(prompt, PROMPTS);
    for (size_t i = 0; i < STATEMENT; i++) { /* of the first pair: what both statements begin with is one row */
        size_t one = bench->read[i], other = bench->read[STATEMENT + i];
        assert_int_equal(packing.same[one], one);
        assert_int_equal(packing.same[other], i < STATEMENT / 2 ? one : other);
    }
    fs_stamp_packing_release(&packing);
    return units;
}

static void release(struct bench *bench)
{
    fs_plan_destroy(bench->plan);
}

/* 2240 tokens: 18 units of 128 become 24, a multiple of 32 / 4; 35 of 64 become 48; 70 of 32 become 64. */
static void units_cost_alike(void **state)
{
    (void)state;
    const struct {
        size_t wanted, units;
        double token;
    } cases[] = {{0, 24, 1e8}, {64, 48, 1e8}, {32, 64, 1e8}, {64, 48, 1}};
    struct bench bench = {0};
    make(&bench, false);
    assert_int_equal(ALL, 2240);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t longest, units = pack(&bench, cases[i].wanted, cases[i].token, &longest);
        double mean = (double)ALL / (double)units;
        print_message("%zu tokens wanted: %zu units, longest %zu, mean %.1f\n", cases[i].wanted, units, longest, mean);
        assert_true(units <= cases[i].units && units + 4 > cases[i].units);
        assert_true((double)longest < mean + 12); /* by no pair more than the mean */
    }
    release(&bench);
}

/* By themselves: units of work that is worth handing out, and smaller ones of a large model. */
static void sizes_by_themselves(void **state)
{
    (void)state;
    size_t longest;
    struct bench bench = {0};
    make(&bench, false);
    assert_int_equal(pack(&bench, 0, FS_UNIT_FLOPS / 1e3, &longest), 6); /* 512 tokens are the most */
    assert_true(longest <= FS_UNIT_TOKENS);
    size_t units = pack(&bench, 0, FS_STAMP_FLOPS / 10, &longest); /* 64 cost more than FS_STAMP_FLOPS */
    assert_true(units > 44 && units <= 48 && longest <= 64);
    release(&bench);
}

/* A pair that costs more than a unit is a unit by itself, and makes no other one larger. */
static void a_long_pair_stands_alone(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct bench bench = {0};
    make(&bench, true);
    const struct fs_stamp_prices prices = {
        .shared_length = 64, .read_length = 64, .token = 1e9, .unit_rows = SIZE_MAX, .unit_tokens = 32};
    struct fs_stamp_packing packing;
    assert_done(fs_stamp_pack(&bench.items, &prices, &packing, &err), err);
    bool alone = false;
    for (size_t u = 1; u < packing.units; u++) {
        size_t pairs = packing.pair_end[u] - packing.pair_end[u - 1];
        bool has = packing.pair_end[u - 1] <= PAIRS / 2 && PAIRS / 2 < packing.pair_end[u];
        alone = alone || (has && pairs == 1 && packing.prompt_end[u] == packing.prompt_end[u - 1]);
        assert_true(pairs <= 3);
    }
    assert_true(alone);
    fs_stamp_packing_release(&packing);
    release(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(units_cost_alike), cmocka_unit_test(sizes_by_themselves),
                                       cmocka_unit_test(a_long_pair_stands_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
