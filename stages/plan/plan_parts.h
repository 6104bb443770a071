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
    size_t prefix, choice; /* index + 1; 0: none */
};

struct fs_plan_choice {
    int32_t *token; /* [count] */
    size_t count;
};

struct fs_plan_prefix {
    int32_t *id;
    size_t count;
};

/* What a category has; several may have the same. */
struct fs_plan_category {
    char *name;
    size_t prefix;
};

/* A batch of prefixed texts: where its parts begin. */
struct fs_plan_prefixed_cut {
    size_t sequence, sequences; /* of `start` less one a batch, `parent`, `depth` */
    size_t token, tokens;
    size_t row, rows; /* of `row`, `plain`, of `first` less one a batch */
    size_t read;      /* of `read` */
};

/* The prefixed texts of all units, unit by unit; each batch has its own 0-based start and first. */
struct fs_plan_prefixed_parts {
    struct fs_plan_prefixed_cut *cut; /* [cuts] */
    size_t cuts, cut_capacity;
    int32_t *token;
    size_t tokens, token_capacity;
    size_t *start;
    size_t starts, start_capacity;
    size_t *parent, *depth; /* of each sequence */
    size_t sequences, parent_capacity, depth_capacity;
    size_t *row, *plain;
    size_t rows, row_capacity, plain_capacity;
    size_t *first;
    size_t firsts, first_capacity;
    size_t *read; /* [reads] */
    size_t reads, read_capacity;
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
    size_t prefixed, prefixed_batches; /* first of prefixed.cut, and how many */
};

struct fs_plan {
    int32_t *id;
    size_t ids, id_capacity;
    struct fs_plan_pass *pass;
    size_t passes, pass_capacity;
    struct fs_plan_read *read;
    size_t reads, read_capacity;
    size_t states;
    struct fs_plan_choice *choice;
    size_t choices, choice_capacity;
    struct fs_plan_table pass_table, read_table; /* until it is sealed */

    struct fs_plan_prefixes prefixes; /* encode NULL: none */
    struct fs_plan_prefix *prefix;
    size_t prefix_count, prefix_capacity;
    struct fs_plan_category *category;
    size_t categories, category_capacity;
    size_t current; /* prefix of the reads that are added, index + 1 */

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
    struct fs_plan_prefixed_parts prefixed;
};

/* How passes on their way into units are compared: those up to shared_length share what they begin with. */
size_t fs_common_ids(const int32_t *a, size_t count_a, const int32_t *b, size_t count_b);

/* Makes the prefixed texts of all units, whose reads are there, in batches of at most unit_tokens. */
int fs_plan_pack_prefixed(struct fs_plan *plan, const struct fs_plan_limits *limits, size_t unit_tokens,
                          struct fs_error *err);
void fs_plan_release_prefixes(struct fs_plan *plan);

#endif
