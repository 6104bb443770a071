#!/usr/bin/env bash
# A sweep of two models and three categories through the arrays and dependencies of a real Slurm cluster of four virtual
# nodes ends in one verified archive, with the bits of `sweep run` on this machine; resuming it, shared traces, local copies.
# The first submission hands no environment on (SBATCH_EXPORT=NONE), the second all, the third none by an option of sbatch.
. "$(dirname "$0")/support.sh"
cd "$scratch" || exit 1
write_sweep
expect 0 "$fairstamp" sweep plan sweep.json here --no-estimate
expect 0 "$fairstamp" sweep run here --cells 2
expect 0 "$fairstamp" sweep merge here
cluster 4 MaxArraySize=4 # six cells are two arrays a stage

there="th ére's,%j" # characters that mean something to sbatch or to the shell
expect 0 "$fairstamp" sweep plan sweep.json "$there" --no-estimate
SBATCH_EXPORT=NONE expect 0 "$fairstamp" sweep submit "$there" --scripts "$FAIRSTAMP_SOURCE/slurm" --limit 4 --sbatch "--ntasks=2 --nodes=2 --cpus-per-task=1 --time=10"
says 'submitted 6 of 6 cells'
[ "$(grep -c '"trace"' "$there/slurm.json")" = 2 ] || fail "arrays of a stage: $(cat "$there/slurm.json")"
expect 0 "$fairstamp" sweep status "$there"
grep -qE 'PENDING|RUNNING|CONFIGURING|COMPLET|done' out || fail "status does not ask Slurm: $(cat out)"
# what is in the queue is not submitted again
expect 0 "$fairstamp" sweep resume "$there" --scripts "$FAIRSTAMP_SOURCE/slurm"
says '6 cells are in the queue already'
says 'nothing to submit'
merge=$(submitted merge "$there")
until_jobs "$(submitted trace "$there"),$(submitted train "$there"),$(submitted evaluate "$there"),$merge"
expect 0 "$fairstamp" sweep status "$there"
grep -q '^6 of 6 cells are complete' out || { fail "status: $(cat out)"; tail -n 5 "$there"/logs/*; }
[ -s "$there/archive.h5" ] || { fail "no archive"; cat "$there"/logs/slurm-fairstamp-merge-*; }
expect 0 "$fairstamp" verify "$there/archive.h5"
for cell in $(cat "$there/cells.txt"); do
    for stage in trace stamp evaluate; do
        "$fairstamp" verify --equal "$there/cells/$cell/$stage.h5" here/cells/$cell/$stage.h5 >verdict 2>&1 || fail "$(cat verdict)"
    done
done
grep -q 'on n' "$there"/logs/slurm-fairstamp-trace-*_0.log || fail "the log does not name its nodes"
# nothing is left to submit; a cell that is lost is submitted alone
expect 0 "$fairstamp" sweep resume "$there"
says 'nothing to submit'
rm "$there/cells/bert-tiny.race/evaluate.h5"
expect 0 "$fairstamp" sweep resume "$there" --scripts "$FAIRSTAMP_SOURCE/slurm" --sbatch "--ntasks=1 --time=10"
says 'submitted 1 of 6 cells'
until_jobs "$(submitted evaluate "$there"),$(submitted merge "$there")"
expect 0 "$fairstamp" sweep status "$there"
grep -q '^6 of 6 cells are complete' out || fail "status after resume: $(cat out)"

# cells that share a trace wait for it, one of them without a stamp; a copy of the model on the nodes, whose path the job writes with a variable
mkdir "loc al" "mod els"
cp -r "$GOLDEN_MODELS/gpt2-tiny" "mod els/small model"
cat >shared.json <<END
{"job": {"data": {"biaske": "$FAIRSTAMP_SOURCE/benchmark/biaske"}, "trace": {"bootstrap": 50}, "evaluate": {"bootstrap": 50},
  "stamp": {"iterations": 3, "width": 8}, "ft": {"epochs": 1}}, "models": [{"name": "small", "path": "\${SMALL}/small model"}], "categories": ["gender"],
  "settings": {"method": ["stamp", "ft"]}}
END
export SMALL="$scratch/mod els" FAIRSTAMP_LOCAL_COPY="$scratch/loc al"
expect 0 "$fairstamp" sweep plan shared.json shared --no-estimate
expect 0 "$fairstamp" sweep submit shared --scripts "$FAIRSTAMP_SOURCE/slurm" --sbatch "--export=NONE --ntasks=2 --cpus-per-task=1 --time=10"
says 'submitted 2 of 2 cells'
until_jobs "$(submitted evaluate shared),$(submitted merge shared)"
expect 0 "$fairstamp" sweep status shared
grep -q '^2 of 2 cells are complete' out || { fail "status of shared traces: $(cat out)"; tail -n 5 shared/logs/*; }
same shared/cells/small.gender.method=stamp/trace.h5 shared/cells/small.gender.method=ft/trace.h5
[ "$(find "loc al" -name model.safetensors | wc -l)" = 1 ] || fail "copies of the model: $(find "loc al")"
expect 0 "$fairstamp" inspect shared/cells/small.gender.method=ft/evaluate.h5
grep -q 'model=.*loc al/fairstamp-' out || fail "the copy is not used: $(grep command out)"

# one job by hand, from another folder, without environment: the script finds its folder by Slurm, and a site file tells the rest
mkdir -p "by hand/logs" "own si'té"
cp -r "$FAIRSTAMP_SOURCE/slurm" "own si'té/scripts"
{
    printf 'program=%q launcher=mpirun\n' "$fairstamp"
    echo 'export OMPI_MCA_mpi_yield_when_idle=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1'
} >"own si'té/mine.sh"
cell=bert-tiny.gender
hand=$(cd "by hand" && SBATCH_EXPORT=NONE sbatch --parsable --ntasks=2 --nodes=2 --cpus-per-task=1 --time=10 "../own si'té/scripts/fairstamp.sbatch" \
    --site "../own si'té/mine.sh" run "../here/jobs/$cell.json" --set "output=$scratch/by hand/out" --quiet)
until_jobs "$hand"
for stage in trace stamp evaluate; do
    "$fairstamp" verify --equal "by hand/out/$stage.h5" here/cells/$cell/$stage.h5 >verdict 2>&1 || { fail "by hand: $(cat verdict)"; cat "by hand"/logs/*; }
done
finish
