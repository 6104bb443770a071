#!/usr/bin/env bash
# What goes wrong on a cluster, on a real Slurm of three virtual nodes: the signal before a time limit in each stage, a
# requeue, a cancelled task, a node that goes down, a killed launcher, a full disk, an output that cannot be written. After
# each the sweep goes on to the bits of a run that nobody disturbed, and status and exit codes tell what happened.
. "$(dirname "$0")/support.sh"
cd "$scratch" || exit 1
cat >sweep.json <<END
{
  "job": {"data": {"biaske": "$FAIRSTAMP_SOURCE/benchmark/biaske"},
    "trace": {"kinds": "all", "bootstrap": 2000}, "evaluate": {"bootstrap": 4000},
    "stamp": {"iterations": 60, "width": 64, "checkpoint_every": 2}, "checkpoint_seconds": 0.2, "checkpoint_share": 1},
  "models": ["$GOLDEN_MODELS/gpt2-tiny"], "categories": [["gender", "race", "religion"]]
}
END
cell=gpt2-tiny.gender+race+religion
pattern=${cell//+/[+]} # of regular expressions
expect 0 "$fairstamp" sweep plan sweep.json undisturbed --no-estimate
expect 0 "$fairstamp" sweep run undisturbed
cluster 3
options=(--scripts "$FAIRSTAMP_SOURCE/slurm" --sbatch "--ntasks=1 --cpus-per-task=1 --time=20")
tally=()

begin() { # FOLDER: plans and submits
    sweep=$1
    expect 0 "$fairstamp" sweep plan sweep.json "$sweep" --no-estimate
    expect 0 "$fairstamp" sweep submit "$sweep" "${options[@]}"
}
resume() { expect 0 "$fairstamp" sweep resume "$sweep" "${options[@]}"; }
jobs() { echo "$(submitted trace "$sweep"),$(submitted train "$sweep"),$(submitted evaluate "$sweep"),$(submitted merge "$sweep")"; }
# until the stage has saved something, or is done
until_saved() { # STAGE
    until [ -n "$(find "$sweep/cells/$cell" -name "$1*.part.h5" 2>/dev/null)" ] || [ -e "$sweep/cells/$cell/$1.h5" ]; do
        sleep 0.02
    done
}
ended() { scontrol show job "$1" 2>/dev/null | grep -oE "$2=[^ ]*" | tail -n 1 | cut -d= -f2; } # JOB FIELD
finished() { # NAME: nothing in the queue, all done, the same bits
    until_jobs "$(jobs)"
    local stage
    for stage in trace stamp evaluate; do
        "$fairstamp" verify --equal "$sweep/cells/$cell/$stage.h5" "undisturbed/cells/$cell/$stage.h5" >verdict 2>&1 ||
            { fail "$1: $(cat verdict)"; tail -n 3 "$sweep"/logs/*; }
    done
    expect 0 "$fairstamp" verify "$sweep/archive.h5"
    [ -z "$(find "$sweep/cells" -name '*.part.h5')" ] || fail "$1: partial results are left"
    tally+=("$1")
}
status_is() { # TEXT
    expect 0 "$fairstamp" sweep status "$sweep"
    grep -qE -- "$1" out || fail "status lacks $1: $(cat out)"
}

# the signal that Slurm sends before the time limit, in each stage: saved, 75, queued again, gone on
for stage in trace stamp evaluate; do
    begin "limit-$stage"
    until_saved $stage
    scancel --signal=USR1 --batch "$(submitted $stage "$sweep")_0"
    finished "signal before the time limit in $stage"
done

# requeued by hand: no time to save, gone on from the last save
begin requeued
until_saved stamp
scontrol requeue "$(submitted train "$sweep")_0" || fail "scontrol requeue"
until "$fairstamp" sweep status "$sweep" 2>/dev/null | grep -qE "^$pattern +done +(REQUEUED|done)"; do sleep 0.2; done
status_is "^$pattern +done +REQUEUED" # it waits some seconds for its new start
finished requeue

# a cancelled task: what depends on it is cancelled, the merge names the cell
begin cancelled
until_saved stamp
scancel "$(submitted train "$sweep")_0"
until_jobs "$(jobs)"
status_is "^$pattern +done +CANCELLED"
grep -q "cell $cell is not complete" "$sweep"/logs/slurm-fairstamp-merge-* || fail "the merge does not name the cell"
[ "$(ended "$(submitted merge "$sweep")" ExitCode)" = 1:0 ] || fail "exit code of the merge"
resume
finished "cancelled task"

# a node goes down in the middle: its daemon, its step's daemon and the ranks die at once
begin down
until_saved trace
node=$(squeue -h -j "$(submitted trace "$sweep")" -o %N)
kill -9 "$(cat "$scratch/c/run/slurmd-$node.pid")"
pkill -9 -f 'slurmstepd: \[' # this job's are the only ones; before the ranks, or they would report a failure of the job
pkill -9 -f "$scratch/c/$node/spool"
pkill -9 -f "$sweep/jobs/$pattern.json"
scontrol update nodename="$node" state=down reason=test
finished "node down"
"$tests/node_up.sh" "$scratch/c" "${node#n}"
scontrol update nodename="$node" state=resume 2>/dev/null

# the launcher is killed
begin launcher
until_saved stamp
pkill -9 -o -f "srun .*$sweep/jobs/$pattern.json" || pkill -9 -o -f "mpirun .*$sweep/jobs/$pattern.json" || fail "there is no launcher to kill"
until_jobs "$(jobs)"
status_is "^$pattern +done +(FAILED|CANCELLED|done)"
pkill -9 -f "stamp $sweep/jobs/$pattern.json" # an orphan may still write: its results are the same, but it would be in the way
resume
finished "killed launcher"

# an output that cannot be written: a file stands in its place
begin unwritable
scancel "$(jobs | tr , ' ')" 2>/dev/null || scancel $(jobs | tr , ' ')
until_jobs "$(jobs)"
rm -rf "$sweep/cells"
touch "$sweep/cells"
resume
until_jobs "$(jobs)"
status_is "^$pattern +FAILED"
[ "$(ended "$(submitted trace "$sweep")_0" ExitCode)" = 73:0 ] || fail "exit code of an output that cannot be written: $(ended "$(submitted trace "$sweep")_0" ExitCode)"
rm "$sweep/cells"
resume
finished "output that cannot be written"

# a full disk
mkdir full
if mount -t tmpfs -o size=48k none full 2>/dev/null; then
    trap '"$tests/cluster_down.sh" "$scratch/c" >/dev/null 2>&1; umount "$scratch/full"; rm -rf "$scratch"' EXIT
    sweep=fullsweep
    expect 0 "$fairstamp" sweep plan sweep.json "$sweep" --no-estimate
    mkdir -p full/cells
    ln -s "$scratch/full/cells" "$sweep/cells"
    resume
    until_jobs "$(jobs)"
    code=$(ended "$(submitted trace "$sweep")_0" ExitCode)
    case $code in 73:0 | 74:0) ;; *) fail "exit code of a full disk: $code" ;; esac
    status_is "^$pattern +FAILED"
    mount -o remount,size=64m full
    resume
    finished "full disk"
    umount full
    trap '"$tests/cluster_down.sh" "$scratch/c" >/dev/null 2>&1; rm -rf "$scratch"' EXIT
else
    echo "full disk: not tried, a tmpfs needs root"
fi
printf 'gone on to the same bits after: %s\n' "${tally[@]}"
finish
