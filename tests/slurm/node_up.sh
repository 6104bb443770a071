#!/usr/bin/env bash
# node_up.sh FOLDER I: starts node nI's daemon.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
namespace=(unshare --uts)
[ "$(id -u)" = 0 ] || namespace=(unshare --user --map-current-user --keep-caps --uts)
[ -z "${SLURM_TEST_HOSTS:-}" ] || namespace=(on "n$2")
"${namespace[@]}" sh -c "hostname n$2; exec slurmd -f $1/slurm.conf -N n$2"
