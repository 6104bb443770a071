/*
 * The map of the last state: against numbers worked by hand, in float32 and float64; that log probabilities and mean
 * states are those of h - M_left M_right^T (h - c) in every form of head; its archive, and archives that are refused.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/last_state.h"
#include "model/numbers/random.h"
#include "support.h"

#ifdef FS_DOUBLE
#define BOUND 1e-12
#else
#define BOUND 1e-5 /* a sum of at most 64 terms up to 4, the roundings of a head's three products */
#endif

static const char *const folders[] = {"bert-tiny", "gpt2-tiny", "opt-projected-bf16", "llama-grouped", "electra-tiny"};
#define FOLDERS (sizeof folders / sizeof folders[0])

static void expect(int status, const struct fs_error *err)
{
    if (status != 0) {
        fail_msg("%s", err->text);
    }
}

/* d = 3, r = 2:  c = (1,0,0), left rows (1,0,0), (0,2,0), right rows (0,1,0), (1,1,1).
 * h = (2,3,4): h - c = (1,3,4), right: 3 and 8, so h -> (2,3,4) - 3 (1,0,0) - 8 (0,2,0) = (-1,-13,4).
 * h = (1,0,0): h - c = 0, h stays. Half as strong: (0.5,-5,4). */
static void a_map_worked_by_hand(void **state)
{
    (void)state;
    const double centre[3] = {1, 0, 0}, left[6] = {1, 0, 0, 0, 2, 0}, right[6] = {0, 1, 0, 1, 1, 1};
    const fs_real expected[2][6] = {{-1, -13, 4, 1, 0, 0}, {(fs_real)0.5, -5, 4, 1, 0, 0}};
    struct fs_spec spec = {.hidden = 3, .layers = 5};
    const struct fs_backend *backend = fs_backend_find("openblas");
    struct fs_error err = FS_ERROR_INIT;
    struct fs_edit edit;
    expect(fs_last_state_create(&spec, 2, &edit, &err), &err);
    assert_int_equal(edit.first_layer, 5);
    assert_int_equal(edit.count, fs_last_state_parameters(3, 2));
    fs_last_state_set(&edit, centre, left, right);
    for (size_t strength = 0; strength < 2; strength++) {
        fs_real h[6] = {2, 3, 4, 1, 0, 0}, inner[4];
        edit.kind->last_state(&edit, backend, 2, h, inner);
        for (size_t i = 0; i < 6; i++) {
            assert_true(h[i] == expected[strength][i]); /* small whole numbers and halves */
        }
        edit.kind->scale(&edit, 0.5);
    }
    assert_int_equal(edit.kind->check(&edit, &spec, &err), 0);
    spec.layers = 4;
    assert_int_equal(edit.kind->check(&edit, &spec, &err), -1);
    assert_non_null(strstr(err.text, "expected 4 and 3"));
    fs_edit_release(&edit);
}

enum { TOKENS = 9, RANK = 3 };
static const int32_t all_tokens[TOKENS] = {2, 9, 7, 3, 5, 5, 8, 1, 4};
static const size_t starts[] = {0, 4, TOKENS};
static const struct fs_batch batch = {2, TOKENS, all_tokens, starts, NULL, NULL};

/* A model, its top state, and a map of normal numbers. */
struct scene {
    struct fs_model *model;
    struct fs_workspace *workspace;
    fs_real *h;
    size_t width, vocabulary;
    double *number; /* c, left, right */
    struct fs_edit edit;
};

static struct scene begin(const char *name)
{
    struct scene scene = {.model = load_model(golden_path(name))};
    const struct fs_spec *spec = fs_model_spec(scene.model);
    struct fs_random random = fs_random_start(3, 0);
    struct fs_error err = FS_ERROR_INIT;
    scene.width = fs_spec_state_width(spec);
    scene.vocabulary = spec->vocabulary;
    scene.h = calloc(TOKENS * spec->hidden, sizeof *scene.h);
    scene.number = calloc((1 + 2 * RANK) * scene.width, sizeof *scene.number);
    assert_true(scene.h != NULL && scene.number != NULL);
    for (size_t i = 0; i < (1 + 2 * RANK) * scene.width; i++) {
        scene.number[i] = (double)(float)(0.2 * fs_random_normal(&random));
    }
    expect(fs_last_state_create(spec, RANK, &scene.edit, &err), &err);
    fs_last_state_set(&scene.edit, scene.number, scene.number + scene.width, scene.number + (1 + RANK) * scene.width);
    expect(fs_workspace_create(scene.model, &scene.workspace, &err), &err);
    const struct fs_pass pass = {scene.model, scene.workspace, &batch, NULL};
    expect(fs_embed(scene.model, scene.workspace, &batch, NULL, scene.h, &err), &err);
    expect(fs_run_layers(&pass, 0, spec->layers, scene.h, &err), &err);
    return scene;
}

