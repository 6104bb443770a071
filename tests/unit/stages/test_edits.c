/*
 * The executor with several edits: each column has the bits of a run with that edit alone, layers that edits leave alone
 * run once for all, and an edit of strength 0 changes no bit. fs_run_layers and fs_run_to_ffn are counted: the linker
 * puts the functions __wrap_* here before the engine's.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/edits/checkpoint.h"
#include "model/edits/last_state.h"
#include "model/numbers/random.h"
#include "stages/work/probe.h"
#include "support.h"

static const char *const folders[] = {"tests/golden/models/bert-old-names", "tests/golden/models/gpt2-no-prefix"};
#define FOLDERS (sizeof folders / sizeof folders[0])

/* ---- layers that run ---- */

static atomic_size_t layers_run; /* threads run */

int __real_fs_run_layers(const struct fs_pass *pass, size_t first, size_t last, fs_real *h, struct fs_error *err);
int __wrap_fs_run_layers(const struct fs_pass *pass, size_t first, size_t last, fs_real *h, struct fs_error *err);
int __real_fs_run_to_ffn(const struct fs_pass *pass, size_t layer, const fs_real *h, fs_real *x, fs_real *base,
                         struct fs_error *err);
int __wrap_fs_run_to_ffn(const struct fs_pass *pass, size_t layer, const fs_real *h, fs_real *x, fs_real *base,
                         struct fs_error *err);

int __wrap_fs_run_layers(const struct fs_pass *pass, size_t first, size_t last, fs_real *h, struct fs_error *err)
{
    layers_run += last - first;
    return __real_fs_run_layers(pass, first, last, h, err);
}

int __wrap_fs_run_to_ffn(const struct fs_pass *pass, size_t layer, const fs_real *h, fs_real *x, fs_real *base,
                         struct fs_error *err)
{
    layers_run += 1;
    return __real_fs_run_to_ffn(pass, layer, h, x, base, err);
}

/* ---- a kind of edit that changes the hidden state: it adds number[0] after each layer from its first on ---- */

enum { MOST_LAYERS = 8 };
static atomic_size_t calls[MOST_LAYERS]; /* of the hook, by layer */

static int fits(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    return edit->first_layer < spec->layers ? 0 : fs_error_set(err, FS_EXIT_DATA, "shift: no such layer");
}

static void shift(const struct fs_edit *edit, size_t layer, size_t tokens, fs_real *h)
{
    calls[layer] += 1;
    for (size_t i = 0; i < tokens * edit->size[0]; i++) {
        h[i] += edit->number[0] * (fs_real)(1 + i % 3);
    }
}

static double shift_flops(const struct fs_edit *edit, double tokens)
{
    return tokens * (double)edit->size[0];
}

static const struct fs_edit_kind shift_kind = {
    .name = "shift", .check = fits, .hidden_state = shift, .flops = shift_flops};

static struct fs_edit shift_from(size_t layer, size_t hidden, fs_real *by)
{
    return (struct fs_edit){.kind = &shift_kind, .first_layer = layer, .size = {hidden}, .number = by, .count = 1};
}

/* ---- the plan, and what runs on it ---- */

static int32_t token_of(struct fs_random *random, const struct fs_spec *spec)
{
    return (int32_t)fs_random_below(random, spec->vocabulary);
}

