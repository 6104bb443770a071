#!/usr/bin/env bash
# Every golden folder, of each family two and more, through trace, stamp, evaluate and report: the same bits on 1 and 3 ranks,
# and a loss that falls.
. "$(dirname "$0")/support.sh"
data=$here/data
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
folders=0
for model in "$GOLDEN_MODELS"/*/; do
    name=$(basename "$model")
    for ranks in 1 3; do
        timeout 1200 mpirun -n $ranks "$fairstamp" run "$data/job.json" --set "model=$model" --set "output=$scratch/$ranks" \
            >"printed-$ranks" 2>err || { fail "$name, $ranks ranks: $(tail -n 3 err)"; continue 2; }
    done
    for stage in trace stamp evaluate; do
        "$fairstamp" verify --equal 1/$stage.h5 3/$stage.h5 >/dev/null 2>verdict || fail "$name: $(cat verdict)"
    done
    same printed-1 printed-3
    "$fairstamp" export 3/stamp.h5 --to csv | awk -F, '
        $1 == "/stamp/training/loss" && $3 == 0 { last = $6; if ($2 == 0) first = $6 }
        END { exit !(last < first) }' || fail "$name: the loss does not fall"
    expect 0 "$fairstamp" report 3/evaluate.h5 -o page
    grep -q '<svg\|\.svg' page/index.html || fail "$name: no picture on the report page"
    rm -rf 1 3 page
    folders=$((folders + 1))
done
echo "$folders folders"
[ "$folders" -gt 0 ] || fail "no golden folders"
finish
