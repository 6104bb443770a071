#!/usr/bin/env bash
# Several methods in one job: a column each in text, JSON, page, CSV and archive, the same bits on any number of ranks;
# a checkpoint of another tokenizer is refused; without a method that trains nothing is traced and trained.
. "$(dirname "$0")/support.sh"
data=$here/data
export OMP_NUM_THREADS=1
cd "$scratch" || exit 1
job=$data/job-biaske.json
folder=$GOLDEN_MODELS/bert-tiny

# a checkpoint of the same model: other numbers at the end of the weights
cp -r "$folder" mabel
size=$(stat -c %s mabel/model.safetensors)
for ((at = size - 256; at < size; at += 4)); do
    printf '\000\000\200\076' | dd of=mabel/model.safetensors bs=1 seek=$at conv=notrunc status=none
done
methods='["stamp", {"checkpoint": "mabel"}, {"checkpoint": "'$folder'", "name": "same"}, {"stamp": 0.5, "name": "half"}]'

for ranks in 1 3; do
    timeout 1200 mpirun -n $ranks "$fairstamp" run "$job" --set output=o$ranks --set stamp.iterations=3 \
        --set "methods=$methods" >out$ranks 2>err || { fail "$ranks ranks"; cat err; }
    "$fairstamp" verify --equal o1/evaluate.h5 o$ranks/evaluate.h5 >/dev/null 2>verdict || fail "$(cat verdict)"
done
grep -qE 'metric +ideal +unedited .* stamp .* mabel .* same ' out1 || fail "text: $(grep metric out1)"
cmp <(sed -n '/^category .*metric/,$p' out1) <(sed -n '/^category .*metric/,$p' out3) || fail "text of 1 and 3 ranks"

"$fairstamp" evaluate "$job" --set output=o1 --set stamp.iterations=3 --set "methods=stamp,checkpoint:mabel,same=checkpoint:$folder,half=stamp:0.5" \
    --format json >json 2>err || { fail "the same job in words"; cat err; }
grep -q 'done before' err || fail "the same methods in words are another job"
tr -d ' \n\t' <json | grep -q '"columns":{"unedited":{[^}]*},"stamp":{.*"mabel":{.*"same":{.*"change":{"difference":0,"low":0,"high":0' ||
    fail "JSON: columns are missing, or the unedited model as checkpoint changes something"
"$fairstamp" report o1/evaluate.h5 -o page >/dev/null 2>&1 || fail "report"
head -n 1 page/results.csv | grep -q ',unedited,unedited_low,unedited_high,stamp,.*,mabel,.*,same,.*,mabel_change,.*,same_p_value' ||
    fail "CSV: $(head -n 1 page/results.csv)"
grep -q 'SS mabel' page/index.html || fail "page: no column of mabel"
[ "$(cut -d , -f 1-3 page/front.csv | tr '\n\r' ' ')" = 'column,method,strength unedited,, stamp,stamp,1 mabel,checkpoint,1 same,checkpoint,1 half,stamp,0.5 ' ] ||
    fail "front.csv: $(cat page/front.csv)"
[ "$(grep ^unedited page/front.csv | cut -d , -f 4-)" = "$(grep ^same page/front.csv | cut -d , -f 4-)" ] || fail "the front of the unedited model as checkpoint: $(cat page/front.csv)"

# against a checkpoint that is the unedited model: the methods' own changes, digit for digit but for how a mean is rounded
"$fairstamp" report o1/evaluate.h5 -o page2 --against same >/dev/null 2>&1 || fail "report --against"
awk -F, '{ sub(/\r$/, "") } FNR == 1 && NR > 1 { next }
    NR == 1 { for (i = 1; i <= NF; i++) name[i] = $i; next }
    FNR == NR { for (i = 7; i <= NF; i++) own[$1, $2, $3, $4, name[i]] = $i; next }
    $7 != "value" && $6 != 0 { next }
    { split("_change _change_low _change_high", of, " ")
      for (i = 1; i <= 3; i++) {
          was = own[$1, $2, $3, $4, $9 of[i]]
          if ($(10 + i) == "" || was == "") continue
          if (($(10 + i) - was) ^ 2 > 1e-18) { print $0 ": " was; wrong = 1 }
          checked++ } }
    END { exit wrong || checked < 50 }' page2/results.csv page2/differences.csv ||
    fail "differences.csv against the unedited model is not results.csv's changes"
