# Read by the batch scripts after site.sh: starts the ranks, hands signals on, ends a launcher that hangs, keeps the exit code,
# requeues after 75.
node=${SLURMD_NODENAME:-$(hostname)}
grace=10 # seconds that a launcher has after TERM
say() { echo "launch: $*" >&2; }
lacks() { # TEXT: what this node lacks, and the end
    say "$*"
    exit 66
}

# prepare FOLDER: to be called before anything else that takes time. FOLDER, which all nodes see, is where the ranks' sign of life is
# put, or the working folder where there is none.
prepare() {
    # USR1 comes before the time limit, TERM where the job is cancelled or makes room for another: the ranks save at either.
    # A signal before the ranks run would otherwise end this shell.
    child='' stopped=''
    trap 'stopped=${stopped:-USR1}; [ -z "$child" ] || kill -USR1 "$child" 2>/dev/null' USR1
    trap 'stopped=TERM; [ -z "$child" ] || kill -USR1 "$child" 2>/dev/null' TERM
    export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
    case $tries/$patience in
    *[!0-9/]* | /* | */) lacks "found tries \"$tries\" and patience \"$patience\", expected whole numbers; mend the site file" ;;
    esac
    signs=$(cd "$1" 2>/dev/null && pwd -P) || signs=$PWD
    if [ "$patience" -gt 0 ] && [ ! -w "$signs" ]; then
        say "$signs cannot be written on node $node; a launcher that hangs is not noticed"
        patience=0
    fi
    find_program
    find_launcher
    look_at_node
}

# find_program: `program` as a path; what it lacks is said here, for each rank would say it in its own words.
find_program() {
    local path missing beside
    path=$(command -v -- "$program")
    if [ -z "$path" ] && [ "$program" = fairstamp ]; then
        for beside in "$FAIRSTAMP_SLURM/../../../bin/fairstamp" "$FAIRSTAMP_SLURM/../build/pipeline/fairstamp"; do
            [ ! -x "$beside" ] || path=$beside
        done
    fi
    [ -n "$path" ] || lacks "the program $program is not on node $node, where PATH is $PATH; load its module, or set program, in a site file"
    program=$path
    missing=$(ldd "$program" 2>/dev/null | awk '/not found/ && !seen[$1]++ { printf "%s ", $1 }')
    [ -z "$missing" ] || lacks "libraries of $program are not found on node $node: ${missing% }; load the modules it was built with in a site file"
}

# find_launcher: `launch`, the words that start the ranks. auto: what this Open MPI was built for; mpirun finds its nodes by Slurm.
find_launcher() {
    local mpi kinds
    case $launcher in auto | srun* | */srun*) mpi=$(ompi_info 2>/dev/null) kinds=$(srun --mpi=list 2>&1) ;; esac
    if [ "$launcher" = auto ]; then
        if grep -qw pmix <<<"$kinds" && grep -qE 'MCA pmix: (ext|pmix)[0-9]' <<<"$mpi"; then
            launcher="srun --mpi=pmix"
        elif grep -qw pmi2 <<<"$kinds" && grep -q 'MCA pmix: s2' <<<"$mpi"; then
            launcher="srun --mpi=pmi2"
        elif command -v mpirun >/dev/null; then
            launcher=mpirun
        else
            lacks "node $node has no mpirun in PATH, and srun's kinds of MPI ($(tr -s '\n\t ' ' ' <<<"$kinds")) are none this Open MPI is known to take; load its module, or set launcher, in a site file"
        fi
    fi
    read -ra launch <<<"$launcher"
    command -v -- "${launch[0]}" >/dev/null || lacks "the launcher ${launch[0]} is not on node $node; load its module, or set launcher, in a site file"
    case ${launch[0]##*/} in
    mpirun)
        launch+=(--bind-to "$binding")
        [ "$binding" = none ] || launch+=(--map-by "slot:PE=$OMP_NUM_THREADS")
        ;;
    srun) # after a rank's death the others end too, but ranks that all end with 75 are not killed at the first one's end
        check_kind "$mpi" "$kinds"
        launch+=(--cpus-per-task="$OMP_NUM_THREADS" --kill-on-bad-exit=0 --wait=60)
        ;;
    esac
}

# check_kind TEXT OF ompi_info, OF srun --mpi=list: whether srun can tell the ranks of each other. Open MPI 5 names no PMIx.
check_kind() {
    local kind=${SLURM_MPI_TYPE:-} word
    for word in "${launch[@]}"; do
        case $word in --mpi=*) kind=${word#--mpi=} ;; esac
    done
    [ -n "$kind" ] || kind=$(scontrol show config 2>/dev/null | sed -n 's/^MpiDefault *= *//p')
    [ -n "$kind" ] || return 0
    grep -qw -- "$kind" <<<"$2" || lacks "this Slurm's srun knows no --mpi=$kind; it has: $(tr -s '\n\t ' ' ' <<<"$2")"
    case $kind in
    none | pmi2)
        [ -z "$1" ] || [ "${SLURM_NTASKS:-1}" = 1 ] || grep -qE 'MCA pmix: s[12]' <<<"$1" ||
            lacks "this Open MPI knows nothing of srun --mpi=$kind, and each rank would believe to be alone; set launcher to auto or mpirun in a site file"
        ;;
    esac
}

