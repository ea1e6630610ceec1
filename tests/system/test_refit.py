"""`train: {refit: on}`: judged before, served after. What is chosen, ranked and allowed comes from rows that were not
trained on; what is served is trained once more, on these too."""

import json
import pathlib
import random
import re
import subprocess

import pytest
from conftest import SMALL_SPEC, small_text

ROWS = 400


def run(amas, home, spec, command="run"):
    """Runs a spec; returns what is written of each step: {step: (summary, skipped)}."""
    ended = subprocess.run([amas, "--home", home, "--json", command, spec], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    return {event["step"]: (event["summary"], event["skipped"]) for event in events if event.get("event") == "finished"}


def candidates(amas, home):
    """The newest version of each candidate: {candidate: folder of its package}."""
    listed = subprocess.run([amas, "--home", home, "--json", "model", "list"], capture_output=True, text=True, check=True)
    return {row["candidate"]: pathlib.Path(home, "packages", row["digest"]) for row in json.loads(listed.stdout)}


def read(package, name):
    return json.loads((package / name).read_text())


def own_words(text):
    """The words that only one row has."""
    return set(re.findall(r"own\d+", text))


@pytest.fixture(scope="module")
def specs(tmp_path_factory):
    """The small spec without and with a refit, over texts of which each has a word of its own."""
    folder = tmp_path_factory.mktemp("refit-spec")
    chance = random.Random(5)
    with open(folder / "texts.jsonl", "w", encoding="utf-8") as file:
        for row in range(ROWS):
            label = "spam" if row % 3 == 0 else "ham"
            file.write(json.dumps({"text": f"{small_text(chance, label)} own{row}", "label": label}) + "\n")
    text = SMALL_SPEC.replace("vocabulary: 200", "vocabulary: 2000")
    (folder / "off.yaml").write_text(text)
    (folder / "on.yaml").write_text(text.replace("train: {", "train: {refit: on, "))
    return folder


@pytest.fixture(scope="module")
def both(amas, specs, tmp_path_factory):
    """Packages without and with a refit, and the steps of the second run, which had the first one's home."""
    home = tmp_path_factory.mktemp("refit") / "home"
    run(amas, home, specs / "off.yaml")
    off = candidates(amas, home)
    steps = run(amas, home, specs / "on.yaml")
    dataset = json.loads(subprocess.run([amas, "--home", home, "--json", "data", "list"], capture_output=True,
                                        check=True).stdout)[0]["digest"]
    rows = [json.loads(line) for line in (home / "blobs" / dataset[:2] / dataset).read_text().splitlines()[1:]]
    parts = {part: [row for row in rows if row[0] == part] for part in ("train", "valid", "test")}
    return home, off, candidates(amas, home), steps, parts


@pytest.mark.parametrize("candidate", ["lstm", "linear"])
def test_only_the_refit_and_what_follows_it_are_done(both, candidate):
    steps, parts = both[3], both[4]
    assert steps["data"][1] and steps[f"train {candidate}"][1]
    summary, skipped = steps[f"refit {candidate}"]
    assert not skipped and summary.startswith(f"on {len(parts['train']) + len(parts['valid'])} rows: "), summary
    assert not steps[f"optimise {candidate}"][1]


@pytest.mark.parametrize("candidate", ["lstm", "linear"])
def test_what_judges_is_of_the_first_training_and_what_is_served_of_the_second(both, candidate):
    _, off, on, _, _ = both
    before, after = read(off[candidate], "model.json"), read(on[candidate], "model.json")
    assert off[candidate] != on[candidate]
    assert before["files"]["model.onnx"] != after["files"]["model.onnx"]
    assert [variant["name"] for variant in before["variants"]] == [variant["name"] for variant in after["variants"]]
    for first, second in zip(before["variants"], after["variants"], strict=True):
        judged = {key: value for key, value in first["metrics"].items() if not key.startswith("test_")}
        assert {key: value for key, value in second["metrics"].items() if not key.startswith("test_")} == judged
        assert (first["accuracy_drop"], first["allowed"]) == (second["accuracy_drop"], second["allowed"])
        assert first["file"] == "model.onnx" or before["files"][first["file"]] != after["files"][second["file"]]
    assert after["conversion_difference"] < 1e-4


@pytest.mark.parametrize("candidate", ["lstm", "linear"])
def test_the_served_vocabulary_has_the_words_of_validation_rows_and_none_of_the_test_rows(both, candidate):
    _, off, on, _, parts = both
    words = {part: own_words(json.dumps(rows)) for part, rows in parts.items()}
    assert len(words["valid"]) == len(parts["valid"]) > 0
    assert own_words((off[candidate] / "pipeline.json").read_text()) == words["train"]
    assert own_words((on[candidate] / "pipeline.json").read_text()) == words["train"] | words["valid"]


@pytest.mark.parametrize("candidate", ["lstm", "linear"])
def test_the_profile_is_of_rows_whose_words_and_scores_are_new(both, candidate):
    _, off, on, _, _ = both
    before, after = read(off[candidate], "profile.json"), read(on[candidate], "profile.json")
    for key in ("rows", "characters", "tokens", "unknown_share", "score", "label_shares"):
        assert before[key] == after[key], key
    # The shares are sums in another order of words.
    assert before["token_buckets"][0] == pytest.approx(after["token_buckets"][0], rel=1e-12)
    assert after["token_buckets"][0] > 0, "each row's own word is unknown"


@pytest.mark.parametrize("candidate", ["lstm", "linear"])
def test_manifest_card_and_lineage_say_so(amas, both, candidate):
    home, off, on, _, parts = both
    rows = len(parts["train"]) + len(parts["valid"])
    manifest = read(on[candidate], "model.json")
    assert manifest["settings"]["train"]["refit"] is True
    assert manifest["lineage"]["refit"]["rows"] == rows
    chosen = manifest["lineage"]["refit"]["chosen"]
    assert chosen["train"]["epochs"] >= 1 if candidate == "lstm" else chosen["candidate"]["c"] >= 1
    assert "refit" not in read(off[candidate], "model.json")["lineage"]
    assert f"once more on the {rows} training and validation rows" in (on[candidate] / "card.md").read_text()
    versions = json.loads(subprocess.run([amas, "--home", home, "--json", "model", "list"], capture_output=True,
                                         check=True).stdout)
    version = str(next(row["version"] for row in versions if row["digest"] == on[candidate].name))
    chain = json.loads(subprocess.run([amas, "--home", home, "--json", "model", "show", "mail", "--version", version,
                                       "--lineage"], capture_output=True, check=True).stdout)
    assert next(stage for stage in chain if stage["stage"] == "refit")["rows"] == rows


def test_a_second_run_skips_the_refit_too(amas, specs, both):
    steps = run(amas, both[0], specs / "on.yaml")
    assert all(skipped for _, skipped in steps.values()), steps


def test_training_alone_refits_nothing(amas, specs, tmp_path):
    steps = run(amas, tmp_path / "home", specs / "on.yaml", "train")
    assert set(steps) == {"data", "train lstm", "train linear"}
