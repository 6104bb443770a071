/*
 * The prompts by which a target value is found (target_value.h): those of one pair as it is, and behind neutral openings,
 * with the rows that are looked up in them; and "{subject} is a", whose distribution shall stay. Local.
 *
 * The lookup row of a statement is that of the last token of its subject's last occurrence in the prompt, whole words in either
 * case, with or without a plural ending; where it does not occur, of the prompt's last token in a causal model, and of the
 * token before the first mask in a masked one. Prompt: what stands before the completion, and in a masked model behind it
 * too. Pairs of one context and two completions have one subject, and one vector; pairs of two subjects have two where both
 * statements are asked for (`equal`), otherwise that of k2.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_TARGET_PROMPTS_H
#define FAIRSTAMP_STAGES_METHODS_TARGET_PROMPTS_H

#include "stages/methods/method.h"
#include "stages/methods/requests.h"

/* What a request asks for: requests.h, and `crossed`: as anti, until P'[k2] >= P'[k1]. */
enum fs_target_request { FS_TARGET_ANTI, FS_TARGET_CROSSED, FS_TARGET_EQUAL };

#define FS_TARGET_VECTORS ((size_t)2) /* of a pair, the most */

/* Some texts that are run together. */
struct fs_target_unit {
    struct fs_request_unit *texts;      /* of the sets below, or `kept`; with x and base, NULL until filled */
    const struct fs_request_form *form; /* NULL: of the distribution that shall stay */
    bool crossing;                      /* measured alone, for `crossed` */
    size_t lookups;
    size_t *row, *vector; /* [lookups] where a vector is added */
    size_t *prompt;       /* [lookups] whose prompt it stands for; SIZE_MAX: for none */
    fs_real *found;       /* (lookups, F + d): keys, and what the FFN puts out; NULL until filled */
    fs_real *logprob;     /* (rows,V) of `kept` before the first step; NULL until then */
};

struct fs_target_prompts {
    size_t vectors;        /* 1 or 2; 0: the pair makes no request */
    size_t prompts, texts; /* 1 + openings; requests of the sets that are not for crossing */
    bool by_subject;       /* all subjects were found */
    size_t units;
    struct fs_target_unit *unit; /* [units] */
    size_t most_tokens, most_rows;
    struct fs_request_form form[2];  /* as they are, behind openings */
    struct fs_requests set[3];       /* as they are, behind openings, for crossing */
    struct fs_request_form crossing; /* of the third */
    struct fs_request_unit kept;     /* its plan is NULL where the prompt is too long */
};

/* Whether the request fits the scoring of the pairs. FS_EXIT_CONFIG. */
int fs_target_check(const struct fs_method_task *task, enum fs_target_request request, struct fs_error *err);
/* Vectors of a pair. */
size_t fs_target_vectors(const struct fs_pair *pair, enum fs_target_request request);
/* vectors 0 where the pair cannot be scored or has no place to look up. The caller releases, also on failure. */
int fs_target_compile(const struct fs_method_task *task, enum fs_target_request request, size_t openings,
                      const struct fs_pair *pair, struct fs_target_prompts *prompts, struct fs_error *err);
void fs_target_prompts_release(struct fs_target_prompts *prompts); /* takes a zeroed struct */

#endif
