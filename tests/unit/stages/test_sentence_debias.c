/*
 * SentenceDebias against numpy and transformers (tests/golden/make_last_state.py): sentences, examples, directions, what is
 * left, and the log probabilities of both kinds of model behind the map. The same bits on any number of threads, and of a
 * training that stops after each step. What is refused.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/edits/last_state.h"
#include "model/numbers/dense.h"
#include "stages/methods/sentences.h"
#include "stages/plan/plan.h"
#include "training_support.h"

#define BOUND 1e-4 /* of states in float32, which the golden numbers have in float64 */

static struct fs_json_document *golden;
static const struct fs_method *method;
static char text[4096], *words;

static const cJSON *member(const cJSON *object, const char *name)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);
    if (found == NULL) {
        fail_msg("last_state.json: no %s", name);
    }
    return found;
}

static int setup(void **state)
{
    assert_int_equal(make_folder(state), 0);
    golden = open_golden("last_state.json");
    words = cJSON_Print(member(fs_json_root(golden), "words"));
    const cJSON *line;
    cJSON_ArrayForEach(line, member(fs_json_root(golden), "text"))
    {
        strncat(text, line->valuestring, sizeof text - strlen(text) - 1);
        strncat(text, "\n", sizeof text - strlen(text) - 1);
    }
    method = fs_method_find("sentence_debias");
    assert_non_null(method);
    return 0;
}

static int teardown(void **state)
{
    cJSON_free(words);
    fs_json_destroy(golden);
    return remove_folder(state);
}

/* ---- what a training is given ---- */

static const char *const both[] = {"gender", "religion", NULL};

static void open_scene(struct text_scene *scene, const char *name, size_t threads, const char *batch)
{
    open_text_scene(scene, method, name, threads, words, text, both);
    change_setting(method, "sentence_debias.components", "1", &scene->settings);
    change_setting(method, "sentence_debias.tokens", "16", &scene->settings);
    change_setting(method, "sentence_debias.batch", batch, &scene->settings);
}

/* ---- sentences ---- */

static void sentences_are_those_of_the_definition(void **state)
{
    (void)state;
    struct fs_text_list sentences;
    struct fs_error err = FS_ERROR_INIT;
    const cJSON *expected = member(fs_json_root(golden), "sentences"), *one;
    size_t i = 0;
    assert_int_equal(fs_sentences_read(write_text("text.txt", text), &sentences, &err), 0);
    cJSON_ArrayForEach(one, expected)
    {
        assert_true(i < sentences.count);
        assert_string_equal(fs_text(&sentences, i++), one->valuestring);
    }
    assert_int_equal(sentences.count, i);
    fs_text_list_release(&sentences);
}

static void paragraphs_are_split_with_care(void **state)
{
    (void)state;
    static const struct {
        const char *paragraph, *sentences; /* with | between them */
    } cases[] = {
        {"One. Two? Three! 4", "one.|two?|three!|4"},
        {"J. R. Smith met Dr. Who. E.g. This", "j. r. smith met dr. who.|e.g. this"},
        {"\"Go!\" She went.) Back", "\"go!\"|she went.)|back"},
        {"It is 3.5 m. long. no split. here", "it is 3.5 m. long. no split. here"},
        {"  \t. A  ", ".|a"},
        {" \xc3\x9cml. \xc3\x84ra\xe2\x80\x9d. \xc3\x89"
         "d",
         "\xc3\xbcml.|\xc3\xa4ra\xe2\x80\x9d.|\xc3\xa9"
         "d"},
        {"End.\xc2\xa0Next", "end.|next"},
        {"\xc4\xb0x", "i\xcc\x87x"},
        {"", ""},
        {" \r", ""},
        {"...", "..."},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct fs_text_list list = {0};
        struct fs_error err = FS_ERROR_INIT;
        char joined[256] = "";
        assert_int_equal(fs_sentences_add(&list, cases[k].paragraph, strlen(cases[k].paragraph), &err), 0);
        for (size_t i = 0; i < list.count; i++) {
            strncat(joined, i > 0 ? "|" : "", sizeof joined - strlen(joined) - 1);
            strncat(joined, fs_text(&list, i), sizeof joined - strlen(joined) - 1);
        }
        assert_string_equal(joined, cases[k].sentences);
        fs_text_list_release(&list);
    }
}

