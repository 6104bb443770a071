/* Classes that config.json names, and names of tensors as wrappers write them: the same numbers, or a refusal by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "model/families/config.h"
#include "support.h"

static const char *golden_file(const char *model, const char *name)
{
    char rest[256];
    snprintf(rest, sizeof rest, "models/%s/%s", model, name);
    return golden_path(rest);
}

/* How the tensors of a golden model are named in a copy. */
struct change {
    const char *from, *to; /* the first `from` of each name becomes `to`; NULL: every name gets `to` before it */
    const char *but;       /* names with this are left as they are; NULL: none */
    const char *more;      /* a further tensor, of two zeros; NULL: none */
};

static void copy_weights(const char *model, const struct change *change)
{
    size_t size;
    unsigned char *data = slurp(golden_file(model, "model.safetensors"), &size);
    uint64_t length;
    memcpy(&length, data, 8);
    cJSON *header = cJSON_ParseWithLength((char *)data + 8, length), *renamed = cJSON_CreateObject();
    assert_non_null(header);
    for (cJSON *entry; (entry = cJSON_DetachItemFromArray(header, 0)) != NULL;) {
        char name[512];
        const char *old = entry->string, *at = change->from != NULL ? strstr(old, change->from) : old;
        bool kept =
            at == NULL || strcmp(old, "__metadata__") == 0 || (change->but != NULL && strstr(old, change->but) != NULL);
        snprintf(name, sizeof name, "%.*s%s%s", kept ? 0 : (int)(at - old), old, kept ? "" : change->to,
                 kept ? old : at + (change->from != NULL ? strlen(change->from) : 0));
        cJSON_AddItemToObject(renamed, name, entry);
    }
    size_t numbers = size - 8 - (size_t)length;
    if (change->more != NULL) {
        cJSON *tensor = cJSON_AddObjectToObject(renamed, change->more);
        const double shape = 2, offsets[2] = {(double)numbers, (double)numbers + 8};
        cJSON_AddStringToObject(tensor, "dtype", "F32");
        cJSON_AddItemToObject(tensor, "shape", cJSON_CreateDoubleArray(&shape, 1));
        cJSON_AddItemToObject(tensor, "data_offsets", cJSON_CreateDoubleArray(offsets, 2));
    }
    char *text = cJSON_PrintUnformatted(renamed);
    uint64_t used = strlen(text);
    char *whole = calloc(1, 8 + used + numbers + 8);
    assert_non_null(whole);
    memcpy(whole, &used, 8);
    memcpy(whole + 8, text, used);
    memcpy(whole + 8 + used, data + 8 + length, numbers);
    scratch_write("model.safetensors", whole, 8 + used + numbers + (change->more != NULL ? 8 : 0));
    free(whole);
    cJSON_free(text);
    cJSON_Delete(renamed);
    cJSON_Delete(header);
    free(data);
}

/* The config of a golden model; `key` becomes the JSON `value`, or goes where that is NULL. */
static void copy_config(const char *model, const char *const change[][2], size_t count)
{
    size_t size;
    unsigned char *data = slurp(golden_file(model, "config.json"), &size);
    cJSON *config = cJSON_Parse((char *)data);
    assert_non_null(config);
    for (size_t i = 0; i < count; i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(config, change[i][0]);
        if (change[i][1] != NULL) {
            cJSON_AddItemToObject(config, change[i][0], cJSON_Parse(change[i][1]));
        }
    }
    char *text = cJSON_PrintUnformatted(config);
    scratch_write_text("config.json", text);
    cJSON_free(text);
    cJSON_Delete(config);
    free(data);
}

/* log p of some tokens of the model: the same bits for the same numbers in the same places. */
static void compute(const struct fs_model *model, fs_real logprob[4])
{
    static const int32_t token[] = {5, 17, 40, 9};
    struct texts texts = {0};
    texts_add_sequence(&texts, token, 4);
    for (size_t i = 0; i < 4; i++) {
        texts_add_read(&texts, i, 30 + (int32_t)i, 0.0);
    }
    texts_run(model, &texts, 64, logprob);
    texts_release(&texts);
}

static void expect_same(const char *golden, const char *note)
{
    fs_real expected[4], found[4];
    char path[256];
    snprintf(path, sizeof path, "models/%s", golden);
    struct fs_model *plain = load_model(golden_path(path)), *model = load_model(scratch_folder());
    compute(plain, expected);
    compute(model, found);
    assert_memory_equal(found, expected, sizeof found);
    const struct fs_notes *notes = fs_model_notes(model);
    if (note == NULL) {
        assert_int_equal(notes->count, 0);
    } else if (notes->count == 0 || notes->note[0].warning || strstr(notes->note[0].text, note) == NULL) {
        fail_msg("%s: %zu notes, the first \"%s\", expected \"%s\"", golden, notes->count, notes->note[0].text, note);
    }
    fs_model_destroy(model);
    fs_model_destroy(plain);
}

