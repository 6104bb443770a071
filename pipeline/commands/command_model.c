/* model: one page on a model's folder. */
#include "io/console/output.h"
#include "model/folder/folder.h"
#include "pipeline/commands/commands.h"
#include "pipeline/commands/model_page.h"
#include "results/report.h"

static const struct fs_option option_text = {.name = "--text",
                                             .argument = "TEXT",
                                             .initial = "The nurse said that the doctor was late.",
                                             .help = "the text whose log probabilities are shown"};
static const struct fs_option option_no_text = {
    .name = "--no-text", .help = "no text: the numbers of the weights are not read, which takes long for large models"};

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    const char *text = fs_option_given(options, &option_no_text) ? NULL : fs_option_value(options, &option_text);
    struct fs_model_page page = {0};
    if (fs_model_folder_check(options->operand[0], 0, err) != 0) {
        return -1; /* there is nothing to make a page of */
    }
    int status = fs_model_page_read(options->operand[0], text, &page, err);
    struct fs_error *late = status == 0 ? err : NULL; /* what is wrong with the folder comes first */
    int printed = fs_options_json(options) ? fs_report_print_json(fs_model_page_json(&page), stdout, late)
                                           : fs_model_page_print(&page, stdout, late);
    fs_model_page_release(&page);
    printed = printed == 0 ? fs_finish_output(late) : -1;
    return status == 0 ? printed : -1;
}

static const struct fs_option *const command_options[] = {&option_text, &option_no_text, &fs_option_format, NULL};

const struct fs_command fs_command_model = {
    .name = "model",
    .operands = "DIR",
    .least = 1,
    .most = 1,
    .summary = "one page on a model's folder: sizes, features, weights, tokenizer, log probabilities of a text",
    .description =
        "Reads config.json, the weights and the tokenizer of a HuggingFace folder, or all three from a GGUF file, and "
        "says what they are, what memory they take, what is not used and why. A part that cannot be read is shown with "
        "its error, the others as they are; the exit status is that of the first such part, else 0. The text is "
        "computed by one thread, where the converted weights fit into the memory that the node has left.",
    .options = command_options,
    .run = run,
};
