#!/usr/bin/env bash
# kill_soak.sh KILLS: kill -9 of a random rank or of mpirun at random moments of each of the four stages. After each kill no
# published file is anything but whole; the job is started again on 1 to 4 ranks, and when it is done its files are equal,
# bit for bit, to those of a run that nobody disturbed. Then the same with the signals that ask to stop.
# KILL_SEED repeats the choices of stages, victims and ranks; the moments are as random as the machine.
. "$(dirname "$0")/support.sh"
kills=$1
seed=${KILL_SEED:-$RANDOM}
RANDOM=$seed
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
all_stages="trace stamp evaluate layer_sweep"
job=(run "$FAIRSTAMP_SOURCE/demo/job.json" --set "model=$GOLDEN_MODELS/gpt2-tiny" --set checkpoint_seconds=0.03
    --set checkpoint_share=1 --set stamp.checkpoint_every=2 --set stamp.width=64 --set stamp.iterations=40
    --set trace.heat_map=true --set layers.compare=all --set trace.bootstrap=3000 --set evaluate.bootstrap=1000)
start() { # RANKS OUTPUT
    : >err # the words of the run before must not be taken for this one's
    mpirun -n "$1" "$fairstamp" "${job[@]}" --set "output=$2" >out 2>err </dev/null &
    mpirun_pid=$!
}
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
published() { # OUTPUT: how many stages are done
    local count=0 stage
    for stage in $all_stages; do
        [ ! -e "$1/$stage.h5" ] || count=$((count + 1))
    done
    echo $count
}
check_published() {
    local stage
    for stage in $all_stages; do
        [ ! -e "$1/$stage.h5" ] || "$fairstamp" verify "$1/$stage.h5" >/dev/null || fail "$1/$stage.h5 after a kill"
    done
}
check_equal() {
    local stage
    for stage in $all_stages; do
        "$fairstamp" verify --equal "$1/$stage.h5" undisturbed/$stage.h5 >/dev/null || fail "$2: $stage differs"
    done
    if [ -n "$(find "$1" -name '*.part.h5')" ]; then # a process that outlived its mpirun wrote them: the next run clears up
        start 1 "$1"
        wait $mpirun_pid && [ -z "$(find "$1" -name '*.part.h5')" ] || fail "$2: partial results are left: $(ls "$1")"
    fi
}
# Open MPI 4.1's mpirun can miss that a rank died while it was connecting ("PMIX ERROR: UNREACHABLE") and then waits for
# ever, though no rank is left: such a launcher is ended here, as its user or the batch system would.
hung=0
wait_for_launcher() {
    local without=0 # tenths of a second without a rank that lives
    while kill -0 $mpirun_pid 2>/dev/null && [ "$(ps -o stat= -p $mpirun_pid | cut -c1)" != Z ]; do
        if [ -n "$(ps -o stat= --ppid $mpirun_pid | grep -v '^Z')" ] || ! grep -q 'PMIX ERROR' err; then
            without=0
        elif [ $((without += 1)) -gt 600 ]; then
            hung=$((hung + 1))
            kill -9 $mpirun_pid
        fi
        sleep 0.1
    done
    { wait $mpirun_pid; } 2>/dev/null # the shell tells of a killed job here
}
# Waits until `stage` (0 to 3) runs, then a random part of its time, or until the job ends.
wait_for_moment() { # STAGE OUTPUT
    while [ "$(published "$2")" -lt "$1" ] && kill -0 $mpirun_pid 2>/dev/null; do
        sleep 0.02
    done
    local moment=$(((RANDOM * 32768 + RANDOM) % duration[$1]))
    sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
}

# how long each stage takes
begin=$(milliseconds)
start 2 "$scratch/undisturbed"
for stage in 0 1 2 3; do
    while [ "$(published undisturbed)" = $stage ] && kill -0 $mpirun_pid 2>/dev/null; do
        sleep 0.01
    done
    duration[stage]=$(($(milliseconds) - begin + 1))
    begin=$(milliseconds)
