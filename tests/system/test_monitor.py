"""What `amas monitor` shows of what the server tells."""

import shutil

import pytest
from command import call
from pretended import pretended_server


@pytest.fixture
def home(trained_home, tmp_path):
    """A copy of the trained home, to change."""
    return shutil.copytree(trained_home, tmp_path / "home")


def anomaly(series, **told):
    return {"series": series, "state": "usual", "active": False, "points": 21, "points_min": 21, "point_seconds": 2.0,
            "point_requests": 0, "score": 0.5} | told


def lines_of(amas, home, *anomalies):
    report = {"deployment": "mail", "version": 1, "anomalies": anomalies}
    with pretended_server(home, {"reports": [report]}):
        return call(amas, home, "monitor", "--once").stdout.splitlines()[1:-1]


def test_values_have_their_unit(amas, home):
    latency, errors, traffic = lines_of(amas, home, anomaly("latency", value=812.4, baseline=790.6),
                                        anomaly("error_rate", value=0.25, baseline=0.001),
                                        anomaly("traffic", state="unusual", active=True, value=300, baseline=5))
    assert "usual     now 812 µs, usual 791 µs, score 0.50" in latency
    assert "usual     now 25.0 %, usual 0.1 %" in errors
    assert "UNUSUAL   now 150.0 requests/s, usual 2.5 requests/s" in traffic


def test_before_anything_is_known_it_says_what_is_missing(amas, home):
    latency, traffic = lines_of(amas, home, anomaly("latency", state="learning", points=3, point_requests=10, value=0),
                                anomaly("traffic", state="learning", points=20, value=1))
    assert "learning: 3 of 21 points seen, each of 2 s or more, with 10 requests" in latency
    assert "learning: 20 of 21 points seen, each of 2 s" in traffic
    assert "usual" not in latency + traffic
