#!/usr/bin/env bash
# Stop file, --max-seconds, kills: what was saved is not computed again, on other numbers of ranks too, and the files have the
# bits of an undisturbed run. Counts come from the ranks' logs; no check depends on how fast the machine is.
. "$(dirname "$0")/support.sh"
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
all_stages="trace stamp evaluate layer_sweep"
settings=("$FAIRSTAMP_SOURCE/demo/job.json" --set "model=$GOLDEN_MODELS/gpt2-tiny" --set checkpoint_seconds=0.02
    --set checkpoint_share=1 --set stamp.checkpoint_every=3 --set stamp.width=64 --set stamp.iterations=40
    --set stamp.frames=2 --set trace.heat_map=true --set trace.attribution=true --set layers.compare=all
    --set trace.bootstrap=100 --set evaluate.bootstrap=100)
job() { # CODE RANKS COMMAND OUTPUT OPTIONS...
    local code=$1 ranks=$2 command=$3 output=$4
    shift 4
    rm -rf logs
    expect "$code" mpirun -n "$ranks" "$fairstamp" "$command" "${settings[@]}" --set "output=$output" --log-dir logs "$@"
}
equal() {
    local stage
    for stage in $all_stages; do
        "$fairstamp" verify --equal "$1/$stage.h5" undisturbed/$stage.h5 >/dev/null 2>verdict || fail "$(cat verdict)"
    done
    [ -z "$(find "$1" -name '*.part.h5')" ] || fail "partial results are left: $(ls "$1")"
}
# start RANKS OUTPUT: in the background, with logs
start() {
    rm -rf logs
    : >err
    mpirun -n "$1" "$fairstamp" run "${settings[@]}" --set "output=$2" --log-dir logs "${@:3}" >out 2>err </dev/null &
    mpirun_pid=$!
}
# logged PATTERN: until a rank's log has it, or the job ends
logged() {
    until grep -qE "$1" logs/rank-*.log 2>/dev/null || ! kill -0 $mpirun_pid 2>/dev/null; do
        sleep 0.01
    done
}
taken() { cat logs/rank-*.log | grep -c " $1: unit [0-9]* taken$"; }
last_number() { grep -oE "$1" "${@:2}" | tail -n 1 | grep -oE '[0-9]+' | head -n 1; }

job 0 2 run "$scratch/undisturbed"
equal undisturbed
# logs: a file a rank; who, with what; units, saves, memory
for rank in 0 1; do
    for words in "rank $rank of 2 on node .*, Open MPI .*HDF5 .*OpenBLAS" 'trace sublayers: unit [0-9]* taken' 'memory: .* MiB at the end'; do
        grep -qE "$words" logs/rank-$rank.log || fail "logs/rank-$rank.log lacks: $words"
    done
done
grep -qE 'scores: saved [0-9]+ of' logs/rank-0.log || fail "no save in the log"
units=$(taken 'trace sublayers')
[ "$(cat logs/rank-*.log | grep 'trace sublayers: unit [0-9]* taken' | sort -k4 -n | awk '{print $6}' | sort -u | wc -l)" = "$units" ] ||
    fail "a unit was taken twice"
# the cost of saves is in the words and in the provenance
grep -qE 'trace: published .* saves? took [0-9.]+ s, [0-9.]+ %' err || fail "no cost of saves: $(cat err)"
expect 0 "$fairstamp" inspect undisturbed/trace.h5
for name in stage_seconds saves save_seconds; do
    grep -q "$name" out || fail "provenance lacks $name"
done
# with a share for saves the bits are the same (that it is kept: tests/unit/pipeline/test_save_clock.c, tests/bench/saves.sh)
expect 0 mpirun -n 2 "$fairstamp" run "${settings[@]}" --set checkpoint_share=0.02 --set "output=$scratch/default" --format json
equal default

# a stop file that is there: nothing is begun
touch stop
job 75 2 run "$scratch/early" --stop-file stop
says 'run the same command again'
says 'remove it before the next run'
[ ! -e early/trace.h5 ] || fail "a stop file did not stop"
rm stop
job 75 2 run "$scratch/early" --max-seconds 0
[ "$(cat logs/*.log | grep -c taken)" = 0 ] || fail "--max-seconds 0 began a unit"

