#!/usr/bin/env bash
# Resident memory of a model on 1 and on 4 ranks of one node: tests/bench/memory.sh MODEL_FOLDER TEXT_FILE
# Prints, for each, the highest sum over the ranks of PSS (shared pages counted once) and of RSS, in MiB.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/scripts/mpi_env.sh"
export OMP_NUM_THREADS=1
program=$root/build/pipeline/fairstamp
for ranks in 1 4; do
    mpirun -n "$ranks" "$program" logprobs --quiet --model "$1" <"$2" >/dev/null &
    job=$!
    most_pss=0 most_rss=0
    while kill -0 "$job" 2>/dev/null; do
        pss=0 rss=0
        for pid in $(pgrep -x fairstamp); do
            read -r a b < <(awk '/^Rss:/ {r = $2} /^Pss:/ {p = $2} END {print p + 0, r + 0}' "/proc/$pid/smaps_rollup" 2>/dev/null || echo 0 0)
            pss=$((pss + a)) rss=$((rss + b))
        done
        [ "$pss" -le "$most_pss" ] || most_pss=$pss
        [ "$rss" -le "$most_rss" ] || most_rss=$rss
        sleep 0.1
    done
    wait "$job"
    echo "ranks $ranks: PSS $((most_pss / 1024)) MiB, sum of RSS $((most_rss / 1024)) MiB"
done
