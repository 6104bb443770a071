/* The formula of memory.h: small numbers worked by hand, and what the engine really holds after a unit of 512 tokens. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/backward.h"
#include "model/edits/stamp_net.h"
#include "model/families/families.h"
#include "model/flops.h"
#include "model/gradients.h"
#include "pipeline/estimate/memory.h"
#include "pipeline/run/training.h"

/* The layers of the spec that was made last. */
static struct fs_layer_spec layers[3];

static void set_layers(struct fs_layer_spec layer)
{
    layers[0] = layers[1] = layers[2] = layer;
}

/* d 8, H 4, G 2, D 2, F 16, gated, V 50. */
static struct fs_spec small_llama(void)
{
    set_layers((struct fs_layer_spec){.rotary = {.theta = 10000}, .ffn = 16, .gated = true, .activation = FS_SILU});
    return (struct fs_spec){.family = fs_family_find("llama"),
                            .kind = FS_CAUSAL,
                            .vocabulary = 50,
                            .hidden = 8,
                            .layers = 3,
                            .heads = 4,
                            .key_value_heads = 2,
                            .head_size = 2,
                            .max_positions = 64,
                            .norm_kind = FS_RMS_NORM,
                            .block = FS_PRE_NORM,
                            .norm_epsilon = 1e-5,
                            .layer = layers};
}

static void parts_by_hand(void **state)
{
    (void)state;
    const struct fs_spec spec = small_llama();
    struct fs_memory_load load = {.mapped = 1000,
                                  .converted = 24,
                                  .ranks = 2,
                                  .threads = 3,
                                  .layer = 0,
                                  .inner = 4,
                                  .parameters = fs_stamp_parameters(8, 4),
                                  .memory = 1e18,
                                  .trace = {10, 3, 0},
                                  .training = {10, 4, 49 + 9},
                                  .evaluate = {6, 2, 0},
                                  .units = 5,
                                  .panel = 7,
                                  .caches = 8400,
                                  .file = 500};
    struct fs_memory memory;
    fs_memory_of(&spec, &load, &memory);
    const double P = 2 * 4 * 8 + 4 + 8;
    /* a token: h and x 16, query, key, value, context 16 + 8, up and gate 32; a panel of the head: 512 x 50 */
    const double forward = 10 * 72 + 65536 + 10 * 2 + 25600;
    assert_true(memory.weights == 1024);
    assert_true(memory.optimizer == 4 * 5 * P);
    assert_true(memory.thread == FS_MEMORY_THREAD + 7);
    assert_true(memory.gradients == 4 * (3 * P + 5 * P / 4)); /* 3 of 5 units, and a half of the others' */
    assert_true(memory.caches == 8400.0 / 2 && memory.kept == 0);
    assert_true(memory.trace == 4 * (forward + 2 * 3 * 8 + 2 * 8 * 10));
    assert_true(memory.training == 4 * (forward + 2 * 4 * 8 + 880 + 2 * (640 + 4 * 58) + 80 + 64 + 200));
    assert_true(memory.evaluate == 4 * (6 * 72 + 65536 + 6 * 2 + 25600 + 2 * 2 * 8 + 6 * (24 + 4) + 32));
    double evaluate = memory.evaluate, training = memory.training;
    layers[1].head_norm = layers[2].head_norm =
        FS_HEAD_NORM_SHARED; /* the query and key heads of 10 tokens, before it */
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.training == training + 4 * 2 * 10 * 12);
    layers[1].head_norm = layers[2].head_norm = FS_NO_HEAD_NORM;
    load.others = 2; /* each with a workspace of its own */
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.evaluate == evaluate + 2 * fs_memory_workspace(&spec, 6, 2));
    load.copies = 1; /* with its weights, and how they differ */
    load.text = 80;
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.columns == 4 * 2 * fs_spec_numbers(&spec) && memory.optimizer == 4 * 5 * P + 80);
    load.others = load.copies = 0;
    load.text = 0;
    load.others = 0;
    load.rules = true; /* states of prefixed texts, two distributions of many rows, one of a row */
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.evaluate == evaluate + 4 * (6 * 8 + (4 << 20) + 50));
    load.rules = false;
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.archive == 1000);
    assert_true(fs_memory_rank(&memory, 3) == memory.program + memory.optimizer + memory.gradients + memory.caches +
                                                  3 * (memory.thread + memory.training));

    load.shared = 10 * load.parameters; /* a method of all weights beside it: the weights, and of four more a share */
    double vectors = memory.gradients;
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.optimizer == 4 * (1 + 4.0 / 2) * 10 * P && memory.gradients == 10 * vectors);
    load.ranks = 4;
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.optimizer == 4 * (1 + 4.0 / 4) * 10 * P);
    load.ranks = 2;
    load.shared = 1;
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.optimizer == 4 * 5 * P && memory.gradients == vectors);
    load.shared = 0;
    const struct fs_training_size sizes[] = {{.parameters = 100}, {.shared = 100}, {.parameters = 60, .shared = 100}};
    assert_true(fs_memory_training_file(&sizes[0]) == 1600 && fs_memory_training_file(&sizes[1]) == 1200 &&
                fs_memory_training_file(&sizes[2]) == 1200);
    assert_true(fs_memory_training_built(&sizes[0]) == 1600 && fs_memory_training_built(&sizes[2]) == 1200);
    const struct fs_training_size large[] = {{.shared = FS_TRAINING_IN_MEMORY / 8},
                                             {.parameters = FS_TRAINING_IN_MEMORY},
                                             {.parameters = 60, .shared = FS_TRAINING_IN_MEMORY},
                                             {.parameters = FS_TRAINING_IN_MEMORY / 16 + 4}};
    assert_true(fs_memory_training_built(&large[0]) == (double)FS_TRAINING_IN_MEMORY / 2); /* at the end alone */
    assert_true(fs_memory_training_built(&large[1]) == 0 && fs_memory_training_built(&large[2]) == 960);
    /* with its moments alone, as of ft */
    assert_true(fs_memory_training_built(&large[3]) == 3 * ((double)FS_TRAINING_IN_MEMORY / 4 + 16));

    load.versions = 3; /* 5 units in each: one has a 15th of what they keep, and nothing has room */
    load.memory = 0;
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.caches == 8400.0 / 15);
    load.versions = 0;
    load.memory = 1e18;

    load.ranks = 1; /* nothing comes in, and few units of which a rank holds at least one */
    load.units = INFINITY;
    load.caches = 0;
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.gradients == 4 * 8 * P); /* two a thread, and two */
    assert_true(memory.caches == 4 * (2 * 8 * 10 + 50 * 4));
}

