#!/usr/bin/env bash
# Sets up, builds, and runs the whole method on the embedded model and benchmark: demo/run.sh [OUTPUT FOLDER]
# FAIRSTAMP_RANKS: number of MPI ranks, 2 by default.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
output=$(realpath -m "${1:-$root/demo/out}")
ranks=${FAIRSTAMP_RANKS:-2}

"$root/scripts/bootstrap.sh"
echo "demo: building" >&2
"$root/scripts/build.sh" release
. "$root/scripts/mpi_env.sh"

begin=$SECONDS
mpirun -n "$ranks" "$root/build/pipeline/fairstamp" run "$root/demo/job.json" --set "output=$output"
echo
echo "$((SECONDS - begin)) s on $ranks ranks. The archive: $output/trace.h5, stamp.h5, evaluate.h5"
echo "Look into it:  $root/build/pipeline/fairstamp inspect $output/evaluate.h5"
