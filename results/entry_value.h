/* Numbers and texts of an archive's entries, for inspect and export. Local. */
#ifndef FAIRSTAMP_RESULTS_ENTRY_VALUE_H
#define FAIRSTAMP_RESULTS_ENTRY_VALUE_H

#include "io/archive/archive.h"

const char *fs_entry_type(const struct fs_archive_entry *entry); /* "f32", "text" */
size_t fs_entry_elements(const struct fs_archive_entry *entry);
bool fs_entry_is_real(const struct fs_archive_entry *entry);
double fs_entry_real(const struct fs_archive_entry *entry, size_t i);
int64_t fs_entry_integer(const struct fs_archive_entry *entry, size_t i);
/* On stdout, with enough digits to get the same bits back; `not_finite`, where it is given, in the place of NaN. */
void fs_entry_print_number(const struct fs_archive_entry *entry, size_t i, const char *not_finite);

#endif