/* 40 passes of 1 to 20 tokens with up to 3 reads each, and a mean state of every third; units of 64 tokens. */
static struct fs_plan *make_plan(const struct fs_spec *spec)
{
    struct fs_plan *plan = NULL;
    struct fs_random random = fs_random_start(11, 0);
    struct fs_error err = FS_ERROR_INIT;
    int32_t id[20];
    size_t pass, index;
    assert_int_equal(fs_plan_create(&plan, &err), 0);
    for (size_t i = 0; i < 40; i++) {
        size_t length = 1 + fs_random_below(&random, 20);
        for (size_t k = 0; k < length; k++) {
            id[k] = token_of(&random, spec);
        }
        assert_int_equal(fs_plan_add_pass(plan, id, length, &pass, &err), 0);
        for (size_t k = 0; k < 3; k++) {
            size_t position = fs_random_below(&random, length);
            assert_int_equal(fs_plan_add_read(plan, pass, position, token_of(&random, spec), &index, &err), 0);
        }
        if (i % 3 == 0) {
            assert_int_equal(fs_plan_add_state(plan, pass, &index, &err), 0);
        }
    }
    assert_int_equal(fs_plan_seal(plan, fs_plan_limits_of(spec, 64), &err), 0);
    assert_true(fs_plan_units(plan) > 4);
    return plan;
}

