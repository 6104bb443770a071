/* Settings: the tables of a job as they are, and how a row of each kind is read, stored and written. */
#include "../io/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/values.h"
#include "jobs/job_keys.h"
#include "stages/suites/suite_registry.h"

static struct fs_error err;
static const struct fs_setting_origin origin = {.name = "test"};

static void check_size(const struct fs_setting *setting)
{
    static const size_t size[] = {
        [FS_SETTING_PATH] = sizeof(const char *), [FS_SETTING_NAME] = sizeof(const char *),
        [FS_SETTING_CHOICE] = sizeof(unsigned),   [FS_SETTING_LIST] = sizeof(const char *const *),
        [FS_SETTING_INTEGER] = sizeof(size_t),    [FS_SETTING_NUMBER] = sizeof(double),
        [FS_SETTING_FLAG] = sizeof(bool),         [FS_SETTING_AUTO] = sizeof(size_t)};
    if (setting->size != 0 && setting->store == NULL && setting->size != size[setting->kind]) {
        fail_msg("%s: its member has %zu bytes, expected %zu for its kind", setting->key, setting->size,
                 size[setting->kind]);
    }
}

/* `written`: fingerprints have the text as it is in the row. */
static void check_default(const struct fs_setting *setting, const char *initial, bool written)
{
    struct fs_setting_value value = {.number = NAN};
    if (initial != NULL && fs_setting_read_text(setting, &origin, initial, &value, &err) != 0) {
        fail_msg("the default of %s is refused: %s", setting->key, err.text);
    }
    if (initial != NULL && written && strcmp(value.text, initial) != 0) {
        fail_msg("%s: the default reads back as %s, expected %s", setting->key, value.text, initial);
    }
    fs_setting_release(&value);
}

static void every_row_is_complete(void **state)
{
    (void)state;
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    assert_true(count > 50 && count < FS_MOST_JOB_KEYS);
    for (size_t i = 0; i < count; i++) {
        const struct fs_setting *setting = key[i].setting;
        const char *choices = fs_setting_choices(setting);
        bool numeric = setting->kind == FS_SETTING_INTEGER || setting->kind == FS_SETTING_NUMBER ||
                       setting->kind == FS_SETTING_AUTO;
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(setting->key, key[k].setting->key);
        }
        assert_true(setting->meaning != NULL && setting->meaning[0] != '\0');
        assert_true((setting->kind == FS_SETTING_CHOICE || setting->kind == FS_SETTING_FLAG) == (choices != NULL));
        assert_true(!numeric || setting->most > setting->least);
        assert_true(setting->unit == NULL || (numeric && setting->unit[0] != '\0'));
        assert_true(setting->required || setting->kind == FS_SETTING_PATH || setting->initial != NULL ||
                    setting->initial_words != NULL || setting->initial_by_variant[0] != NULL);
        assert_true(!setting->changes_no_result || key[i].stages == 0);
        check_size(setting);
        check_default(setting, setting->initial, false);
        check_default(setting, setting->initial_by_variant[0], true);
        check_default(setting, setting->initial_by_variant[1], true);
    }
}

/* What presets give is a value of a key that stands behind the choice, once, and depends on nothing else. */
static void every_preset_gives_values(void **state)
{
    (void)state;
    size_t count, found = 0;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const struct fs_presets *presets = key[i].setting->presets;
        for (size_t r = 0; presets != NULL && r < presets->count; r++) {
            const struct fs_preset_row *row = &presets->row[r];
            const struct fs_job_key *to = fs_job_key(row->key);
            assert_true(fs_is_choice(key[i].setting->choices, row->preset));
            assert_true(to != NULL && to > &key[i] && to->setting->presets == NULL);
            for (size_t k = 0; k < r; k++) {
                assert_false(strcmp(presets->row[k].preset, row->preset) == 0 &&
                             strcmp(presets->row[k].key, row->key) == 0);
            }
            check_default(to->setting, row->value[0], true);
            check_default(to->setting, row->value[1], true);
            found++;
        }
    }
    assert_true(found > 0);
}

/* Keys of a group follow one another, as the schema needs it. */
static void groups_are_whole(void **state)
{
    (void)state;
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 1; i < count; i++) {
        size_t length = strcspn(key[i].setting->key, ".");
        bool begins = key[i].setting->key[length] == '\0' ||
                      strncmp(key[i].setting->key, key[i - 1].setting->key, length + 1) != 0;
        for (size_t k = 0; begins && k < i && key[i].setting->key[length] == '.'; k++) {
            assert_int_not_equal(strncmp(key[i].setting->key, key[k].setting->key, length + 1), 0);
        }
    }
}

static void every_renamed_key_leads_to_a_key(void **state)
{
    (void)state;
    for (size_t i = 0; fs_renamed_keys[i].old != NULL; i++) {
        assert_null(fs_job_key(fs_renamed_keys[i].old));
        assert_non_null(fs_job_key(fs_renamed_keys[i].now));
        assert_string_equal(fs_renamed_name(fs_renamed_keys, fs_renamed_keys[i].old), fs_renamed_keys[i].now);
    }
    assert_null(fs_renamed_name(fs_renamed_keys, "seed"));
}

