#!/usr/bin/env bash
# sweep: plan, run, status and merge on this machine; what is wrong in a sweep file; stops, lost and failed cells.
. "$(dirname "$0")/support.sh"
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
ln -s "$FAIRSTAMP_SOURCE/benchmark/biaske" biaske
sweep() { # MEMBERS: a sweep file with these
    printf '{"job": {"data": {"biaske": "biaske"}, "trace": {"bootstrap": 20}, "evaluate": {"bootstrap": 20}, "stamp": {"iterations": 3, "width": 8}}%s}\n' "$1" >sweep.json
}
models='"models": ["'$GOLDEN_MODELS'/bert-tiny", {"name": "small", "path": "'$GOLDEN_MODELS'/gpt2-tiny"}]'

# cells: the product, less what is excluded, and those included
sweep ", $models, \"categories\": [\"gender\", [\"gender\", \"race\"], \"all\"], \"settings\": {\"seed\": [1, 2]},
    \"exclude\": [{\"seed\": 2, \"model\": \"small\"}, {\"categories\": \"all\"}],
    \"include\": [{\"model\": \"$GOLDEN_MODELS/gpt2-tiny\", \"settings\": {\"stamp.layer\": 0}}]"
expect 0 "$fairstamp" sweep plan sweep.json plan --no-estimate
says '7 cells'
cat >expected <<'END'
bert-tiny.gender.seed=1
bert-tiny.gender.seed=2
bert-tiny.gender+race.seed=1
bert-tiny.gender+race.seed=2
small.gender.seed=1
small.gender+race.seed=1
gpt2-tiny.all.stamp.layer=0
END
same plan/cells.txt expected
for cell in $(cat expected); do
    [ -s "plan/jobs/$cell.json" ] || fail "no job of $cell"
done
cp plan/manifest.json before
expect 0 "$fairstamp" sweep plan sweep.json plan --no-estimate # the same again changes nothing
same plan/manifest.json before

# an estimate a cell, in the manifest and in the cell's folder; a model that is not here keeps none of the others from theirs;
# cells that differ behind the trace share it, and the estimate says so
sweep ", \"models\": [\"nowhere\", \"$GOLDEN_MODELS/gpt2-tiny\"], \"categories\": [\"gender\"], \"settings\": {\"stamp.width\": [8, 16]}"
expect 0 "$fairstamp" sweep plan sweep.json shared --no-check
says 'cell nowhere.gender.stamp.width=8 is planned without an estimate'
[ "$(grep -c 'estimate: stamp probed' err)" = 2 ] || fail "two widths of a stamp are two shapes of work: $(cat err)"
cp out table
grep -qE '^gpt2-tiny.gender.stamp.width=8 +[1-9][0-9]* ' table || fail "no estimate of a cell: $(cat table)"
grep -q '^2 of 4 cells: ' table || fail "no sum of the estimates: $(cat table)"
[ "$(grep -c '"estimate"' shared/manifest.json)" = 2 ] || fail "estimates of the manifest: $(cat shared/manifest.json)"
[ -s shared/cells/gpt2-tiny.gender.stamp.width=16/estimate.json ] || fail "no estimate in the cell's folder"
cp shared/manifest.json before-shared
expect 0 "$fairstamp" sweep plan sweep.json shared --no-check
same shared/manifest.json before-shared
passes() { tr -d ' \n\t' <shared/manifest.json | grep -o "\"id\":\"gpt2-tiny.gender.stamp.width=$1\".*" | grep -o '"passes":[0-9]*' | head -n 1 | cut -d: -f2; }
[ "$(passes 16)" -lt "$(passes 8)" ] || fail "the trace that is taken over is counted: $(passes 8), $(passes 16)"
expect 1 "$fairstamp" sweep run shared --cells 2
grep -q 'trace: taken from .*gpt2-tiny.gender.stamp.width=8' shared/logs/gpt2-tiny.gender.stamp.width=16.log || fail "the trace is not taken over"
same shared/cells/gpt2-tiny.gender.stamp.width=8/trace.h5 shared/cells/gpt2-tiny.gender.stamp.width=16/trace.h5
expect 0 "$fairstamp" run shared/jobs/gpt2-tiny.gender.stamp.width=16.json --set "output=$scratch/own" --set "trace.reuse=$scratch/nothing" --quiet
for stage in trace stamp evaluate; do
    "$fairstamp" verify --equal own/$stage.h5 shared/cells/gpt2-tiny.gender.stamp.width=16/$stage.h5 >verdict || fail "$(cat verdict)"