/* An evaluation of many items: its plan on each rank, results and scores on the root, data beyond the usual in all stages. */
static void items_by_hand(void **state)
{
    (void)state;
    const struct fs_spec spec = small_llama();
    struct fs_memory_load load = {.ranks = 2,
                                  .threads = 3,
                                  .memory = 1e18,
                                  .parameters = fs_stamp_parameters(8, 4),
                                  .trace = {10, 3, 0},
                                  .training = {10, 4, 58},
                                  .evaluate = {6, 2, 0},
                                  .units = 5,
                                  .file = 500};
    struct fs_memory few, many;
    fs_memory_of(&spec, &load, &few);
    assert_true(few.program == FS_MEMORY_PROGRAM && few.items == 0 && fs_memory_root(&few) == 1000);
    load.items = 3e9;
    load.gathered = 400;
    load.data = FS_MEMORY_DATA + 5e6;
    fs_memory_of(&spec, &load, &many);
    assert_true(many.items == 3e9 && many.program == FS_MEMORY_PROGRAM + 5e6);
    assert_true(fs_memory_rank(&many, 3) == many.program + 3e9 + 3 * (many.thread + fmax(many.trace, many.evaluate)));
    assert_true(fs_memory_root(&many) == 1000); /* 800 before the archive */
    load.gathered = 600;
    fs_memory_of(&spec, &load, &many);
    assert_true(fs_memory_root(&many) == 1200);
    load.scores = 900; /* in place of what the units gave */
    fs_memory_of(&spec, &load, &many);
    assert_true(fs_memory_root(&many) == 1500);
    load.items = 1; /* a training needs more */
    fs_memory_of(&spec, &load, &many);
    assert_true(fs_memory_rank(&many, 3) == fs_memory_rank(&few, 3) + 5e6);

    struct fs_suite suites[] = {{.items = 7, .candidates = 3}, {.items = 20, .candidates = 2}}, *const suite[] = {
                                                                                                    &suites[0],
                                                                                                    &suites[1]};
    const struct fs_data data = {.suite = (struct fs_suite **)suite, .suites = 2, .bytes = 12345};
    assert_true(fs_memory_scores(&data, 4) == 8 * 4 * (7 * 6 + 20 * 5));
    fs_memory_usual_items(&data, 4, &load); /* 61 statements */
    assert_true(load.data == 12345 && load.scores == 8 * 4 * 142 && load.gathered == 61 * 4 * 16 * 4);
    assert_true(load.items == 61 * (48 + 16 + 8 * 20 + 4 * (52 + 16)));
}

