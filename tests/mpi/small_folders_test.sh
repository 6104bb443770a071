#!/usr/bin/env bash
# Small, full, read-only and missing /dev/shm, as in containers: the numbers of one rank, and no wait without end. A full folder
# of MPI's files is named. Needs root, for mounts of its own.
. "$(dirname "$0")/support.sh"
unshare -m mount -t tmpfs tmpfs /dev/shm 2>/dev/null || { echo "skipped: no mounts of its own (root)"; exit 77; }
cd "$scratch" || exit 1
export OMP_NUM_THREADS=1
unset OMPI_MCA_btl_vader_backing_directory # Open MPI's own place: /dev/shm
printf 'the nurse said\nthe engineer said that he was late\n' >lines

# numbers CODE MODEL RANKS MOUNT: logprobs, where /dev/shm is as MOUNT makes it
numbers() {
    cat >inside.sh <<INSIDE
$4
exec mpirun -n $3 "$fairstamp" logprobs --quiet --model "$GOLDEN_MODELS/$2" <lines
INSIDE
    expect "$1" timeout -s KILL 120 unshare -m bash inside.sh
}
full='mount -t tmpfs -o size=1m tmpfs /dev/shm && head -c 2M /dev/zero >/dev/shm/taken'
for model in gpt2-f16-shards bert-own-head-bf16; do
    expect 0 "$fairstamp" logprobs --quiet --model "$GOLDEN_MODELS/$model" <lines
    cp out $model
    numbers 0 $model 2 "$full" 2>/dev/null
    same $model out
    grep -q 'no shared memory' err && fail "a full /dev/shm is no reason not to share"
done
numbers 0 gpt2-f16-shards 3 "$full" 2>/dev/null
same gpt2-f16-shards out
numbers 0 bert-own-head-bf16 3 'mount -t tmpfs -o size=6m tmpfs /dev/shm' # room for one rank's messages of three
same bert-own-head-bf16 out
numbers 0 gpt2-f16-shards 2 'mount -t tmpfs -o ro tmpfs /dev/shm'
same gpt2-f16-shards out
numbers 0 bert-own-head-bf16 2 'mount --bind /proc /dev/shm' # nothing can be made there
same bert-own-head-bf16 out

# no memory to share: the ranks may make files of 16 KiB
expect 0 mpirun --mca btl self,tcp -n 3 bash -c 'ulimit -f 16 && exec "$@"' limited "$fairstamp" logprobs --quiet \
    --model "$GOLDEN_MODELS/gpt2-f16-shards" <lines
same gpt2-f16-shards out
says 'every rank there converts the weights for itself, so they take 3 times as much'

# the folder of MPI's files: mpirun waits for ever where it has no room there, after this line
mkdir tmp
cat >inside.sh <<INSIDE
mount -t tmpfs -o size=2m tmpfs tmp
TMPDIR=$scratch/tmp exec "$fairstamp" logprobs --quiet --model "$GOLDEN_MODELS/gpt2-tiny" <lines
INSIDE
unset OMPI_MCA_orte_tmpdir_base
expect 0 unshare -m bash inside.sh
says "$scratch/tmp on node $(uname -n) has 2.0 MiB left: MPI keeps files there"
finish
