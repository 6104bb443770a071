#!/usr/bin/env bash
# Damaged and hostile input files, given to the program by its command line. Each must end with its exit code, 0 where
# other items of the file can be used, and exactly one line on standard error that says what is wrong, with no sanitizer's
# report, no hang, and no file of the output folder touched. FAIRSTAMP_PROGRAM and FAIRSTAMP_SOURCE are set by ctest.
# Usage: hostile.sh [NAME...]: these cases only.
set -u
export LC_ALL=C
fairstamp=$FAIRSTAMP_PROGRAM
golden=$FAIRSTAMP_SOURCE/tests/golden/models
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fs.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch OMPI_MCA_orte_tmpdir_base=$scratch OMPI_MCA_ess_singleton_isolated=1 # one rank needs no daemon
export OMP_NUM_THREADS=1
unset OPENBLAS_CORETYPE
cd "$scratch" || exit 1
wanted=" $* "
cases=0 failures=0

# hostile NAME CODE PATTERN COMMAND...: standard input is the file `input`; PATTERN, an extended regular expression, has to
# match the line behind "fairstamp: ".
hostile() {
    local name=$1 code=$2 pattern=$3 found leaks problem=
    shift 3
    [ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || return 0
    cases=$((cases + 1))
    case $1 in # leaks are looked for where no MPI is about: it has its own, and telling them apart is slow
    tokenize | metrics | inspect | verify) leaks=detect_leaks=1 ;;
    *) leaks=detect_leaks=0:fast_unwind_on_malloc=1 ;; # whole stacks, which are slow, only tell leaks apart
    esac
    (
        ulimit -f "${limit:-unlimited}"
        ASAN_OPTIONS=${ASAN_OPTIONS:-}:$leaks exec timeout -k 1 300 "$fairstamp" "$@" <input >out 2>err
    )
    found=$?
    # --force gives notice; the second line of an error says on which rank and node, with which libraries
    sed -i -e '/: belongs to another job, and will be replaced$/d' -e '/^fairstamp: (rank [0-9]* of [0-9]* on node /d' err
    [ $found = "$code" ] || problem="exit code $found, expected $code"
    if grep -qE 'AddressSanitizer|LeakSanitizer|runtime error' err; then
        problem="a sanitizer's report"
    elif [ "$(wc -l <err)" != 1 ]; then
        problem=${problem:-"$(wc -l <err) lines on standard error, expected one"}
    elif ! grep -qE "^fairstamp: $pattern" err; then
        problem=${problem:-"the message does not match: $pattern"}
    elif LC_ALL=C grep -qP '[^\x20-\xff]' err; then
        problem=${problem:-"control characters in the message"}
    fi
    [ "$(find kept -type f -exec sha256sum {} + | sort)" = "$kept" ] || problem="the output folder was touched"
    if [ -z "$problem" ]; then
        printf 'ok      %-34s %2d  %s\n' "$name" "$found" "$(cut -c12-130 err)"
    else
        printf 'FAILED  %-34s %s: fairstamp %s\n' "$name" "$problem" "$*"
        head -n 20 err
        failures=$((failures + 1))
    fi
}
# What the cases call, on the files that are made for them.
tokenize() { hostile "$1" "$2" "$3" tokenize --model m; }
logprobs() { hostile "$1" "$2" "$3" logprobs --quiet --model m; }
scores() { hostile "$1" "$2" "$3" metrics --suite stereoset --data s.json --scores scores.json --bootstrap 0 "${@:4}"; }
crows() { hostile "$1" "$2" "$3" score --quiet --model bert --suite crows_pairs --data c.csv "${@:4}"; }
job() { hostile "$1" "$2" "$3" run --quiet job.json; }
fresh_job() { hostile "$1" "$2" "$3" run --quiet job.json --set output=fresh; }
archive() { hostile "$1" "$2" "$3" "${4:-inspect}" a.h5; }

