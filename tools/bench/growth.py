#!/usr/bin/env python3
"""How lipcl's time and memory grow with the frames of a clip and the clips of a batch, drawn as a plot.

usage: tools/bench/growth.py [--frames LIST] [--batches LIST] [--runs R] [--plot FILE.svg] [--json FILE] [--limit SHARE]

Every point is a `lipcl bench` of its own: the median time of a run, and the peak memory of a process that does just that;
beside it what `lipcl model info --plan` says before the run, and the clips themselves, on top of what the process takes for its
libraries, which is what the smallest point takes beyond its plan. Time grows linearly when the time a frame of no point exceeds that
of the ordinary clip (75 frames, batch 1) by more than --limit; where it does, the exit status is 1. Memory that exceeds the plan by
more than 2 % is a failure likewise. Drawing needs matplotlib, from the virtual environment of requirements.txt:

    FOLDER/bin/python tools/bench/growth.py --plot tools/bench/growth.svg
"""

import argparse
import json
import pathlib
import subprocess
import sys

from measuring import ROOT, machine, markdown, said, say

ORDINARY = (75, 1)  # frames, batch
FRAME_BYTES = 3 * 64 * 128 * 4
SLACK = 1.02  # of memory: pages are touched a few at a time


def bench(arguments, frames, batch):
    command = [arguments.lipcl, "bench", "--json", "--starts", "0", "--runs", str(arguments.runs), "--frames", str(frames),
               "--batch", str(batch)]
    command += ["--device", arguments.device] if arguments.device else []
    document = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    device = document["device"]
    return {"frames": frames, "batch": batch, "ms": document["latency_ms"]["median"], "min_ms": document["latency_ms"]["min"],
            "peak_memory_mib": document["peak_memory_mib"], "device": f"{device['name']}, {device['platform']}"}


def planned(arguments, frames, batch):
    """What the plan, its preparation and the clips take, in MiB."""
    command = [arguments.lipcl, "model", "info", "--plan", "--json", "--frames", str(frames), "--batch", str(batch)]
    command += ["--device", arguments.device] if arguments.device else []
    plan = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["plan"]
    return (plan["device_bytes"] + plan["host_bytes"] + frames * batch * FRAME_BYTES) / 2**20


def add_libraries(points):
    """Makes of what is planned what a process should take."""
    smallest = min(points, key=lambda point: point["planned_mib"])
    libraries = smallest["peak_memory_mib"] - smallest["planned_mib"]
    return [point | {"planned_mib": point["planned_mib"] + libraries} for point in points]


def measure(arguments):
    by_frames = [(frames, 1) for frames in arguments.frames]
    by_batch = [(75, batch) for batch in arguments.batches]
    points = sorted({ORDINARY, *by_frames, *by_batch})
    found = []
    for number, point in enumerate(points):
        say(f"{number + 1} of {len(points)}: {point[0]} frames, batch {point[1]}")
        found.append(bench(arguments, *point) | {"planned_mib": planned(arguments, *point)})
    said()
    return add_libraries(found)


def per_frame(point):
    return point["ms"] / (point["frames"] * point["batch"])


def judge(points, limit):
    """Sentences about what grows faster than it may."""
    ordinary = next(point for point in points if (point["frames"], point["batch"]) == ORDINARY)
    complaints = []
    for point in points:
        name = f"{point['frames']} frames, batch {point['batch']}"
        larger = point["frames"] * point["batch"] >= ORDINARY[0]  # a short clip pays for what every run costs
        excess = per_frame(point) / per_frame(ordinary) - 1
        if larger and excess > limit:
            complaints.append(f"{name}: a frame takes {100 * excess:.0f} % longer than in one clip of 75 frames, "
                              f"{100 * limit:.0f} % allowed")
        if point["peak_memory_mib"] > SLACK * point["planned_mib"]:
            complaints.append(f"{name}: {point['peak_memory_mib']:.0f} MiB, planned were {point['planned_mib']:.0f}")
    return complaints


def table(points):
    rows = [["frames", "batch", "median ms", "ms a frame", "peak memory", "planned"]]
    for point in points:
        rows.append([str(point["frames"]), str(point["batch"]), f"{point['ms']:.1f}", f"{per_frame(point):.3f}",
                     f"{point['peak_memory_mib']:.0f} MiB", f"{point['planned_mib']:.0f} MiB"])
    return markdown(rows)


