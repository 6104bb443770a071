#!/usr/bin/env bash
# Installs the Debian packages that fairstamp needs and this machine lacks. Without root (and without sudo that asks for no
# password) it names them and ends with 69. Elsewhere than on Debian or Ubuntu it names the libraries and goes on.
#   --slurm   what a test cluster needs too; without it those tests are skipped
#   --hosts   what several hosts on this machine need too; likewise
#   --lint    what scripts/lint.sh needs too
# oneDNN (libdnnl-dev) is optional: without it the build has no backend onednn.
set -euo pipefail

packages=(gcc cmake ninja-build pkg-config git openmpi-bin libopenmpi-dev libhdf5-dev hdf5-tools
          libopenblas-openmp-dev libcjson-dev libpcre2-dev libutf8proc-dev libzip-dev libssl-dev libdnnl-dev libcmocka-dev)

for option in "$@"; do
    case $option in
    --slurm) packages+=(slurmctld slurmd slurm-client munge util-linux) ;;
    --hosts) packages+=(iproute2 util-linux mount) ;;
    --lint) packages+=(clang-format clang-tidy clang-tools) ;;
    *) echo "bootstrap: unknown option $option; expected --slurm, --hosts or --lint" >&2; exit 64 ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "bootstrap: no dpkg here. fairstamp needs: a C11 compiler with OpenMP, CMake >= 3.20, Ninja, MPI, HDF5," \
         "OpenBLAS, cJSON, PCRE2, utf8proc, libzip, OpenSSL, cmocka for the tests, and oneDNN 2 where bf16 products are wanted" >&2
    exit 0
fi

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

missing=()
for package in "${packages[@]}"; do
    # a parallel HDF5 serves as well as the serial one
    [ "$package" != libhdf5-dev ] || ! installed libhdf5-openmpi-dev || continue
    installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi

if [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    echo "bootstrap: these packages are missing; ask for them, or load modules that hold them:" >&2
    echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 69
fi
echo "bootstrap: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
