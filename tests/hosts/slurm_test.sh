#!/usr/bin/env bash
# Slurm over hosts that are joined by TCP alone: the batch script with both launchers, the same bits as on one host.
. "$(dirname "$0")/support.sh"
for program in slurmctld slurmd munged srun; do
    command -v $program >/dev/null || skip "no Slurm ($program)"
done
hosts_up 2
job=(run "$FAIRSTAMP_SOURCE/tests/mpi/data/job.json" --set "model=$GOLDEN_MODELS/bert-tiny")
export SLURM_TEST_HOSTS=10.77.0.%d
"$FAIRSTAMP_SOURCE/tests/slurm/cluster_up.sh" "$scratch/c" 2 2 >up 2>&1 || { cat up; fail "the cluster does not come up"; finish; }
. "$scratch/c/env.sh"
unset OMPI_MCA_plm_rsh_agent # mpirun asks Slurm
export OMP_NUM_THREADS=1 FAIRSTAMP_PROGRAM=$fairstamp

"$fairstamp" "${job[@]}" --set "output=$scratch/alone" >alone.out 2>err || { fail alone; cat err; }
mkdir logs
for launcher in mpirun "srun --mpi=pmix"; do
    name=${launcher%% *}
    FAIRSTAMP_LAUNCHER=$launcher sbatch --parsable --nodes=2 --ntasks=4 --cpus-per-task=1 --job-name="$name" --output="$scratch/$name.log" \
        "$FAIRSTAMP_SOURCE/slurm/fairstamp.sbatch" "${job[@]}" --set "output=$scratch/$name" --log-dir "$scratch/$name.ranks" >>jobs || fail "sbatch"
done
for _ in {1..6000}; do
    [ -n "$(squeue -h 2>/dev/null)" ] || break
    sleep 0.1
done
for name in mpirun srun; do
    grep -qE "JobId=.* Name=$name .*JobState=COMPLETED" c/log/jobs || { fail "$name: $(cat c/log/jobs)"; tail -n 20 "$name.log" c/log/*.log; }
    for stage in trace stamp evaluate; do
        "$fairstamp" verify --equal alone/$stage.h5 "$name/$stage.h5" >/dev/null 2>verdict || fail "$name: $(cat verdict)"
    done
    [ "$(sed -n 's/.* rank [0-9]* of 4 on node \(n[12]\),.*/\1/p' "$name.ranks"/rank-*.log | sort | uniq -c | tr -s ' \n' ' ')" = " 2 n1 2 n2 " ] ||
        fail "$name: where the ranks were: $(grep -h 'on node' "$name.ranks"/*)"
done
finish