done
# another job's trace is not taken, nor a damaged one
expect 0 "$fairstamp" trace shared/jobs/gpt2-tiny.gender.stamp.width=16.json --set "output=$scratch/seed" --set seed=9
says 'belongs to another job, and is not taken'
head -c 3000 own/trace.h5 >own/cut && mv own/cut own/trace.h5
expect 0 "$fairstamp" trace shared/jobs/gpt2-tiny.gender.stamp.width=16.json --set "output=$scratch/whole" --set "trace.reuse=$scratch/own" --quiet
"$fairstamp" verify --equal whole/trace.h5 shared/cells/gpt2-tiny.gender.stamp.width=8/trace.h5 >verdict || fail "$(cat verdict)"

# one shape of work is measured once, whatever the categories and seeds; each cell has its own counts
sweep ", \"models\": [\"$GOLDEN_MODELS/gpt2-tiny\"], \"categories\": [\"gender\", \"race\"], \"settings\": {\"seed\": [1, 2]}"
expect 0 "$fairstamp" sweep plan sweep.json shapes
for stage in trace stamp evaluate; do
    [ "$(grep -c "estimate: $stage probed" err)" = 1 ] || fail "4 cells of one shape: $(cat err)"
done
grep -q '^4 of 4 cells: ' out || fail "no sum of the estimates: $(cat out)"
expect 0 "$fairstamp" estimate shapes/jobs/gpt2-tiny.race.seed=2.json --seconds 1 --format json --quiet
counts() { tr -d ' \n\t' <"$1" | grep -oE '"(units|steps|passes|tokens|flops)":[0-9.e+]*'; }
counts out >alone
counts shapes/cells/gpt2-tiny.race.seed=2/estimate.json | diff alone - >verdict || fail "counted beside others: $(cat verdict)"
expect 0 "$fairstamp" sweep plan sweep.json quiet --quiet --no-estimate
[ ! -s err ] || fail "--quiet: $(cat err)"
expect 78 "$fairstamp" estimate shapes/jobs/gpt2-tiny.race.seed=2.json shapes/jobs/gpt2-tiny.race.seed=1.json --set "output=$scratch/one" --save
says 'have one output folder'
cp shapes/jobs/gpt2-tiny.race.seed=1.json shapes/jobs/twin.json
expect 78 "$fairstamp" estimate shapes/jobs/gpt2-tiny.race.seed={2,1}.json shapes/jobs/twin.json --save
says 'seed=1.json and shapes/jobs/twin.json have one output folder'
expect 78 "$fairstamp" estimate shapes/jobs/gpt2-tiny.race.seed=2.json plan/jobs/bert-tiny.gender.seed=1.json
says 'give jobs of one model'

# what is not there is told before anything is planned, once for all cells that need it
missing() { # CODE TEXT MEMBERS
    sweep "$3"
    expect "$1" "$fairstamp" sweep plan sweep.json missing --no-estimate
    says "$2"
    [ ! -e missing/manifest.json ] && [ -z "$(ls missing/jobs)" ] || fail "a plan was written: $2"
}
mkdir -p odd/t5 odd/cut
echo '{"model_type": "t5"}' >odd/t5/config.json
echo '{"model_type": ' >odd/cut/config.json
missing 66 'cell nowhere.gender: model: ' ', "models": ["nowhere"], "categories": ["gender", "race"]'
grep -q '/nowhere: there is no such folder.*; --no-check' err || fail "the folder and the option are not named: $(cat err)"
missing 65 'cell t5.all: model: ' ', "models": ["odd/t5"]'
missing 65 'cell cut.all: model: ' ', "models": ["odd/cut"]'
missing 78 'cell bert-tiny.all.stamp.layer=7: model: ' ", $models, \"settings\": {\"stamp.layer\": [0, 7]}"
missing 66 'cell bert-tiny.all.method=checkpoint-elsewhere: methods: ' ", $models, \"settings\": {\"method\": [\"checkpoint:elsewhere\"]}"
missing 66 'cell bert-tiny.all.data.text=none.txt: data.text: ' ", $models, \"settings\": {\"data.text\": [\"none.txt\"]}"
missing 66 'not planned: the 3 faults named above' ', "models": ["nowhere", "odd/t5", "neither"], "categories": ["gender", "race"]'
[ "$(grep -c 'sweep: cell .*: model: ' err)" = 3 ] || fail "each fault once: $(cat err)"
expect 0 "$fairstamp" sweep plan sweep.json blind --no-check --no-estimate
says '6 cells'

