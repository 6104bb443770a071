#!/usr/bin/env bash
# completion_test.sh SCRIPT: what bash would offer with the completion of SCRIPT. FAIRSTAMP_PROGRAM: the program; by default that of PATH.
set -u
. "$1" || exit 1
folder=$(mktemp -d "${TMPDIR:-/tmp}/fs.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
mkdir models
touch job.json other.txt result.h5
failures=0

# offers "EXPECTED ..." WORD...: the words of the line as bash parts them, the last one to be completed
offers() {
    local expected=$1 found
    shift
    COMP_WORDS=(fairstamp "$@")
    COMP_CWORD=$#
    _fairstamp
    found=$(printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"} | LC_ALL=C sort | xargs)
    [ "$found" = "$expected" ] || { echo "FAILED: fairstamp $*: offers \"$found\", expected \"$expected\""; failures=$((failures + 1)); }
}

offers "trace train" tra
offers "--man" --ma
offers "estimate evaluate export" e
offers "--force --format" run --fo
offers "job.json models" run ""
offers "models result.h5" verify ""
offers "models result.h5" verify --equal ""
offers "--equal" verify --e
offers check benchmark ""
offers "job.json models" benchmark check ""
offers "--compute-backend --compute-type --connected --edit --help --log-dir --model --quiet --wait-seconds" logprobs ""
offers models score --model ""
offers "job.json models other.txt result.h5" score --data ""
# every suite that the program takes, which is what it says of a name that is none
suites=$("${FAIRSTAMP_PROGRAM:-fairstamp}" score --model x --data x --suite "?" 2>&1 | sed -n 's/.*found "?", expected //p' | tr '|' '\n' | LC_ALL=C sort | xargs)
[ -n "$suites" ] || { echo "FAILED: the program names no suites"; failures=$((failures + 1)); }
offers "$suites" score --suite ""
offers "crows_pairs" score --suite = crows_p
offers "" score --seed ""
offers "stamp.layer= stamp.learning_rate= stamp.level_weight= stamp.loss=" run --set stamp.l
offers "gap logratio" run --set stamp.loss =
offers "logratio" run --set = stamp.loss = lo
offers auto run --set stamp.layer = ""
offers "false true" run job.json --set trace.heat_map = ""
offers other.txt run --set data.text = o
offers "" run --set seed = ""
offers "" trase ""
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
offers "--set=stamp.loss=logratio" run --set=stamp.loss=lo
offers "stamp.loss=gap" run --set stamp.loss=g

[ "$failures" = 0 ] || { echo "$failures checks failed"; exit 1; }
echo "all checks passed"
