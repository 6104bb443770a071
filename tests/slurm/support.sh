# Sourced by the tests of this folder: a cluster in $scratch/c, ended at the end.
export FAIRSTAMP_SOURCE FAIRSTAMP_PROGRAM
. "$FAIRSTAMP_SOURCE/tests/mpi/support.sh"
export PATH=$PATH:/usr/sbin:/sbin
for program in slurmctld slurmd munged srun unshare; do
    command -v $program >/dev/null || { echo "skipped: no Slurm ($program)"; exit 77; }
done
unshare --uts true 2>/dev/null || unshare --user --map-current-user --keep-caps --uts true 2>/dev/null ||
    { echo "skipped: no UTS namespaces for the nodes of a cluster"; exit 77; }
tests=$FAIRSTAMP_SOURCE/tests/slurm
# jobs find their own scratch places; several ranks share the machine's cores
unset OMPI_MCA_orte_tmpdir_base OMPI_MCA_btl_vader_backing_directory
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 TMPDIR=/tmp
trap '"$tests/cluster_down.sh" "$scratch/c" >/dev/null 2>&1; rm -rf "$scratch"' EXIT
cluster() { # NODES [LINES OF slurm.conf]
    "$tests/cluster_up.sh" "$scratch/c" "$1" 2 "${2:-}" >"$scratch/up" 2>&1 || { cat "$scratch/up"; fail "the cluster does not come up"; finish; }
    . "$scratch/c/env.sh"
}
# until_jobs JOB,...: waits until none of the jobs is in the queue; the limit, an hour, ends what hangs
until_jobs() {
    local tries
    for tries in $(seq 14400); do
        [ -n "$(squeue -h -j "$1" 2>/dev/null)" ] || return 0
        sleep 0.25
    done
    fail "jobs $1 do not end: $(squeue -j "$1")"
    return 1
}
submitted() { grep -o '"'"$1"'":[[:space:]]*"[0-9]*"' "$2/slurm.json" | tail -n 1 | grep -o '[0-9]*"$' | tr -d '"'; } # STAGE FOLDER: the job id, of the last part
# the sweep of the tests: two models, three categories; FOLDER [settings as JSON members...]
write_sweep() {
    cat >"$scratch/sweep.json" <<END
{
  "job": {"data": {"biaske": "$FAIRSTAMP_SOURCE/benchmark/biaske"}, "trace": {"bootstrap": 50}, "evaluate": {"bootstrap": 50},
    "stamp": {"iterations": ${1:-4}, "width": 32, "checkpoint_every": 1}, "checkpoint_seconds": 0.1, "checkpoint_share": 1},
  "models": ["$GOLDEN_MODELS/bert-tiny", "$GOLDEN_MODELS/gpt2-tiny"],
  "categories": ["gender", "race", "religion"]
}
END
}
