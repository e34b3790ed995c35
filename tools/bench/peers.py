#!/usr/bin/env python3
"""PyTorch, ONNX Runtime and OpenVINO beside lipcl, on the same machine in the same minutes.

usage: tools/bench/peers.py [--peers LIST] [--runs R] [--starts S] [--batches LIST] [--threads N] [--json FILE] [--readme FILE]

The frameworks come from PyPI, into a virtual environment of their own that this script is told of:

    python3 -m venv FOLDER && FOLDER/bin/pip install -r tools/bench/requirements.txt
    tools/bench/peers.py --python FOLDER/bin/python

All have the same clip, the same weights and the same number of threads, in single precision, each with the settings that suit
it best (see peer_worker.py). Every framework is a process of its own that waits for its turn; a round is one run of each, in an
order that moves on by one each time: A B C D, B C D A, ... with a pause after each run, so that threads that still spin disturb
nobody. A run goes from the input in memory to the logits in memory. Before any time counts, all logits have to agree within
1e-4: those of the bundled clip with PyTorch's in double precision (tests/data/reference), all others with lipcl's.

Starts are measured from before the process exists to the first text on its stdout, caches warm: for lipcl `lipcl read`, for the
others a script that reads the same frames and weights (ONNX: the exported file, optimised earlier). Peak memory is those
processes'. Needs no numpy and no framework itself; --self-test runs it without any, on processes that sleep.
"""

import argparse
import array
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import npy_file
from measuring import CLIP, ROOT, WEIGHTS, machine, markdown, processor, put_between, run_child, said, say, spread

WORKER = pathlib.Path(__file__).resolve().with_name("peer_worker.py")
REFERENCE = ROOT / "tests/data/reference/logits_fp64.npy"
TOLERANCE = 1e-4
NAMES = {"lipcl": "lipcl", "torch": "PyTorch", "torch-compile": "PyTorch, torch.compile", "onnxruntime": "ONNX Runtime",
         "openvino": "OpenVINO"}
ONNX = ("onnxruntime", "openvino")
FRAMES = 75


class Disagreement(Exception):
    """Somebody computes something else: no times, then."""


class Worker:
    """A framework's process, prepared."""

    def __init__(self, name, command, environment):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
        self.about = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"peers: {self.name}: died, exit {self.process.wait()}")
        return json.loads(line)

    def ask(self, **command):
        print(json.dumps(command), file=self.process.stdin, flush=True)
        return self.read()

    def run_ms(self):
        return self.ask(do="run")["ns"] / 1e6

    def logits(self, folder):
        path = folder / f"{self.name}.logits"
        self.ask(do="logits", to=str(path))
        return array.array("f", path.read_bytes())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Session:
    """Paths, environment and options of all processes."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.weights = arguments.weights
        self.shared_object = arguments.shared_object or arguments.lipcl.with_name("liblipcl.so")
        threads = str(arguments.threads)
        self.environment = os.environ | {"OMP_NUM_THREADS": threads, "POCL_MAX_PTHREAD_COUNT": threads,
                                         "POCL_CPU_MAX_CU_COUNT": threads}

    def onnx(self, batch):
        return self.folder / f"lipnet-{batch}.onnx"

    def clip(self, batch):
        return self.folder / f"x-{batch}.npy"

    def command(self, peer, batch, *more):
        own = peer == "lipcl" or peer.startswith("fake")
        a = self.arguments
        command = [sys.executable if own else a.python, WORKER, peer, "--weights", self.weights, "--threads", a.threads,
                   "--batch", batch, "--frames", FRAMES, "--onnx", self.onnx(batch), "--library", self.shared_object,
                   "--torch-device", a.torch_device, "--fake-logits", REFERENCE, *more]
        if a.device:
            command += ["--device", a.device]
        return [str(part) for part in command]

    def start_command(self, peer):
        if peer == "lipcl":
            command = [self.arguments.lipcl, "read", CLIP, "--model", self.weights, "-q"]
            return [str(part) for part in command + (["--device", self.arguments.device] if self.arguments.device else [])]
        return self.command(peer, 1, "--once", "--x", CLIP)

    def export(self, batches):
        if not set(self.arguments.peers) & set(ONNX):
            return
        for batch in sorted({1, *batches}):
            say(f"exporting ONNX, batch {batch}")
            subprocess.run(self.command("torch", batch, "--export"), check=True, stdout=subprocess.DEVNULL,
                           stderr=None if self.arguments.verbose else subprocess.DEVNULL)

    def make_inputs(self, batches):
        shape, frames = npy_file.load(CLIP)
        for batch in batches:
            npy_file.save(self.clip(batch), *npy_file.batch_of(shape, frames, batch))


def largest_difference(a, b):
    if len(a) != len(b):
        raise Disagreement(f"{len(a)} logits and {len(b)}")
    return max(abs(x - y) if x == x and y == y else float("inf") for x, y in zip(a, b, strict=True))


def check_agreement(workers, session):
    """Every worker's largest difference from the reference (first clip) or the first worker (the others)."""
    _, reference = npy_file.load(REFERENCE)
    first, errors = None, {}
    for worker in workers:
        logits = worker.logits(session.folder)
        if session.weights == WEIGHTS:
            errors[worker.name] = largest_difference(logits[:len(reference)], reference)
        first = first or logits
        errors[worker.name] = max(errors.get(worker.name, 0), largest_difference(logits, first))
    wrong = {name: error for name, error in errors.items() if not error <= TOLERANCE}
    if wrong:
        sentences = (f"{name} is off by {error:.2e}" for name, error in wrong.items())
        raise Disagreement(", ".join(sentences) + f", {TOLERANCE} allowed")
    return errors


