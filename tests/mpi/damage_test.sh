#!/usr/bin/env bash
# damage_test.sh PLACES: one byte changed at random places of a job's file and of a merged file: `verify` tells each one,
# and no command uses the file. DAMAGE_SEED repeats the places.
. "$(dirname "$0")/support.sh"
places=$1
seed=${DAMAGE_SEED:-$RANDOM}
RANDOM=$seed
cd "$scratch" || exit 1
old=$FAIRSTAMP_SOURCE/tests/golden/archives/v1
cp -r "$old" cell
expect 0 "$fairstamp" merge -o merged.h5 cell
found=0 named=0 used=0
commands() { # FILE: what would use it
    case $1 in
    merged.h5) printf '%s\n' "inspect $1" "query $1" "export $1 --to csv" "merge -o new.h5 $1" ;;
    *) printf '%s\n' "inspect $1" "query $1" "export $1 --to json" "report $1 -o page" "merge -o new.h5 cell" "verify --equal $1 $old/evaluate.h5" ;;
    esac
}
for ((i = 0; i < places; i++)); do
    [ $((i % 2)) = 0 ] && file=merged.h5 || file=cell/evaluate.h5
    cp $file whole
    size=$(stat -c %s $file)
    at=$(((RANDOM * 32768 + RANDOM) % size))
    byte=$(od -An -tu1 -j $at -N 1 $file)
    printf "\\x$(printf %02x $(((byte + 1 + RANDOM % 255) % 256)))" | dd of=$file bs=1 seek=$at conv=notrunc status=none
    cmp -s $file whole && fail "the byte at $at was not changed"
    "$fairstamp" verify $file >out 2>err
    [ $? = 1 ] && found=$((found + 1)) || fail "verify does not find the byte at $at of $file (seed $seed)"
    grep -qE 'what is damaged: /[a-z_]+' err && named=$((named + 1))
    if [ $((i % 10)) -lt 2 ]; then # each of the two files, in turn
        while read -r command; do
            "$fairstamp" $command >out 2>err </dev/null
            code=$?
            if [ $code != 65 ] || [ -e new.h5 ] || [ -e page ]; then
                fail "fairstamp $command: exit code $code with the byte at $at changed (seed $seed)"
                used=$((used + 1))
                rm -rf new.h5 page
            fi
        done < <(commands $file)
    fi
    cp whole $file
done
echo "seed $seed: $found of $places changed bytes found, the dataset named $named times; $used commands used such a file"
finish
