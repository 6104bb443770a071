#!/usr/bin/env bash
# The batch scripts with stand-ins for Slurm's programs, each started as sbatch --export=NONE would: a copy of the script, almost
# no environment, another working folder. What they need, what they say is missing, and launchers that hang.
. "$FAIRSTAMP_SOURCE/tests/mpi/support.sh"
cd "$scratch" || exit 1
scripts="$scratch/scr'ipts é" # a folder whose name must be quoted
cp -r "$FAIRSTAMP_SOURCE/slurm" "$scripts"
mkdir bin spool logs "work ing"
stand_in() { # NAME, lines on standard input
    { echo '#!/usr/bin/env bash'; cat; } >"bin/$1"
    chmod +x "bin/$1"
}
stand_in scontrol <<END
case "\$1 \$2" in
"show job") printf 'JobId=7 JobName=x\n   Command=%s run it\n   WorkDir=/\n' "\$(cat "$scratch/command")" ;;
"show config") echo 'MpiDefault              = none' ;;
requeue*) echo "\$*" >>"$scratch/requeued"; exit 1 ;; # no wait for an end that nobody brings
esac
END
stand_in srun <<'END'
[ "$1" = --mpi=list ] && printf 'MPI plugin types are...\n\tnone\n\tpmi2\n' >&2
END
stand_in squeue <<<'printf "7.batch\n7.0\n"'
stand_in scancel <<<"echo \"\$*\" >>'$scratch/cancelled'"
stand_in ompi_info <<<'exit 0'
# batch SCRIPT ARGUMENTS...: a job of this script; more of its environment in `extra`
extra=()
batch() {
    printf '%s' "$scripts/fairstamp.sbatch" >command
    cp "$1" spool/slurm_script
    shift
    (cd "work ing" && exec env -i HOME="$HOME" PATH="$scratch/bin:/usr/bin:/bin" SLURM_JOB_ID=7 SLURM_SUBMIT_DIR="$scratch/work ing" SLURMD_NODENAME=n1 \
        SLURM_EXPORT_ENV=NONE "${extra[@]}" bash "$scratch/spool/slurm_script" "$@")
}

# ends CODE FUNCTION...: as expect, for functions
ends() {
    local wanted=$1 code
    shift
    "$@" >"$scratch/out" 2>"$scratch/err"
    code=$?
    [ "$code" = "$wanted" ] || { fail "exit code $code, expected $wanted: $*"; tail -n 5 "$scratch/err"; }
}