/* ---- the method ---- */

/* expected (2,d): the golden directions, the second made orthogonal to the first. */
static void read_directions(const cJSON *model, size_t d, double *expected)
{
    for (size_t k = 0; k < 2; k++) {
        const cJSON *list = member(member(model, both[k]), "direction");
        assert_int_equal((size_t)cJSON_GetArraySize(list), d);
        for (size_t i = 0; i < d; i++) {
            expected[k * d + i] = cJSON_GetArrayItem(list, (int)i)->valuedouble;
        }
        assert_true(fs_dense_orthonormalise(d, k, expected, expected + k * d) > 0.1);
    }
}

/* The numbers of a map behind its centre and bias: left and right, (2,d) each. */
static void check_map(const char *name, const struct fs_edit *edit, const cJSON *model)
{
    size_t d = edit->size[0];
    const fs_real *left = edit->number + d + 2, *right = left + 2 * d;
    double *expected = calloc(2 * d, sizeof *expected);
    assert_non_null(expected);
    assert_int_equal(edit->size[1], 2);
    read_directions(model, d, expected);
    for (size_t i = 0; i < 2 * d; i++) {
        if (!(fabs((double)left[i] - expected[i]) <= BOUND)) {
            fail_msg("%s: %zu: %.9g, expected %.9g", name, i, (double)left[i], expected[i]);
        }
    }
    assert_memory_equal(left, right, 2 * d * sizeof *left); /* symmetric */
    for (size_t a = 0; a < 2; a++) {                        /* orthonormal, so that it is idempotent */
        for (size_t b = 0; b < 2; b++) {
            double product = 0;
            for (size_t i = 0; i < d; i++) {
                product += (double)left[a * d + i] * (double)left[b * d + i];
            }
            assert_true(fabs(product - (a == b ? 1 : 0)) < 1e-6);
        }
    }
    free(expected);
}

/* Log p of each token of the text: of the unedited model, and behind the map. */
static void check_logprobs(const char *name, const struct loaded *own, const struct fs_edit *edit, const cJSON *model)
{
    const struct fs_edit *const edits[] = {NULL, edit};
    const char *const column[] = {"plain", "logprobs"};
    const cJSON *expected;
    for (size_t k = 0; k < 2; k++) {
        double found[64];
        size_t i = 0;
        read_text(own, member(model, "ids"), edits[k], found);
        cJSON_ArrayForEach(expected, member(model, column[k]))
        {
            if (!(fabs(found[i] - expected->valuedouble) <= BOUND * (1 + fabs(expected->valuedouble)))) {
                fail_msg("%s: %s %zu: %.9g, expected %.9g", name, column[k], i, found[i], expected->valuedouble);
            }
            i++;
        }
    }
}

static void a_training_is_that_of_numpy(void **state)
{
    (void)state;
    const cJSON *model, *counts = member(fs_json_root(golden), "examples");
    cJSON_ArrayForEach(model, member(fs_json_root(golden), "models"))
    {
        struct text_scene scene;
        open_scene(&scene, model->string, 2, "5");
        struct fs_training_state *training = trained(method, &scene.task);
        double loss[FS_TRAINING_LOSSES];
        size_t steps = 0;
        for (size_t k = 0; k < 2; k++) { /* of each category by itself */
            steps += ((size_t)member(counts, both[k])->valuedouble + 4) / 5;
        }
        assert_int_equal(training->steps, steps);
        assert_int_equal(training->step, steps);
        method->trainer->losses(training, loss);
        assert_true(fabs(loss[0] - member(member(model, "religion"), "left")->valuedouble) < BOUND);
        const struct fs_edit edit = method->trainer->edit(training);
        check_map(model->string, &edit, model);
        check_logprobs(model->string, &scene.loaded, &edit, model);
        method->trainer->destroy(training);
        close_text_scene(&scene);
    }
}

/* ---- bits ---- */

static void bits_do_not_depend_on_threads_and_stops(void **state)
{
    (void)state;
    struct text_scene scene, threads;
    open_scene(&scene, "bert-tiny", 1, "3");
    open_scene(&threads, "bert-tiny", 3, "3");
    assert_true(expect_same_bits(method, &scene.task, &threads.task) > 5);
    close_text_scene(&scene);
    close_text_scene(&threads);
}

/* ---- what is refused ---- */

static void refuse(struct text_scene *scene, const char *word)
{
    struct fs_training_state *state = NULL;
    struct fs_error err = FS_ERROR_INIT;
    int status = method->trainer->create(&scene->task, 0, &state, &err);
    method->trainer->destroy(state);
    if (status == 0 || strstr(err.text, word) == NULL || strchr(err.text, '\n') != NULL) {
        fail_msg("%s: %s", word, status == 0 ? "was taken" : err.text);
    }
}

static void what_cannot_be_learned_from_is_refused(void **state)
{
    (void)state;
    static const char *const unknown[] = {"age", NULL};
    static const struct {
        const char *text, *word;
    } texts[] = {
        {"", "found no sentence"},
        {" \n\t\n\r\n", "found no sentence"},
        {"The house is old. It is red.\n", "attribute word of category \"gender\""},
        {"He, she, (man) woman. HER!\n", "attribute word of category \"gender\""}, /* no blank around any */
        {"She \xff is.\n", "UTF-8"},
        {"\xef\xbb\xbf", "found no sentence"},
        {"\x1f\x8b\x08\x00gzip", "gzip"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "LFS"},
        {"He is.\n", "attribute word of category \"religion\""},
    };
    struct text_scene scene;
    open_scene(&scene, "gpt2-tiny", 1, "3");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        scene.task.text = write_text("refused.txt", texts[i].text);
        refuse(&scene, texts[i].word);
    }
    scene.task.text = path_of("nowhere.txt");
    refuse(&scene, "nowhere.txt");
    scene.task.text = folder;
    refuse(&scene, folder);
    scene.task.text = scene.text;
    scene.task.categories = unknown;
    refuse(&scene, "category \"age\"");
    scene.task.categories = both;
    change_setting(method, "sentence_debias.components", "17", &scene.settings);
    refuse(&scene, "expected at most 16 of each");
    close_text_scene(&scene);
}

