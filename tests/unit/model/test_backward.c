/*
 * Gradients. Built twice: in float64, against central differences for every parameter of a stamp and every number of x;
 * in both, against the values and gradients that PyTorch's autograd gives for the loss terms in float64.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "io/formats/json.h"
#include "model/backward.h"
#include "model/edits/stamp_net.h"
#include "model/engine_parts.h"
#include "model/numbers/kernels.h"
#include "support.h"
#include "tests/unit/model/reals.h"

enum { WIDTH = 8 };

/* A gradient has the forward pass behind it and twice as much backward; gap and divergence are differences of numbers
 * about twice as large. */
static double golden_bound(const struct fs_spec *spec)
{
    return 2.0 * bound_real(3.0 * forward_depth(spec));
}

/* A stamped model on one batch, up to the distributions of some rows. */
struct scene {
    struct fs_model *model;
    struct fs_workspace *workspace;
    struct fs_tape *tape;
    struct fs_stamp stamp;
    struct fs_edit edit; /* of the stamp */
    struct fs_batch batch;
    fs_real *x, *base, *h; /* (T,d); base as engine.h has it */
    size_t rows;
    const size_t *row;
    fs_real *logprob, *dlogits; /* (R,V) */
    fs_real *gradient, *dx;
};

/* The scene's batch through its model, with `edit` or NULL. */
static struct fs_pass pass_of(const struct scene *scene, const struct fs_edit *edit)
{
    return (struct fs_pass){scene->model, scene->workspace, &scene->batch, edit};
}

/* Takes over the model. */
static void scene_open(struct scene *scene, struct fs_model *model, size_t layer, const struct fs_batch *batch,
                       size_t rows, const size_t *row)
{
    struct fs_error err = FS_ERROR_INIT;
    memset(scene, 0, sizeof *scene);
    scene->model = model;
    scene->batch = *batch;
    scene->rows = rows;
    scene->row = row;
    size_t d = fs_model_spec(scene->model)->hidden, V = fs_model_spec(scene->model)->vocabulary, T = batch->tokens;
    expect(fs_workspace_create(scene->model, &scene->workspace, &err), &err);
    expect(fs_tape_create(scene->model, &scene->tape, &err), &err);
    expect(fs_stamp_create(layer, d, WIDTH, 11, &scene->stamp, &err), &err);
    scene->edit = fs_stamp_edit(&scene->stamp);
    scene->x = numbers(T * d);
    scene->base = numbers(fs_base_matrices(fs_model_spec(model)) * T * d);
    scene->h = numbers(T * d);
    scene->logprob = numbers(rows * V);
    scene->dlogits = numbers(rows * V);
    scene->gradient = numbers(fs_stamp_parameters(d, WIDTH));
    scene->dx = numbers(T * d);
    const struct fs_pass pass = pass_of(scene, NULL);
    expect(fs_embed(scene->model, scene->workspace, &scene->batch, NULL, scene->h, &err), &err);
    expect(fs_run_layers(&pass, 0, layer, scene->h, &err), &err);
    expect(fs_run_to_ffn(&pass, layer, scene->h, scene->x, scene->base, &err), &err);
}

static void scene_close(struct scene *scene)
{
    free(scene->x);
    free(scene->base);
    free(scene->h);
    free(scene->logprob);
    free(scene->dlogits);
    free(scene->gradient);
    free(scene->dx);
    fs_stamp_release(&scene->stamp);
    fs_tape_destroy(scene->tape);
    fs_workspace_destroy(scene->workspace);
    fs_model_destroy(scene->model);
}

static void forward(struct scene *scene)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_pass pass = pass_of(scene, &scene->edit);
    expect(fs_upper_forward(&pass, scene->tape, scene->x, scene->base, scene->h, &err), &err);
    expect(fs_tape_read(scene->tape, scene->h, scene->rows, scene->row, scene->logprob, &err), &err);
}

/* From scene->dlogits to scene->gradient and scene->dx. */
static void backward(struct scene *scene)
{
    struct fs_error err = FS_ERROR_INIT;
    size_t d = scene->stamp.hidden;
    fs_real *dh = numbers(scene->batch.tokens * d);
    memset(scene->gradient, 0, fs_stamp_parameters(d, WIDTH) * sizeof *scene->gradient);
    expect(fs_tape_read_backward(scene->tape, scene->dlogits, dh, &err), &err);
    expect(fs_upper_backward(scene->tape, dh, scene->gradient, scene->dx, &err), &err);
    free(dh);
}

