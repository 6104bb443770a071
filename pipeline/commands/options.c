#include "pipeline/commands/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "io/values.h"

#define BIT(name) (1u << FS_COMMAND_##name)
#define JOB_COMMANDS (BIT(RUN) | BIT(TRACE) | BIT(STAMP) | BIT(EVALUATE) | BIT(LAYERS))
#define PREPARED_COMMANDS (JOB_COMMANDS | BIT(ESTIMATE))
#define MODEL_COMMANDS (BIT(SCORE) | BIT(TOKENIZE) | BIT(LOGPROBS))
#define ALL_COMMANDS ((1u << FS_COMMAND_COUNT) - 1)

const struct fs_command fs_commands[FS_COMMAND_COUNT] = {
    [FS_COMMAND_RUN] =
        {"run", "JOB.json", 1, true, "trace, stamp and evaluate, as far as it is left to do",
         "Does the stages trace, stamp and evaluate of a job. Each publishes one file in the job's output "
         "folder; a stage whose file is there, whole and of this job is not done again. Prints the table "
         "of results before and after the stamp."},
    [FS_COMMAND_TRACE] = {"trace", "JOB.json", 1, true, "find the layer that carries the bias",
                          "Does the first stage of a job: restores hidden states layer by layer and prints the average "
                          "indirect effect (AIE) of each layer with its interval, and the decisive layer."},
    [FS_COMMAND_STAMP] =
        {"stamp", "JOB.json", 1, true, "train the Fairness Stamp at that layer",
         "Does the second stage of a job. Needs the trace of the same job, unless the job names a layer."},
    [FS_COMMAND_EVALUATE] = {"evaluate", "JOB.json", 1, true, "measure the model before and after",
                             "Does the third stage of a job. Needs the stamp of the same job."},
    [FS_COMMAND_LAYERS] =
        {"layers", "JOB.json", 1, true, "compare stamps at several layers with the traced one",
         "Does the last stage of a job whose trace.verify is random or all: trains a stamp at each of "
         "the layers and measures it, so that one sees where the traced layer ranks. Needs the trace of "
         "the same job, unless the job names a layer."},
    [FS_COMMAND_ESTIMATE] =
        {"estimate", "JOB.json", 1, true, "what a job will take: passes, FLOPs, memory, time on 1 to 1024 ranks",
         "Compiles a job's stages as they are, computes some of their work units on the ranks and threads that it is "
         "started with, and predicts the time on 1 to 1024 ranks of as many threads, the memory of a node and the "
         "output. Writes nothing but, with --save, estimate.json. A model folder without weights is enough: their "
         "shape is in config.json."},
    [FS_COMMAND_SCORE] =
        {"score", "", 0, true, "score a suite with a model, without a job",
         "Prints the metrics of a suite; with --format json also the score of every item, StereoSet's in "
         "the layout that `metrics --scores` reads."},
    [FS_COMMAND_METRICS] = {"metrics", "", 0, false, "metrics of per-sentence scores made elsewhere",
                            "Prints StereoSet's metrics of a file {\"intrasentence\": [{\"id\", \"score\"}]}."},
    [FS_COMMAND_TOKENIZE] = {"tokenize", "", 0, false, "token ids of the lines of standard input",
                             "Prints one JSON array of ids for each line, without special tokens."},
    [FS_COMMAND_LOGPROBS] =
        {"logprobs", "", 0, true, "log probabilities of the lines of standard input",
         "Prints {\"ids\": [...], \"logprobs\": [...]} for each line. Causal models: log p of each token "
         "given those before it (begin-of-text prepended where the family has one, its entry left "
         "out; null for a first token that nothing stands before). Masked models: log p of each token "
         "with it alone masked. Natural logarithms."},
    [FS_COMMAND_INSPECT] = {"inspect", "FILE.h5", 1, false, "what is in a result file",
                            "Prints format, job, provenance, and the datasets with their types and shapes."},
    [FS_COMMAND_VERIFY] =
        {"verify", "FILE.h5 | --equal A.h5 B.h5", 1, false, "whether every checksum and hash holds",
         "Ends with 0 where the file is whole, 1 where it is not. With --equal: 0 where all datasets and "
         "attributes of two files, provenance apart, are equal bit for bit, 1 where they differ."},
    [FS_COMMAND_EXPORT] =
        {"export", "FILE.h5", 1, false, "a result file as CSV, JSON or NumPy's npz",
         "CSV: one line a number, with its dataset and indices. JSON: attributes, and datasets as nested "
         "arrays. npz: datasets under their names, texts as bytes; to a file, not to a terminal."},
    [FS_COMMAND_MERGE] =
        {"merge", "DIR|FILE.h5...", 1, false, "the results of many jobs in one file",
         "Operands are jobs' output folders, each a cell of that name, and files that merge has made. The bytes of the "
         "merged file depend on its cells alone, not on the order or on the steps of merging. Every input is verified "
         "first, and is left as it is; what was written is read back and verified before it is published. Two "
         "different "
         "results for one cell are refused (76)."},
    [FS_COMMAND_QUERY] =
        {"query", "FILE.h5...", 1, false, "a table over many jobs' results",
         "Operands are merged files or evaluate.h5 files, these as cells of their folder's name. Prints one row a "
         "result: before, after, change with its interval, p, items."},
    [FS_COMMAND_SWEEP] = {"sweep", "plan|run|submit|status|resume|merge SWEEP.json|DIR", 2, false,
                          "many jobs: models x categories x settings",
                          "plan SWEEP.json DIR: one job file a cell, and a manifest with an estimate of each, in DIR. "
                          "run DIR: does the cells that are not complete on "
                          "this machine. submit DIR, or resume DIR: gives them to Slurm, an array a stage and a merge "
                          "behind them; what is in the queue already is left alone. status "
                          "DIR: what is proven complete by its files, and what Slurm says of the rest. merge DIR: "
                          "DIR/archive.h5; ends with 1 "
                          "and names the cells where some are missing. The sweep file: jobs/README.md."},
    [FS_COMMAND_REPORT] =
        {"report", "FILE.h5", 1, false, "a page, pictures and tables of a job's results",
         "Reads a stage's file, and of its folder the other stages' files of the same job, and writes to DIR: "
         "index.html, "
         "one page without scripts or anything from elsewhere; its pictures as SVG; the tables as Markdown and CSV."},
    [FS_COMMAND_BENCHMARK] =
        {"benchmark", "check FILE.json|DIR", 2, false, "whether a BiasKE benchmark is sound",
         "Reads a BiasKE file, or all *.json files of a folder, and prints its counts a category. Ends with 65 where "
         "the reader refuses it, a sentence stands twice, {subject} stands behind {object}, an article does not go "
         "with its word, an object stands twice in a text, or a tokenizer does not know a word."},
    [FS_COMMAND_DOCTOR] =
        {"doctor", "[JOB.json]", 1, true, "whether this machine, and a job, are fit to run",
         "Checks in seconds what would end a job after hours in a queue, one line a check: ok, warning or failed, with "
         "the likely fix. How the ranks were started, their versions, threads and cores, OpenBLAS's kernels, Slurm's "
         "time, memory and /dev/shm; with a job also its keys, model and data as every rank sees them, whether the "
         "output can be written, the disk, and parallel HDF5. Start it as the job will be. Ends with 0, warnings or "
         "not, or 69 where a check failed."},
};