# launchers: the program is a stand-in that gives the sign of life and ends with 3
stand_in program <<'END'
while [ $# -gt 0 ]; do
    [ "$1" != --connected ] || touch "$2"
    shift
done
[ -z "${SLURM_EXPORT_ENV:-}" ] || echo "srun would keep the environment from the ranks"
exit 3
END
settings() { # LAUNCHER LINES...: a site file
    printf '%s\n' "program=$scratch/bin/program launcher=$scratch/bin/$1 grace=1" "${@:2}" >site.sh
    rm -f requeued cancelled turns
}
job() { batch "$scripts/fairstamp.sbatch" --site "$scratch/site.sh" run job.json; }
stand_in good <<<'exec "$@"'
stand_in late <<<'sleep 0.7; exec "$@"'
stand_in broken <<<'exit 7'
stand_in words <<<'echo "$*"; exec "$@"'
# with a child of its own, as mpirun has its daemons; neither cares for TERM
stand_in hanging <<END
echo turn >>"$scratch/turns"
trap '' TERM USR1
bash -c 'trap "" TERM; echo \$\$ >>"\$1"; touch "\$3"; until [ -e "\$2" ]; do sleep 0.2; done' child "$scratch/below" "$scratch/end" "$scratch/hangs" &
until [ -e "$scratch/end" ]; do sleep 0.2; done
END
stand_in once <<END
echo turn >>"$scratch/turns"
[ "\$(wc -l <"$scratch/turns")" = 2 ] || { touch "$scratch/hangs"; exec sleep 600; }
exec "\$@"
END
# for a site file: `patience` has passed as soon as the launcher says that it hangs, and not before
passes='sleep() { command sleep "$@"; [ ! -e '"$scratch"'/hangs ] || { rm '"$scratch"'/hangs; SECONDS=$((SECONDS + patience)); }; }'

# a task of an array does its part of a sweep in groups of ranks, which give a sign of life; a sweep run of processes has no ranks
settings words
extra=(SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=2 SLURM_ARRAY_TASK_COUNT=4)
ends 3 batch "$scripts/fairstamp.sbatch" --site "$scratch/site.sh" sweep run there --group 2
grep -q 'program sweep run there --group 2 --part 1/4 --connected ' out || fail "the words of a task: $(cat out)"
ends 3 batch "$scripts/fairstamp.sbatch" --site "$scratch/site.sh" sweep run there --cells 2
extra=()
grep -q 'program sweep run there --cells 2$' out || fail "the words of a sweep run: $(cat out)"
tells() { [ "$(grep -c "^launch: .*$1" err)" = "${2:-1}" ] || { fail "expected ${2:-1} lines with: $1"; cat err; }; }

settings good
ends 3 job
[ ! -s out ] && ! grep -q launch: err || fail "a good start: $(cat out err)"
[ -z "$(find . -name '.connected*')" ] || fail "the sign of life is left"
settings good '[ -n "${nothing:-}" ] && patience=soon' # a last command that is false is no error
touch logs/.connected-7-0 "work ing/.connected-7-0" "work ing/.connected-77-0"
extra=(SLURM_RESTART_COUNT=1)
ends 3 job
extra=()
[ "$(ls -A "work ing")" = .connected-77-0 ] || fail "a sign of a turn that was killed: $(ls -A "work ing")"
rm logs/.connected-7-0 "work ing/.connected-77-0"
settings good "program='$fairstamp'" # a command without ranks takes no --connected, one with ranks does
ends 0 batch "$scripts/fairstamp.sbatch" --site "$scratch/site.sh" list suites
for words in "list suites" "run job.json" "doctor job.json"; do
    takes=no
    # shellcheck disable=SC2086 # several words
    "$fairstamp" $words --connected signs/none 2>&1 | grep -q -- '--connected: unknown' || takes=yes
    # shellcheck disable=SC1091
    [ $takes = "$(. "$scripts/launch.sh" && program=$fairstamp gives_sign ${words%% *} && echo yes || echo no)" ] || fail "the sign of $words"
done
settings late patience=60
ends 3 job
[ ! -e cancelled ] && ! grep -q launch: err || fail "a late start: $(cat err)"
settings broken
ends 7 job
[ ! -e requeued ] || fail "a launcher that fails is no reason to queue again"
settings once patience=600 "$passes"
ends 3 job
tells 'have not found each other in .* the job is started again'
grep -q '7\.0' cancelled && ! grep -q batch cancelled || fail "steps: $(cat cancelled)"
settings hanging patience=600 "$passes"
ends 75 job
tells 'the job is started again'
tells 'the job is left to a new turn'
tells 'requeueing 7'
[ "$(wc -l <turns)" = 2 ] && grep -q 'requeue 7' requeued || fail "turns: $(cat turns requeued)"
for process in $(cat below); do
    for _ in {1..600}; do
        case $(ps -o stat= -p "$process") in '' | Z*) continue 2 ;; esac
        sleep 0.1
    done
    fail "a child of the launcher lives on"
done
touch end
settings good tries=0
stand_in program <<<'touch "${@: -1}"; exit 75'
ends 75 job
tells 'requeued 0 times before'
[ ! -e requeued ] || fail "tries is not kept"
settings good patience=0 # no sign is asked for
stand_in program <<<'[ $# = 2 ] && exit 4'
ends 4 job
# the signal before the time limit, while the launcher hangs: saved is nothing, but the job goes on in a new turn
rm -f end below
settings hanging patience=600 # nobody lets it pass
job >out 2>err &
waiting=$!
until [ -s below ]; do sleep 0.1; done
kill -USR1 "$(pgrep -o -f "$scratch/spool/slurm_script")"
wait $waiting
[ $? = 75 ] && grep -q 'requeue 7' requeued || fail "a signal while the launcher hangs: $(cat err)"
touch end

