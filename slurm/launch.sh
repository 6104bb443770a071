# Sourced by the batch scripts: starts the ranks, hands signals on, keeps the exit code, requeues after 75.
here=${FAIRSTAMP_SLURM:-${SLURM_SUBMIT_DIR:-.}/slurm}
# shellcheck source=slurm/site.sh
. "$here/site.sh"
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

# USR1 comes before the time limit, TERM where the job is cancelled or makes room for another: the ranks save at either. The
# trap is set from the beginning, or a signal before the ranks run would end this shell.
child='' stopped=''
trap 'stopped=${stopped:-USR1}; [ -z "$child" ] || kill -USR1 "$child" 2>/dev/null' USR1
trap 'stopped=TERM; [ -z "$child" ] || kill -USR1 "$child" 2>/dev/null' TERM

if [ "$launcher" = auto ]; then # what this Open MPI was built for; mpirun finds its nodes by Slurm
    mpi=$(ompi_info 2>/dev/null) kinds=$(srun --mpi=list 2>&1)
    if grep -qw pmix <<<"$kinds" && grep -qE 'MCA pmix: (ext|pmix)[0-9]' <<<"$mpi"; then
        launcher="srun --mpi=pmix"
    elif grep -qw pmi2 <<<"$kinds" && grep -q 'MCA pmix: s2' <<<"$mpi"; then
        launcher="srun --mpi=pmi2"
    else
        launcher="mpirun"
    fi
fi
read -ra launch <<<"$launcher"
case ${launch[0]} in
mpirun)
    launch+=(--bind-to "$binding")
    [ "$binding" = none ] || launch+=(--map-by "slot:PE=$OMP_NUM_THREADS")
    ;;
srun) # after a rank's death the others end too, but ranks that all end with 75 are not killed at the first one's end
    launch+=(--cpus-per-task="$OMP_NUM_THREADS" --kill-on-bad-exit=0 --wait=60)
    ;;
esac

# model_of ARGUMENTS OF THE PROGRAM: prints the model's folder: the last --set model=..., or the job file's
model_of() {
    local model='' job=$2 argument last='' name
    for argument in "$@"; do
        case $argument in
        --set=model=*) model=${argument#--set=model=} ;;
        model=*) [ "$last" != --set ] || model=${argument#model=} ;;
        esac
        last=$argument
    done
    if [ -z "$model" ]; then
        model=$(tr '\n' ' ' <"$job" | grep -o '"model"[[:space:]]*:[[:space:]]*"[^"]*"' | head -n 1)
        model=${model%\"} model=${model##*\"}
        while [[ $model =~ \$\{([A-Za-z_][A-Za-z0-9_]*)\} ]]; do
            name=${BASH_REMATCH[1]}
            model=${model/"${BASH_REMATCH[0]}"/"${!name-}"}
        done
        case $model in /*) ;; *) model=$(dirname "$job")/$model ;; esac
    fi
    printf '%s\n' "$model"
}

# copy_model ARGUMENTS OF THE PROGRAM: where a node-local copy is wanted, makes it on all nodes, and `copied` says so to the
# program. A copy is there whole or not at all, also for other jobs on the node; where it fails, the model is read where it is.
copy_model() {
    copied=()
    [ -n "$local_copy" ] || return 0
    local model copy
    model=$(model_of "$@")
    copy=$local_copy/fairstamp-$(id -un)-$( (cd "$model" && pwd -P && ls -lLn --time-style=full-iso) 2>/dev/null | sha256sum | cut -c 1-16)
    # shellcheck disable=SC2016 # the shell on the node expands
    if srun --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpus-per-task=1 --mpi=none bash -c '
        exec 9>"$2.lock" && flock 9 || exit
        [ ! -d "$2" ] || exit 0
        rm -rf "$2.part" && mkdir "$2.part" && cp -rL "$1"/. "$2.part" && mv "$2.part" "$2" || { rm -rf "$2.part"; exit 1; }' \
        copy "$model" "$copy"; then
        # shellcheck disable=SC2034 # for the scripts that source this file
        copied=(--set "model=$copy")
    else
        echo "$0: no copy of $model in $local_copy; it is read where it is" >&2
    fi
}

# start ARGUMENTS...: the program on all ranks; `code` is its exit code. srun and mpirun hand SIGUSR1 on to the ranks. A wait
# ends at a signal; the last one gives the exit code.
start() {
    code=75
    [ -z "$stopped" ] || return 0
    "${launch[@]}" "$program" "$@" &
    child=$!
    wait "$child"
    code=$?
    while [ "$code" -gt 128 ] && kill -0 "$child" 2>/dev/null; do
        wait "$child"
        code=$?
    done
    child=''
    if [ "$code" -eq 138 ] && [ -n "$stopped" ]; then # SIGUSR1 came before the ranks could catch it
        code=75
    fi
}

# end: with `code`; after 75, a stop with all saved, the job is queued again, at most `tries` times. A job that was cancelled
# stays so; one that made room is queued again by Slurm itself.
end() {
    local job=$SLURM_JOB_ID
    [ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
    if [ "$code" -eq 75 ] && [ "$stopped" != TERM ]; then
        if [ "${SLURM_RESTART_COUNT:-0}" -lt "$tries" ]; then
            echo "$0: interrupted after a checkpoint, requeueing $job" >&2
            scontrol requeue "$job" && sleep 30
        else
            echo "$0: interrupted after a checkpoint, and requeued $tries times before; submit it again to go on" >&2
        fi
    fi
    exit "$code"
}
