#!/usr/bin/env bash
# A network of 1 ms and 1 Gbit/s: the same bits, and what `estimate` predicts beside what the stages took. Times are printed, and
# nothing depends on them.
. "$(dirname "$0")/support.sh"
slow_hosts_up 2 1000 1000
job=("$FAIRSTAMP_SOURCE/demo/job.json" --set "model=$GOLDEN_MODELS/gpt2-tiny" --set stamp.iterations=20 --set trace.bootstrap=100
    --set evaluate.bootstrap=100)
for hosts in n1:2 n1:1,n2:1; do
    expect 0 over $hosts 2 "$fairstamp" estimate "${job[@]}" --set "output=$scratch/$hosts" --seconds 1 --save
    echo "$hosts: $(grep -o 'Messages: [^;]*' out)"
    expect 0 over $hosts 2 "$fairstamp" run "${job[@]}" --set "output=$scratch/$hosts"
    for stage in trace stamp evaluate; do
        grep -o "$stage: [0-9.]* s, predicted [0-9.]* s" err || fail "$hosts: $stage is not compared with the estimate"
        "$fairstamp" verify --equal "n1:2/$stage.h5" "$hosts/$stage.h5" >/dev/null 2>verdict || fail "$hosts: $(cat verdict)"
    done
done
finish
