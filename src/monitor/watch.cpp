#include "monitor/watch.h"

#include <algorithm>
#include <map>

#include "base/threads.h"
#include "monitor/request_series.h"
#include "monitor/version_drift.h"

namespace amas::monitor {
namespace {

using telemetry::Gauge;
using telemetry::Labels;
using telemetry::MetricRegistry;

struct Key {
  std::string deployment;
  std::int64_t version;
};

struct KeyView {
  std::string_view deployment;
  std::int64_t version;
};

// Finds a key without making a string of its name.
struct KeyLess {
  using is_transparent = void;
  template <class Left, class Right>
  bool operator()(const Left& left, const Right& right) const {
    const int order = std::string_view(left.deployment).compare(right.deployment);
    return order != 0 ? order < 0 : left.version < right.version;
  }
};

// The gauges of one version, which leave the registry with it. Reports of one version always have the same
// findings in the same order.
class Gauges {
 public:
  Gauges(MetricRegistry& metrics, const WatchReport& first) : metrics_(metrics) {
    for (const DriftFinding& drift : first.drift) {
      make("amas_drift_effect",
           "Jensen-Shannon distance of live rows from the reference, less what chance gives.", first,
           {"statistic", drift.statistic});
      make("amas_drift_state", "Drift: 0 learning, 1 steady, 2 shifting, 3 drifted.", first,
           {"statistic", drift.statistic});
    }
    for (const AnomalyFinding& anomaly : first.anomalies)
      make("amas_anomaly_active", "1 while the series is unusual.", first, {"series", anomaly.series});
  }
  Gauges(const Gauges&) = delete;
  Gauges& operator=(const Gauges&) = delete;
  ~Gauges() {
    for (const Entry& entry : entries_) metrics_.remove_series(entry.name, entry.labels);
  }

  void set(const WatchReport& report) {
    auto next = entries_.begin();
    for (const DriftFinding& drift : report.drift) {
      (next++)->gauge->set(drift.effect);
      (next++)->gauge->set(static_cast<double>(drift.state));
    }
    for (const AnomalyFinding& anomaly : report.anomalies) (next++)->gauge->set(anomaly.active ? 1 : 0);
  }

 private:
  struct Entry {
    std::string name;
    Labels labels;
    std::shared_ptr<Gauge> gauge;
  };

  void make(const char* name, const char* help, const WatchReport& report,
            std::pair<std::string, std::string> last) {
    Labels labels = {
        {"model", report.deployment}, {"version", std::to_string(report.version)}, std::move(last)};
    auto gauge = metrics_.gauge(name, help, labels);
    entries_.push_back({name, std::move(labels), std::move(gauge)});
  }

  MetricRegistry& metrics_;
  std::vector<Entry> entries_;
};

// All that is known of one version.
struct Feed {
  VersionDrift drift;
  RequestSeries series;
  std::uint64_t rows = 0;
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;

  WatchReport report(const Key& key) const {
    return {.deployment = key.deployment,
            .version = key.version,
            .rows = rows,
            .requests = requests,
            .errors = errors,
            .latency_p50_us = series.latency_us(0.5),
            .latency_p99_us = series.latency_us(0.99),
            .drift = drift.findings(),
            .anomalies = series.findings()};
  }
};

// The feed is shared with requests that are still being counted while the version is removed; the gauges go
// at once.
struct Watched {
  std::shared_ptr<Guarded<Feed>> feed;
  std::unique_ptr<Gauges> gauges;
};

using Versions = std::map<Key, Watched, KeyLess>;

}  // namespace

struct Watch::State {
  WatchOptions options;
  MetricRegistry& metrics;
  const Clock& clock;
  Guarded<Versions> versions = {};

  std::shared_ptr<Guarded<Feed>> find(std::string_view deployment, std::int64_t version) {
    return versions.with([&](const Versions& all) -> std::shared_ptr<Guarded<Feed>> {
      const auto at = all.find(KeyView{deployment, version});
      return at == all.end() ? nullptr : at->second.feed;
    });
  }
};

Watch::Watch(WatchOptions options, MetricRegistry& metrics, const Clock& clock)
    : state_(new State{options, metrics, clock}) {}
Watch::~Watch() = default;

void Watch::add(const std::string& deployment, std::int64_t version, const model::Profile& profile,
                const std::vector<std::string>& labels) {
  const WatchOptions& options = state_->options;
  const DriftBounds bounds{options.window_rows, options.rows_min, options.shifting_at, options.drifted_at};
  remove(deployment, version);
  Key key{deployment, version};
  Feed feed{VersionDrift(profile, labels.size(), bounds),
            RequestSeries(options.tick_us, options.baseline_ticks, state_->clock)};
  auto gauges = std::make_unique<Gauges>(state_->metrics, feed.report(key));
  Watched watched{std::make_shared<Guarded<Feed>>(std::move(feed)), std::move(gauges)};
  state_->versions.with([&](Versions& all) { all.insert_or_assign(std::move(key), std::move(watched)); });
}

void Watch::remove(const std::string& deployment, std::int64_t version) {
  Watched removed;  // freed outside the lock
  state_->versions.with([&](Versions& all) {
    const auto at = all.find(KeyView{deployment, version});
    if (at == all.end()) return;
    removed = std::move(at->second);
    all.erase(at);
  });
}

void Watch::on_rows(const std::string& deployment, std::int64_t version,
                    std::span<const features::TextObservation> observed, std::span<const float> scores,
                    std::size_t classes) {
  const auto guarded = state_->find(deployment, version);
  if (!guarded) return;
  guarded->with([&](Feed& feed) {
    feed.rows += std::max(observed.size(), classes == 0 ? 0 : scores.size() / classes);
    feed.drift.add_texts(observed);
    feed.drift.add_scores(scores, classes);
  });
}

void Watch::on_request(const std::string& deployment, std::int64_t version, Code, bool ok,
                       std::int64_t latency_us) {
  const auto guarded = state_->find(deployment, version);
  if (!guarded) return;
  guarded->with([&](Feed& feed) {
    ++feed.requests;
    feed.errors += ok ? 0 : 1;
    feed.series.add(ok, latency_us);
  });
}

std::vector<WatchReport> Watch::reports() {
  return state_->versions.with([](Versions& all) {
    std::vector<WatchReport> reports;
    for (auto& [key, watched] : all) {
      reports.push_back(watched.feed->with([&](Feed& feed) {
        feed.series.advance();
        return feed.report(key);
      }));
      watched.gauges->set(reports.back());
    }
    return reports;
  });
}

}  // namespace amas::monitor
