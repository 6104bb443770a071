/*
 * ParaRel (Elazar et al. 2021; yanaiela/pararel, folder data): facts of T-REx and paraphrased patterns of their relations, in
 * folders of JSON lines, a file a relation:
 *
 *   graphs/P19.jsonl (or pattern_data/graphs_json/)   {"pattern": "[X] was born in [Y]."}
 *   trex_lms_vocab/P19.jsonl                          {"sub_label": "Allan Peiper", "obj_label": "Alexandra"}
 *
 * Relations without patterns are left out. Local.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_PARAREL_DATA_H
#define FAIRSTAMP_STAGES_SUITES_PARAREL_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "io/benchmarks/record_items.h"

/* A pattern apart at [Y]; [X] is in one of the two. Owned. */
struct fs_pararel_pattern {
    char *before, *after;
};

struct fs_pararel_fact {
    char *subject; /* NULL where the record cannot be used */
    size_t object; /* of its relation */
    uint8_t unusable;
};

enum { FS_PARAREL_OBJECTS = 5000 }; /* of a relation, the most: each statement is read for all of them */

struct fs_pararel_relation {
    char *name;                         /* "P19" */
    struct fs_pararel_pattern *pattern; /* [patterns] */
    char **object;                /* [objects] of all facts of the relation, in the order of their first appearance */
    struct fs_pararel_fact *fact; /* [facts] */
    size_t patterns, objects, facts;
    size_t pattern_room, object_room, fact_room;
};

struct fs_pararel {
    struct fs_pararel_relation *relation; /* [relations] sorted by name */
    size_t relations;
};

struct fs_pararel_options {
    size_t most; /* statements of a relation: facts in all its patterns, of one fact at least; 0: all */
    bool
        object_ends; /* keep the patterns that end in [Y] and at most a full stop; a relation without any is left out */
};

/* Reads the folder `path`; the report counts the facts that are kept. The caller releases, also on failure. */
int fs_pararel_read(const char *path, const struct fs_pararel_options *options, struct fs_pararel *data,
                    struct fs_item_report *report, struct fs_error *err);
void fs_pararel_release(struct fs_pararel *data); /* takes a zeroed struct */

/* `part` with `subject` in place of [X]. The caller frees; NULL without memory. */
char *fs_pararel_fill(const char *part, const char *subject, struct fs_error *err);

#endif