# a stop file in the middle of each stage: all ranks stop, the same bits later, and what is saved is not done again
ranks=1
for moment in 'trace sublayers: unit [0-9]*5 done' 'trace attribution: unit [0-9]+ done' 'stage stamp' 'stamp: step .* saved' 'scores: unit [0-9]+ done' 'layer_sweep: step .* saved' \
    'layer_sweep: layer 0 done'; do
    rm -rf stopped stop
    ranks=$((ranks % 4 + 1))
    start $ranks "$scratch/stopped" --stop-file stop
    logged "$moment"
    touch stop
    wait $mpirun_pid
    code=$?
    [ $code = 75 ] || [ $code = 0 ] || { fail "exit code $code, stopped at: $moment"; cat err; }
    rm stop
    [ $code = 0 ] || says 'run the same command again'
    done_units=$(last_number 'trace sublayers: [0-9]+ of [0-9]+ units are done and saved' err)
    step=$(last_number 'stopped after iteration [0-9]+' err)
    job 0 $((ranks % 4 + 1)) run "$scratch/stopped"
    if [ -n "$done_units" ]; then
        [ $((done_units + $(taken 'trace sublayers'))) = "$units" ] ||
            fail "$done_units of $units units were saved, and $(taken 'trace sublayers') were done again"
    fi
    [ -z "$step" ] || grep -q "from step $step of an earlier run" err || fail "step $step was not gone on from: $(cat err)"
    equal stopped
done

# --max-seconds, again and again, a stage at a time: every run saves, and at last there is nothing left to do
for stage in $all_stages; do
    for attempt in $(seq 1 30); do # by half as much again each time, so that it ends on a slow machine too
        expect_code=$(mpirun -n $((attempt % 4 + 1)) "$fairstamp" $stage "${settings[@]}" --set "output=$scratch/limited" \
            --max-seconds "$(awk "BEGIN { print 0.1 * 1.5 ^ ($attempt - 1) }")" >out 2>err </dev/null; echo $?)
        [ "$expect_code" = 75 ] || break
        says 'run the same command again'
    done
    [ "$expect_code" = 0 ] || { fail "$stage with --max-seconds: exit code $expect_code"; cat err; }
done
equal limited

# killed with signal 9: what the last save holds is not computed again
start 2 "$scratch/killed"
logged 'trace sublayers: saved [0-9]{2,} of'
kill -9 "$(pgrep -P $mpirun_pid | tail -n 1)" 2>/dev/null
wait $mpirun_pid 2>/dev/null
saved=$(last_number 'trace sublayers: saved [0-9]+ of' logs/rank-0.log)
job 0 3 run "$scratch/killed"
if [ ! -s killed/none ] && grep -q 'trace sublayers: .* from an earlier run' err; then
    resumed=$(last_number 'trace sublayers: [0-9]+ of [0-9]+ are there' err)
    [ "$resumed" -ge "$saved" ] || fail "$saved units were saved, $resumed were gone on from"
    [ $((resumed + $(taken 'trace sublayers'))) = "$units" ] || fail "$resumed units were there, $(taken 'trace sublayers') were done again"
else
    grep -q 'trace: done before' err || fail "the trace was begun anew: $(cat err)"
fi
equal killed

# errors say where they arose, and with which libraries, on a second line; a request to stop is no error
expect 73 mpirun -n 3 "$fairstamp" run "${settings[@]}" --set "output=$scratch/logs/rank-0.log/below"
says 'on node '
grep -qE '^fairstamp: \(rank 0 of 3 on node .*; fairstamp [0-9.]+, Open MPI .*, HDF5 .*, OpenBLAS .*\)$' err || fail "no place: $(cat err)"
touch file
expect 73 mpirun -n 2 "$fairstamp" run "${settings[@]}" --set "output=$scratch/o" --log-dir file
says '--log-dir'
expect 64 "$fairstamp" run "${settings[@]}" --max-seconds soon
expect 64 "$fairstamp" run "${settings[@]}" --max-seconds -1
finish
