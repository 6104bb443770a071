#!/usr/bin/env bash
# Strong scaling of each stage from 1 to N ranks of one thread each on this machine, and what the machine itself allows:
#     tests/bench/scaling.sh JOB.json [N] [ROUNDS] [--set key=value]...
# In each of ROUNDS (default 5) rounds the stages run one by one, each on 1 rank, on N ranks, and as N copies of one rank at the same
# time, in turn. Printed are the medians of wall (/provenance@stage_seconds) and CPU seconds (all processes, start-up too), of the
# speed-ups round by round with their range: of N ranks, t(1) / t(N); of the copies, N t(1) / t(copy), which no program can
# exceed here; and their ratio. Then, once for each number of ranks, how far `fairstamp estimate` was off.
# FAIRSTAMP_BUILD: the build folder, by default build/ of the repository. PYTHON: an interpreter, no modules needed.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
job=$1 ranks=${2:-2} rounds=${3:-5}
shift $(($# < 3 ? $# : 3))
program=${FAIRSTAMP_BUILD:-$root/build}/pipeline/fairstamp
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$root/scripts/mpi_env.sh"
export OMP_NUM_THREADS=1
TIMEFORMAT='%U %S'

# stage STAGE RANKS OUTPUT OPTIONS...: into OUTPUT.STAGE the wall and CPU seconds
stage() {
    local wall
    { time mpirun -n "$2" "$program" "$1" "$job" "${@:4}" --set "output=$3" >/dev/null 2>"$3.err" </dev/null; } 2>"$3.cpu" ||
        { tail -n 3 "$3.err" >&2; exit 1; }
    sed -n "s/^fairstamp: \(.*predicted.*\)/ranks $2: \1/p" "$3.err"
    wall=$("$program" inspect "$3/$1.h5" | sed -n 's/.*@stage_seconds = \([0-9.]*\).*/\1/p')
    echo "$wall $(awk '{ print $1 + $2 }' "$3.cpu")" >"$3.$1"
}
stages=(trace stamp evaluate)
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc --all) cores; load before: $(cut -d' ' -f1 /proc/loadavg)"
for round in $(seq "$rounds"); do
    for n in 1 "$ranks"; do
        [ "$round" -gt 1 ] ||
            mpirun -n "$n" "$program" estimate "$job" "$@" --set "output=$work/$round.$n" --save --quiet >/dev/null </dev/null
    done
    for name in "${stages[@]}"; do
        stage "$name" 1 "$work/$round.1" "$@"
        stage "$name" "$ranks" "$work/$round.$ranks" "$@"
        copies=()
        for copy in $(seq "$ranks"); do
            stage "$name" 1 "$work/$round.copy$copy" "$@" &
            copies+=($!)
        done
        for copy in "${copies[@]}"; do wait "$copy"; done
        echo "round $round of $rounds, $name: 1 rank $(cat "$work/$round.1.$name"), $ranks ranks $(cat "$work/$round.$ranks.$name"), copies $(
            cat "$work/$round".copy*."$name" | tr '\n' ' ')wall and CPU s, load $(cut -d' ' -f1 /proc/loadavg)" >&2
    done
    rm -rf "$work/$round".*/
done
"${PYTHON:-python3}" - "$work" "$ranks" "$rounds" "${stages[@]}" <<'PY'
import statistics, sys
work, ranks, rounds, stages = sys.argv[1], int(sys.argv[2]), range(1, int(sys.argv[3]) + 1), sys.argv[4:]
read = lambda r, what, stage: tuple(map(float, open(f"{work}/{r}.{what}.{stage}").read().split()))
median = statistics.median
for stage in stages:
    one, many = [read(r, 1, stage) for r in rounds], [read(r, ranks, stage) for r in rounds]
    copies = [[read(r, f"copy{c + 1}", stage) for c in range(ranks)] for r in rounds]
    copy = [(statistics.mean(c[0] for c in of), sum(c[1] for c in of)) for of in copies]
    speed = [a[0] / b[0] for a, b in zip(one, many)]
    limit = [ranks * a[0] / b[0] for a, b in zip(one, copy)]
    part = [a / b for a, b in zip(speed, limit)]
    print(f"{stage:9} wall s: 1 rank {median(a[0] for a in one):.2f}, {ranks} ranks {median(b[0] for b in many):.2f}, a copy of {ranks} "
          f"{median(c[0] for c in copy):.2f}; CPU s: {median(a[1] for a in one):.2f}, {median(b[1] for b in many):.2f}, all copies "
          f"{median(c[1] for c in copy):.2f}\n          speed-up {median(speed):.2f} ({min(speed):.2f} to {max(speed):.2f}), of {ranks} copies "
          f"{median(limit):.2f} ({min(limit):.2f} to {max(limit):.2f}), of what they reach {100 * median(part):.0f} %")
PY