/* dlogits = dlogprob - p sum(dlogprob), a row at a time: through the log-softmax. */
static void through_softmax(struct scene *scene, const double *dlogprob)
{
    size_t V = fs_model_spec(scene->model)->vocabulary;
    for (size_t r = 0; r < scene->rows; r++) {
        double sum = 0.0;
        for (size_t v = 0; v < V; v++) {
            sum += dlogprob[r * V + v];
        }
        for (size_t v = 0; v < V; v++) {
            scene->dlogits[r * V + v] = (fs_real)(dlogprob[r * V + v] - exp((double)scene->logprob[r * V + v]) * sum);
        }
    }
}

/* ---- memory and layers ---- */

enum { TOKENS = 14, ROWS = 4 };
static const size_t starts[] = {0, 6, 7, TOKENS};
static const size_t rows[ROWS] = {2, 5, 12, 12}; /* one row twice: its gradients add up */

static struct fs_model *golden_model(const char *name)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), name);
    return load_model(folder);
}

static void small_scene(struct scene *scene, struct fs_model *model, size_t layer, int32_t token[TOKENS])
{
    for (int32_t t = 0; t < TOKENS; t++) {
        token[t] = (29 * t + 7) % 100;
    }
    struct fs_batch batch = {3, TOKENS, token, starts, NULL, NULL};
    scene_open(scene, model, layer, &batch, ROWS, rows);
    uint64_t seed = 3;
    for (size_t i = 0; i < fs_stamp_parameters(scene->stamp.hidden, WIDTH); i++) {
        scene->stamp.parameters[i] += (fs_real)(0.3 * noise(&seed));
    }
}

/* The forward pass with memory gives the bits of the one without. Takes over the model. */
static void check_bits(struct fs_model *model)
{
    struct scene scene;
    struct fs_error err = FS_ERROR_INIT;
    int32_t token[TOKENS];
    small_scene(&scene, model, 0, token);
    size_t bytes = TOKENS * scene.stamp.hidden * sizeof(fs_real);
    size_t V = fs_model_spec(scene.model)->vocabulary;
    fs_real *plain = numbers(TOKENS * scene.stamp.hidden), *logprob = numbers(ROWS * V);
    const struct fs_pass pass = pass_of(&scene, &scene.edit);
    expect(fs_embed(scene.model, scene.workspace, &scene.batch, NULL, plain, &err), &err);
    expect(fs_run_layers(&pass, 0, fs_model_spec(scene.model)->layers, plain, &err), &err);
    expect(fs_read_distributions(scene.model, scene.workspace, plain, ROWS, rows, logprob, &err), &err);
    forward(&scene);
    assert_memory_equal(plain, scene.h, bytes);
    assert_memory_equal(logprob, scene.logprob, ROWS * V * sizeof *logprob);
    free(plain);
    free(logprob);
    scene_close(&scene);
}

static void test_same_bits(void **state)
{
    (void)state;
    size_t count;
    char **names = golden_models(&count);
    for (size_t i = 0; i < count; i++) {
        check_bits(golden_model(names[i]));
    }
    free_names(names, count);
    for (size_t i = 0; i < block_count; i++) {
        check_bits(block_model(i));
    }
}

/* ---- finite differences ---- */

#ifdef FS_DOUBLE

static double weighted(struct scene *scene, const double *weight)
{
    forward(scene);
    double sum = 0.0;
    for (size_t i = 0; i < ROWS * fs_model_spec(scene->model)->vocabulary; i++) {
        sum += weight[i] * scene->logprob[i];
    }
    return sum;
}

/* base with what FFN(x) contributes: base -= before, base += now. */
static void ffn(struct scene *scene, double *out)
{
    struct fs_activations activations;
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_pass pass = pass_of(scene, NULL);
    expect(fs_layer_prepare(&pass, &activations, &err), &err);
    struct fs_layer_run run = fs_layer_begin(&pass, scene->stamp.layer, &activations);
    run.layer->ffn->inner(&run, scene->x);
    run.layer->ffn->output(&run, NULL, out);
}

