#!/usr/bin/env bash
# What `apply` writes, in transformers: the log probabilities of `logprobs --edit`, for every kind of edit on one model of
# each kind and one of 16 bits. Wants python3 with torch and transformers (FAIRSTAMP_PYTHON names another).
. "$FAIRSTAMP_SOURCE/tests/mpi/support.sh"
python=${FAIRSTAMP_PYTHON:-python3}
"$python" -c 'import torch, transformers, safetensors' 2>/dev/null || { echo "skipped: $python has no torch, transformers and safetensors"; exit 77; }
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
printf 'He said that the man was late. The woman who met him left.\nShe gave her a book! His father laughed. "Was she?" He did not know. The old house was red.\n' >text.txt
printf '{"gender": [["man", "woman"], ["he", "she"], ["his", "her"], ["him", "her"]]}' >words.json
list=() methods=(stamp leace steer_ablate ft memit bias_neurons cda)
for name in bert-tiny gpt2-tiny gpt2-own-head-bf16; do
    expect 0 "$fairstamp" run "$here/data/job-biaske.json" --set "model=$GOLDEN_MODELS/$name" --set "output=$name" --set stamp.iterations=3 \
        --set ft.epochs=2 --set memit.iterations=20 --set memit.openings=1 --set memit.layer=0 --set memit.batch=2 --set cda.steps=2 \
        --set cda.batch=99 --set cda.block=16 --set bias_neurons.steps=3 --set "methods=$(IFS=,; echo "${methods[*]}")" \
        --set edit.text=text.txt --set data.attribute_words=words.json --set categories=gender
    for method in "${methods[@]}"; do
        [ $name/$method != gpt2-own-head-bf16/memit ] || continue # which changes nothing there
        expect 0 "$fairstamp" apply "$name/$method.h5" --weights f32 -o "$name-$method"
        list+=("$GOLDEN_MODELS/$name" "$name/$method.h5" "$name-$method")
    done
done
"$python" "$FAIRSTAMP_SOURCE/tests/apply/compare.py" "$fairstamp" "${list[@]}" || fail "transformers gives other log probabilities"
finish
