#!/usr/bin/env bash
# Jobs that share an output folder at one time, and saved progress of another job: nothing is computed twice into one file,
# nothing is overwritten, and no lock is left for a person. Who is dead and when: tests/unit/io/test_lock.c.
. "$(dirname "$0")/support.sh"
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
job=("$FAIRSTAMP_SOURCE/demo/job.json" --set "model=$GOLDEN_MODELS/gpt2-tiny" --set stamp.width=64 --set stamp.layer=1
    --set stamp.iterations=4 --set trace.bootstrap=50 --set evaluate.bootstrap=50 --quiet)
endless=("${job[@]}" --set stamp.iterations=100000 --set stamp.checkpoint_every=5
    --set checkpoint_share=1)
lock=shared/fairstamp.lock
# start COMMAND...: in the background, until it has the lock
start() {
    rm -f $lock
    "$fairstamp" "$@" >holder.out 2>holder.err </dev/null &
    holder=$!
    until [ -e $lock ] || ! kill -0 $holder 2>/dev/null; do sleep 0.01; done
}
ends() { # CODE: the holder does
    wait $holder
    local code=$?
    [ $code = "$1" ] || { fail "the holder ends with $code, expected $1"; cat holder.err; }
}
until_there() { until [ -e "$1" ] || ! kill -0 $holder 2>/dev/null; do sleep 0.01; done; }

expect 0 "$fairstamp" run "${job[@]}" --set output=alone

# other settings: refused at once, by the name of who is there
start run "${endless[@]}" --set output=shared
until_there shared/stamp.part.h5
saved=$(sha256sum <shared/trace.h5)
expect 76 "$fairstamp" run "${job[@]}" --set output=shared --set seed=2
says "process $holder on "
says 'choose another output'
expect 76 "$fairstamp" evaluate "${job[@]}" --set output=shared --force
# what is done is shown meanwhile, without a wait; other stages of the same job do not differ
expect 0 "$fairstamp" trace "${endless[@]}" --set output=shared
# the same job waits, as one and as two ranks, and can be stopped
expect 75 "$fairstamp" run "${endless[@]}" --set output=shared --max-seconds 1
says "process $holder on "
says 'run the same command again'
mpirun -n 2 "$fairstamp" run "${endless[@]}" --set output=shared >out2 2>err2 </dev/null &
waiter=$!
until grep -q waiting err2 || ! kill -0 $waiter 2>/dev/null; do sleep 0.01; done
kill -USR1 "$(pgrep -P $waiter | tail -n 1)"
wait $waiter
code=$?
[ $code = 75 ] || { fail "a waiter ends with $code after SIGUSR1, expected 75"; cat err2; }
kill -USR1 $holder
ends 75
[ ! -e $lock ] && [ "$saved" = "$(sha256sum <shared/trace.h5)" ] || fail "after the holder's end: $(ls shared)"

# saved progress of another job: refused before any work, and as it was; damaged: moved aside
saved=$(sha256sum <shared/stamp.part.h5)
expect 76 "$fairstamp" run "${job[@]}" --set output=shared
says 'shared/stamp.part.h5: belongs to another job; what differs: stamp.iterations'
[ "$saved" = "$(sha256sum <shared/stamp.part.h5)" ] || fail "saved progress was changed"
cp shared/stamp.part.h5 out.part.h5
# of a later stage alone: also before any work
mkdir later
cp shared/stamp.part.h5 later
expect 76 "$fairstamp" run "${job[@]}" --set output=later
[ "$(ls later)" = stamp.part.h5 ] || fail "work before the refusal: $(ls later)"
truncate -s -5 later/stamp.part.h5
expect 0 "$fairstamp" run "${job[@]}" --set output=later
says 'later/stamp.part.h5.damaged, what it held is done again'
expect 0 "$fairstamp" verify --equal later/evaluate.h5 alone/evaluate.h5
expect 0 "$fairstamp" run "${job[@]}" --set output=shared --force
says 'shared/stamp.part.h5: belongs to another job, and will be replaced'
expect 0 "$fairstamp" verify --equal shared/evaluate.h5 alone/evaluate.h5
# a finished job leaves another's progress alone
cp out.part.h5 shared/evaluate.part.h5
expect 0 "$fairstamp" run "${job[@]}" --set output=shared
says 'shared/evaluate.part.h5: saved progress of another job, which stays as it is'
cmp -s out.part.h5 shared/evaluate.part.h5 || fail "a file that is not ours was removed"
rm -rf shared

