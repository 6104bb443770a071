#!/usr/bin/env bash
# Forward speed against PyTorch with transformers on the same folders, sentences and threads, side by side:
#     tests/bench/run.sh PYTHON SHARED [THREADS] [ROUNDS] [SENTENCES]
# PYTHON: an interpreter with torch and transformers; SHARED: the folder with data/ and golden/. The two programs take turns,
# ROUNDS times each. BUILD: the build folder, default build/. Printed are the medians, and the median of the ratios pair by pair.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=$1 shared=$2 threads=${3:-2} rounds=${4:-5} sentences=${5:-1500}
data=$shared/data/stereoset/dev.json
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset OPENBLAS_CORETYPE

"$python" "$root/tests/bench/make_bench_models.py" "$work" "$shared/golden/tokenizers" >/dev/null 2>&1
for model in bert-base gpt2-small; do
    for round in $(seq "$rounds"); do
        "${BUILD:-$root/build}/tests/bench/bench_forward" "$work/$model" "$data" "$threads" 1 "$sentences" >"$work/ours.$model.$round"
        "$python" "$root/tests/bench/peer.py" "$work/$model" "$data" --threads "$threads" --repeats 1 --sentences "$sentences" 2>/dev/null \
            >"$work/peer.$model.$round"
        echo "$model, round $round of $rounds" >&2
    done
    "$python" - "$work" "$model" "$rounds" <<'PY'
import json, statistics, sys
work, model, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
read = lambda who: [json.load(open(f"{work}/{who}.{model}.{r}")) for r in range(1, rounds + 1)]
ours, peer = read("ours"), read("peer")
assert ours[0]["tokens"] == peer[0]["tokens"], "the two programs saw different sentences"
print(f"{model}: {ours[0]['tokens']:.0f} tokens, {ours[0]['threads']} threads, {ours[0]['core']} kernels; {peer[0]['program']}")
for part in ("hidden", "full"):
    rate = lambda runs: [r[part]["tokens_per_second"] for r in runs]
    ratio = [a / b for a, b in zip(rate(ours), rate(peer))]
    share = [r[part]["share_of_gemm_rate"] for r in ours]
    print(f"  {part:6}  fairstamp {statistics.median(rate(ours)):8.0f} tokens/s   peer {statistics.median(rate(peer)):8.0f} tokens/s   "
          f"ratio {statistics.median(ratio):.2f} ({min(ratio):.2f} to {max(ratio):.2f})   "
          f"share of SGEMM rate {statistics.median(share):.2f} ({min(share):.2f} to {max(share):.2f})")
PY
done
