#!/usr/bin/env bash
# kill_soak.sh KILLS: kill -9 of a random rank or of mpirun at random moments over all stages. After each kill no published
# file is anything but whole; the job is started again, and when it is done its files are equal, bit for bit, to those of a
# run that nobody disturbed.
. "$(dirname "$0")/support.sh"
kills=$1
seed=${KILL_SEED:-$RANDOM}
RANDOM=$seed
echo "seed $seed (KILL_SEED)"
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
settings=(--set checkpoint_seconds=0.05 --set stamp.checkpoint_every=2 --set stamp.width=256 --set stamp.iterations=30 --quiet)
start() { # RANKS OUTPUT
    mpirun -n "$1" "$fairstamp" run "$FAIRSTAMP_SOURCE/demo/job.json" --set "output=$2" "${settings[@]}" >out 2>err &
    mpirun_pid=$!
}
check_published() {
    for file in "$1"/trace.h5 "$1"/stamp.h5 "$1"/evaluate.h5; do
        [ ! -e "$file" ] || "$fairstamp" verify "$file" >/dev/null || fail "$file is damaged after a kill"
    done
}

begin=$(date +%s%N)
start 2 "$scratch/undisturbed"
wait $mpirun_pid || { cat err; fail "the undisturbed run"; finish; }
milliseconds=$((($(date +%s%N) - begin) / 1000000))
echo "undisturbed: $milliseconds ms"

done_kills=0
round=0
stages=""
while [ $done_kills -lt "$kills" ] && [ $failures = 0 ]; do
    round=$((round + 1))
    output=$scratch/round
    while :; do
        start $((1 + RANDOM % 3)) "$output"
        moment=$((RANDOM * 32768 % milliseconds + RANDOM % 1000))
        moment=$((moment % milliseconds))
        sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
        ranks=($(pgrep -P $mpirun_pid))
        victims=("$mpirun_pid" ${ranks[@]+"${ranks[@]}"})
        victim=${victims[RANDOM % ${#victims[@]}]}
        if [ $done_kills -lt "$kills" ] && kill -9 "$victim" 2>/dev/null; then
            done_kills=$((done_kills + 1))
            stages="$stages$(ls "$output" 2>/dev/null | grep -c -e '^trace.h5$' -e '^stamp.h5$' -e '^evaluate.h5$')"
        fi
        wait $mpirun_pid 2>/dev/null
        code=$?
        check_published "$output"
        # half of the time a human's pause, in which orphans end; else they may still write when the job goes on
        [ $((RANDOM % 2)) = 0 ] || sleep 1
        [ $code != 0 ] || break
        rm -rf "$scratch"/ompi.* "$scratch"/vader_segment.* 2>/dev/null
    done
    for stage in trace stamp evaluate; do
        "$fairstamp" verify --equal "$output/$stage.h5" "$scratch/undisturbed/$stage.h5" 2>&1 || fail "round $round: $stage"
    done
    rm -rf "$output"
done
echo "$done_kills kills in $round rounds; stages published at each kill: $stages"
finish