/* Seven units, five of them cut, of 600 bytes each but one of 900, with caches of 100; the others have tapes of 500. */
static void slots_by_hand(void **state)
{
    (void)state;
    const struct fs_spec spec = small_llama();
    struct fs_memory_load load = {.ranks = 1,
                                  .threads = 1,
                                  .inner = 4,
                                  .parameters = fs_stamp_parameters(8, 4),
                                  .memory = 1e18,
                                  .training = {10, 4, 49 + 9},
                                  .two_sweeps = true,
                                  .units = 7,
                                  .cut_units = 5,
                                  .caches = 700,
                                  .tapes = 4 * 600 + 900,
                                  .tape = 900,
                                  .slot = 1000,
                                  .alone = 500};
    const double forward = 4 * (10 * 72 + 65536 + 10 * 2 + 25600 + 2 * 4 * 8), back = 4 * 840;
    const double P = 2 * 4 * 8 + 4 + 8;
    struct fs_memory memory;
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.kept == 4 * 600 + 900); /* one for each unit */
    assert_true(memory.training == forward + back + 500);
    assert_true(memory.optimizer == 4 * 5 * P);
    load.threads = 3; /* two units without a slot, on three threads */
    fs_memory_of(&spec, &load, &memory);
    assert_true(fabs(memory.training - (forward + back + 500 * 2.0 / 3)) < 1e-6);
    load.threads = 1;
    load.ranks = 4; /* a rank with two cut units has no other */
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.kept == 2 * (4 * 600 + 900) / 5.0);
    assert_true(memory.training == forward + back);
    load.ranks = 1;
    load.memory = 6000; /* half of it holds three slots, which the units share, and which grow to the largest */
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.caches == 700 && memory.kept == 3 * 900);
    assert_true(memory.training == forward + back + 900);
    assert_true(memory.optimizer == 4 * 6 * P);
    load.two_sweeps = false; /* no term is cut, or none counts */
    load.cut_units = load.tapes = load.tape = load.slot = 0;
    fs_memory_of(&spec, &load, &memory);
    assert_true(memory.kept == 0 && memory.training == forward + back + 500);
}

/* A shape whose parts weigh about what they do in models in use; rows of all families. */
static struct fs_spec shape_of(const char *family)
{
    struct fs_spec spec = small_llama();
    bool is_qwen3 = fs_family_find("qwen3") == fs_family_find(family);
    bool is_llama = is_qwen3 || spec.family == fs_family_find(family),
         is_bert = fs_family_find("bert") == fs_family_find(family);
    spec.family = fs_family_find(family);
    spec.vocabulary = 1000;
    spec.hidden = 256;
    spec.heads = 4;
    spec.key_value_heads = is_llama ? 2 : 4;
    spec.head_size = 64;
    spec.max_positions = 512;
    spec.tied_head = !is_llama;
    layers[0].ffn = 704;
    layers[0].head_norm = is_qwen3 ? FS_HEAD_NORM_SHARED : FS_NO_HEAD_NORM;
    if (!is_llama) {
        layers[0] = (struct fs_layer_spec){
            .ffn = 1024, .activation = FS_GELU_TANH, .qkv_bias = true, .output_bias = true, .ffn_bias = true};
        spec.kind = is_bert ? FS_MASKED : FS_CAUSAL;
        spec.norm_kind = FS_LAYER_NORM;
        spec.block = is_bert ? FS_POST_NORM : FS_PRE_NORM;
        spec.activation = FS_GELU_TANH;
        spec.token_types = is_bert ? 2 : 0;
    }
    set_layers(layers[0]);
    return spec;
}

