#!/usr/bin/env python3
"""Measures `amas serve` over gRPC beside a real Triton on the same tiny model, in turns.

    bench/serve_grpc.py [BINARIES] [--requests N] [--rounds N]

BINARIES: the folder of amas, grpc_load and serve_home (ninja amas bench_programs) [build/release/bin]. Triton runs in
the Python of `scripts/bootstrap bench` (third_party/venv-triton); its Python backend needs Debian's own Python.
"""
import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRITON = ROOT / "third_party/venv-triton/lib/python3.11/site-packages"
METHOD = "/inference.GRPCInferenceService/ModelInfer"
CONFIG = """name: "tiny"
backend: "python"
max_batch_size: 64
input [{name: "indices" data_type: TYPE_INT32 dims: [-1]}, {name: "values" data_type: TYPE_FP32 dims: [-1]}]
output [{name: "scores" data_type: TYPE_FP32 dims: [2]}]
instance_group [{kind: KIND_CPU count: 1}]
dynamic_batching {}
"""
MODEL = """import sys

sys.path.insert(0, "{packages}")
import numpy as np
import triton_python_backend_utils as pb

WEIGHTS = np.linspace(-1, 1, 101, dtype=np.float32)


class TritonPythonModel:
    def execute(self, requests):
        responses = []
        for request in requests:
            indices = pb.get_input_tensor_by_name(request, "indices").as_numpy()
            values = pb.get_input_tensor_by_name(request, "values").as_numpy()
            p = 1 / (1 + np.exp(-(WEIGHTS[indices] * values).sum(1)))
            scores = np.stack([1 - p, p], 1).astype(np.float32)
            responses.append(pb.InferenceResponse([pb.Tensor("scores", scores)]))
        return responses
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start_triton(folder):
    """A running tritonserver with the tiny model: process and gRPC port."""
    server = TRITON / "pytriton/tritonserver"
    backend = folder / "backends/python"
    shutil.copytree(server / "backends/python", backend)
    shutil.copy(server / "python_backend_stubs/3.11/triton_python_backend_stub", backend)
    (folder / "models/tiny/1").mkdir(parents=True)
    (folder / "models/tiny/config.pbtxt").write_text(CONFIG)
    (folder / "models/tiny/1/model.py").write_text(MODEL.replace("{packages}", str(TRITON)))
    http, grpc = free_port(), free_port()
    environment = {**os.environ, "LD_LIBRARY_PATH": str(TRITON / "nvidia_pytriton.libs")}
    process = subprocess.Popen(
        [server / "bin/tritonserver", "--model-repository", folder / "models", "--backend-directory", folder / "backends",
         "--http-port", str(http), "--grpc-port", str(grpc), "--allow-metrics", "false", "--disable-auto-complete-config"],
        env=environment, stdout=subprocess.DEVNULL, stderr=open(folder / "triton.log", "w"))
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{http}/v2/health/ready", timeout=1)
            return process, grpc
        except OSError:
            if process.poll() is not None:
                lines = (folder / "triton.log").read_text().splitlines()
                raise SystemExit("\n".join(line for line in lines if "UNAVAILABLE" in line or "error" in line))
            time.sleep(0.1)
    process.kill()
    raise SystemExit("Triton did not become ready")


def field(number, content):
    """A length-delimited field of a protobuf message; short enough for lengths of one byte."""
    return bytes([number << 3 | 2, len(content)]) + content


def tiny_request():
    """A ModelInferRequest of one row."""
    shape = field(3, b"\x01\x02")
    inputs = [field(1, b"indices") + field(2, b"INT32") + shape, field(1, b"values") + field(2, b"FP32") + shape]
    raws = [struct.pack("<ii", 1, 2), struct.pack("<ff", 0.5, 1.5)]
    return field(1, b"tiny") + b"".join(field(5, one) for one in inputs) + b"".join(field(7, one) for one in raws)


def start_amas(binaries, folder):
    subprocess.run([binaries / "serve_home", folder / "home"], stdout=subprocess.DEVNULL, check=True)
    process = subprocess.Popen([binaries / "amas", "--home", folder / "home", "serve", "--port", "0"],
                               stdout=subprocess.DEVNULL)
    announced = folder / "home" / "serve.json"
    while not announced.exists():
        time.sleep(0.005)
    return process, json.loads(announced.read_text())["grpc_port"]


def load(binaries, process, port, message, calls, requests):
    done = subprocess.run([binaries / "grpc_load", "--port", str(port), "--pid", str(process.pid), "--method", METHOD,
                           "--message", message, "--calls", str(calls), "--requests", str(requests)],
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("binaries", nargs="?", type=pathlib.Path, default=ROOT / "build/release/bin")
    options.add_argument("--requests", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=5)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        message = folder / "request.bin"
        message.write_bytes(tiny_request())
        servers = {"triton": start_triton(folder)}
        try:
            servers = {"amas": start_amas(asked.binaries, folder), **servers}
            for calls in (1, 8, 32):
                results = {name: [] for name in servers}
                for _ in range(asked.rounds):
                    for name, (process, port) in servers.items():
                        results[name].append(load(asked.binaries, process, port, message, calls, asked.requests))
                for name, rounds in results.items():
                    of = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
                    print(f"{name:7} c={calls:<3} {of['requests_per_s']:8.0f}/s  {of['cpu_s_per_1000']:.4f} CPU-s/1,000  "
                          f"p50 {of['p50_us'] / 1000:.3f} ms  p99 {of['p99_us'] / 1000:.3f} ms", flush=True)
        finally:
            for process, _ in servers.values():
                process.terminate()
                process.wait(timeout=60)


if __name__ == "__main__":
    main()
