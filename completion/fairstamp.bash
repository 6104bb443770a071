# Completion of fairstamp for bash, made by `fairstamp --bash-completion`.

# Each fills COMPREPLY with what completes $cur; $prefix precedes it in the same word.
_fairstamp_words() # "WORD ..."
{
    mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$1" -- "$cur")
}
_fairstamp_folders()
{
    mapfile -t COMPREPLY < <(compgen -P "$prefix" -d -- "$cur")
    compopt -o filenames 2>/dev/null
}
_fairstamp_files() # ENDING: files whose names have it, and folders; '': all
{
    mapfile -t COMPREPLY < <(
        compgen -P "$prefix" -f -X "!*$1" -- "$cur"
        [[ -z $1 ]] || compgen -P "$prefix" -d -- "$cur"
    )
    compopt -o filenames 2>/dev/null
}
_fairstamp_after_equals() # bash splits words at "=", unless COMP_WORDBREAKS was changed
{
    [[ $COMP_WORDBREAKS == *=* ]] || prefix+=${cur%%=*}=
    cur=${cur#*=}
}
_fairstamp_setting() # KEY=VALUE
{
    local key=${cur%%=*}
    if [[ $cur != *=* ]]; then
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -S = -W "$_fairstamp_keys" -- "$cur")
        compopt -o nospace 2>/dev/null
        return
    fi
    _fairstamp_after_equals
    case $key in
    model) _fairstamp_files '' ;;
    output) _fairstamp_files '' ;;
    strict) _fairstamp_words "true false" ;;
    compute.share_prefixes) _fairstamp_words "true false" ;;
    compute.type) _fairstamp_words "auto f32 bf16" ;;
    compute.backend) _fairstamp_words "auto openblas onednn" ;;
    data.crows_pairs) _fairstamp_files '' ;;
    data.stereoset) _fairstamp_files '' ;;
    data.biaske) _fairstamp_files '' ;;
    data.stereoset_intersentence) _fairstamp_files '' ;;
    data.stereoset_synonyms) _fairstamp_files '' ;;
    data.winobias) _fairstamp_files '' ;;
    data.winogender) _fairstamp_files '' ;;
    data.winograd) _fairstamp_files '' ;;
    data.bec_pro) _fairstamp_files '' ;;
    data.bbq) _fairstamp_files '' ;;
    data.seat) _fairstamp_files '' ;;
    data.blimp) _fairstamp_files '' ;;
    data.lambada) _fairstamp_files '' ;;
    data.pararel) _fairstamp_files '' ;;
    data.counterfact) _fairstamp_files '' ;;
    data.known_facts) _fairstamp_files '' ;;
    data.text) _fairstamp_files '' ;;
    data.attribute_words) _fairstamp_files '' ;;
    edit.pairs) _fairstamp_words "stereoset biaske" ;;
    edit.text) _fairstamp_files '' ;;
    covariance.folder) _fairstamp_files '' ;;
    scoring.crows_pairs) _fairstamp_words "pll.unmodified pll.modified sentence.mean sentence.sum" ;;
    scoring.stereoset) _fairstamp_words "target.prob target.logprob sentence.mean sentence.sum object.mean" ;;
    scoring.biaske) _fairstamp_words "target.prob target.logprob sentence.mean sentence.sum object.mean" ;;
    scoring.stereoset_intersentence) _fairstamp_words "pll.given object.mean.stop object.mean" ;;
    split.seed) _fairstamp_words auto ;;
    trace.positions) _fairstamp_words "last all" ;;
    trace.select) _fairstamp_words "aie last two_thirds residual.subject.restore residual.subject.remove residual.read.restore residual.read.remove residual.subject.restore.without_ffn residual.subject.restore.without_attention ffn.subject.restore ffn.subject.remove ffn.read.restore ffn.read.remove ffn.all.restore ffn.all.remove attention.subject.restore attention.subject.remove attention.read.restore attention.read.remove attention.all.restore attention.all.remove ffn.subject.restore.window ffn.subject.remove.window ffn.read.restore.window ffn.read.remove.window ffn.all.restore.window ffn.all.remove.window attention.subject.restore.window attention.subject.remove.window attention.read.restore.window attention.read.remove.window attention.all.restore.window attention.all.remove.window" ;;
    trace.kinds) _fairstamp_words "residual attention ffn all" ;;
    trace.heat_map) _fairstamp_words "true false" ;;
    trace.attribution) _fairstamp_words "true false" ;;
    trace.corruption) _fairstamp_words "counterfactual noise" ;;
    trace.reuse) _fairstamp_files '' ;;
    stamp.preset) _fairstamp_words "paper keep carry balanced" ;;
    stamp.layer) _fairstamp_words auto ;;
    stamp.loss) _fairstamp_words "gap logratio" ;;
    stamp.swap_subjects) _fairstamp_words "true false" ;;
    stamp.swap_statements) _fairstamp_words "true false" ;;
    stamp.vary_prompts) _fairstamp_words "true false" ;;
    stamp.text) _fairstamp_files '' ;;
    stamp.kl_rows) _fairstamp_words "first all" ;;
    stamp.kl_without_completion) _fairstamp_words "true false" ;;
    stamp.keep_best) _fairstamp_words "true false" ;;
    stamp.schedule) _fairstamp_words "constant cosine" ;;
    inlp.rounds) _fairstamp_words auto ;;
    ft_equal.preset) _fairstamp_words "paper keep carry balanced" ;;
    ft_equal.layer) _fairstamp_words auto ;;
    ft_equal.loss) _fairstamp_words "gap logratio" ;;
    ft_equal.swap_subjects) _fairstamp_words "true false" ;;
    ft_equal.swap_statements) _fairstamp_words "true false" ;;
    ft_equal.vary_prompts) _fairstamp_words "true false" ;;
    ft_equal.text) _fairstamp_files '' ;;
    ft_equal.kl_rows) _fairstamp_words "first all" ;;
    ft_equal.kl_without_completion) _fairstamp_words "true false" ;;
    ft_equal.keep_best) _fairstamp_words "true false" ;;
    ft_equal.schedule) _fairstamp_words "constant cosine" ;;
    ft.layer) _fairstamp_words auto ;;
    ft.request) _fairstamp_words "anti equal" ;;
    ft.objective) _fairstamp_words "target_new prompt_last" ;;
    ft_l.layer) _fairstamp_words auto ;;
    ft_l.request) _fairstamp_words "anti equal" ;;
    ft_l.objective) _fairstamp_words "target_new prompt_last" ;;
    ft_m.layer) _fairstamp_words auto ;;
    ft_m.request) _fairstamp_words "anti equal" ;;
    steer_add.layer) _fairstamp_words auto ;;
    steer_ablate.layer) _fairstamp_words auto ;;
    rome.layer) _fairstamp_words auto ;;
    rome.request) _fairstamp_words "anti crossed equal" ;;
    rome.form) _fairstamp_words "r-rome rome p-rome" ;;
    memit.layer) _fairstamp_words auto ;;
    memit.request) _fairstamp_words "anti crossed equal" ;;
    alphaedit.layer) _fairstamp_words auto ;;
    alphaedit.request) _fairstamp_words "anti crossed equal" ;;
    biasedit.preset) _fairstamp_words "published small" ;;
    cda.preset) _fairstamp_words "published small" ;;
    cda.dropout) _fairstamp_words "true false" ;;
    cda.case) _fairstamp_words "fold exact" ;;
    dropout_debias.preset) _fairstamp_words "published small" ;;
    layers.compare) _fairstamp_words "none random all" ;;
    esac
}

