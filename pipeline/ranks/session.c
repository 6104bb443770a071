#include "pipeline/ranks/session.h"

#include <cblas.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"
#include "io/console/progress.h"
#include "model/families/spec_words.h"
#include "model/tokenizer/tokenizer_compare.h"
#include "pipeline/ranks/blas_kernels.h"
#include "pipeline/ranks/launch.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/runner_mpi.h"
#include "stages/plan/statement.h"

/* The kernels of all ranks: `session->kernels`. Collective. */
static void compare_kernels(struct fs_session *session)
{
    const struct fs_runner *runner = session->runner;
    char root[32] = "", other[32] = "";
    snprintf(root, sizeof root, "%s", openblas_get_corename());
    memcpy(other, root, sizeof other);
    fs_mpi_broadcast(root, sizeof root, 0, session->communicator);
    bool differs = strcmp(root, other) != 0;
    int others = fs_mpi_reduce(differs, MPI_SUM, session->communicator);
    snprintf(session->kernels, sizeof session->kernels, "%s", root);
    if (others > 0) {
        int first = fs_mpi_reduce(differs ? (int)runner->rank : INT_MAX, MPI_MIN, session->communicator);
        fs_mpi_broadcast(other, sizeof other, first, session->communicator);
        snprintf(session->kernels, sizeof session->kernels, "%s; others on %d of %zu ranks (rank %d: %s)", root, others,
                 runner->ranks, first, other);
        fs_warn("OpenBLAS kernels for %s: the last bits depend on which rank computes what; use one type of processor "
                "for a job (sbatch --constraint), or set OPENBLAS_CORETYPE on all nodes",
                session->kernels);
    }
}

static void report_machine(const struct fs_session *session)
{
    const struct fs_runner *runner = session->runner;
    const struct fs_kernels *kernels = fs_kernels();
    char why[FS_KERNELS_WHY_SIZE];
    if (runner->rank == 0) {
        fs_launch_warn(runner->ranks);
    }
    fs_kernels_why(kernels, why);
    fs_say("%zu rank%s, %zu thread%s each, OpenBLAS kernels for %s (%s)", runner->ranks, runner->ranks == 1 ? "" : "s",
           runner->threads, runner->threads == 1 ? "" : "s", openblas_get_corename(), why);
    if (kernels->better[0] != '\0') {
        fs_say("this processor runs OpenBLAS's kernels for %s, which are faster than those for %s%s", kernels->better,
               kernels->name, kernels->forced[0] != '\0' ? "; unset OPENBLAS_CORETYPE" : "");
    }
}

int fs_session_begin(struct fs_session *session, struct fs_error *err)
{
    fs_time_text(session->start);
    session->communicator = fs_mpi_duplicate(MPI_COMM_WORLD);
    openblas_set_num_threads(1); /* units, not products, are spread over threads */
    if (fs_runner_mpi_create(session->communicator, 0, &session->runner, err) != 0) {
        return -1;
    }
    compare_kernels(session);
    report_machine(session);
    return 0;
}

void fs_session_end(struct fs_session *session)
{
    fs_mpi_barrier(session->communicator); /* the root may still have printed: from here on no rank takes long */
    fs_model_destroy(session->model);
    fs_tokenizer_destroy(session->tokenizer);
    fs_node_memory_destroy(session->weights);
    fs_runner_mpi_destroy(session->runner);
    fs_mpi_free(&session->communicator);
}

bool fs_session_is_root(const struct fs_session *session)
{
    return fs_runner_is_root(session->runner);
}

int fs_session_agree(struct fs_session *session, int status, struct fs_error *err)
{
    return fs_runner_agree(session->runner, status, err);
}

/* The converted weights of `model` once a node: `weights`. */
static int convert_weights(struct fs_session *session, struct fs_model *model, struct fs_node_memory **weights,
                           struct fs_error *err)
{
    int status = fs_node_memory_create(session->communicator, fs_model_converted_bytes(model), weights, err);
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    void *block = fs_node_memory_data(*weights);
    bool writes = fs_node_memory_writes(*weights);
    status = writes ? fs_model_convert(model, block, true, err) : 0;
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    fs_node_memory_ready(*weights);
    status = writes ? 0 : fs_model_convert(model, block, false, err);
    return fs_session_agree(session, status, err);
}

static int open_model(const struct fs_session *session, const char *folder, struct fs_model **model,
                      struct fs_error *err)
{
    return fs_model_open(folder, model, err) == 0 ? fs_model_compute(*model, &session->compute, err) : -1;
}

static int compare_tokenizer(const struct fs_session *session, const char *folder, struct fs_error *err)
{
    struct fs_tokenizer *tokenizer = NULL;
    int status = fs_tokenizer_open(folder, &tokenizer, err);
    if (status == 0) {
        status = fs_tokenizers_compare(session->tokenizer, tokenizer, err);
    }
    fs_tokenizer_destroy(tokenizer);
    return status == 0 ? 0 : fs_error_prepend(err, "%s", folder);
}

int fs_session_open_other(struct fs_session *session, const char *folder, struct fs_other_model *other,
                          struct fs_error *err)
{
    *other = (struct fs_other_model){0};
    int status = open_model(session, folder, &other->model, err);
    if (status == 0 && fs_session_is_root(session)) {
        status = compare_tokenizer(session, folder, err);
    }
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    fs_notes_say(fs_model_notes(other->model), folder);
    return convert_weights(session, other->model, &other->weights, err);
}

void fs_session_close_other(struct fs_other_model *other)
{
    fs_model_destroy(other->model);
    fs_node_memory_destroy(other->weights);
    *other = (struct fs_other_model){0};
}

int fs_session_load_model(struct fs_session *session, const char *folder, const struct fs_compute *compute,
                          struct fs_error *err)
{
    if (session->model != NULL) {
        return 0;
    }
    session->compute = *compute;
    int status = open_model(session, folder, &session->model, err);
    if (status == 0) {
        status = fs_tokenizer_open(folder, &session->tokenizer, err);
    }
    if (status == 0) {
        struct fs_prompt_style style;
        status = fs_prompt_style_of(fs_model_spec(session->model), session->tokenizer, &style, err);
        if (status != 0) {
            fs_error_prepend(err, "%s", folder);
        }
    }
    if (fs_session_agree(session, status, err) != 0 ||
        convert_weights(session, session->model, &session->weights, err) != 0) {
        return -1;
    }
    const struct fs_spec *spec = fs_model_spec(session->model);
    fs_notes_say(fs_model_notes(session->model), folder);
    const struct fs_backend *backend = fs_model_backend(session->model);
    fs_say("%s: %s, %s, %zu layers, hidden size %zu, vocabulary %zu; products in %s by %s", folder, spec->family_name,
           fs_model_kind_name(spec->kind), spec->layers, spec->hidden, spec->vocabulary,
           fs_compute_type_name(backend->type), backend->name);
    return 0;
}
