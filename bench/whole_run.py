#!/usr/bin/env python3
"""Times `amas run` from raw mail to deployed, in a fresh home: wall and CPU seconds, and memory of all its processes.

  bench/whole_run.py [SPEC] [--runs N] [--jobs N]      N candidates side by side, as amas run takes it

Memory is the proportional set size (shared pages are counted once) summed over the process tree, read ten times a second
from /proc; the largest sum is reported, and the largest resident size of a single process beside it.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
AMAS = ROOT / "build/release/bin/amas"


def process_tree(pid):
    """This process and all below it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                waiting += [int(c) for c in pathlib.Path(f"/proc/{one}/task/{task}/children").read_text().split()]
        except OSError:
            pass
    return found


def memory_of(pid):
    """Proportional and resident size in MB; zeros when it has ended."""
    pss = rss = 0
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                pss = int(line.split()[1]) / 1000
            elif line.startswith("Rss:"):
                rss = int(line.split()[1]) / 1000
    except OSError:
        pass
    return pss, rss


def run_once(spec, jobs):
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile("w+") as printed:
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        process = subprocess.Popen([AMAS, "--home", home, "--json", "run", spec, *jobs], stdout=printed)
        peak_pss = peak_rss = 0
        while process.poll() is None:
            sizes = [memory_of(pid) for pid in process_tree(process.pid)]
            peak_pss = max(peak_pss, sum(pss for pss, _ in sizes))
            peak_rss = max([peak_rss] + [rss for _, rss in sizes])
            time.sleep(0.1)
        wall = time.monotonic() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        printed.seek(0)
        output = printed.read()
        if process.returncode != 0:
            raise SystemExit(f"amas run failed: {output[-2000:]}")
        events = [json.loads(line) for line in output.splitlines()]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    steps = {e["step"]: round(e["seconds"], 2) for e in events if e["event"] == "finished"}
    return {"wall_s": wall, "cpu_s": cpu, "peak_pss_mb": peak_pss, "peak_rss_mb": peak_rss, "steps": steps,
            "leaderboard": events[-1]["leaderboard"]}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("spec", nargs="?", default=ROOT / "examples/spam.yaml")
    options.add_argument("--runs", type=int, default=1)
    options.add_argument("--jobs")
    arguments = options.parse_args()
    jobs = ["--jobs", arguments.jobs] if arguments.jobs else []
    results = [run_once(arguments.spec, jobs) for _ in range(arguments.runs)]
    for key in ("wall_s", "cpu_s", "peak_pss_mb", "peak_rss_mb"):
        values = [result[key] for result in results]
        print(f"{key:12} median {statistics.median(values):7.1f}   {min(values):.1f} – {max(values):.1f}   ({len(values)} runs)")
    print("steps", json.dumps(results[-1]["steps"]))
    for row in results[-1]["leaderboard"]:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
