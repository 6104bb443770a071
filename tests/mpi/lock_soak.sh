#!/usr/bin/env bash
# lock_soak.sh PAIRS: pairs of jobs begin within a second in one folder, every other pair with different settings; one, both or
# none is killed with signal 9 at a random moment, on one rank or two. Whatever happens, the folder then holds results of one
# job alone, the first job run again ends with 0 (or with 76, where the other's results stand), and nobody had to remove
# a lock. LOCK_SEED repeats the choices; the moments are as random as the machine.
. "$(dirname "$0")/support.sh"
pairs=$1
seed=${LOCK_SEED:-$RANDOM}
RANDOM=$seed
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
job=("$FAIRSTAMP_SOURCE/demo/job.json" --set "model=$GOLDEN_MODELS/gpt2-tiny" --set stamp.width=64 --set stamp.layer=1
    --set trace.bootstrap=50 --set evaluate.bootstrap=50 --set checkpoint_seconds=0.02 --set checkpoint_share=1
    --set stamp.checkpoint_every=3)
settings_a=(--set stamp.iterations=60)
settings_b=(--set stamp.iterations=61)
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }
# begin NAME SETTING...: in a group of its own
begin() {
    local name=$1 launcher=()
    shift
    [ $((RANDOM % 4)) != 0 ] || launcher=(mpirun -n 2)
    setsid ${launcher[@]+"${launcher[@]}"} "$fairstamp" run "${job[@]}" "$@" --set output=shared >out-$name 2>err-$name </dev/null &
    process=$!
}
is() { # FOLDER: the results that are there are all of it
    local stage
    for stage in trace stamp evaluate; do
        [ ! -e shared/$stage.h5 ] || "$fairstamp" verify --equal shared/$stage.h5 "$1/$stage.h5" >/dev/null 2>&1 || return 1
    done
}

for name in a b; do
    settings=settings_$name[@]
    begin=$(milliseconds)
    "$fairstamp" run "${job[@]}" "${!settings}" --set output=alone-$name >out 2>err || { cat err; fail "alone"; finish; }
    span=$(($(milliseconds) - begin))
done
echo "seed $seed; a job alone takes $span ms"

kills=0 zeros=0 others=0 refused=0 waited=0
for pair in $(seq 1 "$pairs"); do
    rm -rf shared
    second=settings_a[@] expected=same
    [ $((pair % 2)) = 1 ] || { second=settings_b[@]; expected=different; }
    begin a "${settings_a[@]}"
    first=$process
    pause $((RANDOM % 1000))
    begin b "${!second}"
    other=$process
    victims=()
    case $((RANDOM % 4)) in
    0) victims=($first) ;;
    1) victims=($other) ;;
    2) victims=($first $other) ;;
    esac
    for victim in ${victims[@]+"${victims[@]}"}; do
        pause $((RANDOM % span))
        kill -9 -- "-$victim" 2>/dev/null && kills=$((kills + 1))
    done
    { wait $first; code_a=$?; wait $other; code_b=$?; } 2>/dev/null
    for code in $code_a $code_b; do
        case $code in
        0 | 76 | 137) ;;
        *) fail "pair $pair, $expected settings: exit codes $code_a and $code_b"; cat err-a err-b ;;
        esac
    done
    [ $expected = different ] || { [ $code_a != 76 ] && [ $code_b != 76 ]; } || fail "pair $pair: one of two equal jobs was refused"
    [ $code_b != 76 ] || refused=$((refused + 1))
    ! grep -q 'waiting until it has ended' err-a err-b || waited=$((waited + 1))
    is alone-a || is alone-b || fail "pair $pair: results of two jobs in one folder: $(ls shared)"

    timeout 100 "$fairstamp" run "${job[@]}" "${settings_a[@]}" --set output=shared >out 2>err
    code=$?
    case $code in
    0)
        zeros=$((zeros + 1))
        is alone-a || fail "pair $pair: other bits than the job alone"
        [ "$(ls shared)" = "$(ls alone-a)" ] || fail "pair $pair: left over: $(ls shared)"
        ;;
    76)
        others=$((others + 1))
        [ $expected = different ] && is alone-b || { fail "pair $pair: refused"; cat err; }
        timeout 100 "$fairstamp" run "${job[@]}" "${settings_b[@]}" --set output=shared >out 2>err || { fail "pair $pair"; cat err; }
        is alone-b || fail "pair $pair: other bits than the other job alone"
        [ "$(ls shared)" = "$(ls alone-b)" ] || fail "pair $pair: left over: $(ls shared)"
        ;;
    *) fail "pair $pair, $expected settings: run again, it ends with $code"; cat err ;;
    esac
done
echo "$pairs pairs, $kills jobs killed; $refused second jobs were refused, in $waited pairs one waited; the first job run again ended with 0 $zeros times, with 76 for the other's results $others times"
[ "$failures" != 0 ] || echo "in none were there results of two jobs, and no lock was left"
finish
