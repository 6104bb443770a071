#!/usr/bin/env bash
# Runs the whole method on the embedded model and benchmark: demo/run.sh [--model DIR] [OUTPUT FOLDER]. In a source tree it
# sets up and builds first, and the results are in demo/out; an installed one uses the installed program, and the results are
# in ./fairstamp-demo. With --model, that model is edited, in fewer steps at the layer two thirds up, so that it stays short,
# and the results are in a folder of its name there. FAIRSTAMP_RANKS: number of MPI ranks, 2 by default.
set -euo pipefail
usage() {
    echo "usage: demo/run.sh [--model DIR] [OUTPUT FOLDER]" >&2
    exit 64
}
model=() part=""
if [ "${1:-}" = --model ]; then
    [ $# -ge 2 ] || usage
    if [ ! -f "$2/config.json" ]; then
        echo "demo: --model $2: found no config.json there, expected the folder of a HuggingFace model" >&2
        exit 66
    fi
    folder=$(cd "$2" && pwd)
    part=/$(basename "$folder")
    model=(--set "model=$folder" --set trace.select=two_thirds --set stamp.iterations=20)
    shift 2
fi
if [ $# -gt 1 ] || [[ "${1:-}" == -* ]]; then
    usage
fi
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
output=$(realpath -m "${1:-$output$part}")
. "$root/scripts/mpi_env.sh"

begin=$SECONDS
mpirun -n "$ranks" "$program" run "$root/demo/job.json" --set "output=$output" "${model[@]}"
echo
echo "$((SECONDS - begin)) s on $ranks ranks. The archive: $output/trace.h5, stamp.h5, evaluate.h5"
echo "Look into it:  $program inspect $output/evaluate.h5"