const struct fs_option fs_options_table[FS_OPTION_COUNT] = {
    [FS_OPTION_SET] = {"--set", "KEY=VALUE", NULL, NULL, false, PREPARED_COMMANDS | BIT(DOCTOR),
                       "put this value in the place of the job file's; may be repeated"},
    [FS_OPTION_FORCE] = {"--force", NULL, NULL, NULL, false, JOB_COMMANDS,
                         "do stages again whose file belongs to another job, and replace it"},
    [FS_OPTION_MAX_SECONDS] = {"--max-seconds", "N", NULL, NULL, false, JOB_COMMANDS,
                               "stop N seconds after the start as a signal does: units in flight are finished and "
                               "saved, exit code 75"},
    [FS_OPTION_STOP_FILE] = {"--stop-file", "FILE", NULL, NULL, false, JOB_COMMANDS,
                             "stop, likewise, as soon as FILE is there; remove it before the next run"},
    [FS_OPTION_LOG_DIR] = {"--log-dir", "DIR", NULL, NULL, false, JOB_COMMANDS | BIT(SCORE) | BIT(LOGPROBS),
                           "a log of each rank, DIR/rank-N.log: units taken and done, saves, memory, warnings"},
    [FS_OPTION_SAVE] = {"--save", NULL, NULL, NULL, false, BIT(ESTIMATE),
                        "write estimate.json to the job's output folder; run and report then compare"},
    [FS_OPTION_SECONDS] = {"--seconds", "N", NULL, "2", false, BIT(ESTIMATE), "time to measure each kind of work unit"},
    [FS_OPTION_NODE_RANKS] = {"--node-ranks", "N", NULL, NULL, false, BIT(ESTIMATE),
                              "ranks that share a node, for its memory; by default those that do now"},
    [FS_OPTION_NETWORK] = {"--network", "US,GB", NULL, NULL, false, BIT(ESTIMATE),
                           "microseconds of a short message and gigabytes a second of a long one; by default measured "
                           "between ranks, on one rank 2,10"},
    [FS_OPTION_MODEL] = {"--model", "DIR", NULL, NULL, true, MODEL_COMMANDS, "HuggingFace folder of the model"},
    [FS_OPTION_SUITE] = {"--suite", "NAME", "stereoset|crows_pairs", NULL, true, BIT(SCORE) | BIT(METRICS),
                         "stereoset or crows_pairs (metrics: stereoset)"},
    [FS_OPTION_DATA] = {"--data", "FILE", NULL, NULL, true, BIT(SCORE) | BIT(METRICS), "the suite's data file"},
    [FS_OPTION_CATEGORY] = {"--category", "C,...", NULL, NULL, false, BIT(SCORE) | BIT(METRICS),
                            "categories to take, separated by commas; all by default"},
    [FS_OPTION_SCORING] =
        {"--scoring", "V", NULL, NULL, false, BIT(SCORE),
         "how P[k] is made; by default target.prob and pll.unmodified for masked models, sentence.mean "
         "and sentence.sum for causal ones"},
    [FS_OPTION_STAMP] = {"--stamp", "FILE", NULL, NULL, false, BIT(SCORE),
                         "a published stamp.h5: the stamped model is scored beside the unedited one"},
    [FS_OPTION_SCORES] = {"--scores", "FILE", NULL, NULL, true, BIT(METRICS), "the scores made elsewhere"},
    [FS_OPTION_BOOTSTRAP] = {"--bootstrap", "N", NULL, "1000", false, BIT(SCORE) | BIT(METRICS),
                             "resamples of the 95 % intervals; 0: none"},
    [FS_OPTION_SEED] = {"--seed", "N", NULL, "1", false, BIT(SCORE) | BIT(METRICS), "seed of the resampling"},
    [FS_OPTION_EQUAL] = {"--equal", NULL, NULL, NULL, false, BIT(VERIFY), "compare two files"},
    [FS_OPTION_TO] = {"--to", "FORMAT", "csv|json|npz", NULL, true, BIT(EXPORT), "csv, json, or npz for NumPy"},
    [FS_OPTION_METRIC] =
        {"--metric", "M,...", NULL, NULL, false, BIT(QUERY),
         "metrics as the file names them (ss.macro, rs.top1), or the table's SS, LMS, ICAT, PS, DS, RS, "
         "CrowS; all by default"},
    [FS_OPTION_BY] = {"--by", "KEY,...", NULL, NULL, false, BIT(QUERY),
                      "the first columns, which rows are sorted by: cell, model, categories, suite, category, subset, "
                      "metric, scoring; other keys follow where they differ between the rows"},
    [FS_OPTION_WHERE] = {"--where", "KEY=VALUE,...", NULL, NULL, false, BIT(QUERY),
                         "rows of these values alone; may be repeated"},
    [FS_OPTION_TRAINING] = {"--training", NULL, NULL, NULL, false, BIT(MERGE),
                            "keep what a stamp's training needs to go on: three times its parameters"},
    [FS_OPTION_NO_ESTIMATE] = {"--no-estimate", NULL, NULL, NULL, false, BIT(SWEEP),
                               "plan: without the estimate of each cell, which takes seconds"},
    [FS_OPTION_CELLS] = {"--cells", "N", NULL, "1", false, BIT(SWEEP), "run: so many cells at once"},
    [FS_OPTION_LAUNCHER] = {"--launcher", "COMMAND", NULL, NULL, false, BIT(SWEEP),
                            "run: what starts the ranks of a cell, such as \"mpirun -n 4\"; by default one process"},
    [FS_OPTION_LIMIT] = {"--limit", "N", NULL, NULL, false, BIT(SWEEP),
                         "submit: at most so many tasks of an array at once"},
    [FS_OPTION_SBATCH] = {"--sbatch", "OPTIONS", NULL, NULL, false, BIT(SWEEP),
                          "submit: for every sbatch, such as \"--partition=long --ntasks=64\""},
    [FS_OPTION_SCRIPTS] = {"--scripts", "DIR", NULL, NULL, false, BIT(SWEEP),
                           "submit: folder of the batch scripts; by default as installed"},
    [FS_OPTION_TOKENIZERS] = {"--tokenizers", "DIR,...", NULL, NULL, false, BIT(BENCHMARK),
                              "folders of tokenizers that must know all subjects and objects"},
    [FS_OPTION_OUTPUT] = {"-o", "PATH", NULL, NULL, true, BIT(REPORT) | BIT(MERGE),
                          "report: its folder, made where it is not there; merge: its file"},
    [FS_OPTION_FORMAT] = {"--format", "FORMAT", "text|json", "text", false,
                          PREPARED_COMMANDS | BIT(SCORE) | BIT(METRICS) | BIT(INSPECT) | BIT(VERIFY) | BIT(DOCTOR) |
                              BIT(QUERY) | BIT(SWEEP),
                          "text for people, json for programs"},
    [FS_OPTION_QUIET] = {"--quiet", NULL, NULL, NULL, false,
                         PREPARED_COMMANDS | BIT(SCORE) | BIT(LOGPROBS) | BIT(DOCTOR),
                         "no progress on standard error, only warnings and errors"},
    [FS_OPTION_HELP] = {"--help", NULL, NULL, NULL, false, ALL_COMMANDS, "show this help"},
};

