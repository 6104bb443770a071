#!/usr/bin/env bash
# Trains a stamp with each of a list of settings and measures it on pairs and facts that no final result contains.
#
#     search.sh MODEL_DIR OUTPUT_DIR CATEGORY,... < settings > rows.tsv
#
# settings: one line each: a label and `--set` arguments, such as "a1b1 stamp.alpha=1 stamp.beta=1". Each job edits BiasKE's
# pairs of one category with split.validation=0.25, so that the held-out terms and the other facts stay untouched.
# A row: gaps as shares of the unedited model's; LMS, DS and perplexity as changes, in points and in percent; RS, DS: of all
# facts, then of the category's and of those of no group. FAIRSTAMP: the program; FAIRSTAMP_JOBS: jobs at once (1);
# FAIRSTAMP_TEXT: a text for perplexity. A job that was done before is read, not done again.
set -euo pipefail

if [ "${1:-}" = row ]; then
    # One job: its row on standard output.
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
        { gsub(/\r/, ""); if (!(($2, $3, $4) in before)) { before[$2, $3, $4] = $7; after[$2, $3, $4] = $10 } }
        function change(of, subset, metric) {
            return ((of, subset, metric) in after) ? sprintf("%+.2f", after[of, subset, metric] - before[of, subset, metric]) : "-"
        }
        function kept(of) { return ((of, "all", "rs.top1") in after) ? sprintf("%.2f", after[of, "all", "rs.top1"]) : "-" }
        function share(subset) { return sprintf("%.3f", after[category, subset, "gap"] / before[category, subset, "gap"]) }
        END {
            text = before["none", "all", "perplexity"]
            print model, category, label, share("edited"), share("validation"),
                sprintf("%.2f", after[category, "edited", "ss.macro"]), sprintf("%.2f", after[category, "validation", "ss.macro"]),
                sprintf("%.2f", after[category, "all", "ps"]), change(category, "edited", "lms.macro"),
                change(category, "validation", "lms.macro"), kept("all"), change("all", "all", "ds"), kept(category), kept("none"),
                change(category, "all", "ds"), change("none", "all", "ds"),
                (text > 0 ? sprintf("%+.2f", 100 * (after["none", "all", "perplexity"] / text - 1)) : "-"), settings
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
text=${FAIRSTAMP_TEXT:+, \"text\": \"$(realpath "$FAIRSTAMP_TEXT")\"}
mkdir -p "$2"
folder=$(cd "$2" && pwd)
cat >"$folder/job.json" <<END
{"model": "$model", "output": "$folder/unset", "data": {"biaske": "$here/../../benchmark/biaske"$text},
 "split": {"validation": 0.25}, "evaluate": {"bootstrap": 0}, "trace": {"bootstrap": 0}}
END
printf 'model\tcategory\tlabel\tgap_edited\tgap_validation\tSS_edited\tSS_validation\tPS\tLMS_edited\tLMS_validation\tRS\tDS\tRS_category\tRS_none\tDS_category\tDS_none\tperplexity\tsettings\n'
while read -r label settings; do
    [ -n "$label" ] && [ "${label#\#}" = "$label" ] || continue
    for category in ${3//,/ }; do
        echo row "$model" "$folder" "$category" "$label" $settings # unquoted: a blank at a line's end would join it with the next for xargs
    done
done | xargs -P "${FAIRSTAMP_JOBS:-1}" -L 1 "$0" || true