/* |numeric - analytic| / |analytic| over a block of numbers that `at` points to. */
static double block_error(struct scene *scene, const double *weight, double *at, const double *analytic, size_t count,
                          bool is_x)
{
    double difference = 0.0, norm = 0.0;
    size_t numbers_of_x = TOKENS * scene->stamp.hidden;
    double *residual = numbers(numbers_of_x), *branch = numbers(numbers_of_x);
    ffn(scene, branch);
    for (size_t i = 0; i < numbers_of_x; i++) {
        residual[i] = scene->base[i] - branch[i];
    }
    for (size_t i = 0; i < count; i++) {
        double step = 1e-5, kept = at[i], end[2];
        for (int side = 0; side < 2; side++) {
            at[i] = side == 0 ? kept + step : kept - step;
            if (is_x) {
                ffn(scene, branch);
                for (size_t j = 0; j < numbers_of_x; j++) {
                    scene->base[j] = residual[j] + branch[j];
                }
            }
            end[side] = weighted(scene, weight);
        }
        at[i] = kept;
        double numeric = (end[0] - end[1]) / (2.0 * step);
        difference += (numeric - analytic[i]) * (numeric - analytic[i]);
        norm += analytic[i] * analytic[i];
    }
    free(residual);
    free(branch);
    assert_true(norm > 0.0);
    return sqrt(difference / norm);
}

/* Takes over the model. */
static void check_differences(const char *name, struct fs_model *model)
{
    struct scene scene;
    int32_t token[TOKENS];
    small_scene(&scene, model, 0, token);
    size_t d = scene.stamp.hidden, V = fs_model_spec(scene.model)->vocabulary;
    double *weight = numbers(ROWS * V);
    uint64_t seed = 5;
    for (size_t i = 0; i < ROWS * V; i++) {
        weight[i] = noise(&seed);
    }
    forward(&scene);
    through_softmax(&scene, weight);
    backward(&scene);
    double *parameters = scene.stamp.parameters, *gradient = scene.gradient;
    size_t bias = fs_stamp_offset_key_bias(&scene.stamp), value = fs_stamp_offset_value(&scene.stamp);
    size_t value_bias = fs_stamp_offset_value_bias(&scene.stamp);
    double error[5];
    error[0] = block_error(&scene, weight, parameters, gradient, WIDTH * d, false);
    error[1] = block_error(&scene, weight, parameters + bias, gradient + bias, WIDTH, false);
    error[2] = block_error(&scene, weight, parameters + value, gradient + value, WIDTH * d, false);
    error[3] = block_error(&scene, weight, parameters + value_bias, gradient + value_bias, d, false);
    error[4] = block_error(&scene, weight, scene.x, scene.dx, TOKENS * d, true);
    print_message("%-22s K' %.0e  b_K %.0e  V' %.0e  b_V %.0e  x %.0e\n", name, error[0], error[1], error[2], error[3],
                  error[4]);
    for (size_t i = 0; i < 5; i++) {
        /* central differences err by step^2, 1e-10, times the third derivative, and by 1e-16 / step times the sum */
        assert_true(error[i] < 1e-6);
    }
    free(weight);
    scene_close(&scene);
}

static void test_finite_differences(void **state)
{
    (void)state;
    size_t count;
    char **names = golden_models(&count);
    for (size_t i = 0; i < count; i++) {
        check_differences(names[i], golden_model(names[i]));
    }
    free_names(names, count);
    for (size_t i = 0; i < block_count; i++) {
        check_differences(block_name(i), block_model(i));
    }
}

#endif

/* ---- PyTorch's autograd ---- */

static const cJSON *get(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_non_null(value);
    return value;
}

/* The numbers of nested arrays in order; returns how many. */
static size_t flatten(const cJSON *value, double *out)
{
    if (cJSON_IsNumber(value)) {
        *out = value->valuedouble;
        return 1;
    }
    assert_true(cJSON_IsArray(value));
    size_t count = 0;
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        count += flatten(item, out + count);
    }
    return count;
}

static size_t item(const cJSON *array, int index)
{
    const cJSON *value = cJSON_GetArrayItem(array, index);
    assert_true(cJSON_IsNumber(value));
    return (size_t)value->valuedouble;
}

/* A golden file's batch; every position is read, so that (sequence, position) is a row of the packed matrix. */
struct golden {
    struct fs_json_document *document;
    const cJSON *root;
    struct texts texts;
    size_t *row;
};

static size_t golden_row(const struct golden *golden, const cJSON *place)
{
    return golden->texts.start[item(place, 0)] + item(place, 1);
}

static void golden_open(struct golden *golden, const char *family)
{
    struct fs_error err = FS_ERROR_INIT;
    char path[4096];
    memset(golden, 0, sizeof *golden);
    snprintf(path, sizeof path, "%s/%s.json", golden_path("gradients"), family);
    expect(fs_json_load(path, &golden->document, &err), &err);
    golden->root = fs_json_root(golden->document);
    const cJSON *sequences = get(golden->root, "sequences");
    for (const cJSON *sequence = sequences->child; sequence != NULL; sequence = sequence->next) {
        int32_t token[64];
        int count = cJSON_GetArraySize(sequence);
        assert_true(count <= 64);
        for (int i = 0; i < count; i++) {
            token[i] = (int32_t)item(sequence, i);
        }
        texts_add_sequence(&golden->texts, token, (size_t)count);
    }
    golden->row = malloc(golden->texts.tokens * sizeof *golden->row);
    assert_non_null(golden->row);
    for (size_t t = 0; t < golden->texts.tokens; t++) {
        golden->row[t] = t;
    }
}