static struct fs_plan_values execute(const struct fs_plan *plan, const struct fs_model *model, size_t count,
                                     const struct fs_edit *edit, struct fs_runner *runner)
{
    struct fs_plan_values values;
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_edit_list edits = {count, edit};
    layers_run = 0;
    for (size_t i = 0; i < MOST_LAYERS; i++) {
        calls[i] = 0;
    }
    if (fs_plan_execute(plan, model, &edits, runner, NULL, &values, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(values.columns, 1 + count);
    assert_int_equal(values.reads, fs_plan_reads(plan));
    assert_int_equal(values.states, fs_plan_states(plan));
    return values;
}

/* Whether two columns have the same bits; a state that is filled up to a wider model's size is filled with zeros. */
static bool is_same(const struct fs_plan_values *a, size_t column_a, const struct fs_plan_values *b, size_t column_b)
{
    size_t both = a->hidden < b->hidden ? a->hidden : b->hidden;
    for (size_t i = 0; i < a->reads; i++) {
        if (fs_values_logprob(a, column_a, i) != fs_values_logprob(b, column_b, i) ||
            fs_values_top1(a, column_a, i) != fs_values_top1(b, column_b, i)) {
            return false;
        }
    }
    for (size_t i = 0; i < a->states; i++) {
        const double *one = fs_values_state(a, column_a, i), *other = fs_values_state(b, column_b, i);
        bool same = memcmp(one, other, both * sizeof *one) == 0;
        for (size_t k = both; k < a->hidden; k++) {
            same = same && one[k] == 0;
        }
        for (size_t k = both; k < b->hidden; k++) {
            same = same && other[k] == 0;
        }
        if (!same) {
            return false;
        }
    }
    return true;
}

/* A model of the same vocabulary, but wider and of another depth. */
static struct fs_model *make_other(const struct fs_spec *like)
{
    struct fs_spec spec = *like;
    struct fs_model *model = NULL;
    struct fs_error err = FS_ERROR_INIT;
    spec.layers = like->layers - 1;
    spec.hidden = 2 * like->hidden;
    spec.heads = spec.key_value_heads = 2 * like->heads;
    if (fs_model_random(&spec, &model, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return model;
}

/* A map of the last state, of rank 2, with a centre. */
static struct fs_edit make_map(const struct fs_spec *spec)
{
    enum { RANK = 2 };
    struct fs_edit edit;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_random random = fs_random_start(17, 0);
    size_t d = fs_spec_state_width(spec);
    double *number = calloc((2 * RANK + 1) * d, sizeof *number);
    assert_non_null(number);
    for (size_t i = 0; i < (2 * RANK + 1) * d; i++) {
        number[i] = 0.3 * fs_random_normal(&random);
    }
    assert_int_equal(fs_last_state_create(spec, RANK, &edit, &err), 0);
    fs_last_state_set(&edit, number, number + d, number + (1 + RANK) * d);
    free(number);
    return edit;
}

enum { LATE, SHIFT, FIRST, LATE_TOO, SAME_FOLDER, OTHER_MODEL, SHIFT_BELOW, TOP, EDITS };

/* A model, and edits of it that begin at its layers in no order. */
struct scene {
    struct loaded loaded;
    const struct fs_spec *spec;
    struct fs_plan *plan;
    struct fs_stamp stamp[3];
    fs_real by[2];
    struct fs_edit edit[EDITS];
};

static void open_scene(struct scene *scene, const char *from, size_t threads)
{
    *scene = (struct scene){.loaded = load(from, threads), .by = {(fs_real)0.25, (fs_real)-0.5}};
    scene->spec = fs_model_spec(scene->loaded.model);
    scene->plan = make_plan(scene->spec);
    assert_int_equal(scene->spec->layers, 4);
    const size_t layer[3] = {2, 0, 2};
    for (size_t i = 0; i < 3; i++) {
        scene->stamp[i] = make_stamp(&scene->loaded, layer[i], 3 + i, 0.3);
    }
    struct loaded again = load(from, 1);
    scene->edit[LATE] = fs_stamp_edit(&scene->stamp[0]);
    scene->edit[SHIFT] = shift_from(3, scene->spec->hidden, &scene->by[0]);
    scene->edit[FIRST] = fs_stamp_edit(&scene->stamp[1]);
    scene->edit[LATE_TOO] = fs_stamp_edit(&scene->stamp[2]);
    scene->edit[SAME_FOLDER] = (struct fs_edit){.kind = &fs_edit_checkpoint, .model = again.model};
    scene->edit[OTHER_MODEL] = (struct fs_edit){.kind = &fs_edit_checkpoint, .model = make_other(scene->spec)};
    scene->edit[SHIFT_BELOW] = shift_from(1, scene->spec->hidden, &scene->by[1]);
    scene->edit[TOP] = make_map(scene->spec);
    again.model = NULL;
    unload(&again);
}

static void close_scene(struct scene *scene)
{
    for (size_t i = 0; i < 3; i++) {
        fs_stamp_release(&scene->stamp[i]);
    }
    fs_edit_release(&scene->edit[SAME_FOLDER]);
    fs_edit_release(&scene->edit[OTHER_MODEL]);
    fs_edit_release(&scene->edit[TOP]);
    fs_plan_destroy(scene->plan);
    unload(&scene->loaded);
}

/* Whether a column has the bits of the engine run straight through all layers, unit by unit. */
static bool is_straight_run(const struct scene *scene, const struct fs_edit *edit, const struct fs_plan_values *values,
                            size_t column)
{
    const struct fs_model *model = edit->model != NULL ? edit->model : scene->loaded.model;
    const struct fs_edit *acts = edit->model != NULL ? NULL : edit;
    const struct fs_spec *spec = fs_model_spec(model);
    struct fs_workspace *workspace = NULL;
    struct fs_error err = FS_ERROR_INIT;
    bool same = true;
    assert_int_equal(fs_workspace_create(model, &workspace, &err), 0);
    for (size_t u = 0; u < fs_plan_units(scene->plan); u++) {
        struct fs_plan_unit unit;
        fs_plan_get_unit(scene->plan, u, &unit);
        const struct fs_pass pass = {model, workspace, &unit.batch, acts};
        struct fs_reads reads = unit.reads;
        reads.edit = acts;
        fs_real *h = calloc(unit.batch.tokens * spec->hidden, sizeof *h);
        fs_real *logprob = calloc(unit.reads.first[unit.reads.rows] + 1, sizeof *logprob);
        assert_true(h != NULL && logprob != NULL);
        if (fs_embed(model, workspace, &unit.batch, NULL, h, &err) != 0 ||
            fs_run_layers(&pass, 0, spec->layers, h, &err) != 0 ||
            fs_read_logprobs(model, workspace, h, &reads, logprob, NULL, &err) != 0) {
            fail_msg("%s", err.text);
        }
        for (size_t i = 0; i < unit.reads.first[unit.reads.rows]; i++) {
            same = same && (double)logprob[i] == fs_values_logprob(values, column, unit.read_index[i]);
        }
        free(h);
        free(logprob);
    }
    fs_workspace_destroy(workspace);
    return same;
}

static void each_column_is_that_of_its_edit_alone(void **state)
{
    (void)state;
    for (size_t f = 0; f < FOLDERS; f++) {
        for (size_t threads = 1; threads <= 3; threads += 2) {
            struct scene scene;
            open_scene(&scene, folders[f], threads);
            struct fs_runner *runner = scene.loaded.runner;
            struct fs_plan_values all = execute(scene.plan, scene.loaded.model, EDITS, scene.edit, runner);
            struct fs_plan_values none = execute(scene.plan, scene.loaded.model, 0, NULL, runner);
            assert_true(is_same(&all, 0, &none, 0));
            for (size_t e = 0; e < EDITS; e++) {
                struct fs_plan_values alone = execute(scene.plan, scene.loaded.model, 1, &scene.edit[e], runner);
                assert_true(is_same(&alone, 0, &none, 0));
                assert_true(is_same(&all, 1 + e, &alone, 1));
                assert_true(is_straight_run(&scene, &scene.edit[e], &all, 1 + e));
                for (size_t other = 0; other < 1 + e; other++) { /* else the test would tell nothing */
                    bool equal = other == 0 && e == SAME_FOLDER;
                    assert_true(is_same(&all, 1 + e, &all, other) == equal);
                }
                fs_plan_values_release(&alone);
            }
            fs_plan_values_release(&all);
            fs_plan_values_release(&none);
            close_scene(&scene);
        }
    }
}

static void another_model_has_its_own_column(void **state)
{
    (void)state;
    for (size_t f = 0; f < FOLDERS; f++) {
        struct scene scene;
        open_scene(&scene, folders[f], 1);
        struct fs_runner *runner = scene.loaded.runner;
        const struct fs_model *other = scene.edit[OTHER_MODEL].model;
        struct fs_plan_values both = execute(scene.plan, scene.loaded.model, 2, &scene.edit[SAME_FOLDER], runner);
        struct fs_plan_values its_own = execute(scene.plan, other, 0, NULL, runner);
        assert_int_equal(both.hidden, 2 * scene.spec->hidden); /* states have room for the wider one */
        assert_int_equal(its_own.hidden, both.hidden);
        assert_true(is_same(&both, 2, &its_own, 0));
        assert_true(is_same(&both, 1, &both, 0));
        fs_plan_values_release(&both);
        fs_plan_values_release(&its_own);
        close_scene(&scene);
    }
}

static void shared_layers_run_once(void **state)
{
    (void)state;
    for (size_t f = 0; f < FOLDERS; f++) {
        struct scene scene;
        open_scene(&scene, folders[f], 1);
        size_t units = fs_plan_units(scene.plan), layers = scene.spec->layers;
        struct fs_runner *runner = scene.loaded.runner;
        struct fs_plan_values values = execute(scene.plan, scene.loaded.model, 0, NULL, runner);
        assert_int_equal(layers_run, units * layers);
        fs_plan_values_release(&values);
        /* those from layer 2 share 0, 1 and the part of 2 before the edit: each adds layer 3 alone */
        const struct fs_edit late[2] = {scene.edit[LATE], scene.edit[LATE_TOO]};
        values = execute(scene.plan, scene.loaded.model, 2, late, runner);
        assert_int_equal(layers_run, units * (layers + 2 * 1));
        fs_plan_values_release(&values);
        /* stamps of 2, 0, 2 and shifts from 3, 1 add 1, 3, 1, 0, 2 layers, the map none; the other models all of their own */
        values = execute(scene.plan, scene.loaded.model, EDITS, scene.edit, runner);
        assert_int_equal(layers_run, units * (layers + 1 + 3 + 1 + 0 + 2 + 4 + 3));
        /* the hook is called after each layer from the first on, and after no other */
        const size_t expected[4] = {0, units, units, 2 * units};
        for (size_t layer = 0; layer < 4; layer++) {
            assert_int_equal(calls[layer], expected[layer]);
        }
        fs_plan_values_release(&values);
        close_scene(&scene);
    }
}

/* Layers, heads and the edits' own, as the estimate sees them. */
static void costs_are_those_of_what_runs(void **state)
{
    (void)state;
    struct scene scene;
    struct fs_runner *probe;
    double flops[2 + EDITS];
    open_scene(&scene, folders[0], 1);
    assert_int_equal(fs_probe_create(1, &probe, NULL), 0);
    for (size_t count = 0; count <= EDITS; count++) {
        fs_probe_begin(probe, 0);
        struct fs_plan_values values = execute(scene.plan, scene.loaded.model, count, scene.edit, probe);
        flops[count] = fs_probe_get(probe)->work[0].cost[0].flops;
        fs_plan_values_release(&values);
    }
    double stamp =
        fs_flops_stamp(scene.spec->hidden, scene.stamp[0].width, fs_probe_get(probe)->work[0].cost[0].tokens);
    double late = flops[1 + LATE] - flops[LATE], first = flops[1 + FIRST] - flops[FIRST];
    double same = flops[1 + SAME_FOLDER] - flops[SAME_FOLDER], shifted = flops[1 + SHIFT] - flops[SHIFT];
    double tokens = fs_probe_get(probe)->work[0].cost[0].tokens;
    assert_true(late > stamp && late == flops[1 + LATE_TOO] - flops[LATE_TOO]);
    assert_true(same == flops[0]); /* a whole model */
    double layer = (first - late) / 2, head = late - layer - stamp;
    assert_true(fabs(flops[0] - (4 * layer + head)) <
                1e-9 * flops[0]); /* whole numbers below 2^53, but for the halving */
    assert_true(fabs(shifted - (head + tokens * (double)scene.spec->hidden)) < 1e-9 * flops[0]);
    fs_probe_destroy(probe);
    close_scene(&scene);
}

/* By hand, layer by layer: what a hidden-state edit adds, where, and that nothing below its layer changes. */
static void a_hidden_state_edit_acts_from_its_layer_on(void **state)
{
    (void)state;
    for (size_t f = 0; f < FOLDERS; f++) {
        struct loaded loaded = load(folders[f], 1);
        const struct fs_spec *spec = fs_model_spec(loaded.model);
        struct fs_workspace *workspace = NULL;
        struct fs_error err = FS_ERROR_INIT;
        const int32_t token[7] = {3, 4, 5, 6, 7, 8, 9};
        const size_t start[3] = {0, 3, 7};
        const struct fs_batch batch = {2, 7, token, start, NULL, NULL};
        size_t numbers = 7 * spec->hidden, bytes = numbers * sizeof(fs_real);
        fs_real by = (fs_real)0.125, *h = malloc(bytes), *edited = malloc(bytes), *entry = malloc(bytes);
        assert_true(h != NULL && edited != NULL && entry != NULL);
        assert_int_equal(fs_workspace_create(loaded.model, &workspace, &err), 0);
        assert_int_equal(fs_embed(loaded.model, workspace, &batch, NULL, entry, &err), 0);
        for (size_t first = 0; first < spec->layers; first++) {
            const struct fs_edit edit = shift_from(first, spec->hidden, &by);
            const struct fs_pass plain = {loaded.model, workspace, &batch, NULL};
            const struct fs_pass shifted = {loaded.model, workspace, &batch, &edit};
            memcpy(h, entry, bytes);
            memcpy(edited, entry, bytes);
            for (size_t layer = 0; layer < spec->layers; layer++) {
                assert_int_equal(fs_run_layers(&plain, layer, layer + 1, h, &err), 0);
                assert_int_equal(fs_run_layers(&shifted, layer, layer + 1, edited, &err), 0);
                if (layer >= first) {
                    assert_memory_not_equal(edited, h, bytes);
                }
                for (size_t i = 0; i < numbers && layer >= first; i++) {
                    h[i] += by * (fs_real)(1 + i % 3);
                }
                assert_memory_equal(edited, h, bytes);
            }
        }
        free(h);
        free(edited);
        free(entry);
        fs_workspace_destroy(workspace);
        unload(&loaded);
    }
}

/* The kinds of edits that a method makes, each made so that it does nothing. */
static struct fs_edit idle_stamp(const struct loaded *loaded, const char *from)
{
    (void)from;
    const struct fs_stamp stamp = make_stamp(loaded, 1, 5, 0);
    return fs_stamp_edit(&stamp);
}

static struct fs_edit idle_checkpoint(const struct loaded *loaded, const char *from)
{
    struct loaded again = load(from, 1);
    struct fs_edit edit = {.kind = &fs_edit_checkpoint, .model = again.model};
    (void)loaded;
    again.model = NULL;
    unload(&again);
    return edit;
}

static struct fs_edit idle_map(const struct loaded *loaded, const char *from)
{
    (void)from;
    struct fs_edit edit = make_map(fs_model_spec(loaded->model));
    edit.kind->scale(&edit, 0);
    return edit;
}

static void an_edit_of_strength_0_changes_no_bit(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fs_edit (*make)(const struct loaded *loaded, const char *from);
    } kinds[] = {{"stamp", idle_stamp}, {"checkpoint", idle_checkpoint}, {"last_state", idle_map}};
    for (size_t f = 0; f < FOLDERS; f++) {
        struct loaded loaded = load(folders[f], 2);
        struct fs_plan *plan = make_plan(fs_model_spec(loaded.model));
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            struct fs_edit edit = kinds[k].make(&loaded, folders[f]);
            assert_non_null(edit.kind);
            assert_ptr_equal(edit.kind, fs_edit_kind_find(kinds[k].name));
            struct fs_plan_values values = execute(plan, loaded.model, 1, &edit, loaded.runner);
            assert_true(is_same(&values, 1, &values, 0));
            fs_plan_values_release(&values);
            fs_edit_release(&edit);
        }
        fs_plan_destroy(plan);
        unload(&loaded);
    }
    assert_null(fs_edit_kind_find("shift"));
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct loaded bert = load("tests/golden/models/bert-tiny", 1), gpt2 = load("tests/golden/models/gpt2-tiny", 1);
    struct fs_plan *plan = make_plan(fs_model_spec(bert.model));
    struct fs_stamp narrow = make_stamp(&bert, 0, 1, 0);
    narrow.hidden--;
    const struct {
        struct fs_edit edit;
        const char *says;
    } cases[] = {{{.kind = &fs_edit_checkpoint, .model = gpt2.model}, "found a causal model with a vocabulary of 317"},
                 {fs_stamp_edit(&narrow), "found layer 0 and hidden size 31"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_plan_values values;
        const struct fs_stamp good = make_stamp(&bert, 0, 1, 0);
        const struct fs_edit pair[2] = {fs_stamp_edit(&good), cases[i].edit}; /* also behind one that fits */
        const struct fs_edit_list edits = {2, pair};
        assert_int_equal(fs_plan_execute(plan, bert.model, &edits, bert.runner, NULL, &values, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        assert_non_null(strstr(err.text, cases[i].says));
        fs_plan_values_release(&values);
        free(good.parameters);
    }
    fs_stamp_release(&narrow);
    fs_plan_destroy(plan);
    unload(&bert);
    unload(&gpt2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_column_is_that_of_its_edit_alone),
        cmocka_unit_test(another_model_has_its_own_column),
        cmocka_unit_test(shared_layers_run_once),
        cmocka_unit_test(costs_are_those_of_what_runs),
        cmocka_unit_test(a_hidden_state_edit_acts_from_its_layer_on),
        cmocka_unit_test(an_edit_of_strength_0_changes_no_bit),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