def measure_batch(session, batch):
    """name -> what was found for runs of `batch` clips."""
    a, found = session.arguments, {}
    with contextlib.ExitStack() as stack:
        workers = []
        for peer in a.peers:
            say(f"batch {batch}: preparing {peer}")
            workers.append(Worker(peer, session.command(peer, batch, "--x", session.clip(batch)), session.environment))
            stack.callback(workers[-1].close)
        errors = check_agreement(workers, session)
        times = {worker.name: [] for worker in workers}
        for turn in range(a.runs):
            say(f"batch {batch}: round {turn + 1} of {a.runs}")
            shift = turn % len(workers)
            for worker in workers[shift:] + workers[:shift]:
                time.sleep(a.pause)
                times[worker.name].append(worker.run_ms())
        for worker in workers:
            found[worker.name] = {"ms": spread(times[worker.name]), "max_error": errors[worker.name], **worker.about}
    return found


def measure_starts(session):
    """name -> seconds to the first text, and peak memory, of warm starts; the first round fills caches and does not count."""
    a = session.arguments
    seconds, memory = {peer: [] for peer in a.peers}, {peer: [] for peer in a.peers}
    texts = {}
    for turn in range(a.starts + 1):
        for peer in a.peers:
            say(f"start {turn} of {a.starts}: {peer}")
            took, mib, out = run_child(session.start_command(peer), session.environment)
            texts[peer] = out.split("  ")[1].strip() if peer == "lipcl" else out.strip()
            if turn:
                seconds[peer].append(took)
                memory[peer].append(mib)
    if len(set(texts.values())) != 1:
        raise Disagreement(f"they read different sentences: {texts}")
    return {peer: {"start_s": spread(seconds[peer]), "peak_memory_mib": max(memory[peer]), "text": texts[peer]}
            for peer in a.peers}


def bench(session):
    """What `lipcl bench` says of one clip; None where lipcl is not among the peers."""
    a = session.arguments
    if "lipcl" not in a.peers:
        return None
    say("lipcl bench")
    command = [a.lipcl, "bench", "--json", "--runs", str(a.runs), "--starts", "0", "--model", session.weights]
    command += ["--device", a.device] if a.device else []
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=session.environment).stdout)


def measure(session):
    a = session.arguments
    session.export(a.batches)
    starts = measure_starts(session) if a.starts else {}  # while this process is small: see run_child
    session.make_inputs(a.batches)
    batches = {batch: measure_batch(session, batch) for batch in a.batches}
    result = {"machine": machine(), "threads": a.threads, "runs": a.runs, "bench": bench(session), "peers": {}}
    for peer in a.peers:
        about = batches[a.batches[0]][peer]
        result["peers"][peer] = {
            "name": NAMES.get(peer, peer), "version": about["version"], "settings": about["settings"], **starts.get(peer, {}),
            "batches": {batch: {"ms": found[peer]["ms"], "max_error": found[peer]["max_error"],
                                "ms_a_clip": found[peer]["ms"]["median"] / batch} for batch, found in batches.items()}}
    said()
    return result


def milliseconds(value):
    return f"{value:.1f}" if value < 99.5 else f"{value:.0f}"


def title(batch):
    return "one clip: median (p95; min) ms" if batch == 1 else f"batch of {batch}: ms a clip"