static void scorings_have_defaults_among_their_choices(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->scorings != NULL) {
            assert_true(fs_is_choice(suite->scorings, fs_suite_scoring(suite, FS_MASKED)));
            assert_true(fs_is_choice(suite->scorings, fs_suite_scoring(suite, FS_CAUSAL)));
        }
    }
}

enum colour { RED, GREEN, BLUE };

struct things {
    enum colour colour;
    size_t count, place;
    double share;
    bool wanted;
    const char *folder;
    const char *const *names;
    char last[4];
};

static void store_last(const char *text, void *member)
{
    memcpy(member, text + strlen(text) - 1, 2);
}

static const struct fs_setting rows[] = {
    {.key = "colour",
     .kind = FS_SETTING_CHOICE,
     .choices = "red|green|blue",
     .initial = "green",
     FS_SETTING_MEMBER(struct things, colour)},
    {.key = "count",
     .kind = FS_SETTING_INTEGER,
     .least = 1,
     .most = 9,
     .initial_by_variant = {"3", "4"},
     FS_SETTING_MEMBER(struct things, count)},
    {.key = "place", .kind = FS_SETTING_AUTO, .most = 9, .initial = "auto", FS_SETTING_MEMBER(struct things, place)},
    {.key = "share", .kind = FS_SETTING_NUMBER, .most = 1, FS_SETTING_MEMBER(struct things, share)},
    {.key = "wanted", .kind = FS_SETTING_FLAG, .initial = "false", FS_SETTING_MEMBER(struct things, wanted)},
    {.key = "folder", .kind = FS_SETTING_PATH, FS_SETTING_MEMBER(struct things, folder)},
    {.key = "names", .kind = FS_SETTING_LIST, FS_SETTING_MEMBER(struct things, names)},
    {.key = "last",
     .kind = FS_SETTING_CHOICE,
     .choices = "red|green",
     FS_SETTING_MEMBER(struct things, last),
     .store = store_last},
};

/* Fills `things` from the text of row `row`; NULL: no value. The caller releases `value`. */
static void fill(size_t row, const char *text, size_t variant, struct fs_setting_value *value, struct things *things)
{
    *value = (struct fs_setting_value){.number = NAN};
    if (text != NULL) {
        check_success(fs_setting_read_text(&rows[row], &origin, text, value, &err), &err);
    }
    fs_setting_fill(&rows[row], value, variant, things);
}

static void members_are_filled(void **state)
{
    (void)state;
    struct things things = {.share = 0.5, .count = 77};
    struct fs_setting_value value[8];
    const char *const texts[] = {"blue", NULL, "7", NULL, "true", "/f", "a,b", "green"};
    for (size_t i = 0; i < 8; i++) {
        fill(i, texts[i], 1, &value[i], &things);
    }
    assert_int_equal(things.colour, BLUE);
    assert_int_equal(things.count, 4); /* of the second kind of model */
    assert_int_equal(things.place, 7);
    assert_true(things.share == 0.5); /* neither value nor default: as it was */
    assert_true(things.wanted);
    assert_string_equal(things.folder, "/f");
    assert_string_equal(things.names[1], "b");
    assert_null(things.names[2]);
    assert_string_equal(things.last, "n");
    for (size_t i = 0; i < 8; i++) {
        fs_setting_release(&value[i]);
    }
    fill(0, NULL, 0, &value[0], &things);
    fill(1, NULL, 0, &value[1], &things);
    fill(2, "auto", 0, &value[2], &things);
    assert_int_equal(things.colour, GREEN);
    assert_int_equal(things.count, 3);
    assert_int_equal(things.place, FS_AUTO);
    things.place = 3;
    fs_setting_fill(&rows[2], &(struct fs_setting_value){0}, 0, &things); /* the row's own default */
    assert_int_equal(things.place, FS_AUTO);
    for (size_t i = 0; i < 3; i++) {
        fs_setting_release(&value[i]);
    }
}

static void expect_line(size_t row, const char *text, size_t variant, const char *line)
{
    struct things things = {0};
    struct fs_setting_value value;
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    fill(row, text, variant, &value, &things);
    fs_setting_write(stream, &rows[row], &value, variant);
    fclose(stream);
    assert_string_equal(out, line);
    free(out);
    fs_setting_release(&value);
}

static void lines_of_a_fingerprint(void **state)
{
    (void)state;
    expect_line(0, "red", 0, "colour = red\n");
    expect_line(0, NULL, 0, "colour = green\n");
    expect_line(1, "5.0", 0, "count = 5\n");
    expect_line(1, NULL, 1, "count = 4\n");
    expect_line(3, "1e-1", 0, "share = 0.1\n");
    expect_line(6, NULL, 0, "names = \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(every_preset_gives_values),
        cmocka_unit_test(groups_are_whole),
        cmocka_unit_test(every_renamed_key_leads_to_a_key),
        cmocka_unit_test(scorings_have_defaults_among_their_choices),
        cmocka_unit_test(members_are_filled),
        cmocka_unit_test(lines_of_a_fingerprint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