"$fairstamp" report o1/evaluate.h5 -o page3 --against none >/dev/null 2>err
[ $? = 64 ] && grep -q 'found "none", expected a method of o1/evaluate.h5: stamp, mabel, same, half' err && [ ! -e page3 ] || fail "--against an unknown method: $(cat err)"
mkdir apart && cp o1/stamp.h5 apart
"$fairstamp" report apart/stamp.h5 -o page3 --against same >/dev/null 2>err
[ $? = 64 ] && grep -q 'apart/stamp.h5 has no results of methods' err && [ ! -e page3 ] || fail "--against in the file of a stamp: $(cat err)"
"$fairstamp" report "$FAIRSTAMP_SOURCE/tests/golden/archives/v1/evaluate.h5" -o page3 --against stamp >/dev/null 2>err
[ $? = 64 ] && grep -q 'v1/evaluate.h5 has a single method, expected two or more' err && [ ! -e page3 ] || fail "--against in a job of one method: $(cat err)"
"$fairstamp" report o3/evaluate.h5 -o page4 >/dev/null 2>&1 || fail "report of 3 ranks"
cmp page/differences.csv page4/differences.csv || fail "differences of 1 and 3 ranks"
grep -q 'Bias left against what was kept' page/index.html && grep -q '<svg' page/front.svg || fail "page: no front"
"$fairstamp" inspect o1/evaluate.h5 >tree || fail "inspect"
grep -q '/edits/method' tree && grep -q '/results/column' tree || fail "archive: $(cat tree)"

# refused: another tokenizer, with the first difference; nothing is written
cp -r "$folder" other
vocabulary=$(ls other | grep -m 1 -E '^vocab\.(txt|json)$')
sed -i '0,/the/s//zqx/' "other/$vocabulary"
timeout 600 "$fairstamp" run "$job" --set output=refused --set methods=checkpoint:other >/dev/null 2>err
[ $? = 65 ] && grep -q 'other: .*tokenizers differ' err || fail "another tokenizer: $(tail -n 2 err)"
[ ! -e refused/evaluate.h5 ] || fail "another tokenizer: results are there"

"$fairstamp" doctor "$job" --set output=refused --set methods=stamp,checkpoint:other >out 2>err
[ $? != 0 ] && grep -q 'failed .*methods.other: .*tokenizers differ' out || fail "doctor of another tokenizer: $(cat out)"
"$fairstamp" doctor "$job" --set output=refused --set methods=stamp,checkpoint:mabel >out 2>err || fail "doctor: $(cat out)"

# a checkpoint alone: no trace, no training
timeout 600 "$fairstamp" run "$job" --set output=alone --set method=checkpoint:mabel >out 2>err || { fail "checkpoint alone"; cat err; }
[ "$(ls alone/*.h5)" = alone/evaluate.h5 ] || fail "checkpoint alone: $(ls alone)"
"$fairstamp" report alone/evaluate.h5 -o page1 >/dev/null 2>&1 || fail "report of one edit"
[ -e page1/results.csv ] && [ ! -e page1/front.csv ] && [ ! -e page1/front.svg ] && [ ! -e page1/differences.csv ] || fail "a front of one edit: $(ls page1)"
"$fairstamp" stamp "$job" --set output=alone --set method=checkpoint:mabel >/dev/null 2>err
[ $? = 78 ] && grep -q "none of the job's methods trains" err || fail "stamp without a method that trains: $(tail -n 1 err)"