# a rule that leaves out nothing is told
sweep ", $models, \"exclude\": [{\"model\": \"smal\"}]"
expect 0 "$fairstamp" sweep plan sweep.json told --no-estimate
says 'exclude: {"model":"smal"} leaves out no cell'

# what is wrong, one error each; nothing is written over
wrong() { # CODE TEXT MEMBERS
    sweep "$3"
    expect "$1" "$fairstamp" sweep plan sweep.json wrong
    says "$2"
    [ ! -e wrong ] || fail "a wrong plan was written: $2"
}
echo '{"model": "x"}' >job.json
expect 78 "$fairstamp" sweep plan job.json wrong
says 'is a job file, expected a sweep file'
wrong 78 'the nearest known one is "models"' ', "modles": []'
wrong 78 'did you mean "stamp.width"' ", $models, \"settings\": {\"stamp.wdith\": [1]}"
wrong 78 'expected a list of values' ", $models, \"settings\": {\"stamp.width\": 8}"
wrong 78 'an empty list' ", $models, \"settings\": {\"stamp.width\": []}"
wrong 78 'is no setting of a job' ", $models, \"settings\": {\"output\": [\"x\"]}"
wrong 78 'stamp.width' ", $models, \"settings\": {\"stamp.width\": [-1]}"
wrong 78 'two cells have the id' ", \"models\": [\"$GOLDEN_MODELS/bert-tiny\"], \"include\": [{\"model\": \"$GOLDEN_MODELS/bert-tiny\"}]"
wrong 78 'stands there twice' ", \"models\": [\"$GOLDEN_MODELS/bert-tiny\", \"$GOLDEN_MODELS/./bert-tiny/\"]"
wrong 78 'is the name of' ', "models": [{"name": "a", "path": "x"}, {"name": "a", "path": "y"}]'
wrong 78 'models: found an empty list' ', "models": []'
wrong 78 'categories: found an empty list' ", $models, \"categories\": []"
wrong 78 'found no cell' ''
wrong 78 'models: found a number' ', "models": [3]'
wrong 78 'categories: found' ", $models, \"categories\": [[]]"
wrong 78 'exclude' ", $models, \"exclude\": [{\"modle\": \"x\"}]"
echo '{"job": ' >sweep.json
expect 78 "$fairstamp" sweep plan sweep.json wrong
expect 66 "$fairstamp" sweep plan nowhere.json wrong
expect 66 "$fairstamp" sweep status nowhere
says 'there is no plan here'
expect 64 "$fairstamp" sweep stauts plan
says 'did you mean "status"'
expect 64 "$fairstamp" sweep plan sweep.json
expect 64 "$fairstamp" sweep run plan --limit 2
says '--limit is an option of submit and resume'
sweep ", $models"
expect 76 "$fairstamp" sweep plan sweep.json plan
says 'it has no cell bert-tiny.all'
same plan/manifest.json before
expect 66 "$fairstamp" sweep run sweep.json
says 'is a file, expected the folder'
[ -z "$(ls wrong/jobs 2>/dev/null)" ] || fail "jobs of a wrong plan are left: $(ls wrong/jobs)"

