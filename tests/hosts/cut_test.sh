#!/usr/bin/env bash
# A host is cut off in mid-run: its link carries nothing any more, and nobody is told. Jobs end, name the host, and go on to the
# same bits. With --wait-seconds 30 a node may be silent for 3 s, by
# default for 30 s.
. "$(dirname "$0")/support.sh"
hosts_up 3
job=(run "$FAIRSTAMP_SOURCE/demo/job.json" --set "model=$GOLDEN_MODELS/gpt2-tiny" --set checkpoint_share=1 --set stamp.checkpoint_every=3
    --set stamp.width=64 --set trace.heat_map=true --set trace.corruption=noise --set trace.noise_samples=100
    --set trace.bootstrap=100 --set evaluate.bootstrap=100)
declare -A launcher
# start NAME HOSTS OPTIONS...: in the background; with its words in NAME.err, its logs in NAME.logs
start() {
    over "$2" "$(tr -cd : <<<"$2" | wc -c)" "$fairstamp" "${job[@]}" --set "output=$scratch/$1" --log-dir "$1.logs" "${@:3}" >"$1.out" 2>"$1.err" </dev/null &
    launcher[$1]=$!
}
logged() { # NAME PATTERN [RANK]: until a rank's log has it, or the job ends
    until grep -qE "$2" "$1.logs"/rank-${3:-*}.log 2>/dev/null || ! kill -0 "${launcher[$1]}" 2>/dev/null; do
        sleep 0.01
    done
}
ended() { # NAME CODE
    local code
    { wait "${launcher[$1]}"; } 2>/dev/null # the shell tells of a killed job here
    code=$?
    [ $code = "$2" ] || { fail "$1: exit code $code, expected $2"; cat "$1.err"; }
}
told() { # NAME TEXT [TIMES]
    [ "$(grep '^fairstamp: ' "$1.err" | grep -c "$2")" = "${3:-1}" ] || { fail "$1: expected ${3:-1} lines with: $2"; cat "$1.err"; }
}

long=(--set stamp.iterations=100000 --set checkpoint_seconds=0.05 --wait-seconds 30)
start undisturbed n1:2 --set stamp.iterations=24
# a process that is stopped meanwhile is on a host that answers: its job waits
start still n1:1,n2:1 --set stamp.iterations=24 --set checkpoint_seconds=0.05 --wait-seconds 30
logged still 'stamp: step .* saved'
stopped=$(sed -n 's/.* on node n2, process \([0-9]*\),.*/\1/p' still.logs/rank-1.log)
kill -STOP "$stopped"
start plain n1:1,n2:1,n3:1 "${long[@]}"
start root n3:1,n1:1,n2:1 "${long[@]}" # the root's host will be the lost one
logged plain 'stamp: step .* saved'
logged root 'stamp: step .* saved'
ended undisturbed 0
# as docs/hosts.md says, but quicker; nothing is saved by the clock
OMPI_MCA_oob_tcp_keepalive_time=3 OMPI_MCA_oob_tcp_keepalive_intvl=1 OMPI_MCA_oob_tcp_keepalive_probes=1 \
    start set n1:1,n2:1,n3:1 --set stamp.iterations=24 --set checkpoint_seconds=1000 --wait-seconds 60
# not before the root has a unit of its own: what others have finished may still be with them
logged set 'trace sublayers: unit [0-9]* done' 0
ip link set l3 down

# mpirun notices by itself; what the root has is saved before
ended set 205
told set 'rank 0 of 3 on node n1: node n3 (10.77.0.3) has not answered for .*; the job ends after'
grep -q 'Remote daemon: .* on node n3' set.err || { fail "mpirun does not name the host"; cat set.err; }
# with its default it would not for minutes: the root ends it
ended plain 137
told plain 'node n3 (10.77.0.3) has not answered for .*; the job ends after'
told plain '^fairstamp: rank 0 of 3 on node n1: node n3 (10.77.0.3) has not answered for .*; exit code 68'
# on the lost host too, and those that it left
ended root 137
told root '^fairstamp: rank 0 of 3 on node n3: node n[12] (10.77.0.[12]) has not answered for .*; exit code 68'
kill -CONT "$stopped"
ended still 0
told still 'has not answered' 0
"$fairstamp" verify --equal undisturbed/stamp.h5 still/stamp.h5 >/dev/null || fail "a job that stood still"
grep -h 'has not answered' plain.err
grep -h 'has not answered' root.err
for host in n1 n2 n3; do
    for _ in {1..600}; do
        [ -n "$(processes_on $host fairstamp)" ] || continue 2
        sleep 0.1
    done
    fail "ranks are left on $host"
done

# without that host: the same bits, from what was saved
over n1:1,n2:1 2 "$fairstamp" "${job[@]}" --set stamp.iterations=24 --set checkpoint_seconds=1000 --set "output=$scratch/set" >out 2>err ||
    { fail "the job does not go on"; cat err; }
grep -oE 'trace sublayers: [1-9][0-9]* of [0-9]+ are there from an earlier run|trace: done before' err || { fail "nothing was saved when the host was lost"; cat err; }
for stage in trace stamp evaluate; do
    "$fairstamp" verify --equal undisturbed/$stage.h5 set/$stage.h5 >/dev/null 2>verdict || fail "$(cat verdict)"
done
for name in plain root; do
    "$fairstamp" verify $name/trace.h5 >/dev/null && [ -s $name/stamp.part.h5 ] || fail "$name: $(ls $name)"
done
finish