def table(result):
    """The README's table: a row a framework, and what was measured how, below it."""
    peers = result["peers"]
    batches = list(next(iter(peers.values()))["batches"])
    with_starts = all("start_s" in peer for peer in peers.values())
    rows = [["", *(title(batch) for batch in batches)] + (["start to first text", "peak memory"] if with_starts else [])]
    for peer in peers.values():
        row = [f"{peer['name']} {peer['version'].split('+')[0]}"]
        for batch in batches:
            ms = {key: milliseconds(value / batch) for key, value in peer["batches"][batch]["ms"].items()}
            row.append(f"**{ms['median']}** ({ms['p95']}; {ms['min']})" if batch == 1 else f"**{ms['median']}**")
        if with_starts:
            row += [f"{peer['start_s']['median']:.2f} s", f"{peer['peak_memory_mib']:.0f} MiB"]
        rows.append(row)
    place = result["machine"]
    text = markdown(rows) + f"\n{place['processor']}, {place['cores']} cores, {result['threads']} threads each; {place['date']}"
    if result["bench"]:
        text += f"; lipcl on {device_name(result['bench'])}"
    settings = ", ".join(f"{peer['name']} {peer['settings']}" for key, peer in peers.items() if key != "lipcl")
    error = max(found["max_error"] for peer in peers.values() for found in peer["batches"].values())
    return text + f".\n{result['runs']} rounds of one run each; {settings}. All logits agree within {error:.1e}.\n"


def device_name(document):
    return f"{document['device']['name']}, {document['device']['platform']}"


def layer_table(document):
    """The README's other table: lipcl's layers."""
    peak = document["fma_peak_gflops"]
    rows = [["layer", "lowering", "median ms", "GFLOP/s", "of FMA peak", "done GFLOP/s", "of FMA peak"]]
    whole = {key: document[key] / document["latency_ms"]["median"] / 1e6 for key in ("useful_flops", "actual_flops")}
    for layer in document["layers"]:
        rows.append([layer["layer"], layer["lowering"], f"{layer['ms']['median']:.2f}", f"{layer['gflops']:.0f}",
                     f"{100 * layer['fma_peak_share']:.0f} %", f"{layer['actual_gflops']:.0f}",
                     f"{100 * layer['actual_peak_share']:.0f} %"])
    rows.append(["whole clip", "", f"{document['latency_ms']['median']:.1f}", f"{whole['useful_flops']:.0f}",
                 f"{100 * whole['useful_flops'] / peak:.0f} %", f"{whole['actual_flops']:.0f}",
                 f"{100 * whole['actual_flops'] / peak:.0f} %"])
    return markdown(rows, left=2) + (
        f"\n{processor()}, {device_name(document)}; FMA peak {peak:.0f} GFLOP/s, copy {document['copy_gbps']:.0f} GB/s. "
        f"By the definition of its\nlayers a clip is {document['useful_flops'] / 1e9:.1f} GFLOP, which the first pair of columns "
        f"counts; lipcl does {document['actual_flops'] / 1e9:.1f} GFLOP, which the second pair counts.\n")


def summary(result):
    """lipcl beside the best of the others."""
    peers = dict(result["peers"])
    own = peers.pop("lipcl", None)
    if not own or not peers:
        return ""
    text = ""
    for batch, found in own["batches"].items():
        best = min(peers.values(), key=lambda peer: peer["batches"][batch]["ms"]["median"])
        ratio = found["ms"]["median"] / best["batches"][batch]["ms"]["median"]
        text += f"batch {batch}: lipcl takes {ratio:.3f} of {best['name']}'s time\n"
    if "start_s" in own:
        best = min(peers.values(), key=lambda peer: peer["start_s"]["median"])
        text += f"start: lipcl takes {own['start_s']['median'] / best['start_s']['median']:.3f} of {best['name']}'s time\n"
        lean = min(peers.values(), key=lambda peer: peer["peak_memory_mib"])
        text += f"memory: lipcl takes {own['peak_memory_mib'] / lean['peak_memory_mib']:.3f} of {lean['name']}'s\n"
    return text


