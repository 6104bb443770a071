/* The ranking of a sweep's methods, on the page and as tables. */
#include <math.h>
#include <stdlib.h>

#include "results/page/page_parts.h"
#include "results/page/survey_data.h"

/* ---- names of models and categories ---- */

static bool has_any(const struct fs_survey_data *data, size_t at)
{
    bool any = false;
    for (size_t i = 0; i < data->methods; i++) {
        any = any || data->tile[at * data->methods + i].in;
    }
    return any;
}

/* Of a model the categories that `listed` holds of, alone where it holds of all that have a method. */
static void list_model(FILE *stream, const struct fs_survey_data *data, size_t model, const bool *listed,
                       void (*text)(FILE *stream, const char *words))
{
    size_t used = 0, count = 0;
    for (size_t category = 0; category < data->categories; category++) {
        size_t at = model * data->categories + category;
        used += has_any(data, at) ? 1 : 0;
        count += listed[at] ? 1 : 0;
    }
    bool whole = data->models > 1 && count == used;
    if (data->models > 1) {
        text(stream, data->model[model]);
        fprintf(stream, "%s", whole ? "" : ": ");
    }
    const char *before = "";
    for (size_t category = 0; !whole && category < data->categories; category++) {
        if (listed[model * data->categories + category]) {
            fprintf(stream, "%s", before);
            text(stream, data->category[category]);
            before = ", ";
        }
    }
}

/* "m: gender, race; n" of a whole model n; of a single model without its name. */
static void list(FILE *stream, const struct fs_survey_data *data, const bool *listed,
                 void (*text)(FILE *stream, const char *words))
{
    const char *before = "";
    for (size_t model = 0; model < data->models; model++) {
        bool any = false;
        for (size_t category = 0; category < data->categories; category++) {
            any = any || listed[model * data->categories + category];
        }
        if (any) {
            fprintf(stream, "%s", before);
            list_model(stream, data, model, listed, text);
            before = "; ";
        }
    }
}

void fs_survey_not_in(FILE *stream, const struct fs_survey_data *data, size_t method,
                      void (*text)(FILE *stream, const char *words))
{
    size_t all = data->models * data->categories;
    bool *listed = calloc(all + 1, sizeof *listed);
    for (size_t at = 0; listed != NULL && at < all; at++) {
        listed[at] = has_any(data, at) && !data->tile[at * data->methods + method].in;
    }
    if (listed != NULL) {
        list(stream, data, listed, text);
    }
    free(listed);
}

/* ---- the tables ---- */

static void mean(FILE *stream, const struct fs_page_form *form, const struct fs_survey_mean *mean, int decimals,
                 bool star)
{
    fprintf(stream, "%s", form->cell);
    fs_page_form_number(stream, form, mean->value, decimals);
    fprintf(stream, "%s", star && (mean->low > 0 || mean->high < 0) ? form->star : ""); /* false of NaN */
    if (isfinite(mean->low)) {
        fprintf(stream, "%s(%.*f to %.*f)%s", form->small, decimals, mean->low, decimals, mean->high, form->end_small);
    }
    fprintf(stream, "%s", form->end_cell);
}

/* Bias left and, where it was measured, what was kept. */
static void both(FILE *stream, const struct fs_survey_data *data, const struct fs_page_form *form,
                 const struct fs_survey_mean *bias, const struct fs_survey_mean *kept)
{
    mean(stream, form, bias, fs_survey_measures[data->bias].decimals, false);
    if (data->kept < FS_SURVEY_MEASURES) {
        mean(stream, form, kept, fs_survey_measures[data->kept].decimals, false);
    }
}

static void both_heads(FILE *stream, const struct fs_survey_data *data, const struct fs_page_form *form)
{
    fprintf(stream, "%sbias left: %s%s", form->head, fs_survey_measures[data->bias].label, form->end_head);
    if (data->kept < FS_SURVEY_MEASURES) {
        fprintf(stream, "%skept: %s%s", form->head, fs_survey_measures[data->kept].label, form->end_head);
    }
}

static void row_begin(FILE *stream, const struct fs_page_form *form, size_t number, const char *name)
{
    fprintf(stream, "%s%zu ", form->row, number);
    form->text(stream, name);
    fprintf(stream, "%s", form->end_cell);
}

static void ranked_note(FILE *stream, const struct fs_survey_data *data, const struct fs_page_form *form)
{
    const struct fs_survey_block *block = &data->block;
    if (block->tiles < block->of) {
        fprintf(stream,
                "%sNo two methods are in all of the %zu models and categories that have one. The ranking is over ",
                form->note, block->of);
        list(stream, data, block->tile, form->text);
        fprintf(stream, ", where several methods have the most numbers in common.%s", form->end_note);
    }
    fprintf(stream, "%sBias left: %s. ", form->note, fs_survey_measures[data->bias].meaning);
    if (data->kept < FS_SURVEY_MEASURES) {
        fprintf(stream,
                "Kept: %s. Place: in each model and category the mean of the places by both, among the methods "
                "of this table, 1 the best; ",
                fs_survey_measures[data->kept].meaning);
    } else {
        fprintf(stream, "What was kept is in no result, so places are by bias alone: read them as such. Place: ");
    }
    fprintf(stream, "then the mean over the %zu of them, which each of these methods is in. ", block->tiles);
    fprintf(
        stream, "%s%s",
        block->tiles > 1
            ? "In brackets: 95 % bootstrap intervals over models and categories, 2000 resamples. Behind: how far the "
              "place is behind the first one's, model by model and category by category; a star where the interval "
              "leaves out 0."
            : "There is one model and category: in brackets the intervals of its own results, over items, and "
              "places have none.",
        form->end_note);
}