const struct fs_page_name fs_pages[FS_PAGE_COUNT] = {
    {"--help", FS_PAGE_HELP, "this help; behind a command: of that command"},
    {"--version", FS_PAGE_VERSION, "version, build and libraries"},
    {"--man", FS_PAGE_MAN, "the manual page, roff"},
    {"--job-schema", FS_PAGE_SCHEMA, "JSON schema of job files"},
    {"--job-keys", FS_PAGE_KEYS, "keys of job files as a Markdown table"},
    {"--bash-completion", FS_PAGE_COMPLETION, "the completion script for bash"},
};

static int find_command(const char *name, struct fs_options *options, struct fs_error *err)
{
    const char *known[FS_COMMAND_COUNT + 1] = {NULL};
    for (size_t i = 0; i < FS_COMMAND_COUNT; i++) {
        known[i] = fs_commands[i].name;
        if (strcmp(name, known[i]) == 0) {
            options->command = (enum fs_command_id)i;
            options->has_command = true;
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_USAGE, "%s: unknown command; did you mean \"%s\"? See fairstamp --help", name,
                        fs_nearest_name(name, known));
}

/* `length`: of the option's name in `argument`, which may go on with "=value". */
static int find_option(const struct fs_options *options, const char *argument, size_t length, enum fs_option_id *id,
                       struct fs_error *err)
{
    const char *known[FS_OPTION_COUNT + 1] = {NULL};
    size_t count = 0;
    char name[64];
    for (size_t i = 0; i < FS_OPTION_COUNT; i++) {
        const struct fs_option *option = &fs_options_table[i];
        if ((option->commands & 1u << options->command) == 0) {
            continue;
        }
        known[count++] = option->name;
        if (strlen(option->name) == length && strncmp(option->name, argument, length) == 0) {
            *id = (enum fs_option_id)i;
            return 0;
        }
    }
    length = length < sizeof name - 1 ? length : sizeof name - 1;
    memcpy(name, argument, length);
    name[length] = '\0';
    const char *command = fs_commands[options->command].name;
    return fs_error_set(err, FS_EXIT_USAGE, "%s: unknown option of %s; did you mean \"%s\"? See fairstamp %s --help",
                        name, command, fs_nearest_name(name, known), command);
}

static int parse_option(int argc, char **argv, int *next, struct fs_options *options, struct fs_error *err)
{
    const char *argument = argv[*next];
    const char *equals = strchr(argument, '=');
    size_t length = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
    enum fs_option_id id = FS_OPTION_HELP;
    if (find_option(options, argument, length, &id, err) != 0) {
        return -1;
    }
    const struct fs_option *option = &fs_options_table[id];
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (option->argument == NULL && value != NULL) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: takes no value, found \"%s\"", option->name, value);
    }
    if (option->argument != NULL && value == NULL) {
        if (*next + 1 >= argc) {
            return fs_error_set(err, FS_EXIT_USAGE, "%s: %s is missing", option->name, option->argument);
        }
        value = argv[++*next];
    }
    if (value != NULL && value[0] == '\0') {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: found an empty text, expected %s", option->name, option->argument);
    }
    if (option->choices != NULL && !fs_is_choice(option->choices, value)) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: found \"%s\", expected %s", option->name, value, option->choices);
    }
    if (id == FS_OPTION_SET || id == FS_OPTION_WHERE) {
        options->set[options->sets++] = value;
        return 0;
    }
    if (options->value[id] != NULL) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: given twice", option->name);
    }
    options->value[id] = option->argument == NULL ? "" : value;
    return 0;
}

