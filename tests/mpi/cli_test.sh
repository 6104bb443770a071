#!/usr/bin/env bash
# The command line: help, unknown names with the nearest known one, exit codes, stdout and stderr apart.
. "$(dirname "$0")/support.sh"
data=$here/data
model=$GOLDEN_MODELS/bert-tiny
run() { expect "$1" "$fairstamp" "${@:2}"; }

for command in "" run trace stamp evaluate layer_sweep estimate score metrics tokenize logprobs model inspect verify export report benchmark; do
    run 0 $command --help
    [ -s "$scratch/out" ] && [ ! -s "$scratch/err" ] || fail "$command --help: help belongs on standard output"
done
run 0 --version
grep -q '^fairstamp [0-9]' "$scratch/out" || fail "--version: $(head -n 1 "$scratch/out")"

run 64
run 64 trase job.json
says 'did you mean "trace"'
run 64 job.json
says 'to run a job: fairstamp run job.json'
run 64 xyzzy
says 'xyzzy: unknown command; see fairstamp --help'
run 64 tokenize "$model"
says 'expected 0: fairstamp tokenize --model DIR'
run 64 run job.json seed=2
says 'expected 1: fairstamp run JOB.json --set KEY=VALUE'
run 64 tokenize --modell x
says 'did you mean "--model"'
run 64 tokenize
says '--model DIR is missing'
run 64 tokenize --model "$model" --model "$model"
says 'given twice'
run 64 run
run 64 run a.json b.json
run 64 layers job.json
says 'layers: this command is now called "layer_sweep"'
run 64 score --model "$model" --suite winobas --data x
says 'expected crows_pairs|'
run 66 score --model "$model" --suite winobias --data x
says 'x/pro_stereotyped_type1.txt.dev: cannot be opened'
run 64 verify --equal a.h5
run 64 export a.h5 --to xml
run 64 metrics --suite crows_pairs --data x --scores y
run 64 score --model "$model" --suite stereoset --data "$data/stereoset.json" --bootstrap many
run 64 score --model "$model" --suite stereoset --data "$data/stereoset.json" --scoring sentence.sum
says 'scoring: found "sentence.sum"; a masked model takes one of'

# an item that cannot be used is named once, whatever the number of ranks, and refused by --strict and the key strict
printf '%s\n' sent_more,sent_less,stereo_antistereo,bias_type 'a b,a c,stereo,gender' 'd e,,stereo,gender' >"$scratch/rows.csv"
score() { local code=$1; shift; expect "$code" "$@" score --model "$model" --suite crows_pairs --data "$scratch/rows.csv" --bootstrap 0 $strict; }
strict=
leaks_aside score 0 mpirun -n 2 "$fairstamp"
says 'rows.csv: 1 of 2 items cannot be used and are skipped (1 empty_text): line 3: sent_less is empty'
grep -q '^skipped: 1 empty_text (crows_pairs)$' "$scratch/out" || fail "no reason below the table: $(cat "$scratch/out")"
strict=--strict
score 65 "$fairstamp"
says 'rows.csv: line 3: sent_less is empty, expected text (1 of 2 items cannot be used'
expect 65 "$fairstamp" trace "$data/job.json" --set "output=$scratch/strict" --set "data.crows_pairs=$scratch/rows.csv" --strict
says 'data.crows_pairs: '

