#!/usr/bin/env bash
# Scripts for people: demo/run.sh with a model of one's own, as installed; results/reference/make.sh, whose tables are the
# sweep's results and which does nothing twice.
. "$(dirname "$0")/support.sh"
data=$here/data
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1

# the demonstration: installed beside a program, on a model of two layers
mkdir -p share/fairstamp/scripts bin
cp -r "$FAIRSTAMP_SOURCE/demo" share/fairstamp/
cp "$FAIRSTAMP_SOURCE/scripts/mpi_env.sh" share/fairstamp/scripts/
printf '#!/bin/sh\nexec "%s" "$@"\n' "$fairstamp" >bin/fairstamp
chmod +x bin/fairstamp
demo=share/fairstamp/demo/run.sh
expect 66 "$demo" --model nothing
grep -q '^demo: --model nothing: found no config.json there, expected' err && [ "$(wc -l <err)" = 1 ] || fail "no model: $(cat err)"
expect 64 "$demo" --model
expect 64 "$demo" --models "$GOLDEN_MODELS/gpt2-tiny"
expect 64 "$demo" one two
[ ! -e fairstamp-demo ] || fail "a refused demonstration left files"
export FAIRSTAMP_RANKS=1
expect 0 "$demo" --model "$GOLDEN_MODELS/gpt2-tiny"
"$fairstamp" inspect fairstamp-demo/gpt2-tiny/evaluate.h5 >tree || fail "inspect"
grep -q "/provenance@model = .*gpt2-tiny" tree || fail "the demonstration ran on another model"

# reference tables
cat >sweep.json <<END
{"job": {"data": {"biaske": "$data/biaske.json", "attribute_words": "$data/words.json"}, "split": {"held_out": 0.3, "seed": 1},
  "trace": {"bootstrap": 0}, "stamp": {"iterations": 1, "width": 8, "layer": 0}, "evaluate": {"bootstrap": 0}},
 "models": [{"name": "MODEL", "path": "\${FAIRSTAMP_MODEL}"}], "categories": ["gender"], "settings": {"seed": [1, 2], "stamp.preset": ["paper"]}}
END
make=$FAIRSTAMP_SOURCE/results/reference/make.sh
export FAIRSTAMP=$fairstamp
expect 64 bash "$make" tables.d
bash "$make" --sweep sweep.json tables.d "$GOLDEN_MODELS/gpt2-tiny" >tables 2>err || fail "make.sh: $(cat err)"
cp -r tables.d/gpt2-tiny/cells before
bash "$make" --sweep sweep.json tables.d "$GOLDEN_MODELS/gpt2-tiny" >again 2>err || fail "make.sh again: $(cat err)"
cmp -s tables again || fail "the same results, other tables"
diff -r before tables.d/gpt2-tiny/cells >/dev/null || fail "what was done is done again"
gap=$("$fairstamp" query tables.d/gpt2-tiny/cells/*/evaluate.h5 --over-seeds --metric gap --where category=gender --where subset=edited --format json |
    awk '/"after"/ { after = 1 } !after && /"mean"/ { before = $2 + 0 } after && /"mean"/ && !done { printf "%.3f -> %.3f", before, $2; done = 1 }')
grep -qF "| gpt2-tiny | gender | paper | $gap (" tables || fail "gap $gap is not in $(cat tables)"
grep -q '^| gpt2-tiny | \*\*mean\*\* | paper | ' tables || fail "no means: $(cat tables)"
[ "$(grep -c '| gender | paper | .* | 2 |$' tables)" = 2 ] || fail "not of two seeds: $(cat tables)"
awk -F '\t' 'NF != 13 { exit 1 }' tables.d/results.tsv || fail "results.tsv: $(head -n 3 tables.d/results.tsv)"
grep -q '^reference: CPU seconds [0-9]' tables.d/gpt2-tiny/logs/*.log || fail "no processor time: $(cat tables.d/gpt2-tiny/logs/*.log)"
finish
