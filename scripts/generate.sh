#!/usr/bin/env bash
# Makes anew what the program prints of its own tables: man page, completion, job schema, table of job keys.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${1:-build/pipeline/fairstamp}
"$program" --man >man/fairstamp.1
"$program" --bash-completion >completion/fairstamp.bash
"$program" --job-schema >jobs/job.schema.json
keys=$(mktemp)
trap 'rm -f "$keys"' EXIT
"$program" --job-keys >"$keys"
page=$(awk -v keys="$keys" '/^\| key /{while ((getline line <keys) > 0) print line; skip = 1}
                            skip && /^$/{skip = 0} !skip' jobs/README.md)
printf '%s\n' "$page" >jobs/README.md
