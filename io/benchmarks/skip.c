#include "io/benchmarks/skip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *fs_skip_name(enum fs_skip skip)
{
    static const char *const names[FS_SKIP_COUNT] = {
        [FS_KEPT] = "kept",
        [FS_SKIP_TOO_LONG] = "too_long",
        [FS_SKIP_EMPTY_COMPLETION] = "empty_completion",
        [FS_SKIP_NO_DIFFERENCE] = "no_difference",
        [FS_SKIP_SUBJECT_MISSING] = "subject_missing",
        [FS_SKIP_EMPTY_TEXT] = "empty_text",
        [FS_SKIP_NO_FILL] = "no_fill",
        [FS_SKIP_BAD_LABEL] = "bad_label",
        [FS_SKIP_BAD_RECORD] = "bad_record",
        [FS_SKIP_SEVERAL_TOKENS] = "several_tokens",
    };
    return names[skip];
}

/* `text` without the file that it begins with; that of another file, as in a folder, stays. */
static const char *without_path(const char *text, const char *path)
{
    size_t length = strlen(path);
    return strncmp(text, path, length) == 0 && strncmp(text + length, ": ", 2) == 0 ? text + length + 2 : text;
}

/* As much of `text` as there is room for, not ending within a character. */
static void keep_text(const char *text, char *named)
{
    size_t length = strlen(text), most = sizeof((struct fs_item_report *)NULL)->named[0] - 1;
    if (length > most) {
        for (length = most; length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80; length--) {
        }
    }
    memcpy(named, text, length);
    named[length] = '\0';
}

int fs_item_skip(struct fs_item_report *report, const char *path, enum fs_skip reason, const struct fs_error *why,
                 struct fs_error *err)
{
    if (why->code != FS_EXIT_DATA) {
        if (err != NULL) {
            *err = *why;
        }
        return -1;
    }
    if (report->unusable < FS_NAMED_ITEMS) {
        keep_text(without_path(why->text, path), report->named[report->unusable]);
    }
    report->unusable++;
    report->skipped[reason]++;
    return 0;
}

void fs_item_report_add(struct fs_item_report *report, const struct fs_item_report *more, const char *path)
{
    for (size_t i = 0; i < FS_NAMED_ITEMS && i < more->unusable && report->unusable + i < FS_NAMED_ITEMS; i++) {
        char text[2 * sizeof more->named[0]];
        (void)snprintf(text, sizeof text, "%s: %s", path, more->named[i]);
        keep_text(text, report->named[report->unusable + i]);
    }
    report->items += more->items;
    report->unusable += more->unusable;
    for (size_t reason = 0; reason < FS_SKIP_COUNT; reason++) {
        report->skipped[reason] += more->skipped[reason];
    }
}

int fs_item_report_check(const struct fs_item_report *report, const char *path, struct fs_error *err)
{
    if (report->items == 0 || report->unusable < report->items) {
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA, "%s: %s (none of %zu items can be used)", path, report->named[0],
                        report->items);
}

int fs_item_report_refuse(const struct fs_item_report *report, const char *path, struct fs_error *err)
{
    if (report->unusable == 0) {
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: %s (%zu of %zu items cannot be used); correct them, or leave strict out to skip them",
                        path, report->named[0], report->unusable, report->items);
}

char *fs_item_report_text(const struct fs_item_report *report, const char *path, struct fs_error *err)
{
    char *text = NULL;
    size_t size = 0, named = report->unusable < FS_NAMED_ITEMS ? report->unusable : FS_NAMED_ITEMS;
    FILE *out = open_memstream(&text, &size);
    bool written = out != NULL;
    if (out != NULL) {
        const char *before = " (";
        (void)fprintf(out, "%s: %zu of %zu items cannot be used and are skipped", path, report->unusable,
                      report->items);
        for (size_t reason = FS_KEPT + 1; reason < FS_SKIP_COUNT; reason++) {
            if (report->skipped[reason] > 0) {
                (void)fprintf(out, "%s%zu %s", before, report->skipped[reason], fs_skip_name((enum fs_skip)reason));
                before = ", ";
            }
        }
        (void)fputc(')', out);
        for (size_t i = 0; i < named; i++) {
            (void)fprintf(out, "%s %s", i == 0 ? ":" : ";", report->named[i]);
        }
        (void)fprintf(out, "%s (strict refuses such a file)", named < report->unusable ? "; ..." : "");
        written = fclose(out) == 0;
    }
    if (!written) {
        free(text);
        (void)fs_error_memory(err, sizeof *report, "a warning");
        return NULL;
    }
    return text;
}
