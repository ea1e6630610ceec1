"""Writes src/monitor/testdata/drift_cases.json: Jensen-Shannon distances by SciPy for windows and references of random
counts, and how large a divergence chance reaches, by SciPy's exact chi-square. Run from the root of the source tree:

    third_party/venv/bin/python tests/oracles/monitor_drift.py
"""
import json
import pathlib

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2, norm

random = np.random.default_rng(5)
cases = []
for cells in (2, 3, 11, 20):
    for rows in (100, 200, 500):
        reference_rows = int(random.integers(300, 3000))
        shares = random.dirichlet(np.full(cells, 2.0))
        shifted = 0.7 * shares + 0.3 * random.dirichlet(np.full(cells, 1.0))
        reference = random.multinomial(reference_rows, shares)
        window = random.multinomial(rows, shifted)
        # The G-test's Taylor expansion: the divergence in bits is chi-square, times this.
        scale = (1 / rows + 1 / reference_rows) / (8 * np.log(2))
        freedom = cells - 1
        reach = {z: float(np.sqrt(scale * (chi2.isf(norm.sf(z), freedom) - freedom))) for z in (4.5, 5.5)}
        cases.append({"reference": reference.tolist(), "window": window.tolist(),
                      "distance": float(jensenshannon(window, reference, base=2)),
                      "by_chance": float(scale * freedom), "reach_shifting": reach[4.5], "reach_drifted": reach[5.5]})
path = pathlib.Path(__file__).resolve().parents[2] / "src/monitor/testdata/drift_cases.json"
path.write_text(json.dumps({"cases": cases}, indent=1) + "\n")
