#!/usr/bin/env python3
"""Shows where the CPU time of a request goes, by stage: the spam filter over HTTP, raw text in.

    bench/request_stages.py [HOME] [--requests N]

HOME: one in which examples/spam.yaml has been run [a new one]. Needs perf and the right to use it. Shares come from samples
of the server's threads under load, CPU time per request from the same load without perf.
"""
import argparse
import collections
import pathlib
import re
import signal
import subprocess
import tempfile

from serve import load
from serve_text import BINARIES, serving

VARIANTS = {"lstm": ("compiled-int16",), "linear": ("compiled-float32",)}
# From the innermost frame outwards, the first that one of these knows tells the stage.
STAGES = (
    ("engine", r"amas::engines::|ServableVersion::run"),
    ("features", r"amas::features::|ServableVersion::prepare"),
    ("watch: drift and anomalies", r"amas::monitor::|LiveVersion::observe"),
    ("metrics and log", r"RequestMetrics|amas::telemetry::|amas::log::"),
    ("hand over to compute, and back", r"Scheduler::|Loop::post|Loop::open_mail|pthread_cond|Mailbox"),
    ("encode the answer", r"tfs::.*(encode_|answer)"),
    ("decode the body", r"tfs::.*decode_|amas::json::Document|TensorReader"),
    ("route, admit", r"ModelService::|tfs::|Router::|LiveVersion::admit"),
    ("batch and answer", r"LiveVersion::|InferResponse|Pending"),
    ("write the reply", r"Connection::send|Connection::write"),
    ("read and parse HTTP", r"Connection::|RequestParser"),
    ("wait for requests", r"epoll_reactor::run|asio::detail::scheduler::run|epoll_wait"),
)


def stage_of(frames):
    """The stage that a stack belongs to; innermost frame first."""
    for frame in frames:
        for stage, pattern in STAGES:
            if re.search(pattern, frame):
                return stage
    return "other"


def shares(server, ask):
    """The share of each stage in the samples that are taken while `ask` runs."""
    with tempfile.TemporaryDirectory() as folder:
        samples = pathlib.Path(folder) / "perf.data"
        record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "--call-graph", "dwarf,12288", "-o", samples, "-p",
                  str(server.pid)]
        with subprocess.Popen(record) as perf:
            ask()
            perf.send_signal(signal.SIGINT)
        script = ["perf", "script", "-i", samples, "-F", "comm,ip,sym", "--no-inline"]
        stacks = subprocess.run(script, capture_output=True, text=True, check=True).stdout.split("\n\n")
    counts = collections.Counter(stage_of(stack.splitlines()[1:]) for stack in stacks if stack.strip())
    return {stage: count / sum(counts.values()) for stage, count in counts.items()}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("home", nargs="?", type=pathlib.Path)
    options.add_argument("--requests", type=int, default=15_000)
    arguments = options.parse_args()
    columns = {}
    with serving(arguments.home, VARIANTS) as (server, port, body):
        for candidate, (variant,) in VARIANTS.items():
            for connections in (1, 8):
                def ask():
                    return load(BINARIES, port, server.pid, connections, arguments.requests,
                                f"/v1/models/{candidate}-{variant}:predict", body, "label")
                whole_us = sorted(ask()["cpu_s_per_1000"] * 1000 for _ in range(5))[2]
                columns[f"{candidate} c={connections}"] = {
                    stage: share * whole_us for stage, share in shares(server, ask).items()}
    print(f"{'CPU microseconds a request':34}", *(f"{name:>12}" for name in columns))
    for stage, _ in (*STAGES, ("other", None)):
        print(f"{stage:34}", *(f"{column.get(stage, 0):12.1f}" for column in columns.values()))
    print(f"{'all':34}", *(f"{sum(column.values()):12.1f}" for column in columns.values()))


if __name__ == "__main__":
    main()
