/* What the doctor says of made-up ranks and nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/checks/doctor.h"
#include "pipeline/ranks/mpi_support.h"

#define GIB ((uint64_t)1 << 30)

/* A rank on `node` with `threads` threads on the cores first .. last of 8. */
static struct fs_rank_facts rank_on(const char *node, int threads, size_t first, size_t last)
{
    struct fs_rank_facts fact = {.threads = threads, .memory = 8 * GIB, .shared_memory = 4 * GIB, .online = 8};
    snprintf(fact.node, sizeof fact.node, "%s", node);
    snprintf(fact.libraries, sizeof fact.libraries, "fairstamp 1, MPI 4");
    snprintf(fact.kernels.name, sizeof fact.kernels.name, "Zen");
    snprintf(fact.kernels.own, sizeof fact.kernels.own, "Zen");
    for (size_t core = first; core <= last; core++) {
        CPU_SET(core, &fact.cores);
    }
    return fact;
}

static void expect_last(const struct fs_doctor *doctor, enum fs_finding_state state, const char *text)
{
    assert_true(doctor->findings > 0);
    const struct fs_finding *finding = &doctor->finding[doctor->findings - 1];
    if (finding->state != state || strstr(finding->text, text) == NULL) {
        fail_msg("found %s: %s; expected %s: %s", fs_finding_words[finding->state], finding->text,
                 fs_finding_words[state], text);
    }
    assert_true(state == FS_FINDING_OK || finding->fix[0] != '\0');
}

static void launch(void **state)
{
    (void)state;
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("PMI_SIZE");
    struct fs_doctor doctor = {0};
    struct fs_rank_facts fact[3] = {rank_on("a", 4, 0, 3), rank_on("a", 4, 4, 7), rank_on("b", 4, 0, 3)};
    fs_doctor_launch(&doctor, fact, 3);
    assert_string_equal(doctor.finding[0].text, "3 ranks on 2 nodes");
    expect_last(&doctor, FS_FINDING_OK, "MPI 4");
    snprintf(fact[2].libraries, sizeof fact[2].libraries, "fairstamp 1, MPI 5");
    fs_doctor_launch(&doctor, fact, 3);
    expect_last(&doctor, FS_FINDING_FAILED, "rank 2 on b has fairstamp 1, MPI 5");
    /* each task by itself: in place of the number of ranks, whichever launcher it was */
    setenv("SLURM_STEP_ID", "0", 1);
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    doctor = (struct fs_doctor){0};
    fs_doctor_launch(&doctor, fact, 1);
    unsetenv("SLURM_STEP_ID");
    unsetenv("SLURM_STEP_NUM_TASKS");
    assert_int_equal(doctor.findings, 2);
    assert_string_equal(doctor.finding[0].name, "launch");
    doctor.findings = 1;
    expect_last(&doctor, FS_FINDING_FAILED, "Slurm started 4 tasks, this process sees 1 rank: launched without PMI?");
}

static void threads(void **state)
{
    (void)state;
    struct fs_doctor doctor = {0};
    struct fs_rank_facts good[2] = {rank_on("a", 4, 0, 3), rank_on("a", 4, 4, 7)};
    fs_doctor_threads(&doctor, good, 2);
    expect_last(&doctor, FS_FINDING_OK, "4 threads a rank");
    struct fs_rank_facts bound[2] = {rank_on("a", 4, 0, 3), rank_on("a", 4, 4, 4)}; /* mpirun's --bind-to core */
    fs_doctor_threads(&doctor, bound, 2);
    expect_last(&doctor, FS_FINDING_WARNING, "rank 1 on node a has 4 threads, and is bound to 1 core");
    struct fs_rank_facts many[3] = {rank_on("a", 4, 0, 7), rank_on("a", 4, 0, 7), rank_on("a", 4, 0, 7)};
    fs_doctor_threads(&doctor, many, 3);
    expect_last(&doctor, FS_FINDING_WARNING, "3 ranks with 12 threads in all share 8 cores");
    many[0].allocated = many[1].allocated = many[2].allocated = 4;
    fs_doctor_threads(&doctor, many, 3);
    expect_last(&doctor, FS_FINDING_WARNING, "12 threads in all, and Slurm has given 4 cores");
    struct fs_rank_facts few[2] = {rank_on("a", 8, 0, 7), rank_on("b", 1, 0, 0)};
    fs_doctor_threads(&doctor, few, 2);
    expect_last(&doctor, FS_FINDING_WARNING, "node b: 1 rank with 1 thread in all leave 7 of 8 cores idle");
}

