#!/usr/bin/env bash
# Runs the tests whose numbers go through OpenBLAS with the kernels of other processor types, one line a type:
# tests/kernels.sh [--other] [TYPE]...   Prescott Nehalem Haswell Zen SkylakeX Cooperlake SapphireRapids; default: all
# --other: leaves out the type that OpenBLAS takes here by itself, with which ctest runs.
# BUILD: the build folder, default build/. A type is left out where this processor or this OpenBLAS lacks it.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$root/build}
[ "${1:-}" != --help ] || { sed -n '2,5s/^# //p' "$0"; exit 0; }
own=
# the first: the program may start again with others
core() { OPENBLAS_VERBOSE=2 "$build/pipeline/fairstamp" --version 2>&1 | sed -n 's/^Core: //p' | head -n 1; }
if [ "${1:-}" = --other ]; then
    own=$(core)
    shift
fi
[ $# -gt 0 ] || set -- Prescott Nehalem Haswell Zen SkylakeX Cooperlake SapphireRapids
[ -e "$build/CTestTestfile.cmake" ] || { echo "kernels: $build is no build folder; run scripts/build.sh" >&2; exit 66; }
output=$(mktemp)
trap 'rm -f "$output"' EXIT

needs() { # TYPE: the processor's flags, as Linux names them, without which its kernels end with an illegal instruction
    case $1 in
    Prescott) echo pni ;;
    Nehalem) echo sse4_2 ;;
    Haswell | Zen) echo avx2 fma ;;
    SkylakeX) echo avx512f avx512dq avx512bw avx512vl ;;
    Cooperlake) echo avx512f avx512dq avx512bw avx512vl avx512_bf16 ;;
    SapphireRapids) echo avx512f avx512dq avx512bw avx512vl avx512_bf16 amx_tile amx_bf16 ;;
    *) echo "kernels: unknown type $1; see tests/kernels.sh --help" >&2; return 1 ;;
    esac
}
code=0
for type in "$@"; do
    flags=$(needs "$type") || exit 64
    lacks=
    for flag in $flags; do
        grep -qw "$flag" /proc/cpuinfo || lacks="$lacks $flag"
    done
    # OpenBLAS falls back in silence where it does not know a name: it says itself what it took
    taken=$([ -n "$lacks" ] || OPENBLAS_CORETYPE=$type core)
    if [ -n "$lacks" ]; then
        echo "$type: left out, the processor lacks$lacks"
    elif [ "${own,,}" = "${type,,}" ]; then
        echo "$type: left out, the tests have run with it"
    elif [ "${taken,,}" != "${type,,}" ]; then
        echo "$type: left out, OpenBLAS takes ${taken:-others} instead"
    else
        OPENBLAS_CORETYPE=$type ctest --test-dir "$build" -L kernels --no-tests=error --output-on-failure -j "$(nproc)" >"$output" 2>&1
        failed=$?
        echo "$type: $(grep -c ' Passed ' "$output") passed, $(grep -c '\*\*\*' "$output") failed"
        [ $failed = 0 ] || { cat "$output" >&2; code=1; }
    fi
done
exit $code