/* The same with what some families do to queries, keys and scores, and to words. */
static struct fs_spec special_of(const char *family)
{
    struct fs_spec spec = shape_of(family);
    if (strcmp(family, "olmo2") == 0) {
        layers[0].clip = 1;
        layers[0].head_norm = FS_HEAD_NORM_WHOLE;
    } else if (strcmp(family, "falcon") == 0) {
        layers[0].score_cap = 50;
        spec.qkv_layout = FS_QKV_GROUPS;
        spec.score_bias = FS_ALIBI;
    } else if (strcmp(family, "deberta-v2") == 0) {
        spec.kind = FS_MASKED;
        spec.block = FS_POST_NORM;
        spec.disentangled = (struct fs_disentangled){
            .span = 64, .buckets = 64, .most_distance = 512, .content_to_position = true, .position_to_content = true};
        spec.convolution.kernel = 3;
    } else if (strcmp(family, "albert") == 0) { /* words of more numbers than states */
        spec.embedding = 400;
        spec.projection = FS_PROJECT_NORMED;
    } else if (strcmp(family, "opt") == 0) { /* and of fewer */
        spec.embedding = 64;
        spec.projection = FS_PROJECT_WORDS;
        spec.output_projection = true;
    }
    set_layers(layers[0]);
    layers[0].convolved = spec.convolution.kernel > 0;
    return spec;
}

enum { TOKENS = 512, MOST = TOKENS + 1, ROWS = 16, WIDTH = 128 };

struct unit {
    struct fs_batch batch;
    struct fs_reads reads;
    int32_t token[TOKENS];
    size_t start[MOST], row[ROWS], first[ROWS + 1];
};

/* 512 tokens in sequences of `length`, read at 16 rows. */
static void make_unit(struct unit *unit, size_t length)
{
    *unit = (struct unit){.batch = {.sequences = TOKENS / length, .tokens = TOKENS}, .reads = {.rows = ROWS}};
    for (size_t s = 0; s <= unit->batch.sequences; s++) {
        unit->start[s] = s * length;
    }
    for (size_t r = 0; r < ROWS; r++) {
        unit->row[r] = r * (TOKENS / ROWS);
        unit->first[r + 1] = r + 1;
    }
    unit->batch.token = unit->reads.token = unit->token;
    unit->batch.start = unit->start;
    unit->reads.row = unit->row;
    unit->reads.first = unit->first;
}

static void expect_bound(const char *what, double actual, double formula)
{
    if (actual > formula || formula > 1.25 * actual) {
        fail_msg(
            "%s: %.0f bytes are held, the formula says %.0f; expected at least as many, and at most a quarter more",
            what, actual, formula);
    }
}

static void see_nothing(void *context, const struct fs_component_view *view)
{
    (void)context;
    (void)view;
}

static void measure(const char *family, size_t length)
{
    static struct unit unit;
    const struct fs_spec spec = special_of(family);
    struct fs_model *model = NULL;
    struct fs_workspace *workspace = NULL;
    struct fs_tape *tape = NULL;
    struct fs_stamp stamp = {0};
    struct fs_error err = FS_ERROR_INIT;
    make_unit(&unit, length);
    size_t numbers = TOKENS * spec.hidden;
    fs_real *h = calloc(5 * numbers, sizeof *h), *x = h + numbers, *base = x + numbers, *out = base + 2 * numbers;
    fs_real *logprob = calloc(ROWS * spec.vocabulary, sizeof *logprob);
    if (fs_model_random(&spec, &model, &err) != 0 || fs_workspace_create(model, &workspace, &err) != 0) {
        fail_msg("%s: %s", family, err.text);
    }
    const struct fs_pass unedited = {model, workspace, &unit.batch, NULL};
    if (fs_embed(model, workspace, &unit.batch, NULL, h, &err) != 0 ||
        fs_run_layers(&unedited, 0, spec.layers, h, &err) != 0 ||
        fs_read_logprobs(model, workspace, h, &unit.reads, logprob, NULL, &err) != 0) {
        fail_msg("%s: %s", family, err.text);
    }
    expect_bound("a workspace", (double)fs_workspace_bytes(workspace), fs_memory_workspace(&spec, TOKENS, ROWS));

    if (fs_stamp_create(0, spec.hidden, WIDTH, 1, &stamp, &err) != 0) {
        fail_msg("%s: %s", family, err.text);
    }
    const struct fs_edit edit = fs_stamp_edit(&stamp);
    const struct fs_pass edited = {model, workspace, &unit.batch, &edit};
    if (fs_tape_create(model, &tape, &err) != 0 || fs_run_to_ffn(&unedited, 0, h, x, base, &err) != 0 ||
        fs_upper_forward(&edited, tape, x, base, out, &err) != 0 ||
        fs_tape_read(tape, out, ROWS, unit.row, logprob, &err) != 0 ||
        fs_upper_backward(tape, h, NULL, NULL, &err) != 0) {
        fail_msg("%s: %s", family, err.text);
    }
    const struct fs_memory_load load = {
        .ranks = 1,
        .threads = 1,
        .inner = WIDTH,
        .parameters = fs_stamp_parameters(spec.hidden, WIDTH),
        .memory = 1e18,
        .units = 1,
        .training = {TOKENS, ROWS, (double)(TOKENS * length)},
    };
    struct fs_memory memory;
    fs_memory_of(&spec, &load, &memory);
    double held = (double)(fs_workspace_bytes(workspace) + fs_tape_bytes(tape)) + /* and h, dh, logits of the trainer */
                  (double)((2 * numbers + ROWS * spec.vocabulary) * sizeof(fs_real));
    expect_bound("training", held, memory.training);
    fs_stamp_release(&stamp);
    fs_tape_destroy(tape);
    fs_workspace_destroy(workspace);
    fs_model_destroy(model);
    free(logprob);
    free(h);
}