# run: two at once, with ranks; status and merge
expect 66 "$fairstamp" sweep merge plan
expect 0 "$fairstamp" sweep status plan
grep -q '^0 of 7 cells are complete' out || fail "status before: $(cat out)"
expect 0 "$fairstamp" sweep run plan --cells 2 --launcher "mpirun -n 2"
[ $failures = 0 ] || cat plan/logs/*
expect 0 "$fairstamp" sweep status plan --format json
[ "$(grep -c '"complete":[[:space:]]*true' out)" = 7 ] || fail "status: $(cat out)"
expect 0 "$fairstamp" sweep merge plan
expect 0 "$fairstamp" verify plan/archive.h5
expect 0 "$fairstamp" sweep run plan # nothing left to do
! grep -q begins err || fail "a complete cell was begun again"

# one process alone gives the same; a lost stage and a damaged one are done again; a changed job is told
mv plan moved # a sweep's folder may be moved
cp moved/archive.h5 kept.h5
rm moved/cells/small.gender.seed=1/evaluate.h5
printf x | dd of=moved/cells/bert-tiny.gender.seed=2/stamp.h5 bs=1 seek=700 conv=notrunc status=none
expect 1 "$fairstamp" sweep merge moved
says 'small.gender.seed=1 is not complete'
says 'bert-tiny.gender.seed=2 is not complete, and a file of it is damaged'
cp kept.h5 moved/archive.h5
expect 0 "$fairstamp" sweep status moved
grep -qE '^small.gender.seed=1 +done +done +- ' out || fail "status of a lost stage: $(cat out)"
grep -qE '^bert-tiny.gender.seed=2 +done +damaged +done' out || fail "status of a damaged stage: $(cat out)"
expect 0 "$fairstamp" sweep run moved
expect 0 "$fairstamp" sweep status moved
grep -q '^7 of 7' out || fail "status after the repair: $(cat out)"
for stage in trace stamp evaluate; do
    expect 0 "$fairstamp" run moved/jobs/small.gender.seed=1.json --set "output=$scratch/single" --quiet
    "$fairstamp" verify --equal moved/cells/small.gender.seed=1/$stage.h5 single/$stage.h5 >verdict || fail "$(cat verdict)"
done
echo ' ' >>moved/jobs/small.gender.seed=1.json
expect 0 "$fairstamp" sweep status moved
grep -q 'small.gender.seed=1 .*the job file was changed' out || fail "a changed job: $(cat out)"
rm moved/cells/small.gender.seed=1/evaluate.h5
expect 0 "$fairstamp" sweep run moved --quiet
says 'small.gender.seed=1.json was changed after it was planned'
! grep -q begins err || fail "--quiet: $(cat err)"

# several at once: each has its share of the cores, under a launcher too; two sweep runs on one folder part the cells
sweep ", $models, \"categories\": [\"gender\"]"
expect 0 "$fairstamp" sweep plan sweep.json shares --no-estimate
cat >launcher <<'END'
#!/usr/bin/env bash
echo "cores: $(taskset -cp $$ | sed 's/.*: //'), binding: ${OMPI_MCA_hwloc_base_binding_policy:-}"
exec "$@"
END
chmod +x launcher
if command -v taskset >/dev/null && [ "$(nproc)" -gt 1 ]; then
    (unset OMPI_MCA_hwloc_base_binding_policy; expect 0 "$fairstamp" sweep run shares --cells 2 --launcher "$scratch/launcher"; exit $failures) || fail "two cells at once"
    [ "$(grep -h '^cores: ' shares/logs/*.log | sort -u | wc -l)" = 2 ] || fail "two cells have the same cores: $(grep -h '^cores: ' shares/logs/*.log)"
    [ "$(grep -h '^cores: ' shares/logs/*.log | grep -c 'binding: none')" = 2 ] || fail "the launcher would bind both to the first cores"
fi
rm -rf shares/cells
sed -i 's/^exec/touch "$SWEEP_BEGUN"; until [ -e "$SWEEP_GO_ON" ]; do sleep 0.05; done; exec/' launcher
SWEEP_BEGUN=$scratch/begun SWEEP_GO_ON=$scratch/go_on "$fairstamp" sweep run shares --launcher "$scratch/launcher" >first 2>&1 &
first=$!
until [ -e begun ]; do sleep 0.02; done
expect 1 "$fairstamp" sweep run shares
says 'cell bert-tiny.gender is under way in another sweep run'
says '1 cells are left to another sweep run'
touch go_on
wait $first || fail "the first of two sweep runs: $(cat first)"
expect 0 "$fairstamp" sweep status shares
grep -q '^2 of 2' out || fail "status after two sweep runs: $(cat out)"
# to plan again keeps a job file that was changed
echo ' ' >>shares/jobs/small.gender.json
cp shares/jobs/small.gender.json changed
expect 0 "$fairstamp" sweep plan sweep.json shares --no-estimate
same shares/jobs/small.gender.json changed

# what a Slurm says, with stand-ins for its programs: states of tasks; arrays as large as it takes; what is in the queue is left
# alone; of two submissions the later one counts, in whatever order Slurm tells
mkdir slurm
cat >slurm/sbatch <<'END'
#!/usr/bin/env bash
echo "$*" >>submitted
echo $((100 + $(wc -l <submitted)))
END
printf '#!/usr/bin/env bash\necho "MaxArraySize            = 4"\n' >slurm/scontrol
printf '#!/usr/bin/env bash\ncat states\n' >slurm/squeue
chmod +x slurm/*
real_path=$PATH
PATH=$scratch/slurm:$PATH
sweep ", $models, \"categories\": [\"gender\", \"race\", \"religion\"]"
expect 0 "$fairstamp" sweep plan sweep.json asked --no-estimate
expect 0 "$fairstamp" sweep submit asked --scripts "$FAIRSTAMP_SOURCE/slurm" --limit 2 --sbatch "--partition=long --ntasks=8"
says 'submitted 6 of 6 cells'
[ "$(grep -c -- '--array=0-3%2 .* 0$' submitted)" = 3 ] && [ "$(grep -c -- '--array=0-1%2 .* 4$' submitted)" = 3 ] || fail "arrays: $(cat submitted)"
grep -q -- '--dependency=aftercorr:104 .*train 4$' submitted || fail "dependencies: $(cat submitted)"
grep -q -- '--ntasks=8 .*--ntasks=1 .*--dependency=afterany:101:102:103:104:105:106 .*sweep-merge' submitted || fail "merge: $(cat submitted)"
printf '%s\n' '101 0 TIMEOUT 0' '101 1 PREEMPTED 0' '101 2 NODE_FAIL 0' '101 3 OUT_OF_MEMORY 0' '104 0 PENDING 2' '104 1 RUNNING 0' '107 N/A PENDING 0' >states
expect 0 "$fairstamp" sweep status asked
for state in TIMEOUT PREEMPTED NODE_FAIL OUT_OF_MEMORY REQUEUED RUNNING; do
    grep -q " $state " out || fail "status lacks $state: $(cat out)"
done
expect 0 "$fairstamp" sweep resume asked --scripts "$FAIRSTAMP_SOURCE/slurm"
says '2 cells are in the queue already'
says 'submitted 4 of 6 cells'
tail -n 1 submitted | grep -q -- '--dependency=afterany:107:104:108:109:110 ' || fail "merge of what is resumed: $(tail -n 1 submitted)"
printf '%s\n' '108 0 RUNNING 0' '101 0 TIMEOUT 0' '104 0 RUNNING 0' >states
expect 0 "$fairstamp" sweep status asked
grep -qE '^bert-tiny.gender +RUNNING ' out || fail "the earlier submission counts: $(cat out)"
PATH=$real_path

# a cell that fails does not keep the others; the sweep ends with 1
sweep ", \"models\": [\"nowhere\", \"$GOLDEN_MODELS/gpt2-tiny\"], \"categories\": [\"gender\"]"
expect 0 "$fairstamp" sweep plan sweep.json failing --no-estimate --no-check
expect 1 "$fairstamp" sweep run failing
says 'cell nowhere.gender ended with exit code 66'
grep -q nowhere failing/logs/nowhere.gender.log || fail "the log of a failed cell"
expect 1 "$fairstamp" sweep merge failing
says '1 of 2 cells are missing'
expect 0 "$fairstamp" query failing/archive.h5 --metric SS
expect 1 "$fairstamp" sweep run failing --launcher "no-such-launcher -n 2"

# Ctrl-C: handed on, saved, 75; the same command goes on. The last cell waits for the stop: there is always something left
cat >launcher <<'END'
#!/usr/bin/env bash
case "$*" in
*small.race*)
    until [ -e "$SWEEP_STOPPED" ]; do sleep 0.05; done
    exit 75
    ;;
esac
exec "$@"
END
sweep ", $models, \"categories\": [\"gender\", \"race\"], \"settings\": {\"stamp.iterations\": [150]}"
expect 0 "$fairstamp" sweep plan sweep.json stopped --no-estimate
SWEEP_STOPPED=$scratch/told "$fairstamp" sweep run stopped --launcher "$scratch/launcher" >out 2>err </dev/null &
pid=$!
until grep -q 'begins' err; do sleep 0.02; done
until [ -n "$(find stopped/cells -name '*.h5' 2>/dev/null)" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -INT $pid
touch told
wait $pid
code=$?
[ $code = 75 ] || fail "exit code $code after SIGINT"
says 'run the same command again'
expect 0 "$fairstamp" sweep run stopped
expect 0 "$fairstamp" sweep status stopped
grep -q '^4 of 4' out || fail "status after a stop: $(cat out)"
finish
