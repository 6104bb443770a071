#include "jobs/job_settings.h"

#include "jobs/methods.h"
#include "jobs/search.h"

static void store_text(const char *text, void *member)
{
    *(const char **)member = text;
}

static const struct fs_setting core_rows[] = {
    {.key = "model",
     .kind = FS_SETTING_PATH,
     .required = true,
     FS_SETTING_MEMBER(struct fs_job_settings, model),
     .meaning = "HuggingFace folder of the model: config.json, weights, tokenizer files; or a GGUF file"},
    {.key = "model_name",
     .kind = FS_SETTING_NAME,
     .initial_words = "the last part of the model's path",
     .changes_no_result = true,
     FS_SETTING_MEMBER(struct fs_job_settings, model_name),
     .meaning = "what the model is called in tables over many jobs; a sweep's name of it"},
    {.key = "output",
     .kind = FS_SETTING_PATH,
     .required = true,
     .changes_no_result = true,
     FS_SETTING_MEMBER(struct fs_job_settings, output),
     .meaning = "folder of the results trace.h5, stamp.h5, evaluate.h5; created where it does not exist"},
    {.key = "seed",
     .kind = FS_SETTING_INTEGER,
     .initial = "1",
     .most = FS_LARGEST_INTEGER,
     FS_SETTING_MEMBER(struct fs_job_settings, seed),
     .meaning = "seed of the split (but see split.seed), the noise, the stamp's start values and the bootstrap"},
    {.key = "categories",
     .kind = FS_SETTING_LIST,
     .initial_words = "all of the data",
     FS_SETTING_MEMBER(struct fs_job_settings, categories),
     .meaning = "bias categories to take, such as gender, race, religion; \"race-color\" of CrowS-Pairs is race, and "
                "categories that it does not have are left out"},
    {.key = "strict",
     .kind = FS_SETTING_FLAG,
     .initial = "false",
     .changes_no_result = true,
     FS_SETTING_MEMBER(struct fs_job_settings, strict),
     .meaning =
         "refuse data with an item that cannot be used, such as one with an empty sentence; false: it is skipped, "
         "named in a warning, and counted in every table"},
    {.key = "compute.share_prefixes",
     .kind = FS_SETTING_FLAG,
     .initial = "true",
     FS_SETTING_MEMBER(struct fs_job_settings, share_prefixes),
     .meaning =
         "causal models: what several texts begin with is computed once; false: every text by itself, slower, for "
         "comparison: numbers agree but for rounding"},
};
const struct fs_settings fs_core_settings = {core_rows, sizeof core_rows / sizeof core_rows[0]};

static const struct fs_setting compute_rows[] = {
    {.key = "compute.type",
     .kind = FS_SETTING_CHOICE,
     .initial = "auto",
     .choices = "auto|f32|bf16",
     FS_SETTING_MEMBER(struct fs_job_settings, compute.type),
     .meaning =
         "in what products are computed: f32, float32, whatever type the weights are stored in; bf16, faster, where "
         "the weights are BF16 and the processor has AVX512-BF16 or AMX: what they are multiplied by is rounded to "
         "BF16 and summed in float32, all else stays float32; auto is f32 on every machine"},
    {.key = "compute.backend",
     .kind = FS_SETTING_CHOICE,
     .initial = "auto",
     .choices = fs_backend_choices,
     FS_SETTING_MEMBER(struct fs_job_settings, compute.backend),
     .store = store_text,
     .meaning = "the library of the products; auto: openblas for f32, onednn for bf16"},
};
const struct fs_settings fs_compute_settings = {compute_rows, sizeof compute_rows / sizeof compute_rows[0]};

char fs_edit_choices[FS_EDIT_CHOICES_SIZE];

static const struct fs_setting edit_rows[] = {
    {.key = "edit.pairs",
     .kind = FS_SETTING_CHOICE,
     .initial_words = "the one whose data is given; needed where both are",
     .choices = fs_edit_choices,
     FS_SETTING_MEMBER(struct fs_job_settings, edit_pairs),
     .store = store_text,
     .meaning = "whose pairs are traced and edited; those of the other are measured only"},
};
const struct fs_settings fs_edit_settings = {edit_rows, sizeof edit_rows / sizeof edit_rows[0]};

static const struct fs_setting edit_text_rows[] = {
    {.key = "edit.text",
     .kind = FS_SETTING_PATH,
     FS_SETTING_MEMBER(struct fs_job_settings, edit_text),
     .meaning =
         "UTF-8 text, one paragraph a line, which methods learn from that take no pairs, such as sentence_debias"},
};
const struct fs_settings fs_edit_text_settings = {edit_text_rows, sizeof edit_text_rows / sizeof edit_text_rows[0]};