def draw(points, path):
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "lipcl", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    from matplotlib import pyplot

    blue, orange, grey = "#0969da", "#bc4c00", "#8c959f"
    ordinary = next(point for point in points if (point["frames"], point["batch"]) == ORDINARY)
    groups = [("frames", "frames of a clip, batch 1", [point for point in points if point["batch"] == 1]),
              ("batch", "clips of 75 frames a batch", [point for point in points if point["frames"] == 75])]
    figure, axes = pyplot.subplots(2, 2, figsize=(8, 5), constrained_layout=True, sharex="col")
    for (key, label, group), (time_axis, memory_axis) in zip(groups, axes.T, strict=True):
        x = [point[key] for point in group]
        time_axis.plot([0, max(x)], [0, max(x) * ordinary["ms"] / ordinary[key]], color=grey, linestyle="--", linewidth=1,
                       label="proportional to the ordinary clip's")
        time_axis.plot(x, [point["ms"] for point in group], "o-", color=blue, markersize=4, label="a run, median")
        memory_axis.plot(x, [point["peak_memory_mib"] for point in group], "o-", color=orange, markersize=4,
                         label="peak resident")
        memory_axis.plot(x, [point["planned_mib"] for point in group], color=grey, linestyle="--", linewidth=1,
                         label="planned")
        memory_axis.set_xlabel(label)
        for axis in time_axis, memory_axis:
            axis.set_xlim(0)
            axis.set_ylim(0)
            axis.grid(color="#d0d7de", linewidth=0.5)
            axis.legend(frameon=False, loc="upper left" if axis is time_axis else "lower right")
    axes[0][0].set_ylabel("ms")
    axes[1][0].set_ylabel("MiB")
    place = machine()
    figure.suptitle(f"{points[0]['device']}, {place['cores']} cores, {place['date']}", fontsize=9)
    figure.savefig(path, metadata={"Date": None} if str(path).endswith(".svg") else None)


def self_test():
    def point(frames, batch, ms, memory=100, planned_mib=100):
        return {"frames": frames, "batch": batch, "ms": ms, "peak_memory_mib": memory, "planned_mib": planned_mib}

    straight = [point(15, 1, 40), point(75, 1, 75), point(600, 1, 620), point(75, 16, 1210, 300, 301)]
    assert judge(straight, 0.1) == [], judge(straight, 0.1)
    assert [text.split(":")[0] for text in judge([*straight, point(300, 1, 400)], 0.1)] == ["300 frames, batch 1"]
    over = judge([*straight, point(75, 2, 150, 308, 301)], 0.1)
    assert over == ["75 frames, batch 2: 308 MiB, planned were 301"], over
    assert [p["planned_mib"] for p in add_libraries([point(75, 1, 75, 130, 50), point(75, 2, 150, 170, 90)])] == [130, 170]
    assert "| 75 | 16 | 1210.0 | 1.008 | 300 MiB | 301 MiB |" in table(straight), table(straight)
    print("growth: self-test ok")


def main():
    def numbers(text):
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage=argparse.SUPPRESS)
    parser.add_argument("--lipcl", type=pathlib.Path, default=ROOT / "build/lipcl", help="the program (default: %(default)s)")
    parser.add_argument("--device", help="lipcl's (default: auto)")
    parser.add_argument("--frames", type=numbers, default=[15, 30, 75, 150, 300, 600],
                        help="of a clip (default: 15,30,75,150,300,600)")
    parser.add_argument("--batches", type=numbers, default=[1, 2, 4, 8, 16], help="clips of 75 frames (default: 1,2,4,8,16)")
    parser.add_argument("--runs", type=int, default=10, help="of each point (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=0.15, help="how much longer a frame may take (default: %(default)s)")
    parser.add_argument("--plot", type=pathlib.Path, help="draw it into a file, SVG or PNG")
    parser.add_argument("--json", type=pathlib.Path, help="write everything measured to a file")
    parser.add_argument("--self-test", action="store_true", help="test this script on made-up figures")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test()
        return
    points = measure(arguments)
    print(table(points), end="")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine(), "runs": arguments.runs, "points": points}, indent=2) + "\n")
    if arguments.plot:
        draw(points, arguments.plot)
    complaints = judge(points, arguments.limit)
    for complaint in complaints:
        print(f"growth: {complaint}", file=sys.stderr)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
