#!/bin/sh
# No .c or .h file is longer than 600 lines, tests included, but for those of long_files.txt: check_lengths.sh [root]
# One line a fault, on stderr; ends with 1 where there is one.
set -eu
most=600
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}"
find . -name 'build*' -type d -prune -o -name '.?*' -prune -o -type f -name '*.[ch]' -exec wc -l {} + |
    awk -v most=$most -v list="$here/long_files.txt" '
BEGIN {
    while ((getline line < list) > 0) {
        if (line !~ /^#/ && split(line, part, " ") >= 2) { excused["./" part[1]] = 1 }
    }
}
$2 != "total" && $1 > most && !($2 in excused) {
    print "layering: " substr($2, 3) " has " $1 " lines; at most " most ": split it, or give the reason in long_files.txt"
    faults++
}
END { exit faults > 0 }' >&2