# look_at_node: says what may go wrong here, and goes on.
look_at_node() {
    local folder=${TMPDIR:-/tmp} left
    left=$(df -Pk "$folder" 2>/dev/null | awk 'NR == 2 { print $4 }')
    if [ -z "$left" ] || [ ! -w "$folder" ]; then
        say "$folder cannot be written on node $node: Open MPI keeps its files there; set TMPDIR in a site file"
    elif [ "$left" -lt 16384 ]; then
        say "$folder on node $node has $left KiB left: Open MPI keeps its files there; set TMPDIR in a site file"
    fi
}

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
    local model copy
    [ -r "$2" ] || return 0 # the program says so
    model=$(model_of "$@")
    [ -d "$model" ] || say "the model's folder $model is not on node $node; is it on a file system that only other nodes have?"
    [ -n "$local_copy" ] && [ -d "$model" ] || return 0
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
        say "no copy of $model in $local_copy; it is read where it is"
    fi
}

# processes_below PID: all that it has started, and what these have
processes_below() {
    local process
    for process in $(ps -o pid= --ppid "$1"); do
        processes_below "$process"
        echo "$process"
    done
}

# until_gone PID: whether it ends within `grace` seconds
until_gone() {
    local _
    for _ in $(seq $((5 * grace))); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.2
    done
    return 1
}

# end_launcher: TERM, then KILL, for the launcher, what it has started here, and its steps on the other nodes
end_launcher() {
    local below step
    below=$(processes_below "$child")
    kill -TERM "$child" 2>/dev/null
    until_gone "$child"
    for step in $(squeue -h -s -j "$SLURM_JOB_ID" -o %i 2>/dev/null); do
        case $step in *.[0-9]*) scancel --signal=KILL "$step" 2>/dev/null ;; esac
    done
    # shellcheck disable=SC2086 # several words
    kill -KILL "$child" $below 2>/dev/null
    until_gone "$child" && wait "$child" 2>/dev/null
}

# until_connected SIGN: whether the ranks make it, or the launcher ends by itself, within `patience` seconds. After a stop they
# have little time left.
until_connected() {
    local begin=$SECONDS limit=$patience told=''
    while [ ! -e "$1" ] && kill -0 "$child" 2>/dev/null; do
        if [ -n "$stopped" ] && [ -z "$told" ]; then
            told=yes limit=$((SECONDS - begin + grace))
        fi
        [ $((SECONDS - begin)) -lt "$limit" ] || return 1
        sleep 0.2
    done
}

# gives_sign ARGUMENTS...: commands that need no ranks, such as verify or a sweep without --group, know no sign of life, and wait
# for nobody
gives_sign() {
    local help
    case "$* " in
    "sweep "*" --group"[=\ ]*) ;;
    "sweep "*) return 1 ;;
    esac
    ! help=$("$program" "$1" --help 2>/dev/null) || grep -q -- --connected <<<"$help"
}

# launch_once ARGUMENTS...: `code`; fails where the launcher hung and was ended. srun and mpirun hand SIGUSR1 on to the ranks. A
# wait ends at a signal; the last one gives the exit code.
launch_once() {
    local sign=''
    if [ "$patience" -gt 0 ] && gives_sign "$@"; then
        sign=$signs/.connected-$SLURM_JOB_ID-${SLURM_RESTART_COUNT:-0}
        rm -f "$signs/.connected-$SLURM_JOB_ID"-* # also of an earlier turn that was killed
        set -- "$@" --connected "$sign"
    fi
    "${launch[@]}" "$program" "$@" &
    child=$!
    if [ -n "$sign" ] && ! until_connected "$sign"; then
        end_launcher
        child=''
        rm -f "$sign" # it may have come after all
        return 1
    fi
    wait "$child"
    code=$?
    while [ "$code" -gt 128 ] && kill -0 "$child" 2>/dev/null; do
        wait "$child"
        code=$?
    done
    child=''
    [ -z "$sign" ] || rm -f "$sign"
}

# start ARGUMENTS...: the program on all ranks; `code` is its exit code, 75 where it is to be started again in a new turn.
start() {
    local again begin
    code=75
    for again in "is started again" "is left to a new turn"; do
        [ -z "$stopped" ] || return 0
        begin=$SECONDS
        if launch_once "$@"; then
            [ "$code" -ne 138 ] || [ -z "$stopped" ] || code=75 # SIGUSR1 came before the ranks could catch it
            return 0
        fi
        code=75
        [ -z "$stopped" ] || again="is left to a new turn"
        say "the ranks on ${SLURM_JOB_NODELIST:-$node} have not found each other in $((SECONDS - begin)) s (setting patience: $patience); ${launch[0]} is ended, the job $again"
    done
}

# end: with `code`; after 75, a stop with all saved, the job is queued again, at most `tries` times. A job that was cancelled
# stays so; one that made room is queued again by Slurm itself.
end() {
    local job=$SLURM_JOB_ID
    [ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
    if [ "$code" -eq 75 ] && [ "$stopped" != TERM ]; then
        if [ "${SLURM_RESTART_COUNT:-0}" -lt "$tries" ]; then
            say "interrupted, what was done is saved; requeueing $job"
            scontrol requeue "$job" && sleep 30
        else
            say "interrupted, and requeued $tries times before; submit it again to go on"
        fi
    fi
    exit "$code"
}