# model FOLDER [SED FILE]: a fresh copy as m; SED edits one of its files.
model() {
    rm -rf m
    cp -r "$golden/$1" m
    chmod -R u+w m
    [ $# = 1 ] || sed -i "$2" "m/$3"
}
little_endian() { # VALUE BYTES
    local value=$1 i
    for ((i = 0; i < $2; i++)); do
        printf "\\x$(printf %02x $((value & 255)))"
        value=$((value >> 8))
    done
}
# safetensors HEADER [BYTES]: m/model.safetensors of this header and zeros
safetensors() {
    { little_endian ${#1} 8; printf '%s' "$1"; head -c "${2:-0}" /dev/zero; } >m/model.safetensors
}
# header SED: edits the header of m/model.safetensors and sets its length
header() {
    local length text
    length=$(($(od -An -tu8 -N8 m/model.safetensors)))
    text=$(tail -c +9 m/model.safetensors | head -c $length | sed "$1")
    { little_endian ${#text} 8; printf '%s' "$text"; tail -c +$((9 + length)) m/model.safetensors; } >edited
    mv edited m/model.safetensors
}
cut_to() { head -c "$2" "$1" >cut && mv cut "$1"; }
flip() { # FILE OFFSET: one bit
    local byte
    byte=$(($(od -An -tu1 -j "$2" -N1 "$1") ^ 16))
    little_endian $byte 1 | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
# sign FILE: the user block of an archive for what stands behind its 512 bytes
sign() {
    tail -c +513 "$1" >content
    { printf 'fairstamp archive 1\nsha256 %s\nlength %d\n' "$(sha256sum content | cut -d' ' -f1)" \
        $(($(wc -c <content) + 512)); head -c 512 /dev/zero; } | head -c 512 | cat - content >"$1"
}
repeat() { head -c "$2" /dev/zero | tr '\0' "$1"; }

sentence() { printf '{"sentence": "%s", "id": "%s", "labels": [], "gold_label": "%s"}' "$1" "$2" "$3"; }
item() { # NUMBER TARGET WORDS...
    printf '{"id": "%s", "target": "%s", "bias_type": "profession", "context": "The %s is BLANK.", "sentences": [%s, %s, %s]}' \
        "$1" "$2" "$2" "$(sentence "The $2 is $3." "s$1" stereotype)" \
        "$(sentence "The $2 is $4." "a$1" anti-stereotype)" "$(sentence "The $2 is $5." "u$1" unrelated)"
}
stereoset() {
    printf '{"version": "1", "data": {"intrasentence": [\n%s,\n%s,\n%s]}}\n' "$(item 1 nurse tired old sea)" \
        "$(item 2 captain old tired books)" "$(item 3 teacher naive whole sheep)" >s.json
    [ $# = 0 ] || sed -i "$1" s.json
}
crows_pairs() {
    printf '%s\n' ',sent_more,sent_less,stereo_antistereo,bias_type' '0,"She cooks, and he plays.","He cooks, and she plays.",stereo,gender' \
        '1,The girl is tired.,The captain is tired.,antistereo,age' >c.csv
    [ $# = 0 ] || sed -i "$1" c.csv
}
biaske() {
    cat >b.json <<'END'
{"format": "fairstamp-biaske", "version": 1, "licence": "CC0-1.0", "pairs": [
 {"id": "p1", "category": "gender", "target": "girl", "relation": "likes", "object": "music", "unrelated": "nine",
  "subjects": ["girl", "captain"], "prompt": "The {subject} plays {object}.", "paraphrases": ["Every {subject} loves {object}."]}],
 "facts": [{"id": "f1", "category": "gender", "subject": "she", "object": "her", "counterpart_object": "his", "prompt": "It is that {subject} sold {object} books."}]}
END
    [ $# = 0 ] || sed -i "$1" b.json
}
words() { printf '{"profession": [["nurse", "captain"], ["teacher", "doctor"]]}\n' >w.json; }
score_file() {
    { printf '{"intrasentence": ['; for i in 1 2 3; do
        printf '{"id": "s%d", "score": 0.5}, {"id": "a%d", "score": 0.25}, {"id": "u%d", "score": -1e-3}%s' $i $i $i "$([ $i = 3 ] || echo ,)"
    done; printf ']}\n'; } >scores.json
    [ $# = 0 ] || sed -i "$1" scores.json
}
job_file() { # [SED]
    cat >job.json <<'END'
{"model": "bert", "output": "kept", "seed": 1, "data": {"stereoset": "s.json", "attribute_words": "w.json"},
 "split": {"held_out": 0.4}, "trace": {"noise_samples": 1, "bootstrap": 0}, "stamp": {"width": 4, "iterations": 1},
 "evaluate": {"bootstrap": 0}}
END
    [ $# = 0 ] || sed -i "$1" job.json
}
fresh() { stereoset; crows_pairs; biaske; words; score_file; job_file; }

# What is not damaged passes: otherwise the cases below would show nothing. Its results are the output folder that must stay.
echo 'the nurse is tired' >input
fresh
cp -r "$golden/bert-tiny" bert
chmod -R u+w bert
good() { timeout 60 "$fairstamp" "$@" <input >out 2>err || { echo "FAILED  the undamaged: fairstamp $*"; cat err; failures=$((failures + 1)); }; }
good run --quiet job.json
job_file 's/"stereoset": "s.json"/"biaske": "b.json"/'
good run --quiet job.json --set output=other
good score --quiet --strict --model bert --suite crows_pairs --data c.csv
good metrics --suite stereoset --data s.json --scores scores.json
for folder in gpt2-tiny gpt2-f16-shards llama-grouped llama-no-prefix; do
    model $folder
    good logprobs --quiet --model m
done
kept=$(find kept -type f -exec sha256sum {} + | sort)
[ "$(wc -l <<<"$kept")" = 3 ] || { echo "FAILED  the undamaged: found in the output folder: $kept"; exit 1; }
fresh

# safetensors
file=m/model.safetensors
model bert-tiny; : >$file; logprobs weights-empty 65 "$file: is empty"
model bert-tiny; cut_to $file 5; logprobs weights-cut-in-length 65 "$file: found 5 bytes"
model bert-tiny; cut_to $file 900; logprobs weights-cut-in-header 65 "$file: found a header of .* the file is cut short"
model bert-tiny; cut_to $file 50000; logprobs weights-cut-in-data 65 "$file: tensor .*: data_offsets: found .*fetch it again"
model bert-tiny; cut_to $file $(($(wc -c <$file) - 1)); logprobs weights-one-byte-short 65 "$file: tensor .*: data_offsets"
model bert-tiny; echo >>$file; logprobs weights-one-byte-more 65 "$file: found .* bytes of data, expected"
model bert-tiny; { little_endian -1 8; tail -c +9 $file; } >edited; mv edited $file
logprobs weights-length-2-to-64 65 "$file: found a header of 18446744073709551615 bytes"
model bert-tiny; flip $file 20; logprobs weights-flip-in-header 65 "$file: .*(expected|found)"
model bert-tiny; printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >$file
logprobs weights-git-lfs 65 "$file: is a pointer of Git LFS.*git lfs pull"
model bert-tiny; rm $file; logprobs weights-missing 66 'm: found no weights \(model.safetensors'
model bert-tiny; rm $file; mkdir $file; logprobs weights-folder 66 "$file"
model bert-tiny; safetensors ''; logprobs weights-no-header 65 "$file: header: .*end of the file"
model bert-tiny; safetensors '[]'; logprobs weights-header-array 65 "$file: header: found an array, expected an object"
model bert-tiny; safetensors "$(repeat '[' 4000)"; logprobs weights-header-deep 65 "$file: header: .*nested deeper"
model bert-tiny; safetensors '{"x": {"dtype": "F32", "shape": [9007199254740991, 9007199254740991], "data_offsets": [0, 8]}}' 8
logprobs weights-shape-overflow 65 "$file: tensor x: .*beyond"
model bert-tiny; safetensors '{"x": {"dtype": "F32", "shape": [4611686018427387905], "data_offsets": [0, 4]}}' 4
logprobs weights-bytes-overflow 65 "$file: tensor x: shape: found"
model bert-tiny; safetensors '{"x": {"dtype": "F32", "shape": [1,1,1,1,1,1,1,1,1,1], "data_offsets": [0, 4]}}' 4
logprobs weights-ten-dimensions 65 "$file: tensor x: .*dimensions"
model bert-tiny; safetensors '{"x": {"dtype": "F32", "shape": [1], "data_offsets": [8, 4]}}' 8
logprobs weights-offsets-backwards 65 "$file: tensor x: data_offsets: found 8 to 4"
model bert-tiny; safetensors '{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}' 8
logprobs weights-name-twice 65 "$file: header: .*x.*twice"
model bert-tiny; safetensors '{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "y": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]}}' 6
logprobs weights-overlap 65 "$file: tensor y: data_offsets: .*overlaps"
model bert-tiny; safetensors '{"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}' 8
logprobs weights-hole 65 "$file: tensor x: data_offsets: .*hole"
model bert-tiny; header 's/"F32"/"F8_E4M3"/'; logprobs weights-unknown-type 65 "$file: tensor .*: found dtype \"F8_E4M3\", expected"
model bert-tiny; header 's/encoder.layer.1.output.dense.bias/encoder.layer.9.output.dense.bias/'
logprobs weights-tensor-missing 65 '.*encoder.layer.1.output.dense.bias'
model bert-tiny; header 's/\[161,32\]/[32,161]/'; logprobs weights-shape-turned 65 '.*word_embeddings.weight: found shape \(32, 161\), expected \(161, 32\)'
model bert-tiny; header 's/"F32"/"I32"/g'; logprobs weights-integers 65 "$file: tensor .*: .*I32"

# names of tensors, adapters, links and pipes in a folder
model bert-tiny; header 's/"bert.embeddings.LayerNorm.bias"/"_orig_mod.bert.embeddings.LayerNorm.bias"/'
logprobs weights-half-wrapped 65 "$file: tensor .*: lacks the prefix that _orig_mod"
model bert-tiny; header 's/"bert.embeddings.LayerNorm.bias"/"cls._orig_mod.predictions.bias"/'
logprobs weights-two-names-one 65 "$file: tensors .* are both cls.predictions.bias"
model bert-tiny; printf '{"peft_type": "\\u001b[2J", "base_model_name_or_path": "%s"}' "$(repeat x 4000)" >m/adapter_config.json
logprobs adapter-beside-model 65 'm: holds a whole model and beside it a PEFT adapter \(\\x1b\[2J\)'
model bert-tiny; rm m/config.json $file; mkfifo m/adapter_config.json; logprobs adapter-pipe 65 'm: is a PEFT adapter'
model bert-tiny; rm m/*; mkdir -p m/snapshots/a m/snapshots/b m/refs; mkfifo m/refs/main; tokenize cache-pipe 66 "m: is the Hub's cache"
model bert-tiny; rm m/*; mkdir -p m/snapshots/a m/snapshots/b m/refs; repeat '../' 9000 >m/refs/main
tokenize cache-leads-outside 66 "m: is the Hub's cache.*: a, b"
model bert-tiny; rm $file; ln -s model.safetensors $file; logprobs weights-link-loop 66 "$file: is a link.*back to itself"

# safetensors index
file=m/model.safetensors.index.json
model gpt2-f16-shards; cut_to $file 700; logprobs index-cut 65 "$file: line [0-9]+, column [0-9]+"
model gpt2-f16-shards 's/model-00002-of/..\/..\/..\/etc\/model-00002-of/' model.safetensors.index.json
logprobs index-leads-outside 65 "$file: weight_map.*expected the plain name of a file"
model gpt2-f16-shards 's/model-00002-of-00006/model-00009-of-00006/' model.safetensors.index.json
logprobs index-shard-missing 66 '.*: m/model-00009-of-00006.safetensors: is not there.*download'
model gpt2-f16-shards; mv m/model-00002-of-00006.safetensors x; cp m/model-00003-of-00006.safetensors m/model-00002-of-00006.safetensors
logprobs index-wrong-shard 65 '.*(index and shards|is also in)'
model gpt2-f16-shards; printf '{"weight_map": {}}' >$file; logprobs index-empty 65 "$file: weight_map: found no tensor"
model gpt2-f16-shards; printf '{"weight_map": {"a": 1}}' >$file; logprobs index-number 65 "$file: weight_map.a: found a number, expected a file name"

# GGUF
gguf() { # NAME CODE PATTERN: on m.gguf
    hostile "$1" "$2" "$3" logprobs --quiet --model m.gguf
}
gguf_bytes() { # AT BYTES: m.gguf is a golden file with these bytes (printf) at this place
    cp "$golden/../gguf/llama-blocks-of-32.gguf" m.gguf
    chmod u+w m.gguf
    # shellcheck disable=SC2059 # BYTES is a format
    printf "$2" | dd of=m.gguf bs=1 seek="$1" conv=notrunc status=none
}
gguf_bytes 4 '\x01'; gguf gguf-version 65 'm.gguf: found another version of GGUF'
gguf_bytes 8 '\xff\xff\xff\xff\xff\xff\xff\xff'; gguf gguf-tensors 65 'm.gguf: found 18446744073709551615 tensors'
gguf_bytes 16 '\xff\xff\xff\xff\xff\xff\xff\x7f'; gguf gguf-keys 65 'm.gguf: found .* 9223372036854775807 keys'
gguf_bytes 24 '\xff\xff\xff\xff\xff\xff\xff\xff'; gguf gguf-key-length 65 'm.gguf: byte 32: a key: found a length of'
gguf_bytes 0 GGUF; cut_to m.gguf 20000; gguf gguf-cut 65 'm.gguf: tensor .* do not end within the file'
gguf_bytes 0 '\x1f\x8b\x08\x00'; gguf gguf-compressed 65 'm.gguf: is .*gzip'
gguf_bytes 0 GGUF; sed -i 's/tokenizer.ggml.scores/tokenizer.ggml.\x1b[31ms/' m.gguf; gguf gguf-scores 65 'm.gguf: tokenizer.ggml.scores: found nothing'

# pytorch_model.bin, in more ways: tests/unit/io/test_pickle.c, test_pytorch.c
pytorch() { # FOLDER SOURCE [SED]: a fresh m with the weights of FOLDER, which SED edits
    model "$2"
    rm m/*.safetensors* && cp "$golden/../pytorch/$1/"* m && chmod u+w m/*
    [ $# = 2 ] || sed -i "$3" m/pytorch_model.bin
}
file=m/pytorch_model.bin
pytorch early bert-no-prefix 's/torch\._utils/subprocesses/'; logprobs pytorch-other-global 65 "$file: data.pkl: byte [0-9]+: opcode GLOBAL: found subprocesses._rebuild"
pytorch early bert-no-prefix 's/storageq/torageqq/'; logprobs pytorch-other-text 65 "$file: data.pkl: byte [0-9]+: opcode "
pytorch tied-f16 mistral-tied-f16 's/torch\._utils/subprocesses/'; logprobs pytorch-crc 65 "$file: entry .*data.pkl of the zip archive: its CRC-32"
pytorch tied-f16 mistral-tied-f16; cut_to $file 15000; logprobs pytorch-cut 65 "$file: found no directory at the end.*fetch it again"
pytorch tied-f16 mistral-tied-f16; echo >>$file; logprobs pytorch-byte-more 65 "$file: found 1 bytes behind the directory"
pytorch tied-f16 mistral-tied-f16; printf '\200\002\212\012l\374\234F' >$file; logprobs pytorch-before-1.6 65 "$file: found the form of PyTorch before 1.6.*save_pretrained"
pytorch tied-f16 mistral-tied-f16; echo x >m/model.safetensors; logprobs pytorch-beside-damaged 65 'm/model.safetensors: found 2 bytes'
pytorch shards-f16 xlm-roberta-f16-shards; rm m/*-00002-of*; logprobs pytorch-shard-missing 66 "$file.index.json: .*-00002-of-00003.bin: is not there"

# config.json
file=m/config.json
config() { # NAME SED PATTERN
    model bert-tiny "$2" config.json
    logprobs "$1" 65 "$file: $3"
}
config config-negative-layers 's/\("num_hidden_layers": \)2/\1-1/' 'num_hidden_layers: found -1, expected'
config config-huge-layers 's/\("num_hidden_layers": \)2/\11e18/' 'num_hidden_layers: found 1e\+18, expected'
config config-half-layer 's/\("num_hidden_layers": \)2/\11.5/' 'num_hidden_layers: found 1.5, expected'
config config-infinite 's/\("num_hidden_layers": \)2/\11e999/' 'line .*beyond the range of double'
config config-NaN 's/1e-12/NaN/' 'line .*found NaN, expected a number'
config config-text-for-number 's/\("hidden_size": \)32/\1"32"/' 'hidden_size: found a string, expected'
config config-zero-heads 's/\("num_attention_heads": \)4/\10/' 'num_attention_heads: found 0, expected'
config config-heads-do-not-divide 's/\("num_attention_heads": \)4/\15/' '.*no multiple of num_attention_heads 5'
config config-other-family 's/"model_type": "bert"/"model_type": "mamba"/' 'model_type: found "mamba", expected bert, '
config config-other-activation 's/"hidden_act": "gelu"/"hidden_act": "mish"/' 'hidden_act: found "mish", expected'
config config-unknown-option 's/"is_decoder": false/"is_decoder": true/' 'is_decoder: found true, expected false'
config config-key-twice 's/"hidden_size": 32,/"hidden_size": 32, "hidden_size": 64,/' '.*hidden_size.*twice'
config config-not-utf8 's/"gelu"/"\xff\xfe"/' 'line .*not UTF-8'
config config-terminal-escape 's/"model_type": "bert"/"model_type": "\\u001b[2J\\u0007"/' 'model_type: found "\\x1b\[2J\\x07", expected'
config config-NUL 's/"model_type": "bert"/"model_type": "bert\\u0000x"/' 'line .*u0000'
model bert-tiny 's/\("vocab_size": \)161/\116777216/' config.json; logprobs config-other-vocabulary 65 '.*word_embeddings.weight'
model bert-tiny; cut_to $file 300; logprobs config-cut 65 "$file: line .*end of the file"
model bert-tiny; : >$file; logprobs config-empty 65 "$file: is empty"
model bert-tiny; repeat '{"a":' 100000 | sed 's/{/{"a":/g' >$file; logprobs config-deep 65 "$file: line 1, .*"
model bert-tiny; chmod 0 $file; rm $file; logprobs config-missing 66 "m: found no config.json"
model llama-head-size 's/"factor": [0-9.]*/"factor": -1/' config.json; logprobs config-rope-factor 65 "$file: rope_scaling.factor: found -1, expected"

# vocabularies and merges
file=m/vocab.txt
model bert-tiny; : >$file; tokenize vocabulary-empty 65 "$file: "
model bert-tiny '/UNK/d' vocab.txt; tokenize vocabulary-no-unknown 65 "$file: the unknown token .*unk_token"
model bert-tiny '/MASK/d' vocab.txt; logprobs vocabulary-no-mask 65 '.*\[MASK\]'
model bert-tiny; cat $file $file >x; mv x $file; logprobs vocabulary-twice 65 'm: \[CLS\] is token 164, but config.json has a vocabulary of 161'
model bert-tiny 's/^nurse$/nu\xffrse/' vocab.txt; tokenize vocabulary-not-utf8 65 "$file: line [0-9]+: byte 0xFF"
model bert-tiny; repeat a 3000000 >$file; tokenize vocabulary-long-line 65 "$file: line 1: found .* bytes, expected"
model bert-tiny; yes the | head -n 40000 >>$file; logprobs vocabulary-larger-than-model 65 'token [0-9]+ of a batch: found id 40160, expected 0 to 160'
file=m/vocab.json
model gpt2-tiny; cut_to $file 1000; tokenize vocabulary-json-cut 65 "$file: line "
model gpt2-tiny 's/"!": 0/"!": 4294967296/' vocab.json; tokenize vocabulary-json-huge-id 65 "$file: .*\"!\": found a number that is no id"
model gpt2-tiny 's/"!": 0/"!": -1/' vocab.json; tokenize vocabulary-json-negative-id 65 "$file: .*\"!\""
model gpt2-tiny 's/"!": 0/"!": 1/' vocab.json; tokenize vocabulary-json-id-twice 65 "$file: "
model gpt2-tiny 's/"!": 0/"!": 4194304/' vocab.json; tokenize vocabulary-json-far-hole 65 "$file: token \"!\": found id 4194304, expected an integer from 0 to 4194303"
model gpt2-tiny 's/"!": 0/"!": "0"/' vocab.json; tokenize vocabulary-json-text-id 65 "$file: .*found a string"
file=m/merges.txt
model gpt2-tiny '3s/.*/onlyone/' merges.txt; tokenize merges-one-word 65 "$file: line 3: .*expected two tokens"
model gpt2-tiny '3s/.*/zzz qqq/' merges.txt; tokenize merges-unknown-token 65 "$file: .*no token of the vocabulary"
model gpt2-tiny '3s/.*/h \xc3/' merges.txt; tokenize merges-not-utf8 65 "$file: line 3: byte 0xC3"
model gpt2-tiny; rm $file; tokenize merges-missing 66 'm: found vocab.json without merges.txt'
file=m/tokenizer_config.json
model bert-tiny 's/true/"yes"/' tokenizer_config.json; tokenize settings-text-flag 65 "$file: do_lower_case: found"
model bert-tiny; printf '{"added_tokens_decoder": {"12x": {"content": "a"}}}' >$file
tokenize settings-added-id 65 "$file: added_tokens_decoder: key \"12x\""
model bert-tiny; printf '{"tokenizer_class": "\x1b[2JTokenizer"}' >$file; tokenize settings-class-escape 65 "$file: line 1, column 22: found a control character"
model bert-tiny; printf '{"tokenizer_class": "BertJapaneseTokenizer"}' >$file; tokenize settings-class-other 65 'm: tokenizer class BertJapaneseTokenizer .*MeCab'
model bert-tiny; printf '{"auto_map": {"AutoTokenizer": [[], 3, "x.Own"]}}' >$file; tokenize settings-own-code 65 'm: tokenizer class Own is Python'
model bert-tiny; printf '{"extra_special_tokens": [{"content": []}]}' >$file; tokenize settings-extra-tokens 65 "$file: extra_special_tokens.content: found an array"

# tokenizer.json
file=m/tokenizer.json
pipeline() { # NAME SED PATTERN
    model llama-grouped "$2" tokenizer.json
    tokenize "$1" 65 "$file: $3"
}
pipeline tokenizer-unknown-model 's/"type": "BPE"/"type": "Bigram"/' 'model.*"Bigram" is not supported'
pipeline tokenizer-unknown-normalizer 's/"type": "Prepend"/"type": "Prefix"/' 'normalizer.*Prefix'
pipeline tokenizer-other-keys 's/"type": "Prepend"/"type": "Precompiled"/' 'normalizer.*"prepend" is not supported'
pipeline tokenizer-unknown-key 's/"type": "Prepend"/"type": "Prepend", "surprise": 1/' '.*"surprise" is not supported'
pipeline tokenizer-bad-regex 's/"String": " "/"Regex": "(((("/' '.*pattern .*regular expression'
pipeline tokenizer-empty-pattern 's/"String": " "/"String": ""/' '.*empty pattern'
pipeline tokenizer-negative-id '0,/"id": 0/s/"id": 0/"id": -5/' 'added_tokens.id: found -5, expected'
pipeline tokenizer-other-added-id '0,/"id": 1/s/"id": 1/"id": 77/' 'added_tokens: token "<s>" has id 77'
model llama-grouped; cut_to $file 3000; tokenize tokenizer-cut 65 "$file: line .*end of the file"
model llama-grouped; printf '{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}}' >$file
tokenize tokenizer-merge-without-result 65 "$file: merge 1: its result \"ab\" is no token"
model llama-grouped; printf '{"model": {"type": "BPE", "vocab": [], "merges": 3}}' >$file
tokenize tokenizer-vocabulary-array 65 "$file: model.vocab: found an array, expected an object"

# tokenizer.model
file=m/tokenizer.model
model llama-no-prefix; cut_to $file 2004; tokenize pieces-cut 65 "$file: byte [0-9]+: "
model llama-no-prefix; : >$file; tokenize pieces-empty 65 "$file: "
model llama-no-prefix; printf '\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01' >$file; tokenize pieces-length-2-to-64 65 "$file: byte "
model llama-no-prefix; printf '\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01' >$file; tokenize pieces-endless-number 65 "$file: byte "
model llama-no-prefix; printf '\x0a\x07\x0a\x05ab' >$file; tokenize pieces-inner-length 65 "$file: byte "
model llama-no-prefix; printf '\x0b\x0b\x0b' >$file; tokenize pieces-group-fields 65 "$file: byte "
model llama-no-prefix; printf '\x0a\x05\x0a\x01a\x18\x01\x12\x02\x18\x02' >$file; tokenize pieces-no-unknown 65 "$file: no piece has type UNKNOWN"
model llama-no-prefix; head -c 3000 /dev/zero >$file; tokenize pieces-zeros 65 "$file: byte "

# StereoSet and scores
benchmark() { # NAME SED PATTERN
    stereoset "$2"
    scores "$1" 65 "s.json: $3"
}
benchmark stereoset-no-blank 's/is BLANK/is blank/' 'data.intrasentence\[0\] \(id 1\): context: found no BLANK'
benchmark stereoset-label-twice 's/"anti-stereotype"/"stereotype"/' 'data.intrasentence\[0\] .*gold_label: found "stereotype" twice'
benchmark stereoset-unknown-label 's/"unrelated"/"odd"/' 'data.intrasentence\[0\] .*gold_label: found "odd"'
benchmark stereoset-id-twice 's/"a1"/"s1"/' '.*s1.*'
unusable_item() { # NAME SED REASON PATTERN: the one of three that cannot be used
    stereoset "$2"
    scores "$1" 0 "s.json: 1 of 3 items cannot be used and are skipped \(1 $3\): $4"
    scores "$1-strict" 65 "s.json: $4.* \(1 of 3 items cannot be used\)" --strict
}
unusable_item stereoset-short-sentence 's/The captain is tired./Captain/' no_fill 'data.intrasentence\[1\] .*sentence: found no words'
unusable_item stereoset-no-key 's/"target": "captain", //' bad_record 'data.intrasentence\[1\].target: found nothing, expected'
unusable_item stereoset-number 's/"target": "captain"/"target": 4/' bad_record 'data.intrasentence\[1\].target: found a number, expected'
benchmark stereoset-lone-surrogate 's/captain/\\ud800/' 'line .*lone high surrogate'
benchmark stereoset-misspelt 's/intrasentence/intersentence/' 'data.intrasentence: found nothing, expected'
stereoset; cut_to s.json 1000; scores stereoset-cut 65 's.json: line .*end of the file'
printf '{"data": {"intrasentence": []}}' >s.json; scores stereoset-empty 65 's.json: data.intrasentence: found no items'
tail -c 2000 "$golden/bert-tiny/model.safetensors" >s.json; scores stereoset-binary 65 's.json: line 1'
{ item 1 nurse tired old sea; echo; item 2 captain old tired books | head -c 200; } >s.json; scores stereoset-lines-cut 65 's.json: line 2, column [0-9]+: found the end of the file'
{ item 1 nurse tired old sea; echo; printf '{"a": 1}'; } >s.json; scores stereoset-lines-mixed 65 's.json: line 2: found the keys a, expected a record with'
printf '{"context": ["BLANK", "BLANK"], "sentences": [7]}' >s.json; scores stereoset-columns-of-two-lengths 65 's.json: column "sentences": found 1 values, expected 2'
printf '{"context": "BLANK", "sentences": {"sentence": ["a"], "id": ["b", "c"], "gold_label": [9]}}' >s.json; scores stereoset-sentences-by-column 65 's.json: line 1: sentences.id: found 2 values, expected 1'
{ printf '['; item 1 nurse tired old sea | sed 's/"stereotype"/1e300/'; printf ']'; } >s.json; scores stereoset-label-beyond 65 's.json: .*\[0\] \(id 1\): gold_label: found "1e\+300"'
stereoset
score_file 's/-1e-3/1e400/'; scores scores-infinite 65 'scores.json: line .*beyond the range'
score_file 's/0.25/NaN/'; scores scores-NaN 65 'scores.json: line 1, column [0-9]+: intrasentence\[1\].score: found NaN, expected a number'
score_file 's/-1e-3/-Infinity/'; scores scores-minus-infinity 65 'scores.json: .*: intrasentence\[2\].score: found -Infinity, expected a number'
score_file 's/0.25/"0.25"/'; scores scores-text 65 'scores.json: intrasentence\[1\].score: found a string, expected a number'
score_file; cut_to scores.json 100; scores scores-cut 65 'scores.json: line '
score_file 's/"id": *"/&x/g'; scores scores-of-other-items 65 'scores.json: intrasentence: found no item of s.json'
printf '{"intrasentence": {}}' >scores.json; scores scores-object 65 'scores.json: intrasentence: found an object, expected an array'
score_file

# CrowS-Pairs
table() { # NAME SED PATTERN
    crows_pairs "$2"
    crows "$1" 65 "c.csv: $3"
}
table crows-no-column 's/sent_less/sent_fewer/' '.*sent_less'
unusable_row() { # NAME SED REASON PATTERN: the one of two that cannot be used
    crows_pairs "$2"
    crows "$1" 0 "c.csv: 1 of 2 items cannot be used and are skipped \(1 $3\): $4"
    crows "$1-strict" 65 "c.csv: $4.* \(1 of 2 items cannot be used\)" --strict
}
unusable_row crows-direction 's/,stereo,/,sideways,/' bad_label 'line 2: stereo_antistereo: found "sideways", expected'
unusable_row crows-few-fields '3s/,age//' bad_record 'line 3: found 4 fields, expected 5'
unusable_row crows-many-fields '3s/tired/tired, so/' bad_record 'line 3: found 6 fields, expected 5'
unusable_row crows-empty-field 's/The girl is tired\.//' empty_text 'line 3: sent_more is empty'
table crows-open-quote 's/he plays\."/he plays./' 'line [0-9]+'
table crows-behind-quote 's/plays\.",/plays."x,/' 'line 2'
crows_pairs; cut_to c.csv 130; crows crows-cut 65 "c.csv: line 3: found 2 fields, and the file's end, expected 5"
table crows-lines-in-one '2s/she plays\."/she plays./;3s/girl is tired\./&"/' 'line 2: found 6 fields over several lines, expected 5'
table crows-NUL 's/The girl/The\x00girl/' 'byte [0-9]+: found a NUL byte'
table crows-not-utf8 's/The girl/The \xe9girl/' 'byte [0-9]+: found 0xE9, which is not UTF-8'
table crows-header-alone '2,$d' 'found no row'
: >c.csv; crows crows-empty 65 'c.csv: '
{ printf '{"sent_more": "'; repeat a 10000000; } >c.csv; crows crows-line-of-10-MB 65 'c.csv: line 1, column 100000[0-9]+: found the end of the file inside a string'
printf '{"sent_more": {"0": "a"}, "sent_less": {"1": "b"}}' >c.csv; crows crows-rows-of-other-names 65 'c.csv: column "sent_less": found row "1", expected "0"'
printf 'PAR1\x15\x04' >c.csv; crows crows-parquet 65 'c.csv: found a Parquet file, .*convert it: python3'
crows_pairs; gzip c.csv; mv c.csv.gz c.csv; crows crows-gzip 65 'c.csv: found a file compressed by gzip, .*gunzip -c c.csv > '
crows_pairs; iconv -f UTF-8 -t UTF-16LE c.csv >x; mv x c.csv; crows crows-utf16 65 'c.csv: found text in UTF-16, .*iconv -f UTF-16LE'
crows_pairs

# BiasKE, attribute words, job
knowledge() { # NAME SED PATTERN
    biaske "$2"
    job_file 's/"stereoset": "s.json"/"biaske": "b.json"/'
    fresh_job "$1" 65 "$3"
    biaske
    job_file
}
knowledge biaske-version 's/"version": 1/"version": 2/' '.*b.json: version: found 2, expected'
knowledge biaske-format 's/fairstamp-biaske/gguf/' '.*b.json: format: found "gguf"'
knowledge biaske-no-subject 's/The {subject} plays/The plays/' '.*b.json: pairs\[0\].prompt .*{subject}'
knowledge biaske-unknown-key 's/"relation"/"relationship"/' '.*b.json: pairs\[0\].relationship: unknown key'
knowledge biaske-two-counterparts 's/"counterpart_object": "his"/"counterpart_object": "his", "counterpart_subject": "he"/' '.*b.json: facts\[0\].counterpart_subject .*exactly one'
knowledge biaske-id-twice 's/"f1"/"p1"/' '.*b.json: id "p1" occurs twice'
knowledge biaske-category 's/"category": "gender"/"category": "gendre"/' '.*b.json: pairs\[0\].category .*nearest is "gender"'
knowledge biaske-long-text "s/The {subject} plays/The {subject} $(printf 'x%.0s' $(seq 3000)) plays/" '.*b.json: pairs\[0\].prompt .*at most 2000'
printf '{"profession": [["nurse"]]}' >w.json; fresh_job words-one-word 65 '.*w.json: profession\[0\]: found fewer words'
printf '{"profession": {"nurse": "captain"}}' >w.json; fresh_job words-object 65 '.*w.json: profession: found an object, expected an array'
printf '{}' >w.json; fresh_job words-empty 65 '.*w.json: found no category'
printf '{"profession": [["nurse", ""]]}' >w.json; fresh_job words-empty-word 65 '.*w.json: profession\[0\]: found an empty word'
words
cut_to job.json 90; job job-cut 78 'job.json: line .*end of the file'
job_file 's/"width": 4/"width": 1e300/'; job job-huge-number 78 'job.json: stamp.width: found .*, expected a whole number from 1'
job_file 's/"width"/"widht"/'; job job-misspelt 78 'job.json: stamp.widht: unknown key; did you mean "stamp.width"'
job_file 's/"seed": 1/"seed": 1, "seed": 2/'; job job-key-twice 78 'job.json: .*seed.*twice'
job_file 's/"seed": 1/"seed": -1/'; job job-negative-seed 78 'job.json: seed: found -1, expected'
job_file 's/0.4/0.95/'; job job-all-held-out 78 'job.json: split.held_out: found 0.9.*, expected a number from 0 to 0.9'
job_file 's/"bert"/"be\\u0000rt"/'; job job-NUL 78 'job.json: line .*u0000'
repeat '[' 70000 >job.json; job job-deep 78 'job.json: line 1, .*nested deeper'
cp "$golden/bert-tiny/model.safetensors" job.json; job job-binary 78 'job.json: found a safetensors file'
job_file 's/"seed": 1/"seed": 2/'; job job-other-results 76 '.*kept/trace.h5.*seed'
stereoset; cut_to s.json 900; hostile job-forced-on-damaged-data 65 '.*s.json: line ' run --quiet job.json --force
stereoset
job_file 's/"s.json"/"none.json"/'; job job-no-data 66 '.*none.json: '
job_file

# results
a() { cp kept/trace.h5 a.h5; }
a; cut_to a.h5 20000; archive archive-cut 65 'a.h5: found 20000 bytes, expected [0-9]+: the file is cut short'
a; cut_to a.h5 300; archive archive-cut-in-block 65 'a.h5: '
a; : >a.h5; archive archive-empty 65 'a.h5: '
a; flip a.h5 9000; archive archive-flip 65 'a.h5: .*(hash|SHA-256|sha256)'
a; flip a.h5 9000; archive archive-flip-verify 1 'a.h5: ' verify
a; flip a.h5 5; archive archive-magic 65 'a.h5: '
a; sed -i '1s/archive 1/archive 9/' a.h5; archive archive-newer 65 'a.h5: .*(version|archive 1)'
a; tail -c +513 a.h5 >x; mv x a.h5; archive archive-without-block 65 'a.h5: '
a; { head -c 512 a.h5; head -c 5000 /dev/zero; } >x; mv x a.h5; sign a.h5; archive archive-signed-zeros 65 'a.h5: '
a; sed -i '1s/length [0-9]*/length 99999999999999999999/;2s/length [0-9]*/length 99999999999999999999/;3s/length [0-9]*/length 99999999999999999999/' a.h5
archive archive-length-2-to-66 65 'a.h5: '
a; { head -c 20000 a.h5; } >x; mv x a.h5; sign a.h5; archive archive-signed-cut 65 'a.h5: '
a; flip a.h5 525; sign a.h5; archive archive-signed-superblock 65 'a.h5: '
cp kept/trace.h5 a.h5; hostile stamp-of-other-kind 65 '.*a.h5: .*"?trace"?.*"?stamp"?' score --quiet --strict --model bert --suite crows_pairs --data c.csv --stamp a.h5
cp kept/stamp.h5 a.h5; flip a.h5 7000; hostile stamp-flip 65 '.*a.h5: ' score --quiet --strict --model bert --suite crows_pairs --data c.csv --stamp a.h5
hostile stamp-of-other-model 65 'kept/stamp.h5: .*hidden size' score --quiet --model "$golden/bert-own-head-bf16" --suite crows_pairs --data c.csv --stamp kept/stamp.h5
hostile job-layer-beyond 78 'stamp.layer: found 9, expected a layer from 0 to' run --quiet job.json --set output=beyond --set stamp.layer=9
[ -z "$(ls beyond 2>/dev/null)" ] || { echo "FAILED  a stage was done before the layer was checked: $(ls beyond)"; failures=$((failures + 1)); }
mkdir damaged; cp kept/trace.h5 damaged; flip damaged/trace.h5 9000
hostile job-damaged-trace 65 '.*damaged/trace.h5: ' stamp --quiet job.json --set output=damaged

# places to write to
limit=30 hostile output-limit 74 '.*trace.h5.*: writing failed: .*disk full' run --quiet job.json --set output=full
[ -z "$(ls full 2>/dev/null)" ] || { echo "FAILED  left behind where the disk was full: $(ls full)"; failures=$((failures + 1)); }
hostile output-is-file 73 '.*job.json: is no folder' run --quiet job.json --set output=job.json
hostile output-below-file 73 '.*job.json' run --quiet job.json --set output=job.json/below
hostile output-is-device 73 '/dev/null' run --quiet job.json --set output=/dev/null

[ $cases -ge 60 ] || [ $# -gt 0 ] || { echo "FAILED  only $cases cases"; failures=$((failures + 1)); }
echo "$cases cases, $failures failed"
[ $failures = 0 ]
