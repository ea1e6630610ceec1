#!/usr/bin/env python3
"""Writes src/engines/forest/testdata: models of XGBoost and LightGBM with rows, margins and predictions of the libraries.

  pip install xgboost-cpu==3.2.0 lightgbm==4.7.0 numpy==2.4.6
  python tests/oracles/forest_boosters.py

Each case is a model file (.json, .ubj or .txt) and a .rows file. That starts with the numbers of features, margins and
predictions; every other line is a row: features | margins | predictions, in C's hexadecimal notation.
"""

import json
import pathlib

import lightgbm
import numpy as np
import xgboost

FOLDER = pathlib.Path("src/engines/forest/testdata")
ROWS, FEATURES, CATEGORIES = 300, 5, 40
random = np.random.default_rng(4)


def hexed(values):
    return " ".join("nan" if np.isnan(v) else float(v).hex() if np.isfinite(v) else str(v) for v in np.ravel(values))


def write_rows(name, rows, margins, predictions):
    margins, predictions = margins.reshape(len(rows), -1), predictions.reshape(len(rows), -1)
    lines = [f"{rows.shape[1]} {margins.shape[1]} {predictions.shape[1]}"]
    lines += [" | ".join(map(hexed, parts)) for parts in zip(rows, margins, predictions)]
    (FOLDER / f"{name}.rows").write_text("\n".join(lines) + "\n")


def table():
    """Coarse numbers, so that rows meet thresholds exactly, with missing values and zeros."""
    x = np.round(random.normal(size=(ROWS, FEATURES)) * 4) / 4
    x[random.random(x.shape) < 0.1] = np.nan
    x[random.random(x.shape) < 0.1] = 0
    signal = np.nan_to_num(x[:, 0]) * 2 - np.nan_to_num(x[:, 1]) * np.nan_to_num(x[:, 2]) + random.normal(size=ROWS)
    return x, signal


def hostile(rows, categories=()):
    """A few rows of the table and a few that are harder."""
    hard = np.array([[np.nan] * FEATURES, [0.0] * FEATURES, [-0.0] * FEATURES, [1e-40] * FEATURES, [-1e-36] * FEATURES,
                     [1e-35] * FEATURES, [-9.99999e-36] * FEATURES, [1e30] * FEATURES, [-1e30] * FEATURES,
                     [float(np.float32(1e-35))] * FEATURES, [-float(np.float32(1e-35))] * FEATURES])
    for column in categories:
        hard[:, column] = [np.nan, -1, -0.5, 0, 0.5, 2.75, CATEGORIES - 1, CATEGORIES, 1e6, 1e-40, 63]
    return np.concatenate([rows[:24], hard])


def compact(model):
    """Without what no reader needs, to keep the files small."""
    for tree in trees_of(model):
        for key in ("base_weights", "loss_changes", "sum_hessian", "parents"):
            if key in tree and not (key == "base_weights" and tree["tree_param"]["size_leaf_vector"] != "1"):
                tree[key] = []
    return json.dumps(model, separators=(",", ":"))


def trees_of(model):
    booster = model["learner"]["gradient_booster"]
    return booster.get("gbtree", booster)["model"]["trees"] if booster["name"] != "gblinear" else []


def write_xgboost(name, data, rows, trees=4, **parameters):
    parameters = {"nthread": 1, "max_depth": 3, "seed": 1, **parameters}
    booster = xgboost.train(parameters, data, trees)
    (FOLDER / f"{name}.json").write_text(compact(json.loads(booster.save_raw("json").decode())))
    types = data.feature_types
    asked = xgboost.DMatrix(rows.astype(np.float32), feature_types=types, enable_categorical=types is not None)
    write_rows(name, rows.astype(np.float32), booster.predict(asked, output_margin=True), booster.predict(asked))
    return booster


