"""Models of XGBoost and LightGBM, trained with settings drawn at random, beside our forest scorer (tests/programs/forest_margins).

Margins must have the same bits; predictions agree to the rounding of exponentials. AMAS_FUZZ_SECONDS says how many seconds of CPU
time each library gets, AMAS_FUZZ_SEED where its models begin.
"""

import os
import pathlib
import subprocess
import time

import lightgbm
import numpy as np
import xgboost

BIN = pathlib.Path(os.environ["AMAS_BIN"])
SECONDS = float(os.environ.get("AMAS_FUZZ_SECONDS", "4"))
FIRST = int(os.environ.get("AMAS_FUZZ_SEED", "1"))
CATEGORIES = 40


def table(random):
    """Coarse numbers, so that rows meet thresholds exactly, with missing values and zeros; some columns are categories."""
    rows, columns = int(random.integers(30, 300)), int(random.integers(1, 9))
    x = np.round(random.normal(size=(rows, columns)) * 4) / 4
    kinds = random.random(columns) < 0.3 * random.integers(0, 2)
    for column in np.flatnonzero(kinds):
        x[:, column] = random.integers(0, random.integers(2, CATEGORIES), size=rows)
    x[random.random(x.shape) < random.choice([0, 0.1, 0.4])] = np.nan
    x[random.random(x.shape) < random.choice([0, 0.2])] = 0
    signal = np.nan_to_num(x) @ random.normal(size=columns) + random.normal(size=rows)
    return x, (signal - signal.mean()) / (signal.std() + 1e-9), kinds


def hostile(x, kinds, random):
    """Rows of the table, and rows that are harder."""
    numbers = [np.nan, 0.0, -0.0, 1e-40, -1e-36, 1e-35, 1e30, -1e30, float(np.float32(1e-35)), np.inf, -np.inf]
    codes = [np.nan, -1, -0.5, 0, 0.5, 2.75, CATEGORIES - 1, CATEGORIES, 1e6, 1e-40, 63]
    hard = np.column_stack([random.choice(codes if kind else numbers, size=20) for kind in kinds])
    return np.concatenate([x[:40], hard])