static const struct fs_setting covariance_rows[] = {
    {.key = "covariance.tokens",
     .kind = FS_SETTING_INTEGER,
     .initial = "600000",
     .least = 1,
     .most = FS_LARGEST_INTEGER,
     .unit = "tokens",
     FS_SETTING_MEMBER(struct fs_job_settings, covariance_tokens),
     .meaning =
         "of edit.text, from its beginning, that the second moment of an FFN's keys is taken of, which rome and its "
         "kin need; ten times as many as a key has numbers or more"},
    {.key = "covariance.folder",
     .kind = FS_SETTING_PATH,
     .changes_no_result = true,
     .initial_words = "the job's output",
     FS_SETTING_MEMBER(struct fs_job_settings, covariance_folder),
     .meaning = "where these are kept, covariance-LAYER-DIGEST.h5 each, and taken from where model, text and "
                "covariance.tokens are the same: jobs may share it"},
};
const struct fs_settings fs_covariance_settings = {covariance_rows, sizeof covariance_rows / sizeof covariance_rows[0]};

static const struct fs_setting methods_rows[] = {
    {.key = "method",
     .kind = FS_SETTING_LIST,
     .single = true,
     .initial_words = "stamp",
     .entry = &fs_method_entry,
     FS_SETTING_MEMBER(struct fs_job_settings, method),
     .meaning = "what edits the model: stamp, the Fairness Stamp; another method that trains, of those that fairstamp "
                "list methods tells; or checkpoint:DIR, another model folder of the same tokenizer, such as a "
                "published debiased checkpoint"},
    {.key = "methods",
     .kind = FS_SETTING_LIST,
     .initial_words = "the one of method",
     .entry = &fs_method_entry,
     FS_SETTING_MEMBER(struct fs_job_settings, methods),
     .meaning =
         "several methods, a column of the results each, such as [\"stamp\", {\"checkpoint\": \"DIR\", "
         "\"name\": \"mabel\"}]; as text stamp,mabel=checkpoint:DIR. \"stamp:0.5\" is the trained stamp at half of its "
         "strength: what it adds is multiplied, so that one training shows what is traded for what"},
};
const struct fs_settings fs_methods_settings = {methods_rows, sizeof methods_rows / sizeof methods_rows[0]};

static const struct fs_setting search_rows[] = {
    {.key = "search.settings",
     .kind = FS_SETTING_LIST,
     .initial_words = "none",
     .entry = &fs_tried_entry,
     FS_SETTING_MEMBER(struct fs_job_settings, search),
     .meaning = "settings to try before a method is trained, such as [{\"ft.learning_rate\": 0.001}, "
                "\"ft.learning_rate=0.0001 ft.epochs=50\"]: as many of each method that trains, and the job's own "
                "besides"},
    {.key = "search.validation",
     .kind = FS_SETTING_NUMBER,
     .initial = "0.25",
     .least = 0.01,
     .most = 0.9,
     .unit = "share of the other target terms, and of the facts",
     FS_SETTING_MEMBER(struct fs_job_settings, search_validation),
     .meaning = "on which they are tried, as split.validation has it; what is held out takes no part"},
    {.key = "search.rs",
     .kind = FS_SETTING_NUMBER,
     .initial = "95",
     .most = 100,
     .unit = "percent",
     FS_SETTING_MEMBER(struct fs_job_settings, search_rs),
     .meaning = "of the facts' answers that a setting must keep to be chosen, where the job has facts"},
    {.key = "search.lms",
     .kind = FS_SETTING_NUMBER,
     .initial = "1",
     .most = 100,
     .unit = "points",
     FS_SETTING_MEMBER(struct fs_job_settings, search_lms),
     .meaning = "of LMS that a setting may lose to be chosen. Among those that keep both, the one that leaves the "
                "smallest gap of the pairs that are not edited is trained; where none does, the one that misses least"},
};
const struct fs_settings fs_search_settings = {search_rows, sizeof search_rows / sizeof search_rows[0]};

static const struct fs_setting attribute_rows[] = {
    {.key = "data.attribute_words",
     .kind = FS_SETTING_PATH,
     FS_SETTING_MEMBER(struct fs_job_settings, attribute_words),
     .meaning =
         "counterpart words for tracing; without them every subject is corrupted by noise, except where the data "
         "names a counterpart; methods that learn from a text need them"},
};
const struct fs_settings fs_attribute_settings = {attribute_rows, sizeof attribute_rows / sizeof attribute_rows[0]};

/* Facts and pairs beyond the validation share are left out, so the trace depends on it, and not on held_out. */
static const struct fs_setting split_rows[] = {
    {.key = "split.held_out",
     .kind = FS_SETTING_NUMBER,
     .initial = "0.2",
     .most = 0.9,
     .unit = "share of target terms",
     FS_SETTING_MEMBER(struct fs_job_settings, held_out),
     .meaning = "pairs of these terms are measured and not edited"},
};
const struct fs_settings fs_split_settings = {split_rows, sizeof split_rows / sizeof split_rows[0]};

