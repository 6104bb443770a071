#!/bin/sh
# That check_includes.sh and check_lengths.sh find what is planted in a copy of the tree, and name it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "plant_test: $*" >&2
    exit 1
}

# A fresh copy of the product's sources and of these checks.
copy_tree() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/tests"
    cp -r "$root/tests/layering" "$work/tree/tests/"
    cp "$root/ARCHITECTURE.md" "$work/tree/"
    (cd "$root" && tar cf - io model stages jobs results slurm pipeline) | tar xf - -C "$work/tree"
}

# refused CHECK TEXT...: the check ends with 1 and each text is in one of its lines.
refused() {
    check=$1
    shift
    ! "$work/tree/tests/layering/$check" >"$work/out" 2>&1 || fail "$check accepts a planted $*"
    for text in "$@"; do
        grep -qF "$text" "$work/out" || fail "no '$text' in: $(cat "$work/out")"
    done
}

copy_tree
"$work/tree/tests/layering/check_includes.sh" >"$work/out" 2>&1 || fail "the copy is refused: $(cat "$work/out")"

# An arrow up, from folder to folder and from room to room.
echo '#include "pipeline/ranks/session.h"' >>"$work/tree/io/digest.c"
echo '#include "io/console/log.h"' >>"$work/tree/io/formats/csv.c"
refused check_includes.sh 'io/digest.c includes pipeline/ranks/session.h: io/ may not use pipeline/ranks/' \
    'io/formats/csv.c includes io/console/log.h: io/formats/ may not use io/console/'

# Two files that include each other, one of them by a private header.
copy_tree
echo '#include "io/planted_b.h"' >"$work/tree/io/planted_a.h"
echo '#include "io/planted_a.h"' >"$work/tree/io/planted_b_parts.h"
refused check_includes.sh 'circle of files: io/planted_a -> io/planted_b -> io/planted_a'

# A circle of two folders, which no single arrow shows where the table is wrong too.
copy_tree
echo '#include "io/planted.h"' >"$work/tree/io/formats/planted.h"
echo '#include "io/formats/csv.h"' >"$work/tree/io/planted.h"
sed -i 's,^io:$,io: io/formats,' "$work/tree/tests/layering/arrows.txt"
refused check_includes.sh 'circle of folders: io -> io/formats -> io' \
    'arrows.txt: io may not use io/formats, which is not listed above it'

# A folder that the table does not have.
copy_tree
mkdir "$work/tree/extras"
echo '#include "extras/planted.h"' >>"$work/tree/stages/plan/plan.c"
echo '#include "io/error.h"' >"$work/tree/extras/planted.h"
refused check_includes.sh 'stages/plan/plan.c includes extras/planted.h, and the folder extras is not in arrows.txt' \
    'extras/planted.h: its folder extras is not in arrows.txt'

# A new arrow in one of the two places alone, and a page without the list.
copy_tree
sed -i 's,^slurm: results ,slurm: pipeline results ,' "$work/tree/ARCHITECTURE.md"
refused check_includes.sh 'the list of arrows in ARCHITECTURE.md is not that of tests/layering/arrows.txt' \
    '> slurm: pipeline results jobs stages model io'
copy_tree
sed -i 's,^results/page: results$,& slurm,' "$work/tree/tests/layering/arrows.txt"
refused check_includes.sh '< results/page: results slurm' '> results/page: results'
copy_tree
sed -i '/^```$/d' "$work/tree/ARCHITECTURE.md"
refused check_includes.sh 'the list of arrows in ARCHITECTURE.md is not that of tests/layering/arrows.txt'

# A header without its folder.
copy_tree
echo '#include "clock.h"' >>"$work/tree/io/digest.c"
refused check_includes.sh 'io/digest.c includes clock.h: write io/clock.h'

# A file that is too long.
copy_tree
"$work/tree/tests/layering/check_lengths.sh" >"$work/out" 2>&1 || fail "the copy is refused: $(cat "$work/out")"
seq -f '/* %g */' 601 >"$work/tree/io/planted.c"
refused check_lengths.sh 'io/planted.c has 601 lines'
