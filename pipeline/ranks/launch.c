#include "pipeline/ranks/launch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/console/progress.h"

#define NO_NUMBER (-1)
#define SLURM_STEPS 4000000000LL /* ids above are batch scripts and shells, no steps of srun */

/* Variables by which a launcher tells a task how many there are, and which it is; NULL: it does not tell. */
static const struct mark {
    const char *launcher, *tasks, *task, *fix;
} marks[] = {
    {"mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "the mpirun of the MPI that fairstamp is built with"},
    {"PMI", "PMI_SIZE", "PMI_RANK", "a launcher for the MPI that fairstamp is built with"},
    {"jsrun", "JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK", "a launcher for the MPI that fairstamp is built with"},
    {"PMIx", NULL, "PMIX_RANK", "a launcher for the MPI that fairstamp is built with"},
    {"PALS", NULL, "PALS_RANKID", "a launcher for the MPI that fairstamp is built with"},
    {"ALPS", NULL, "ALPS_APP_PE", "a launcher for the MPI that fairstamp is built with"},
};

static long long number_of(const char *name)
{
    const char *text = name != NULL ? getenv(name) : NULL;
    char *end;
    if (text == NULL) {
        return NO_NUMBER;
    }
    long long number = strtoll(text, &end, 10);
    return end > text && *end == '\0' && number >= 0 ? number : NO_NUMBER;
}

static bool slurm_is_split(size_t ranks, struct fs_launch *launch)
{
    long long step = number_of("SLURM_STEP_ID"), tasks = number_of("SLURM_STEP_NUM_TASKS");
    tasks = tasks != NO_NUMBER ? tasks : number_of("SLURM_NTASKS");
    if (step == NO_NUMBER || step > SLURM_STEPS || tasks <= (long long)ranks) {
        return false;
    }
    long long task = number_of("SLURM_PROCID");
    *launch = (struct fs_launch){"Slurm", (size_t)tasks, task > 0 ? (size_t)task : 0, "srun --mpi=pmix, or mpirun"};
    return true;
}

bool fs_launch_is_split(size_t ranks, struct fs_launch *launch)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        long long tasks = number_of(marks[i].tasks), task = number_of(marks[i].task);
        if (tasks == (long long)ranks) {
            return false; /* launched as it says, whatever that runs in */
        }
        tasks = tasks > task + 1 ? tasks : task + 1;
        if (tasks > (long long)ranks) {
            *launch = (struct fs_launch){marks[i].launcher, (size_t)tasks, task > 0 ? (size_t)task : 0, marks[i].fix};
            return true;
        }
    }
    return slurm_is_split(ranks, launch);
}

bool fs_launch_is_rank(struct fs_launch *launch)
{
    if (number_of(marks[0].tasks) == 1) {
        *launch = (struct fs_launch){marks[0].launcher, 1, 0, marks[0].fix};
        return true;
    }
    return fs_launch_is_split(1, launch);
}

void fs_launch_warn(size_t ranks)
{
    struct fs_launch launch;
    if (fs_launch_is_split(ranks, &launch) && launch.task == 0) {
        fs_warn("%s started %zu tasks, this process sees %zu rank%s: launched without PMI? Each task then does all "
                "of the work by itself; fix: %s",
                launch.launcher, launch.tasks, ranks, ranks == 1 ? "" : "s", launch.fix);
    }
}

void fs_launch_end(void)
{
    static const char *const names[] = {"mpirun", "mpiexec", "orterun", "prterun"};
    char path[32], name[32] = "";
    pid_t parent = getppid();
    (void)snprintf(path, sizeof path, "/proc/%ld/comm", (long)parent);
    FILE *file = fopen(path, "r");
    bool found = file != NULL && fscanf(file, "%31s", name) == 1;
    if (file != NULL) {
        (void)fclose(file);
    }
    for (size_t i = 0; found && i < sizeof names / sizeof names[0]; i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0) { /* also mpirun.openmpi */
            kill(parent, SIGKILL);
            return;
        }
    }
}