static void kernels(void **state)
{
    (void)state;
    struct fs_doctor doctor = {0};
    struct fs_rank_facts fact[2] = {rank_on("a", 4, 0, 3), rank_on("b", 4, 0, 3)};
    fs_doctor_kernels(&doctor, fact, 2);
    expect_last(&doctor, FS_FINDING_OK, "Zen");
    snprintf(fact[0].kernels.own, sizeof fact[0].kernels.own, "Prescott");
    fs_doctor_kernels(&doctor, fact, 2);
    expect_last(&doctor, FS_FINDING_OK, "Zen (in place of Prescott, OpenBLAS's own choice");
    snprintf(fact[1].kernels.better, sizeof fact[1].kernels.better, "SkylakeX");
    snprintf(fact[1].kernels.passed, sizeof fact[1].kernels.passed, "SkylakeX (wrong products)");
    fs_doctor_kernels(&doctor, fact, 2);
    expect_last(&doctor, FS_FINDING_WARNING, "node b runs kernels for SkylakeX, but OpenBLAS uses slower ones for Zen");
    expect_last(&doctor, FS_FINDING_WARNING, "passed over: SkylakeX (wrong products)");
    snprintf(fact[1].kernels.forced, sizeof fact[1].kernels.forced, "ZEN");
    fs_doctor_kernels(&doctor, fact, 2);
    expect_last(&doctor, FS_FINDING_WARNING, "OPENBLAS_CORETYPE=ZEN is set on node b");
    expect_last(&doctor, FS_FINDING_WARNING, "forces kernels for Zen; the processor runs faster ones, for SkylakeX");
    snprintf(fact[1].kernels.forced, sizeof fact[1].kernels.forced, "Zen5");
    fs_doctor_kernels(&doctor, fact, 2);
    expect_last(&doctor, FS_FINDING_WARNING,
                "OPENBLAS_CORETYPE=Zen5 is set on node b, but OpenBLAS takes kernels for Zen");
    snprintf(fact[1].wrong, sizeof fact[1].wrong, "wrong products");
    fs_doctor_kernels(&doctor, fact, 2);
    expect_last(&doctor, FS_FINDING_FAILED, "Zen do not multiply matrices rightly on node b: wrong products");
    snprintf(fact[1].kernels.name, sizeof fact[1].kernels.name, "Haswell");
    fs_doctor_kernels(&doctor, fact, 2);
    expect_last(&doctor, FS_FINDING_FAILED, "Zen on node a, for Haswell on node b");
}

static void memory(void **state)
{
    (void)state;
    struct fs_doctor doctor = {0};
    struct fs_rank_facts fact[2] = {rank_on("a", 2, 0, 3), rank_on("a", 2, 4, 7)};
    struct fs_needs needs = {.node = GIB, .shared = GIB, .rank = GIB / 2, .thread = GIB / 4};
    fs_doctor_memory(&doctor, fact, 2, &needs); /* 1 + 2 x 0.5 + 4 x 0.25 = 3 GiB of 8 */
    expect_last(&doctor, FS_FINDING_OK, "the job needs about 3072 MiB");
    fact[0].shared_memory = 6 << 20; /* converted weights are not there: it is for 2 x 4 MiB of messages */
    fs_doctor_memory(&doctor, fact, 2, &needs);
    expect_last(&doctor, FS_FINDING_WARNING, "/dev/shm has 6 MiB left; Open MPI takes 8 MiB for 2 ranks");
    snprintf(fact[0].no_sharing, sizeof fact[0].no_sharing, "connect: Connection refused");
    fs_doctor_memory(&doctor, fact, 2, &needs); /* 1 GiB more, 4 of 8 */
    expect_last(&doctor, FS_FINDING_WARNING,
                "cannot share memory (connect: Connection refused): each converts the "
                "weights for itself, 2 x 1024 MiB");
    fact[0].memory = 3 * GIB + GIB / 2;
    fs_doctor_memory(&doctor, fact, 2, &needs);
    expect_last(&doctor, FS_FINDING_FAILED, "has 3584 MiB left, the job needs about 4096 MiB there");
    fs_doctor_memory(&doctor, fact, 1, &needs); /* one rank shares with none: 1 + 0.5 + 2 x 0.25 GiB */
    expect_last(&doctor, FS_FINDING_OK, "the job needs about 2048 MiB");
    fact[0].no_sharing[0] = '\0';
    fact[0].memory = 3 * GIB + GIB / 2; /* 3 GiB are more than 80 % of 3.5 */
    fs_doctor_memory(&doctor, fact, 2, &needs);
    expect_last(&doctor, FS_FINDING_WARNING, "has 3584 MiB left, the job needs about 3072 MiB there");
    fact[0].memory = 2 * GIB;
    fs_doctor_memory(&doctor, fact, 2, &needs);
    expect_last(&doctor, FS_FINDING_FAILED, "has 2048 MiB left");
}

