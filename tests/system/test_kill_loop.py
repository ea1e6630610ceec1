"""`amas run` killed with SIGKILL at many moments always ends in the same packages as one that is left alone."""

import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

KILLS = 24


def run_command(amas, home, spec):
    return [str(amas), "--home", str(home), "--json", "run", str(spec)]


def packages(amas, home):
    listed = subprocess.run([str(amas), "--home", str(home), "--json", "model", "list"], check=True, capture_output=True)
    return sorted((row["candidate"], row["digest"]) for row in json.loads(listed.stdout))


def datasets(amas, home):
    listed = subprocess.run([str(amas), "--home", str(home), "--json", "data", "list"], check=True, capture_output=True)
    return [row["digest"] for row in json.loads(listed.stdout)]


def leftovers(home):
    """Anything half-written that a reader could take for whole: temporary files under blobs or packages."""
    return [p for kind in ("blobs", "packages") for p in pathlib.Path(home, kind).rglob("*.tmp*")]


@pytest.fixture(scope="module")
def refit_spec(small_spec, tmp_path_factory):
    """The small spec with a second training of what the first has chosen, so that every step of a run is there."""
    folder = tmp_path_factory.mktemp("refit-spec")
    (folder / "texts.jsonl").write_bytes(small_spec.with_name("texts.jsonl").read_bytes())
    (folder / "mail.yaml").write_text(small_spec.read_text().replace("train: {", "train: {refit: on, "))
    return folder / "mail.yaml"


@pytest.fixture(scope="module")
def undisturbed(amas, refit_spec, tmp_path_factory):
    home = tmp_path_factory.mktemp("undisturbed")
    begin = time.monotonic()
    run = subprocess.run(run_command(amas, home, refit_spec), check=True, capture_output=True, text=True, timeout=300)
    assert "refit lstm" in run.stdout and "refit linear" in run.stdout
    return packages(amas, home), datasets(amas, home), time.monotonic() - begin


def test_a_run_that_is_killed_again_and_again_ends_in_the_same_digests(amas, refit_spec, undisturbed, tmp_path):
    wanted_packages, wanted_datasets, seconds = undisturbed
    moments = random.Random(11)
    kills = 0
    home = tmp_path / "home-0"
    while kills < KILLS:
        # Every other time its whole process group is killed, as when a machine dies; else amas alone, whose workers must
        # not survive it. The moment is spread over the run.
        run = subprocess.Popen(run_command(amas, home, refit_spec), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
        try:
            run.wait(timeout=moments.uniform(0.02, max(0.3, seconds * 0.6)))
        except subprocess.TimeoutExpired:
            if kills % 2:
                os.killpg(run.pid, signal.SIGKILL)
            else:
                run.kill()
            run.wait()
            kills += 1
            continue
        # It ended by itself, going on from what the killed ones left: it must be the same. Then begin anew.
        assert run.returncode == 0
        assert packages(amas, home) == wanted_packages
        home = tmp_path / f"home-{kills}"
    subprocess.run(run_command(amas, home, refit_spec), check=True, capture_output=True, timeout=300)
    assert packages(amas, home) == wanted_packages
    assert datasets(amas, home) == wanted_datasets
    assert leftovers(home) == []


def test_a_second_run_skips_everything_and_says_so(amas, small_spec, tmp_path):
    subprocess.run(run_command(amas, tmp_path, small_spec), check=True, capture_output=True, timeout=300)
    again = subprocess.run(run_command(amas, tmp_path, small_spec), check=True, capture_output=True, timeout=300)
    finished = [event for event in map(json.loads, again.stdout.splitlines()) if event.get("event") == "finished"]
    assert finished and all(event["skipped"] for event in finished), finished


def test_only_what_a_change_touches_is_done_again(amas, small_spec, tmp_path):
    home = tmp_path / "home"
    subprocess.run(run_command(amas, home, small_spec), check=True, capture_output=True, timeout=300)
    changed = tmp_path / "changed.yaml"
    changed.write_text(pathlib.Path(small_spec).read_text().replace("accuracy_drop_max: 0.05", "accuracy_drop_max: 0.04"))
    (tmp_path / "texts.jsonl").write_bytes(pathlib.Path(small_spec).with_name("texts.jsonl").read_bytes())
    again = subprocess.run(run_command(amas, home, changed), check=True, capture_output=True, timeout=300)
    done = {event["step"]: event["skipped"] for event in map(json.loads, again.stdout.splitlines())
            if event.get("event") == "finished"}
    assert done["data"] and done["train lstm"] and done["train linear"]
    assert not done["optimise lstm"]
