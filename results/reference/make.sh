#!/usr/bin/env bash
# Makes the reference tables anew: runs a sweep on each model, and prints its results, means over the seeds, as Markdown.
#
#     make.sh [--sweep FILE] OUTPUT_DIR MODEL_DIR...
#
# The sweep, sweep.json beside this script unless FILE is named, calls its model MODEL and has it at ${FAIRSTAMP_MODEL}; a model
# is called by the last part of its path. What was done before is not done again: after an interruption, or with a further
# model, the same command goes on. OUTPUT_DIR/results.tsv has every number, a line a metric.
# FAIRSTAMP: the program; FAIRSTAMP_ROOT: folder with benchmark/, of the source tree unless set; FAIRSTAMP_DATA: folder of StereoSet, CrowS-Pairs and WikiText, $FAIRSTAMP_SHARED/data unless set;
# FAIRSTAMP_CELLS: cells at once (1).
set -euo pipefail

if [ "${1:-}" = cell ]; then
    # What starts a cell of the sweep: hands its stop signal on, and writes the processor time of this try into the cell's log.
    shift
    "$@" &
    trap 'kill -USR1 $!' USR1
    status=0
    wait $! || status=$?
    while kill -0 $! 2>/dev/null; do # the signal ended the wait, not the cell
        status=0
        wait $! || status=$?
    done
    spent=$(mktemp)
    times >"$spent" # in a pipe it would be that of another shell
    awk 'NR == 2 { gsub(/[ms]/, " "); printf "reference: CPU seconds %.1f\n", 60 * ($1 + $3) + $2 + $4 }' "$spent"
    rm -f "$spent"
    exit "$status"
fi

here=$(cd "$(dirname "$0")" && pwd)
sweep=$here/sweep.json
if [ "${1:-}" = --sweep ] && [ $# -gt 1 ]; then
    sweep=$2
    shift 2
fi
if [ $# -lt 2 ]; then
    echo "usage: make.sh [--sweep FILE] OUTPUT_DIR MODEL_DIR..." >&2
    exit 64
fi
program=${FAIRSTAMP:-$here/../../build/pipeline/fairstamp}
shared=${FAIRSTAMP_SHARED:-$here/../../../shared}
export FAIRSTAMP_ROOT=${FAIRSTAMP_ROOT:-$here/../..} FAIRSTAMP_DATA=${FAIRSTAMP_DATA:-$shared/data} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift

printf 'model\tcategory\tsetting\tsuite\tsubset\tof\tmetric\tbefore\tafter\tsd\tleast\tmost\tseeds\n' >"$out/results.tsv"
: >"$out/cpu.tsv"
for folder in "$@"; do
    FAIRSTAMP_MODEL=$(cd "$folder" && pwd)
    export FAIRSTAMP_MODEL
    name=$(basename "$FAIRSTAMP_MODEL")
    sed "s/\"name\": \"MODEL\"/\"name\": \"$name\"/" "$sweep" >"$out/$name.json"
    "$program" sweep plan "$out/$name.json" "$out/$name" --no-estimate --quiet
    "$program" sweep run "$out/$name" --cells "${FAIRSTAMP_CELLS:-1}" --launcher "bash $here/make.sh cell" --quiet >&2
    "$program" query "$out/$name"/cells/*/evaluate.h5 --over-seeds --format json | awk -v OFS='\t' '
        /"(before|after|difference)":/ { part = $1; gsub(/[":]/, "", part); next }
        /^\t\t"[a-z]+":/ { part = "" }
        /":/ {
            key = $1; gsub(/[":]/, "", key)
            text = $0; sub(/^[^:]*:\t/, "", text); sub(/,$/, "", text); gsub(/"/, "", text)
            value[part, key] = text == "null" ? "nan" : text
        }
        /^\t}/ {
            setting = value["", "cell"]
            sub("^" value["", "model"] "[.]" value["", "categories"] "[.]?", "", setting)
            sub(/stamp[.]preset=/, "", setting)
            print value["", "model"], value["", "categories"], setting == "" ? "-" : setting, value["", "suite"], value["", "subset"],
                value["", "category"], value["", "metric"], value["before", "mean"], value["after", "mean"], value["after", "sd"],
                value["after", "least"], value["after", "most"], value["", "seeds"]
        }' >>"$out/results.tsv"
    for log in "$out/$name"/logs/*.log; do
        cell=$(basename "$log" .log)
        printf '%s\t%s\n' "$(sed -E 's/[.]seed=[0-9]+//' <<<"${cell#"$name".}" | sed -E 's/[.]/\t/; s/stamp[.]preset=//')" \
            "$(awk '/^reference: CPU seconds/ { sum += $NF } END { printf "%.1f", sum }' "$log")" | sed "s/^/$name\t/" >>"$out/cpu.tsv"
    done
done
awk -f "$here/tables.awk" "$out/cpu.tsv" "$out/results.tsv"
