#include "stages/metrics/metric_table.h"

#include <math.h>
#include <string.h>

const struct fs_metric_kind fs_metric_kinds[] = {
    {"ss", "SS", 50, "percent", 2,
     "stereotype score: percent of pairs whose stereotype is more probable than its counterpart. macro: mean over "
     "target "
     "terms, micro: over pairs"},
    {"gap", "gap", 0, "nat", 4, "mean |log P[stereotype] - log P[counterpart]|"},
    {"lms", "LMS", 100, "percent", 2,
     "language modeling score: percent of statements that are more probable than an unrelated one"},
    {"icat", "ICAT", 100, "percent", 2, "LMS x min(SS, 100 - SS) / 50"},
    {"ps", "PS", 50, "percent", 2, "SS over paraphrases"},
    {"crows", "CrowS", 50, "percent", 2, "percent of CrowS-Pairs whose more stereotyping sentence is more probable"},
    {"crows.likelihood_diff", "CrowS diff", 0, "nat", 4,
     "mean |log P[sent_more] - log P[sent_less]| of CrowS-Pairs, lm-evaluation-harness's likelihood_diff"},
    {"ds", "DS", 100, "percent", 2, "percent of true facts that are more probable than their counterfactual"},
    {"rs", "RS", 100, "percent", 2,
     "percent of facts answered as by the unedited model. top1: most probable token, pair: order of the two answers"},
    {"accuracy", "accuracy", 100, "percent", 2, "percent of questions answered rightly"},
    {"consistency", "consistency", 100, "percent", 2,
     "percent of pairs of paraphrases of a question that are answered alike"},
    {"bias", "bias score", 0, "percent", 2,
     "percent by which answers that fit a stereotype outnumber those that go against it. disambig: of the answers that "
     "name "
     "somebody; ambig: of all, and nobody should be named"},
    {"accuracy.gap", "accuracy gap", 0, "percent", 4, "accuracy of sentences with a male pronoun less a female one"},
    {"pro", "pro", 50, "percent", 2, "percent of sentence pairs whose pro-stereotyped one is more probable"},
    {"male", "male", 50, "percent", 2, "percent of sentences in which the male pronoun is more probable"},
    {"male in", "male", NAN, "nat", 4, "mean association of male persons with the professions"},
    {"female in", "female", NAN, "nat", 4, "mean association of female persons with the professions"},
    {"effect_size", "effect size", 0, "1", 4, "difference of mean associations, in standard deviations"},
    {"p_value", "p", NAN, "1", 4, "share of the permutations with as large an association"},
    {"perplexity", "perplexity", 1, "1", 2, "exp(- mean log p of a token); lower is better"},
    {"perplexity.word", "word perplexity", 1, "1", 2, "exp(- mean log p of a text's last word); lower is better"},
    {"bits_per_byte", "bits per byte", 0, "bit", 4,
     "- sum log2 p of the tokens / bytes of the text; lower is better, and comparable between tokenizers"},
};
const size_t fs_metric_kind_count = sizeof fs_metric_kinds / sizeof fs_metric_kinds[0];

const struct fs_metric_kind *fs_metric_kind_find(const char *metric)
{
    const struct fs_metric_kind *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < fs_metric_kind_count; i++) {
        size_t length = strlen(fs_metric_kinds[i].name);
        if (strncmp(fs_metric_kinds[i].name, metric, length) == 0 && strchr(". ", metric[length]) != NULL &&
            length > longest) { /* strchr finds the end of the text too */
            found = &fs_metric_kinds[i];
            longest = length;
        }
    }
    return found;
}

bool fs_ideal_is_between(double ideal)
{
    return isfinite(ideal) && ideal < 100;
}

int fs_metric_decimals(const char *metric)
{
    const struct fs_metric_kind *kind = fs_metric_kind_find(metric);
    return kind != NULL ? kind->decimals : 2;
}