static int check_complete(const struct fs_options *options, struct fs_error *err)
{
    const struct fs_command *command = &fs_commands[options->command];
    size_t expected = command->operand_count + (options->value[FS_OPTION_EQUAL] != NULL);
    bool optional = options->command == FS_COMMAND_DOCTOR && options->operands == 0;
    bool many =
        ((1u << options->command) & (BIT(MERGE) | BIT(QUERY) | BIT(SWEEP))) != 0 && options->operands > expected;
    if (options->operands != expected && !optional && !many) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: found %zu operands, expected %zu: fairstamp %s %s", command->name,
                            options->operands, expected, command->name, command->operands);
    }
    for (size_t i = 0; i < FS_OPTION_COUNT; i++) {
        const struct fs_option *option = &fs_options_table[i];
        if (option->required && (option->commands & 1u << options->command) != 0 && options->value[i] == NULL) {
            return fs_error_set(err, FS_EXIT_USAGE, "%s: %s %s is missing; see fairstamp %s --help", command->name,
                                option->name, option->argument, command->name);
        }
    }
    return 0;
}

static bool find_page(const char *argument, enum fs_page *page)
{
    if (strcmp(argument, "-h") == 0) {
        argument = "--help";
    }
    for (size_t i = 0; i < FS_PAGE_COUNT; i++) {
        if (strcmp(argument, fs_pages[i].name) == 0) {
            *page = fs_pages[i].page;
            return true;
        }
    }
    return false;
}

