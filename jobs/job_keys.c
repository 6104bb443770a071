#include "jobs/job_keys.h"

#include <stdio.h>
#include <string.h>

#include "jobs/job_settings.h"
#include "jobs/stage_names.h"
#include "stages/methods/method.h"
#include "stages/suites/suite_registry.h"
#include "stages/trace/trace.h"

#define TRACE (1u << FS_STAGE_TRACE)
#define EVALUATE (1u << FS_STAGE_EVALUATE)
#define LAYERS (1u << FS_STAGE_LAYER_SWEEP)
#define ALL (TRACE | fs_training_stages() | EVALUATE)
#define PAIRS (TRACE | learning_from(FS_LEARNS_PAIRS) | EVALUATE)
#define MOST_SUITES 64
#define NAME_SIZE 64

const struct fs_renamed fs_renamed_keys[] = {{"variant.stereoset", "scoring.stereoset"},
                                             {"variant.crows_pairs", "scoring.crows_pairs"},
                                             {"variant.biaske", "scoring.biaske"},
                                             {"trace.verify", "layers.compare"},
                                             {"stamp.level", "stamp.level_weight"},
                                             {"stamp.balance", "stamp.balance_weight"},
                                             {"stamp.kept_rows", "stamp.kl_rows"},
                                             {"stamp.keep_without_fill", "stamp.kl_without_completion"},
                                             {NULL, NULL}};

static struct fs_job_key job_key[FS_MOST_JOB_KEYS];
static size_t job_keys;

static void add_key(const struct fs_setting *setting, unsigned stages)
{
    if (job_keys < FS_MOST_JOB_KEYS) {
        job_key[job_keys++] = (struct fs_job_key){setting, setting->changes_no_result ? 0 : stages};
    }
}

static void add_table(const struct fs_settings *table, unsigned stages)
{
    for (size_t i = 0; i < table->count; i++) {
        add_key(&table->row[i], stages);
    }
}

/* The keys that the registry of suites brings, data.<key>, scoring.<key> and the choices of edit.pairs, in storage that
 * lasts. */
static struct fs_setting made[2 * MOST_SUITES];
static char made_name[2 * MOST_SUITES][NAME_SIZE];
static size_t made_count;

static void add_made(const struct fs_setting *setting, const char *group, const char *key, unsigned stages)
{
    if (made_count < 2 * MOST_SUITES) {
        snprintf(made_name[made_count], NAME_SIZE, "%s.%s", group, key);
        made[made_count] = *setting;
        made[made_count].key = made_name[made_count];
        add_key(&made[made_count++], stages);
    }
}

/* The stages that train a method which learns from `what`, FS_LEARNS_*. */
static unsigned learning_from(unsigned what)
{
    unsigned stages = 0;
    for (size_t i = 0; i < fs_method_count; i++) {
        stages |= (fs_methods[i]->learns & what) != 0 ? 1u << fs_method_stage(fs_methods[i]) : 0;
    }
    return stages;
}

/* Stages that depend on data.<key>: all that know pairs where its pairs can be edited. */
static unsigned stages_of_data(const char *key)
{
    unsigned stages = EVALUATE;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        if (strcmp(fs_suite_kinds[i]->key, key) == 0 && fs_suite_kinds[i]->read_pairs != NULL) {
            stages = PAIRS;
        }
    }
    return stages;
}

static void add_data(void)
{
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->data != NULL) {
            const struct fs_setting setting = {.kind = FS_SETTING_PATH, .meaning = suite->data};
            add_made(&setting, "data", suite->key, stages_of_data(suite->key));
        }
    }
}

/* The fingerprint takes those of the data that is measured, so no stage depends on a key alone. */
static void add_scorings(void)
{
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->scorings != NULL) {
            const struct fs_setting setting = {.kind = FS_SETTING_CHOICE,
                                               .choices = suite->scorings,
                                               .initial_by_variant = {suite->masked, suite->causal},
                                               .meaning = suite->scoring};
            add_made(&setting, "scoring", suite->scoring_key, 0);
        }
    }
}

/* edit.pairs chooses among the suites that have pairs to edit. */
static void fill_edit_choices(void)
{
    size_t used = 0;
    for (size_t i = 0; i < fs_suite_kind_count && used < FS_EDIT_CHOICES_SIZE; i++) {
        if (fs_suite_kinds[i]->read_pairs != NULL) {
            used += (size_t)snprintf(fs_edit_choices + used, FS_EDIT_CHOICES_SIZE - used, "%s%s", used > 0 ? "|" : "",
                                     fs_suite_kinds[i]->name);
        }
    }
}

const struct fs_job_key *fs_job_keys(size_t *count)
{
    if (job_keys == 0) {
        add_table(&fs_core_settings, ALL);
        add_table(&fs_compute_settings, 0); /* the fingerprint takes what they choose */
        add_data();
        add_table(&fs_attribute_settings, TRACE | learning_from(FS_LEARNS_WORDS));
        fill_edit_choices();
        add_table(&fs_edit_settings, PAIRS);
        add_table(&fs_edit_text_settings, learning_from(FS_LEARNS_TEXT));
        add_table(&fs_covariance_settings, learning_from(FS_LEARNS_KEYS));
        add_table(&fs_methods_settings, 0); /* the fingerprint takes names and models */
        add_table(&fs_search_settings, 0);  /* and of those of a method what it tries */
        add_scorings();
        add_table(&fs_split_settings, learning_from(FS_LEARNS_PAIRS) | EVALUATE);
        add_table(&fs_validation_settings, PAIRS);
        add_table(&fs_trace_settings, TRACE);
        add_table(&fs_reuse_settings, 0);
        for (size_t i = 0; i < fs_method_count; i++) {
            if (fs_methods[i]->settings != NULL) {
                /* of one that does not train the fingerprint takes them where the job has it */
                add_table(fs_methods[i]->settings,
                          fs_methods[i]->trainer != NULL ? 1u << fs_method_stage(fs_methods[i]) : 0);
            }
        }
        add_table(&fs_evaluate_settings, EVALUATE);
        add_table(&fs_compare_settings, LAYERS);
        add_table(&fs_checkpoint_settings, 0);
    }
    *count = job_keys;
    return job_key;
}

const struct fs_job_key *fs_job_key(const char *name)
{
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(key[i].setting->key, name) == 0) {
            return &key[i];
        }
    }
    return NULL;
}
