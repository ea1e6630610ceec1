"""`amas deploy` as a user meets it, and what a run makes of what was deployed by hand."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

USAGE, NO_INPUT = 64, 66  # sysexits.h, as src/base/result.cpp maps error codes


@pytest.fixture
def home(trained_home, tmp_path):
    """A copy of the trained home, to change."""
    return shutil.copytree(trained_home, tmp_path / "home")


def call(amas, home, *arguments):
    return subprocess.run([amas, "--home", home, *arguments], capture_output=True, text=True, timeout=300)


def test_the_list_for_machines_has_what_people_see(amas, home):
    heads = call(amas, home, "deploy", "--list").stdout.splitlines()[0].split()
    rows = json.loads(call(amas, home, "--json", "deploy", "--list").stdout)
    assert {"name" if head == "DEPLOYMENT" else head.lower() for head in heads} == rows[0].keys()


def deployed(amas, home):
    """The lone deployment as (version, variant)."""
    rows = json.loads(call(amas, home, "--json", "deploy", "--list").stdout)
    assert len(rows) == 1
    return rows[0]["version"], rows[0]["variant"]


def version_of(amas, home, candidate):
    models = json.loads(call(amas, home, "--json", "model", "list").stdout)
    return next(row["version"] for row in models if row["candidate"] == candidate)


def variants_of(amas, home, version):
    shown = call(amas, home, "--json", "model", "show", "mail", "--version", str(version))
    return [variant["name"] for variant in json.loads(shown.stdout)["variants"]]


@pytest.mark.parametrize("version", ["0", "-1", "99999999999999999999", "1.5", "two"])
@pytest.mark.parametrize("command", [["deploy", "mail"], ["model", "show", "mail"]])
def test_a_version_is_a_whole_number_from_1_up(amas, trained_home, command, version):
    refused = call(amas, trained_home, *command, "--version", version)
    assert refused.returncode == USAGE
    assert f"whole number from 1 up, not {version}" in refused.stderr


def test_without_a_variant_the_best_is_deployed_and_named(amas, home):
    version = version_of(amas, home, "lstm")
    call(amas, home, "deploy", "mail", "--version", str(version))
    best = deployed(amas, home)[1]
    for variant in variants_of(amas, home, version):
        call(amas, home, "deploy", "mail", "--version", str(version), "--variant", variant)
        assert deployed(amas, home) == (version, variant)
        shown = call(amas, home, "deploy", "mail", "--version", str(version))
        assert f"mail version {version} ({best})" in shown.stdout
        assert deployed(amas, home) == (version, best)


def test_removing_says_so(amas, home):
    assert "mail is deployed no more" in call(amas, home, "deploy", "mail", "--remove").stdout
    again = call(amas, home, "deploy", "mail", "--remove")
    assert again.returncode == NO_INPUT and "no such deployment: mail; there is none yet" in again.stderr


def test_removing_waits_until_the_server_answers_no_more(amas, home, serving):
    with serving(home) as server:
        call(amas, home, "deploy", "mail", "--as", "other")
        removed = call(amas, home, "deploy", "mail", "--remove")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{server.url}/v1/models/mail", timeout=10)
        assert removed.returncode == 0
        assert f"the server on port {server.port} answers for it no more" in removed.stdout
        assert json.loads(call(amas, home, "--json", "deploy", "other", "--remove").stdout)["server"] == "gone"


def test_a_run_that_brings_nothing_new_leaves_what_was_deployed_by_hand(amas, home, small_spec):
    chosen = deployed(amas, home)
    other = 1 if chosen[0] != 1 else 2
    call(amas, home, "deploy", "mail", "--version", str(other), "--variant", "fp32")
    for _ in range(2):
        run = call(amas, home, "run", small_spec)
        assert run.returncode == 0, run.stderr
        assert f"mail stays version {other} (fp32)" in run.stdout
        assert f"`amas deploy mail --version {chosen[0]} --variant {chosen[1]}`" in run.stdout
        assert deployed(amas, home) == (other, "fp32")
    call(amas, home, "deploy", "mail", "--version", str(chosen[0]), "--variant", chosen[1])
    assert "by hand" not in call(amas, home, "run", small_spec).stdout


def test_a_run_that_chooses_something_new_says_what_it_replaces(amas, home, small_spec, tmp_path):
    chosen, lstm = deployed(amas, home), version_of(amas, home, "lstm")
    call(amas, home, "deploy", "mail", "--version", str(lstm))
    unwanted = {chosen, deployed(amas, home)}
    variant = next(name for name in variants_of(amas, home, lstm) if (lstm, name) not in unwanted)
    call(amas, home, "deploy", "mail", "--version", str(lstm), "--variant", variant)
    # From here on a variant is deployed that no run chooses; the next run has but the other candidate.
    left_out = "lstm" if chosen[0] == lstm else "linear"
    shutil.copy(small_spec.parent / "texts.jsonl", tmp_path)
    kept = [line for line in small_spec.read_text().splitlines() if f"type: {left_out}" not in line]
    (tmp_path / "other.yaml").write_text("\n".join(kept) + "\n")
    run = call(amas, home, "run", tmp_path / "other.yaml")
    assert run.returncode == 0, run.stderr
    assert f"`amas deploy mail --version {lstm} --variant {variant}` brings it back" in run.stdout
    assert deployed(amas, home)[0] != chosen[0]


def test_the_compiled_engine_answers_as_the_general_one_within_what_its_manifest_says(amas, home):
    version = version_of(amas, home, "lstm")
    shown = json.loads(call(amas, home, "--json", "model", "show", "mail", "--version", str(version)).stdout)
    compiled = {variant["name"]: variant["details"] for variant in shown["variants"] if "compiled" in variant["name"]}
    assert {"compiled-float32", "compiled-int16"} <= set(compiled)
    assert compiled["compiled-float32"]["largest_difference"] < 1e-5
    text = "win a prize now click free money cash"
    scores = {}
    for options in (["--variant", "fp32"], *(["--variant", name] for name in compiled if not name.startswith("pruned"))):
        assert call(amas, home, "deploy", "mail", "--version", str(version), *options).returncode == 0
        scores[options[1]] = json.loads(call(amas, home, "--json", "predict", "mail", text).stdout)["scores"]
    for name, given in scores.items():
        bound = 2e-6 if name == "fp32" else 3 * compiled[name]["largest_difference"] + 1e-5
        assert given == pytest.approx(scores["fp32"], abs=bound), name


def test_an_engine_can_be_asked_for(amas, home):
    version = version_of(amas, home, "lstm")
    for engine in ("onnxruntime", "sequence"):
        done = call(amas, home, "deploy", "mail", "--version", str(version), "--engine", engine)
        assert done.returncode == 0, done.stderr
        assert ("compiled" in deployed(amas, home)[1]) == (engine == "sequence")
    refused = call(amas, home, "deploy", "mail", "--version", str(version), "--engine", "sequenze")
    assert refused.returncode != 0
    assert 'did you mean "sequence"?' in refused.stderr


@pytest.mark.parametrize("option", ["--variant", "--engine", "--as"])
def test_an_empty_word_is_refused(amas, home, option):
    before = deployed(amas, home)
    refused = call(amas, home, "deploy", "mail", option, "")
    assert refused.returncode == USAGE
    assert "empty" in refused.stderr
    assert deployed(amas, home) == before


def test_listing_and_removing_are_not_asked_for_at_once(amas, home):
    assert call(amas, home, "deploy", "--list", "--remove", "mail").returncode == USAGE
    deployed(amas, home)


def test_kernels_that_are_asked_for_in_vain_are_named(amas, home):
    checks = {}
    for kernels in ("portable", "nonsense"):
        done = subprocess.run(["env", f"AMAS_KERNELS={kernels}", amas, "--home", home, "--json", "doctor"], capture_output=True,
                              text=True, timeout=60)
        checks[kernels] = next(check for check in json.loads(done.stdout.splitlines()[0]) if check["check"] == "kernels")
    assert checks["portable"]["good"] and checks["portable"]["detail"].startswith("portable")
    assert not checks["nonsense"]["good"] and "nonsense" in checks["nonsense"]["detail"]


def test_int8_that_runs_as_int16_is_said_wherever_it_is_named(amas, home, serving):
    """Kernels without int8 stand for a processor without it."""
    version = version_of(amas, home, "lstm")
    if "compiled-int8" not in variants_of(amas, home, version):
        pytest.skip("this processor made no int8 variant")

    def with_avx2(*arguments):
        return subprocess.run(["env", "AMAS_KERNELS=avx2", amas, "--home", home, *arguments], capture_output=True,
                              text=True, timeout=300)

    doctor = next(line for line in with_avx2("doctor").stdout.splitlines() if " kernels " in line)
    if "avx2, as" not in doctor:
        pytest.skip("this processor does not run the kernels without int8")
    assert "compiled-int8 variants run as int16" in doctor
    shown = with_avx2("model", "show", "mail", "--version", str(version)).stdout
    rows = {line.split()[0]: line for line in shown.splitlines() if "compiled-" in line}
    assert {name for name, line in rows.items() if "runs as int16 on this processor" in line} == {
        name for name in rows if name.endswith("int8")}
    assert "runs as" not in call(amas, home, "model", "show", "mail", "--version", str(version)).stdout
    done = with_avx2("deploy", "mail", "--version", str(version), "--variant", "compiled-int8")
    assert done.returncode == 0 and "! compiled-int8 runs as int16 here" in done.stdout
    plain = call(amas, home, "deploy", "mail", "--version", str(version), "--variant", "compiled-int8")
    assert "runs as" not in plain.stdout
    with serving(home):
        pass
    loaded = [json.loads(line) for line in (home / "logs" / "serve.log").read_text().splitlines() if "model_loaded" in line]
    assert loaded[-1]["variant"] == "compiled-int8" and loaded[-1]["precision"] == "int8"
