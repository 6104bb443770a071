#!/usr/bin/env bash
# A network of 1 ms and 1 Gbit/s: the same bits, and what `estimate` predicts beside what the stages took. Times are printed, and
# nothing depends on them.
. "$(dirname "$0")/support.sh"
slow_hosts_up 2 1000 1000
job=("$FAIRSTAMP_SOURCE/demo/job.json" --set "model=$GOLDEN_MODELS/gpt2-tiny" --set stamp.iterations=20 --set trace.bootstrap=100
    --set evaluate.bootstrap=100)
expect 0 "$fairstamp" run "${job[@]}" --set output=alone
expect 0 over n1:1,n2:1 2 "$fairstamp" estimate "${job[@]}" --set "output=$scratch/two" --seconds 1 --save
grep -o 'Messages: [^;]*' out
expect 0 over n1:1,n2:1 2 "$fairstamp" run "${job[@]}" --set "output=$scratch/two"
for stage in trace stamp evaluate; do
    grep -o "$stage: [0-9.]* s, predicted [0-9.]* s" err || fail "$stage is not compared with the estimate"
    "$fairstamp" verify --equal alone/$stage.h5 two/$stage.h5 >/dev/null 2>verdict || fail "$(cat verdict)"
done
finish
