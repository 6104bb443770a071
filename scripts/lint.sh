#!/usr/bin/env bash
# Style and suspicious code: scripts/lint.sh [build folder]. clang-format over all C files, clang-tidy (.clang-tidy) and
# clang-query (lint.query) over the product's, as compile_commands.json of the build folder compiles them (default: build).
# Ends with 1 where something is found; a tool that is not installed is skipped with a line (scripts/bootstrap.sh --lint).
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
jobs=$(nproc)
found=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

missing() { # TOOL VERSION: says so
    local version
    version=$("$1" --version 2>/dev/null | grep -oE 'version [0-9]+' | head -n 1) || true
    [ "$version" != "version $2" ] || return 1
    echo "lint: $1 $2 is not installed${version:+ (found $version)}; its part is skipped" >&2
}
report() { # NAME: what the log holds
    found=1
    cat "$log" >&2
    echo "lint: $1 found the above" >&2
}

mapfile -t all < <(find . -name 'build*' -type d -prune -o -name '.?*' -prune -o -name '*.[ch]' -print | LC_ALL=C sort)
if ! missing clang-format 14; then
    printf '%s\0' "${all[@]}" | xargs -0 -n 32 -P "$jobs" clang-format --dry-run -Werror >"$log" 2>&1 || report clang-format
fi

[ -e "$build/compile_commands.json" ] || { echo "lint: no $build/compile_commands.json; run scripts/build.sh" >&2; exit 66; }
mapfile -t product < <(printf '%s\n' "${all[@]}" | grep -E '^\./(io|model|stages|jobs|results|slurm|pipeline)/.*\.c$')
if ! missing clang-tidy 14; then
    printf '%s\0' "${product[@]}" | xargs -0 -n 4 -P "$jobs" clang-tidy -p "$build" --quiet 2>/dev/null >"$log" || report clang-tidy
fi
if ! missing clang-query 14; then
    printf '%s\0' "${product[@]}" | xargs -0 -n 8 -P "$jobs" clang-query -p "$build" -f scripts/lint.query 2>&1 |
        sed -n 's/: note: "pointer" binds here/: error: a pointer as a truth value; write == NULL or != NULL/p' | sort -u >"$log"
    [ ! -s "$log" ] || report clang-query
fi
exit $found
