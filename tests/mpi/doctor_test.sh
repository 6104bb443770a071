#!/usr/bin/env bash
# doctor: one line a check, what is wrong with a job, exit code 69 where a check failed, nothing left behind.
. "$(dirname "$0")/support.sh"
data=$here/data
export OMP_NUM_THREADS=1
unset OPENBLAS_CORETYPE
cd "$scratch" || exit 1
doctor() { # CODE RANKS ARGUMENTS...
    local code=$1 ranks=$2
    shift 2
    expect "$code" mpirun -n "$ranks" "$fairstamp" doctor --quiet "$@"
}
finds() { # STATE CHECK TEXT: exactly one such line
    local count
    count=$(grep -E "^$1 +$2 " out | grep -cF -- "$3")
    [ "$count" = 1 ] || { fail "expected one line '$1 $2' with: $3"; cat out; }
}
job=("$data/job-biaske.json" --set "output=$scratch/o/deep")

for ranks in 1 3; do
    doctor 0 $ranks "${job[@]}"
    finds ok launch "$ranks rank"
    finds ok versions "fairstamp "
    grep -qE '^(ok|warning) +site ' out || fail "no line on the site: $(cat out)"
    finds ok model "$GOLDEN_MODELS/bert-tiny: bert, masked, 2 layers"
    finds ok data "8 biaske pairs"
    finds ok output "$scratch/o/deep"
    finds ok disk "MiB are free"
    finds ok hdf5 "an archive in $scratch was written and read back"
    [ -z "$(find . -name '.fairstamp*')" ] && [ ! -e o ] || fail "something is left: $(ls -A)"
done
doctor 0 2
finds ok launch '2 ranks on 1 node'
grep -q '^ok  *model' out && fail "a model without a job"

# wrong paths
doctor 69 2 "${job[@]}" --set "model=$scratch/none"
finds failed model "the model's folder is not here: $scratch/none"
says 'doctor: 1 of'
doctor 69 1 "${job[@]}" --set "data.biaske=$scratch/none.json"
finds failed data 'none.json'
doctor 69 1 "$scratch/none.json"
finds failed job 'none.json'
doctor 69 1 "${job[@]}" --set stamp.wdith=3
finds failed job 'stamp.wdith'
doctor 69 1 "${job[@]}" --set stamp.layer=9
finds failed model 'stamp.layer'

# an output that cannot be written: below a file, and in a folder where nobody can make one
touch file
doctor 69 2 "$data/job-biaske.json" --set "output=$scratch/file/below"
finds failed output "$scratch/file"
doctor 69 2 "$data/job-biaske.json" --set output=/proc/fairstamp
finds failed output /proc

# a truncated model
cp -r "$GOLDEN_MODELS/bert-tiny" cut
truncate -s -100 cut/model.safetensors
doctor 69 2 "${job[@]}" --set model=cut
finds failed model 'cut/model.safetensors'
rm cut/vocab.txt
cp "$GOLDEN_MODELS/bert-tiny/model.safetensors" cut
doctor 69 1 "${job[@]}" --set model=cut
finds failed model 'cut'

# kernels forced by the environment
OPENBLAS_CORETYPE=Nehalem doctor 0 1
finds warning kernels 'OPENBLAS_CORETYPE=Nehalem is set'

# more threads than cores
OMP_NUM_THREADS=512 doctor 0 2
finds warning threads '512 threads'

# for programs: the same, all at once
doctor 69 2 "$data/job-biaske.json" --set "output=$scratch/file/below" --set "model=$scratch/none" --format json
tr -d ' \n\t' <out >packed
for words in '"name":"model","state":"failed"' '"name":"output","state":"failed"' '"name":"launch","state":"ok"' '"failed":2'; do
    grep -qF -- "$words" packed || { fail "--format json lacks $words"; cat out; }
done
expect 64 "$fairstamp" doctor a.json b.json
finish
