/* What models are in words: lines of golden folders, and of specs that no folder has. */
#include <stdio.h>
#include <string.h>

#include "model/families/config.h"
#include "model/families/spec_words.h"
#include "support.h"

struct wanted {
    const char *label, *text; /* NULL: there is no such line */
    bool found;
};

static void compare(void *context, const char *label, const char *text)
{
    struct wanted *wanted = context;
    if (strcmp(label, wanted->label) != 0) {
        return;
    }
    wanted->found = true;
    if (wanted->text == NULL || strcmp(text, wanted->text) != 0) {
        fail_msg("%s: \"%s\", expected \"%s\"", label, text, wanted->text != NULL ? wanted->text : "no line");
    }
}

static void expect_line(const struct fs_spec *spec, const char *label, const char *text)
{
    struct wanted wanted = {label, text, false};
    fs_spec_describe(spec, compare, &wanted);
    assert_int_equal(wanted.found, text != NULL);
}

static void read_golden(const char *name, struct fs_spec *spec)
{
    char folder[256];
    struct fs_error err = FS_ERROR_INIT;
    snprintf(folder, sizeof folder, "models/%s", name);
    assert_int_equal(fs_spec_read(golden_path(folder), spec, NULL, &err), 0);
}

static void test_golden(void **state)
{
    (void)state;
    static const struct {
        const char *model, *label, *text;
    } rows[] = {
        {"bert-tiny", "block", "post-norm: a norm behind the sum with attention, a norm behind the sum with the FFN"},
        {"bert-tiny", "attention", "to all positions"},
        {"bert-tiny", "biases", "queries, keys and values; attention output; FFN"},
        {"roberta-late-pad-bf16", "positions", "learned, counted from 4, behind the pad token"},
        {"distilbert-tiny", "embedding", "a norm behind the embedding"},
        {"gpt2-tiny", "embedding", NULL},
        {"gpt_neo-tiny", "attention",
         "to all earlier positions; windows of 5 in layers 1, 3 of 4; scores times 1 instead of 0.353553"},
        {"gpt_neo-tiny", "biases", "attention output; FFN"},
        {"llama-grouped", "biases", "none"},
        {"llama-grouped", "norm", "RMSNorm, epsilon 1e-06"},
        {"llama-grouped", "head", "a norm behind the last layer; the word embedding (tied)"},
        {"qwen2-windows", "attention", "to all earlier positions; windows of 6 in layers 2-3 of 4"},
        {"qwen2-windows", "ffn", "44, silu; gated"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fs_spec spec = {0};
        read_golden(rows[i].model, &spec);
        expect_line(&spec, rows[i].label, rows[i].text);
        fs_spec_release(&spec);
    }
    struct fs_spec spec = {0};
    char sizes[FS_SPEC_SIZES];
    read_golden("llama-grouped", &spec);
    fs_spec_sizes(&spec, sizes);
    assert_string_equal(sizes, "2 layers, hidden size 32, 4 heads of 8 (2 of keys and values), FFN 72, vocabulary 153, "
                               "128 positions");
    assert_string_equal(fs_model_kind_name(spec.kind), "causal");
    fs_spec_release(&spec);
}

/* Layers that differ: ranges, sizes from least to most, and a line that would not end. */
static void test_layers(void **state)
{
    (void)state;
    enum { LAYERS = 100 };
    struct fs_spec golden = {0}, spec;
    struct fs_layer_spec layer[LAYERS];
    read_golden("llama-grouped", &golden);
    for (size_t i = 0; i < LAYERS; i++) {
        layer[i] = golden.layer[0];
        layer[i].ffn = 10 + i;
        layer[i].window = i < 3 || i == 50 ? 7 + i : 0;
        layer[i].qkv_bias = i % 2 == 0;
        layer[i].attention_scale /= i == 4 ? 5.0 : 1.0;
    }
    spec = golden;
    spec.layers = LAYERS;
    spec.layer = layer;
    expect_line(&spec, "ffn", "10 to 109, silu; gated");
    expect_line(
        &spec, "attention",
        "to all earlier positions; windows of 7 to 57 in layers 0-2, 50 of 100; scores times 0.0707107 instead of "
        "0.353553 in layer 4 of 100");
    expect_line(&spec, "biases",
                "queries, keys and values in layers 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, ... of 100");
    fs_spec_release(&golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
