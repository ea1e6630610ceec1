"""Reads Prometheus text on standard input with Prometheus's own Python client and compares it with what metrics_test
put in. Exits 1, with the difference, when a value is not what it should be."""
import math
import sys

from prometheus_client.parser import text_string_to_metric_families

text = sys.stdin.buffer.read().decode("utf-8")
families = {family.name: family for family in text_string_to_metric_families(text)}
samples = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families.values() for s in f.samples}


def expect(name, value, **labels):
    got = samples[name, tuple(sorted(labels.items()))]
    if got != value and not (math.isnan(got) and math.isnan(value)):
        sys.exit(f"{name}{labels}: {got} instead of {value}")


expect("amas_requests_total", 7, model="spam", version="1")
expect("amas_requests_total", 1, model='a"b\\c\nd\ufffd', version="2")
expect("amas_queue_rows", -2.5)
expect("amas_ratio", math.nan, kind="nan")
expect("amas_ratio", math.inf, kind="inf")
values = [0.000001, 0.00001, 0.003, 0.7, 99.0]
for bound in [m * 10.0**e for e in range(-5, 1) for m in (1, 2, 5)] + [10.0, math.inf]:
    count = sum(v <= bound * (1 + 1e-12) for v in values)
    le = [dict(l)["le"] for (n, l) in samples if n == "amas_latency_seconds_bucket"
          and math.isclose(float(dict(l)["le"]), bound)]
    expect("amas_latency_seconds_bucket", count, stage="engine", le=le[0])
expect("amas_latency_seconds_count", 5, stage="engine")
expect("amas_latency_seconds_sum", sum(values), stage="engine")
kinds = {name: family.type for name, family in families.items()}
for name, kind in {"amas_requests": "counter", "amas_queue_rows": "gauge", "amas_latency_seconds": "histogram",
                   "amas_process_resident_memory_bytes": "gauge"}.items():
    if kinds[name] != kind:
        sys.exit(f"{name} is a {kinds[name]}, not a {kind}")
if families["amas_queue_rows"].documentation != "Rows that wait.\nAcross all models, with a \\ in between.":
    sys.exit("help came back as " + repr(families["amas_queue_rows"].documentation))
