"""What the scripts that measure share: the machine's name, times and what they come to, child processes, tables in READMEs."""

import os
import pathlib
import platform
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WEIGHTS = ROOT / "runtime/models/lipnet-grid-s1.safetensors"
CLIP = ROOT / "tests/data/reference/frames.npy"


def say(text):
    """Progress: over itself on a terminal, a line each in a log."""
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


def said():
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def spread(values):
    """median, p95 and min of times, as `lipcl bench` counts them."""
    ordered = sorted(values)
    n = len(ordered)
    return {
        "median": (ordered[(n - 1) // 2] + ordered[n // 2]) / 2,
        "p95": ordered[(n * 95 + 99) // 100 - 1],
        "min": ordered[0],
    }


def processor():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def run_child(command, environment=None):
    """(seconds from before the process was there to its first byte on stdout, its peak memory in MiB, stdout). On Linux a
    child's peak memory counts at least what its parent had when it began, so keep the parent small."""
    begin = time.perf_counter()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                             env=environment)
    with child.stdout, child.stderr:
        out = child.stdout.read(1)
        seconds = time.perf_counter() - begin
        while part := child.stdout.read(1 << 16):
            out += part
        messages = child.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode or not out:
        sys.exit(f"{' '.join(map(str, command))}: exit {child.returncode}\n{messages}")
    return seconds, usage.ru_maxrss / 1024, out.decode()


def markdown(rows, left=1):
    """A table; the first row is the title, the first `left` columns are on the left, the others on the right."""
    rule = ["---"] * left + ["---:"] * (len(rows[0]) - left)
    return "".join("| " + " | ".join(row) + " |\n" for row in [rows[0], rule, *rows[1:]])


def put_between(path, marker, text):
    """Replaces what stands between <!-- marker --> and <!-- /marker --> in a file; exactly one such place has to be there."""
    begin, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    old = pathlib.Path(path).read_text()
    if old.count(begin) != 1 or old.count(end) != 1 or old.index(begin) > old.index(end):
        raise ValueError(f"{path}: there is no single {begin} ... {end}")
    head, rest = old.split(begin)
    tail = rest.split(end)[1]
    pathlib.Path(path).write_text(f"{head}{begin}\n{text}{end}{tail}")