/* Parts of a training that no training has written. */
static void damaged_trainings_are_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t step, steps;
        size_t left, dimensions, work;
        const char *word;
    } cases[] = {
        {1, 2, 1, 1, 8, NULL},         {2, 1, 2, 1, 8, "2 steps of 1"},   {-1, 2, 1, 1, 8, "-1 steps"},
        {1, 2, 2, 1, 8, "left"},       {1, INT64_MAX, 1, 1, 8, "of 922"}, {1, 2, 0, 1, 8, "left"},
        {1, 2, 1, 2, 8, "dimensions"}, {1, 2, 1, 0, 0, "work"},           {INT64_MIN, 2, 1, 1, 8, "steps"},
    };
    struct fs_spec spec = {.hidden = 4, .layers = 2};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_archive *archive;
        struct fs_training_state *back = NULL;
        struct fs_edit edit;
        struct fs_error err = FS_ERROR_INIT;
        const double number[16] = {0};
        const size_t shape[2] = {cases[i].work, 1};
        assert_int_equal(fs_last_state_create(&spec, 1, &edit, &err), 0);
        assert_int_equal(fs_archive_create(path_of("damaged.h5"), "part", "job", &archive, &err), 0);
        assert_int_equal(edit.kind->write(&edit, archive, &err), 0);
        if (cases[i].left > 0) {
            assert_int_equal(
                fs_archive_write(archive, "/last_state/training/left", FS_ARCHIVE_F64, 1, &cases[i].left, number, &err),
                0);
        }
        if (cases[i].dimensions > 0) {
            assert_int_equal(fs_archive_write(archive, "/last_state/training/work", FS_ARCHIVE_F64, cases[i].dimensions,
                                              shape, number, &err),
                             0);
        }
        fs_archive_attribute_integer(archive, "/last_state/training", "step", cases[i].step, &err);
        fs_archive_attribute_integer(archive, "/last_state/training", "steps", cases[i].steps, &err);
        assert_int_equal(fs_archive_publish(archive, &err), 0);
        assert_int_equal(fs_archive_open(path_of("damaged.h5"), "part", &archive, &err), 0);
        int status = method->trainer->read(archive, &back, &err);
        if ((status == 0) != (cases[i].word == NULL) || (status != 0 && strstr(err.text, cases[i].word) == NULL)) {
            fail_msg("case %zu: %s", i, status == 0 ? "was read" : err.text);
        }
        method->trainer->destroy(back);
        fs_archive_close(archive);
        fs_edit_release(&edit);
    }
}

/* ---- linear algebra ---- */

/* s = 3 a a^T + 2 b b^T + c c^T with a = (1,2,2)/3, b = (2,1,-2)/3, c = (2,-2,1)/3. */
static void eigenvectors_worked_by_hand(void **state)
{
    (void)state;
    static const double row[3][3] = {
        {1 / 3.0, 2 / 3.0, 2 / 3.0}, {2 / 3.0, 1 / 3.0, -2 / 3.0}, {2 / 3.0, -2 / 3.0, 1 / 3.0}};
    double s[9] = {0}, scaled[9], value[2], vector[6], nan[4] = {1, 0, NAN, 1};
    struct fs_error err = FS_ERROR_INIT;
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < 3; i++) {
            scaled[3 * k + i] = sqrt((double)(3 - k)) * row[k][i];
        }
    }
    fs_dense_add_square(2, 3, scaled, s);
    fs_dense_add_square(1, 3, scaled + 6, s);
    assert_int_equal(fs_dense_eigenvectors(3, 2, s, value, vector, &err), 0);
    for (size_t k = 0; k < 2; k++) {
        assert_true(fabs(value[k] - (double)(3 - k)) < 1e-12);
        for (size_t i = 0; i < 3; i++) { /* the largest of b are 2/3 and -2/3, of equal size but for the rounding */
            double sign = vector[3 * k] * row[k][0] < 0 ? -1 : 1;
            assert_true(fabs(vector[3 * k + i] - sign * row[k][i]) < 1e-12);
        }
    }
    assert_true(vector[2] > 0);
    assert_int_equal(fs_dense_eigenvectors(2, 1, nan, value, vector, &err), -1);
    assert_int_equal(fs_dense_eigenvectors(2, 3, s, value, vector, &err), -1);
    double more[3] = {2, 1, 0}, same[3] = {1 / 3.0, 2 / 3.0, 2 / 3.0};
    assert_true(fabs(fs_dense_orthonormalise(3, 1, row[0], more) - sqrt(1 - 16.0 / 45)) < 1e-12);
    assert_true(fs_dense_orthonormalise(3, 1, row[0], same) < 1e-10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_are_those_of_the_definition),
        cmocka_unit_test(paragraphs_are_split_with_care),
        cmocka_unit_test(a_training_is_that_of_numpy),
        cmocka_unit_test(bits_do_not_depend_on_threads_and_stops),
        cmocka_unit_test(what_cannot_be_learned_from_is_refused),
        cmocka_unit_test(damaged_trainings_are_refused),
        cmocka_unit_test(eigenvectors_worked_by_hand),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