def xgboost_cases():
    x, signal = table()
    binary, three = (signal > 0).astype(int), np.digitize(signal, [-1, 1])
    rows = hostile(x)

    def data(y):
        return xgboost.DMatrix(x.astype(np.float32), y)

    booster = write_xgboost("xgboost_regression", data(signal), rows)
    (FOLDER / "xgboost_regression.ubj").write_bytes(booster.save_raw("ubj"))
    write_xgboost("xgboost_binary", data(binary), rows, objective="binary:logistic", max_depth=4)
    write_xgboost("xgboost_raw", data(binary), rows, objective="binary:logitraw", base_score=0.25)
    write_xgboost("xgboost_hinge", data(binary), rows, objective="binary:hinge", trees=2)
    write_xgboost("xgboost_probabilities", data(three), rows, objective="multi:softprob", num_class=3, trees=3)
    write_xgboost("xgboost_class", data(three), rows, objective="multi:softmax", num_class=3, trees=2)
    write_xgboost("xgboost_poisson", data(np.exp(signal).round()), rows, objective="count:poisson", trees=2)
    write_xgboost("xgboost_gamma", data(np.exp(signal)), rows, objective="reg:gamma", trees=2, base_score=2.5)
    write_xgboost("xgboost_rank", xgboost.DMatrix(x.astype(np.float32), binary, qid=np.arange(ROWS) // 30), rows,
                  objective="rank:ndcg", trees=2)
    write_xgboost("xgboost_dart", data(binary), rows, booster="dart", rate_drop=0.5, objective="binary:logistic", trees=6,
                  max_depth=2)
    write_xgboost("xgboost_forest", data(signal), rows, num_parallel_tree=3, subsample=0.5, trees=2)
    two = np.stack([signal, np.nan_to_num(x[:, 3]) + 1], axis=1)
    write_xgboost("xgboost_targets", data(two), rows, trees=3)
    write_xgboost("xgboost_leaf_vectors", data(two), rows, trees=3, multi_strategy="multi_output_tree")
    codes = random.integers(0, CATEGORIES, size=ROWS)
    mixed = np.column_stack([codes, random.integers(0, 4, size=ROWS), x[:, 2:]])
    categories = xgboost.DMatrix(mixed.astype(np.float32), signal + codes % 5, enable_categorical=True,
                                 feature_types=["c", "c", "float", "float", "float"])
    write_xgboost("xgboost_categories", categories, hostile(mixed, (0, 1)), max_cat_to_onehot=5)
    linear = xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix(np.nan_to_num(x), signal), 2)
    (FOLDER / "xgboost_linear.json").write_text(linear.save_raw("json").decode())


def write_lightgbm(name, x, y, rows, trees=4, categories="auto", **parameters):
    parameters = {"num_threads": 1, "num_leaves": 6, "min_data_in_leaf": 5, "verbose": -1, "seed": 1,
                  "deterministic": True, **parameters}
    data = lightgbm.Dataset(x, y, categorical_feature=categories, free_raw_data=False)
    booster = lightgbm.train(parameters, data, trees)
    text = booster.model_to_string().split("\nfeature_importances:")[0]
    (FOLDER / f"{name}.txt").write_text(text + "\n")
    write_rows(name, rows, booster.predict(rows, raw_score=True), booster.predict(rows))


def lightgbm_cases():
    x, signal = table()
    binary, three = (signal > 0).astype(int), np.digitize(signal, [-1, 1])
    rows = hostile(x)
    write_lightgbm("lightgbm_regression", x, signal, rows)
    write_lightgbm("lightgbm_zero_missing", x, signal, rows, zero_as_missing=True)
    write_lightgbm("lightgbm_no_missing", np.nan_to_num(x), signal, rows)
    write_lightgbm("lightgbm_binary", x, binary, rows, objective="binary", sigmoid=1.5)
    write_lightgbm("lightgbm_classes", x, three, rows, objective="multiclass", num_class=3, trees=2)
    write_lightgbm("lightgbm_one_against_all", x, three, rows, objective="multiclassova", num_class=3, trees=2)
    write_lightgbm("lightgbm_dart", x, binary, rows, objective="binary", boosting="dart", drop_rate=0.6, trees=6)
    write_lightgbm("lightgbm_forest", x, binary, rows, objective="binary", boosting="rf", bagging_freq=1,
                   bagging_fraction=0.6)
    write_lightgbm("lightgbm_square_root", x, signal, rows, reg_sqrt=True)
    write_lightgbm("lightgbm_poisson", x, np.exp(signal), rows, objective="poisson", trees=2)
    write_lightgbm("lightgbm_cross_entropy", x, binary, rows, objective="cross_entropy", trees=2)
    write_lightgbm("lightgbm_intensity", x, binary, rows, objective="cross_entropy_lambda", trees=2)
    write_lightgbm("lightgbm_constant", x, np.full(ROWS, 2.5), rows, trees=2)
    codes = random.integers(0, CATEGORIES, size=ROWS).astype(float)
    codes[::17] = np.nan
    mixed = np.column_stack([codes, random.integers(0, 4, size=ROWS), x[:, 2:]])
    write_lightgbm("lightgbm_categories", mixed, signal + np.nan_to_num(codes) % 5, hostile(mixed, (0, 1)),
                   categories=[0, 1], min_data_per_group=5, cat_smooth=1)
    write_lightgbm("lightgbm_linear", np.nan_to_num(x), signal, rows, linear_tree=True, trees=2)


FOLDER.mkdir(parents=True, exist_ok=True)
xgboost_cases()
lightgbm_cases()
