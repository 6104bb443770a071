#!/usr/bin/env bash
# The formula of memory (pipeline/estimate/memory.h) against what jobs hold at most, by Linux' count: within 10 % on three models,
# with one thread, two, and two ranks. Needs FAIRSTAMP_SHARED, and python3 for the third model.
. "$(dirname "$0")/support.sh"
shared=${FAIRSTAMP_SHARED:-$FAIRSTAMP_SOURCE/../shared}
data=$shared/data/stereoset/dev.json tokenizer=$shared/golden/tokenizers/llama/tokenizer.model
if [ ! -e "$data" ] || [ ! -e "$shared/models/books-gpt2-mini" ]; then
    echo "skipped: no shared data"
    exit 77
fi
cd "$scratch" || exit 1

# compare COMMAND MODEL RANKS THREADS SETTINGS...
compare() {
    local command=$1 model=$2 ranks=$3 settings=(--set "model=$2" --set stamp.iterations=2 "${@:5}")
    export OMP_NUM_THREADS=$4
    echo "{\"model\": \"$model\", \"output\": \"$scratch/o\", \"categories\": [\"gender\"], \"data\": {\"stereoset\": \"$data\"}}" >job.json
    rm -rf o
    expect 0 mpirun -n "$ranks" "$fairstamp" estimate job.json "${settings[@]}" --seconds 1 --format json
    tr -d ' \t\n' <out >estimate.json
    expect 0 mpirun -n "$ranks" "$fairstamp" "$command" job.json "${settings[@]}"
    local formula held
    formula=$(for key in model_bytes rank_bytes root_bytes; do sed -n "s/.*\"$key\":\([0-9.e+]*\),.*/\1/p" estimate.json; done |
        awk '{ sum += $1 } END { printf "%.0f", sum / 1048576 }')
    held=$(sed -n 's/^fairstamp: [a-z_]*: at most \([0-9]*\) MiB of memory.*/\1/p' err | sort -n | tail -n 1)
    echo "$(basename "$model"), $ranks ranks of $3 threads: formula $formula MiB, held $held MiB"
    [ "${held:-0}" -gt 0 ] && awk -v a="$formula" -v b="$held" 'BEGIN { exit !(a > 0.9 * b && a < 1.1 * b) }' ||
        fail "$model: the root holds ${held:-?} MiB, the formula says $formula MiB"
}
for model in books-gpt2-mini books-bert-mini; do
    compare run "$shared/models/$model" 1 1
    compare run "$shared/models/$model" 1 2
    compare run "$shared/models/$model" 2 1
done
if [ -e "$tokenizer" ] && python3 "$here/make_llama.py" llama "$tokenizer" 8 1024 2816; then
    compare stamp "$scratch/llama" 1 1 --set stamp.layer=5 # where most is held
    compare stamp "$scratch/llama" 1 2 --set stamp.layer=5
    compare stamp "$scratch/llama" 2 1 --set stamp.layer=5
else
    fail "the third model cannot be made"
fi
finish