static void end(struct scene *scene)
{
    fs_edit_release(&scene->edit);
    fs_workspace_destroy(scene->workspace);
    fs_model_destroy(scene->model);
    free(scene->h);
    free(scene->number);
}

/* The map of a mean is the mean of the maps. */
static void means_are_mapped(void **state)
{
    (void)state;
    for (size_t f = 0; f < FOLDERS; f++) {
        char name[64];
        snprintf(name, sizeof name, "models/%s", folders[f]);
        struct scene scene = begin(name);
        struct fs_error err = FS_ERROR_INIT;
        size_t d = scene.width;
        double *plain = calloc(2 * d, sizeof *plain), *edited = calloc(2 * d, sizeof *edited);
        assert_true(plain != NULL && edited != NULL);
        struct fs_pass pass = {scene.model, scene.workspace, &batch, NULL};
        expect(fs_read_mean_states(&pass, scene.h, plain, &err), &err);
        pass.edit = &scene.edit;
        expect(fs_read_mean_states(&pass, scene.h, edited, &err), &err);
        for (size_t s = 0; s < 2; s++) {
            double *mean = plain + s * d, part[RANK] = {0};
            for (size_t k = 0; k < RANK; k++) {
                for (size_t i = 0; i < d; i++) {
                    part[k] += scene.number[(1 + RANK + k) * d + i] * (mean[i] - scene.number[i]);
                }
            }
            for (size_t i = 0; i < d; i++) {
                double expected = mean[i];
                for (size_t k = 0; k < RANK; k++) {
                    expected -= scene.number[(1 + k) * d + i] * part[k];
                }
                if (!(fabs(edited[s * d + i] - expected) <= BOUND * (1 + fabs(expected)))) {
                    fail_msg("%s: %zu: %.9g, expected %.9g", folders[f], i, edited[s * d + i], expected);
                }
            }
        }
        free(plain);
        free(edited);
        end(&scene);
    }
}

/* With M_left = M_right = 1 every last state becomes c: all positions read the same, and, of c = 0, a model whose head is
 * a product alone gives every token the same probability. */
static void everything_becomes_the_centre(void **state)
{
    (void)state;
    for (size_t f = 0; f < FOLDERS; f++) {
        char name[64];
        snprintf(name, sizeof name, "models/%s", folders[f]);
        struct scene scene = begin(name);
        struct fs_error err = FS_ERROR_INIT;
        const size_t d = scene.width, row[] = {1, 7}, first[] = {0, 1, 2};
        const int32_t token[] = {6, 6};
        double *unit = calloc(d * d, sizeof *unit);
        fs_real logprob[2];
        assert_non_null(unit);
        for (size_t i = 0; i < d; i++) {
            unit[i * d + i] = 1;
        }
        fs_edit_release(&scene.edit);
        expect(fs_last_state_create(fs_model_spec(scene.model), d, &scene.edit, &err), &err);
        fs_last_state_set(&scene.edit, NULL, unit, unit);
        const struct fs_reads reads = {2, row, first, token, &scene.edit};
        expect(fs_read_logprobs(scene.model, scene.workspace, scene.h, &reads, logprob, NULL, &err), &err);
        assert_true(logprob[0] == logprob[1]);
        bool bare = strncmp(folders[f], "gpt2", 4) == 0 || strncmp(folders[f], "llama", 5) == 0;
        if (bare && !(fabs((double)logprob[0] + log((double)scene.vocabulary)) <= BOUND * 8)) {
            fail_msg("%s: %.9g, expected %.9g", folders[f], (double)logprob[0], -log((double)scene.vocabulary));
        }
        free(unit);
        end(&scene);
    }
}

