#!/usr/bin/env bash
# Strong scaling of each stage from 1 to N ranks of one thread each on this machine:
#     tests/bench/scaling.sh JOB.json [N] [ROUNDS] [--set key=value]...
# The two take turns, ROUNDS times (default 5). Printed are the medians of the stages' seconds (/provenance@stage_seconds) and of the
# ratios round by round, with their range; and, once for each number of ranks, how far `fairstamp estimate` was off.
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

stages() { # FOLDER: "stage seconds" a line
    for stage in trace stamp evaluate layer_sweep; do
        [ ! -e "$1/$stage.h5" ] ||
            echo "$stage $("$program" inspect "$1/$stage.h5" | sed -n 's/.*@stage_seconds = \([0-9.]*\).*/\1/p')"
    done
}
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc --all) cores; load before: $(cut -d' ' -f1 /proc/loadavg)"
for round in $(seq "$rounds"); do
    for n in 1 "$ranks"; do
        output=$work/$round.$n
        [ "$round" -gt 1 ] || mpirun -n "$n" "$program" estimate "$job" "$@" --set "output=$output" --save --quiet >/dev/null </dev/null
        mpirun -n "$n" "$program" run "$job" "$@" --set "output=$output" >/dev/null 2>"$output.err" </dev/null
        [ "$round" -gt 1 ] || sed -n "s/^fairstamp: \(.*predicted.*\)/ranks $n: \1/p" "$output.err"
        stages "$output" >"$output.seconds"
        echo "round $round of $rounds, $n ranks: $(tr '\n' ' ' <"$output.seconds") load $(cut -d' ' -f1 /proc/loadavg)" >&2
        rm -rf "$output"
    done
done
"${PYTHON:-python3}" - "$work" "$ranks" "$rounds" <<'PY'
import statistics, sys
work, ranks, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
read = lambda r, n: dict((a, float(b)) for a, b in (line.split() for line in open(f"{work}/{r}.{n}.seconds")))
one, many = [read(r, 1) for r in range(1, rounds + 1)], [read(r, ranks) for r in range(1, rounds + 1)]
for stage in one[0]:
    ratio = [a[stage] / b[stage] for a, b in zip(one, many)]
    print(f"{stage:9} 1 rank {statistics.median(a[stage] for a in one):8.2f} s   {ranks} ranks {statistics.median(b[stage] for b in many):8.2f} s   "
          f"speed-up {statistics.median(ratio):.2f} ({min(ratio):.2f} to {max(ratio):.2f})")
PY
