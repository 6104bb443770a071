#!/usr/bin/env bash
# The whole chain on small random models: the same bits on 1 to 4 ranks, stages that are not done twice, files of another job.
. "$(dirname "$0")/support.sh"
data=$here/data
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
# chain RANKS JOB OUTPUT OPTIONS...: fairstamp run
chain() {
    local ranks=$1 job=$2 output=$3
    shift 3
    timeout 1200 mpirun -n "$ranks" "$fairstamp" run "$data/$job.json" --set "output=$output" "$@" >out 2>err
}
whole() {
    for stage in trace stamp evaluate; do
        "$fairstamp" verify "$1/$stage.h5" >/dev/null || fail "$1/$stage.h5 is not whole"
    done
    [ -z "$(find "$1" -name '*.part.h5' -o -name '*.tmp')" ] || fail "left over: $(ls "$1")"
}
equal() {
    for stage in trace stamp evaluate; do
        "$fairstamp" verify --equal "$1/$stage.h5" "$2/$stage.h5" >/dev/null 2>verdict || fail "$(cat verdict)"
    done
}

for run in "bert-tiny job 1 2 3 4" "gpt2-tiny job-biaske 1 2 3 4" "llama-grouped job 1 2 3 4" "gpt_neo-tiny job 1 3" "roberta-tiny job 1 3"; do
    set -- $run
    model=$1 job=$2
    shift 2
    for ranks in "$@"; do
        output=$scratch/$model-$ranks
        chain $ranks $job "$output" --set "model=$GOLDEN_MODELS/$model" || { fail "$job, $model, $ranks ranks"; cat err; }
        whole "$output"
        [ $ranks = 1 ] || equal "$output" "$scratch/$model-1"
        cp out "$output/printed"
        same "$output/printed" "$scratch/$model-1/printed"
    done
done
printed=$scratch/gpt2-tiny-1/printed
grep -q 'Decisive layer' "$printed" && grep -q 'SS held-out' "$printed" && grep -q 'PS ' "$printed" || fail "the tables are not there: $(cat "$printed")"
done_before=$scratch/gpt2-tiny-4

# threads change no bit
OMP_NUM_THREADS=3 chain 2 job "$scratch/threads" --set "model=$GOLDEN_MODELS/bert-tiny" || fail "three threads"
equal "$scratch/threads" "$scratch/bert-tiny-1"

# stage by stage gives the same as run
for stage in trace stamp evaluate; do
    expect 0 mpirun -n 2 "$fairstamp" $stage "$data/job.json" --set "output=$scratch/stages"
done
equal "$scratch/stages" "$scratch/bert-tiny-1"

