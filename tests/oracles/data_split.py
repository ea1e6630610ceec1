#!/usr/bin/env python3
"""Writes src/data/testdata/split.json: the parts that Python's hashlib gives to keys under the rule of data/split.h."""
import hashlib
import json
import pathlib


def below(number, share):
    """Whether `number` is in the share, and what is left of it for the next question."""
    modulus = 10 if abs(share * 10 - round(share * 10)) < 1e-9 else 1_000_000
    return number % modulus < round(share * modulus), number // modulus


def part(key, validation, test):
    number = int(hashlib.sha1(key.encode()).hexdigest(), 16)
    is_test, rest = below(number, test)
    is_validation, _ = below(rest, validation / (1 - test))
    return "T" if is_test else "v" if is_validation else "."


KEYS = ["\x1f".join([f"subject {i}", "текст" * (i % 3), str(i * 0.5)]) for i in range(1000)]
CASES = [(0.1, 0.2), (0.2, 0.5), (0.15, 0.25), (0.08, 0.2)]
out = {"cases": [{"validation": v, "test": t, "parts": "".join(part(k, v, t) for k in KEYS)} for v, t in CASES]}
path = pathlib.Path(__file__).resolve().parents[2] / "src/data/testdata/split.json"
path.write_text(json.dumps(out, indent=1) + "\n")
