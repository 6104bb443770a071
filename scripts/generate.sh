#!/usr/bin/env bash
# generate.sh [PROGRAM]: makes anew what the program prints of its own tables: man page, completion, job schema, table of job
# keys, table of families; of these the numbers are those that test_families finds, where it is built beside the program.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${1:-build/pipeline/fairstamp}
"$program" --man >man/fairstamp.1
"$program" --bash-completion >completion/fairstamp.bash
"$program" --job-schema >jobs/job.schema.json
table=$(mktemp) found=$(mktemp)
trap 'rm -f "$table" "$found"' EXIT

# replace PAGE KEY: the table of PAGE whose first row begins with KEY becomes that in $table
replace() {
    local page
    page=$(awk -v table="$table" -v key="| $2 " 'index($0, key) == 1 {while ((getline line <table) > 0) print line; skip = 1}
                                                 skip && /^$/{skip = 0} !skip' "$1")
    printf '%s\n' "$page" >"$1"
}

"$program" --job-keys >"$table"
replace jobs/README.md key

test=$(dirname "$program")/../tests/unit/model/test_families
if [ -x "$test" ]; then
    "$test" >"$found" 2>&1
    "$program" list families | awk -v found="$found" -F '  +' '
        function up(x, unit) { # to two digits
            unit = x > 0 ? 10 ^ (int(log(x) / log(10)) - 2) : 1
            return (int(x / unit) + (x > int(x / unit) * unit)) * unit
        }
        NR > 1 {name[++n] = $1; kind[n] = $2; about[n] = $3}
        END {
            while ((getline line <found) > 0) {
                if (split(line, word, " ") != 4 || word[2] != "worst") {
                    continue
                }
                best = 0 # roberta-prelayernorm-x is no folder of roberta
                for (i = 1; i <= n; i++) {
                    if (index(word[1], name[i] "-") == 1 && (!best || length(name[i]) > length(name[best]))) {
                        best = i
                    }
                }
                folders[best]++
                worst[best] = word[4] + 0 > worst[best] ? word[4] + 0 : worst[best]
            }
            print "| model_type | kind | what it is | golden folders | log p within |\n|---|---|---|---|---|"
            for (i = 1; i <= n; i++) {
                printf "| `%s` | %s | %s | %d | %.1e |\n", name[i], kind[i], about[i], folders[i], up(worst[i])
            }
        }' >"$table"
    replace docs/models.md model_type
fi
