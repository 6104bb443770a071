/* Who is taken for a task that MPI does not know of, by environments as launchers make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/ranks/launch.h"

static const char *const names[] = {"SLURM_JOB_ID",         "SLURM_STEP_ID",     "SLURM_NTASKS",
                                    "SLURM_STEP_NUM_TASKS", "SLURM_PROCID",      "OMPI_COMM_WORLD_SIZE",
                                    "OMPI_COMM_WORLD_RANK", "PMI_SIZE",          "PMI_RANK",
                                    "PALS_RANKID",          "ALPS_APP_PE",       "PMIX_RANK",
                                    "JSM_NAMESPACE_SIZE",   "JSM_NAMESPACE_RANK"};

/* Sets "NAME=value ..." alone; how many tasks are found for `ranks`, 0: as many as ranks; `task`: which. */
static size_t tasks_of(const char *environment, size_t ranks, size_t *task)
{
    char text[512], *rest = text;
    struct fs_launch launch = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
    strcpy(text, environment);
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        *value = '\0';
        setenv(word, value + 1, 1);
    }
    bool split = fs_launch_is_split(ranks, &launch);
    *task = launch.task;
    return split ? launch.tasks : 0;
}

static void steps(void **state)
{
    (void)state;
    size_t task;
    /* srun -n 4 without PMI */
    assert_int_equal(tasks_of("SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_NTASKS=4 SLURM_PROCID=2", 1, &task), 4);
    assert_int_equal(task, 2);
    assert_int_equal(tasks_of("SLURM_STEP_ID=3 SLURM_NTASKS=8 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0", 1, &task), 2);
    /* with it */
    assert_int_equal(tasks_of("SLURM_STEP_ID=0 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0", 4, &task), 0);
    /* the script of sbatch -n 4, without and with the id of its step; a shell of salloc */
    assert_int_equal(tasks_of("SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_PROCID=0", 1, &task), 0);
    assert_int_equal(tasks_of("SLURM_STEP_ID=4294967291 SLURM_NTASKS=4 SLURM_PROCID=0", 1, &task), 0);
    assert_int_equal(tasks_of("SLURM_STEP_ID=4294967290 SLURM_NTASKS=4 SLURM_PROCID=0", 1, &task), 0);
    assert_int_equal(tasks_of("SLURM_STEP_ID=batch SLURM_NTASKS=4 SLURM_PROCID=0", 1, &task), 0);
    assert_int_equal(tasks_of("SLURM_STEP_ID=0 SLURM_NTASKS=four", 1, &task), 0);
    /* fewer tasks than ranks are none of ours */
    assert_int_equal(tasks_of("SLURM_STEP_ID=0 SLURM_NTASKS=2", 4, &task), 0);
}

static void launchers(void **state)
{
    (void)state;
    size_t task;
    assert_int_equal(tasks_of("", 1, &task), 0);
    /* mpirun -n 2, and -n 1, in a step of four nodes: Slurm tells of its own daemons */
    assert_int_equal(tasks_of("SLURM_STEP_ID=0 SLURM_NTASKS=4 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0", 2, &task),
                     0);
    assert_int_equal(tasks_of("SLURM_STEP_ID=0 SLURM_NTASKS=4 OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0", 1, &task),
                     0);
    /* the mpirun of another MPI */
    assert_int_equal(tasks_of("OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=1", 1, &task), 3);
    assert_int_equal(task, 1);
    assert_int_equal(tasks_of("PMI_SIZE=6 PMI_RANK=5", 1, &task), 6);
    assert_int_equal(tasks_of("PMI_SIZE=6 PMI_RANK=5", 6, &task), 0);
    assert_int_equal(tasks_of("JSM_NAMESPACE_SIZE=2 JSM_NAMESPACE_RANK=0", 1, &task), 2);
    /* launchers that tell a task its number alone */
    assert_int_equal(tasks_of("PMIX_RANK=0", 1, &task), 0);
    assert_int_equal(tasks_of("PMIX_RANK=2", 1, &task), 3);
    assert_int_equal(tasks_of("PMIX_RANK=3 SLURM_STEP_ID=0 SLURM_NTASKS=4", 4, &task), 0);
    assert_int_equal(tasks_of("PALS_RANKID=0", 1, &task), 0);
    assert_int_equal(tasks_of("PALS_RANKID=3", 1, &task), 4);
    assert_int_equal(tasks_of("ALPS_APP_PE=3", 4, &task), 0);
    assert_int_equal(tasks_of("ALPS_APP_PE=1", 1, &task), 2);
}

/* What must not start a program with MPI: also the only rank of mpirun, but not the only task of a step. */
static void rank(void **state)
{
    (void)state;
    struct fs_launch launch = {0};
    size_t task;
    (void)tasks_of("OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0", 1, &task);
    assert_true(fs_launch_is_rank(&launch));
    assert_int_equal(launch.tasks, 1);
    (void)tasks_of("OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=1", 1, &task);
    assert_true(fs_launch_is_rank(&launch));
    assert_int_equal(launch.tasks, 3);
    (void)tasks_of("SLURM_STEP_ID=0 SLURM_NTASKS=1 SLURM_PROCID=0 PMIX_RANK=0", 1, &task); /* srun --pty bash */
    assert_false(fs_launch_is_rank(&launch));
    (void)tasks_of("SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_PROCID=0", 1, &task);
    assert_false(fs_launch_is_rank(&launch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps), cmocka_unit_test(launchers), cmocka_unit_test(rank)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