job() { printf '%s' "$1" >"$scratch/job.json"; }
set_job() { run "$1" run "$data/job.json" --set "output=$scratch/o" --set "$2"; }
run 66 run "$scratch/none.json"
job '{"model": "m", "output": "o", "data": {"biaske": "b"}, "stamp": {"widht": 3}}'
run 78 run "$scratch/job.json"
says 'stamp.widht: unknown key; did you mean "stamp.width"'
job '{"model": "m", "output": "o", "data": {"biaske": "b"}, "stamp": {"width": "wide"}}'
run 78 run "$scratch/job.json"
says 'stamp.width: found a string, expected a number'
job '{"model": "m", "output": "o", "data": {"biaske": "b"}, "stamp": {"width": 0}}'
run 78 run "$scratch/job.json"
says 'from 1 to 65536'
job '{"model": "m", "output": "o", "data": {"biaske": "b"}, "stamp": 3}'
run 78 run "$scratch/job.json"
says 'expected an object'
job '{"model": "m", "output": "o", "data": {"biaske": "b"}, "seed": 1, "seed": 2}'
run 78 run "$scratch/job.json"
job '{"model": "m", "output": "o"'
run 78 run "$scratch/job.json"
job '[]'
run 78 run "$scratch/job.json"
job '{"model": "m", "data": {"biaske": "b"}}'
run 78 run "$scratch/job.json"
says 'output is missing'
job '{"model": "m", "output": "o"}'
run 78 run "$scratch/job.json"
says 'at least one of them'
job '{"model": "m", "output": "o", "data": {"biaske": "b", "stereoset": "s"}}'
run 78 run "$scratch/job.json"
job '{"model": "${FAIRSTAMP_NO_SUCH}", "output": "o", "data": {"biaske": "b"}}'
run 78 run "$scratch/job.json"
says 'no variable FAIRSTAMP_NO_SUCH'
job '{"model": "m", "output": "o", "categories": ["gender", ""], "data": {"biaske": "b"}}'
run 78 run "$scratch/job.json"
job '{"model": "m", "output": "o", "data": {"biaske": "b"}}'
run 66 run "$scratch/job.json" # the model is not there
set_job 78 'model=~/models/x'
says 'write ${HOME}/models/x'
set_job 66 model=org/name
says 'hf download org/name --local-dir DIR'
set_job 78 stamp.layer=first
set_job 78 stamp.layer=1.5
set_job 78 stamp.layer=7
says 'a layer from 0 to'
set_job 78 seed
set_job 78 seed=-1
set_job 78 seed=1e300
set_job 78 stamp.loss=hinge
says 'expected gap|logratio'
set_job 78 scoring.stereoset=sentence.mean
set_job 66 "data.crows_pairs=$scratch/none.csv"
rm -rf "$scratch/o"
set_job 65 categories=astrology
run 66 tokenize --model "$scratch/none"
run 66 tokenize --model "~/none"
says 'in a shell alone'
run 66 tokenize --model org/name
says 'hf download org/name --local-dir DIR'
run 66 tokenize --model "$model/config.json"
says 'give the folder that holds it'
run 66 inspect "$scratch/none.h5"
run 66 verify "$scratch/none.h5"
echo text >"$scratch/text.h5"
run 65 inspect "$scratch/text.h5"
run 1 verify "$scratch/text.h5"
run 66 stamp "$data/job.json" --set "output=$scratch/fresh"
says 'fairstamp trace'
run 66 evaluate "$data/job.json" --set "output=$scratch/fresh"
touch "$scratch/file"
run 73 trace "$data/job.json" --set "output=$scratch/file/below"

# lines: every one, empty ones too, long ones too, without a last line end too
printf 'the baker\n\nthe aunt' >"$scratch/lines"
"$fairstamp" tokenize --model "$model" <"$scratch/lines" >"$scratch/out"
[ "$(wc -l <"$scratch/out")" = 3 ] && [ "$(sed -n 2p "$scratch/out")" = '[]' ] || fail "tokenize: $(cat "$scratch/out")"
"$fairstamp" logprobs --model "$model" --quiet <"$scratch/lines" >"$scratch/out" 2>"$scratch/err" || fail "logprobs"
[ "$(sed -n 2p "$scratch/out")" = '{"ids": [], "logprobs": []}' ] || fail "logprobs: $(sed -n 2p "$scratch/out")"
[ ! -s "$scratch/err" ] || fail "--quiet: $(cat "$scratch/err")"
yes 'the baker and the sailor' | head -n 20000 | tr '\n' ' ' >"$scratch/long"
"$fairstamp" tokenize --model "$model" <"$scratch/long" | grep -q '^\[[0-9, ]*\]$' || fail "tokenize: a long line"
expect 65 "$fairstamp" logprobs --model "$model" --quiet <"$scratch/long"
says 'line 1: found'
"$fairstamp" tokenize --model "$model" </dev/null >"$scratch/out" || fail "tokenize: no lines"
[ ! -s "$scratch/out" ] || fail "tokenize: no lines give no output"
[ "$("$fairstamp" tokenize --model "$model" <"$scratch/lines" 2>&1 >/dev/full)" != "" ] || fail "a full disk is not told"

# --explain reads no lines: a page, or an object
"$fairstamp" tokenize --model "$GOLDEN_MODELS/gpt2-tiny" --explain </dev/null >"$scratch/out" || fail "tokenize --explain"
for words in '  vocab.json and merges.txt' '  GPT2Tokenizer (tokenizer_config.json: tokenizer_class)' \
    '  add_prefix_space false (tokenizer_config.json: add_prefix_space)' 'nothing: the files agree' \
    'bos_token <|endoftext|> = 316 (tokenizer_config.json)'; do
    grep -qF -- "$words" "$scratch/out" || fail "tokenize --explain: no \"$words\" in $(cat "$scratch/out")"
