# Sourced by the tests of this folder: several hosts on this machine. The test starts itself again in namespaces of its own; when
# its first process there ends, however that came, the kernel ends all processes below and takes hosts, links and files away.
set -u
PATH=$PATH:/usr/sbin:/sbin
skip() { echo "skipped: $*"; exit 77; }
if [ -z "${FAIRSTAMP_HOSTS:-}" ]; then
    for program in ip unshare nsenter mount; do
        command -v $program >/dev/null || skip "no $program"
    done
    apart=(unshare --net --mount --uts --ipc --pid --fork --kill-child --mount-proc)
    [ "$(id -u)" = 0 ] || apart+=(--user --map-root-user)
    "${apart[@]}" sh -c 'mount -t tmpfs none /mnt && ip link add l0 type veth peer name l1 && ip link add b0 type bridge' 2>/dev/null ||
        skip "no network namespaces with veth and bridge here"
    FAIRSTAMP_HOSTS=inside exec "${apart[@]}" bash "$0" "$@"
fi
mount -t tmpfs none /mnt || exit 1 # the disk that all hosts see; of this namespace alone
TMPDIR=/mnt
. "$FAIRSTAMP_SOURCE/tests/mpi/support.sh"
cd "$scratch" || exit 1
unset OMPI_MCA_btl_vader_backing_directory # its own /dev/shm has each host
mkdir tmp pids
export TMPDIR=$scratch/tmp OMP_NUM_THREADS=1 OMPI_MCA_orte_tmpdir_base=$scratch/tmp
export OMPI_MCA_plm_rsh_agent=$scratch/agent OMPI_MCA_btl=tcp,self,vader
export OMPI_MCA_btl_tcp_if_include=10.77.0.0/24 OMPI_MCA_oob_tcp_if_include=10.77.0.0/24

# on HOST COMMAND...: a command there, in this folder
cat >on <<END
#!/bin/sh
pid=\$(cat "$scratch/pids/\$1") || exit 255
shift
exec nsenter -t "\$pid" --net --uts --mount --ipc sh -c 'cd "\$0" && exec "\$@"' "\$PWD" "\$@"
END
# agent HOST WORDS...: what ssh is elsewhere; no variable goes with it
cat >agent <<END
#!/bin/sh
host=\$1
shift
exec "$scratch/on" "\$host" env -i PATH="$PATH" HOME=/ TMPDIR="$TMPDIR" sh -c "\$*"
END
# over HOSTS RANKS COMMAND...: by the mpirun of the first of HOSTS, such as n1:2,n2:2
cat >over <<END
#!/bin/sh
hosts=\$1 ranks=\$2
shift 2
exec "$scratch/on" "\${hosts%%:*}" mpirun -x OMP_NUM_THREADS --host "\$hosts" -n "\$ranks" "\$@"
END
chmod +x on agent over
PATH=$scratch:$PATH

# host_up I: host nI with the address 10.77.0.I, memory files and a temporary folder of its own. It has no link yet.
host_up() {
    unshare --net --uts --mount --ipc sh -c 'mount -t tmpfs none "$1/tmp" && mount -t tmpfs none /dev/shm && hostname "n$2" &&
        mount --bind "$1/names" /etc/hosts && ip link set lo up && echo $$ >"$1/pids/n$2" && exec sleep infinity' host "$scratch" "$1" &
    until [ -s "pids/n$1" ]; do
        kill -0 $! || exit 1
        sleep 0.01
    done
}
# connect I DEVICE: this end of DEVICE becomes nI's only one
connect() {
    ip link set "$2" netns "$(cat "pids/n$1")"
    on "n$1" sh -c "ip link set $2 name eth0 && ip addr add 10.77.0.$1/24 dev eth0 && ip link set eth0 up"
}
# hosts_up N: n1 to nN, each joined by a link lI to a switch, which is this host, 10.77.0.254
hosts_up() {
    local i
    ip link set lo up
    ip link add switch type bridge
    ip addr add 10.77.0.254/24 dev switch
    ip link set switch up
    echo "127.0.0.1 localhost" >names
    for ((i = 1; i <= $1; i++)); do
        echo "10.77.0.$i n$i" >>names
    done
    for ((i = 1; i <= $1; i++)); do
        host_up "$i"
        ip link add "l$i" type veth peer name "h$i"
        ip link set "l$i" master switch up
        connect "$i" "h$i"
    done
}
# slow_hosts_up N MICROSECONDS MEGABITS: hosts on a network in which a frame takes so long, and a host gets so much: by the kernel's
# netem, or by a program (wire.c) where it has none. Says which.
slow_hosts_up() {
    local i netem=yes devices=()
    hosts_up "$1"
    for ((i = 1; i <= $1; i++)); do
        devices+=("w$i")
        tc qdisc add dev "l$i" root netem delay "$2us" rate "$3mbit" limit 10000 2>/dev/null || netem=no
    done
    if [ $netem = yes ]; then
        echo "the network: netem, $2 us, $3 Mbit/s"
        return
    fi
    mkfifo ready
    "$WIRE_PROGRAM" "$2" "$3" "${devices[@]}" >ready 2>wire.err &
    read -r _ <ready || skip "no netem and no tap devices: $(cat wire.err)"
    for ((i = 1; i <= $1; i++)); do
        ip link del "l$i"
        connect "$i" "w$i"
    done
    echo "the network: wire, $2 us, $3 Mbit/s"
}
# processes_on HOST NAME: their numbers
processes_on() {
    local process
    for process in $(pgrep -x "$2"); do
        [ "$(readlink "/proc/$process/ns/net")" != "$(readlink "/proc/$(cat "pids/$1")/ns/net")" ] || echo "$process"
    done
}
