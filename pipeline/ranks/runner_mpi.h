/*
 * stages/work/runner.h over MPI. In every rank the main thread speaks MPI and a pool of threads computes; the root's
 * main thread also gathers results, writes checkpoints and reports progress, so results travel while work goes on and
 * the root's own units never delay the others.
 *
 * - map: units by the counter. A finished unit's result goes to the root in pieces, each after a header; after the
 *   last one a rank sends an end message with its error, if any. The root broadcasts the verdict.
 * - claim: the same, with empty results; where costs of later sums are known, units are shared out by them
 *   (fs_share_units), and the counter only says when to stop.
 * - sum: finished vectors change hands by slices of the parameters while the next ones are computed, each slice is
 *   summed in unit order by its owner, and the slices are gathered. fs_sum_held() bounds how many vectors a rank holds.
 *
 * A failing unit, and a stop request, push the counter past its end, so all ranks finish the units in flight and no
 * more.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_RUNNER_MPI_H
#define FAIRSTAMP_PIPELINE_RANKS_RUNNER_MPI_H

#include <mpi.h>

#include "pipeline/ranks/save_clock.h"
#include "stages/work/runner.h"

/*
 * Collective over `communicator`, which must have come from fs_mpi_duplicate() and outlive the runner. `threads` 0:
 * OMP_NUM_THREADS, or else the cores this rank may use, shared with the ranks that may use the same ones.
 */
int fs_runner_mpi_create(MPI_Comm communicator, size_t threads, struct fs_runner **runner, struct fs_error *err);
void fs_runner_mpi_destroy(struct fs_runner *runner); /* collective; takes NULL */

/*
 * Where map saves the partial results named `checkpoint`: `folder`/<checkpoint>.part.h5, of the job with digest `job`
 * and, on the root, the `settings` behind it (NULL elsewhere), every `seconds`, or more seldom, so that saves take at
 * most `share` of the time from here on (save_clock.h). Without this call map saves nothing. The strings are copied.
 * Local, the same on all ranks.
 * This and fs_runner_mpi_expect_sums do nothing to a runner of another kind.
 */
int fs_runner_mpi_save_to(struct fs_runner *runner, const char *folder, const char *job, const char *settings,
                          double seconds, double share, struct fs_error *err);
/* When was saved, since the call above; for what the caller saves itself. Of use on the root. A runner of another kind
 * has one that never asks for a save. */
struct fs_save_clock *fs_runner_mpi_clock(struct fs_runner *runner);
/*
 * From here on each sum of work `name` (a text that outlives the runner) is a step of `total`, `done` of which were
 * done before, and shown as progress. Local.
 */
void fs_runner_mpi_expect_sums(struct fs_runner *runner, const char *name, size_t done, size_t total);
/* For tests: in the places of FS_SUM_BYTES (sharing.h), so that small sums are bounded too, and of INT_MAX, the numbers that
 * one call gathers. Local. */
void fs_runner_mpi_bound_sums(struct fs_runner *runner, size_t bytes, size_t most_gathered);

#endif
