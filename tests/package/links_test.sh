#!/usr/bin/env bash
# Installs into a scratch folder; every link of an installed page that leads to a file leads to one that is installed too.
# FAIRSTAMP_BUILD: set by ctest.
set -u
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fs.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
DESTDIR=$scratch cmake --install "$FAIRSTAMP_BUILD" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
failures=0 links=0
while IFS= read -r page; do
    while IFS= read -r link; do
        links=$((links + 1))
        [ -e "$(dirname "$page")/$link" ] || { echo "FAILED: ${page#"$scratch"} leads to $link, which is not installed"; failures=$((failures + 1)); }
    done < <(grep -oE '\]\([^) ]+\)|(src|href)="[^"]+"' "$page" | sed -E 's/^\]\(//; s/\)$//; s/^(src|href)="//; s/"$//; s/#.*//' | grep -vE '^$|^[a-z]+:')
done < <(find "$scratch" -name '*.md')
[ -n "$(find "$scratch" -path '*/fairstamp/README.md')" ] && [ "$links" -gt 20 ] || { echo "FAILED: $links links found"; exit 1; }
[ "$failures" = 0 ] || { echo "$failures of $links links lead nowhere"; exit 1; }
echo "all $links links lead to installed files"
