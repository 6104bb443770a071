#!/usr/bin/env bash
# cluster_down.sh FOLDER: ends what cluster_up.sh started there, and all that runs under it.
folder=$(cd "$1" && pwd) || exit 1
export SLURM_CONF=$folder/slurm.conf
scancel --full --user="$(id -un)" 2>/dev/null
for pid_file in "$folder"/run/*.pid "$folder/munge/pid"; do
    [ ! -s "$pid_file" ] || kill "$(cat "$pid_file")" 2>/dev/null
done
for _ in $(seq 50); do
    pgrep -f "$folder/" >/dev/null || exit 0
    sleep 0.1
done
pkill -9 -f "$folder/"
exit 0
