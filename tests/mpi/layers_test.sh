#!/usr/bin/env bash
# layers.compare (same bits on every number of ranks, goes on after a kill), further suites in a job, report, benchmark check.
# With sanitizers it takes about a minute: whole jobs that train every layer, on three numbers of ranks and after a kill.
. "$(dirname "$0")/support.sh"
data=$here/data
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1

# suites of their own, small
mkdir suites seat
printf '%s\n' 'The baker gave the aunt a book. The aunt was tired and the baker went home. It rained.' >text.txt
for kind in type1.txt.dev type1.txt.test type2.txt.dev type2.txt.test; do
    printf '1 [The nurse] saw that [she] was late.\n' >"suites/pro_stereotyped_$kind"
    printf '1 [The nurse] saw that [he] was late.\n' >"suites/anti_stereotyped_$kind"
done
cat >seat/t.jsonl <<'END'
{"targ1": {"category": "x", "examples": ["one", "two"]}, "targ2": {"category": "y", "examples": ["a dog", "the sea"]},
 "attr1": {"category": "a", "examples": ["good"]}, "attr2": {"category": "b", "examples": ["rain", "sun"]}}
END
printf '%s\n' 'sentid	sentence' 'nurse.patient.0.male.txt	The nurse told the patient that he was tired.' \
    'nurse.patient.0.female.txt	The nurse told the patient that she was tired.' 'nurse.patient.0.neutral.txt	The nurse told the patient that they were tired.' >suites/all_sentences.tsv
suites=(--set data.winogender=suites --set trace.kinds=all --set trace.measures=all --set trace.window=2 --set trace.heat_map=true --set trace.attribution=true --set data.text=text.txt --set data.winobias=suites --set data.seat=seat --set "data.stereoset=$data/stereoset.json"
        --set edit.pairs=biaske --set "data.stereoset_intersentence=$scratch/inter.json")
cat >inter.json <<'END'
{"data": {"intersentence": [{"id": "i", "target": "nurse", "bias_type": "gender", "context": "The nurse came in.", "sentences": [
 {"sentence": "She was kind.", "id": "a", "gold_label": "stereotype"}, {"sentence": "He was rude.", "id": "b", "gold_label": "anti-stereotype"},
 {"sentence": "Rain is wet.", "id": "c", "gold_label": "unrelated"}]}]}}
END
job() { # RANKS OUTPUT OPTIONS...
    timeout 1200 mpirun -n "$1" "$fairstamp" run "$data/job-biaske.json" --set "output=$2" --set layers.compare=all "${suites[@]}" "${@:3}" >out 2>err
}
for ranks in 1 2 3; do
    how=
    [ $ranks != 2 ] || how=leaks_aside
    $how job $ranks o$ranks || { fail "$ranks ranks"; cat err; }
    for stage in trace stamp evaluate layer_sweep; do
        "$fairstamp" verify o$ranks/$stage.h5 >/dev/null || fail "o$ranks/$stage.h5 is not whole"
        "$fairstamp" verify --equal o1/$stage.h5 o$ranks/$stage.h5 >/dev/null 2>verdict || fail "$(cat verdict)"
    done
done
job 1 o1
grep -q '<- traced' out && grep -q 'perplexity' out && grep -q 'effect_size' out && grep -q 'Further suites' out ||
    fail "tables are missing: $(cat out)"
grep -q 'By kind and position' out && grep -q '^attention ' out && grep -q '^ffn ' out || fail "kinds are missing: $(cat out)"
[ -z "$(find o1 -name '*.part.h5')" ] || fail "partial results are left"

# killed between layers: what is done is not done again, and the bits are the same
timeout 1200 mpirun -n 2 "$fairstamp" run "$data/job-biaske.json" --set output=killed --set layers.compare=all "${suites[@]}" >/dev/null 2>err &
launcher=$!
until [ -e killed/layer_sweep.part.h5 ] || ! kill -0 $launcher 2>/dev/null; do
    sleep 0.05
done
pkill -9 -P $launcher 2>/dev/null
kill -9 $launcher 2>/dev/null
wait $launcher 2>/dev/null
job 3 killed || { fail "after a kill"; cat err; }
"$fairstamp" verify --equal o1/layer_sweep.h5 killed/layer_sweep.h5 >/dev/null 2>verdict || fail "after a kill: $(cat verdict)"

