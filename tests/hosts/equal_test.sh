#!/usr/bin/env bash
# The same bits on one host, two and three, joined by TCP alone.
. "$(dirname "$0")/support.sh"
hosts_up 3
job=(run "$FAIRSTAMP_SOURCE/demo/job.json" --quiet --set "model=$GOLDEN_MODELS/gpt2-tiny" --set stamp.width=64 --set stamp.iterations=12
    --set trace.heat_map=true --set trace.bootstrap=100 --set evaluate.bootstrap=100)

# what the hosts are: names of their own, memory that is not the others'
over n1:1,n2:1,n3:1 3 sh -c 'uname -n; touch /dev/shm/$(uname -n); sleep 0.2; ls /dev/shm | grep "^n"; exit 0' 2>err | sort | uniq -c | tr -s ' ' >out
printf ' 2 n%s\n' 1 2 3 | cmp -s - out || { fail "hosts are not apart"; cat out err; }
# units are handed out by message over TCP; ranks of one host share memory
expect 0 over n1:2,n2:1 3 "$WAITS_PROGRAM" none 0
grep -qx 'none: counter by message, 1225 taken, sum 50331375' out || fail "counter: $(cat out)"

for hosts in n1:2 n1:2,n2:1 n3:1,n1:1,n2:2; do
    ranks=$(tr ',' '\n' <<<"$hosts" | awk -F: '{ sum += $2 } END { print sum }')
    expect 0 over $hosts "$ranks" "$fairstamp" "${job[@]}" --set "output=$scratch/$hosts" --log-dir "logs-$hosts"
    cp out "$hosts/printed"
    same "$hosts/printed" n1:2/printed
    for stage in trace stamp evaluate; do
        "$fairstamp" verify --equal "n1:2/$stage.h5" "$hosts/$stage.h5" >/dev/null 2>verdict || fail "$hosts: $(cat verdict)"
    done
    sed -n 's/.* rank [0-9]* of [0-9]* on node \(n[0-9]\),.*/\1/p' logs-"$hosts"/rank-*.log | sort | uniq -c | awk '{ printf "%s%s:%s", (NR > 1 ? "," : ""), $2, $1 }' >places
    [ "$(tr ',' '\n' <places)" = "$(tr ',' '\n' <<<"$hosts" | sort)" ] || fail "$hosts: ranks were on $(cat places)"
done
finish
