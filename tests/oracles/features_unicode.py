#!/usr/bin/env python3
"""Writes src/features/testdata/unicode.json: str.lower() and the regular expression \\w for every code point.

Run with CPython 3.11 (Unicode 14.0).
"""
import json
import pathlib
import re
import sys
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[2]
POINTS = [c for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF]

lower = {str(c): chr(c).lower() for c in POINTS if chr(c).lower() != chr(c)}
word = re.compile(r"\w")
ranges = []
for c in POINTS:
    if not word.match(chr(c)):
        continue
    if ranges and ranges[-1][1] == c - 1:
        ranges[-1][1] = c
    else:
        ranges.append([c, c])

out = ROOT / "src/features/testdata/unicode.json"
data = {"unicode": unicodedata.unidata_version, "lower": lower, "word_ranges": ranges}
out.write_text(json.dumps(data, separators=(",", ":")) + "\n")
print(out.stat().st_size, "bytes")
