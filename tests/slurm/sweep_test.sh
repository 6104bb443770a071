#!/usr/bin/env bash
# A sweep of two models and three categories through the arrays and dependencies of a real Slurm cluster of four virtual
# nodes ends in one verified archive, with the bits of `sweep run` on this machine.
. "$(dirname "$0")/support.sh"
cd "$scratch" || exit 1
write_sweep
expect 0 "$fairstamp" sweep plan sweep.json here --no-estimate
expect 0 "$fairstamp" sweep run here --cells 2
expect 0 "$fairstamp" sweep merge here
cluster 4

expect 0 "$fairstamp" sweep plan sweep.json there --no-estimate
expect 0 "$fairstamp" sweep submit there --scripts "$FAIRSTAMP_SOURCE/slurm" --limit 4 --sbatch "--ntasks=2 --nodes=2 --cpus-per-task=1 --time=10"
says 'submitted 6 of 6 cells'
expect 0 "$fairstamp" sweep status there
grep -qE 'PENDING|RUNNING|CONFIGURING|COMPLET|done' out || fail "status does not ask Slurm: $(cat out)"
merge=$(submitted merge there)
until_jobs "$(submitted trace there),$(submitted stamp there),$(submitted evaluate there),$merge"
expect 0 "$fairstamp" sweep status there
grep -q '^6 of 6 cells are complete' out || { fail "status: $(cat out)"; tail -n 5 there/logs/*; }
[ -s there/archive.h5 ] || { fail "no archive"; cat there/logs/slurm-fairstamp-merge-*; }
expect 0 "$fairstamp" verify there/archive.h5
for cell in $(cat there/cells.txt); do
    for stage in trace stamp evaluate; do
        "$fairstamp" verify --equal there/cells/$cell/$stage.h5 here/cells/$cell/$stage.h5 >verdict 2>&1 || fail "$(cat verdict)"
    done
done
grep -q 'on n' there/logs/slurm-fairstamp-trace-*_0.log || fail "the log does not name its nodes"
# nothing is left to submit; a cell that is lost is submitted alone
expect 0 "$fairstamp" sweep resume there
says 'nothing to submit'
rm there/cells/bert-tiny.race/evaluate.h5
expect 0 "$fairstamp" sweep resume there --scripts "$FAIRSTAMP_SOURCE/slurm" --sbatch "--ntasks=1 --time=10"
says 'submitted 1 of 6 cells'
until_jobs "$(submitted evaluate there),$(submitted merge there)"
expect 0 "$fairstamp" sweep status there
grep -q '^6 of 6 cells are complete' out || fail "status after resume: $(cat out)"
finish
