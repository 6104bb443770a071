#!/usr/bin/env bash
# Whether the files of packaging/ for other programs are well-formed, as far as their languages are here.
set -u
cd "$FAIRSTAMP_SOURCE/packaging" || exit 1
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
check() { # INTERPRETER COMMAND...
    if command -v "$1" >/dev/null; then
        "${@:2}" || fail "${*: -1}"
    else
        echo "not checked, no $1: ${*: -1}"
    fi
}
check python3 python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' spack/spack_repo/fairstamp/packages/fairstamp/package.py
check luac luac -p modules/fairstamp.lua
echo 'exit [expr {![info complete [read [open [lindex $argv 0]]]]}]' >"${TMPDIR:-/tmp}/fs.$$.tcl"
check tclsh tclsh "${TMPDIR:-/tmp}/fs.$$.tcl" modules/fairstamp.tcl
rm "${TMPDIR:-/tmp}/fs.$$.tcl"
# the sections of the image that are shell
awk '/^%/ || /^Bootstrap:/ { on = $1 == "%post" || $1 == "%test" || $1 == "%runscript"; next } on' apptainer/fairstamp.def | sh -n ||
    fail "apptainer/fairstamp.def"
[ "$failures" = 0 ] || exit 1
echo "all checks passed"