# what a node lacks, in one line
lacks() { # TEXT, lines of the site file
    printf '%s\n' "launcher=mpirun program=$scratch/bin/program" "${@:2}" >site.sh
    ends 66 job
    tells "$1"
}
lacks 'found tries "5" and patience "soon", expected whole numbers' patience=soon
stand_in mpirun <<<'exit 9'
lacks 'the program nowhere is not on node n1' program=nowhere
lacks 'the launcher prun is not on node n1' 'launcher="prun -n 2"'
lacks "srun knows no --mpi=pmix; it has: .* none pmi2" "launcher=\"$scratch/bin/srun --mpi=pmix\""
lacks "srun knows no --mpi=pmix; it has: .* none pmi2" 'launcher="srun --mpi=pmix"'
stand_in ompi_info <<<'echo "MCA pmix: ext3x"'
extra=(SLURM_NTASKS=2)
lacks 'this Open MPI knows nothing of srun --mpi=pmi2' 'launcher="srun --mpi=pmi2"'
lacks 'this Open MPI knows nothing of srun --mpi=none' 'launcher=srun' # Slurm's default
extra=()
rm bin/mpirun
(
    # as on a node without Open MPI
    failures=0
    mkdir few
    for name in awk bash cat cut df dirname env grep head hostname id ldd ls ps readlink rm sed seq sha256sum sleep tr touch; do
        ln -s "$(command -v $name)" few/
    done
    extra=(PATH="$scratch/bin:$scratch/few")
    lacks 'node n1 has no mpirun in PATH.*none pmi2' launcher=auto
    exit $failures
) || fail "a node without Open MPI"
stand_in ldd <<<'printf "\tlibmpi.so.40 => not found\n\tlibm.so.6 => /lib/libm.so.6 (0x0)\n\tlibhdf5.so.103 => not found\n\tlibmpi.so.40 => not found\n"'
lacks 'are not found on node n1: libmpi.so.40 libhdf5.so.103; load the modules'
rm bin/ldd
printf '%s\n' "launcher=$scratch/bin/good program=$scratch/bin/program patience=0" 'export TMPDIR=/nowhere' >site.sh
ends 4 job
tells '/nowhere cannot be written on node n1'
ends 66 batch "$scripts/fairstamp.sbatch" --site nowhere.sh run job.json
tells 'nowhere.sh cannot be read on node n1'
ends 66 batch "$scripts/fairstamp.sbatch" --site "$scratch" run job.json
ends 64 batch "$scripts/fairstamp.sbatch" run
mkdir -p place/bin place/share/fairstamp # as installed: the program is the one that the scripts came with
cp -r "$scripts" place/share/fairstamp/slurm
cp bin/program place/bin/fairstamp
printf '%s\n' "launcher=$scratch/bin/good patience=0" >site.sh
(
    scripts=$scratch/place/share/fairstamp/slurm extra=(PATH="$scratch/bin:$scratch/few")
    failures=0
    ends 4 job
    exit $failures
) || fail "the program beside the scripts"
rm "$scripts/launch.sh"
ends 66 job
cp "$FAIRSTAMP_SOURCE/slurm/launch.sh" "$scripts/"

# sweep submit: its scripts hold all that was set, and need neither the folder they were made from nor an environment
cat >sweep.json <<END
{"job": {"data": {"biaske": "\${IT}/biaske"}, "trace": {"bootstrap": 20}, "evaluate": {"bootstrap": 20}, "stamp": {"iterations": 3, "width": 8}},
  "models": ["$GOLDEN_MODELS/gpt2-tiny"], "categories": ["gender", "race"]}