/* ---- archives ---- */

static int read_back(const char *path, struct fs_edit *edit, struct fs_error *err)
{
    struct fs_archive *archive;
    *edit = (struct fs_edit){0};
    expect(fs_archive_open(path, "part", &archive, err), err);
    int status = fs_edit_last_state.read(archive, edit, err);
    fs_archive_close(archive);
    return status;
}

static void a_map_goes_through_an_archive(void **state)
{
    (void)state;
    struct scene scene = begin("models/bert-tiny");
    struct fs_error err = FS_ERROR_INIT;
    struct fs_archive *archive;
    struct fs_edit back;
    expect(fs_archive_create(scratch_path("map.h5"), "part", "job", &archive, &err), &err);
    expect(fs_edit_last_state.write(&scene.edit, archive, &err), &err);
    expect(fs_archive_publish(archive, &err), &err);
    expect(read_back(scratch_path("map.h5"), &back, &err), &err);
    assert_ptr_equal(fs_edit_kind_find("last_state"), back.kind);
    assert_int_equal(back.first_layer, scene.edit.first_layer);
    assert_int_equal(back.count, scene.edit.count);
    assert_memory_equal(back.number, scene.edit.number, back.count * sizeof *back.number);
    fs_edit_release(&back);
    end(&scene);
}

/* What a file may hold instead: one of its parts missing, of another shape, type or value. */
static void damaged_maps_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t centre, dimensions, left[3], right; /* numbers; 0: none */
        int64_t layers;
        float value;
        const char *word;
    } made[] = {
        {4, 2, {2, 4, 1}, 8, 3, 1, NULL},           {0, 2, {2, 4, 1}, 8, 3, 1, "centre"},
        {4, 2, {2, 4, 1}, 0, 3, 1, "right"},        {4, 0, {0, 0, 0}, 8, 3, 1, "left"},
        {4, 1, {8, 1, 1}, 8, 3, 1, "a matrix"},     {4, 3, {2, 2, 2}, 8, 3, 1, "a matrix"},
        {3, 2, {2, 4, 1}, 8, 3, 1, "centre"},       {4, 2, {2, 4, 1}, 6, 3, 1, "right"},
        {4, 2, {2, 4, 1}, 8, -1, 1, "-1 layers"},   {4, 2, {2, 4, 1}, 8, INT64_MAX, 1, "layers"},
        {4, 2, {2, 4, 1}, 8, 3, NAN, "not finite"}, {4, 2, {2, 4, 1}, 8, 3, INFINITY, "not finite"},
    };
    for (size_t k = 0; k < sizeof made / sizeof made[0]; k++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_archive *archive;
        struct fs_edit back;
        float number[16];
        for (size_t i = 0; i < 16; i++) {
            number[i] = made[k].value;
        }
        expect(fs_archive_create(scratch_path("damaged.h5"), "part", "job", &archive, &err), &err);
        if (made[k].centre > 0) {
            expect(fs_archive_write(archive, "/last_state/centre", FS_ARCHIVE_F32, 1, &made[k].centre, number, &err),
                   &err);
        }
        if (made[k].dimensions > 0) {
            expect(fs_archive_write(archive, "/last_state/left", FS_ARCHIVE_F32, made[k].dimensions, made[k].left,
                                    number, &err),
                   &err);
        }
        if (made[k].right > 0) {
            expect(fs_archive_write(archive, "/last_state/right", FS_ARCHIVE_F32, 1, &made[k].right, number, &err),
                   &err);
        }
        expect(fs_archive_attribute_integer(archive, "/last_state", "layers", made[k].layers, &err), &err);
        expect(fs_archive_publish(archive, &err), &err);
        int status = read_back(scratch_path("damaged.h5"), &back, &err);
        if (made[k].word == NULL) {
            expect(status, &err);
            fs_edit_release(&back);
        } else if (status == 0 || strstr(err.text, made[k].word) == NULL) {
            fail_msg("case %zu: %s", k, status == 0 ? "was read" : err.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_worked_by_hand),          cmocka_unit_test(means_are_mapped),
        cmocka_unit_test(everything_becomes_the_centre), cmocka_unit_test(a_map_goes_through_an_archive),
        cmocka_unit_test(damaged_maps_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
