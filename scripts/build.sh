#!/usr/bin/env bash
# Configures and builds one preset of CMakePresets.json: scripts/build.sh [release|debug|sanitize] [cmake options]...
# Compiles by way of ccache where it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${CMAKE_C_COMPILER_LAUNCHER:-}" ] || ! command -v ccache >/dev/null || export CMAKE_C_COMPILER_LAUNCHER=ccache
preset=${1:-release}
[ $# -eq 0 ] || shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake --preset "$preset" "$@" && cmake --build --preset "$preset"; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
grep -E 'warning:' "$log" >&2 || true
