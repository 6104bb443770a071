#!/usr/bin/env bash
# merge, query and export over the results of several jobs, and over files of the first format version.
. "$(dirname "$0")/support.sh"
data=$here/data
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1

# cells: three small jobs, the first of them done twice (the files differ in provenance alone), and old files
run() { # FOLDER SETTINGS...
    expect 0 "$fairstamp" run "$data/job-biaske.json" --set trace.bootstrap=20 --set evaluate.bootstrap=20 --set stamp.iterations=3 \
        --set stamp.width=8 --set "output=$scratch/$1" "${@:2}" --quiet
}
run bert
run gpt2 --set "model=$GOLDEN_MODELS/gpt2-tiny"
run third --set seed=7
expect 0 mpirun -n 2 "$fairstamp" run "$data/job-biaske.json" --set trace.bootstrap=20 --set evaluate.bootstrap=20 \
    --set stamp.iterations=3 --set stamp.width=8 --set "output=$scratch/again/bert" --quiet
cp -r "$FAIRSTAMP_SOURCE/tests/golden/archives/v1" old
sha256sum */*.h5 again/*/*.h5 >before

# the same cells give the same bytes, in any order, in any steps, once more, and over itself
expect 0 "$fairstamp" merge -o all.h5 bert gpt2 third old
says 'all.h5'
expect 0 "$fairstamp" verify all.h5
expect 0 "$fairstamp" merge -o order.h5 old third gpt2 bert
same all.h5 order.h5
expect 0 "$fairstamp" merge -o left.h5 bert gpt2
expect 0 "$fairstamp" merge -o right.h5 third old
expect 0 "$fairstamp" merge -o steps.h5 left.h5 right.h5
same all.h5 steps.h5
expect 0 "$fairstamp" merge -o steps.h5 right.h5 gpt2/ bert left.h5 bert
same all.h5 steps.h5
expect 0 "$fairstamp" merge -o all.h5 all.h5
same all.h5 order.h5
expect 0 "$fairstamp" merge -o one.h5 bert again/bert
expect 0 "$fairstamp" merge -o other.h5 again/bert bert
same one.h5 other.h5
mkdir alone
cp all.h5 alone
expect 0 "$fairstamp" merge -o alone/again.h5 alone/all.h5 # without its originals
same all.h5 alone/again.h5

