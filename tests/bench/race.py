"""The stages stamp and trace, and the forward pass, against PyTorch on this machine: one table.

    python race.py PROGRAM SHARED [--parts stamp,trace,forward] [--mini DIR] [--large DIR] [--rounds 5] [--threads 2]

python: an interpreter with torch and transformers. PROGRAM: the fairstamp to race; SHARED: the folder with data/ and models/
(and golden/, for the forward pass). The programs take turns, --rounds times each, on the same items of StereoSet's gender part:

    stamp   a training step at layer 0 of --mini and at two thirds of --large (peer_stamp.py: plain, and with the lower layers'
            outputs cached). Ours: the difference of two runs of the stage that differ in their number of steps, a step of ours
            also computing L_b. L_e before the first step must agree.
    trace   residual stream and heat map of all tokens and layers with ten samples of noise (peer_trace.py: ROME's way).
            Ours: the stage on all items less the stage on the first of them. The clean probabilities must agree.
    forward run.sh: hidden states, and with the head at every position; BERT-base and GPT-2 small shapes; needs the build folder.

Printed are medians, and the median and range of the ratios round by round, in CPU seconds of all threads and in wall time. Idle
cores matter: PyTorch's threads spin where others take their cores. OPENBLAS_CORETYPE is unset for both: it would hobble
OpenBLAS and leave PyTorch's own kernels alone."""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
SAME = 2e-4  # what both programs compute agrees within this share


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("shared", type=pathlib.Path)
    parser.add_argument("--parts", default="stamp,trace,forward")
    parser.add_argument("--mini", help="default: SHARED/models/books-gpt2-mini")
    parser.add_argument("--large", help="a causal model; default: none")
    parser.add_argument("--large-layer", type=int, help="default: two thirds of its depth")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=8, help="of ours that are timed; PyTorch: a quarter of them")
    parser.add_argument("--items", type=int, default=24, help="traced items of --mini; of --large a sixth of them")
    return parser.parse_args()


