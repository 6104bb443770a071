#!/usr/bin/env bash
# The formula of memory (pipeline/estimate/memory.h) against what the root holds at most by Linux' count, with the weights that
# it maps: at most 10 % above it, for nobody books what is not needed, and at most 5 % below, for what a rank holds of
# libraries, heap and MPI's buffers is a constant there, and some MiB of it differ between systems. Three models (F16 twice,
# BF16), one thread, two, and two ranks; a save in mid-training, as long jobs have them. Needs FAIRSTAMP_SHARED, and
# python3 for the third model.
. "$(dirname "$0")/support.sh"
shared=${FAIRSTAMP_SHARED:-$FAIRSTAMP_SOURCE/../shared}
data=$shared/data/stereoset/dev.json tokenizer=$shared/golden/tokenizers/llama/tokenizer.model
if [ ! -e "$data" ] || [ ! -e "$shared/models/books-gpt2-mini" ]; then
    echo "skipped: no shared data"
    exit 77
fi
cd "$scratch" || exit 1

# number KEY: of estimate.json, MiB
number() {
    sed -n "s/.*\"$1\":\([0-9.e+]*\),.*/\1/p" estimate.json | awk '{ printf "%.0f", $1 / 1048576 }'
}

# compare COMMAND MODEL RANKS THREADS SETTINGS...
compare() {
    local command=$1 model=$2 ranks=$3 formula held
    local settings=(--set stamp.iterations=2 --set stamp.checkpoint_every=1 --set checkpoint_share=1 "${@:5}")
    export OMP_NUM_THREADS=$4
    echo "{\"model\": \"$model\", \"output\": \"$scratch/o\", \"categories\": [\"gender\"], \"data\": {\"stereoset\": \"$data\"}}" >job.json
    rm -rf o
    expect 0 mpirun -n "$ranks" "$fairstamp" estimate job.json "${settings[@]}" --seconds 1 --format json
    { tr -d ' \t\n' <out && echo; } >estimate.json
    expect 0 mpirun -n "$ranks" "$fairstamp" "$command" job.json "${settings[@]}"
    formula=$(($(number model_bytes) + $(number rank_bytes) + $(number root_bytes)))
    held=$(sed -n 's/^fairstamp: [a-z_]*: at most \([0-9]*\) MiB of memory.*/\1/p' err | sort -n | tail -n 1)
    echo "$(basename "$model"), $ranks ranks of $4 threads: formula $formula MiB, held ${held:-?} MiB," \
        "$(awk -v a="$formula" -v b="${held:-0}" 'BEGIN { printf "%+.1f %%", (b > 0 ? 100 * (a / b - 1) : 0) }')"
    [ "${held:-0}" -gt 0 ] && awk -v a="$formula" -v b="$held" 'BEGIN { exit !(a > 0.95 * b && a < 1.1 * b) }' ||
        fail "$model: the root holds ${held:-?} MiB, the formula says $formula MiB"
}
for model in books-gpt2-mini books-bert-mini; do
    compare run "$shared/models/$model" 1 1 --set stamp.layer=0 # that a trace of all items finds, and no probe's
    compare run "$shared/models/$model" 1 2 --set stamp.layer=0
    compare run "$shared/models/$model" 2 1 --set stamp.layer=0
done
if [ -e "$tokenizer" ] && python3 "$here/make_llama.py" llama "$tokenizer" 8 1024 2816; then
    compare stamp "$scratch/llama" 1 1 --set stamp.layer=5 # where most is held
    compare stamp "$scratch/llama" 1 2 --set stamp.layer=5
    compare stamp "$scratch/llama" 2 1 --set stamp.layer=5
else
    fail "the third model cannot be made"
fi

# all facts of ParaRel, whose objects are candidates: what their items take is in the formula, and no read is an object's
if [ -e "$shared/data/pararel" ]; then
    compare run "$shared/models/books-gpt2-mini" 1 1 --set stamp.layer=3 --set stamp.preset=paper --set stamp.width=16 \
        --set data.pararel="$shared/data/pararel" --set evaluate.suite_items=0 --set evaluate.bootstrap=10
fi

# all weights, whose moments ranks share out; beyond what is built in memory
head -c 60000 "$shared/data/wikitext2/wiki.valid.tokens" >text.txt
echo '{"gender": [["man", "woman"], ["he", "she"], ["his", "her"], ["him", "her"]]}' >words.json
if [ -e "$tokenizer" ] && python3 "$here/make_llama.py" all "$tokenizer" 2 512 1408; then
    for ranks in 1 4; do
        compare train "$scratch/all" $ranks 1 --set method=cda --set edit.text=text.txt --set data.attribute_words=words.json \
            --set cda.steps=1 --set cda.batch=64 --set cda.block=128
    done
fi
finish
