/* What a plan holds, for plan.c, which fills it, and plan_pack.c, which packs the units. Private to stages/plan/. */
#ifndef FAIRSTAMP_STAGES_PLAN_PLAN_PARTS_H
#define FAIRSTAMP_STAGES_PLAN_PLAN_PARTS_H

#include <stdbool.h>

#include "stages/plan/plan.h"

struct fs_plan_pass {
    size_t offset; /* into the pool of ids */
    size_t count;
    uint64_t hash;
    size_t state; /* index + 1; 0: none is asked for */
};

struct fs_plan_read {
    size_t pass, position;
    int32_t token;
};

/* Open addressing: slot holds an index + 1, 0 where it is empty; at most half full. */
struct fs_plan_table {
    size_t *slot;
    size_t capacity; /* a power of two, or 0 */
};

struct fs_plan_cut {
    size_t sequence, sequences; /* first of `order`, and how many */
    size_t token, tokens;       /* first of `token` */
    size_t row, rows;           /* first of `row` */
    size_t read, reads;         /* first of `read_token` and `read_index` */
    size_t states;
};

struct fs_plan {
    int32_t *id;
    size_t ids, id_capacity;
    struct fs_plan_pass *pass;
    size_t passes, pass_capacity;
    struct fs_plan_read *read;
    size_t reads, read_capacity;
    size_t states;
    struct fs_plan_table pass_table, read_table;

    /* From sealing on; everything in the order of units. Unit u has its own 0-based start and first. */
    bool sealed;
    struct fs_plan_cut *unit;
    size_t units;
    size_t *order;       /* [passes] */
    size_t tokens;       /* of all units */
    int32_t *token;      /* [tokens] */
    size_t *start;       /* [passes + units] */
    size_t *parent;      /* [passes] of each sequence, in its unit; NULL: nothing is shared */
    size_t *depth;       /* [passes] likewise */
    size_t *row;         /* [rows] */
    size_t *first;       /* [rows + units] */
    int32_t *read_token; /* [reads] */
    size_t *read_index;  /* [reads] */
};

#endif
