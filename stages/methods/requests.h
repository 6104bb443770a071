/*
 * Requests of an edit, one a pair: what is to become of the probabilities of its statements. The same for pairs of one
 * context and two completions (StereoSet) and of two subjects and one object (BiasKE): k1 is the stereotype's statement, k2
 * the other one, completion o2 behind its own prompt.
 *
 *   anti    -log P'(completion of k2 | what stands before it), the mean over its tokens: causal, each given those before it
 *           (object.mean); masked, each at its mask (target.logprob). In a causal model also all of them at the prompt's last
 *           position (prompt_last: kmeng01/rome, baselines/ft; a defect for completions of several tokens, kept as it is
 *           what was published).
 *   equal   (log P'[k1] - log P'[k2])^2, by the scoring of the pairs
 *
 * A batch is a mean over its requests. Units are adjacent requests, of a composition that depends on the pairs, the model's
 * shape and the options alone. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_REQUESTS_H
#define FAIRSTAMP_STAGES_METHODS_REQUESTS_H

#include "io/benchmarks/benchmark.h"
#include "stages/plan/plan.h"
#include "stages/plan/statement.h"

enum fs_request_target { FS_REQUEST_ANTI, FS_REQUEST_EQUAL };
enum fs_request_objective { FS_TARGET_NEW, FS_PROMPT_LAST };

struct fs_request_form {
    enum fs_request_target target;
    enum fs_request_objective objective;
    enum fs_scoring scoring; /* of the pairs; not of anti */
};

/* One or two statements: reads first .. first + count[0] - 1 of its unit, and count[1] behind them. */
struct fs_request {
    size_t first, count[2]; /* count[1] 0: one statement */
};

struct fs_request_unit {
    struct fs_plan *plan;     /* sealed as one unit */
    struct fs_plan_unit view; /* of the plan */
    size_t requests, reads;
    struct fs_request *request; /* [requests] */
    size_t *row;                /* [reads] of view.reads */
    int32_t *token;             /* [reads] */
    fs_real *x, *base;          /* (T,d) FFN input, and base (model/engine.h), at the layer; NULL until filled */
    bool stays;                 /* filled from step to step */
};

/* The units of a batch of requests. */
struct fs_requests {
    size_t units, count; /* count: requests */
    struct fs_request_unit *unit;
    size_t capacity;
};

/* FS_EXIT_CONFIG where the form does not fit the model's kind. */
int fs_request_check(const struct fs_request_form *form, enum fs_model_kind kind, struct fs_error *err);

/* The pairs of a batch: pair[count] indices into the list; both owned by the caller. */
struct fs_request_pairs {
    const struct fs_pair_list *list;
    const size_t *pair;
    size_t count;
};
/* Compiles a batch; pairs that cannot be scored make no request. `flops`: of a token of a step. The caller releases, also
 * on failure. */
int fs_requests_compile(const struct fs_spec *spec, const struct fs_tokenizer *tokenizer,
                        const struct fs_request_form *form, const struct fs_request_pairs *pairs, double flops,
                        struct fs_requests *requests, struct fs_error *err);
void fs_requests_release(struct fs_requests *requests); /* takes a zeroed struct */

/* In: logprob (R,V) of the edited model at the unit's rows. Out: the gradient of its logits, of `weight` times the sum of the
 * requests' losses, which is returned. `scratch` [2 x reads]. */
double fs_request_evaluate(const struct fs_request_unit *unit, const struct fs_request_form *form, size_t vocabulary,
                           double weight, fs_real *logprob, double *scratch);

#endif
