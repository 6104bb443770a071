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
mkdir run-a run-b
ln -s "$GOLDEN_MODELS/bert-tiny" run-a/last
ln -s "$GOLDEN_MODELS/gpt2-tiny" run-b/last
run bert --set "model=run-a/./last/"
run gpt2 --set model=run-b/last
run third --set seed=7 --set model_name=mine
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

# what goes on with a training is left out, of every method, unless asked for
run matrix --set "model=run-a/last" --set methods=stamp,ft --set ft.epochs=2
expect 0 "$fairstamp" merge -o short.h5 matrix
expect 0 "$fairstamp" merge --training -o whole.h5 matrix
for method in stamp ft; do
    grep -q moment1 "matrix/$method.h5" || fail "no moments in $method.h5"
done
[ "$(grep -cE 'moment[12]|/best' short.h5 all.h5 | cut -d : -f 2 | sort -u)" = 0 ] || fail "a training's state in a merged file"
grep -q moment1 whole.h5 || fail "no moments in a merged file with --training"

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

# over seeds: bert and third differ in their seed alone (and in names); the old file does not say
only=(--metric gap --where suite=biaske --where subset=all --where category=all)
after_of() { # CELL
    expect 0 "$fairstamp" query all.h5 "${only[@]}" --where "cell=$1" --format json
    sed -n 's/.*"after":[^0-9]*\([0-9.]*\).*/\1/p' out
}
one=$(after_of bert) && other=$(after_of third)
expect 0 "$fairstamp" query all.h5 "${only[@]}" --over-seeds --format json
says 'each stays a row of its own'
[ "$(grep -c '"seeds":[^0-9]*2' out)" = 1 ] || fail "one pair of seeds: $(cat out)"
joined=$(grep -A 40 '"seeds":[^0-9]*2' out | grep -A 1 '"after"' | sed -n 's/.*"mean":[^0-9]*\([0-9.]*\).*/\1/p')
awk "BEGIN { d = $joined - ($one + $other) / 2; exit !(d < 1e-9 && d > -1e-9) }" || fail "the mean of $one and $other is $joined"
expect 0 "$fairstamp" query bert/evaluate.h5 third/evaluate.h5 "${only[@]}" --over-seeds
grep -q 'least to most' out && grep -q '^1 rows of' out || fail "the table over seeds: $(cat out)"

# the split of one seed in the training of another
run kept --set seed=7 --set split.seed=3
held_out() { "$fairstamp" export "$1/evaluate.h5" --to csv | grep '^/suites/biaske/held_out'; }
[ "$(held_out kept)" = "$(held_out bert)" ] && [ "$(held_out third)" != "$(held_out bert)" ] || fail "split.seed keeps the split"

# models: two folders of one name are told apart, a given name stays; the same in the table, the index, exports and reports
models_of() { awk -F, -v set="$1" '$1 == set { print $6 }' out | sort -u | tr '\n' ' '; }
expect 0 "$fairstamp" export all.h5 --to csv
[ "$(models_of /results/model)" = "mine model run-a/last run-b/last " ] || fail "models of the table: $(models_of /results/model)"
[ "$(models_of /cells_index/model)" = "mine model run-a/last run-b/last " ] || fail "models of the index: $(models_of /cells_index/model)"
grep -q '^/cells_index/model,0,,,,run-a/last$' out || fail "the first cell's model: $(grep '^/cells_index/model' out)"
if command -v h5dump >/dev/null; then
    h5dump -d /results/model all.h5 | grep -q '"run-b/last' || fail "h5dump: $(h5dump -d /results/model all.h5 | head -n 20)"
fi
expect 0 "$fairstamp" query all.h5 --metric gap --where model=run-b/last --where subset=all --where category=all --format json
[ "$(tr -d ' \n\t' <out | grep -o '"cell":"[^"]*"' | sort -u)" = '"cell":"gpt2"' ] || fail "where model=run-b/last: $(cat out)"
expect 0 "$fairstamp" query bert/evaluate.h5 gpt2/evaluate.h5 third/evaluate.h5 --metric gap --by model --where subset=all --where category=all
[ "$(awk 'NR > 1 { print $1 }' out | grep -E '^(mine|run-)' | tr '\n' ' ')" = "mine run-a/last run-b/last " ] || fail "models of three files: $(cat out)"
expect 0 "$fairstamp" query left.h5 --metric gap --where model=run-a/last
expect 0 "$fairstamp" merge -o single.h5 gpt2
expect 0 "$fairstamp" query single.h5 --metric gap --where model=last
expect 0 "$fairstamp" query single.h5 bert/evaluate.h5 --metric gap --where model=run-a/last
expect 0 "$fairstamp" report third/evaluate.h5 -o named
grep -q 'Model <b>mine</b>' named/index.html && grep -q '^Model: mine, ' named/report.md || fail "the report does not call the model by its name"
expect 0 "$fairstamp" report bert/evaluate.h5 -o unnamed
grep -q 'Model <b>last</b>' unnamed/index.html || fail "the report does not call the model by its folder"
# one name for two models
mkdir named-b
expect 0 "$fairstamp" run "$data/job-biaske.json" --set trace.bootstrap=20 --set evaluate.bootstrap=20 --set stamp.iterations=3 --set stamp.width=8 \
    --set model=run-b/last --set "output=$scratch/named-b/second" --set model_name=mine --set method=checkpoint:run-b/last --quiet
expect 0 "$fairstamp" merge -o twice.h5 third named-b/second
[ "$(grep -c 'is the name of several models' err)" = 2 ] || fail "one name for two models is not told: $(cat err)"
expect 0 "$fairstamp" export twice.h5 --to csv
[ "$(models_of /results/model | grep -cE '^mine@[0-9a-f]{8} mine@[0-9a-f]{8} $')" = 1 ] || fail "one name for two models: $(models_of /results/model)"
# files written before names were told apart: as they are, and told apart when they are merged once more
before=$FAIRSTAMP_SOURCE/tests/golden/archives/v2/sweep/archive.h5
expect 0 "$fairstamp" query "$before" --metric gap --where model=model
says '"model" stands for several models'
expect 0 "$fairstamp" merge -o apart.h5 "$before"
expect 0 "$fairstamp" query apart.h5 --metric gap --by model --where model=bert.gender/model,gpt2.gender/model

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
expect 0 "$fairstamp" report all.h5 -o page
[ -s page/index.html ] && [ "$(find page -mindepth 2 -name index.html | wc -l)" -ge 1 ] || fail "the page of a merged file: $(find page | head)"

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
