/* What the doctor says of a made-up site. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/checks/doctor_site.h"

#define LIBRARIES "fairstamp 0.1.0, Open MPI v4.1.4, HDF5 1.10.8"

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

static void launchers(void **state)
{
    (void)state;
    struct fs_doctor doctor = {0};
    struct fs_site_facts site = {.mpirun = "mpirun (Open MPI) 4.1.4"};
    fs_doctor_site(&doctor, &site, LIBRARIES, 1);
    expect_last(&doctor, FS_FINDING_OK, "mpirun (Open MPI) 4.1.4");
    snprintf(site.kinds, sizeof site.kinds, "none pmi2 pmix");
    fs_doctor_site(&doctor, &site, LIBRARIES, 1);
    expect_last(&doctor, FS_FINDING_OK, "srun takes none pmi2 pmix; this is no node of a job");
    assert_non_null(strstr(doctor.finding[1].fix, "sbatch"));
    site.in_job = true;
    fs_doctor_site(&doctor, &site, LIBRARIES, 4);
    assert_string_equal(doctor.finding[2].text, "mpirun (Open MPI) 4.1.4; srun takes none pmi2 pmix");

    /* another MPI's mpirun: what MPICH, Intel MPI and Open MPI 5 print */
    static const struct {
        const char *line;
        enum fs_finding_state state;
    } versions[] = {{"HYDRA build details:", FS_FINDING_WARNING},
                    {"Intel(R) MPI Library for Linux* OS, Version 2021.9", FS_FINDING_WARNING},
                    {"mpirun (Open MPI) 5.0.3", FS_FINDING_OK}};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        snprintf(site.mpirun, sizeof site.mpirun, "%s", versions[i].line);
        fs_doctor_site(&doctor, &site, LIBRARIES, 1);
        expect_last(&doctor, versions[i].state, versions[i].line);
    }

    /* nothing is loaded; but where several ranks were started all the same, something has started them */
    site = (struct fs_site_facts){.kinds = "none"};
    fs_doctor_site(&doctor, &site, LIBRARIES, 1);
    expect_last(&doctor, FS_FINDING_WARNING, "PATH has no mpirun");
    fs_doctor_site(&doctor, &site, LIBRARIES, 2);
    expect_last(&doctor, FS_FINDING_OK, "no mpirun");
    snprintf(site.kinds, sizeof site.kinds, "none pmix");
    fs_doctor_site(&doctor, &site, LIBRARIES, 1);
    expect_last(&doctor, FS_FINDING_OK, "no mpirun; srun takes none pmix");
}

static void stand_in(const char *folder, const char *name, const char *lines)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", lines);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static void facts_of_programs(void **state)
{
    (void)state;
    char folder[] = "/tmp/fairstamp-site-XXXXXX", path[512], file[256];
    struct fs_site_facts site;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", folder);
    setenv("PATH", path, 1);
    setenv("SLURM_JOB_ID", "7", 1);
    stand_in(folder, "mpirun", "echo 'HYDRA build details:'; echo '  Version: 4.1'");
    stand_in(folder, "srun", "printf 'MPI plugin types are...\\n\\tnone\\n\\tpmix\\n specific: pmix_v4\\n' >&2");
    fs_site_facts_get(&site);
    assert_string_equal(site.mpirun, "HYDRA build details:");
    assert_string_equal(site.kinds, "none pmix specific: pmix_v4");
    assert_true(site.in_job);
    unsetenv("SLURM_JOB_ID");
    stand_in(folder, "srun", "echo 'srun: fatal: Could not establish a configuration source' >&2; exit 1");
    fs_site_facts_get(&site);
    assert_string_equal(site.kinds, ""); /* Slurm is installed, and there is no cluster */
    assert_false(site.in_job);
    static const char *const names[] = {"mpirun", "srun"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(file, sizeof file, "%s/%s", folder, names[i]);
        assert_int_equal(unlink(file), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(launchers),
        cmocka_unit_test(facts_of_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
