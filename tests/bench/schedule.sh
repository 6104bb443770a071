#!/usr/bin/env bash
# What `fairstamp estimate` predicts for 1 to 1024 ranks of all of StereoSet and CrowS-Pairs on a 7B-shaped model (Llama, 32 layers,
# hidden size 4096, made-up weights), from units, latency and bandwidth measured on this machine:
#     tests/bench/schedule.sh SHARED OUT.svg [RANKS] [SECONDS]
# SHARED: the folder with data/ and golden/. RANKS (default 2) measure, of one thread each, SECONDS (default 2) for each kind of unit. Needs
# python3 and gnuplot, and 8 GiB a rank. The table goes to standard output, the picture to OUT.svg.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
shared=$(cd "$1" && pwd) picture=$2 ranks=${3:-2} seconds=${4:-2}
program=${FAIRSTAMP_BUILD:-$root/build}/pipeline/fairstamp
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$root/scripts/mpi_env.sh"
export OMP_NUM_THREADS=1

mkdir "$work/model"
cp "$shared/golden/tokenizers/llama/tokenizer.model" "$work/model/"
cat >"$work/model/config.json" <<END
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
 "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 4096,
 "rms_norm_eps": 1e-05, "hidden_act": "silu", "rope_theta": 10000.0, "tie_word_embeddings": false, "vocab_size": 32000,
 "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float16"}
END
cat >"$work/job.json" <<END
{"model": "$work/model", "output": "$work/out", "data": {"stereoset": "$shared/data/stereoset/dev.json",
 "crows_pairs": "$shared/data/crows_pairs/crows_pairs_anonymized.csv", "attribute_words": "$root/benchmark/attribute_words.json"}}
END
mpirun -n "$ranks" "$program" estimate "$work/job.json" --seconds "$seconds" --format json >"$work/estimate.json" </dev/null

echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc --all) cores"
"${PYTHON:-python3}" - "$work/estimate.json" "$work/rows" <<'PY'
import json, sys
estimate = json.load(open(sys.argv[1]))
stages = estimate["stages"]
print(f"messages: {1e6 * estimate['latency_seconds']:.2f} us, {estimate['bandwidth_bytes_per_second'] / 1e9:.1f} GB/s; "
      f"stamp at layer {estimate['stamp_layer']}, {estimate['stamp_parameters']} parameters")
for name, stage in stages.items():
    below = stage.get("below_half") or {}
    print(f"{name}: {stage['units']} units, {stage['passes']:.0f} passes, {stage['tokens']:.0f} tokens, {stage['flops']:.3e} FLOPs; "
          f"below 50 % at {below.get('ranks', 'none')} ranks: {below.get('reason', '')}")
head = ["ranks"] + [part for name in stages for part in (f"{name}_s", f"{name}_%")] + ["all_s", "all_%"]
print("\t".join(head))
with open(sys.argv[2], "w") as rows:
    for at, total in enumerate(estimate["all"]):
        cells = [stage["time"][at] for stage in stages.values()] + [total]
        line = "\t".join([str(total["ranks"])] + [f"{c['seconds']:.0f}\t{100 * c['efficiency']:.1f}" for c in cells])
        print(line)
        print(line, file=rows)
PY
gnuplot <<END
set terminal svg size 900,430 font "sans-serif,13" background "white" enhanced
set output "$picture"
set datafile separator "\t"
set logscale x 2
set xrange [0.9:1150]
set xtics (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
set xlabel "ranks of one thread"
set grid lc rgb "#dddddd"
set multiplot layout 1,2
set title "Predicted time"
set ylabel "hours"
set logscale y
set key bottom left samplen 2
plot "$work/rows" using 1:(\$2 / 3600) with linespoints pt 7 lc rgb "#0072b2" title "trace", \
     "" using 1:(\$4 / 3600) with linespoints pt 5 lc rgb "#d55e00" title "stamp", \
     "" using 1:(\$6 / 3600) with linespoints pt 9 lc rgb "#009e73" title "evaluate", \
     "" using 1:(\$8 / 3600) with lines lw 2 lc rgb "#000000" title "all"
set title "Predicted efficiency"
set ylabel "%"
unset logscale y
set yrange [0:105]
set key bottom left samplen 2
set arrow 1 from 0.9,50 to 1150,50 nohead dt 2 lc rgb "#555555"
plot "$work/rows" using 1:3 with linespoints pt 7 lc rgb "#0072b2" title "trace", \
     "" using 1:5 with linespoints pt 5 lc rgb "#d55e00" title "stamp", \
     "" using 1:7 with linespoints pt 9 lc rgb "#009e73" title "evaluate", \
     "" using 1:9 with lines lw 2 lc rgb "#000000" title "all"
END
