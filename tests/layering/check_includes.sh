#!/bin/sh
# Holds the #include lines of the product against arrows.txt: check_includes.sh [root of the sources]
#   - a file includes only its own folder and what its folder's line allows;
#   - no files include each other in a circle, and no folders do. foo.c, foo.h and the private headers foo_parts.h,
#     foo_internal.h and foo_private.h count as one file;
#   - the list of arrows in ARCHITECTURE.md is that of arrows.txt.
# One line a fault, on stderr; ends with 1 where there is one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}"
table=$here/arrows.txt

# file included-file, one pair a line; a file without includes stands alone on its line.
list_includes() {
    find . -name tests -prune -o -name 'build*' -type d -prune -o -name '.?*' -prune -o -type f -name '*.[ch]' -print |
        LC_ALL=C sort | sed 's,^\./,,' | while read -r file; do
        echo "$file"
        sed -n "s|^[[:space:]]*#[[:space:]]*include[[:space:]]*\"\\([^\"]*\\)\".*|$file \\1|p" "$file"
    done
}

# The lines of arrows.txt, without its words, and those of the block in ARCHITECTURE.md.
check_page() {
    [ -f ARCHITECTURE.md ] || { echo "layering: no ARCHITECTURE.md here"; return 1; }
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    sed '/^#/d' "$table" | sed '1{/^$/d;}' >"$work/arrows.txt"
    awk '/^## /{on = $0 == "## Allowed arrows"} on && /^```/{block = !block; next} on && block' ARCHITECTURE.md >"$work/page"
    diff "$work/arrows.txt" "$work/page" >"$work/difference" || {
        echo "layering: the list of arrows in ARCHITECTURE.md is not that of tests/layering/arrows.txt; copy it. < arrows.txt, > ARCHITECTURE.md:"
        sed 's/^/    /' "$work/difference"
        return 1
    }
}

status=0
check_page >&2 || status=1
list_includes | awk -v table="$table" '
function fault(text) { print "layering: " text; faults++ }
function folder_of(path) { return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/) - 1) : "." }
function top_of(folder) { sub(/\/.*/, "", folder); return folder }
# foo.c, foo.h, foo_parts.h -> foo
function unit_of(path) { sub(/_(parts|internal|private)\.h$/, "", path); sub(/\.[ch]$/, "", path); return path }

function read_table(    line, part, count, i) {
    while ((getline line < table) > 0) {
        sub(/#.*/, "", line)
        if (line !~ /[^ \t]/) { continue }
        sub(/:/, " ", line)
        count = split(line, part, " ")
        for (i = 2; i <= count; i++) {
            if (!(part[i] in listed)) {
                fault("arrows.txt: " part[1] " may not use " part[i] ", which is not listed above it")
            }
            allowed[part[1], part[i]] = 1
        }
        listed[part[1]] = 1
    }
    close(table)
}

function check_arrow(file, target,    from, to) {
    from = folder_of(file)
    to = folder_of(target)
    if (from == to || ((from, to) in allowed)) { return }
    if (!(to in listed)) {
        fault(file " includes " target ", and the folder " to " is not in arrows.txt: add its line, or include what is listed")
    } else if (top_of(from) == top_of(to) || !((top_of(from), top_of(to)) in allowed)) {
        fault(file " includes " target ": " from "/ may not use " to "/; move what is needed down, or see arrows.txt")
    }
}

function add_edge(kind, from, to) {
    if (from == to || ((kind, from, to) in edge)) { return }
    edge[kind, from, to] = 1
    next_of[kind, from] = next_of[kind, from] " " to
    node[kind, from] = node[kind, to] = 1
}

# Takes away what uses nothing that is left, again and again; what remains leads into a circle.
function prune(kind,    key, part, changed, name, count, i, uses) {
    do {
        changed = 0
        for (key in node) {
            split(key, part, SUBSEP)
            if (part[1] != kind || !node[key]) { continue }
            count = split(next_of[key], name, " ")
            uses = 0
            for (i = 1; i <= count; i++) { uses += node[kind, name[i]] }
            if (uses == 0) { node[key] = 0; changed = 1 }
        }
    } while (changed)
}

# A circle among what is left, "a -> b -> a", or "" where nothing is left; takes its nodes away.
function next_circle(kind,    key, part, at, path, name, count, i, seen) {
    at = ""
    for (key in node) {
        split(key, part, SUBSEP)
        if (part[1] == kind && node[key] && (at == "" || part[2] < at)) { at = part[2] }
    }
    if (at == "") { return "" }
    while (!(at in seen)) {
        seen[at] = 1
        path = path " -> " at
        count = split(next_of[kind, at], name, " ")
        for (i = 1; i <= count && !node[kind, name[i]]; i++) { }
        at = name[i]
    }
    path = substr(path " -> ", index(path " -> ", " -> " at " -> ") + 4) at
    count = split(path, name, " -> ")
    for (i = 1; i <= count; i++) { node[kind, name[i]] = 0 }
    return path
}

function check_circles(kind,    circle) {
    for (prune(kind); (circle = next_circle(kind)) != ""; prune(kind)) { fault("circle of " kind "s: " circle) }
}

BEGIN { read_table() }
NF == 1 {
    file[$1] = 1
    if (!(folder_of($1) in listed)) { fault($1 ": its folder " folder_of($1) " is not in arrows.txt") }
}
NF == 2 { from[++includes] = $1; to[includes] = $2 }
END {
    for (i = 1; i <= includes; i++) {
        if (to[i] !~ /\//) {
            if ((folder_of(from[i]) "/" to[i]) in file) {
                fault(from[i] " includes " to[i] ": write " folder_of(from[i]) "/" to[i])
            }
            continue # a header that the build makes
        }
        check_arrow(from[i], to[i])
        add_edge("file", unit_of(from[i]), unit_of(to[i]))
        add_edge("folder", folder_of(from[i]), folder_of(to[i]))
    }
    if (length(file) == 0) { fault("no sources here") }
    check_circles("file")
    check_circles("folder")
    if (faults == 0) { print "layering: " includes " includes point down" }
    exit faults > 0
}' >&2 || status=1
exit $status