# methods that train beside one another: the same bits on any number of ranks, and of a run that is stopped on the way;
# a change of one trains that one alone
printf 'He said that the man was late. The woman who met him left.\nShe gave her a book! His father laughed. "Was she?" He did not know. The old house was red.\nA man with a hat came in. The dog slept in the garden. He had seen the town.\nShe left at noon that day. It rained for a while. Nobody stood in the street.\nThe woman laughed at it all. Then he went home again. After that she slept well.\nBut she was not there. Some day the woman came back. What she said was true.\n' >text.txt
printf '{"gender": [["man", "woman"], ["he", "she"], ["his", "her"], ["him", "her"]]}' >words.json
without=() within=(stamp) # methods without and with a layer; a line each
several=(--set stamp.iterations=3 --set stamp.frames=0 --set edit.text=text.txt --set data.attribute_words=words.json --set categories=gender)
without+=(sentence_debias) several+=(--set sentence_debias.batch=2)
without+=(leace) several+=(--set leace.batch=2)
without+=(inlp) several+=(--set inlp.batch=5)
without+=(cda) several+=(--set cda.steps=12 --set cda.batch=99 --set cda.block=16)
without+=(dropout_debias) several+=(--set dropout_debias.steps=1 --set dropout_debias.batch=3)
within+=(ft_equal) several+=(--set ft_equal.iterations=2 --set ft_equal.frames=1 --set ft_equal.text_tokens=64)
within+=(ft ft_l ft_m) several+=(--set ft.epochs=2 --set ft.batch=4 --set ft_l.epochs=2 --set ft_m.epochs=1)
within+=(rome) several+=(--set rome.iterations=3 --set rome.openings=2 --set rome.layer=0)
within+=(memit) several+=(--set memit.iterations=3 --set memit.openings=1 --set memit.layer=0 --set memit.batch=2)
within+=(alphaedit) several+=(--set alphaedit.iterations=3 --set alphaedit.layer=0)
within+=(biasedit) several+=(--set biasedit.layers=2 --set biasedit.epochs=3 --set biasedit.batch=3 --set biasedit.edit_rate=0.001)
within+=(steer_add steer_ablate)
within+=(bias_neurons) several+=(--set bias_neurons.steps=3)
several+=(--set "methods=$(IFS=,; echo "stamp,${without[*]},${within[*]:1},sentence_debias:0.5,cda:0.5,self_debias")")
for ranks in 1 2 3 4; do
    alone=() files="${without[*]}"
    [ $ranks = 2 ] || [ $ranks = 4 ] && alone=(--set "methods=$(IFS=,; echo "${without[*]}")") || files="$files ${within[*]} evaluate" # without the trace
    timeout 600 mpirun -n $ranks "$fairstamp" run "$job" --set output=s$ranks "${several[@]}" "${alone[@]}" >out 2>err || { fail "several, $ranks ranks"; cat err; }
    for file in $files; do
        "$fairstamp" verify --equal s1/$file.h5 s$ranks/$file.h5 >/dev/null 2>verdict || fail "several, $ranks ranks: $(cat verdict)"
    done
