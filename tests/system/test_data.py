"""The data step as a user meets it: what it says of tables that cannot be learnt from, and of rows it drops."""
import csv
import json
import re
import subprocess

import pytest


def call(amas, home, *arguments):
    return subprocess.run([amas, "--home", home, *arguments], capture_output=True, text=True, timeout=120)


def spec_over(folder, rows, data=""):
    """A spec over a CSV file with these rows of text and label."""
    with open(folder / "data.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    (folder / "x.yaml").write_text(f"name: x\ndata: {{source: data.csv{data}}}\n")
    return folder / "x.yaml"


def two_classes(rows):
    return [(f"some text number {row}", "ab"[row % 2]) for row in range(rows)]


def test_the_summary_names_every_kind_of_dropped_row(amas, tmp_path):
    rows = two_classes(200) + [("some text number 0", "a"), ("", "a"), ("  ", "b"), ("no label", ""),
                               ("both", "a"), ("both", "b")]
    done = call(amas, tmp_path / "home", "data", "import", spec_over(tmp_path, rows))
    assert done.returncode == 0, done.stderr
    assert ("200 of 206 rows in 1 file: dropped 1 duplicate, 2 contradictions, 2 empty texts, 1 row without target; "
            "train ") in done.stdout


def test_targets_that_are_no_classes_are_refused_before_training(amas, tmp_path):
    for label, words in (("id-{}", "too many classes"), ("{}.25", "a quantity"), ("same", "one class only")):
        spec = spec_over(tmp_path, [(f"text {row}", label.format(row)) for row in range(60)])
        failed = call(amas, tmp_path / "home", "train", spec)
        assert failed.returncode != 0
        assert failed.stderr.startswith("error: data: the target "), failed.stderr
        assert words in failed.stderr and 'column "label"' in failed.stderr and "data.target" in failed.stderr


def test_rare_classes_are_refused_or_dropped_as_the_spec_says(amas, tmp_path):
    rows = two_classes(100) + [("alone", "lonely")]
    failed = call(amas, tmp_path / "home", "data", "import", spec_over(tmp_path, rows))
    assert failed.returncode != 0 and '"lonely" (1 row)' in failed.stderr
    assert "data.clean: {rare_classes: drop}" in failed.stderr
    done = call(amas, tmp_path / "home", "data", "import",
                spec_over(tmp_path, rows, ", clean: {rare_classes: drop}"))
    assert "100 of 101 rows in 1 file: dropped 1 row of a rare class" in done.stdout, done.stderr


def test_a_class_that_the_split_keeps_from_training_is_refused(amas, tmp_path):
    failed = call(amas, tmp_path / "home", "data", "import",
                  spec_over(tmp_path, [(f"text {row}", f"class {row % 8}") for row in range(80)], ", split: {on: label}"))
    assert failed.returncode != 0 and "a class has no rows to train on" in failed.stderr, failed.stderr


# What a terminal acts on: a colour, a title, a cleared screen, C1's CSI, a reversed direction, a line of its own.
HOSTILE = "\x1b[31m\x1b]0;owned\x07\x1b[2J\u009b2J\u202e\nerror: all is lost"
SAFE = "\\x1b[31m\\x1b]0;owned\\x07\\x1b[2J\\x9b2J\\u202e\\nerror: all is lost"
ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def hostile_home(amas, tmp_path_factory):
    """A model whose texts, labels and columns hold control characters; with what its making printed."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = [{"text": f"{HOSTILE} {'money' if row % 2 else 'lunch'} {row}", "label": f"{HOSTILE} {row % 2}",
             f"column {HOSTILE}": row} for row in range(120)]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "x.yaml").write_text("name: x\ndata: {source: data.jsonl}\nmodel: {candidates: [{type: linear}]}\n")
    made = call(amas, folder / "home", "run", folder / "x.yaml")
    assert made.returncode == 0, made.stderr
    return folder, made.stdout


def test_no_foreign_text_reaches_the_terminal_as_it_is(amas, hostile_home):
    folder, made = hostile_home
    home = folder / "home"
    shown = {"run": made}
    for arguments in (("data", "look", folder / "data.jsonl"), ("data", "show", "x"), ("data", "list"),
                      ("model", "show", "x"), ("model", "show", "x", "--lineage"), ("model", "list"),
                      ("predict", "x", HOSTILE)):
        done = call(amas, home, *arguments)
        assert done.returncode == 0, done.stderr
        shown[" ".join(map(str, arguments))] = done.stdout
    (folder / "y.yaml").write_text("name: y\ndata: {source: data.jsonl, target: \"" + r"\e[31m" + "\"}\n")
    refused = call(amas, home, "data", "import", folder / "y.yaml")
    assert refused.returncode != 0
    shown["error"] = refused.stderr
    for command, text in shown.items():
        assert not ACTING.search(text), (command, text)
        assert not text.startswith("error: all is lost") and "\nerror: all is lost" not in text, command
    for command in ("run", f"data look {folder / 'data.jsonl'}", "data show x", "error", f"predict x {HOSTILE}"):
        assert SAFE in shown[command], (command, shown[command])
    assert "all is lost" in shown["model show x"]


def test_look_and_show_print_tables_for_people_and_json_for_machines(amas, tmp_path):
    rows = [("x" * (10 + row % 5), "ham" if row % 3 else "spam") for row in range(90)] + [("", "ham")]
    rows = [(f"{text} {row}", label) if text else (text, label) for row, (text, label) in enumerate(rows)]
    spec = spec_over(tmp_path, rows)
    assert call(amas, tmp_path / "home", "data", "import", spec).returncode == 0
    look = call(amas, tmp_path / "home", "data", "look", tmp_path / "data.csv").stdout
    show = call(amas, tmp_path / "home", "data", "show", "x").stdout
    assert f"{tmp_path / 'data.csv'}: 91 rows in 1 file" in look
    assert "x version 1: 90 of 91 rows in 1 file: dropped 1 empty text; train " in show
    for text, missing in ((look, "1"), (show, "0")):
        lines = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
        assert lines["COLUMN"] == ["COLUMN", "TYPE", "MISSING", "DISTINCT", "MIN", "MEAN", "MAX", "HISTOGRAM"]
        table = [line.split() for line in text.splitlines() if " string " in line]
        assert table[0][:5] == ["text", "string", missing, "90", "12"]
        assert table[1][:5] == ["label", "string", "0", "2", "3"]
        assert len(table[0][7]) == 20 and set(table[0][7]) <= set("·▁▂▃▄▅▆▇█") and "█" in table[0][7]
        assert re.search(r"label  ham ×6[01] \(6\d\.\d %\), spam ×30 \(3\d\.\d %\)", text), text
        assert '"xxxxxxxxxx 0"' in text
    document = json.loads(call(amas, tmp_path / "home", "--json", "data", "look", tmp_path / "data.csv").stdout)
    assert document["rows"] == 91 and document["profile"]["columns"][0]["missing"] == 1
    document = json.loads(call(amas, tmp_path / "home", "--json", "data", "show", "x").stdout)
    assert document["detail"]["clean"]["empty"] == 1 and document["profile"]["rows"] == 90


def test_an_import_says_its_columns_in_a_short_list(amas, tmp_path):
    names = [f"c{column}" for column in range(20)]
    with open(tmp_path / "data.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label", *names), *((*row, *range(20)) for row in two_classes(60))])
    (tmp_path / "x.yaml").write_text("name: x\ndata: {source: data.csv}\n")
    done = call(amas, tmp_path / "home", "data", "import", tmp_path / "x.yaml")
    assert "columns: text (string), label (string), c0 (int64), " in done.stdout, done.stdout + done.stderr
    assert "c9 (int64) and 10 more; text: text, target: label" in done.stdout


def test_show_takes_a_version_by_option_or_with_the_name(amas, tmp_path):
    home = tmp_path / "home"
    for rows in (60, 80):
        assert call(amas, home, "data", "import", spec_over(tmp_path, two_classes(rows))).returncode == 0
    for arguments, rows in ((["x", "--version", "1"], 60), (["x@1"], 60), (["x", "--version", "2"], 80), (["x"], 80)):
        shown = json.loads(call(amas, home, "--json", "data", "show", *arguments).stdout)
        assert shown["profile"]["rows"] == rows, arguments
    assert 'no such dataset: x@3' in call(amas, home, "data", "show", "x", "--version", "3").stderr
    assert "named twice" in call(amas, home, "data", "show", "x@1", "--version", "1").stderr
    assert "see `amas data list`" in call(amas, home, "data", "show", "x", "--version", "0").stderr


@pytest.mark.parametrize("name, content", [
    ("empty.csv", ""), ("blank.csv", "\n\n"), ("header.csv", "text,label\n"), ("ragged.csv", "text,label\na,b\na,b,c\n"),
    ("empty.jsonl", ""), ("blank.jsonl", "\n"), ("broken.jsonl", '{"text": \n'), ("list.jsonl", "[1]\n"),
    ("empty.parquet", ""), ("broken.parquet", "PAR1 nothing PAR1"),
])
def test_a_fault_of_the_data_ends_with_the_status_of_data(amas, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    looked = call(amas, tmp_path / "home", "data", "look", tmp_path / name)
    (tmp_path / "x.yaml").write_text(f"name: x\ndata: {{source: {name}}}\n")
    imported = call(amas, tmp_path / "home", "data", "import", tmp_path / "x.yaml")
    for ended in (looked, imported):
        assert ended.returncode == 65 and name in ended.stderr, ended.stderr  # sysexits.h: EX_DATAERR


def test_a_mean_that_is_only_rounding_is_shown_as_0(amas, tmp_path):
    numbers = [0.1, 0.2, -0.3, 0.7, -0.7] * 20
    lines = "".join(f"text {row},{number},{number / 1e20},{number / 1e20 + 1e-21}\n" for row, number in enumerate(numbers))
    (tmp_path / "x.csv").write_text("text,around,tiny,small\n" + lines)
    profile = json.loads(call(amas, tmp_path, "--json", "data", "look", tmp_path / "x.csv").stdout)["profile"]
    assert 0 < abs(profile["columns"][1]["mean"]) < 1e-15  # else this tests nothing
    shown = call(amas, tmp_path, "data", "look", tmp_path / "x.csv").stdout.splitlines()
    means = {line.split()[0]: line.split()[5] for line in shown if " float64 " in line}
    assert means["around"] == "0" and means["tiny"] == "0"
    assert means["small"] == "1e-21"


def test_an_empty_spec_is_named(amas, tmp_path):
    for content in ("", "# nothing\n", "---\n"):
        (tmp_path / "empty.yaml").write_text(content)
        ended = call(amas, tmp_path / "home", "run", tmp_path / "empty.yaml")
        assert ended.returncode == 64 and str(tmp_path / "empty.yaml") in ended.stderr, ended.stderr
