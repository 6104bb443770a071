#!/usr/bin/env bash
# Runs the whole method on the embedded model and benchmark: demo/run.sh [OUTPUT FOLDER]. In a source tree it sets up and
# builds first, and the results are in demo/out; an installed one uses the installed program, and the results are in
# ./fairstamp-demo. FAIRSTAMP_RANKS: number of MPI ranks, 2 by default.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
ranks=${FAIRSTAMP_RANKS:-2}

if [ -e "$root/CMakeLists.txt" ]; then
    program=$root/build/pipeline/fairstamp
    output=$root/demo/out
    "$root/scripts/bootstrap.sh"
    echo "demo: building" >&2
    "$root/scripts/build.sh" release
else
    program=$(realpath -m "$root/../../bin/fairstamp")
    output=fairstamp-demo
fi
output=$(realpath -m "${1:-$output}")
. "$root/scripts/mpi_env.sh"

begin=$SECONDS
mpirun -n "$ranks" "$program" run "$root/demo/job.json" --set "output=$output"
echo
echo "$((SECONDS - begin)) s on $ranks ranks. The archive: $output/trace.h5, stamp.h5, evaluate.h5"
echo "Look into it:  $program inspect $output/evaluate.h5"
