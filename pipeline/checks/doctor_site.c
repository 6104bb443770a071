#include "pipeline/checks/doctor_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/child.h"

#define MIB (1024.0 * 1024.0)

/* What the command prints, with its standard error; NULL where it cannot be started. The caller frees. */
static char *output_of(const char *command)
{
    struct fs_argv argv = {0};
    struct fs_error ignored = FS_ERROR_INIT;
    char *output = NULL;
    if (fs_argv_split(&argv, "sh -c", &ignored) == 0 && fs_argv_add(&argv, &ignored, "%s", command) == 0) {
        fs_run_program(&argv, true, &output);
    }
    fs_argv_release(&argv);
    return output;
}

/* The words of `text` from `begin` on, with one blank between two. */
static void copy_words(const char *text, char *words, size_t size)
{
    size_t used = 0;
    for (const char *word = text + strspn(text, " \t\n"); *word != '\0'; word += strspn(word, " \t\n")) {
        size_t length = strcspn(word, " \t\n");
        if (used + length + 2 > size) {
            break;
        }
        used += (size_t)snprintf(words + used, size - used, "%s%.*s", used > 0 ? " " : "", (int)length, word);
        word += length;
    }
}

void fs_site_facts_get(struct fs_site_facts *facts)
{
    *facts = (struct fs_site_facts){.in_job = getenv("SLURM_JOB_ID") != NULL};
    char *version = output_of("command -v mpirun >/dev/null && timeout 20 mpirun --version 2>&1");
    char *kinds = output_of("timeout 20 srun --mpi=list 2>&1"); /* "MPI plugin types are...\n\tnone\n\tpmix\n" */
    if (version != NULL) {
        snprintf(facts->mpirun, sizeof facts->mpirun, "%.*s", (int)strcspn(version, "\n"), version);
    }
    const char *list = kinds != NULL ? strstr(kinds, "types are...") : NULL;
    if (list != NULL) {
        copy_words(list + strlen("types are..."), facts->kinds, sizeof facts->kinds);
    }
    free(version);
    free(kinds);
}

static bool is_open_mpi(const char *version)
{
    return strstr(version, "Open MPI") != NULL || strstr(version, "OpenRTE") != NULL ||
           strstr(version, "PRRTE") != NULL || strstr(version, "prterun") != NULL;
}

void fs_doctor_site(struct fs_doctor *doctor, const struct fs_site_facts *facts, const char *libraries, size_t ranks)
{
    bool has_mpirun = facts->mpirun[0] != '\0', has_slurm = facts->kinds[0] != '\0';
    if (!has_mpirun && strstr(facts->kinds, "pmi") == NULL && ranks == 1) {
        fs_doctor_add(doctor, FS_FINDING_WARNING, "site", "load the module of the MPI that the program was built with",
                      "PATH has no mpirun, and there is no srun that knows PMI: nothing can start several ranks");
    } else if (has_mpirun && is_open_mpi(libraries) && !is_open_mpi(facts->mpirun)) {
        fs_doctor_add(doctor, FS_FINDING_WARNING, "site", "load the module of the MPI that the program was built with",
                      "the program has Open MPI, and the mpirun of PATH is \"%s\": each rank would believe to be alone",
                      facts->mpirun);
    } else {
        bool beside = has_slurm && !facts->in_job;
        fs_doctor_add(doctor, FS_FINDING_OK, "site",
                      beside ? "to ask there: sbatch slurm/fairstamp.sbatch doctor JOB.json" : NULL, "%s%s%s%s",
                      has_mpirun ? facts->mpirun : "no mpirun", has_slurm ? "; srun takes " : "", facts->kinds,
                      beside ? "; this is no node of a job: compute nodes may see other folders and modules" : "");
    }
}