def self_test(arguments, folder):
    """The whole way with processes that sleep; with the real lipcl among them where there is a program."""
    arguments.peers, arguments.batches = ["fake", "fake-slow"], [1]
    arguments.runs, arguments.starts, arguments.pause = 6, 0, 0.0
    if arguments.lipcl.exists():
        arguments.peers.insert(0, "lipcl")
    result = measure(Session(arguments, folder))
    peers = result["peers"]
    assert list(peers) == arguments.peers, peers
    for peer in peers.values():
        ms = peer["batches"][1]["ms"]
        assert 0 < ms["min"] <= ms["median"] <= ms["p95"], ms
        assert 0 <= peer["batches"][1]["max_error"] <= TOLERANCE, peer
    assert peers["fake"]["batches"][1]["ms"]["min"] >= 1 and peers["fake-slow"]["batches"][1]["ms"]["min"] >= 20, peers
    readme = folder / "README.md"
    readme.write_text("above\n<!-- peers -->\nold\n<!-- /peers -->\nbelow\n")
    put_between(readme, "peers", table(result))
    if result["bench"]:
        assert "| conv2 |" in layer_table(result["bench"]) and "| whole clip |" in layer_table(result["bench"])
    text = readme.read_text()
    assert text.startswith("above\n<!-- peers -->\n|  |") and text.endswith("<!-- /peers -->\nbelow\n"), text
    assert "fake-slow 0 |" in text and result["machine"]["processor"] in text, text
    assert "old" not in text and text.count("<!-- /peers -->") == 1, text
    try:
        put_between(readme, "nothing", "")
        raise AssertionError("a marker that is not there was written to")
    except ValueError:
        pass
    arguments.peers = ["fake", "fake-wrong"]
    try:
        measure(Session(arguments, folder))
        raise AssertionError("a framework that computes something else was timed")
    except Disagreement as problem:
        assert "fake-wrong is off by 1.0" in str(problem), problem
    for values, wanted in (([3, 1, 2], (2, 3, 1)), ([4, 1, 3, 2], (2.5, 4, 1)), (range(1, 101), (50.5, 95, 1))):
        assert tuple(spread(values).values()) == wanted, (values, spread(values))
    one_hot = [[0.0] * 28 for _ in range(6)]
    for row, best in zip(one_hot, (3, 3, 0, 3, 1, 2), strict=True):
        row[best] = 1.0
    assert npy_file.greedy_text(sum(one_hot, [])) == "BB A"
    said()
    print(f"peers: self-test ok, {', '.join(result['peers'])}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage=argparse.SUPPRESS)
    build = ROOT / "build"

    def words(text):
        return text.split(",")

    def numbers(text):
        return [int(part) for part in words(text)]

    parser.add_argument("--lipcl", type=pathlib.Path, default=build / "lipcl", help="the program (default: %(default)s)")
    parser.add_argument("--library", dest="shared_object", type=pathlib.Path, help="the shared library (default: liblipcl.so beside the program)")
    parser.add_argument("--python", default=sys.executable, help="of the virtual environment (default: what runs this)")
    parser.add_argument("--peers", type=words, default=["lipcl", "torch", "onnxruntime", "openvino"],
                        help=f"of {', '.join(NAMES)} (default: all but torch-compile)")
    parser.add_argument("--weights", type=pathlib.Path, default=WEIGHTS, help="safetensors (default: those of lipcl)")
    parser.add_argument("--batches", type=numbers, default=[1, 4], help="clips a run (default: 1,4)")
    parser.add_argument("--runs", type=int, default=30, help="rounds (default: %(default)s)")
    parser.add_argument("--starts", type=int, default=5, help="starts of each that count; 0: none (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds before every run (default: %(default)s)")
    parser.add_argument("--device", help="lipcl's (default: auto)")
    parser.add_argument("--torch-device", default="cpu", help="PyTorch's, such as cuda (default: cpu)")
    parser.add_argument("--json", type=pathlib.Path, help="write everything measured to a file")
    parser.add_argument("--readme", type=pathlib.Path,
                        help="write the table between its <!-- peers --> and <!-- /peers -->, lipcl's layers between those of bench")
    parser.add_argument("--self-test", action="store_true", help="test this script, without the frameworks")
    parser.add_argument("-v", "--verbose", action="store_true", help="what the exporter says")
    arguments = parser.parse_args()
    unknown = [peer for peer in arguments.peers if peer not in NAMES]
    if unknown:
        parser.error(f"--peers: there is no {', '.join(unknown)}")
    if min(arguments.runs, arguments.threads, *arguments.batches) < 1 or arguments.starts < 0:
        parser.error("--runs, --threads and --batches take numbers of at least 1, --starts of at least 0")
    return arguments


def main():
    arguments = parse()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:arguments.threads])  # children inherit it
    with tempfile.TemporaryDirectory(prefix="lipcl-peers-") as name:
        folder = pathlib.Path(name)
        if arguments.self_test:
            self_test(arguments, folder)
            return
        try:
            result = measure(Session(arguments, folder))
        except Disagreement as problem:
            said()
            sys.exit(f"peers: {problem}")
    print(table(result) + "\n" + summary(result), end="")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    if arguments.readme:
        put_between(arguments.readme, "peers", table(result))
        if result["bench"]:
            put_between(arguments.readme, "bench", layer_table(result["bench"]))


if __name__ == "__main__":
    main()
