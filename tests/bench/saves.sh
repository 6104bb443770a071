#!/usr/bin/env bash
# What saves cost: tests/bench/saves.sh [JOB [OPTIONS OF run...]]   default: the demonstration's job, a save whenever one may be
# Prints each stage's line of its saves; ends with 1 where a stage's took more than 2 % of its time, the default share.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/scripts/mpi_env.sh"
output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT
job=${1:-$root/demo/job.json}
[ $# = 0 ] || shift
mpirun -n 2 "$root/build/pipeline/fairstamp" run "$job" --set "output=$output/o" --set checkpoint_seconds=0.02 \
    --set checkpoint_share=0.02 "$@" 2>&1 >/dev/null | grep 'published' | tee "$output/lines"
awk '{ if ($(NF - 1) > 2) exit 1 }' "$output/lines"