def timed(command, environment):
    """Output, wall and CPU seconds of all threads of a program."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text, words = out.read().decode(), err.read().decode()
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{words[-2000:]}")
    return text, words, wall, usage.ru_utime + usage.ru_stime


class Race:
    def __init__(self, options, work):
        self.options, self.work = options, pathlib.Path(work)
        self.environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
        self.environment |= {"OMP_NUM_THREADS": str(options.threads), "OMPI_MCA_ess_singleton_isolated": "1",
                             "OMPI_MCA_hwloc_base_binding_policy": "none", "HF_HUB_OFFLINE": "1"}
        self.kernels = ""
        with open(options.shared / "data/stereoset/dev.json", encoding="utf-8") as file:
            self.data = json.load(file)
        self.data["data"].pop("intersentence", None)

    def write_items(self, name, items):
        self.data["data"]["intrasentence"] = items
        path = self.work / f"{name}.json"
        path.write_text(json.dumps(self.data))
        return path

    def items(self, subject_before=False):
        """Of gender, whose sentences are their context with the fill; `subject_before`: with the target term once, before the fill."""
        chosen = []
        for item in self.all:
            if item["bias_type"] != "gender" or item["context"].count("BLANK") != 1 or "  " in item["context"]:
                continue
            prefix, suffix = item["context"].split("BLANK")
            fits = all(s["sentence"].startswith(prefix) and s["sentence"].endswith(suffix) for s in item["sentences"])
            found = re.findall(rf"\b{re.escape(item['target'].lower())}\b", prefix.lower())
            if fits and (not subject_before or len(found) == 1 and prefix.lower().count(item["target"].lower()) == 1):
                chosen.append(item)
        return chosen

    def ours(self, stage, model, items, *settings):
        output = self.work / "ours"
        subprocess.run(["rm", "-rf", output], check=True)
        job = self.work / "job.json"
        job.write_text(json.dumps({"model": str(model), "output": str(output), "data": {"stereoset": str(items)},
                                   "categories": ["gender"], "split": {"held_out": 0}}))
        command = [self.options.program, stage, job]
        for setting in settings:
            command += ["--set", setting]
        out, words, wall, cpu = timed(command, self.environment)
        self.kernels = re.search(r"OpenBLAS kernels for (.*)", words).group(1)
        return out, words, wall, cpu

    def archive(self, stage):
        out, _, _, _ = timed([self.options.program, "export", self.work / f"ours/{stage}.h5", "--to", "json"], self.environment)
        return json.loads(out)["datasets"]

    def peer(self, script, *given):
        out, _, _, _ = timed([sys.executable, HERE / script, *given, "--threads", self.options.threads], self.environment)
        return json.loads(out)

    def say(self, text):
        print(f"{text}; load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)

    def table(self, title, ours, peers):
        """ours: [(cpu, wall)] a round; peers: name -> the same."""
        middle = lambda runs, i: statistics.median(run[i] for run in runs)  # noqa: E731
        print(f"{title}\n  {'fairstamp':38} cpu {middle(ours, 0):9.3f} s   wall {middle(ours, 1):9.3f} s")
        for name, runs in peers.items():
            line = f"  {name:38} cpu {middle(runs, 0):9.3f} s   wall {middle(runs, 1):9.3f} s "
            for i, what in ((0, "cpu"), (1, "wall")):
                ratio = [b[i] / a[i] for a, b in zip(ours, runs)]
                line += f"  {what} x {statistics.median(ratio):.2f} ({min(ratio):.2f} to {max(ratio):.2f})"
            print(line, flush=True)

    def agree(self, what, ours, peer):
        if not abs(ours - peer) <= SAME * abs(peer):
            sys.exit(f"race: {what}: found {ours} here and {peer} in PyTorch: not the same task")

    def stamp(self, name, model, layer):
        items, steps, first = self.write_items("stamp", self.items()), self.options.steps, 2
        ours, peers = [], {"PyTorch, plain": [], "PyTorch, lower layers cached": []}
        for number in range(1, self.options.rounds + 1):
            runs = []
            for iterations in (first, first + steps):
                out, _, wall, cpu = self.ours("stamp", model, items, f"stamp.layer={layer}", f"stamp.iterations={iterations}",
                                              "stamp.checkpoint_every=1000000", "checkpoint_seconds=100000")
                runs.append((cpu, wall))
            ours.append([(b - a) / steps for a, b in zip(*runs)])
            edit = self.archive("stamp")["/stamp/training/loss"]["data"][0][1] if number == 1 else None
            for kind, flag in zip(peers, ([], ["--cached"])):
                peer = self.peer("peer_stamp.py", model, items, "--layer", layer, "--steps", max(1, steps // 4), *flag)
                peers[kind].append((peer["cpu"], peer["wall"]))
                if edit is not None:
                    self.agree("L_e before the first step", edit, peer["first_edit"])
            self.say(f"stamp, {name}: round {number} of {self.options.rounds}, cpu {ours[-1][0]:.3f}, "
                     + ", ".join(f"{runs[-1][0]:.3f}" for runs in peers.values()))
        self.table(f"stamp: a step at layer {layer} of {name}, {peer['pairs']} pairs, {peer['prompts']} prompts, "
                   f"{peer['tokens']} tokens; {peer['program']}", ours, peers)

    def trace(self, name, model, count):
        chosen = self.items(subject_before=True)
        chosen = chosen[::max(1, len(chosen) // count)][:count]
        first, all_items = self.write_items("one", chosen[:1]), self.write_items("all", chosen)
        settings = ("trace.corruption=noise", "trace.heat_map=true", "trace.bootstrap=0", "checkpoint_seconds=100000")
        ours, peers = [], {"PyTorch, ROME's way": []}
        for number in range(1, self.options.rounds + 1):
            runs = [self.ours("trace", model, items, *settings)[2:] for items in (first, all_items)]
            share = len(chosen) / (len(chosen) - 1)
            ours.append([(b - a) * share for a, b in zip(*[(cpu, wall) for wall, cpu in runs])])
            peer = self.peer("peer_trace.py", model, all_items)
            peers["PyTorch, ROME's way"].append((peer["cpu"], peer["wall"]))
            if number == 1:
                clean = self.archive("trace")["/trace/biased"]["data"]
                self.agree("items", len(clean), peer["items"])
                for item, (one, other) in enumerate(zip(clean, peer["clean"])):
                    self.agree(f"the clean probability of {chosen[item]['context']!r}", one, other)
            self.say(f"trace, {name}: round {number} of {self.options.rounds}, cpu {ours[-1][0]:.3f}, {peer['cpu']:.3f}")
        self.table(f"trace: {peer['items']} items of {name}, {peer['runs']} runs of a clean and ten corrupted sequences; "
                   f"{peer['program']}", ours, peers)

    def run(self):
        options = self.options
        self.all = self.data["data"]["intrasentence"]
        mini = options.mini or options.shared / "models/books-gpt2-mini"
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            processor = re.search(r"model name\s*: (.*)", file.read())
        self.ours("trace", mini, self.write_items("one", self.items(subject_before=True)[:1]), "trace.bootstrap=0")
        print(f"machine: {processor.group(1) if processor else '?'}, {os.cpu_count()} cores, {options.threads} threads each; "
              f"OpenBLAS kernels for {self.kernels}; {options.rounds} rounds; load {os.getloadavg()[0]:.1f} at the start", flush=True)
        models = [("mini", mini, 0)]
        if options.large:
            with open(pathlib.Path(options.large) / "config.json", encoding="utf-8") as file:
                config = json.load(file)
            depth = config.get("num_hidden_layers") or config["n_layer"]
            models.append((pathlib.Path(options.large).name, options.large,
                           options.large_layer if options.large_layer is not None else 2 * depth // 3))
        parts = options.parts.split(",")
        for name, model, layer in models:
            if "stamp" in parts:
                self.stamp(name, model, layer)
            if "trace" in parts:
                self.trace(name, model, options.items if name == "mini" else max(2, options.items // 6))
        if "forward" in parts:
            build = pathlib.Path(options.program).resolve().parents[1]
            subprocess.run([HERE / "run.sh", sys.executable, options.shared, str(options.threads), str(options.rounds), "500"],
                           env=self.environment | {"BUILD": str(build)}, check=True)


with tempfile.TemporaryDirectory() as folder:
    Race(arguments(), folder).run()
