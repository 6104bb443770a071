#!/usr/bin/env bash
# sweep run --group: cells in groups of ranks of one MPI job. The same results as by sweep run; hashes and conversions once; a
# killed rank, signals, a failing cell, a trace that is taken over, a cell that is under way elsewhere; other numbers of ranks.
. "$(dirname "$0")/support.sh"
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
lines() { # KIND: every ninth pair or fact of three categories
    for category in gender race religion; do
        grep "^{\"id\": \"$category-$1" "$FAIRSTAMP_SOURCE/benchmark/biaske/$category.json" | awk 'NR % 9 == 1' | sed 's/,$//'
    done | sed '$!s/$/,/'
}
{
    head -n 3 "$FAIRSTAMP_SOURCE/benchmark/biaske/gender.json"
    lines '[0-9]'
    printf '],\n"facts": [\n'
    lines fact
    printf ']\n}\n'
} >small.json
sweep() { # MEMBERS: a sweep file with these
    printf '{"job": {"data": {"biaske": "small.json"}, "trace": {"bootstrap": 20}, "evaluate": {"bootstrap": 20}, "stamp": {"iterations": 3, "width": 8}}%s}\n' "$1" >sweep.json
}
models='"models": ["'$GOLDEN_MODELS'/gpt2-tiny", {"name": "half", "path": "'$GOLDEN_MODELS'/bert-own-head-bf16"}], "categories": ["gender", "race", "religion"]'
groups() { # CODE RANKS FOLDER OPTIONS...
    expect "$1" mpirun -n "$2" "$fairstamp" sweep run "$3" --group "${@:4}"
}
start() { # FOLDER: four ranks in two groups, in the background
    : >err
    mpirun -n 4 "$fairstamp" sweep run "$1" --group 2 >out 2>err </dev/null &
    pid=$!
}
# until FILE is there below FOLDER/cells or the job ends
made() {
    until [ -n "$(find "$1/cells" -name "$2" 2>/dev/null)" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
}
once() { # COUNT TEXT: so many lines of the last command
    [ "$(grep -cE "$2" err)" = "$1" ] || { fail "expected $1 lines with: $2"; cat err; }
}
equal() { # FOLDER: the cells of own, but for provenance, and the tables of their merged archives
    local cell stage
    for cell in $(cat own/cells.txt); do
        for stage in trace stamp evaluate; do
            "$fairstamp" verify --equal "own/cells/$cell/$stage.h5" "$1/cells/$cell/$stage.h5" >verdict || fail "$(cat verdict)"
        done
    done
    "$fairstamp" sweep merge "$1" --quiet && "$fairstamp" query "$1/archive.h5" --format json >table || fail "the archive of $1"
    same table own.table
}

sweep ", $models"
expect 0 "$fairstamp" sweep plan sweep.json own --no-estimate --quiet
for folder in grouped killed; do cp -r own $folder; done
expect 0 "$fairstamp" sweep run own --cells 2 --quiet
expect 0 "$fairstamp" sweep merge own --quiet
"$fairstamp" query own/archive.h5 --format json >own.table || fail "the archive of own"

# two groups: what has to do with a model is done once, and said once
groups 0 4 grouped 2
once 6 'sweep: cell .* begins in group [12]$'
once 6 'sweep: cell .* is done$'
once 1 'model .*/gpt2-tiny: [0-9]* files hashed by [2-4] ranks in '
once 1 'model .*/bert-own-head-bf16: [0-9]* files hashed by [2-4] ranks in '
once 1 'data: 1 file hashed by 1 rank in '
once 1 'gpt2-tiny: weights .*checked by [1-4] ranks? of this node in '
once 1 'bert-own-head-bf16: weights .*checked by [1-4] ranks? of this node in '
once 3 'hashed by'
once 2 'weights'
grep -q 'SS edited' grouped/logs/half.race.log && grep -q '2 ranks, 1 thread each' grouped/logs/half.race.log || fail "no results in a cell's log"
[ ! -s out ] || fail "results of cells are printed: $(cat out)"
equal grouped
groups 0 1 grouped 1 --quiet # nothing left to do
[ ! -s err ] || fail "--quiet: $(cat err)"

# a rank is killed: the job ends, and the next one goes on where it was, on other ranks
start killed
made killed stamp.h5
kill -9 "$(pgrep -P $pid | tail -n 1)" 2>/dev/null
wait $pid
[ $? = 137 ] || fail "exit code after a killed rank, expected 137"
groups 0 3 killed 1
equal killed

# a signal to one rank, in a group of its own: all groups save, 75, and the rest is done by the next run
sweep ", $models, \"settings\": {\"stamp.iterations\": [400]}"
expect 0 "$fairstamp" sweep plan sweep.json stopped --no-estimate --quiet
start stopped
made stopped trace.h5
kill -INT "$(pgrep -P $pid | tail -n 1)" 2>/dev/null
wait $pid
[ $? = 75 ] || fail "exit code after SIGINT, expected 75"
says 'sweep: asked to stop; run the same command again to go on'
once 2 'ended with exit code 75'
once 2 'begins'
groups 75 2 stopped 1 --max-seconds 0 --part 1/2
expect 64 "$fairstamp" sweep run stopped --group 1 --part 2/2
says '--part: found "2/2"'
groups 64 2 stopped 3
says '--group 3: found 2 ranks'
expect 64 "$fairstamp" sweep run stopped --group 1 --cells 2
expect 64 mpirun -n 1 "$fairstamp" sweep run stopped # what it starts would take itself for this rank
says 'sweep run: mpirun started 1 process of it'
expect 64 "$fairstamp" sweep run stopped --max-seconds 2
says '--max-seconds is taken with --group only'

# a cell that fails keeps no other one; the trace of another cell is waited for and taken over; a cell that another sweep run
# is at is left to it; three ranks in groups of two are one group
sweep ", \"models\": [\"$GOLDEN_MODELS/gpt2-tiny\", \"nowhere\"], \"categories\": [\"gender\"], \"settings\": {\"stamp.width\": [8, 16]}"
expect 0 "$fairstamp" sweep plan sweep.json mixed --no-estimate --no-check --quiet
mkdir -p mixed/logs
exec 9>>mixed/logs/nowhere.gender.stamp.width=16.log
flock 9
groups 1 3 mixed 1
exec 9>&-
once 1 'cell nowhere.gender.stamp.width=8 ended with exit code 66; see '
once 1 'cell nowhere.gender.stamp.width=16 is under way in another sweep run'
once 1 'sweep: 1 cells failed'
grep -q nowhere mixed/logs/nowhere.gender.stamp.width=8.log || fail "the log of a failed cell"
grep -q 'trace: taken from .*gpt2-tiny.gender.stamp.width=8' mixed/logs/gpt2-tiny.gender.stamp.width=16.log || fail "the trace is not taken over"
groups 0 1 mixed 1 --part 0/2 # the first two cells, which are complete
groups 1 3 mixed 2
once 1 'sweep: 3 ranks in 1 group$'
once 1 'sweep: 2 cells failed'
finish
