"""Numbers as Python's json and struct and numpy read and write them, for src/api/json.

Run: third_party/venv/bin/python tests/oracles/json_numbers.py > src/api/json/testdata/numbers.json
"""

import json
import random
import struct
import sys

import numpy as np


def float32_of(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def float64_of(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def significant_digits(text):
    """The digits of a number without sign, exponent, point, and zeros at both ends."""
    return text.split("e")[0].lstrip("-").replace(".", "").strip("0")


def main():
    chance = random.Random(11)
    singles = [0.0, -0.0, 0.1, 0.2, 1.0, 2.5, 1e-7, 1e7, 16777216.0, 3.4028234663852886e38, 1e-45, 1e10, 123456.78]
    doubles = [0.0, -0.0, 0.1, 1.0, 1e22, 1e21, 1e16, 1e-7, 1.7976931348623157e308, 5e-324, 9007199254740993.0]
    singles += [float32_of(chance.getrandbits(32)) for _ in range(150)] + [chance.random() for _ in range(50)]
    doubles += [float64_of(chance.getrandbits(64)) for _ in range(100)] + [chance.random() for _ in range(50)]
    rows = {"float32": [], "float64": []}
    for value in filter(np.isfinite, singles):
        single = np.float32(value)
        rows["float32"].append({
            "bits": struct.unpack("<I", struct.pack("<f", single))[0],
            # What json.dumps makes of the value as a double; read back and packed as a float32 it gives these bits.
            "text": json.dumps(float(single)),
            "digits": significant_digits(np.format_float_scientific(single, unique=True)),
        })
    for value in filter(np.isfinite, doubles):
        rows["float64"].append({
            "bits": struct.unpack("<Q", struct.pack("<d", value))[0],
            "text": json.dumps(value),
            "digits": significant_digits(repr(value)),
        })
    # Texts that other writers produce, and the doubles that Python reads from them.
    texts = ["1E5", "1e+05", "-1.50", "0.30000000000000004", "100000000000000000000000", "2.2250738585072011e-308"]
    texts += ["%.*e" % (chance.randrange(1, 25), chance.uniform(-1, 1) * 10.0 ** chance.randrange(-30, 30)) for _ in range(60)]
    rows["texts"] = [{"text": t, "bits": struct.unpack("<Q", struct.pack("<d", json.loads(t)))[0]} for t in texts]
    json.dump(rows, sys.stdout, indent=0)


main()