# refused: two results for one cell, stages of two jobs, damage, what is no result; nothing is written
refused() { # CODE TEXT ARGUMENTS...
    cp all.h5 kept.h5
    expect "$1" "$fairstamp" merge -o kept.h5 "${@:3}"
    says "$2"
    same all.h5 kept.h5
}
mkdir -p foreign mixed zero cut wrong empty "no cell"
cp -r third foreign/bert
refused 76 'cell bert' bert foreign/bert
grep -q '/.* differs' err || fail "the difference is not named: $(cat err)"
cp bert/*.h5 mixed
cp third/evaluate.h5 mixed
refused 76 'cell mixed' mixed
head -c 3000 bert/trace.h5 >cut/trace.h5
refused 65 'cut/trace.h5' bert cut
cp bert/trace.h5 wrong/evaluate.h5
refused 65 'wrong/evaluate.h5' wrong
refused 66 'empty' bert empty
refused 66 'nowhere' nowhere
cp bert/*.h5 "no cell"
refused 65 '"no cell" is no id of a cell' "no cell"
refused 65 'bert/trace.h5' bert/trace.h5
: >zero/trace.h5
refused 65 'zero/trace.h5' bert zero
expect 1 "$fairstamp" verify zero/trace.h5
[ "$(grep -o 'is no archive' err | wc -l)" = 1 ] || fail "verify says it twice: $(cat err)"
expect 64 "$fairstamp" merge -o none.h5
expect 64 "$fairstamp" merge bert
expect 73 "$fairstamp" merge -o nowhere/all.h5 bert
sha256sum -c --quiet before || fail "an original was changed"

# query: a category has one name, in a file that knew two, whichever is asked for
spelt=$FAIRSTAMP_SOURCE/tests/golden/archives/spelling/evaluate.h5
expect 0 "$fairstamp" query "$spelt" --where category=race
cp out race.txt
[ "$(grep -c " crows[. ]" race.txt)" = 3 ] || fail "rows of CrowS-Pairs and race: $(cat race.txt)"
expect 0 "$fairstamp" query "$spelt" --where category=race-color
same out race.txt

# query: the numbers of the evaluate file, by any key
expect 0 "$fairstamp" query bert/evaluate.h5 --metric SS --where subset=edited --where category=all --format json
value=$(tr -d ' \n\t' <out | grep -o '"before":[^,]*' | head -n 1 | cut -d: -f2)
expect 0 "$fairstamp" export bert/evaluate.h5 --to csv
row=$(awk -F, '$1 == "/results/metric" && $6 == "ss.macro" { m[$2] = 1 } $1 == "/results/subset" && $6 == "edited" { s[$2] = 1 }
    $1 == "/results/category" && $6 == "all" { c[$2] = 1 } END { for (i in m) if (s[i] && c[i]) print i }' out)
exported=$(awk -F, -v row="$row" '$1 == "/results/value" && $2 == row && $3 == 0 { print $6 }' out)
awk "BEGIN { exit !($value - $exported < 1e-9 && $exported - $value < 1e-9) }" || fail "query says $value, export $exported"
expect 0 "$fairstamp" query all.h5 --metric SS,RS --by model,cell --where subset=all,edited
[ "$(awk 'NR > 1 && $2 ~ /^(bert|gpt2|third|old)$/ { print $2 }' out | sort -u | tr '\n' ' ')" = "bert gpt2 old third " ] ||
    fail "cells of the query: $(cat out)"
grep -q 'the same in all rows' out || fail "the query does not say what is the same"
expect 0 "$fairstamp" query all.h5 bert/evaluate.h5 --metric gap --format json
expect 64 "$fairstamp" query all.h5 --by modle
says 'did you mean "model"'
expect 64 "$fairstamp" query all.h5 --where cell=brt
says 'did you mean "bert"'
expect 64 "$fairstamp" query all.h5 --where cell
expect 64 "$fairstamp" query all.h5 --metric SSS
expect 65 "$fairstamp" query bert/trace.h5
says 'expected merged or evaluate'
expect 65 "$fairstamp" query all.h5 --where subset=edited --metric ds

# export and inspect of a merged file; npz has one array a dataset, and the same bytes each time
expect 0 "$fairstamp" inspect all.h5
grep -q '^/cells/gpt2/stamp/' out || fail "inspect: $(head -n 3 out)"
for format in csv json npz; do
    expect 0 "$fairstamp" export all.h5 --to $format
    cp out first
    expect 0 "$fairstamp" export all.h5 --to $format
    same out first
done
[ "$(head -c 2 out)" = PK ] || fail "npz is no zip archive"
expect 65 "$fairstamp" report all.h5 -o page
says 'all.h5'

# files of the first format version, in which layer_sweep was called layers: every command reads them
for stage in trace stamp evaluate layers; do
    expect 0 "$fairstamp" verify old/$stage.h5
    expect 0 "$fairstamp" inspect old/$stage.h5
    expect 0 "$fairstamp" export old/$stage.h5 --to csv
done
expect 0 "$fairstamp" report old/evaluate.h5 -o page
grep -q 'SS' page/report.md || fail "the report of an old file is empty"
grep -q '## Stamps at other layers' page/report.md || fail "the report of old files leaves out layers.h5"
expect 0 "$fairstamp" report old/layers.h5 -o page2
same page/report.md page2/report.md
expect 0 "$fairstamp" merge -o old.h5 old
expect 0 "$fairstamp" inspect old.h5
grep -q '^/cells/old/layer_sweep/layers/score' out || fail "layers.h5 is not merged as layer_sweep: $(grep layers/ out | head -n 3)"
finish
