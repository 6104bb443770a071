#!/usr/bin/env bash
# Trains a stamp with each of a list of settings and measures it on pairs and facts that no final result contains.
#
#     search.sh MODEL_DIR OUTPUT_DIR CATEGORY,... < settings > rows.tsv
#
# settings: one line each: a label and `--set` arguments, such as "a1b1 stamp.alpha=1 stamp.beta=1". Each job edits BiasKE's
# pairs of one category with split.validation=0.25, so that the held-out terms and the other facts stay untouched.
# FAIRSTAMP: the program; FAIRSTAMP_JOBS: jobs at once (1). A job that was done before is read, not done again.
set -euo pipefail

if [ "${1:-}" = row ]; then
    # One job: its row on standard output. Gaps are shares of the unedited model's, LMS and DS are changes in points.
    model=$2 folder=$3 category=$4 label=$5
    shift 5
    out=$folder/$(basename "$model")-$category-$label
    settings=()
    for setting in "$@"; do
        settings+=(--set "$setting")
    done
    "$FAIRSTAMP" run "$folder/job.json" --set "model=$model" --set "categories=$category" --set "output=$out" "${settings[@]}" \
        --quiet >"$out.txt" 2>"$out.err" </dev/null || {
        echo "search: $out: $(tail -n 1 "$out.err")" >&2
        exit 1
    }
    "$FAIRSTAMP" report "$out/evaluate.h5" -o "$out/report" >/dev/null 2>>"$out.err"
    awk -F, -v OFS='\t' -v model="$(basename "$model")" -v category="$category" -v label="$label" -v settings="$*" '
        { before[$2, $3, $4] = $7; after[$2, $3, $4] = $10 }
        function change(subset, metric) { return after[category, subset, metric] - before[category, subset, metric] }
        END {
            printf "%s\t%s\t%s\t%.3f\t%.3f\t%.2f\t%.2f\t%.2f\t%+.2f\t%+.2f\t%.2f\t%+.2f\t%s\n", model, category, label,
                after[category, "edited", "gap"] / before[category, "edited", "gap"],
                after[category, "validation", "gap"] / before[category, "validation", "gap"],
                after[category, "edited", "ss.macro"], after[category, "validation", "ss.macro"], after[category, "all", "ps"],
                change("edited", "lms.macro"), change("validation", "lms.macro"), after["all", "all", "rs.top1"],
                after["all", "all", "ds"] - before["all", "all", "ds"], settings
        }' "$out/report/results.csv"
    exit
fi

if [ $# -ne 3 ]; then
    echo "usage: search.sh MODEL_DIR OUTPUT_DIR CATEGORY,... < settings" >&2
    exit 64
fi
here=$(cd "$(dirname "$0")" && pwd)
export FAIRSTAMP=${FAIRSTAMP:-$here/../../build/pipeline/fairstamp} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
model=$(cd "$1" && pwd)
mkdir -p "$2"
folder=$(cd "$2" && pwd)
cat >"$folder/job.json" <<END
{"model": "$model", "output": "$folder/unset", "data": {"biaske": "$here/../../benchmark/biaske"},
 "split": {"validation": 0.25}, "evaluate": {"bootstrap": 0}, "trace": {"bootstrap": 0}}
END
printf 'model\tcategory\tlabel\tgap_edited\tgap_validation\tSS_edited\tSS_validation\tPS\tLMS_edited\tLMS_validation\tRS\tDS\tsettings\n'
while read -r label settings; do
    [ -n "$label" ] && [ "${label#\#}" = "$label" ] || continue
    for category in ${3//,/ }; do
        echo row "$model" "$folder" "$category" "$label" $settings # unquoted: a blank at a line's end would join it with the next for xargs
    done
done | xargs -P "${FAIRSTAMP_JOBS:-1}" -L 1 "$0" || true
