#include "jobs/data_keys.h"

#include "jobs/stage_names.h"

#define EVALUATE (1u << FS_STAGE_EVALUATE)
#define ALL (1u << FS_STAGE_TRACE | 1u << FS_STAGE_STAMP | EVALUATE)

const struct fs_data_key fs_data_keys[] = {
    {.key = "stereoset",
     .stages = ALL,
     .about = "StereoSet's JSON file: its intrasentence items; at least one of data.stereoset and data.biaske gives "
              "the pairs to trace, edit and measure",
     .scorings = "target.prob|target.logprob|sentence.mean|sentence.sum|object.mean",
     .scoring = {"target.prob", "sentence.mean"},
     .scoring_about = "P[k] of StereoSet's statements"},
    {.key = "crows_pairs",
     .stages = EVALUATE,
     .about = "CrowS-Pairs' csv file, measured, never trained on",
     .scorings = "pll.unmodified|pll.modified|sentence.mean|sentence.sum",
     .scoring = {"pll.unmodified", "sentence.sum"},
     .scoring_about = "P[k] of CrowS-Pairs' sentences"},
    {.key = "biaske",
     .stages = ALL,
     .about =
         "BiasKE's JSON file, or a folder of such files: pairs, with their paraphrases and facts for PS, DS and RS",
     .scorings = "target.prob|target.logprob|sentence.mean|sentence.sum|object.mean",
     .scoring = {"target.prob", "object.mean"},
     .scoring_about = "P[k] of BiasKE's pairs, paraphrases and facts"},
    {.key = "attribute_words",
     .stages = 1u << FS_STAGE_TRACE,
     .about = "counterpart words for tracing; without them every subject is corrupted by noise, except where the data "
              "names a counterpart"},
    {.key = "stereoset_intersentence",
     .stages = EVALUATE,
     .about = "StereoSet's JSON file: its intersentence items are measured"},
    {.key = "stereoset_synonyms",
     .stages = EVALUATE,
     .about = "StereoSet items with synonyms (EditBias layout), a file or folder, measured"},
    {.key = "winobias", .stages = EVALUATE, .about = "folder of WinoBias, the authors' eight text files, measured"},
    {.key = "winogender",
     .stages = EVALUATE,
     .about = "folder of the Winogender schemas, with all_sentences.tsv, measured"},
    {.key = "bec_pro", .stages = EVALUATE, .about = "BEC-Pro's English tsv file, measured (masked models)"},
    {.key = "seat", .stages = EVALUATE, .about = "SEAT or WEAT test, a jsonl file, or a folder of them, measured"},
    {.key = "counterfact",
     .stages = EVALUATE,
     .about = "CounterFact's JSON file (EasyEdit layout): DS, RS and paraphrases of facts on no group"},
    {.key = "known_facts", .stages = EVALUATE, .about = "ROME's JSON file of known facts, measured"},
    {.key = "text",
     .stages = EVALUATE,
     .about = "plain text: perplexity (causal models) or pseudo-perplexity (masked)"},
    {.key = NULL}};