static void ranked(FILE *stream, const struct fs_survey_data *data, const struct fs_page_form *form)
{
    bool kept = data->kept < FS_SURVEY_MEASURES;
    size_t numbers = kept ? 5 : 3;
    fs_page_table_begin(stream, form, 1, numbers, 0);
    fprintf(stream, "%smethod%s%splace%s", form->first_head, form->end_head, form->head, form->end_head);
    both_heads(stream, data, form);
    if (kept) {
        fprintf(stream, "%sbeaten by none%s", form->head, form->end_head);
    }
    fprintf(stream, "%sbehind the first%s", form->head, form->end_head);
    fs_page_heads_end(stream, form, 1, numbers);
    row_begin(stream, form, 0, "unedited");
    fprintf(stream, "%s%s", form->cell, form->end_cell);
    both(stream, data, form, &data->unedited_bias, &data->unedited_kept);
    for (size_t i = 0; i < (kept ? 2 : 1); i++) {
        fprintf(stream, "%s%s", form->cell, form->end_cell);
    }
    fprintf(stream, "%s", form->row_end);
    for (size_t i = 0; i < data->block.methods; i++) {
        const struct fs_survey_rank *rank = &data->rank[i];
        row_begin(stream, form, i + 1, data->method[rank->method]);
        mean(stream, form, &rank->place, 2, false);
        both(stream, data, form, &rank->bias, &rank->kept);
        if (kept) {
            fprintf(stream, "%s%s%s", form->cell, rank->best ? "yes" : "", form->end_cell);
        }
        if (i == 0) {
            fprintf(stream, "%s%s", form->cell, form->end_cell);
        } else {
            mean(stream, form, &rank->behind, 2, true);
        }
        fprintf(stream, "%s", form->row_end);
    }
    fprintf(stream, "%s", form->table_end);
    ranked_note(stream, data, form);
}

static void others(FILE *stream, const struct fs_survey_data *data, const struct fs_page_form *form)
{
    const struct fs_survey_block *block = &data->block;
    size_t numbers = 4 + (data->kept < FS_SURVEY_MEASURES ? 1 : 0);
    fprintf(stream, "%sMethods that are not ranked, on their own models and categories%s", form->heading,
            form->end_heading);
    fprintf(stream,
            "%sThe ranking has the methods that have their numbers in common. Each of these %zu lacks some, or "
            "has others, and is compared where it is: place there: the mean of its places among all methods of each "
            "model and category that it is in, from 0, the first, to 1, the last. Its other numbers are means over "
            "these too, which may be easier or harder than what the ranking is over.",
            form->note, data->methods - block->methods);
    if (block->methods > 0) {
        fprintf(stream, " Behind: its place there less that of ");
        form->text(stream, data->method[data->rank[0].method]);
        fprintf(stream, ", the first of the ranking, where both are; a star where the interval leaves out 0.");
    }
    fprintf(stream,
            " In brackets: 95 %% bootstrap intervals over models and categories; of a single one those of its "
            "own results, over items. The numbers before the names order nothing.%s",
            form->end_note);
    fs_page_table_begin(stream, form, 1, numbers, 1);
    fprintf(stream, "%smethod%s%splace there%s", form->first_head, form->end_head, form->head, form->end_head);
    both_heads(stream, data, form);
    fprintf(stream, "%sbehind the first there%s%sin%s%snot in%s", form->head, form->end_head, form->head,
            form->end_head, form->head_note, form->end_head);
    fs_page_heads_end(stream, form, 1, numbers + 1);
    for (size_t i = block->methods; i < data->methods; i++) {
        const struct fs_survey_rank *rank = &data->rank[i];
        row_begin(stream, form, i + 1, data->method[rank->method]);
        mean(stream, form, &rank->place, 2, false);
        both(stream, data, form, &rank->bias, &rank->kept);
        mean(stream, form, &rank->behind, 2, true);
        fprintf(stream, "%s%zu of %zu%s%s", form->cell, rank->tiles, data->tiles, form->end_cell, form->note_cell);
        fs_survey_not_in(stream, data, rank->method, form->text);
        fprintf(stream, "%s%s", form->end_cell, form->row_end);
    }
    fprintf(stream, "%s", form->table_end);
}

void fs_survey_ranking(FILE *stream, const struct fs_survey_data *data, const struct fs_page_form *form)
{
    fprintf(stream, "%sRanking of the methods%s", form->heading, form->end_heading);
    if (data->bias == FS_SURVEY_MEASURES) {
        fprintf(stream, "%sNo result of this archive measures a bias: there is nothing to rank.%s", form->note,
                form->end_note);
        return;
    }
    if (data->block.methods > 0) {
        ranked(stream, data, form);
    } else {
        fprintf(stream, "%sNo two methods are in one model and category: none can be ranked against another.%s",
                form->note, form->end_note);
    }
    if (data->block.methods < data->methods) {
        others(stream, data, form);
    }
}
