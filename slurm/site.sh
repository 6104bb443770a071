# What differs between sites: everything here may be set in the environment instead.
# shellcheck disable=SC2034 # the scripts that source this file use them

program=${FAIRSTAMP_PROGRAM:-fairstamp}
launcher=${FAIRSTAMP_LAUNCHER:-auto}     # auto, or a command such as "mpirun" or "srun --mpi=pmix"
binding=${FAIRSTAMP_BINDING:-none}       # mpirun: none, a rank runs on all cores of the job's share of its node; core: on its own
tries=${FAIRSTAMP_TRIES:-5}              # requeue at most so often
local_copy=${FAIRSTAMP_LOCAL_COPY:-}     # a folder on each node, such as /tmp: the model is copied there first
export SLURM_PMIX_FENCE=tree             # srun --mpi=pmix over several nodes can fail in MPI_Init without it
unset OPENBLAS_CORETYPE                  # it would force another processor's kernels
