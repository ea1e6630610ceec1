"""Drift as a user sees it: a filter trained on real mail, asked with mail it has not seen, then with something else."""

import json
import pathlib
import random
import re
import subprocess
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAIL = ROOT / "third_party/spam-assassin/data"

SPEC = f"""\
name: spam
data:
  source: {MAIL}
  format: mail
  labels: {{ham: ["easy-ham-*/*.txt", "hard-ham-*/*.txt"], spam: "spam-*/*.txt"}}
model: {{candidates: [{{type: linear, ngrams: 1, min_df: 2, c: 64}}]}}
optimise: {{methods: []}}
"""

CHINESE = "今天 天气 很好 我们 去 公园 散步 这个 产品 质量 不错 价格 便宜 明天 开会 请 准备 材料 谢谢 合作 发票 优惠 公司 客户".split()


@pytest.fixture(scope="module")
def mail_home(amas, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mail")
    (folder / "spam.yaml").write_text(SPEC)
    run = subprocess.run([amas, "--home", folder / "home", "run", folder / "spam.yaml"], capture_output=True, text=True,
                         timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "home"


def unseen_mail(amas, home):
    """Texts of the test rows, in an order of chance: what normal traffic looks like."""
    digest = json.loads(subprocess.run([amas, "--home", home, "--json", "data", "list"], check=True,
                                       capture_output=True).stdout)[0]["digest"]
    with open(home / "blobs" / digest[:2] / digest, encoding="utf-8") as file:
        names = [column["name"] for column in json.loads(next(file))["columns"]]
        rows = [json.loads(line) for line in file]
    texts = [row[1 + names.index("text")] for row in rows if row[0] == "test"]
    random.Random(3).shuffle(texts)
    return texts


def ask(server, texts):
    for begin in range(0, len(texts), 20):
        body = json.dumps({"instances": texts[begin:begin + 20]}).encode()
        with urllib.request.urlopen(f"{server.url}/v1/models/spam:predict", body, timeout=30) as answer:
            assert len(json.load(answer)["predictions"]) == len(texts[begin:begin + 20])


def drift(amas, home):
    """State of each statistic."""
    shown = subprocess.run([amas, "--home", home, "--json", "monitor", "--once"], check=True, capture_output=True)
    return {finding["statistic"]: finding["state"] for finding in json.loads(shown.stdout)["reports"][0]["drift"]}


def test_normal_traffic_is_steady(amas, mail_home, serving):
    with serving(mail_home) as server:
        ask(server, unseen_mail(amas, mail_home)[:600])
        assert set(drift(amas, mail_home).values()) == {"steady"}, drift(amas, mail_home)


def test_chinese_text_is_named_as_drift_of_words(amas, mail_home, serving):
    chance = random.Random(4)
    with serving(mail_home) as server:
        ask(server, unseen_mail(amas, mail_home)[:300])
        ask(server, [" ".join(chance.choices(CHINESE, k=chance.randint(20, 200))) for _ in range(500)])
        states = drift(amas, mail_home)
        assert states["unknown_words"] == "drifted", states
        assert states["words"] == "drifted", states


def test_headers_instead_of_bodies_are_named_as_drift(amas, mail_home, serving):
    files = sorted(MAIL.glob("easy-ham-1/*.txt"))[:500]
    headers = [file.read_bytes().decode("latin-1").split("\n\n")[0] for file in files]
    with serving(mail_home) as server:
        ask(server, headers)
        assert drift(amas, mail_home)["words"] == "drifted", drift(amas, mail_home)


def test_too_few_rows_give_no_verdict(amas, mail_home, serving):
    with serving(mail_home) as server:
        ask(server, ["one", "two"])
        assert set(drift(amas, mail_home).values()) == {"learning"}
        shown = subprocess.run([amas, "--home", mail_home, "monitor", "--once"], check=True, capture_output=True,
                               text=True).stdout
        assert shown.count("learning: 2 of 100 rows seen") == len(drift(amas, mail_home)), shown
        assert shown.count("learning: 0 of 21 points seen, each of 1 s or more, with 10 requests") == 2, shown
        assert re.search(r"traffic .* learning: \d+ of 21 points seen, each of 1 s\n", shown), shown
        assert " usual " not in shown
