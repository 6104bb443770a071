#include "pipeline/ranks/session.h"

#include <cblas.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"
#include "io/console/log.h"
#include "io/console/progress.h"
#include "io/file_identity.h"
#include "model/families/spec_words.h"
#include "model/tokenizer/tokenizer_compare.h"
#include "pipeline/ranks/blas_kernels.h"
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

void fs_session_tell(const struct fs_session *session)
{
    const struct fs_runner *runner = session->runner;
    const struct fs_kernels *kernels = fs_kernels();
    char why[FS_KERNELS_WHY_SIZE];
    fs_kernels_why(kernels, why);
    fs_say("%zu rank%s, %zu thread%s each, OpenBLAS kernels for %s (%s)", runner->ranks, runner->ranks == 1 ? "" : "s",
           runner->threads, runner->threads == 1 ? "" : "s", openblas_get_corename(), why);
    if (kernels->better[0] != '\0') {
        fs_say("this processor runs OpenBLAS's kernels for %s, which are faster than those for %s%s", kernels->better,
               kernels->name, kernels->forced[0] != '\0' ? "; unset OPENBLAS_CORETYPE" : "");
    }
}

int fs_session_begin(struct fs_session *session, MPI_Comm communicator, size_t threads, struct fs_error *err)
{
    fs_time_text(session->start);
    session->communicator = fs_mpi_duplicate(communicator);
    openblas_set_num_threads(1); /* units, not products, are spread over threads */
    if (fs_runner_mpi_create(session->communicator, threads, &session->runner, err) != 0) {
        return -1;
    }
    compare_kernels(session);
    return 0;
}

static void close_model(struct fs_session *session)
{
    fs_model_destroy(session->model);
    fs_tokenizer_destroy(session->tokenizer);
    fs_node_memory_destroy(session->weights);
    free(session->folder);
    session->model = NULL;
    session->tokenizer = NULL;
    session->weights = NULL;
    session->folder = NULL;
}

void fs_session_end(struct fs_session *session)
{
    fs_mpi_barrier(session->communicator); /* the root may still have printed: from here on no rank takes long */
    close_model(session);
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

/* A digest of which files `model` has, as they are now on this node. */
static void identify(const struct fs_model *model, char identity[FS_DIGEST_SIZE], struct fs_error *err)
{
    size_t files;
    const char *const *file = fs_model_files(model, &files);
    struct fs_digest *digest;
    identity[0] = '\0';
    if (fs_digest_begin(&digest, err) != 0) {
        return;
    }
    for (size_t i = 0; i < files; i++) {
        struct fs_file_identity own = {0};
        (void)fs_file_identity_get(file[i], &own);
        fs_digest_add(digest, &own, sizeof own);
    }
    fs_digest_end(digest, identity);
}

/* The memory that the sessions of this node share for the model of `folder`, on all ranks, or NULL on all. */
static int open_shared(struct fs_session *session, const char *folder, const struct fs_model *model,
                       struct fs_node_memory **weights, struct fs_error *err)
{
    const struct fs_shared_models *shared = session->shared;
    size_t place = 0;
    *weights = NULL;
    while (shared != NULL && place < shared->count && strcmp(shared->folder[place], folder) != 0) {
        place++;
    }
    if (shared == NULL || shared->store == NULL || place == shared->count) {
        return 0;
    }
    char identity[FS_DIGEST_SIZE];
    identify(model, identity, err);
    int status = identity[0] == '\0' ? -1
                                     : fs_node_store_open(shared->store, place, fs_model_converted_bytes(model),
                                                          identity, weights, err);
    status = fs_session_agree(session, status, err);
    if (fs_mpi_reduce(*weights != NULL, MPI_MIN, session->communicator) == 0) {
        fs_node_memory_destroy(*weights);
        *weights = NULL;
    }
    return status;
}

struct conversion {
    const struct fs_model *model;
    void *block;
};

static int convert_piece(void *context, size_t piece, struct fs_error *err)
{
    const struct conversion *conversion = context;
    return fs_model_convert_piece(conversion->model, conversion->block, piece, err);
}

static void tell_conversion(const struct fs_session *session, const char *folder, size_t bytes,
                            const struct fs_fill_report *report)
{
    if (report->ended && session->shared != NULL) {
        fs_announce("model %s: weights %s by %zu rank%s of this node in %.1f s", folder,
                    bytes > 0 ? "converted and checked" : "checked", (size_t)report->ranks,
                    report->ranks == 1 ? "" : "s", report->seconds);
    }
}

/* The converted weights of `model` once a node: `weights`. */
static int convert_weights(struct fs_session *session, const char *folder, struct fs_model *model,
                           struct fs_node_memory **weights, struct fs_error *err)
{
    size_t bytes = fs_model_converted_bytes(model);
    struct fs_fill_report report;
    int status = open_shared(session, folder, model, weights, err);
    if (status == 0 && *weights == NULL) {
        status = fs_session_agree(session, fs_node_memory_create(session->communicator, bytes, weights, err), err);
    }
    if (status != 0) {
        return -1;
    }
    struct conversion conversion = {model, fs_node_memory_data(*weights)};
    status = fs_node_memory_fill(*weights, fs_model_pieces(model), convert_piece, &conversion, &report, err);
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    tell_conversion(session, folder, bytes, &report);
    status = fs_model_convert(model, conversion.block, false, err);
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
    return convert_weights(session, folder, other->model, &other->weights, err);
}

void fs_session_close_other(struct fs_other_model *other)
{
    fs_model_destroy(other->model);
    fs_node_memory_destroy(other->weights);
    *other = (struct fs_other_model){0};
}

/* Whether the model that is open is that of `folder`, with the files that are there now; or a random one, which stands
 * for it (estimate). */
static bool is_open(struct fs_session *session, const char *folder)
{
    char identity[FS_DIGEST_SIZE] = "";
    bool random = session->model != NULL && session->folder == NULL;
    bool same = random || (session->model != NULL && strcmp(session->folder, folder) == 0);
    if (same && !random) {
        identify(session->model, identity, NULL);
    }
    same = same && strcmp(session->identity, identity) == 0;
    return fs_mpi_reduce(same, MPI_MIN, session->communicator) != 0;
}

int fs_session_load_model(struct fs_session *session, const char *folder, const struct fs_compute *compute,
                          struct fs_error *err)
{
    session->compute = *compute;
    if (is_open(session, folder)) {
        return fs_session_agree(session, fs_model_compute(session->model, compute, err), err);
    }
    close_model(session);
    session->folder = strdup(folder);
    int status = session->folder != NULL ? open_model(session, folder, &session->model, err)
                                         : fs_error_memory(err, strlen(folder), "a path");
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
    if (status == 0) {
        identify(session->model, session->identity, err);
    }
    if (fs_session_agree(session, status, err) != 0 ||
        convert_weights(session, folder, session->model, &session->weights, err) != 0) {
        close_model(session);
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