done
# moments that ranks share out: a rank is killed, and the training goes on, with other shares
cda=(train "$job" "${several[@]}" --set output=k --set methods=cda --set cda.checkpoint_every=1 --set checkpoint_share=1)
mpirun -n 2 "$fairstamp" "${cda[@]}" >/dev/null 2>&1 </dev/null &
mpirun_pid=$!
for ((i = 0; i < 6000; i++)); do [ -e k/cda.part.h5 ] || [ -e k/cda.h5 ] && break || sleep 0.01; done
kill -KILL "$(pgrep -P $mpirun_pid | tail -n 1)" 2>/dev/null
wait $mpirun_pid
timeout 600 mpirun -n 3 "$fairstamp" "${cda[@]}" >/dev/null 2>err || { fail "cda: after a kill"; cat err; }
grep -qE 'cda: (goes on from step [1-9]|done before)' err || fail "cda: what was saved is not used: $(cat err)"
"$fairstamp" verify --equal s1/cda.h5 k/cda.h5 >/dev/null 2>verdict || fail "cda: after a kill: $(cat verdict)"
# an editor is killed on the way, and goes on
edit=(train "$job" "${several[@]}" --set methods=biasedit --set biasedit.epochs=12 --set biasedit.patience=12 --set biasedit.checkpoint_every=1 --set checkpoint_share=1)
timeout 600 "$fairstamp" "${edit[@]}" --set output=e1 >/dev/null 2>err || { fail "biasedit"; cat err; }
mpirun -n 2 "$fairstamp" "${edit[@]}" --set output=e2 >/dev/null 2>&1 </dev/null &
mpirun_pid=$!
for ((i = 0; i < 6000; i++)); do [ -e e2/biasedit.part.h5 ] || [ -e e2/biasedit.h5 ] && break || sleep 0.01; done
kill -KILL "$(pgrep -P $mpirun_pid | tail -n 1)" 2>/dev/null
wait $mpirun_pid
timeout 600 mpirun -n 4 "$fairstamp" "${edit[@]}" --set output=e2 >/dev/null 2>err || { fail "biasedit: after a kill"; cat err; }
grep -qE 'biasedit: (goes on from step [1-9]|done before)' err || fail "biasedit: what was saved is not used: $(cat err)"
"$fairstamp" verify --equal e1/biasedit.h5 e2/biasedit.h5 >/dev/null 2>verdict || fail "biasedit: after a kill: $(cat verdict)"
# where the root can save nothing on the way, all ranks go on
limit=$(($(stat -c %s s1/cda.h5) / 1024 + 16)) # KiB of a file: enough for the results
timeout 600 mpirun --mca btl self,tcp -n 3 bash -c "ulimit -f $limit && exec \"\$@\"" limited "$fairstamp" "${cda[@]}" --set output=f >/dev/null 2>err ||
    { fail "cda: without saves"; cat err; }
[ "$(grep -c 'cda.part.h5.*File too large' err)" -ge 2 ] || fail "cda: saves were not refused: $(cat err)"
"$fairstamp" verify --equal s1/cda.h5 f/cda.h5 >/dev/null 2>verdict || fail "cda: without saves: $(cat verdict)"
[ "$(cd s1 && sha256sum covariance-*.h5 | wc -l)" = 1 ] || fail "several: covariances: $(ls s1)"
"$fairstamp" verify --equal s1/covariance-*.h5 s3/covariance-*.h5 >/dev/null 2>verdict || fail "several, covariance: $(cat verdict)"
for ranks in 2 4; do # 4: by the covariance of another job
    mkdir r$ranks && cp s1/trace.h5 r$ranks
    timeout 600 mpirun -n $ranks "$fairstamp" run "$job" --set output=r$ranks "${several[@]}" --set methods=rome,memit --set covariance.folder=$([ $ranks = 2 ] && echo r2 || echo s1) >/dev/null 2>err || { fail "rome, $ranks ranks"; cat err; }
    for file in rome memit; do
        "$fairstamp" verify --equal s1/$file.h5 r$ranks/$file.h5 >/dev/null 2>verdict || fail "$file, $ranks ranks: $(cat verdict)"
    done