END
stand_in sbatch <<END
printf '%s\n' "\$@" >"$scratch/submitted-\$(ls "$scratch" | grep -c '^submitted')"
echo \$((100 + \$(ls "$scratch" | grep -c '^submitted')))
END
sweep="$scratch/sw'eep é"
export IT="$FAIRSTAMP_SOURCE/benchmark" OMPI_MCA_note="it's \"quoted\" \$HOME
 two lines" PATH="$scratch/bin:$PATH"
own() { FAIRSTAMP_TRIES=3 FAIRSTAMP_LAUNCHER="$scratch/bin/tells" FAIRSTAMP_PROGRAM="$fairstamp" "$fairstamp" "$@"; }
ends 0 own sweep plan sweep.json "$sweep" --no-estimate
cat >site.sh <<'END'
tries=${tries}0 note='of the site'
[ "$note" = nothing ] || return 1
tries=never
END
ends 0 own sweep submit "$sweep" --scripts "$scripts" --site site.sh --sbatch "--partition=long  --exclusive"
says 'submitted 2 of 2 cells'
grep -qxF -- --exclusive submitted-0 && grep -qxF "$sweep/slurm/sweep.sbatch" submitted-0 && grep -qxF "$sweep" submitted-0 || fail "words of sbatch: $(cat submitted-0)"
rm -r "$scripts" site.sh
unset IT
stand_in tells <<'END'
printf '%s\n' "$OMPI_MCA_note" "${LD_LIBRARY_PATH:-}"
exec "$@"
END
for stage in trace train evaluate; do
    extra=(SLURM_ARRAY_TASK_ID=1 OMP_NUM_THREADS=1)
    ends 0 batch "$sweep/slurm/sweep.sbatch" "$sweep" $stage 0
    [ -s "$sweep/cells/gpt2-tiny.race/${stage/train/stamp}.h5" ] || { fail "no $stage"; cat err; }
done
grep -qxF "it's \"quoted\" \$HOME" out && grep -qxF ' two lines' out || fail "variables of the submission: $(cat out)"
ends 1 batch "$sweep/slurm/sweep-merge.sbatch" "$sweep"
says 'cell gpt2-tiny.gender is not complete'
extra=(OMPI_MCA_note=other SLURM_ARRAY_TASK_ID=1) # what the job's environment has counts
rm "$sweep/cells/gpt2-tiny.race/evaluate.h5"
ends 0 batch "$sweep/slurm/sweep.sbatch" "$sweep" evaluate 0
grep -qx other out || fail "the job's own variables: $(cat out)"
grep -q 'tries=${tries}0' "$sweep/slurm/sweep.sbatch" || fail "the site file is not in the script"
extra=(SLURM_ARRAY_TASK_ID=5)
ends 66 batch "$sweep/slurm/sweep.sbatch" "$sweep" trace 0
tells 'cells.txt has no line 6'

# what is wrong with a submission, in one line
export IT="$FAIRSTAMP_SOURCE/benchmark"
refused() { # CODE TEXT ARGUMENTS...
    ends "$1" "$fairstamp" sweep submit "$sweep" "${@:3}"
    PATH=$PATH:/usr/bin:/bin says "$2"
}
refused 66 'sweep.sbatch cannot be read; --scripts names the folder' --scripts bin
refused 66 '--scripts: nowhere cannot be read' --scripts nowhere
refused 66 'nowhere.sh' --scripts "$FAIRSTAMP_SOURCE/slurm" --site nowhere.sh
FAIRSTAMP_PROGRAM=./nowhere refused 66 'FAIRSTAMP_PROGRAM names ./nowhere' --scripts "$FAIRSTAMP_SOURCE/slurm"
cp -r "$sweep" 'back\slash'
sweep='back\slash' refused 64 'a backslash' --scripts "$FAIRSTAMP_SOURCE/slurm"
stand_in sbatch <<<'echo "sbatch: error: invalid partition" >&2; exit 1'
refused 74 'sbatch ended with exit code 1' --scripts "$FAIRSTAMP_SOURCE/slurm"
PATH=$scratch/few refused 66 'sbatch cannot be started; is Slurm here?' --scripts "$FAIRSTAMP_SOURCE/slurm"
finish