static void folder(void **state)
{
    (void)state;
    struct fs_doctor doctor = {0};
    struct fs_rank_facts fact[2] = {rank_on("a", 2, 0, 3), rank_on("b", 2, 4, 7)};
    fact[0].folder_left = fact[1].folder_left = UINT64_MAX;
    fs_doctor_folder(&doctor, fact, 2);
    assert_int_equal(doctor.findings, 0);
    fact[0].folder_left = GIB;
    fs_doctor_folder(&doctor, fact, 2);
    expect_last(&doctor, FS_FINDING_OK, "has 1024 MiB left");
    snprintf(fact[1].folder, sizeof fact[1].folder, "/scratch/tmp");
    fact[1].folder_left = (uint64_t)2 << 20;
    fs_doctor_folder(&doctor, fact, 2);
    expect_last(&doctor, FS_FINDING_WARNING, "node b: /scratch/tmp has 2.0 MiB left; mpirun takes 8 MiB");
    setenv("PMIX_SERVER_TMPDIR", "/dev/null/nowhere", 1);
    fact[0].folder_left = fs_mpi_folder(fact[0].folder, sizeof fact[0].folder);
    unsetenv("PMIX_SERVER_TMPDIR");
    fs_doctor_folder(&doctor, fact, 2);
    expect_last(&doctor, FS_FINDING_WARNING, "/dev/null/nowhere cannot be written or has 0.0 MiB left");
}

static void slurm(void **state)
{
    (void)state;
    struct fs_doctor doctor = {0};
    unsetenv("SLURM_JOB_ID");
    fs_doctor_slurm(&doctor);
    expect_last(&doctor, FS_FINDING_OK, "not under Slurm");
    setenv("SLURM_JOB_ID", "7", 1);
    setenv("SLURM_JOB_END_TIME", "1000", 1); /* long ago */
    fs_doctor_slurm(&doctor);
    expect_last(&doctor, FS_FINDING_WARNING, "job 7 has -");
    setenv("SLURM_JOB_END_TIME", "99999999999", 1);
    fs_doctor_slurm(&doctor);
    expect_last(&doctor, FS_FINDING_OK, "min left");
}

static void archive(void **state)
{
    (void)state;
    struct fs_doctor doctor = {0};
    char folder[] = "/tmp/fairstamp-doctor-XXXXXX";
    assert_non_null(mkdtemp(folder));
    fs_doctor_archive(&doctor, folder);
    expect_last(&doctor, FS_FINDING_OK, "was written and read back");
    assert_int_equal(rmdir(folder), 0); /* nothing is left in it */
    fs_doctor_archive(&doctor, folder); /* it is not there any more */
    expect_last(&doctor, FS_FINDING_FAILED, folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(launch), cmocka_unit_test(threads), cmocka_unit_test(kernels), cmocka_unit_test(memory),
        cmocka_unit_test(folder), cmocka_unit_test(slurm),   cmocka_unit_test(archive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