# random control: two layers, or the only one
job 1 control --set layers.compare=random || { fail "random control"; cat err; }
[ "$(grep -cE '<- (traced|random control)' out)" = 2 ] || fail "random control: $(tail -n 5 out)"
expect 78 "$fairstamp" layer_sweep "$data/job-biaske.json" --set output=o4
says 'layers.compare is "none"'

# tuning: the held-out pairs are not in the file, validation pairs are
job 1 tuned --set split.validation=0.5 --set layers.compare=none || { fail "split.validation"; cat err; }
grep -q 'SS validation' out && ! grep -q 'SS held-out' out || fail "split.validation: $(cat out)"

# report
expect 0 "$fairstamp" report o1/evaluate.h5 -o report
for file in index.html report.md results.csv terms.csv pairs.csv trace.csv measures.csv layer_sweep.csv metrics.svg measures.svg trace.svg argmax.svg kinds.svg heat_map.svg heat_map_attention.svg \
    heat_map_ffn.svg loss.svg layer_sweep.svg; do
    [ -s report/$file ] || fail "report/$file is missing"
done
grep -qE '(src|href)="[^d]|@import|url\(|<script' report/index.html && fail "the page wants something from elsewhere"
for part in 'Before and after' 'Where the bias is stored' 'Is the traced layer' 'Training of the stamp' 'Target terms' 'Content note' 'Provenance' \
    'Model <b>bert-tiny</b>' 'What the numbers mean' 'Average indirect effect by layer and kind' 'Pairs by the layer of their largest effect' 'Share of the total effect by layer and measure' '<h3>winogender</h3>'; do
    grep -q "$part" report/index.html || fail "the page lacks: $part"
