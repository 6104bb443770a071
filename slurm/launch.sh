# Sourced by the batch scripts: starts the ranks, hands on SIGUSR1, keeps the exit code, requeues after 75.
here=${FAIRSTAMP_SLURM:-${SLURM_SUBMIT_DIR:-.}/slurm}
. "$here/site.sh"
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

if [ "$launcher" = auto ]; then # what this Open MPI was built for; mpirun finds its nodes by Slurm
    mpi=$(ompi_info 2>/dev/null) kinds=$(srun --mpi=list 2>&1)
    if grep -qw pmix <<<"$kinds" && grep -qE 'MCA pmix: (ext|pmix)[0-9]' <<<"$mpi"; then
        launcher="srun --mpi=pmix --kill-on-bad-exit=1"
    elif grep -qw pmi2 <<<"$kinds" && grep -q 'MCA pmix: s2' <<<"$mpi"; then
        launcher="srun --mpi=pmi2 --kill-on-bad-exit=1"
    else
        launcher="mpirun"
    fi
fi
launch=($launcher)
case ${launch[0]} in
mpirun) launch+=(--bind-to none) ;;
srun) launch+=(--cpus-per-task="$OMP_NUM_THREADS") ;;
esac

# copy_model JOB.json: prints --set model=COPY, where a node-local copy is wanted
copy_model() {
    [ -n "$local_copy" ] || return 0
    local model copy
    model=$(sed -n 's/^[[:space:]]*"model":[[:space:]]*"\(.*\)",\{0,1\}$/\1/p' "$1" | head -n 1)
    case $model in /*) ;; *) model=$(dirname "$1")/$model ;; esac
    copy=$local_copy/fairstamp-model-$(cd "$model" && pwd -P | sha256sum | cut -c 1-16)
    srun --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --mpi=none sh -c \
        '[ -e "$2/complete" ] || { mkdir -p "$2" && cp -rL "$1"/. "$2" && touch "$2/complete"; }' copy "$model" "$copy" &&
        printf -- '--set model=%s\n' "$copy"
}

# start ARGUMENTS...: the program on all ranks; `code` is its exit code. srun and mpirun hand SIGUSR1 on to the ranks. The
# first wait ends at the signal, the second gives the exit code.
start() {
    "${launch[@]}" "$program" "$@" &
    child=$!
    trap 'kill -USR1 "$child" 2>/dev/null' USR1
    wait "$child"
    code=$?
    while [ "$code" -gt 128 ] && kill -0 "$child" 2>/dev/null; do
        wait "$child"
        code=$?
    done
}

# end: with `code`; after 75, a stop with all saved, the job is queued again, at most `tries` times
end() {
    if [ "$code" -eq 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$tries" ]; then
        local job=$SLURM_JOB_ID
        [ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
        echo "$0: interrupted after a checkpoint, requeueing $job" >&2
        scontrol requeue "$job" && sleep 30
    fi
    exit "$code"
}
