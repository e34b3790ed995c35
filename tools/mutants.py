#!/usr/bin/env python3
"""Mutation testing of the kernel checker: plants faults, one at a time, and asks `lipcl check` to find each.

usage: tools/mutants.py [--program LIPCL] [--device SEL] [--only GLOB] [--quick] [--draws N] [--seed S] [--jobs N] [--readme FILE]

Every file tests/mutants/*.toml lists faults:

    [[mutant]]
    name = "conv3d: the last tap along W is dropped"
    file = "cl_kernels/conv3d_direct.cl"    # or a C file, which means a build of its own
    lowering = "conv3d_direct"              # who has to notice
    fill = "int"                            # optional: with which numbers; default all three, one after the other
    quick = true                            # optional: also part of --quick, which CTest runs
    find = '''text that occurs exactly once'''    # or a list of such texts
    replace = '''what takes its place'''          # likewise

A fault in a kernel is planted into a copy of cl_kernels/ that $LIPCL_KERNEL_DIR names; a fault in C into a copy of the source
tree, which is built in FOLDER (--build, default build/mutants). A fault is caught when `lipcl check` draws a case, of at most
--draws a fill, that fails with it and passes without it. Faults whose text is not found exactly once, or that do not compile,
are errors: they prove nothing. Exit status 0 only if every fault was caught.
"""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILLS = ["int", "unit", "edge"]
EXIT_DONE, EXIT_MISMATCH = 0, 3
SECONDS = 600  # one run of the program


class Error(Exception):
    """A fault that could not be tried."""


def as_list(value):
    return value if isinstance(value, list) else [value]


def plant(text, mutant):
    """The text with the fault in it."""
    for find, replace in zip(as_list(mutant["find"]), as_list(mutant["replace"]), strict=True):
        count = text.count(find)
        if count != 1:
            raise Error(f"stale: its text occurs {count} times in {mutant['file']}:\n{find}")
        text = text.replace(find, replace)
    return text


def load(only, quick):
    mutants = []
    for path in sorted((ROOT / "tests/mutants").glob("*.toml")):
        mutants += tomllib.loads(path.read_text())["mutant"]
    names = [mutant["name"] for mutant in mutants]
    for name in names:
        if names.count(name) > 1:
            sys.exit(f"mutants: two faults are called \"{name}\"")
    for mutant in mutants:  # all of them, whatever is asked for: a stale text costs nothing to find
        try:
            plant((ROOT / mutant["file"]).read_text(), mutant)
        except Error as error:
            sys.exit(f"mutants: {mutant['name']}: {error}")
    chosen = [m for m in mutants if any(fnmatch.fnmatch(m["name"], pattern) for pattern in only)]
    return [m for m in chosen if m.get("quick") or not quick]


class Checker:
    """`lipcl check` as the healthy program, with another program or with other kernels."""

    def __init__(self, arguments, scratch):
        self.program, self.device = arguments.program, arguments.device
        self.draws, self.seed = arguments.draws, arguments.seed
        self.environment = {"POCL_CACHE_DIR": str(scratch), "XDG_CACHE_HOME": str(scratch)} | os.environ
        self.environment.pop("LIPCL_KERNEL_DIR", None)

    def run(self, lowering, fill, index, draws, program=None, kernels=None):
        """The row that the run gave, and how it ended."""
        command = [program or self.program, "check", "--quiet", "--json", "--fail-fast", "--lowering", lowering, "--fill", fill,
                   "--index", str(index), "--n", str(draws), "--seed", str(self.seed), "--device", self.device]
        environment = self.environment | ({"LIPCL_KERNEL_DIR": str(kernels)} if kernels else {})
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise Error(f"no end after {SECONDS} s: {' '.join(map(str, command))}") from None
        if done.returncode < 0:
            return None, f"signal {-done.returncode}"
        if done.returncode not in (EXIT_DONE, EXIT_MISMATCH):
            raise Error(f"exit {done.returncode}: {' '.join(map(str, command))}\n{done.stderr.strip()}")
        return json.loads(done.stdout)["rows"][0], None

    def catch(self, mutant, program=None, kernels=None):
        """(fill, draws, reason), or None when the fault survives."""
        drawn = 0
        for fill in [mutant["fill"]] if "fill" in mutant else FILLS:
            row, crash = self.run(mutant["lowering"], fill, 0, self.draws, program, kernels)
            if crash:
                return fill, drawn + 1, f"crash ({crash})"
            drawn += row["cases"]
            if not row["failed"]:
                continue
            failure = row["failures"][0]
            if "BUILD_PROGRAM_FAILURE" in failure["reason"]:
                raise Error(f"does not compile:\n{failure['reason']}")
            healthy, crash = self.run(mutant["lowering"], fill, failure["index"], 1)
            if crash or healthy["failed"]:
                raise Error(f"the healthy program fails, too: {failure['reproduce']}")
            return fill, drawn, failure["reason"]
        return None


