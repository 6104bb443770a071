#!/usr/bin/env bash
# Sets up, builds, tests: tests/run.sh [--sanitize] [--long]
#   --sanitize   first the same tests in a build with AddressSanitizer and UndefinedBehaviorSanitizer (on where CI=true)
#   --long       the tests labelled long as well (kill soak, damage, Slurm troubles, Debian package)
# Where CI=true the tests whose numbers go through OpenBLAS run with the kernels of other processor types too: kernels.sh.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
sanitize=0
selection=(-LE long)
[ "${CI:-}" != true ] || sanitize=1
for option in "$@"; do
    case $option in
    --sanitize) sanitize=1 ;;
    --long) selection=() ;;
    --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
    *) echo "tests/run.sh: unknown option $option; see tests/run.sh --help" >&2; exit 64 ;;
    esac
done

"$root/scripts/bootstrap.sh"
cd "$root"
if [ "$sanitize" = 1 ]; then
    echo "tests: building with sanitizers" >&2
    scripts/build.sh sanitize
    ctest --test-dir build-sanitize --output-on-failure -j "$(nproc)" -LE 'long|plain'
fi
echo "tests: building" >&2
scripts/build.sh release ${CI:+-DFAIRSTAMP_WERROR=ON}
if [ "${CI:-}" = true ]; then
    echo "tests: lint" >&2
    scripts/lint.sh
fi
ctest --test-dir build --output-on-failure -j "$(nproc)" "${selection[@]}"
if [ "${CI:-}" = true ]; then
    tests/kernels.sh --other Nehalem Haswell
fi