/* P' of a statement; with `scale`, also adds scale dP'/dlogprob to dlogprob. */
static double statement(const struct golden *golden, const struct scene *scene, size_t index, double scale,
                        double *dlogprob)
{
    bool mean_probability = strcmp(get(golden->root, "fold")->valuestring, "mean_probability") == 0;
    const cJSON *reads = cJSON_GetArrayItem(get(golden->root, "statements"), (int)index);
    size_t V = fs_model_spec(scene->model)->vocabulary, count = (size_t)cJSON_GetArraySize(reads);
    double sum = 0.0;
    for (const cJSON *read = reads->child; read != NULL; read = read->next) {
        double log_p = (double)scene->logprob[golden_row(golden, read) * V + item(read, 2)];
        sum += mean_probability ? exp(log_p) : log_p;
    }
    double value = mean_probability ? sum / (double)count : exp(sum / (double)count);
    for (const cJSON *read = reads->child; dlogprob != NULL && read != NULL; read = read->next) {
        size_t at = golden_row(golden, read) * V + item(read, 2);
        double slope = mean_probability ? exp((double)scene->logprob[at]) : value;
        dlogprob[at] += scale * slope / (double)count;
    }
    return value;
}

/* The term's value; dlogprob (R,V) gets its gradient. */
static double loss(const struct golden *golden, const struct scene *scene, const char *term, const fs_real *unstamped,
                   double *dlogprob)
{
    size_t V = fs_model_spec(scene->model)->vocabulary;
    double sum = 0.0;
    if (strcmp(term, "kl") == 0) {
        const cJSON *places = get(golden->root, "rows");
        double share = 1.0 / cJSON_GetArraySize(places);
        for (const cJSON *place = places->child; place != NULL; place = place->next) {
            size_t at = golden_row(golden, place) * V;
            for (size_t v = 0; v < V; v++) {
                double p = exp((double)unstamped[at + v]);
                sum += share * p * ((double)unstamped[at + v] - (double)scene->logprob[at + v]);
                dlogprob[at + v] -= share * p;
            }
        }
        return sum;
    }
    const cJSON *pairs = get(golden->root, "pairs");
    double share = 1.0 / cJSON_GetArraySize(pairs);
    for (const cJSON *pair = pairs->child; pair != NULL; pair = pair->next) {
        double a = statement(golden, scene, item(pair, 0), 0.0, NULL);
        double b = statement(golden, scene, item(pair, 1), 0.0, NULL);
        bool gap = strcmp(term, "gap") == 0;
        double ratio = log(a) - log(b), sign = a > b ? 1.0 : -1.0;
        sum += share * (gap ? fabs(a - b) : ratio * ratio);
        statement(golden, scene, item(pair, 0), share * (gap ? sign : 2.0 * ratio / a), dlogprob);
        statement(golden, scene, item(pair, 1), -share * (gap ? sign : 2.0 * ratio / b), dlogprob);
    }
    return sum;
}

static double relative(const fs_real *found, const double *expected, size_t count)
{
    double difference = 0.0, norm = 0.0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)found[i] - expected[i]) * ((double)found[i] - expected[i]);
        norm += expected[i] * expected[i];
    }
    assert_true(norm > 0.0);
    return sqrt(difference / norm);
}

