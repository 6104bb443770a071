#!/usr/bin/env bash
# cluster_up.sh FOLDER NODES [CPUS A NODE [LINES OF slurm.conf]]: a Slurm cluster of virtual nodes on this machine, on loopback, as this user,
# without a file outside FOLDER (its path short: a socket lies in it). Then: . FOLDER/env.sh. Each node's daemon has a host
# name of its own, for which it is started in a UTS namespace: as root, or where users may make namespaces.
# With SLURM_TEST_HOSTS=FORMAT in the environment nodes are hosts n1, n2, ... that are there, at addresses such as 10.77.0.%d, entered by
# "on HOST COMMAND...", and this host is number 254.
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
nodes=$2 cpus=${3:-2}
PATH=$PATH:/usr/sbin:/sbin
user=$(id -un) host=$(hostname -s)
# shellcheck disable=SC2059 # the format is given
address() { if [ -n "${SLURM_TEST_HOSTS:-}" ]; then printf "$SLURM_TEST_HOSTS" "$1"; else echo 127.0.0.1; fi; }
mkdir -p "$folder"/{munge,state,log,run}
chmod 700 "$folder/munge"
(umask 077 && head -c 128 /dev/urandom >"$folder/munge/key")
munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" --num-threads=2

# Ports next to each other that nobody listens on.
while :; do
    port=$((20000 + RANDOM % 20000))
    taken=0
    for ((i = 0; i <= nodes; i++)); do
        ! (: <"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null || taken=1
    done
    [ $taken = 1 ] || break
done

memory=$(awk -v nodes="$nodes" '/MemTotal/ { print int($2 / 1024 * 0.9 / nodes) }' /proc/meminfo)
{
    cat <<END
ClusterName=fairstamp
SlurmctldHost=$host($(address 254))
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CredType=cred/munge
SlurmctldPort=$port
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdPidFile=$folder/run/slurmd-%n.pid
SlurmdLogFile=$folder/log/slurmd-%n.log
SlurmdSpoolDir=$folder/%n/spool
TmpFS=$folder/%n/tmp
StateSaveLocation=$folder/state
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2,sched_min_interval=0,requeue_setup_env_fail
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/jobs
MinJobAge=300
KillWait=30
MessageTimeout=60
SlurmctldTimeout=120
SlurmdTimeout=120
JobRequeue=1
PropagateResourceLimits=NONE
${4:-}
END
    for ((i = 1; i <= nodes; i++)); do
        mkdir -p "$folder/n$i/spool" "$folder/n$i/tmp"
        chmod 1777 "$folder/n$i/tmp"
        echo "NodeName=n$i NodeHostname=n$i NodeAddr=$(address $i) Port=$((port + i)) CPUs=$cpus Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=$memory State=UNKNOWN"
    done
    echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP"
} >"$folder/slurm.conf"
echo "export SLURM_CONF=$folder/slurm.conf" >"$folder/env.sh"
. "$folder/env.sh"
slurmctld -f "$SLURM_CONF"
for ((i = 1; i <= nodes; i++)); do
    "$(dirname "$0")/node_up.sh" "$folder" "$i"
done
for _ in $(seq 3000); do
    [ "$(sinfo -h -N -o %T 2>/dev/null | grep -c idle)" != "$nodes" ] || exit 0
    sleep 0.1
done
echo "cluster_up: Slurm did not come up" >&2
tail -n 20 "$folder"/log/*.log >&2
exit 1
