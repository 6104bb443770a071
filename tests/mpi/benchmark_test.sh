#!/usr/bin/env bash
# The project's own BiasKE data: it passes its check, has the counts that the data card promises, and every item has a
# reviewer's verdict.
. "$(dirname "$0")/support.sh"
data=$FAIRSTAMP_SOURCE/benchmark
cd "$scratch" || exit 1

expect 0 "$fairstamp" benchmark check "$data/biaske"
cp out counts
# category, pairs, facts: at least
while read -r category pairs facts; do
    awk -v category="$category" -v pairs="$pairs" -v facts="$facts" '
        $1 == category { found = 1; if ($2 < pairs || $6 < facts || (pairs > 0 && $5 != 3)) exit 1 }
        END { if (!found) exit 1 }' counts || fail "$category: expected $pairs pairs with 3 paraphrases, $facts facts: $(grep "^$category" counts)"
done <<'END'
gender 150 120
race 150 120
religion 150 120
nationality 60 48
age 60 48
disability 60 48
socioeconomic 60 48
sexual-orientation 60 48
physical-appearance 60 48
none 0 200
END

# every id of the data has exactly one verdict, and no verdict is of an item that is not there
cat "$data"/biaske/*.json | grep -o '"id": "[^"]*"' | cut -d'"' -f4 | sort >ids
cut -f1 "$data"/review/*.tsv | sort >reviewed
diff ids reviewed >difference || fail "the review: $(head -n 5 difference)"
awk -F'\t' '$2 != "kept" && $2 != "reworded" && $2 != "replaced" || NF < 2 || ($2 != "kept" && $3 == "") { print FILENAME ": " $0; bad = 1 }
    END { exit bad }' "$data"/review/*.tsv >bad || fail "the review: $(head -n 3 bad)"

# counterpart words: a job takes them, and there are more lists than the published table's 57, 6 and 6
for category in gender:58 race:7 religion:7; do
    lists=$(awk -v category="\"${category%:*}\":" '$1 == category { inside = 1; next } /^ \]/ { inside = 0 } inside { n++ } END { print n + 0 }' \
        "$data/attribute_words.json")
    [ "$lists" -ge "${category#*:}" ] || fail "attribute_words.json: $category, found $lists lists"
done
expect 0 "$fairstamp" trace "$here/data/job-biaske.json" --set output=o --set "data.attribute_words=$data/attribute_words.json" --set trace.bootstrap=0
finish
