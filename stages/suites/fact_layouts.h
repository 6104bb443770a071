/*
 * Facts as the files of the knowledge editing literature hold them, one record each. A layout is a row of the table in
 * fact_layouts.c: the keys by which its records are known, and how one is read; or none, where it lacks what the suite
 * needs, and the file is refused by the layout's name.
 *
 *   counterfact  ROME and MEMIT (Meng et al. 2022): requested_rewrite; the first paraphrase, the first neighbour, whose
 *                answer is the true one of the fact (rome/experiments/py/eval_utils_counterfact.py)
 *                EasyEdit: prompt, rephrase_prompt, locality_prompt; the newer one: locality.neighborhood
 *   known_facts  ROME's known_1000.json
 *
 * An answer may be a list: its first text. Local.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_FACT_LAYOUTS_H
#define FAIRSTAMP_STAGES_SUITES_FACT_LAYOUTS_H

#include "io/formats/records.h"

enum { FS_FACT_TRUE, FS_FACT_NEW, FS_FACT_TRUE_REPHRASED, FS_FACT_NEW_REPHRASED, FS_FACT_LOCALITY, FS_FACT_CANDIDATES };

struct fs_fact_layout;

struct fs_fact_file {
    struct fs_records records;
    const struct fs_fact_layout *layout;
    size_t candidates; /* that a record of the layout fills, from the first */
};

struct fs_fact_record {
    const char *id;      /* the file's, or `number`: the record is not to be copied */
    const char *subject; /* "" where the file has none */
    char number[24];
    const char *prompt[FS_FACT_CANDIDATES], *answer[FS_FACT_CANDIDATES]; /* the file's, or `made` */
    char *made;                                                          /* a prompt put together; or NULL */
};

/* `suite`: the name of one of those above. The caller closes. FS_EXIT_DATA where the layout is none of its own. */
int fs_fact_file_open(const char *path, const char *suite, struct fs_fact_file *file, struct fs_error *err);
void fs_fact_file_close(struct fs_fact_file *file);
/* The key of the records' ids. */
const char *fs_fact_file_id(const struct fs_fact_file *file);

/* Record `index`, which `entry` is. The caller releases, on failure too. */
int fs_fact_record_read(const struct fs_fact_file *file, const cJSON *entry, size_t index, struct fs_fact_record *fact,
                        struct fs_error *err);
void fs_fact_record_release(struct fs_fact_record *fact);

#endif
