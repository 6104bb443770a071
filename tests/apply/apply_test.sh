#!/usr/bin/env bash
# What `apply` writes, in transformers: the log probabilities of `logprobs --edit`, for a stamp, a map of the last state and a
# change of weights on one model of each kind and one of 16 bits. Wants python3 with torch and transformers (FAIRSTAMP_PYTHON names another).
. "$FAIRSTAMP_SOURCE/tests/mpi/support.sh"
python=${FAIRSTAMP_PYTHON:-python3}
"$python" -c 'import torch, transformers, safetensors' 2>/dev/null || { echo "skipped: $python has no torch, transformers and safetensors"; exit 77; }
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
printf 'He said that the man was late. The woman who met him left.\nShe gave her a book! His father laughed. "Was she?" He did not know. The old house was red.\n' >text.txt
printf '{"gender": [["man", "woman"], ["he", "she"], ["his", "her"], ["him", "her"]]}' >words.json
list=()
for name in bert-tiny gpt2-tiny gpt2-own-head-bf16; do
    expect 0 "$fairstamp" run "$here/data/job-biaske.json" --set "model=$GOLDEN_MODELS/$name" --set "output=$name" --set stamp.iterations=3 \
        --set ft.epochs=2 --set methods=stamp,leace,ft --set edit.text=text.txt --set data.attribute_words=words.json --set categories=gender
    for method in stamp leace ft; do
        expect 0 "$fairstamp" apply "$name/$method.h5" --weights f32 -o "$name-$method"
        list+=("$GOLDEN_MODELS/$name" "$name/$method.h5" "$name-$method")
    done
done
"$python" "$FAIRSTAMP_SOURCE/tests/apply/compare.py" "$fairstamp" "${list[@]}" || fail "transformers gives other log probabilities"
finish