static void check_golden(const char *family)
{
    struct golden golden;
    struct scene scene;
    golden_open(&golden, family);
    size_t T = golden.texts.tokens;
    struct fs_batch batch = {golden.texts.sequences, T, golden.texts.token, golden.texts.start, NULL, NULL};
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), get(golden.root, "model")->valuestring);
    scene_open(&scene, load_model(folder), (size_t)get(golden.root, "layer")->valuedouble, &batch, T, golden.row);
    const struct fs_spec *spec = fs_model_spec(scene.model);
    size_t d = scene.stamp.hidden, V = spec->vocabulary, count = fs_stamp_parameters(d, WIDTH);

    forward(&scene); /* with the fresh stamp: the unstamped model */
    fs_real *unstamped = numbers(T * V);
    memcpy(unstamped, scene.logprob, T * V * sizeof *unstamped);
    static const char *const parts[] = {"key", "key_bias", "value", "value_bias"};
    static const char *const gradients[] = {"key", "key_bias", "value_matrix", "value_bias"};
    double *expected = malloc((count + T * d) * sizeof *expected), *dlogprob = malloc(T * V * sizeof *dlogprob);
    assert_true(expected != NULL && dlogprob != NULL);
    size_t used = 0;
    for (size_t i = 0; i < 4; i++) {
        used += flatten(get(get(golden.root, "stamp"), parts[i]), expected + used);
    }
    assert_int_equal(used, count);
    for (size_t i = 0; i < count; i++) {
        scene.stamp.parameters[i] = (fs_real)expected[i];
    }

    forward(&scene);
    const cJSON *values = get(golden.root, "statement_values");
    for (int i = 0; i < cJSON_GetArraySize(values); i++) {
        double wanted = cJSON_GetArrayItem(values, i)->valuedouble;
        assert_true(fabs(statement(&golden, &scene, (size_t)i, 0.0, NULL) - wanted) <= golden_bound(spec) * wanted);
    }
    static const char *const terms[] = {"gap", "logratio", "kl"};
    for (size_t t = 0; t < 3; t++) {
        const cJSON *term = get(get(golden.root, "terms"), terms[t]);
        memset(dlogprob, 0, T * V * sizeof *dlogprob);
        forward(&scene);
        double value = loss(&golden, &scene, terms[t], unstamped, dlogprob), wanted = get(term, "value")->valuedouble;
        through_softmax(&scene, dlogprob);
        backward(&scene);
        used = 0;
        double worst = fabs(value - wanted) / wanted;
        for (size_t i = 0; i < 4; i++) {
            size_t part = flatten(get(term, gradients[i]), expected);
            double error = relative(scene.gradient + used, expected, part);
            worst = error > worst ? error : worst;
            used += part;
        }
        assert_int_equal(flatten(get(term, "x"), expected), T * d);
        double error = relative(scene.dx, expected, T * d);
        worst = error > worst ? error : worst;
        print_message("%-8s %-9s relative to autograd, worst of value and gradients %.1e of %.1e\n", family, terms[t],
                      worst, golden_bound(spec));
        assert_true(worst < golden_bound(spec));
    }
    free(unstamped);
    free(expected);
    free(dlogprob);
    free(golden.row);
    texts_release(&golden.texts);
    fs_json_destroy(golden.document);
    scene_close(&scene);
}

static void test_autograd(void **state)
{
    (void)state;
    check_golden("bert");
    check_golden("gpt2");
    check_golden("llama");
    check_golden("gpt_neo");
    check_golden("qwen3");
    check_golden("opt");    /* words and logits through other numbers than the states' */
    check_golden("gemma2"); /* the edit before the FFN's own norm; caps */
    check_golden("gptj");   /* attention and FFN side by side */
}

/* Without gradient and without dx wanted, the other one keeps its bits; a gradient is added to what is there. */
static void test_what_is_wanted(void **state)
{
    (void)state;
    struct scene scene;
    struct fs_error err = FS_ERROR_INIT;
    int32_t token[TOKENS];
    small_scene(&scene, golden_model("llama-biases-bf16"), 0, token);
    size_t d = scene.stamp.hidden, count = fs_stamp_parameters(d, WIDTH), T = TOKENS;
    size_t V = fs_model_spec(scene.model)->vocabulary;
    uint64_t seed = 9;
    for (size_t i = 0; i < ROWS * V; i++) {
        scene.dlogits[i] = (fs_real)noise(&seed);
    }
    forward(&scene);
    backward(&scene);
    fs_real *dh = numbers(T * d), *gradient = numbers(count), *dx = numbers(T * d);
    expect(fs_tape_read_backward(scene.tape, scene.dlogits, dh, &err), &err);
    expect(fs_upper_backward(scene.tape, dh, NULL, dx, &err), &err);
    assert_memory_equal(dx, scene.dx, T * d * sizeof *dx);
    for (int times = 1; times <= 2; times++) {
        expect(fs_tape_read_backward(scene.tape, scene.dlogits, dh, &err), &err);
        expect(fs_upper_backward(scene.tape, dh, gradient, NULL, &err), &err);
        for (size_t i = 0; i < count; i++) {
            double wanted = times * (double)scene.gradient[i];
            assert_true(fabs((double)gradient[i] - wanted) <=
                        bound_real((double)T) * (1.0 + fabs(wanted))); /* sums over tokens */
        }
    }
    free(dh);
    free(gradient);
    free(dx);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
#ifdef FS_DOUBLE
        cmocka_unit_test(test_finite_differences),
#endif
        cmocka_unit_test(test_autograd),
        cmocka_unit_test(test_what_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
