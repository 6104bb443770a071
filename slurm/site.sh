# What differs between sites. Each setting may be set in the environment instead, or in a file of your own that is read after
# this one: sweep submit --site FILE, sbatch fairstamp.sbatch --site FILE. Sweep submit notes both in the scripts that it submits.
# Modules that the program needs are loaded here or there. A batch script that gets no environment (SBATCH_EXPORT=NONE) reads
# no /etc/profile either, and does not know `module` before a line such as
#     . /etc/profile.d/modules.sh && module load gcc openmpi
# shellcheck disable=SC2034 # the scripts that source this file use them

program=${FAIRSTAMP_PROGRAM:-fairstamp}  # in PATH, or a path; else the one that these scripts belong to
launcher=${FAIRSTAMP_LAUNCHER:-auto}     # auto, or a command such as "mpirun" or "srun --mpi=pmix"
binding=${FAIRSTAMP_BINDING:-none}       # mpirun: none, a rank runs on all cores of the job's share of its node; core: on its own
tries=${FAIRSTAMP_TRIES:-5}              # requeue at most so often
patience=${FAIRSTAMP_PATIENCE:-300}      # seconds in which the ranks must have found each other, or the launcher hangs; 0: any
local_copy=${FAIRSTAMP_LOCAL_COPY:-}     # a folder on each node, such as /tmp: the model is copied there first
export SLURM_PMIX_FENCE=tree             # srun --mpi=pmix over several nodes can fail in MPI_Init without it
# mpirun notices within half a minute that a node is lost; Open MPI's own setting takes eight
export OMPI_MCA_oob_tcp_keepalive_time=${OMPI_MCA_oob_tcp_keepalive_time:-10}
export OMPI_MCA_oob_tcp_keepalive_intvl=${OMPI_MCA_oob_tcp_keepalive_intvl:-5}
export OMPI_MCA_oob_tcp_keepalive_probes=${OMPI_MCA_oob_tcp_keepalive_probes:-3}
unset OPENBLAS_CORETYPE                  # it would force another processor's kernels
unset SLURM_EXPORT_ENV SRUN_EXPORT_ENV   # of sbatch --export=NONE: srun would keep the environment from the ranks as well
