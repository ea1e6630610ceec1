"""The data step as a user meets it: what it says of tables that cannot be learnt from, and of rows it drops."""
import csv
import subprocess


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
