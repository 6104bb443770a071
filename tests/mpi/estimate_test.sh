#!/usr/bin/env bash
# estimate: counts that are the job's own on any number of ranks, files, options, models without weights, the comparison afterwards.
. "$(dirname "$0")/support.sh"
data=$here/data
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
estimate() { # RANKS OUTPUT OPTIONS...
    expect 0 mpirun -n "$1" "$fairstamp" estimate "$data/job.json" --set "output=$2" --seconds 1 "${@:3}"
}
counts() { # FILE: what depends on the job alone
    grep -E '"(units|steps|passes|tokens|flops|weights|model_bytes|stamp_layer|stamp_parameters)"' "$1"
}

estimate 1 none
for words in 'Predicted time, 1 thread a rank' 'Efficiency falls below 50 %' 'Memory of a node' ' 1024 '; do
    grep -q "$words" out || fail "estimate does not say: $words"
done
[ ! -e none ] || fail "estimate made the output folder"
[ -z "$(find . -name 'fs.??????')" ] || fail "a scratch folder is left"

estimate 1 o --save --format json
cp out one.json
cmp -s out o/estimate.json || fail "estimate.json is not what --format json prints"
estimate 2 o2 --format json
counts one.json >one
counts out | diff one - >/dev/null || fail "counts differ between 1 and 2 ranks"
grep -q '"ranks":' out || fail "no ranks in the JSON"

# the units are those of the run; the run compares, for this job alone
expect 0 "$fairstamp" run "$data/job.json" --set output=o
for stage in trace stamp evaluate; do
    grep -q "^fairstamp: $stage: [0-9.]* s, predicted [0-9.]* s" err || fail "$stage is not compared"
done
units=$(tr -d ' \n\t' <one.json | sed -n 's/.*"evaluate":{[^}]*"units":\([0-9]*\),.*/\1/p')
grep -q "^fairstamp: scores: [0-9]*/$units in" err || fail "evaluate has other units than the $units that were estimated"
steps=$(tr -d ' \n\t' <one.json | sed -n 's/.*"stamp":{[^}]*"steps":\([0-9]*\),.*/\1/p')
grep -q "^fairstamp: stamp: layer [0-9]*, .* $steps steps" err || fail "the stamp has other steps than the $steps that were estimated"
expect 0 "$fairstamp" report o/evaluate.h5 -o page
grep -q '<h2>Time</h2>' page/index.html && grep -q '| evaluate | 1 | 1 | [0-9.]* | [0-9.]* |' page/report.md || fail "the report has no times"
expect 0 "$fairstamp" run "$data/job.json" --set output=o --set seed=4 --force
! grep -q predicted err || fail "another job's estimate was taken"
echo '{"threads_a_rank": 1' >o/estimate.json
expect 0 "$fairstamp" run "$data/job.json" --set output=o --set seed=4
! grep -q predicted err || fail "a damaged estimate was taken"

# the layer: the trace's that is there, or the job's
expect 0 "$fairstamp" run "$data/job.json" --set output=o3
expect 0 "$fairstamp" estimate "$data/job.json" --set output=o3
grep -q 'of an earlier trace' out || fail "the trace's layer was not taken"
expect 0 "$fairstamp" estimate "$data/job.json" --set output=o3 --set stamp.layer=1 --set layers.compare=all
! grep -q 'may find another layer' out || fail "the job names its layer"
grep -q "layer 1 (the job's)" out && grep -q '^layer_sweep ' out || fail "the job's layer was not taken"

# what is said of the stamp is of it alone
expect 0 "$fairstamp" estimate "$data/job.json" --set output=o7 --set methods=stamp,ft --seconds 1 --format json
grep '"stamp_parameters"' one.json | cmp -s - <(grep '"stamp_parameters"' out) || fail "a second training changes the stamp's parameters"
expect 0 "$fairstamp" estimate "$data/job.json" --set output=o7 --set method=ft --set ft.layer=1 --seconds 1
grep -q "^Trained at layer 1 (the job's)$" out && ! grep -q Stamp out || fail "a job without a stamp has one in its estimate"