done
"$fairstamp" tokenize --model "$model" --explain --format json </dev/null | tr -d '\n\t' |
    grep -q '"class":\[{"text":"BertTokenizer","from":"tokenizer_config.json: tokenizer_class"}\]' || fail "tokenize --explain --format json"

# a causal model without begin-of-text: nothing stands before a first token, which is not scored
mkdir "$scratch/bare"
cp "$GOLDEN_MODELS/gpt2-tiny"/* "$scratch/bare"
sed -i 's/"bos_token_id": 316/"bos_token_id": 50256/' "$scratch/bare/config.json"
sed -i 's/"bos_token": "<|endoftext|>"/"bos_token": null/' "$scratch/bare/tokenizer_config.json"
"$fairstamp" logprobs --model "$scratch/bare" <"$scratch/lines" >"$scratch/out" 2>"$scratch/err" || fail "logprobs: no begin-of-text"
grep -q 'bos_token_id 50256 is outside the vocabulary of 317' "$scratch/err" || fail "a bos_token_id outside: $(cat "$scratch/err")"
[ "$(grep -c '"logprobs": \[null, -' "$scratch/out")" = 2 ] || fail "no begin-of-text: $(cat "$scratch/out")"
printf ',sent_more,sent_less,stereo_antistereo,bias_type\n0,The baker was old,The aunt was old,stereo,gender\n' >"$scratch/crows.csv"
"$fairstamp" model "$scratch/bare" --text 'the baker' >"$scratch/out" || fail 'model: no begin-of-text'
ids=$(echo 'the baker' | "$fairstamp" tokenize --model "$scratch/bare" | tr -cd , | wc -c) # all but one
tr -s '\n ' ' ' <"$scratch/out" | grep -Eq "over $ids tokens?; no begin-of-text stands before the first" || fail "model: $(cat "$scratch/out")"
"$fairstamp" score --model "$scratch/bare" --suite crows_pairs --data "$scratch/crows.csv" --quiet >"$scratch/out" || fail "score: no begin-of-text"
grep -q 'not scored: the first token of 1 items, which nothing stands before' "$scratch/out" || fail "score: $(cat "$scratch/out")"

# bytes that are no UTF-8 are refused by line, byte and likely encoding; a byte order mark and CR are no text
bytes() { # CODE BYTES WORDS...
    printf "$2" >"$scratch/bytes"
    expect "$1" "$fairstamp" tokenize --model "$model" <"$scratch/bytes"
    for words in "${@:3}"; do says "$words"; done
}
bytes 65 'the\nna\xefve aunt\n' 'line 2, byte 3 (7 of the input): found 0xEF' 'iconv -f WINDOWS-1252'
bytes 65 'the \x93baker\x94\n' 'line 1, byte 5' 'iconv -f WINDOWS-1252'
bytes 65 'd\x8ej\x88 \x8f\n' 'line 1, byte 2' 'iconv -f MACINTOSH'
bytes 65 '\xff\xfet\x00h\x00' 'line 1, byte 1' 'UTF-16'
bytes 65 't\x00h\x00e\x00\n\x00' 'found 0x00' 'UTF-16LE'
bytes 65 '\x1f\x8b\x08\x00' 'gzip' 'gunzip -c'
bytes 65 'the aunt\xe2\x82' 'line 1, byte 9' 'cut off'
bytes 65 'the\xc0\xaf aunt\n' 'byte 4 (4 of the input)'
bytes 65 '\xef\xbb\xbfthe\r\na\xe9\n' 'line 2, byte 2 (10 of the input)'
expect 65 "$fairstamp" logprobs --model "$model" --quiet <"$scratch/bytes"
says 'line 2, byte 2'
bytes 0 'the baker\n\nthe aunt'
cp "$scratch/out" "$scratch/plain"
bytes 0 '\xef\xbb\xbfthe baker\r\n\r\nthe aunt'
cmp -s "$scratch/out" "$scratch/plain" || fail "a byte order mark or CR is taken for text: $(cat "$scratch/out")"

# under mpirun the root alone speaks, whatever the command
expect 0 mpirun -n 3 "$fairstamp" --version
[ "$(grep -c '^fairstamp ' "$scratch/out")" = 1 ] || fail "--version on three ranks"
expect 64 mpirun -n 3 "$fairstamp" tokenize --modell x
says 'did you mean "--model"'

# what is generated from the tables is current
"$fairstamp" --man | cmp -s - "$FAIRSTAMP_SOURCE/man/fairstamp.1" || fail "man/fairstamp.1: make it again with --man"
"$fairstamp" --bash-completion | cmp -s - "$FAIRSTAMP_SOURCE/completion/fairstamp.bash" ||
    fail "completion/fairstamp.bash: make it again with --bash-completion"

# model: a page on a folder, as far as it can be read
run 0 model "$model"
grep -q '^tokenizer  WordPiece, ' "$scratch/out" && grep -q '^ *"the"  ' "$scratch/out" || fail "model: $(cat "$scratch/out")"
run 0 model "$GOLDEN_MODELS/qwen2-windows" --no-text
grep -q '^attention  .*; windows of 6 in layers 2-3 of 4$' "$scratch/out" || fail "model: no windows: $(cat "$scratch/out")"
grep -q '^text' "$scratch/out" && fail "model: a text that was not asked for"
run 0 model "$model" --text 'the baker' --format json
grep -q '"errors":.*{' "$scratch/out" || fail "model: no JSON: $(cat "$scratch/out")"
logprob=$(sed -n 's/.*"logprob":[^-]*\(-[0-9]*\.[0-9]\{5\}\).*/\1/p' "$scratch/out" | head -n 1)
echo 'the baker' | "$fairstamp" logprobs --model "$model" --quiet | grep -q "logprobs\": \[$logprob" || fail "model: other numbers than logprobs"
text=$(printf ' the%.0s' {1..128}) # as many tokens as positions: the last one is not run
run 0 model "$GOLDEN_MODELS/gpt2-tiny" --text "$text"
run 65 model "$GOLDEN_MODELS/gpt2-tiny" --text "$text the"
says 'text: found 129 tokens, expected at most 128'
mkdir "$scratch/one"
cp "$GOLDEN_MODELS/../gguf/qwen2-f16.gguf" "$scratch/one"
run 0 model "$scratch/one" --no-text # a folder stands for the GGUF file in it
grep -q '^weights  .* in 1 file$' "$scratch/out" || fail "model: $(cat "$scratch/out")"
run 66 model "$scratch/none"
[ ! -s "$scratch/out" ] || fail "model: a page on no folder"
cp -r "$model" "$scratch/broken"
rm "$scratch"/broken/{vocab.txt,tokenizer}* 2>/dev/null
run 66 model "$scratch/broken"
grep -q '^weights  ' "$scratch/out" && grep -q '^tokenizer  FAILED: ' "$scratch/out" || fail "model: $(cat "$scratch/out")"
sed -i 's/"bert"/"gpt2"/' "$scratch/broken/config.json"
run 65 model "$scratch/broken"
grep -q '^config  *FAILED: ' "$scratch/out" && grep -q '^weights  ' "$scratch/out" || fail "model: $(cat "$scratch/out")"