def ours(file, rows):
    run = subprocess.run([BIN / "forest_margins", file, str(rows.shape[1])], input=rows.astype(np.float64).tobytes(),
                         capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    values = np.frombuffer(run.stdout)
    targets, outputs = (int(n) for n in values[:2])
    margins = values[2:2 + len(rows) * targets].reshape(len(rows), targets)
    return margins, values[2 + margins.size:].reshape(len(rows), outputs)


def compare(file, rows, margins, predictions, tolerance):
    mine, predicted = ours(file, rows)
    theirs = np.asarray(margins, dtype=np.float64).reshape(mine.shape)
    assert np.array_equal(mine.view(np.int64), theirs.view(np.int64)), f"margins differ: {np.abs(mine - theirs).max()}"
    np.testing.assert_allclose(predicted, np.asarray(predictions, dtype=np.float64).reshape(predicted.shape), rtol=tolerance,
                               atol=tolerance)


def for_a_while(one):
    """Runs one(seed) for the asked time; at least ten times."""
    end, seed = time.process_time() + SECONDS, FIRST
    while seed < FIRST + 10 or time.process_time() < end:
        try:
            one(np.random.default_rng(seed))
        except BaseException as error:
            error.add_note(f"AMAS_FUZZ_SEED={seed} shows it again")
            raise
        seed += 1
    print(f"{seed - FIRST} models")


def test_xgboost(tmp_path):
    def one(random):
        x, signal, kinds = table(random)
        objective = str(random.choice(["reg:squarederror", "binary:logistic", "binary:logitraw", "binary:hinge", "multi:softprob",
                                       "multi:softmax", "count:poisson", "reg:gamma", "reg:tweedie", "reg:logistic",
                                       "reg:absoluteerror"]))
        settings = {"nthread": 1, "seed": int(random.integers(1000)), "objective": objective,
                    "max_depth": int(random.integers(1, 11)), "eta": float(random.uniform(0.05, 1)),
                    "min_child_weight": float(random.uniform(0, 2)), "subsample": float(random.uniform(0.5, 1)),
                    "num_parallel_tree": int(random.integers(1, 3)), "tree_method": str(random.choice(["hist", "exact", "approx"])),
                    "max_cat_to_onehot": int(random.integers(1, 12))}
        if kinds.any() and settings["tree_method"] == "exact":
            settings["tree_method"] = "hist"
        if settings["tree_method"] == "hist" and random.random() < 0.3:
            settings |= {"grow_policy": "lossguide", "max_leaves": int(random.integers(2, 40)), "max_depth": 0}
        if random.random() < 0.2 and objective != "reg:absoluteerror":
            settings |= {"booster": "dart", "rate_drop": 0.4}
        y = np.exp(signal) if objective in ("count:poisson", "reg:gamma", "reg:tweedie") else signal
        if objective.startswith("binary") or objective == "reg:logistic":
            y = (signal > 0).astype(int)
        elif objective.startswith("multi"):
            settings["num_class"] = int(random.integers(2, 5))
            y = np.digitize(signal, np.linspace(-1, 1, settings["num_class"] - 1))
        elif objective == "reg:squarederror" and random.random() < 0.4:
            y = np.stack([signal, -signal, signal ** 2], axis=1)[:, :int(random.integers(2, 4))]
            if settings["tree_method"] == "hist" and not kinds.any() and "booster" not in settings and random.random() < 0.5:
                settings["multi_strategy"] = "multi_output_tree"
        if random.random() < 0.3 and objective in ("reg:squarederror", "binary:logistic"):
            settings["base_score"] = float(random.uniform(0.1, 0.9))
        types = ["c" if kind else "float" for kind in kinds]
        known = {"feature_types": types, "enable_categorical": True}
        booster = xgboost.train(settings, xgboost.DMatrix(x.astype(np.float32), y, **known), int(random.integers(1, 12)))
        file = tmp_path / f"model.{random.choice(['json', 'ubj'])}"
        booster.save_model(file)
        rows = hostile(x, kinds, random).astype(np.float32)
        rows[np.isinf(rows)] = 3e38  # XGBoost refuses infinity
        asked = xgboost.DMatrix(rows, **known)
        compare(file, rows, booster.predict(asked, output_margin=True), booster.predict(asked), 1e-5)

    for_a_while(one)


def test_lightgbm(tmp_path):
    def one(random):
        x, signal, kinds = table(random)
        objective = str(random.choice(["regression", "regression_l1", "huber", "poisson", "gamma", "tweedie", "binary", "multiclass",
                                       "multiclassova", "cross_entropy", "quantile"]))
        settings = {"num_threads": 1, "verbose": -1, "seed": int(random.integers(1000)), "deterministic": True,
                    "objective": objective, "num_leaves": int(random.integers(2, 60)), "max_bin": int(random.integers(4, 255)),
                    "min_data_in_leaf": int(random.integers(1, 8)), "learning_rate": float(random.uniform(0.05, 1)),
                    "min_data_per_group": int(random.integers(1, 20)), "cat_smooth": 1, "zero_as_missing": bool(random.integers(2)),
                    "use_missing": bool(random.random() < 0.8), "extra_trees": bool(random.random() < 0.2),
                    "max_cat_to_onehot": int(random.integers(1, 8))}
        boosting = str(random.choice(["gbdt", "gbdt", "dart", "rf"]))
        settings |= {"boosting": boosting} | ({"bagging_freq": 1, "bagging_fraction": 0.7} if boosting == "rf" else {})
        y = np.exp(signal) if objective in ("poisson", "gamma", "tweedie") else signal
        if objective in ("binary", "cross_entropy"):
            y = (signal > 0).astype(int)
        elif objective.startswith("multiclass"):
            settings["num_class"] = int(random.integers(2, 5))
            y = np.digitize(signal, np.linspace(-1, 1, settings["num_class"] - 1))
        data = lightgbm.Dataset(x, y, categorical_feature=np.flatnonzero(kinds).tolist())
        booster = lightgbm.train(settings, data, int(random.integers(1, 12)))
        file = tmp_path / "model.txt"
        booster.save_model(file)
        rows = hostile(x, kinds, random)
        compare(file, rows, booster.predict(rows, raw_score=True), booster.predict(rows), 1e-9)

    for_a_while(one)