done
grep -q 'covariance: layer 0, all [0-9]* tokens taken from .*s1/covariance-0-' err && [ ! -e "$(echo r4/covariance*)" ] || fail "a covariance that is there: $(cat err)"
"$fairstamp" verify --equal s1/covariance-*.h5 r2/covariance-*.h5 >/dev/null 2>verdict || fail "covariance, 2 ranks: $(cat verdict)"
grep -q 'SentenceDebias, rank 1: [1-9]' out || fail "several: no training in the text"
[ ! -e s4/trace.h5 ] || fail "several: a trace for methods of a text"
"$fairstamp" run "$job" --set output=s3 "${several[@]}" >out 2>err || fail "several: the same again"
grep -qE 'metric +ideal +unedited .* stamp .* sentence_debias .* sentence_debias-0.5 ' out || fail "several: $(grep metric out)"
"$fairstamp" report s3/evaluate.h5 -o page5 >/dev/null 2>&1 && grep -q '>self_debias<' page5/metrics.svg && grep -q 'the first of [0-9]* edits' page5/index.html || fail "several: the page leaves columns out"
"$fairstamp" run "$job" --set output=s1 "${several[@]}" --set sentence_debias.components=2 >/dev/null 2>err
[ $? = 76 ] && grep -q 'sentence_debias.h5: .*sentence_debias.components' err || fail "several: another setting: $(tail -n 1 err)"
"$fairstamp" run "$job" --set output=s1 "${several[@]}" --set sentence_debias.components=2 --force >/dev/null 2>err || { fail "several: --force"; cat err; }
grep -q '^fairstamp: stamp: done before' err && grep -q '^fairstamp: sentence_debias: published' err || fail "several: --force: $(cat err)"
"$fairstamp" report s2/evaluate.h5 -o page2 >/dev/null 2>&1 && grep -q 'sentence_debias</td><td>' page2/index.html || fail "several: the page has no time of it"
"$fairstamp" merge -o merged.h5 s2 >/dev/null 2>err && "$fairstamp" inspect merged.h5 | grep -q '/cells/s2/sentence_debias/last_state/left' || fail "several: merge: $(cat err)"
"$fairstamp" report merged.h5 -o sweep >/dev/null 2>err || fail "several: report of a merged file: $(cat err)"
grep -q 'href="cells/s2/index.html"' sweep/index.html && grep -q 'sentence_debias' sweep/cells/s2/index.html && [ ! -e sweep/cells/s2/evaluate.h5 ] ||
    fail "several: the page of a sweep: $(find sweep | head)"
[ "$(sed 's/,.*//' sweep/sweep.csv | sort -u | tr '\n' ' ')" = 'bert-tiny model ' ] && grep -q '^1,' sweep/ranking.csv && grep -q toprule sweep/report.tex && [ -s sweep/front.svg ] ||
    fail "several: the tables of a sweep: $(cat sweep/*.csv)"
"$fairstamp" run "$job" --set output=refused --set method=sentence_debias >/dev/null 2>err
[ $? = 78 ] && grep -q 'learns from a text and attribute words' err || fail "several: without a text: $(tail -n 1 err)"
"$fairstamp" estimate "$job" --set output=s1 "${several[@]}" >out 2>err || fail "several: estimate: $(tail -n 1 err)"
grep -qE 'stamp, s .*sentence_debias, s .*evaluate, s' out || fail "several: estimate without the method: $(cat out)"
rm s3/sentence_debias.h5
"$fairstamp" evaluate "$job" --set output=s3 "${several[@]}" --set evaluate.bootstrap=2 >/dev/null 2>err
[ $? = 66 ] && grep -q 'sentence_debias.h5: missing; do `fairstamp run`' err || fail "several: a missing method: $(tail -n 1 err)"