int fs_options_parse(int argc, char **argv, struct fs_options *options, struct fs_error *err)
{
    *options = (struct fs_options){0};
    if (argc < 2) {
        return fs_error_set(err, FS_EXIT_USAGE, "a command is missing; see fairstamp --help");
    }
    if (argc == 2 && find_page(argv[1], &options->page)) {
        return 0;
    }
    if (find_command(argv[1], options, err) != 0) {
        return -1;
    }
    options->set = fs_allocate((size_t)argc, sizeof *options->set, "the command line", err);
    options->operand = fs_allocate((size_t)argc, sizeof *options->operand, "the command line", err);
    if (options->set == NULL || options->operand == NULL) {
        return -1;
    }
    bool only_operands = false;
    for (int next = 2; next < argc; next++) {
        const char *argument = argv[next];
        if (only_operands || argument[0] != '-') {
            options->operand[options->operands++] = argument;
        } else if (strcmp(argument, "--") == 0) {
            only_operands = true;
        } else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            options->page = FS_PAGE_HELP;
            return 0;
        } else if (parse_option(argc, argv, &next, options, err) != 0) {
            return -1;
        }
    }
    if (check_complete(options, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < FS_OPTION_COUNT; i++) {
        if (options->value[i] == NULL) {
            options->value[i] = fs_options_table[i].initial;
        }
    }
    return 0;
}

void fs_options_release(struct fs_options *options)
{
    free(options->set);
    free(options->operand);
    *options = (struct fs_options){0};
}

bool fs_options_json(const struct fs_options *options)
{
    const char *format = options->value[FS_OPTION_FORMAT];
    return format != NULL && strcmp(format, "json") == 0;
}