/* As measure, with a workspace of its own, a unit of attribution patching. */
static void measure_gradients(const char *family, size_t length)
{
    static struct unit unit;
    const struct fs_spec spec = special_of(family);
    struct fs_model *model = NULL;
    struct fs_workspace *workspace = NULL;
    struct fs_gradients *gradients = NULL;
    struct fs_error err = FS_ERROR_INIT;
    make_unit(&unit, length);
    fs_real *logprob = calloc(ROWS * spec.vocabulary, sizeof *logprob);
    if (fs_model_random(&spec, &model, &err) != 0 || fs_workspace_create(model, &workspace, &err) != 0 ||
        fs_gradients_create(model, &gradients, &err) != 0) {
        fail_msg("%s: %s", family, err.text);
    }
    const struct fs_pass pass = {model, workspace, &unit.batch, NULL};
    if (fs_gradients_forward(gradients, &pass, NULL, ROWS, unit.row, logprob, &err) != 0 ||
        fs_gradients_backward(gradients, logprob, see_nothing, NULL, &err) != 0) {
        fail_msg("%s: %s", family, err.text);
    }
    const struct fs_memory_load load = {
        .ranks = 1, .threads = 1, .memory = 1e18, .units = 1, .attribution = {TOKENS, ROWS, (double)(TOKENS * length)}};
    struct fs_memory memory;
    fs_memory_of(&spec, &load, &memory);
    double held =
        (double)(fs_workspace_bytes(workspace) + fs_gradients_bytes(gradients)) + /* and noise, distributions */
        (double)((TOKENS * fs_spec_embedding(&spec) + ROWS * spec.vocabulary) * sizeof(fs_real));
    expect_bound("attribution", held, memory.trace);
    fs_gradients_destroy(gradients);
    fs_workspace_destroy(workspace);
    fs_model_destroy(model);
    free(logprob);
}

static void as_much_as_the_engine_holds(void **state)
{
    (void)state;
    static const char *const families[] = {"bert", "gpt2", "llama", "qwen3"};
    static const char *const special[] = {"olmo2", "falcon", "deberta-v2", "albert", "opt"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        measure(families[i], 16);
        measure(families[i], 128);
        measure(families[i], 512);
        measure_gradients(families[i], 32);
    }
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        measure(special[i], 512); /* what they add is by the longest sequence that there may be */
        measure_gradients(special[i], 512);
    }
}

static void usual_units(void **state)
{
    (void)state;
    const struct fs_spec spec = shape_of("gpt2");
    struct fs_memory_load load = {.ranks = 4,
                                  .threads = 2,
                                  .layer = 1,
                                  .inner = 64,
                                  .parameters = fs_stamp_parameters(spec.hidden, 64),
                                  .memory = 1e18};
    struct fs_memory most, real;
    fs_memory_usual_units(&spec, &load);
    fs_memory_of(&spec, &load, &most);
    load.trace = (struct fs_memory_unit){500, 40, 500 * 20};
    load.training = (struct fs_memory_unit){500, 90, 500 * 20};
    load.evaluate = (struct fs_memory_unit){512, 60, 0};
    load.units = 3;
    fs_memory_of(&spec, &load, &real);
    assert_true(real.trace < most.trace && real.training < most.training && real.evaluate < most.evaluate);
    assert_true(real.gradients < most.gradients && fs_memory_rank(&real, 2) < fs_memory_rank(&most, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_by_hand), cmocka_unit_test(items_by_hand),
        cmocka_unit_test(slots_by_hand), cmocka_unit_test(as_much_as_the_engine_holds),
        cmocka_unit_test(usual_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
