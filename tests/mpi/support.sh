# Sourced by the tests: a scratch folder, checks, Open MPI's files out of the way. FAIRSTAMP_PROGRAM and FAIRSTAMP_SOURCE are
# set by ctest.
set -u
here=$FAIRSTAMP_SOURCE/tests/mpi
fairstamp=$FAIRSTAMP_PROGRAM
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fs.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch OMPI_MCA_orte_tmpdir_base=$scratch OMPI_MCA_btl_vader_backing_directory=$scratch
export OMPI_MCA_ess_singleton_isolated=1 # a program without mpirun needs no daemon, whose start takes most of its time
unset OPENBLAS_CORETYPE # what ranks of other hosts would not have: their bits are compared
export GOLDEN_MODELS=$FAIRSTAMP_SOURCE/tests/golden/models
failures=0

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
finish() {
    [ "$failures" = 0 ] || { echo "$failures checks failed"; exit 1; }
    echo "all checks passed"
    exit 0
}
# expect CODE COMMAND...: the exit code; output in $scratch/out, words in $scratch/err. The time limit ends what hangs; no test
# is about seconds.
expect() {
    local wanted=$1 code stacks=
    shift
    # leaks of MPI's own are told apart by whole stacks, which are slow; these commands start no MPI
    case "${1##*/} ${2:-}" in
    "fairstamp "--* | "fairstamp "apply | "fairstamp "benchmark | "fairstamp "export | "fairstamp "inspect | "fairstamp "merge | "fairstamp "metrics | \
        "fairstamp "query | "fairstamp "report | "fairstamp "tokenize | "fairstamp "verify) stacks=:fast_unwind_on_malloc=1 ;;
    esac
    ASAN_OPTIONS=${ASAN_OPTIONS:-}$stacks timeout 1200 "$@" >"$scratch/out" 2>"$scratch/err"
    code=$?
    [ "$code" = "$wanted" ] || { fail "exit code $code, expected $wanted: $*"; tail -n 5 "$scratch/err"; }
}
# leaks_aside COMMAND...: for what another call does alike but for the number of ranks; looking for leaks takes most of the time
leaks_aside() { ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0:fast_unwind_on_malloc=1 "$@"; }
# says TEXT: standard error of the last command holds it, on exactly one line that begins with "fairstamp: "
says() {
    local count
    count=$(grep -F -- "$1" "$scratch/err" | grep -c '^fairstamp: ')
    [ "$count" = 1 ] || { fail "expected one line on standard error with: $1 (found $count)"; cat "$scratch/err"; }
}
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }
