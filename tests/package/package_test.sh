#!/usr/bin/env bash
# Makes the Debian package, installs it with apt in a fresh root of this machine's Debian release, and uses it there: version,
# demonstration under mpirun, man page, completion, module files. Needs root, debootstrap and a Debian mirror, and takes minutes; where one
# of them is missing it says so and ends with 77. FAIRSTAMP_BUILD, FAIRSTAMP_SOURCE: set by ctest.
set -u
skip() { echo "skipped: $*"; exit 77; }
die() { echo "FAILED: $*"; exit 1; }

if [ "${1:-}" != inside ]; then
    [ "$(id -u)" = 0 ] || skip "needs root"
    for tool in cpack debootstrap dpkg-shlibdeps file unshare; do
        command -v $tool >/dev/null || skip "no $tool"
    done
    unshare --mount true 2>/dev/null || skip "no mount namespaces"
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/fs.XXXXXX")
    trap 'rm -rf --one-file-system "$scratch"' EXIT
    chmod 755 "$scratch"
    # mounts made in there are gone when it ends, however it ends
    unshare --mount --propagation private bash "$0" inside "$scratch"
    exit $?
fi
scratch=$2
root=$scratch/root
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")

# the first mirror of this release in the sources of apt, in either of their layouts
mirror=$(
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed 's/\[[^]]*\]//' | awk -v release="$release" '$1 == "deb" && $3 == release { print $2 }'
    awk -v release="$release" '
        /^[[:space:]]*$/ { uri = "" }
        $1 == "URIs:" { uri = $2 }
        $1 == "Suites:" { for (i = 2; i <= NF; i++) if ($i == release && uri != "") print uri }
    ' /etc/apt/sources.list.d/*.sources 2>/dev/null
)
mirror=${mirror%%$'\n'*}
[ -n "$mirror" ] || skip "apt names no mirror of ${release:-this system}"

cpack -G DEB --config "$FAIRSTAMP_BUILD/CPackConfig.cmake" -B "$scratch/package" >"$scratch/log" 2>&1 ||
    { cat "$scratch/log"; die "cpack"; }
package=$(echo "$scratch"/package/*.deb)
echo "package: $(basename "$package"), $(stat -c %s "$package") bytes, $SECONDS s"

if ! debootstrap --variant=minbase "$release" "$root" "$mirror" >"$scratch/log" 2>&1; then
    tail -n 5 "$scratch/log"
    grep -qE 'Failed getting release file|Invalid Release file|Couldn.t download' "$scratch/log" && skip "no access to the mirror"
    die "debootstrap"
fi
echo "root: $SECONDS s"
mount -t proc proc "$root/proc" || die "mount /proc"
mount -t tmpfs tmpfs "$root/dev/shm" || die "mount /dev/shm"
cp "$package" "$root/tmp/"
cp "$FAIRSTAMP_SOURCE/tests/package/completion_test.sh" "$FAIRSTAMP_SOURCE"/packaging/modules/fairstamp.* "$root/tmp/"

chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} bash -s <<'END_OF_CHROOT'
set -u
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
cd /tmp
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends ./fairstamp_*.deb man-db bash-completion; } >log 2>&1 ||
    { tail -n 20 log; echo "FAILED: apt-get install"; exit 1; }
echo "installed: $(dpkg-query -W fairstamp | tr '\t' ' '), with $(dpkg-query -W | wc -l) packages in the root, $SECONDS s"

fairstamp --version >version || fail "--version"
head -n 1 version
! ldd /usr/bin/fairstamp | grep 'not found' || fail "libraries are missing"

. /usr/share/fairstamp/scripts/mpi_env.sh
export OMP_NUM_THREADS=1
mpirun -n 2 fairstamp run /usr/share/fairstamp/demo/job.json --set output=/tmp/out --quiet >table 2>words || { cat words; fail "the demonstration"; }
grep -q 'Decisive layer' table && grep -q 'SS held-out' table || { cat table; fail "the table"; }
for stage in trace stamp evaluate; do
    fairstamp verify out/$stage.h5 >/dev/null || fail "out/$stage.h5 is not whole"
done
fairstamp report out/evaluate.h5 -o page >/dev/null && [ -s page/index.html ] || fail "the report"
mkdir demo && cd demo
/usr/share/fairstamp/demo/run.sh >text 2>words || { tail -n 5 words; fail "demo/run.sh"; }
for stage in trace stamp evaluate; do
    fairstamp verify --equal fairstamp-demo/$stage.h5 ../out/$stage.h5 >/dev/null || fail "demo/run.sh: $stage differs"
done
cd ..
FAIRSTAMP_OUTPUT=/tmp/out-biaske fairstamp trace /usr/share/fairstamp/jobs/biaske.json --quiet >/dev/null || fail "jobs/biaske.json"

[ "$(man -w fairstamp)" = /usr/share/man/man1/fairstamp.1.gz ] || fail "man -w: $(man -w fairstamp 2>&1)"
man fairstamp 2>words | grep -q 'stamp.learning_rate' || fail "the man page"
[ ! -s words ] || fail "the man page: $(head -n 3 words)"

bash completion_test.sh /usr/share/bash-completion/completions/fairstamp || fail "completion"
bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader fairstamp; complete -p fairstamp' >loaded 2>&1
grep -q _fairstamp loaded || fail "bash-completion does not load it: $(cat loaded)"

# module files, for a program in /opt; the two module systems displace each other
version=$(dpkg-query -W -f '${Version}' fairstamp)
mkdir -p /opt/fairstamp lua/fairstamp tcl/fairstamp
ln -s /usr "/opt/fairstamp/$version"
cp fairstamp.lua "lua/fairstamp/$version.lua"
cp fairstamp.tcl "tcl/fairstamp/$version"
modules() { # INIT FILE, MODULE FOLDER
    (
        . "$1"
        module use "/tmp/$2"
        module load fairstamp
        [ "$(command -v fairstamp)" = "/opt/fairstamp/$version/bin/fairstamp" ] && [ "$FAIRSTAMP_ROOT" = "/opt/fairstamp/$version" ] &&
            [ "$(man -w fairstamp)" = "/opt/fairstamp/$version/share/man/man1/fairstamp.1.gz" ] && man -w man >/dev/null &&
            module unload fairstamp && [ "$(command -v fairstamp)" = /usr/bin/fairstamp ] && [ -z "${FAIRSTAMP_ROOT:-}${MANPATH:-}" ]
    ) >log 2>&1 || fail "modules of $2 with $1: $(cat log)"
}
apt-get install -y -qq --no-install-recommends lmod >log 2>&1 || fail "apt-get install lmod: $(tail -n 3 log)"
modules /usr/share/lmod/*/init/bash lua
modules /usr/share/lmod/*/init/bash tcl
apt-get install -y -qq --no-install-recommends environment-modules >log 2>&1 || fail "apt-get install environment-modules: $(tail -n 3 log)"
modules /usr/share/modules/init/bash tcl

apt-get purge -y -qq fairstamp >log 2>&1 || fail "purge: $(tail -n 3 log)"
left=$(find /usr -name '*fairstamp*')
[ -z "$left" ] || fail "left after purge: $left"
[ "$failures" = 0 ] || { echo "$failures checks failed"; exit 1; }
END_OF_CHROOT
code=$?
[ $code = 0 ] || die "in the root, exit code $code"
echo "all checks passed, $SECONDS s"