done
[ "$(head -c 15 report/index.html)" = '<!doctype html>' ] || fail "no page"
grep -q 'nan\|inf"' report/*.svg && fail "a picture holds a number that is none"
expect 0 "$fairstamp" report o1/trace.h5 -o report2
cmp -s report/trace.svg report2/trace.svg || fail "the same trace, another picture"
mkdir alone
cp o1/evaluate.h5 alone/
cp control/layer_sweep.h5 alone/ # of another job
expect 0 "$fairstamp" report alone/evaluate.h5 -o report3
[ -e report3/metrics.svg ] && [ ! -e report3/trace.svg ] && [ ! -e report3/layer_sweep.svg ] || fail "files of another job are shown: $(ls report3)"
expect 66 "$fairstamp" report none.h5 -o r
expect 65 "$fairstamp" report text.txt -o r
expect 64 "$fairstamp" report o1/evaluate.h5
says '-o PATH is missing'
expect 73 "$fairstamp" report o1/evaluate.h5 -o text.txt/below
head -c 5000 o1/evaluate.h5 >cut.h5
expect 65 "$fairstamp" report cut.h5 -o r
[ ! -e r ] || fail "a report of nothing"

for part in '## Results' '## Average indirect effect' '## Stamps at other layers' '## Target terms' 'Content note' '### Least changed'; do
    grep -q "^$part" report/report.md || fail "report.md lacks: $part"
done
# what the files hold is in the tables of the report: AIE of each kind, category and layer; a row a layer
[ "$(sed 1d report/trace.csv | cut -d , -f 1-3 | tr '\n' ' ')" = "$(for kind in residual attention ffn; do for category in all gender; do printf '%s,%s,0 %s,%s,1 ' $kind $category $kind $category; done; done)" ] ||
    fail "trace.csv: $(cat report/trace.csv)"
[ "$(sed 1d report/layer_sweep.csv | cut -d , -f 1 | tr '\n' ' ')" = "0 1 " ] && grep -q ',traced,' report/layer_sweep.csv || fail "layer_sweep.csv: $(cat report/layer_sweep.csv)"

# McNemar's test of every share, also of the share of right answers
[ -n "$(grep '^winogender,gender,all,accuracy.male,' report/results.csv | cut -d , -f 16)" ] || fail "accuracy.male has no p: $(grep accuracy report/results.csv)"
[ -z "$(grep '^winogender,gender,all,accuracy.gap,' report/results.csv | cut -d , -f 16)" ] || fail "a difference of shares has a p of McNemar's test"

# a suite that the model or the categories leave without items is named
short=(--set stamp.layer=0 --set stamp.iterations=1)
printf '\tSent_TM\tSent_TAM\tPerson\tGender\tProf_Gender\n0\t[MASK] is a nurse.\t[MASK] is a [MASK].\tHe\tmale\tfemale\n' >bec.tsv
expect 0 "$fairstamp" run "$data/job-biaske.json" --set output=causal --set "model=$GOLDEN_MODELS/gpt2-tiny" "${short[@]}" --set data.bec_pro=bec.tsv
says 'data.bec_pro: needs a masked model, and is left out'
sed 's/"category": "gender"/"category": "religion"/' "$data/biaske.json" >religion.json
expect 0 "$fairstamp" run "$data/job-biaske.json" --set data.biaske=religion.json --set output=religion --set categories=religion "${short[@]}" --set data.winobias=suites
says "data.winobias: has none of the job's categories, and is left out"
: >empty.txt
expect 65 "$fairstamp" run "$data/job-biaske.json" --set output=empty "${short[@]}" --set data.text=empty.txt
says 'empty.txt: found no token, expected a text'

# BiasKE measured and not edited: PS follows from the exported scores of its paraphrases
expect 0 "$fairstamp" run "$data/job-biaske.json" --set output=measured "${short[@]}" --set "data.stereoset=$data/stereoset.json" --set edit.pairs=stereoset
"$fairstamp" export measured/evaluate.h5 --to csv >measured.csv
"$fairstamp" report measured/evaluate.h5 -o report4 2>err || fail "report: $(cat err)"
ps=$(awk -F , '$1 == "/suites/biaske/paraphrase_log" && $4 == 0 { if ($3 == 0) { one = $6 } else { n++; yes += one > $6 } } END { printf "%.6f %d", 100 * yes / n, n }' measured.csv)
[ "$ps" = "$(grep '^biaske,gender,all,ps,' report4/results.csv | awk -F , '{ printf "%.6f %d", $7, $17 }')" ] || fail "PS of the exported scores: $ps"

# benchmark check
expect 0 "$fairstamp" benchmark check "$FAIRSTAMP_SOURCE/demo/biaske-gender.json" --tokenizers "$GOLDEN_MODELS/gpt2-tiny"
grep -qE '^gender +68 +16 +136 +2 +44$' out || fail "counts: $(cat out)"
broken() { # CODE SED TEXT
    sed "$2" "$FAIRSTAMP_SOURCE/demo/biaske-gender.json" >broken.json
    expect "$1" "$fairstamp" benchmark check broken.json
    grep -qF -- "$3" out err || fail "benchmark check: expected: $3; found: $(tail -n 3 out err)"
}
broken 65 's/"relation": "works as", //' 'broken.json: 7 of 68 items cannot be used and are skipped (7 bad_record): pairs[0].relation: found nothing'
broken 65 's/The {subject} worked for many years/They worked for many years/' '{subject} exactly once'
broken 65 's/"gender-002"/"gender-001"/' 'id "gender-001" occurs twice'
broken 65 's/"category": "gender", "target": "woman"/"category": "genders", "target": "woman"/' 'the nearest is "gender"'
broken 65 's/worked for many years as a {object}/worked for many years as an {object}/' 'the article does not go with the object'
broken 65 's/The {subject} worked for many years as a {object}\./As a {object} worked for many years the {subject}./' '{subject} comes after {object}'
broken 65 's/"prompt": "In that court {subject} was the {object}\."/"prompt": "Late in life {subject} was made a {object}!"/' 'the sentence is also in'
broken 65 's/The {subject} worked for many years/The the {subject} worked for many years/' 'a word occurs twice in a row'
# a fact that says what is false by another one
broken 65 's/"subject": "queen", "object": "woman", "counterpart_object": "man"/"subject": "king", "object": "woman", "counterpart_object": "man"/' 'the sentence is also in'
{ printf '{"format": "fairstamp-biaske", "version": 1, "licence": "x", "pairs": [], "facts": [{"id": "'
  head -c 10000000 /dev/zero | tr '\0' a
  printf '"}]}'; } >broken.json
expect 65 "$fairstamp" benchmark check broken.json
grep -q 'facts\[0\].id .*10000000 bytes' err || fail "a text of 10 MB: $(head -c 300 err)"
{ head -c 100000 /dev/zero | tr '\0' '['; } >broken.json
expect 65 "$fairstamp" benchmark check broken.json
[ "$(wc -l <err)" = 1 ] || fail "deep nesting: $(head -c 300 err)"
expect 66 "$fairstamp" benchmark check none.json
expect 64 "$fairstamp" benchmark chekc "$FAIRSTAMP_SOURCE/demo/biaske-gender.json"
finish