_fairstamp_commands="run trace train stamp evaluate layer_sweep estimate score metrics tokenize logprobs
    inspect verify export model benchmark apply report merge query sweep list doctor
    --help --version --man --job-schema --job-keys --bash-completion"
_fairstamp_keys="model model_name output seed categories strict compute.share_prefixes compute.type
    compute.backend data.crows_pairs data.stereoset data.biaske
    data.stereoset_intersentence data.stereoset_synonyms data.winobias data.winogender
    data.winograd data.bec_pro data.bbq data.seat data.blimp data.lambada data.pararel
    data.counterfact data.known_facts data.text data.attribute_words edit.pairs edit.text
    covariance.tokens covariance.folder method methods search.settings search.validation
    search.rs search.lms scoring.crows_pairs scoring.stereoset scoring.biaske
    scoring.stereoset_intersentence split.held_out split.validation split.seed
    trace.positions trace.measures trace.select trace.least_effect trace.kinds
    trace.window trace.heat_map trace.attribution trace.neurons trace.corruption
    trace.noise_scale trace.noise_samples trace.bootstrap trace.reuse stamp.preset
    stamp.layer stamp.width stamp.loss stamp.alpha stamp.beta stamp.key_bias
    stamp.key_share stamp.generic_prompts stamp.neutral_subjects stamp.frames
    stamp.swap_subjects stamp.swap_statements stamp.vary_prompts stamp.text_weight
    stamp.text_tokens stamp.text stamp.level_weight stamp.balance_weight
    stamp.balance_width stamp.kl_rows stamp.kl_without_completion stamp.keep_best
    stamp.learning_rate stamp.schedule stamp.beta1 stamp.beta2 stamp.epsilon
    stamp.iterations stamp.batch stamp.unit_tokens stamp.checkpoint_every stamp.memory
    sentence_debias.components sentence_debias.tokens sentence_debias.batch
    leace.sentences leace.batch inlp.rounds inlp.sentences inlp.batch ft_equal.preset
    ft_equal.layer ft_equal.loss ft_equal.alpha ft_equal.beta ft_equal.generic_prompts
    ft_equal.neutral_subjects ft_equal.frames ft_equal.swap_subjects
    ft_equal.swap_statements ft_equal.vary_prompts ft_equal.text_weight
    ft_equal.text_tokens ft_equal.text ft_equal.level_weight ft_equal.balance_weight
    ft_equal.balance_width ft_equal.kl_rows ft_equal.kl_without_completion
    ft_equal.keep_best ft_equal.learning_rate ft_equal.schedule ft_equal.beta1
    ft_equal.beta2 ft_equal.epsilon ft_equal.iterations ft_equal.batch
    ft_equal.unit_tokens ft_equal.checkpoint_every ft_equal.memory ft.layer ft.request
    ft.epochs ft.batch ft.learning_rate ft.enough ft.checkpoint_every ft.memory
    ft.objective ft_l.layer ft_l.request ft_l.epochs ft_l.batch ft_l.learning_rate
    ft_l.enough ft_l.checkpoint_every ft_l.memory ft_l.objective ft_l.norm_constraint
    ft_m.layer ft_m.request ft_m.epochs ft_m.batch ft_m.learning_rate ft_m.enough
    ft_m.checkpoint_every ft_m.memory steer_add.layer steer_add.coefficient
    steer_ablate.layer bias_neurons.steps bias_neurons.share bias_neurons.least
    bias_neurons.most rome.layer rome.request rome.form rome.openings rome.iterations
    rome.learning_rate rome.weight_decay rome.clamp rome.kl_weight rome.enough
    rome.checkpoint_every memit.layer memit.layers memit.request memit.openings
    memit.iterations memit.learning_rate memit.weight_decay memit.clamp memit.kl_weight
    memit.enough memit.batch memit.checkpoint_every memit.update_weight alphaedit.layer
    alphaedit.layers alphaedit.request alphaedit.openings alphaedit.iterations
    alphaedit.learning_rate alphaedit.weight_decay alphaedit.clamp alphaedit.kl_weight
    alphaedit.enough alphaedit.batch alphaedit.checkpoint_every alphaedit.threshold
    alphaedit.ridge biasedit.preset biasedit.layers biasedit.above biasedit.rank
    biasedit.batch biasedit.epochs biasedit.learning_rate biasedit.edit_rate
    biasedit.keep_weight biasedit.clip biasedit.validation biasedit.patience
    biasedit.checkpoint_every biasedit.memory cda.preset cda.steps cda.batch cda.block
    cda.learning_rate cda.clip cda.checkpoint_every cda.dropout cda.case
    dropout_debias.preset dropout_debias.steps dropout_debias.batch dropout_debias.block
    dropout_debias.learning_rate dropout_debias.clip dropout_debias.checkpoint_every
    dropout_debias.hidden_dropout dropout_debias.attention_dropout self_debias.lambda
    self_debias.epsilon evaluate.bootstrap evaluate.text_tokens evaluate.permutations
    evaluate.suite_items layers.compare checkpoint_seconds checkpoint_share"

