#include "results/page/page_parts.h"

/* The settings of one method. */
static void tries_table(FILE *stream, const struct fs_tries *tries)
{
    static const int decimals[FS_TRY_VALUES] = {4, 4, 2, 2, 2};
    size_t chosen = fs_tries_choose(tries);
    fprintf(stream,
            "<div class=\"table\"><table><thead><tr><th class=\"left\">settings</th><th>gap before</th><th>gap</th>"
            "<th>LMS before</th><th>LMS</th><th>RS</th><th class=\"left\"></th></tr></thead><tbody>\n");
    for (size_t i = 0; i < tries->done; i++) {
        fprintf(stream, "<tr><td class=\"left\">");
        fs_page_escape(stream, tries->settings[i][0] != '\0' ? tries->settings[i] : "the job's own");
        fprintf(stream, "</td>");
        for (size_t k = 0; k < FS_TRY_VALUES; k++) {
            fprintf(stream, "<td>");
            fs_page_number(stream, tries->value[i][k], decimals[k]);
            fprintf(stream, "</td>");
        }
        fprintf(stream, "<td class=\"left\">%s</td></tr>\n",
                i == chosen                ? "trained"
                : fs_tries_keeps(tries, i) ? ""
                                           : "misses a bound");
    }
    fprintf(stream, "</tbody></table></div>\n");
}

void fs_page_tries(FILE *stream, const struct fs_page_data *data)
{
    bool begun = false;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        const struct fs_tries *tries = &data->tries[stage];
        if (tries->done == 0) {
            continue;
        }
        if (!begun) {
            fprintf(stream,
                    "<h2>Settings tried</h2>\n<p class=\"note\">Of each method %zu, on a validation split of the pairs "
                    "that "
                    "are edited; held-out pairs took no part. Trained is the one that leaves the smallest gap of pairs "
                    "that "
                    "are not edited, among those that keep RS %g and lose at most %g points of LMS; where none does, "
                    "the one "
                    "that misses these bounds least.</p>\n",
                    tries->count, tries->rs, tries->lms);
        }
        begun = true;
        fprintf(stream, "<h3>%s</h3>\n", fs_stage_names[stage]);
        tries_table(stream, tries);
    }
}
