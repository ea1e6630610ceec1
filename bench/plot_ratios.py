#!/usr/bin/env python3
"""Draws docs/engine_ratios.svg from what bench/engine_ratio printed.

  build/release/bin/engine_ratio | bench/plot_ratios.py          or give a file that holds its output
"""

import pathlib
import re
import sys
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parent.parent
# case: what to call it, and the least ratios that were asked for of float32, int16 and int8
CASES = {
    "lstm64": ("LSTM 64", (1.5, 2.8, 4.5)),
    "lstm64_batch8": ("LSTM 64, batch 8", ()),
    "lstm64_batch32": ("LSTM 64, batch 32", ()),
    "lstm64_half_padded": ("LSTM 64, half padding", (None, None, 5)),
    "lstm32": ("LSTM 32", (None, None, 6)),
    "lstm128": ("LSTM 128", (None, None, 2)),
    "lstm256": ("LSTM 256", (None, None, 1.3)),
    "gru64": ("GRU 64", (None, None, 4)),
    "lstm64_both": ("LSTM 64, both directions", (None, None, 4)),
    "lstm64_two_layers": ("LSTM 64, two layers", (None, None, 3)),
    "cnn128x5": ("CNN, 128 filters of 5", (None, 12, None)),
    "cnn100x345": ("CNN, 100 filters each of 3, 4, 5", ()),
    "cnn128x3_stacked": ("CNN, 128 of 3 over 128 of 3", ()),
}
PRECISIONS = ("float32", "int16", "int8")
COLOURS = ("#9aa5b1", "#4c8dc4", "#1d4e79")
LEFT, RIGHT, TOP, BAR, GAP, WIDTH = 230, 60, 96, 11, 11, 900


def read(lines):
    """(kernels, {case: [(ratio, whether ONNX Runtime's fp32 is what it is a ratio of)]})."""
    kernels, found = "", {}
    for line in lines:
        if line.startswith("kernels: "):
            kernels = line.split(";")[0].removeprefix("kernels: ")
        name = line.split(" ", 1)[0]
        if name in CASES:
            found[name] = [(float(ratio), bool(fp32)) for ratio, fp32 in re.findall(r"([\d.]+)×(fp32)?", line)]
    return kernels, found


def text(x, y, what, size=12, anchor="start", colour="#222", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{escape(what)}</text>')


def rectangle(x, y, width, height, colour):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def line(x, top, bottom, colour, width=1.0, dashes=""):
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"{dashed}/>')


def draw(kernels, found):
    cases = [name for name in CASES if name in found]
    group = len(PRECISIONS) * BAR + GAP
    bottom = TOP + len(cases) * group
    most = max(ratio for name in cases for ratio, _ in found[name])
    scale = (WIDTH - LEFT - RIGHT) / (int(most) + 1)
    parts = [text(16, 26, f"How many times quicker than ONNX Runtime 1.32 ({kernels}, one thread, CPU time)", 16, weight="bold"),
             text(16, 46, "10,000 words × 64, 128 tokens, batch 1 unless said. float32 and all CNNs: of its fp32; int16, int8: of its "
                          "int8.", colour="#555")]
    x = 16
    for name, colour in zip(PRECISIONS, COLOURS):
        parts += [rectangle(x, 60, 14, 11, colour), text(x + 20, 70, name)]
        x += 90
    parts += [line(x + 4, 58, 73, "#c0392b", 2), text(x + 12, 70, "target, where there is one"),
              line(x + 174, 58, 73, "#444", 1, "3 3"), text(x + 182, 70, "as quick as ONNX Runtime")]
    for ratio in range(0, int(most) + 2, 2):
        at = LEFT + ratio * scale
        parts += [line(at, TOP - 4, bottom, "#e3e6ea"), text(at, bottom + 16, f"{ratio}×", anchor="middle", colour="#555")]
    for index, name in enumerate(cases):
        y = TOP + index * group
        label, asked = CASES[name]
        parts.append(text(LEFT - 10, y + 1.5 * BAR + 4, label, anchor="end"))
        for row, (ratio, _) in enumerate(found[name]):
            top = y + row * BAR
            parts += [rectangle(LEFT, top, ratio * scale, BAR - 1.5, COLOURS[row]),
                      text(LEFT + ratio * scale + 6, top + BAR - 2.5, f"{ratio:.1f}", 10, colour="#333")]
            if row < len(asked) and asked[row]:
                parts.append(line(LEFT + asked[row] * scale, top - 1.5, top + BAR, "#c0392b", 2))
    parts.append(line(LEFT + scale, TOP - 4, bottom, "#444", 1, "3 3"))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 30}" '
            f'viewBox="0 0 {WIDTH} {bottom + 30}" font-family="Helvetica, Arial, sans-serif">\n'
            f'{rectangle(0, 0, WIDTH, bottom + 30, "#fff")}\n' + "\n".join(parts) + "\n</svg>\n")


kernels, found = read(open(sys.argv[1], encoding="utf-8") if len(sys.argv) > 1 else sys.stdin)
if not found:
    sys.exit("nothing to draw: give it what bench/engine_ratio printed")
(ROOT / "docs/engine_ratios.svg").write_text(draw(kernels, found), encoding="utf-8")
