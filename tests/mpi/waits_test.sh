#!/usr/bin/env bash
# Nothing waits for ever: each step that ranks take together may fail on one of them alone, and a rank that never arrives is
# noticed. The time limits here end what hangs; which rank fails, and where, is made by waits_program.c.
. "$(dirname "$0")/support.sh"
cd "$scratch" || exit 1
export OMP_NUM_THREADS=1
all='1225 taken, sum 50331375' # 0 + 1 + ... + 49; 2^20 numbers i % 97, as Python adds them
faults=("memfd_create 0" "posix_fallocate 0" "listen 0" "connect 1" "sendmsg 0" "recvmsg 2" "mmap 0" "mmap 2")

# one rank fails alone: all take the other way, told in one line that names rank and reason
expect 0 mpirun -n 3 "$WAITS_PROGRAM" none 0 apart 0 ${faults[*]} none 1
{
    echo "none: counter shared, $all"
    echo "apart: counter window, $all"
    for fault in "${faults[@]}"; do
        echo "${fault% *}: counter by message, $all"
        echo "(rank ${fault#* } of 3 on node $(uname -n)); every rank there converts the weights for itself, so they take 3 times as much" >>lines
    done
    echo "none: counter shared, $all"
} >expected
same expected out
sed -n 's/^fairstamp: no shared memory of 4194304 bytes on 1 node: .* (rank/(rank/p' err >found
same lines found
for reason in 'Too many open files' 'No space left on device' 'Permission denied' 'connect to the first rank of this node' \
    'Operation not permitted' 'the shared memory of the first rank'; do
    says "$reason"
done

# the models that groups of ranks share: filled once, kept, given back, filled anew for other files; or each group has its own
expect 0 mpirun -n 3 "$WAITS_PROGRAM" store none 0 ftruncate 0 mmap 2 none 1
{
    echo "none: sum 50331375"
    echo "ftruncate: no store"
    echo "mmap: no store"
    echo "none: sum 50331375"
} >expected
same expected out
says 'no memory that the groups of a node share: ftruncate: File too large'
says 'no memory that the groups of a node share: mmap: Cannot allocate memory'

# one rank does not arrive, or is stopped: a line that names who waits where, and the exit code for it
for step in "stall:MPI_Comm_dup 0" "stop:MPI_Finalize 1"; do
    set -- $step
    expect 68 mpirun -n 3 "$WAITS_PROGRAM" "$1" "$2"
    grep -q "^fairstamp: rank [^$2] of 3 on node $(uname -n) has waited [0-9]* s in .*${1#*:} for the other ranks: one is gone" err ||
        { fail "$step: no line of a rank that waits"; cat err; }
done

# where others may work for long the wait is told of, and not ended
mpirun -n 3 "$WAITS_PROGRAM" stop:MPI_Ibarrier 1 >out 2>err &
mpirun_pid=$!
tries=0
until grep -q 'rank 0 of 3 .* in MPI_Ibarrier for the other ranks; the job goes on waiting' err || [ $((tries += 1)) -gt 600 ]; do
    sleep 0.1
done
[ $tries -le 600 ] || { fail "nothing is told of a long wait"; cat err; }
kill -CONT $(pgrep -P $mpirun_pid) # all three: the stopped one waits in pause() then
kill -0 $mpirun_pid 2>/dev/null || fail "a wait for work was ended"
kill -KILL $(pgrep -P $mpirun_pid | tail -n 1)
wait $mpirun_pid
code=$?
[ $code = 137 ] || fail "exit code $code after a rank was killed, expected 137"

# --connected: there when all ranks are, and only then
mpirun -n 2 "$fairstamp" logprobs --quiet --model "$GOLDEN_MODELS/gpt2-tiny" --connected "$scratch/connected" </dev/null >out 2>err ||
    fail "--connected"
[ -f connected ] && [ ! -s connected ] || fail "--connected made no empty file"
echo kept >connected
expect 0 "$fairstamp" logprobs --quiet --model "$GOLDEN_MODELS/gpt2-tiny" --connected "$scratch/connected" </dev/null
[ "$(cat connected)" = kept ] || fail "--connected wrote over a file"
expect 73 "$fairstamp" logprobs --quiet --model "$GOLDEN_MODELS/gpt2-tiny" --connected "$scratch/none/file" </dev/null
says "--connected $scratch/none/file: cannot be created: No such file or directory"
expect 64 mpirun -n 2 "$fairstamp" logprobs --quiet --model "$GOLDEN_MODELS/gpt2-tiny" --wait-seconds soon --connected "$scratch/never" </dev/null
says "--wait-seconds"
[ ! -e never ] || fail "--connected before the command line was read"
finish