# what a user deploys: a folder that is the edited model, a file for the loader; nothing is overwritten
apply() { local code=$1; shift; expect "$code" "$fairstamp" apply "$@"; }
columns=(--set output=o1 --set stamp.iterations=3 --set "methods=$methods")
apply 0 "$job" "${columns[@]}" --method half -o ap/half/
grep -qa '"strength":"0.5"' ap/half/edit.safetensors && cmp ap/half/load_edit.py "$FAIRSTAMP_SOURCE/results/load_edit.py" || fail "apply: $(ls ap/half)"
cp -r "$folder" source && touch source/pytorch_model.bin source/model.onnx
apply 0 s3/evaluate.h5 --method ft --source source -o ap/ft
says 'apply: changed: bert.encoder.layer.'
says 'not copied, for they hold weights of the unedited model: model.onnx, pytorch_model.bin'
cmp ap/ft/config.json "$folder/config.json" && [ ! -e ap/ft/model.onnx ] && grep -q '"kind":.*"weight"' ap/ft/fairstamp.json || fail "apply: $(ls ap/ft)"
numbers() { "$fairstamp" logprobs --quiet "$@" <text.txt 2>err | tr -d '[]}' | sed 's/.*logprobs": //'; }
moved=$(paste -d , <(numbers --model "$folder" --edit s3/ft.h5) <(numbers --model ap/ft) <(numbers --model "$folder") |
    awk -F , 'function size(x) {return x < 0 ? -x : x}
              {n = NF / 3; for (i = 1; i <= n; i++) {d = size($i - $(i + n)); if (d > 1e-5) bad = 1; e = size($i - $(i + 2 * n)); if (e > most) most = e}}
              END {print (bad ? "bad" : most > 1e-4 ? "good" : "nothing")}')
[ "$moved" = good ] || fail "apply: the folder is not the edited model: $moved"
apply 73 s3/ft.h5 -o ap/ft
says 'ap/ft: is there already, and nothing is overwritten'
apply 73 s3/ft.h5 -o text.txt/ft
apply 64 s3/evaluate.h5 -o ap/x
says 'evaluate.h5 is the file of the stage evaluate, of several'
apply 64 s3/ft.h5 --method leace -o ap/x
apply 64 s3/ft.h5 --method ft:12 -o ap/x
apply 64 s3/ft.h5 --method stmp -o ap/x
says 'found "stmp", expected one of the methods stamp, '
apply 64 "$job" "${columns[@]}" --method leace -o ap/x
says "expected one of the job's columns: stamp, mabel, same or half"
apply 64 "$job" "${columns[@]}" -o ap/x
apply 64 "$job" "${columns[@]}" --method mabel -o ap/x
says 'takes a model that is there'
apply 66 "$job" "${columns[@]}" --set output=nowhere --method stamp -o ap/x
says 'stamp.h5: missing; do `fairstamp stamp`'
apply 76 "$job" "${columns[@]}" --set seed=4 --method stamp -o ap/x
apply 65 s3/ft.h5 --source mabel -o ap/x
says 'was trained for another model than that of mabel: model/model.safetensors is not the same'
apply 65 merged.h5 -o ap/x
apply 66 none.h5 -o ap/x
(ulimit -f 30 && trap '' XFSZ && "$fairstamp" apply s3/ft.h5 -o ap/x) >/dev/null 2>err
[ $? = 74 ] && grep -q 'is the disk full' err || fail "apply: a full disk: $(cat err)"
[ "$(ls ap | tr '\n' ' ')" = 'ft half ' ] || fail "apply: what failed has left something: $(ls ap)"
expect 65 "$fairstamp" logprobs --model "$folder" --edit s3/evaluate.h5

# settings tried before a training: the same on 2 ranks as in a run that is stopped once the first is done
tries=(--set methods=ft --set ft.layer=1 --set ft.epochs=2 --set ft.batch=64 --set "search.settings=ft.epochs=3,ft.learning_rate=0.01")
timeout 600 mpirun -n 2 "$fairstamp" run "$job" --set output=t2 "${tries[@]}" >out 2>err || { fail "tries"; cat err; }
[ "$(grep -c '<- trained' out)" = 1 ] && grep -q "^ft.learning_rate=0.01 " out || fail "tries: $(cat out)"
timeout 600 "$fairstamp" run "$job" --set output=t1 "${tries[@]}" >/dev/null 2>err &
for ((i = 0; i < 6000; i++)); do [ -e t1/ft_tries.part.h5 ] || [ -e t1/ft.h5 ] && break || sleep 0.01; done
kill -TERM $! 2>/dev/null
wait $!
timeout 600 "$fairstamp" run "$job" --set output=t1 "${tries[@]}" >/dev/null 2>err || { fail "tries: the same again"; cat err; }
"$fairstamp" verify --equal t1/ft.h5 t2/ft.h5 >/dev/null 2>verdict || fail "tries: $(cat verdict)"
[ -z "$(ls t1 | grep part)" ] || fail "tries: $(ls t1)"
"$fairstamp" report t1/ft.h5 -o page3 >/dev/null 2>&1 && grep -q 'Settings tried' page3/index.html || fail "tries: the page says nothing of them"

# the checkpoint's bytes belong to the job
printf '\000\000\200\077' | dd of=mabel/model.safetensors bs=1 seek=$((size - 4)) conv=notrunc status=none
"$fairstamp" run "$job" --set output=alone --set method=checkpoint:mabel >/dev/null 2>err
[ $? = 76 ] && grep -q 'methods.mabel/model.safetensors' err || fail "a changed checkpoint: $(tail -n 1 err)"
finish
