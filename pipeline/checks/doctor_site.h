/* The doctor on what a site brings: programs that start ranks, Slurm. Local. */
#ifndef FAIRSTAMP_PIPELINE_CHECKS_DOCTOR_SITE_H
#define FAIRSTAMP_PIPELINE_CHECKS_DOCTOR_SITE_H

#include "pipeline/checks/doctor.h"

struct fs_site_facts {
    char mpirun[128]; /* the first line of mpirun --version; "" where PATH has none */
    char kinds[256];  /* srun --mpi=list in one line; "" where there is no Slurm */
    bool in_job;      /* this process is part of a Slurm job */
};
void fs_site_facts_get(struct fs_site_facts *facts); /* starts these programs */

/* `libraries`: fs_libraries_text; the launcher must be of the same MPI. */
void fs_doctor_site(struct fs_doctor *doctor, const struct fs_site_facts *facts, const char *libraries, size_t ranks);

#endif