class Builder:
    """A copy of the source tree, built again for each fault in C."""

    def __init__(self, folder):
        self.tree, self.build, self.ready = folder / "tree", folder / "build", False
        self.lock = threading.Lock()

    def make(self, *command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Error(f"does not compile:\n{(done.stdout + done.stderr)[-2000:]}")

    def program(self, mutant, target):
        """Builds the program with the fault in it, and puts it where `target` says."""
        with self.lock:
            if not self.ready:
                self.prepare()
            path = self.tree / mutant["file"]
            path.write_text(plant((ROOT / mutant["file"]).read_text(), mutant))
            try:
                self.make("cmake", "--build", self.build, "--target", "lipcl")
            finally:  # the time stamp is new, so that the next build compiles this file again
                shutil.copyfile(ROOT / mutant["file"], path)
            shutil.copy(self.build / "lipcl", target)
        return target

    def prepare(self):
        for part in ("CMakeLists.txt", "README.md", "CHANGELOG.md", "LICENSE"):
            self.update(ROOT / part, self.tree / part)
        for part in ("include", "runtime", "cl_kernels", "tools"):
            for path in sorted((ROOT / part).rglob("*")):
                if path.is_file() and path.suffix != ".safetensors":
                    self.update(path, self.tree / path.relative_to(ROOT))
        self.make("cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja", "-DLIPCL_TESTS=OFF", "-DCMAKE_BUILD_TYPE=Release")
        self.ready = True

    @staticmethod
    def update(source, target):
        if target.exists() and target.read_bytes() == source.read_bytes():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def plant_kernel(kernels, mutant):
    """A folder of kernels, one of them with the fault in it."""
    shutil.copytree(ROOT / "cl_kernels", kernels)
    path = kernels / pathlib.Path(mutant["file"]).name
    path.write_text(plant(path.read_text(), mutant))
    return kernels


class Outcome:
    """What became of one fault: caught = (fill, draws, reason), or why it could not be tried, or neither."""

    def __init__(self, mutant, caught=None, error=None):
        self.mutant, self.caught, self.error = mutant, caught, error

    def __str__(self):
        if self.error:
            return f"ERROR: {self.error}"
        if not self.caught:
            return "SURVIVED"
        fill, draws, reason = self.caught
        return f"caught by fill {fill} in {draws} draws: {short(reason)}"


def attempt(mutant, checker, builder, folder):
    try:
        if mutant["file"].startswith("cl_kernels/"):
            return Outcome(mutant, checker.catch(mutant, kernels=plant_kernel(folder, mutant)))
        return Outcome(mutant, checker.catch(mutant, program=builder.program(mutant, folder)))
    except Error as error:
        return Outcome(mutant, error=error)


def short(reason, limit=96):
    reason = " ".join(reason.split())
    return reason if len(reason) <= limit else reason[: limit - 3] + "..."


def row(outcome):
    mutant, (fill, draws, _) = outcome.mutant, outcome.caught or ("**nobody**", "", "")
    return f"| {mutant['name']} | `{pathlib.Path(mutant['file']).name}` | `{mutant['lowering']}` | {fill} | {draws} |"


def write_readme(path, outcomes, arguments):
    """Puts the outcomes into the table; rows of faults that were not tried this time stay as they are."""
    begin, end = "<!-- mutants: made by tools/mutants.py -->\n", "<!-- end of mutants -->\n"
    head, rest = path.read_text().split(begin)
    old, tail = rest.split(end)
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in old.splitlines() if line.startswith("| ")}
    rows |= {outcome.mutant["name"]: row(outcome) for outcome in outcomes}
    rows = [rows[mutant["name"]] for mutant in load(["*"], False) if mutant["name"] in rows]
    caught = sum("**nobody**" not in line for line in rows)
    score = f"{caught} of {len(rows)} faults caught; at most {arguments.draws} draws a fill, seed {arguments.seed}."
    lines = ["", score, "", "| fault | planted in | caught by | fill | draws |", "|---|---|---|---|---:|", *rows, ""]
    path.write_text(head + begin + "\n".join(lines) + "\n" + end + tail)


def parse():
    parser = argparse.ArgumentParser(description="plants faults and asks `lipcl check` to find each", epilog=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/lipcl", help="a built lipcl (default: build/lipcl)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/mutants", help="where faults in C are built")
    parser.add_argument("--device", default="cpu", help="as for lipcl (default: cpu)")
    parser.add_argument("--only", action="append", metavar="GLOB", help="faults whose name matches; may be given again")
    parser.add_argument("--quick", action="store_true", help="the few faults that CTest tries")
    parser.add_argument("--draws", type=int, default=40, help="most draws a fill (default: 40)")
    parser.add_argument("--seed", type=int, default=1, help="of the draws (default: 1)")
    parser.add_argument("--jobs", type=int, default=1, help="faults to try at the same time (default: 1)")
    parser.add_argument("--readme", type=pathlib.Path, help="update the table between the markers of this file")
    return parser.parse_args()


def main():
    arguments = parse()
    mutants = load(arguments.only or ["*"], arguments.quick)
    if not mutants:
        sys.exit("mutants: no fault matches")
    builder, outcomes, started = Builder(arguments.build.resolve()), [], time.monotonic()
    with (tempfile.TemporaryDirectory(prefix="lipcl-mutants-") as folder,
          concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool):
        checker = Checker(arguments, pathlib.Path(folder))
        places = [pathlib.Path(folder, str(number)) for number in range(len(mutants))]
        for outcome in pool.map(lambda one: attempt(one[0], checker, builder, one[1]), zip(mutants, places)):
            outcomes.append(outcome)
            print(f"{len(outcomes)}/{len(mutants)}  {outcome.mutant['name']}\n    {outcome}", flush=True)
    caught = sum(outcome.caught is not None for outcome in outcomes)
    errors = sum(outcome.error is not None for outcome in outcomes)
    score = f"{caught} of {len(outcomes)} faults caught, {len(outcomes) - caught - errors} survived"
    print(f"\n{score}, {errors} could not be tried ({time.monotonic() - started:.0f} s)")
    if arguments.readme:
        write_readme(arguments.readme, outcomes, arguments)
    sys.exit(0 if caught == len(outcomes) else 1)


if __name__ == "__main__":
    main()
