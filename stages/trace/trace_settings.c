#include "stages/trace/trace.h"

#include <string.h>

static void store_kinds(const char *text, void *member)
{
    bool *kind = member;
    bool all = strcmp(text, "all") == 0;
    for (size_t i = 0; i < FS_TRACE_KINDS; i++) {
        kind[i] = i == FS_TRACE_RESIDUAL || all || strcmp(text, fs_trace_kind_name((enum fs_trace_kind)i)) == 0;
    }
}

static void store_corruption(const char *text, void *member)
{
    *(bool *)member = strcmp(text, "noise") == 0;
}

static void store_measures(const char *text, void *member)
{
    bool *measure = member;
    for (size_t i = 0; i < FS_TRACE_MEASURES; i++) {
        size_t length = strlen(fs_trace_measures[i].name);
        bool named = strcmp(text, "all") == 0;
        for (const char *at = text; !named && at != NULL; at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL) {
            named = strcspn(at, ",") == length && strncmp(at, fs_trace_measures[i].name, length) == 0;
        }
        measure[i] = named;
    }
}

static int write_measure(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                         FILE *stream, struct fs_error *err)
{
    size_t measure = 0;
    while (measure < FS_TRACE_MEASURES && strcmp(fs_trace_measures[measure].name, text) != 0) {
        measure++;
    }
    if (measure == FS_TRACE_MEASURES && strcmp(text, "all") != 0 && strcmp(text, "none") != 0) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found \"%.100s\", expected all, none or some of %s",
                            origin->name, setting->key, text, strstr(fs_trace_select_choices, "residual."));
    }
    fputs(text, stream);
    return 0;
}

static int write_object(const struct fs_setting *setting, const struct fs_setting_origin *origin, const cJSON *object,
                        FILE *stream, struct fs_error *err)
{
    (void)object, (void)stream;
    return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found an object, expected a list of names", origin->name,
                        setting->key);
}

#define IN_SCHEMA(id, name, ...) ", \"" name "\""
static const struct fs_setting_entry measure_entry = {
    .write_text = write_measure,
    .write_object = write_object,
    .schema = "{\"enum\": [\"all\", \"none\"" FS_TRACE_MEASURE_ROWS(IN_SCHEMA) "]}",
};

static const struct fs_setting trace_rows[] = {
    {.key = "trace.positions",
     .kind = FS_SETTING_CHOICE,
     .initial = "last",
     .choices = "last|all",
     FS_SETTING_MEMBER(struct fs_trace_options, positions),
     .meaning = "positions restored: the subject's last token, or all of its tokens"},
    {.key = "trace.measures",
     .kind = FS_SETTING_LIST,
     .initial = "residual.subject.restore,ffn.read.restore,ffn.read.remove",
     .entry = &measure_entry,
     FS_SETTING_MEMBER(struct fs_trace_options, measure),
     .store = store_measures,
     .meaning =
         "shares of the total effect in log probability, by layer: of what is restored or removed where; all, none, "
         "or a list of component.positions.direction"},
    {.key = "trace.select",
     .kind = FS_SETTING_CHOICE,
     .initial = "two_thirds",
     .choices = fs_trace_select_choices,
     FS_SETTING_MEMBER(struct fs_trace_options, select),
     .meaning = "what names the decisive layer: aie, the mean effect of the residual stream on the probability; the "
                "last layer; the one two thirds up; or the largest median share of a measure"},
    {.key = "trace.least_effect",
     .kind = FS_SETTING_NUMBER,
     .initial = "0.1",
     .most = 100,
     .unit = "nats",
     FS_SETTING_MEMBER(struct fs_trace_options, least_effect),
     .meaning = "pairs whose total effect on the log probability is smaller are left out of the measures"},
    {.key = "trace.kinds",
     .kind = FS_SETTING_CHOICE,
     .initial = "residual",
     .choices = "residual|attention|ffn|all",
     FS_SETTING_MEMBER(struct fs_trace_options, kind),
     .store = store_kinds,
     .meaning = "what is restored besides the residual stream, which names the decisive layer: what attention or the "
                "FFN adds to it, or both"},
    {.key = "trace.window",
     .kind = FS_SETTING_INTEGER,
     .initial = "1",
     .least = 1,
     .most = 10000,
     .unit = "layers",
     FS_SETTING_MEMBER(struct fs_trace_options, window),
     .meaning = "layers around l whose attention or FFN is restored together; ROME takes 10 of 48"},
    {.key = "trace.heat_map",
     .kind = FS_SETTING_FLAG,
     .initial = "false",
     FS_SETTING_MEMBER(struct fs_trace_options, heat_map),
     .meaning = "also restore every single position, for each kind; layers x positions runs a pair"},
    {.key = "trace.attribution",
     .kind = FS_SETTING_FLAG,
     .initial = "false",
     FS_SETTING_MEMBER(struct fs_trace_options, attribution),
     .meaning =
         "also estimate, to first order, what each kind would change in each layer and position, and each neuron "
         "of the FFNs: gradient times difference, from one backward pass of both runs (attribution patching)"},
    {.key = "trace.neurons",
     .kind = FS_SETTING_INTEGER,
     .initial = "10",
     .most = 1000000,
     .unit = "neurons",
     FS_SETTING_MEMBER(struct fs_trace_options, neurons),
     .meaning = "neurons of each layer's FFN that trace.attribution names, those of the largest share; 0: none"},
    {.key = "trace.corruption",
     .kind = FS_SETTING_CHOICE,
     .initial = "counterfactual",
     .choices = "counterfactual|noise",
     FS_SETTING_MEMBER(struct fs_trace_options, always_noise),
     .store = store_corruption,
     .meaning = "the counterpart's prompt, with noise where none fits; or noise everywhere"},
    {.key = "trace.noise_scale",
     .kind = FS_SETTING_NUMBER,
     .initial = "3",
     .most = 1000,
     .unit = "standard deviations",
     FS_SETTING_MEMBER(struct fs_trace_options, noise_scale),
     .meaning = "noise on the subject's embeddings where no counterpart fits"},
    {.key = "trace.noise_samples",
     .kind = FS_SETTING_INTEGER,
     .initial = "10",
     .least = 1,
     .most = 1000,
     .unit = "samples",
     FS_SETTING_MEMBER(struct fs_trace_options, noise_samples),
     .meaning = "noise samples that are averaged"},
    {.key = "trace.bootstrap",
     .kind = FS_SETTING_INTEGER,
     .initial = "1000",
     .most = 1000000,
     .unit = "resamples",
     FS_SETTING_MEMBER(struct fs_trace_options, bootstrap),
     .meaning = "for the 95 % interval of AIE; 0: none"},
};
const struct fs_settings fs_trace_settings = {trace_rows, sizeof trace_rows / sizeof trace_rows[0]};