static void expect_refused(const char *first, const char *second)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_model *model;
    int status = fs_model_open(scratch_folder(), &model, &err);
    if (status == 0 || err.code != FS_EXIT_DATA || strstr(err.text, first) == NULL ||
        strstr(err.text, second) == NULL) {
        fail_msg("code %d, \"%s\", expected \"%s\" and \"%s\"", err.code, err.text, first, second);
    }
}

static void test_wrappers(void **state)
{
    (void)state;
    static const char *const models[] = {"bert-tiny",       "gpt2-tiny",      "gpt2-no-prefix",   "llama-grouped",
                                         "llama-no-prefix", "bert-old-names", "gpt2-stored-masks"};
    static const struct {
        struct change change;
        const char *note;
    } changes[] = {
        {{NULL, "_orig_mod.", NULL, NULL}, "_orig_mod"},
        {{NULL, "module.", NULL, NULL}, "\"module.\""},
        {{NULL, "module._orig_mod.net.", NULL, NULL}, "\"module.net.\""},
        {{NULL, "_fsdp_wrapped_module.", NULL, NULL}, "wrapper"},
        {{".1.", ".1._fsdp_wrapped_module._checkpoint_wrapped_module.", NULL, NULL}, "wrapper"},
        {{".0.", ".0._orig_mod.", NULL, NULL}, "_orig_mod"},
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        copy_config(models[i], NULL, 0);
        for (size_t j = 0; j < sizeof changes / sizeof *changes; j++) {
            copy_weights(models[i], &changes[j].change);
            expect_same(models[i], changes[j].note);
        }
        /* Lightning's module calls its model "model", as Llama does its body. */
        copy_weights(models[i], &(struct change){NULL, "model.", NULL, NULL});
        expect_same(models[i], strcmp(models[i], "llama-no-prefix") == 0 ? NULL : "\"model.\"");
    }
}

static void test_no_two_ways(void **state)
{
    (void)state;
    static const struct {
        struct change change;
        const char *first, *second;
    } rows[] = {
        {{NULL, "module.", "ln_f", NULL}, "transformer.ln_f.bias: lacks the prefix \"module.\"", "26 of the 28"},
        {{NULL, "_orig_mod.", "wte", NULL}, "transformer.wte.weight: lacks the prefix", "all or none"},
        {{NULL, "model.", NULL, "loss.weight"}, "loss.weight: lacks the prefix \"model.\"", "save the model"},
        {{"wpe", "_orig_mod.wpe", NULL, "transformer.wpe.weight"}, "are both transformer.wpe.weight", "wrapper"},
        {{"h.0.ln_1.bias", "h.0._orig_mod.ln_1.bias", NULL, "transformer.h._orig_mod.0.ln_1.bias"}, "are both", "ln_1"},
        {{"x", "x", NULL, "transformer.h.0.attn.c_attn.lora_A.default.weight"}, "lora_A", "merge_and_unload"},
        {{".c_proj.", ".c_proj.base_layer.", NULL, NULL}, "base_layer", "PEFT"},
        {{"x", "x", NULL, "transformer.h.1.mlp.ia3_l"}, "ia3_l", "PEFT"},
        {{NULL, "module.", NULL, "ema.transformer.h.0.attn.c_proj.weight"},
         "transformer.wte.weight",
         "not found among"},
    };
    copy_config("gpt2-tiny", NULL, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        copy_weights("gpt2-tiny", &rows[i].change);
        expect_refused(rows[i].first, rows[i].second);
    }
}

/* A second copy of the model under a prefix of its own makes neither the prefix of all. */
static void test_copy_beside(void **state)
{
    (void)state;
    static const char *const copies[][2] = {{"gpt2-tiny", "ema.transformer.h.0.attn.c_proj.weight"},
                                            {"gpt2-no-prefix", "ema.h.0.attn.c_proj.weight"}};
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        copy_config(copies[i][0], NULL, 0);
        copy_weights(copies[i][0], &(struct change){"x", "x", NULL, copies[i][1]});
        struct fs_model *model = load_model(scratch_folder());
        const struct fs_notes *notes = fs_model_notes(model);
        assert_int_equal(notes->count, 1);
        assert_non_null(strstr(notes->note[0].text, copies[i][1]));
        fs_model_destroy(model);
    }
}

