#!/usr/bin/env python3
"""Measures `amas serve` on this machine: start, memory, and CPU seconds per 1,000 requests beside their floors.

    bench/serve.py [BINARIES] [--requests N]

BINARIES: the folder of amas, http_load, http_floor and serve_home (ninja amas bench_programs) [build/release/bin].
Loopback only; about a minute.
"""
import argparse
import json
import pathlib
import signal
import subprocess
import tempfile
import time


def load(binaries, port, pid, connections, requests, path, body=None, expect=""):
    """One run of http_load; its JSON."""
    command = [binaries / "http_load", "--port", port, "--pid", pid, "--connections", connections, "--requests",
               requests, "--path", path, "--expect", expect]
    if body is not None:
        command += ["--body", body]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"http_load failed: {done.stderr}")
    return json.loads(done.stdout)


def resident_mib(pid):
    """Memory of a process that lies in RAM, now and at most."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return sizes["VmRSS"], sizes["VmHWM"]


def floor(binaries, mode, requests):
    """A fixed reply from our HTTP server, without a model."""
    with subprocess.Popen([binaries / "http_floor", mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as server:
        port = int(server.stdout.readline())
        for connections in (1, 8, 64):
            show(f"fixed reply, {mode}", load(binaries, port, server.pid, connections, requests, "/"))
        server.stdin.close()


def show(name, result):
    """One row of the table."""
    print(f"{name:34} c={result['connections']:<3} {result['cpu_s_per_1000']:8.4f} CPU-s/1,000  "
          f"{result['requests_per_s']:8.0f}/s  p50 {result['p50_us'] / 1000:7.3f} ms  p99 {result['p99_us'] / 1000:7.3f} ms",
          flush=True)


def serve(binaries, folder, requests):
    """The server with a tiny and an LSTM model."""
    made = subprocess.run([binaries / "serve_home", folder / "home"], capture_output=True, text=True, check=True)
    in_process = json.loads(made.stdout)["lstm_in_process_cpu_s_per_1000"]
    begin = time.monotonic()
    with subprocess.Popen([binaries / "amas", "--home", folder / "home", "serve", "--port", "0"],
                          stdout=subprocess.DEVNULL) as server:
        announced = folder / "home" / "serve.json"
        while not announced.exists():
            time.sleep(0.002)
        port = json.loads(announced.read_text())["port"]
        ask = folder / "ask.json"
        ask.write_text('{"instances":["win money"]}')
        load(binaries, port, server.pid, 1, 1, "/v1/models/tiny:predict", ask, "label")
        print(f"start to first answer: {time.monotonic() - begin:.3f} s, both models loaded")
        print("resident memory: %.1f MiB (at most %.1f)" % resident_mib(server.pid))
        tokens = folder / "tokens.json"
        tokens.write_text(json.dumps({"signature_name": "tensors", "instances": [[i * 37 % 10000 for i in range(128)]]}))
        tiny = folder / "tiny.json"
        tiny.write_text('{"signature_name":"tensors","instances":[{"indices":[1,2],"values":[0.5,1.5]}]}')
        for connections in (1, 8, 64):
            show("tiny, tensors", load(binaries, port, server.pid, connections, requests, "/v1/models/tiny:predict",
                                       tiny, "predictions"))
        for connections in (1, 8, 64):
            show("tiny, text", load(binaries, port, server.pid, connections, requests, "/v1/models/tiny:predict", ask,
                                    "label"))
        print(f"LSTM in process: {in_process['batch_1']:.4f} CPU-s/1,000 at batch 1, {in_process['batch_8']:.4f} at 8")
        for connections in (1, 8, 64):
            show("LSTM, tensors", load(binaries, port, server.pid, connections, requests // 4,
                                       "/v1/models/lstm:predict", tokens, "predictions"))
        print("resident memory: %.1f MiB (at most %.1f)" % resident_mib(server.pid))
        server.send_signal(signal.SIGTERM)
        print("exit status after SIGTERM:", server.wait(timeout=30))


def main():
    """Runs all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", nargs="?", default="build/release/bin", type=pathlib.Path)
    parser.add_argument("--requests", type=int, default=20_000)
    options = parser.parse_args()
    floor(options.binaries, "io", options.requests)
    floor(options.binaries, "handoff", options.requests)
    with tempfile.TemporaryDirectory() as folder:
        serve(options.binaries, pathlib.Path(folder), options.requests)


if __name__ == "__main__":
    main()