# no weights: their shape is enough
cp -r "$GOLDEN_MODELS/bert-tiny" shape
rm -f shape/model.safetensors
expect 0 "$fairstamp" estimate "$data/job.json" --set output=o4 --set model=shape --network 1.5,12.5 --node-ranks 4 --save
says 'no weights'
grep -q 'random weights' out && grep -q 'Messages: 1.5 us, 12.5 GB/s' out && grep -q 'with 4 of 1 ranks' out || fail "options of the shape"
sed 's/"num_hidden_layers": 2/"num_hidden_layers": 7/' "$GOLDEN_MODELS/bert-tiny/config.json" >shape/config.json
expect 0 "$fairstamp" estimate "$data/job.json" --set output=o4 --set model=shape
grep -q 'layer 3 (assumed: the middle)' out || fail "the middle layer was not assumed"
grep -q 'may find another layer: at layer 0' out || fail "an assumed layer is not certain"
# what is said of layer 0 are the operations of a stamp there, but for attention's products of states, which weigh more in so small a model
stamp_flops() { awk '/"stamp":/ { inside = 1 } inside && /"flops"/ { gsub(/[^0-9.e+]/, "", $2); print $2; exit }' "$1"; }
expect 0 "$fairstamp" estimate "$data/job.json" --set output=o4 --set model=shape --format json
cp out middle.json
expect 0 "$fairstamp" estimate "$data/job.json" --set output=o4 --set model=shape --set stamp.layer=0 --format json
factor=$(sed -n 's/.*"stamp_at_layer_0":[[:space:]]*\([0-9.]*\).*/\1/p' middle.json)
awk -v middle="$(stamp_flops middle.json)" -v lowest="$(stamp_flops out)" -v factor="$factor" \
    'BEGIN { r = middle * factor / lowest; exit !(middle < lowest && r > 0.8 && r < 1.05) }' ||
    fail "layer 0 is $factor times layer 3: $(stamp_flops middle.json), $(stamp_flops out)"

# flops METHOD SETTINGS...: operations of its training
flops() {
    expect 0 "$fairstamp" estimate "$data/job.json" --set output=o8 --seconds 1 --set "methods=$1" "${@:2}" --format json
    tr -d ' \n\t' <out | sed -n "s/.*\"$1\":{[^}]*\"flops\":\([0-9.e+]*\),.*/\1/p"
}
# each setting that is tried is trained with its own steps, without the validation pairs; of the one that is chosen, the most count
tried() { flops ft --set ft.layer=1 --set ft.epochs=2 "$@"; }
awk -v few="$(tried --set ft.epochs=3)" -v many="$(tried --set ft.epochs=7)" \
    -v few_tried="$(tried --set ft.epochs=3 --set split.validation=0.2)" \
    -v many_tried="$(tried --set ft.epochs=7 --set split.validation=0.2)" \
    -v found_few="$(tried --set search.settings=ft.epochs=3 --set search.validation=0.2)" \
    -v found_many="$(tried --set search.settings=ft.epochs=7 --set search.validation=0.2)" \
    'BEGIN { exit !(few_tried > 0 && found_many - found_few == many - few + many_tried - few_tried) }' ||
    fail "settings that are tried are not in the estimate as trainings of their own"
# ROME runs the layers up to its own once for each prompt, whatever the iterations: at layer 1 two layers, at layer 0 one. What does not
# depend on the iterations is that and the covariance, whose text is the same with fewer pairs
printf 'the man went home and the woman read a book .\n%.0s' {1..50} >text.txt
once() { # LAYER HELD_OUT
    awk -v two="$(lower "$@" 2)" -v three="$(lower "$@" 3)" 'BEGIN { printf "%.17g", 3 * two - 2 * three }'
}
lower() { # LAYER HELD_OUT ITERATIONS
    flops rome --set edit.text=text.txt --set covariance.tokens=200 --set "rome.layer=$1" --set "split.held_out=$2" --set "rome.iterations=$3"
}
awk -v a="$(once 0 0.3)" -v b="$(once 0 0.6)" -v c="$(once 1 0.3)" -v d="$(once 1 0.6)" \
    'BEGIN { exit !(a > b && c - d == 2 * (a - b)) }' || fail "the layers below ROME's are not in the estimate"

expect 64 "$fairstamp" estimate "$data/job.json" --network fast
says 'such as 2,10'
expect 64 "$fairstamp" estimate "$data/job.json" --seconds 0
expect 64 "$fairstamp" estimate "$data/job.json" --node-ranks none
expect 64 "$fairstamp" estimate
expect 66 "$fairstamp" estimate none.json
expect 78 "$fairstamp" estimate "$data/job.json" --set stamp.width=0
expect 65 "$fairstamp" estimate "$data/job.json" --set output=o5 --set categories=astrology
expect 73 env TMPDIR="$scratch/nowhere" "$fairstamp" estimate "$data/job.json" --set output=o5
[ -z "$(find . -name 'fs.??????')" ] || fail "a scratch folder is left"
finish