static const struct fs_setting validation_rows[] = {
    {.key = "split.validation",
     .kind = FS_SETTING_NUMBER,
     .initial = "0",
     .most = 0.9,
     .unit = "share of the other target terms, and of the facts",
     FS_SETTING_MEMBER(struct fs_job_settings, validation),
     .meaning = "above 0, to tune settings: the held-out pairs and the facts beyond this share are left out of the "
                "job, and this share of the other terms is measured and not edited instead of them"},
    {.key = "split.seed",
     .kind = FS_SETTING_AUTO,
     .initial = "auto",
     .most = FS_LARGEST_INTEGER,
     FS_SETTING_MEMBER(struct fs_job_settings, split_seed),
     .meaning =
         "seed of the split, where trainings with several values of seed are to have the same; auto: that of seed"},
};
const struct fs_settings fs_validation_settings = {validation_rows, sizeof validation_rows / sizeof validation_rows[0]};

static const struct fs_setting reuse_rows[] = {
    {.key = "trace.reuse",
     .kind = FS_SETTING_PATH,
     .changes_no_result = true,
     FS_SETTING_MEMBER(struct fs_job_settings, reuse),
     .meaning = "output folder of a job that traces the same (model, pairs, categories, seed and keys of trace): its "
                "trace.h5 is used where it exists and is whole, otherwise the trace is computed here"},
};
const struct fs_settings fs_reuse_settings = {reuse_rows, sizeof reuse_rows / sizeof reuse_rows[0]};

static const struct fs_setting evaluate_rows[] = {
    {.key = "evaluate.bootstrap",
     .kind = FS_SETTING_INTEGER,
     .initial = "1000",
     .most = 1000000,
     .unit = "resamples",
     FS_SETTING_MEMBER(struct fs_job_settings, bootstrap),
     .meaning = "for the 95 % intervals of the metrics; 0: none"},
    {.key = "evaluate.text_tokens",
     .kind = FS_SETTING_INTEGER,
     .initial = "4096",
     .least = 1,
     .most = FS_LARGEST_INTEGER,
     .unit = "tokens",
     FS_SETTING_MEMBER(struct fs_job_settings, text_tokens),
     .meaning = "tokens of data.text that are scored, spread evenly over it"},
    {.key = "evaluate.permutations",
     .kind = FS_SETTING_INTEGER,
     .initial = "100000",
     .least = 1,
     .most = 1e9,
     .unit = "permutations",
     FS_SETTING_MEMBER(struct fs_job_settings, permutations),
     .meaning = "of a SEAT test; all partitions where there are fewer"},
    {.key = "evaluate.suite_items",
     .kind = FS_SETTING_INTEGER,
     .initial = "100",
     .least = 0,
     .most = FS_LARGEST_INTEGER,
     .unit = "items",
     FS_SETTING_MEMBER(struct fs_job_settings, suite_items),
     .meaning = "of each paradigm of data.blimp, each question of data.bbq, statements of each relation of "
                "data.pararel: the first of "
                "them are scored; 0: all"},
};
const struct fs_settings fs_evaluate_settings = {evaluate_rows, sizeof evaluate_rows / sizeof evaluate_rows[0]};

static const struct fs_setting compare_rows[] = {
    {.key = "layers.compare",
     .kind = FS_SETTING_CHOICE,
     .initial = "none",
     .choices = "none|random|all",
     FS_SETTING_MEMBER(struct fs_job_settings, compare),
     .meaning = "a stage after evaluate that trains stamps at other layers with the same settings: at a random one as "
                "a control, or at every layer; each costs a further training"},
};
const struct fs_settings fs_compare_settings = {compare_rows, sizeof compare_rows / sizeof compare_rows[0]};

static const struct fs_setting checkpoint_rows[] = {
    {.key = "checkpoint_seconds",
     .kind = FS_SETTING_NUMBER,
     .changes_no_result = true,
     .initial = "60",
     .least = 0.001,
     .most = 1e6,
     .unit = "s",
     FS_SETTING_MEMBER(struct fs_job_settings, checkpoint_seconds),
     .meaning = "time between two checkpoints"},
    {.key = "checkpoint_share",
     .kind = FS_SETTING_NUMBER,
     .changes_no_result = true,
     .initial = "0.02",
     .least = 0.0001,
     .most = 1,
     .unit = "share of the stage's time",
     FS_SETTING_MEMBER(struct fs_job_settings, checkpoint_share),
     .meaning = "upper limit of the time that checkpoints take: where they are slow they become rarer; 1: no limit"},
};
const struct fs_settings fs_checkpoint_settings = {checkpoint_rows, sizeof checkpoint_rows / sizeof checkpoint_rows[0]};