/* Tensors of the body that nothing reads: those of another family, or more layers than config.json says. */
static void test_unread_body(void **state)
{
    (void)state;
    static const struct {
        const char *model, *change[3][2], *more, *first, *second;
    } rows[] = {
        {"gpt2-tiny",
         {{"n_layer", "1"}},
         NULL,
         "found 12 tensors that nothing of family gpt2 reads: transformer.h.1.attn.c_attn.bias, ",
         "transformer.h.1.attn.c_proj.bias ...; is model_type"},
        {"gpt2-tiny", {{0}}, "transformer.h.0.attn.q_norm", "found 1 tensor ", "transformer.h.0.attn.q_norm; is"},
        {"gpt2-no-prefix", {{0}}, "h.0.attn.q_norm", "found 1 tensor ", "h.0.attn.q_norm; is"},
        {"gpt2-tiny", {{0}}, "transformer.h.0.attn.bias", "found 1 tensor ", "attn.bias"}, /* no mask: two numbers */
        {"bert-tiny", {{0}}, "bert.embeddings.task.weight", "found 1 tensor ", "task.weight"},
        {"bert-no-prefix", {{0}}, "embeddings.task.weight", "found 1 tensor ", "task.weight"},
        {"qwen2-tied-bf16",
         {{"model_type", "\"llama\""}, {"architectures", NULL}, {"max_window_layers", NULL}},
         NULL,
         "found 6 tensors that nothing of family llama reads: model.layers.0.self_attn.k_proj.bias, ",
         "is model_type that of another family"},
        {"qwen3-head-size",
         {{"model_type", "\"llama\""}, {"architectures", NULL}, {"max_window_layers", NULL}},
         NULL,
         "found 6 tensors that nothing of family llama reads: model.layers.0.self_attn.k_norm.weight, ",
         "is model_type that of another family"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t changes = 0;
        while (changes < 3 && rows[i].change[changes][0] != NULL) {
            changes++;
        }
        copy_config(rows[i].model, rows[i].change, changes);
        copy_weights(rows[i].model, &(struct change){"x", "x", NULL, rows[i].more});
        expect_refused(rows[i].first, rows[i].second);
    }
}

/* Beside the body: other heads are warned of, old buffers and poolers pass. */
static void test_unread_beside(void **state)
{
    (void)state;
    static const struct {
        const char *model, *more;
        bool said;
    } rows[] = {
        {"gpt2-tiny", "score.weight", true},
        {"gpt2-no-prefix", "v_head.summary.weight", true},
        {"bert-tiny", "classifier.weight", true},
        {"bert-no-prefix", "qa_outputs.bias", true},
        {"llama-grouped", "value_head.weight", true},
        {"bert-tiny", "bert.embeddings.position_ids", false},
        {"bert-no-prefix", "pooler.weight", false},
        {"roberta-tiny", "roberta.pooler.dense.weight", false},
        {"gpt2-tiny", "transformer.h.0.attn.masked_bias", false},
        {"llama-grouped", "model.layers.0.self_attn.rotary_emb.inv_freq", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        copy_config(rows[i].model, NULL, 0);
        copy_weights(rows[i].model, &(struct change){"x", "x", NULL, rows[i].more});
        struct fs_model *model = load_model(scratch_folder());
        const struct fs_notes *notes = fs_model_notes(model);
        assert_int_equal(notes->count, rows[i].said ? 1 : 0);
        if (rows[i].said) {
            assert_true(notes->note[0].warning);
            assert_non_null(strstr(notes->note[0].text, rows[i].more));
        }
        fs_model_destroy(model);
    }
}

/* A model without the head that predicts tokens: the class that it was saved from, and what to do. */
static void test_no_head(void **state)
{
    (void)state;
    static const struct {
        const char *model, *architectures, *from, *to, *first, *second;
    } rows[] = {
        {"bert-tiny", "[\"BertModel\"]", "cls.predictions.", "gone.", "saved from BertModel, which has none",
         "save the model from BertForMaskedLM"},
        {"bert-tiny", "[\"BertForMaskedLM\"]", "cls.predictions.", "gone.",
         "saved from BertForMaskedLM; save the whole", "cls.predictions.transform.dense.weight"},
        {"bert-tiny", NULL, "cls.predictions.bias", "gone.bias", "config.json names no class", "cls.predictions.bias"},
        {"llama-grouped", "[\"LlamaModel\"]", "lm_head", "gone", "lm_head.weight: not found among the ",
         "saved from LlamaModel, which has none; save the model from LlamaForCausalLM"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const change[][2] = {{"architectures", rows[i].architectures}, {"tie_word_embeddings", "false"}};
        copy_config(rows[i].model, change, strcmp(rows[i].from, "lm_head") == 0 ? 2 : 1);
        copy_weights(rows[i].model, &(struct change){rows[i].from, rows[i].to, NULL, NULL});
        expect_refused(rows[i].first, rows[i].second);
    }
}

static void test_classes_read(void **state)
{
    (void)state;
    static const struct {
        const char *model, *architectures, *note;
    } rows[] = {
        {"bert-tiny", "[\"BertForMaskedLM\"]", "read as bert, after architectures (BertForMaskedLM)"},
        {"bert-tiny", "[\"BertForPreTraining\"]", "read as bert"},
        {"gpt2-tiny", "[\"GPT2LMHeadModel\"]", "read as gpt2"},
        {"gpt2-no-prefix", "[\"GPT2Model\"]", "read as gpt2"},
        {"gpt2-tiny", "\"FlaxGPT2LMHeadModel\"", "read as gpt2"},
        {"bert-tiny", "[\"TFBertForMaskedLM\"]", "read as bert"},
        {"llama-grouped", "[\"LlamaForCausalLM\"]", "read as llama"},
        {"llama-grouped", "[\"LLaMAForCausalLM\", \"X\"]", "read as llama"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const change[][2] = {{"model_type", i % 2 == 0 ? NULL : "null"},
                                         {"architectures", rows[i].architectures}};
        copy_config(rows[i].model, change, 2);
        copy_weights(rows[i].model, &(struct change){"x", "x", NULL, NULL});
        expect_same(rows[i].model, rows[i].note);
    }
    /* Nothing is said where model_type is there, with or without a class. */
    static const char *const values[] = {NULL, "null", "[]", "[\"GPT2DoubleHeadsModel\"]"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *const change[][2] = {{"architectures", values[i]}};
        copy_config("gpt2-tiny", change, 1);
        copy_weights("gpt2-tiny", &(struct change){"x", "x", NULL, NULL});
        expect_same("gpt2-tiny", NULL);
    }
    static const char *const own[][2] = {{"architectures", "[\"MyGPT2\"]"}};
    copy_config("gpt2-tiny", own, 1);
    struct fs_model *model = load_model(scratch_folder());
    assert_int_equal(fs_model_notes(model)->count, 1);
    assert_true(fs_model_notes(model)->note[0].warning);
    assert_non_null(strstr(fs_model_notes(model)->note[0].text, "MyGPT2"));
    fs_model_destroy(model);
}

static void test_classes_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type, *architectures, *first, *second;
    } rows[] = {
        {NULL, NULL, "model_type: found nothing, expected bert, ", "those of gpt2: add \"model_type\": \"gpt2\""},
        {NULL, "[]", "expected bert, ", ""},
        {NULL, "[\"T5ForConditionalGeneration\"]", "expected bert, ", "T5ForConditionalGeneration"},
        {NULL, "[\"BertForSequenceClassification\"]", "BertForSequenceClassification", "predicts no tokens"},
        {"\"gpt2\"", "[\"GPT2ForSequenceClassification\"]", "GPT2ForSequenceClassification", "predicts no tokens"},
        {"\"gpt2\"", "[\"GPT2ForTokenClassification\"]", "GPT2ForTokenClassification", "predicts no tokens"},
        {"\"gpt2\"", "[\"BertForMaskedLM\"]", "model_type gpt2 and architectures BertForMaskedLM",
         "of model_type bert"},
        {"\"gpt2\"", "[3]", "architectures: found a number", "class names"},
        {"\"gpt2\"", "{\"a\": 1}", "architectures: found an object", "class names"},
        {"\"mamba\"", "[\"GPT2LMHeadModel\"]", "model_type: found \"mamba\"", "expected bert, "},
        {"\"mamba\"", "[\"MambaForSequenceClassification\"]", "model_type: found \"mamba\"", "expected bert, "},
        {"3", "[\"GPT2LMHeadModel\"]", "model_type", "a number"},
    };
    copy_weights("gpt2-tiny", &(struct change){"x", "x", NULL, NULL});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const change[][2] = {{"model_type", rows[i].type}, {"architectures", rows[i].architectures}};
        copy_config("gpt2-tiny", change, 2);
        expect_refused(rows[i].first, rows[i].second);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wrappers, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_no_two_ways, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_copy_beside, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_unread_body, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_unread_beside, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_no_head, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_classes_read, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_classes_refused, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
