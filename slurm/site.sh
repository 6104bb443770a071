# What differs between sites: everything here may be set in the environment instead.

program=${FAIRSTAMP_PROGRAM:-fairstamp}
launcher=${FAIRSTAMP_LAUNCHER:-auto}     # auto, or a command such as "mpirun" or "srun --mpi=pmix"
tries=${FAIRSTAMP_TRIES:-5}              # requeue at most so often
local_copy=${FAIRSTAMP_LOCAL_COPY:-}     # a folder on each node, such as /tmp: the model is copied there first
export SLURM_PMIX_FENCE=tree             # srun --mpi=pmix over several nodes can fail in MPI_Init without it
unset OPENBLAS_CORETYPE                  # it would force another processor's kernels