_fairstamp()
{
    local IFS=$' \t\n' words=() word i cur prefix='' option options='' first='' ending=''
    COMPREPLY=()
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 1)) && [[ $word == = || ${COMP_WORDS[i - 1]} == = ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
    done
    i=$((${#words[@]} - 1))
    cur=${words[i]}
    if ((i == 0)); then
        _fairstamp_words "$_fairstamp_commands"
        return
    fi
    option=${words[i - 1]}
    if [[ $cur == -*=* ]]; then
        option=${cur%%=*}
        _fairstamp_after_equals
    fi
    case $option in
    --set) _fairstamp_setting; return ;;
    --max-seconds) return ;;
    --stop-file) _fairstamp_files ''; return ;;
    --log-dir) _fairstamp_folders; return ;;
    --connected) _fairstamp_files ''; return ;;
    --wait-seconds) return ;;
    --format) _fairstamp_words "text json"; return ;;
    --seconds) return ;;
    --node-ranks) return ;;
    --network) return ;;
    --model) _fairstamp_folders; return ;;
    --compute-type) _fairstamp_words "auto f32 bf16"; return ;;
    --compute-backend) _fairstamp_words "auto openblas onednn"; return ;;
    --suite) _fairstamp_words "crows_pairs biaske_facts stereoset biaske stereoset_intersentence stereoset_synonyms winobias winogender winograd bec_pro bbq seat blimp lambada pararel counterfact known_facts text"; return ;;
    --data) _fairstamp_files ''; return ;;
    --category) return ;;
    --scoring) return ;;
    --stamp) _fairstamp_files ''; return ;;
    --bootstrap) return ;;
    --seed) return ;;
    --scores) _fairstamp_files ''; return ;;
    --edit) _fairstamp_files ''; return ;;
    --to) _fairstamp_words "csv json npz"; return ;;
    --text) return ;;
    --tokenizers) _fairstamp_folders; return ;;
    --method) return ;;
    -o) return ;;
    --source) _fairstamp_folders; return ;;
    --weights) _fairstamp_words "stored f32"; return ;;
    --against) return ;;
    --metric) return ;;
    --by) return ;;
    --where) return ;;
    --cells) return ;;
    --launcher) return ;;
    --group) return ;;
    --part) return ;;
    --limit) return ;;
    --sbatch) return ;;
    --scripts) _fairstamp_folders; return ;;
    --site) _fairstamp_files ''; return ;;
    esac
    case ${words[0]} in
    run) options="--set --strict --force --max-seconds --stop-file --log-dir --connected --wait-seconds
    --format --quiet --help" ending=.json ;;
    trace) options="--set --strict --force --max-seconds --stop-file --log-dir --connected --wait-seconds
    --format --quiet --help" ending=.json ;;
    train) options="--set --strict --force --max-seconds --stop-file --log-dir --connected --wait-seconds
    --format --quiet --help" ending=.json ;;
    stamp) options="--set --strict --force --max-seconds --stop-file --log-dir --connected --wait-seconds
    --format --quiet --help" ending=.json ;;
    evaluate) options="--set --strict --force --max-seconds --stop-file --log-dir --connected --wait-seconds
    --format --quiet --help" ending=.json ;;
    layer_sweep) options="--set --strict --force --max-seconds --stop-file --log-dir --connected --wait-seconds
    --format --quiet --help" ending=.json ;;
    estimate) options="--set --strict --save --seconds --node-ranks --network --connected --wait-seconds
    --format --quiet --help" ending=.json ;;
    score) options="--log-dir --connected --wait-seconds --model --compute-type --compute-backend --suite
    --data --category --strict --scoring --stamp --bootstrap --seed --format --quiet
    --help" ;;
    metrics) options="--suite --data --category --strict --scores --bootstrap --seed --format --help" ;;
    tokenize) options="--model --explain --format --help" ;;
    logprobs) options="--edit --log-dir --connected --wait-seconds --model --compute-type --compute-backend
    --quiet --help" ;;
    inspect) options="--format --help" ending=.h5 ;;
    verify) options="--equal --format --help" ending=.h5 ;;
    export) options="--to --help" ending=.h5 ;;
    model) options="--text --no-text --format --help" ;;
    benchmark) options="--tokenizers --help" first="check" ending=.json ;;
    apply) options="--method -o --source --weights --set --quiet --help" ending=.h5 ;;
    report) options="-o --against --help" ending=.h5 ;;
    merge) options="--training -o --help" ending=.h5 ;;
    query) options="--metric --by --where --over-seeds --format --help" ending=.h5 ;;
    sweep) options="--no-estimate --no-check --cells --launcher --group --part --max-seconds --stop-file
    --log-dir --connected --wait-seconds --limit --sbatch --scripts --site --format
    --quiet --help" first="plan run submit status resume merge" ending=.json ;;
    list) options="--format --help" first="suites metrics methods families" ;;
    doctor) options="--set --strict --connected --wait-seconds --format --quiet --help" ending=.json ;;
    *) return ;;
    esac
    if [[ $cur != -* && -n $first ]] && ((i == 1)); then
        _fairstamp_words "$first"
    elif [[ $cur != -* && -n $ending ]]; then
        _fairstamp_files "$ending"
    else
        _fairstamp_words "$options"
    fi
}
complete -F _fairstamp fairstamp