# each partial file of each stage
cp alone/*.h5 later
rm later/*.damaged
for name in trace trace_sublayers trace_attribution evaluate layer_sweep layer_sweep_training layer_sweep_scores_1; do
    case $name in
    layer_*) stage=layer_sweep ;;
    *) stage=${name%_*} ;;
    esac
    rm -f "later/$stage.h5"
    cp out.part.h5 "later/$name.part.h5"
    expect 76 "$fairstamp" "$stage" "${job[@]}" --set layers.compare=all --set output=later
    says "later/$name.part.h5: belongs to another job"
    [ ! -e "later/$stage.h5" ] && cmp -s out.part.h5 "later/$name.part.h5" || fail "$name: work after a refusal"
    rm "later/$name.part.h5"
done
# saved units, for they have no words of the job but the digest: what differs is known all the same
rm -rf later logs
"$fairstamp" trace "${job[@]}" --set trace.heat_map=true --set output=later --log-dir logs 2>holder.err >holder.out </dev/null &
holder=$!
until grep -q 'stage trace' logs/rank-0.log 2>/dev/null || ! kill -0 $holder 2>/dev/null; do :; done
kill -USR1 $holder 2>/dev/null
wait $holder
if [ -n "$(find later -name '*.part.h5')" ]; then # or it was done before the signal
    expect 76 "$fairstamp" run "${job[@]}" --set output=later
    says 'what differs: trace.heat_map'
fi

# taken over while it stood still: nothing more is written, one line, 76
start run "${endless[@]}" --set output=shared
until_there shared/trace.h5
sed "s/^token .*/token 00000000000000ff/; s/^host .*/host elsewhere/" $lock >fake
mv fake $lock
ends 76
grep -q "^fairstamp: .*/shared: while this process stood still, the folder was taken over by process [0-9]* on elsewhere" holder.err ||
    { fail "no word of the loss"; cat holder.err; }
grep -q '^token 00000000000000ff' $lock || fail "another's lock was removed"
rm -f shared/stamp.part.h5
# that one lives, though not here, as long as its counter moves: another job is refused, the same one waits
(while :; do sleep 0.1; sed "s/^beat .*/beat $(date +%s%N)/" $lock >fake && mv fake $lock; done) &
beats=$!
expect 76 "$fairstamp" run "${job[@]}" --set output=shared --set seed=2
says 'choose another output'
kill $beats
wait $beats 2>/dev/null
rm -rf shared fake

# five tasks of an srun that MPI does not know: each ends with 0, the file is that of one alone, and one of them warns
waiters=()
for i in 1 2 3 4 5; do
    SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_NTASKS=5 SLURM_PROCID=$((i - 1)) \
        "$fairstamp" run "${job[@]}" --set output=shared >out$i 2>err$i </dev/null &
    waiters+=($!)
done
for waiter in "${waiters[@]}"; do
    wait "$waiter" || { fail "one of five ends with $?"; cat err?; }
done
expect 0 "$fairstamp" verify --equal shared/evaluate.h5 alone/evaluate.h5
[ "$(ls shared)" = "$(ls alone)" ] || fail "left over: $(ls shared)"
for i in 2 3 4 5; do
    same out1 out$i
done
[ "$(cat err? | grep -c 'Slurm started 5 tasks, this process sees 1 rank: launched without PMI?')" = 1 ] || fail "no warning: $(cat err?)"
finish
