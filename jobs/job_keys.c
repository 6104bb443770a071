#include "jobs/job_keys.h"

#include <string.h>

#include "jobs/data_keys.h"
#include "jobs/job_settings.h"
#include "jobs/stage_names.h"
#include "stages/methods/stamp.h"
#include "stages/trace/trace.h"

#define TRACE (1u << FS_STAGE_TRACE)
#define STAMP (1u << FS_STAGE_STAMP)
#define EVALUATE (1u << FS_STAGE_EVALUATE)
#define LAYERS (1u << FS_STAGE_LAYERS)
#define ALL (TRACE | STAMP | EVALUATE)
#define MOST_DATA 64
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

/* A setting "group.key" of a row of data, in storage that lasts. */
static void add_made(struct fs_setting *setting, char name[NAME_SIZE], const char *group, const char *key,
                     unsigned stages)
{
    snprintf(name, NAME_SIZE, "%s.%s", group, key);
    setting->key = name;
    add_key(setting, stages);
}

static void add_data(void)
{
    static struct fs_setting setting[MOST_DATA];
    static char name[MOST_DATA][NAME_SIZE];
    for (size_t i = 0; i < MOST_DATA && fs_data_keys[i].key != NULL; i++) {
        const struct fs_data_key *data = &fs_data_keys[i];
        setting[i] = (struct fs_setting){.kind = FS_SETTING_PATH, .meaning = data->about};
        add_made(&setting[i], name[i], "data", data->key, data->stages);
    }
}

/* The fingerprint takes those of the data that is measured, so no stage depends on a key alone. */
static void add_scorings(void)
{
    static struct fs_setting setting[MOST_DATA];
    static char name[MOST_DATA][NAME_SIZE];
    for (size_t i = 0; i < MOST_DATA && fs_data_keys[i].key != NULL; i++) {
        const struct fs_data_key *data = &fs_data_keys[i];
        if (data->scorings == NULL) {
            continue;
        }
        setting[i] = (struct fs_setting){.kind = FS_SETTING_CHOICE,
                                         .choices = data->scorings,
                                         .initial_by_variant = {data->scoring[0], data->scoring[1]},
                                         .meaning = data->scoring_about};
        add_made(&setting[i], name[i], "scoring", data->key, 0);
    }
}

const struct fs_job_key *fs_job_keys(size_t *count)
{
    if (job_keys == 0) {
        add_table(&fs_core_settings, ALL);
        add_data();
        add_table(&fs_edit_settings, ALL);
        add_scorings();
        add_table(&fs_split_settings, STAMP | EVALUATE);
        add_table(&fs_validation_settings, ALL);
        add_table(&fs_trace_settings, TRACE);
        add_table(&fs_reuse_settings, 0);
        add_table(&fs_stamp_settings, STAMP);
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
