#!/usr/bin/env bash
# The MPI runner: the same bytes on any number of ranks, one message for a failing unit, checkpoints that go on.
. "$(dirname "$0")/support.sh"
program=$RUNNER_PROGRAM
export OMP_NUM_THREADS=2

for ranks in 1 2 3 4; do
    case $ranks in 2 | 3) how=leaks_aside ;; *) how= ;; esac
    # more units than a rank holds at once; vectors longer than what changes hands at once; less than there are threads
    $how expect 0 mpirun -n $ranks "$program" map 150 "$scratch/map$ranks" -- sum 70 20011 "$scratch/sum$ranks" -- \
        sum 3 2200003 "$scratch/long$ranks" -- sum 3 5 "$scratch/short$ranks" -- share 70 20011 "$scratch/shared$ranks" -- \
        break 70 20011 0 -- break 70 20011 69 -- sum 3 3 "$scratch/few" -- sum 3 1 "$scratch/one"
    same "$scratch/map1" "$scratch/map$ranks"
    same "$scratch/sum1" "$scratch/sum$ranks"
    same "$scratch/sum1" "$scratch/shared$ranks"
    same "$scratch/long1" "$scratch/long$ranks"
    same "$scratch/short1" "$scratch/short$ranks"
done
expect 0 mpirun -n 2 "$program" map 0 "$scratch/none"

# units handed out by a window, as on several nodes, and by message, as there without one-sided communication
RUNNER_SHARES=window expect 0 mpirun -n 3 "$program" map 150 "$scratch/window"
same "$scratch/map1" "$scratch/window"
RUNNER_SHARES=nothing expect 0 mpirun -n 3 --mca btl tcp,self --mca osc ^sm,ucx,pt2pt "$program" map 150 "$scratch/messages"
same "$scratch/map1" "$scratch/messages"
RUNNER_SHARES=window expect 0 mpirun -n 3 --mca btl tcp,self --mca osc ^sm,ucx,pt2pt "$program" map 150 "$scratch/none"
same "$scratch/map1" "$scratch/none"

# wherever the failing unit runs: one message, its exit code, no hang
for unit in 0 77 149; do
    leaks_aside expect 65 mpirun -n 3 "$program" fail 150 $unit
    says "unit $unit is made to fail"
done

# a rank that sees other data: named, where it would take units that the others do not have
expect 65 mpirun -n 3 "$program" differ 20 7
says 'made-up: this rank has 27 units'
expect 65 mpirun -n 2 "$program" differ 0 1
says 'made-up: this rank has 1 units'

# hold RANKS ARGUMENTS...: in the background, until each rank is in the middle of its work; it goes on with hold/go
hold() {
    rm -rf "$scratch/hold"
    mkdir "$scratch/hold"
    mpirun -n "$1" "$program" "${@:2}" "$scratch/hold" 2>"$scratch/err" &
    mpirun_pid=$!
    until [ "$(find "$scratch/hold" -name 'at-work-*' | wc -l)" = "$1" ] || ! kill -0 $mpirun_pid 2>/dev/null; do
        sleep 0.05
    done
}

# stopped, gone on with other numbers of ranks: the same bytes, and no unit is computed twice without need
mkdir "$scratch/saved"
part=$scratch/saved/made-up.part.h5
expect 0 mpirun -n 2 "$program" map 600 "$scratch/many" # nothing saved: the next ones have all to do
for step in "3 USR1" "2 INT" "4 USR1"; do
    set -- $step
    hold "$1" map 600 "$scratch/stopped" "$scratch/saved" 400
    # one rank alone is told: the others must follow
    kill "-$2" "$(pgrep -P $mpirun_pid | tail -n 1)"
    touch "$scratch/hold/go"
    wait $mpirun_pid
    code=$?
    [ $code = 75 ] || { fail "exit code $code after $2, expected 75"; cat "$scratch/err"; }
    says "run the same command again"
    "$fairstamp" verify "$part" >/dev/null || fail "the partial results are damaged"
    [ ! -e "$scratch/stopped" ] || fail "results of an interrupted map"
done
saved=$(sed -n 's/.*made-up: \([0-9]*\) of 600.*/\1/p' "$scratch/err")
[ "${saved:-0}" -ge 45 ] || fail "only ${saved:-0} units were saved after three interruptions, with five done on each of nine ranks"
expect 0 mpirun -n 2 "$program" map 600 "$scratch/stopped" "$scratch/saved" 10
same "$scratch/many" "$scratch/stopped"

# a damaged partial file is ignored
printf 'x' | dd of="$part" bs=1 seek=5000 conv=notrunc 2>/dev/null
expect 0 mpirun -n 2 "$program" map 600 "$scratch/damaged" "$scratch/saved" 0
same "$scratch/many" "$scratch/damaged"

# a killed rank ends all of them, in the middle of their work
hold 3 map 100000 "$scratch/killed" "$scratch/saved" 5
kill -9 "$(pgrep -P $mpirun_pid | tail -n 1)"
touch "$scratch/hold/go"
wait $mpirun_pid
code=$?
[ $code != 0 ] || fail "exit code 0 after a rank was killed"
[ ! -e "$scratch/killed" ] || fail "the ranks went on to the end without the killed one"
finish