# a finished job prints the same again and writes nothing
sum_before=$(cd "$done_before" && sha256sum ./*.h5)
chain 1 job-biaske "$done_before" --set "model=$GOLDEN_MODELS/gpt2-tiny" || fail "a finished job: $(cat err)"
same out "$done_before/printed"
[ "$(cd "$done_before" && sha256sum ./*.h5)" = "$sum_before" ] || fail "a finished job was written again"
chain 1 job-biaske "$done_before" --set "model=$GOLDEN_MODELS/gpt2-tiny" --format json || fail "--format json"
grep -q '"decisive_layer"' out && grep -q '"rs.top1"' out || fail "--format json: $(head -n 5 out)"

# other settings: refused with the key's name, nothing touched; --force does what depends on them again
output=$scratch/bert-tiny-2
cp -r "$output" kept
expect 76 mpirun -n 2 "$fairstamp" run "$data/job.json" --set "output=$output" --set stamp.alpha=2
says 'stamp.alpha'
expect 76 "$fairstamp" evaluate "$data/job.json" --set "output=$output" --set seed=4
says 'seed'
equal "$output" kept
expect 0 mpirun -n 2 "$fairstamp" run "$data/job.json" --set "output=$output" --set stamp.alpha=2 --force
grep -q 'trace: done before' err || fail "the trace does not depend on stamp.alpha: $(cat err)"
"$fairstamp" verify --equal "$output/trace.h5" kept/trace.h5 >/dev/null || fail "the trace was changed"
"$fairstamp" verify --equal "$output/stamp.h5" kept/stamp.h5 >/dev/null 2>&1 && fail "stamp.alpha has no effect"
cp "$data/stereoset.json" "$data/crows_pairs.csv" "$data/words.json" "$data/job.json" .
sed -i 's/gravel/marble/' stereoset.json
expect 76 "$fairstamp" run job.json --set "output=$scratch/bert-tiny-3"
says 'data.stereoset'
# what changes no result does not matter
expect 0 "$fairstamp" run "$data/job.json" --set "output=$scratch/bert-tiny-3" --set checkpoint_seconds=5 --set stamp.checkpoint_every=5
cp -r "$GOLDEN_MODELS/bert-tiny" moved
expect 0 "$fairstamp" run "$data/job.json" --set "output=$scratch/bert-tiny-3" --set "model=moved"

# damaged files: told, moved aside, done again to the same bits
output=$scratch/bert-tiny-3
printf 'x' | dd of="$output/stamp.h5" bs=1 seek=3000 conv=notrunc 2>/dev/null
truncate -s -1 "$output/evaluate.h5"
expect 65 "$fairstamp" evaluate "$data/job.json" --set "output=$output"
chain 3 job "$output" || fail "after damage: $(cat err)"
[ -e "$output/stamp.h5.damaged" ] && [ -e "$output/evaluate.h5.damaged" ] || fail "damaged files were not moved aside"
rm -f "$output"/*.damaged
whole "$output"
equal "$output" kept

# an explicit layer needs no trace
expect 0 mpirun -n 2 "$fairstamp" stamp "$data/job.json" --set "output=$scratch/layer" --set stamp.layer=0
expect 0 mpirun -n 2 "$fairstamp" evaluate "$data/job.json" --set "output=$scratch/layer" --set stamp.layer=0

# score with the stamp gives the numbers of evaluate; scores feed metrics
expect 0 mpirun -n 2 "$fairstamp" score --model "$GOLDEN_MODELS/bert-tiny" --suite crows_pairs --data "$data/crows_pairs.csv" \
    --stamp "$output/stamp.h5" --seed 3 --bootstrap 50
grep 'CrowS' out | tr -s ' ' >scored
grep 'CrowS' "$scratch/bert-tiny-1/printed" | tr -s ' ' | cmp -s - scored || fail "score and evaluate differ: $(cat scored)"
expect 0 "$fairstamp" score --model "$GOLDEN_MODELS/gpt2-tiny" --suite stereoset --data "$data/stereoset.json" --format json
cp out scores.json
expect 0 "$fairstamp" score --model "$GOLDEN_MODELS/gpt2-tiny" --suite stereoset --data "$data/stereoset.json"
grep -v gap out | tr -s ' ' | sed 's/ [^ ]*$//' >scored # without the variant
expect 0 "$fairstamp" metrics --suite stereoset --data "$data/stereoset.json" --scores scores.json
tr -s ' ' <out | sed 's/ [^ ]*$//' | cmp -s - scored || fail "score and metrics differ: $(cat out scored)"
# a stamp of another model: of another shape an error, of the same shape a warning
expect 65 "$fairstamp" score --model "$GOLDEN_MODELS/gpt2-no-prefix" --suite crows_pairs --data "$data/crows_pairs.csv" \
    --stamp "$output/stamp.h5"
expect 0 "$fairstamp" score --model "$GOLDEN_MODELS/gpt2-tiny" --suite crows_pairs --data "$data/crows_pairs.csv" \
    --stamp "$output/stamp.h5"
says 'was trained for another model'

# logprobs: the same on any number of ranks, and beyond one block of lines
jq_free_text() { sed 's/^{"text": "\(.*\)", "ids".*/\1/' "$GOLDEN_MODELS/gpt2-tiny/logprobs.jsonl" | grep -v '\\'; }
for i in $(seq 1 1000); do jq_free_text; done >lines
"$fairstamp" logprobs --quiet --model "$GOLDEN_MODELS/gpt2-tiny" <lines >one || fail "logprobs"
mpirun -n 3 "$fairstamp" logprobs --quiet --model "$GOLDEN_MODELS/gpt2-tiny" <lines >three 2>err || fail "logprobs: $(cat err)"
same one three
[ "$(wc -l <one)" = "$(wc -l <lines)" ] || fail "logprobs: $(wc -l <one) lines, expected $(wc -l <lines)"
# the same of weights as torch.save writes them, here in matrices laid out column by column
head -n 20 lines >few
cp -r "$GOLDEN_MODELS/mistral-tied-f16" turned
"$fairstamp" logprobs --quiet --model turned <few >safetensors || fail "logprobs"
cp "$GOLDEN_MODELS/../pytorch/turned-f16/pytorch_model.bin" turned
"$fairstamp" logprobs --model turned <few 2>err | cmp - safetensors || fail "logprobs beside pytorch_model.bin"
grep -q '^fairstamp: turned: pytorch_model.bin is passed over: model.safetensors is read$' err || fail "no note: $(cat err)"
rm turned/model.safetensors
mpirun -n 2 "$fairstamp" logprobs --quiet --model turned <few 2>err | cmp - safetensors || fail "logprobs of pytorch_model.bin: $(cat err)"
finish