# list: every table, in both forms
for what in suites metrics methods families; do
    expect 0 "$fairstamp" list $what
    grep -q '^name ' "$scratch/out" && rows=$(wc -l <"$scratch/out") || fail "list $what: $(cat "$scratch/out")"
    expect 0 "$fairstamp" list $what --format json
    [ "$(grep -c '"name"' "$scratch/out")" = $((rows - 1)) ] || fail "list $what: other rows in JSON"
done
expect 64 "$fairstamp" list model
expect 64 "$fairstamp" list

"$fairstamp" --job-schema | cmp -s - "$FAIRSTAMP_SOURCE/jobs/job.schema.json" || fail "jobs/job.schema.json: --job-schema"
"$fairstamp" --job-keys >"$scratch/keys"
"$fairstamp" list families | awk -F '  +' 'NR > 1 {printf "| `%s` | %s | %s |\n", $1, $2, $3}' >"$scratch/families"
sed -n '/^| model_type /,/^$/p' "$FAIRSTAMP_SOURCE/docs/models.md" | sed -n 's/^\(| `[^|]*|[^|]*|[^|]*|\).*/\1/p' | cmp -s - "$scratch/families" ||
    fail "docs/models.md: the table of families is not what list families prints; run scripts/generate.sh"
sed -n '/^| key /,/^$/p' "$FAIRSTAMP_SOURCE/jobs/README.md" | sed '/^$/d' | cmp -s - "$scratch/keys" ||
    fail "jobs/README.md: the table of keys is not what --job-keys prints"
finish