done
wait $mpirun_pid || { cat err; fail "the undisturbed run"; finish; }
echo "seed $seed; undisturbed: $all_stages take ${duration[*]} ms"

done_kills=0 equal_kills=0 rounds=0 launchers=0 resumed=0
stages=(0 0 0 0 0)
while [ $done_kills -lt "$kills" ] && [ $failures = 0 ]; do
    output=$scratch/round
    rounds=$((rounds + 1))
    here_kills=0
    aims=$((1 + RANDOM % 4)) # kills of this round
    for attempt in $(seq 0 40); do
        start $((1 + RANDOM % 4)) "$output"
        if [ $done_kills -lt "$kills" ] && [ "$attempt" -lt $aims ]; then
            there=$(published "$output")
            [ "$there" -lt 4 ] || there=3
            while [ $there -lt 3 ] && [ $((RANDOM % 5)) -lt 2 ]; do # the stage that is due, or a later one
                there=$((there + 1))
            done
            wait_for_moment $there "$output"
            ranks=($(pgrep -P $mpirun_pid))
            victims=($mpirun_pid ${ranks[@]+"${ranks[@]}"})
            victim=${victims[RANDOM % ${#victims[@]}]}
            if kill -9 "$victim" 2>/dev/null; then
                done_kills=$((done_kills + 1))
                here_kills=$((here_kills + 1))
                [ "$victim" != $mpirun_pid ] || launchers=$((launchers + 1))
                at=$(published "$output")
                stages[at]=$((stages[at] + 1))
            fi
        fi
        wait_for_launcher
        code=$?
        check_published "$output"
        grep -qE 'from an earlier run|of an earlier run|by an earlier run' err && resumed=$((resumed + 1))
        [ $code != 0 ] || break
        # half of the time a pause, in which orphans end; else they may still write when the job goes on
        [ $((RANDOM % 2)) = 0 ] || sleep 1
    done
    [ $code = 0 ] || { fail "round $rounds does not end: exit code $code"; cat err; finish; }
    before=$failures
    check_equal "$output" "round $rounds"
    [ $failures != $before ] || equal_kills=$((equal_kills + here_kills))
    rm -rf "$output"
done
echo "$done_kills kills ($launchers of mpirun, the others of a rank; $hung launchers hung after one and were ended) in $rounds jobs, while this many stages were published: ${stages[*]}"
echo "$resumed starts went on inside a stage; final files equal to the undisturbed ones after $equal_kills of $done_kills kills"

# the signals that ask to stop, in each stage: 75, or 0 where all was done already
codes=""
for stage in 0 1 2 3; do
    signal=$(echo USR1 TERM INT USR1 | cut -d ' ' -f $((stage + 1)))
    output=$scratch/signal$stage
    mkdir "$output"
    for ((before = 0; before < stage; before++)); do
        cp undisturbed/$(echo trace stamp evaluate | cut -d ' ' -f $((before + 1))).h5 "$output"
    done
    start 3 "$output"
    until grep -q 'hidden size' err || ! kill -0 $mpirun_pid 2>/dev/null; do
        sleep 0.02
    done
    sleep "0.$((RANDOM % 3))"
    ranks=($(pgrep -P $mpirun_pid))
    [ ${#ranks[@]} = 0 ] || kill -$signal "${ranks[RANDOM % ${#ranks[@]}]}" 2>/dev/null # done already on a slow machine: code 0
    wait $mpirun_pid
    code=$?
    codes="$codes $code"
    case $code in
    0) [ "$(published "$output")" = 4 ] || fail "exit code 0 after $signal, and stages are left to do" ;;
    75) says "run the same command again" ;;
    *) fail "exit code $code after $signal"; cat err ;;
    esac
    check_published "$output"
    start 2 "$output"
    wait $mpirun_pid || { fail "after $signal"; cat err; }
    check_equal "$output" $signal
done
echo "exit codes after USR1, TERM, INT and USR1 in one stage each:$codes"
finish
