#!/usr/bin/env bash
# At which layer does a stamp work best, and which measure of the trace says so beforehand?
#
#     study.sh MODEL_DIR OUTPUT_DIR CATEGORY LAYER,LAYER,...
#
# Trains a stamp at each layer on BiasKE's pairs of the category, measures it at five strengths, and traces the model with all
# measures of one layer. split.validation=0.25: the held-out terms and the other facts stay untouched. What was done before is
# not done again.
# Prints two tables, tab-separated: layers (what a stamp there does, and its success: the share of the validation pairs' gap that
# is gone at the strength where 95 % of the facts, of all categories, are answered as before, between measured strengths in
# proportion), and measures (the layer that each names, the success there, Spearman's correlation with the success over the
# layers). FAIRSTAMP: the program. SETTINGS: further keys of the job, as JSON members, such as '"seed": 2,'.
set -euo pipefail
if [ $# -ne 4 ]; then
    echo "usage: study.sh MODEL_DIR OUTPUT_DIR CATEGORY LAYER,LAYER,..." >&2
    exit 64
fi
here=$(cd "$(dirname "$0")" && pwd)
program=${FAIRSTAMP:-$here/../../build/pipeline/fairstamp}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
model=$(cd "$1" && pwd) category=$3 layers=$4
name=$(basename "$model")
mkdir -p "$2"
folder=$(cd "$2" && pwd)
common="${SETTINGS:-} \"data\": {\"biaske\": \"$here/../../benchmark/biaske\"}, \"split\": {\"validation\": 0.25}"
cat >"$folder/$name-$category.json" <<END
{"models": [{"name": "$name", "path": "$model"}], "categories": ["$category"],
 "job": {$common, "stamp": {"preset": "keep", "iterations": 40, "frames": 16, "swap_subjects": true, "swap_statements": true,
  "generic_prompts": 1, "neutral_subjects": 0, "unit_tokens": 512}, "evaluate": {"bootstrap": 0},
  "methods": ["stamp", {"stamp": 0.75}, {"stamp": 0.5}, {"stamp": 0.35}, {"stamp": 0.2}]},
 "settings": {"stamp.layer": [$layers]}}
END
measures='"residual.subject.restore.without_ffn", "residual.subject.restore.without_attention"'
for measure in residual.{subject,read} {ffn,attention}.{subject,read,all}; do
    measures="$measures, \"$measure.restore\", \"$measure.remove\""
done
cat >"$folder/$name-$category-trace.json" <<END
{"model": "$model", "output": "$folder/$name-$category-trace", "categories": ["$category"], $common,
 "trace": {"measures": [$measures], "bootstrap": 0}}
END
sweep=$folder/$name-$category
[ -d "$sweep" ] || "$program" sweep plan "$sweep.json" "$sweep" --no-estimate >&2
"$program" sweep run "$sweep" >&2
"$program" trace "$sweep-trace.json" --quiet >"$sweep-trace.txt"
"$program" report "$sweep-trace/trace.h5" -o "$sweep-trace/report" >/dev/null
"$program" query "$sweep"/cells/*/evaluate.h5 --metric gap,ps,rs.top1 --by cell,edit,subset,metric --where category=all >"$sweep.txt"

awk -v OFS='\t' -v model="$name" -v category="$category" -v measures="$sweep-trace/report/measures.csv" '
function by_layer(x, count, rank,    i, j, below, same) { # ranks of x[1..count], mean ranks of ties
    for (i = 1; i <= count; i++) {
        below = same = 0
        for (j = 1; j <= count; j++) { below += x[j] < x[i]; same += x[j] == x[i] }
        rank[i] = below + (same + 1) / 2
    }
}
function spearman(x, y, count,    a, b, i, xy, xx, yy, mean) {
    by_layer(x, count, a); by_layer(y, count, b)
    mean = (count + 1) / 2
    for (i = 1; i <= count; i++) {
        xy += (a[i] - mean) * (b[i] - mean); xx += (a[i] - mean) ^ 2; yy += (b[i] - mean) ^ 2
    }
    return xx * yy > 0 ? xy / sqrt(xx * yy) : 0
}
FNR > 1 && $1 ~ /stamp.layer=/ {
    layer = $1; sub(/.*stamp.layer=/, "", layer); sub(/\..*/, "", layer)
    strength = $2 == "stamp" ? 1 : substr($2, 7)
    value[layer, strength, $3, $4] = $8
    before[$3, $4] = $6
    seen[layer] = 1
}
END {
    split("1 0.75 0.5 0.35 0.2", step, " ")
    print "model", "category", "layer", "gap_edited", "gap_validation", "PS", "RS", "success"
    for (layer = 0; layer < 1000; layer++) {
        if (!(layer in seen)) { continue }
        gone = last_gone = 0; last_rs = 100; success = -1
        for (k = 5; k >= 1 && success < 0; k--) { # from no edit up to the whole one
            gone = 1 - value[layer, step[k], "validation", "gap"] / before["validation", "gap"]
            rs = value[layer, step[k], "all", "rs.top1"]
            if (rs < 95) { success = last_gone + (gone - last_gone) * (last_rs - 95) / (last_rs - rs) }
            last_gone = gone; last_rs = rs
        }
        success = success < 0 ? gone : success
        at[++count] = layer; success_of[count] = success; best = best > success ? best : success
        printf "%s\t%s\t%d\t%.3f\t%.3f\t%.2f\t%.2f\t%.3f\n", model, category, layer,
            value[layer, 1, "edited", "gap"] / before["edited", "gap"], value[layer, 1, "validation", "gap"] / before["validation", "gap"],
            value[layer, 1, "all", "ps"], value[layer, 1, "all", "rs.top1"], success
    }
    print ""
    print "model", "category", "measure", "layer", "success", "of_best", "spearman"
    while ((getline line < measures) > 0) {
        split(line, part, ",")
        if (part[2] == "all") { median[part[1], part[3]] = part[4]; if (!(part[1] in known)) { known[part[1]] = 1; order[++kinds] = part[1] } }
        if (part[2] == "all" && part[3] + 1 > deepest) { deepest = part[3] + 1 }
    }
    for (i = 1; i <= kinds; i++) {
        top = 1
        for (k = 1; k <= count; k++) { x[k] = median[order[i], at[k]]; if (x[k] > x[top]) { top = k } }
        printf "%s\t%s\t%s\t%d\t%.3f\t%.2f\t%+.2f\n", model, category, order[i], at[top], success_of[top], (best > 0 ? success_of[top] / best : 0),
            spearman(x, success_of, count)
    }
    near = last = 1
    for (k = 1; k <= count; k++) {
        mean += success_of[k] / count
        wanted = int(2 * deepest / 3)
        if ((at[k] - wanted) ^ 2 < (at[near] - wanted) ^ 2) { near = k }
    }
    printf "%s\t%s\t%s\t%d\t%.3f\t%.2f\t-\n", model, category, "two_thirds", at[near], success_of[near], (best > 0 ? success_of[near] / best : 0)
    printf "%s\t%s\t%s\t%d\t%.3f\t%.2f\t-\n", model, category, "last", at[count], success_of[count], (best > 0 ? success_of[count] / best : 0)
    printf "%s\t%s\t%s\t-\t%.3f\t%.2f\t-\n", model, category, "random", mean, (best > 0 ? mean / best : 0)
}' "$sweep.txt"
