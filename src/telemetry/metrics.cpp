#include "telemetry/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <variant>

#include "base/text.h"
#include "base/threads.h"

namespace amas::telemetry {
namespace {

constexpr const char* kDroppedName = "amas_metric_series_dropped_total";

using Instrument = std::variant<std::shared_ptr<Counter>, std::shared_ptr<Gauge>, std::shared_ptr<Histogram>>;

// `kind` is the index of the instrument in the variant.
struct Family {
  std::size_t kind = 0;
  std::string help;
  std::vector<double> bounds;
  std::map<Labels, Instrument> series;
};

using Families = std::map<std::string, Family>;

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') out += "\\\\";
    else if (c == '\n') out += "\\n";
    else if (c == '"' && quotes) out += "\\\"";
    else out += c;
  }
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

// {a="x",b="y"}; `bound` adds le as the last label of a histogram's bucket.
std::string label_set(const Labels& labels, const std::string& bound = {}) {
  std::string out;
  for (const auto& [name, value] : labels) {
    out += out.empty() ? '{' : ',';
    out += name + "=\"";
    append_escaped(out, value, true);
    out += '"';
  }
  if (!bound.empty()) {
    out += out.empty() ? '{' : ',';
    out += "le=\"" + bound + '"';
  }
  if (!out.empty()) out += '}';
  return out;
}

void render_series(std::string& out, const std::string& name, const Labels& labels, const Counter& counter) {
  out += fmt::format("{}{} {}\n", name, label_set(labels), counter.value());
}

void render_series(std::string& out, const std::string& name, const Labels& labels, const Gauge& gauge) {
  out += fmt::format("{}{} {}\n", name, label_set(labels), number(gauge.value()));
}

// The count is what the buckets add up to, so that a scrape in the middle of an observation agrees with
// itself.
void render_series(std::string& out, const std::string& name, const Labels& labels,
                   const Histogram& histogram) {
  const double sum = histogram.sum();
  const std::vector<std::uint64_t> counts = histogram.counts();
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    below += counts[i];
    const std::string bound = i < histogram.bounds().size() ? number(histogram.bounds()[i]) : "+Inf";
    out += fmt::format("{}_bucket{} {}\n", name, label_set(labels, bound), below);
  }
  out += fmt::format("{}_sum{} {}\n", name, label_set(labels), number(sum));
  out += fmt::format("{}_count{} {}\n", name, label_set(labels), below);
}

void render_family(std::string& out, const std::string& name, const Family& family) {
  static constexpr const char* kKinds[] = {"counter", "gauge", "histogram"};
  if (family.series.empty()) return;
  out += "# HELP " + name + ' ';
  append_escaped(out, family.help, false);
  out += fmt::format("\n# TYPE {} {}\n", name, kKinds[family.kind]);
  for (const auto& [labels, instrument] : family.series)
    std::visit([&](const auto& held) { render_series(out, name, labels, *held); }, instrument);
}

// A label value comes from model and tenant names; the exposition format must be UTF-8.
Labels clean(const Labels& labels) {
  Labels cleaned = labels;
  for (auto& [name, value] : cleaned) value = to_valid_utf8(value);
  return cleaned;
}

Labels others(Labels labels) {
  for (auto& [name, value] : labels) value = "other";
  return labels;
}

template <class T>
constexpr std::size_t kind_of() {
  return std::is_same_v<T, Counter> ? 0 : std::is_same_v<T, Gauge> ? 1 : 2;
}

}  // namespace

void Gauge::add(double delta) { value_.fetch_add(delta, std::memory_order_relaxed); }

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(double value) {
  if (std::isnan(value)) return;
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<std::size_t>(at - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> counts(counts_.size());
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = counts_[i].load(std::memory_order_relaxed);
  return counts;
}

double Histogram::quantile(double q) const {
  const std::vector<std::uint64_t> counts = this->counts();
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) total += count;
  if (total == 0 || bounds_.empty()) return 0;
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(total);
  double below = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    const auto count = static_cast<double>(counts[i]);
    if (count > 0 && below + count >= rank) {
      const double left = i > 0 ? bounds_[i - 1] : std::min(0.0, bounds_[0]);
      return left + (bounds_[i] - left) * std::max(0.0, rank - below) / count;
    }
    below += count;
  }
  // Beyond the last bound nothing more is known than that.
  return bounds_.back();
}

std::vector<double> latency_bounds() {
  return {1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10};
}

struct MetricRegistry::State {
  explicit State(std::size_t most) : series_max(most) {}

  const std::size_t series_max;
  const std::shared_ptr<Counter> dropped = std::make_shared<Counter>();
  Guarded<Families> families;
  Guarded<std::vector<std::function<void()>>> refreshers;

  // A name that is already another kind of metric is a mistake in our own code: the caller gets one that
  // nobody sees, and the count of dropped series shows it.
  template <class T, class Make>
  std::shared_ptr<T> find(const std::string& name, const std::string& help, const Labels& labels, Make make) {
    return families.with([&](Families& all) -> std::shared_ptr<T> {
      Family& family = all.try_emplace(name, Family{kind_of<T>(), help, {}, {}}).first->second;
      if (family.kind != kind_of<T>() || name == kDroppedName) {
        dropped->add();
        return make(family);
      }
      Labels key = clean(labels);
      auto at = family.series.find(key);
      if (at == family.series.end() && family.series.size() >= series_max) {
        dropped->add();
        key = others(std::move(key));
        at = family.series.find(key);
      }
      if (at == family.series.end()) at = family.series.emplace(std::move(key), make(family)).first;
      return std::get<std::shared_ptr<T>>(at->second);
    });
  }
};

MetricRegistry::MetricRegistry(std::size_t series_max) : state_(std::make_unique<State>(series_max)) {
  state_->families.with([&](Families& all) {
    all[kDroppedName] = Family{
        0, "Label sets that were not kept because their family was full.", {}, {{Labels{}, state_->dropped}}};
  });
}

MetricRegistry::~MetricRegistry() = default;

std::shared_ptr<Counter> MetricRegistry::counter(const std::string& name, const std::string& help,
                                                 const Labels& labels) {
  return state_->find<Counter>(name, help, labels, [](Family&) { return std::make_shared<Counter>(); });
}

std::shared_ptr<Gauge> MetricRegistry::gauge(const std::string& name, const std::string& help,
                                             const Labels& labels) {
  return state_->find<Gauge>(name, help, labels, [](Family&) { return std::make_shared<Gauge>(); });
}

std::shared_ptr<Histogram> MetricRegistry::histogram(const std::string& name, const std::string& help,
                                                     const std::vector<double>& bounds,
                                                     const Labels& labels) {
  return state_->find<Histogram>(name, help, labels, [&](Family& family) {
    if (family.bounds.empty()) family.bounds = bounds;
    return std::make_shared<Histogram>(family.bounds);
  });
}

void MetricRegistry::remove(const std::string& label, const std::string& value) {
  const std::pair<std::string, std::string> wanted(label, to_valid_utf8(value));
  state_->families.with([&](Families& all) {
    for (auto& [name, family] : all)
      std::erase_if(family.series, [&](const auto& series) {
        return std::find(series.first.begin(), series.first.end(), wanted) != series.first.end();
      });
  });
}

void MetricRegistry::remove_series(const std::string& name, const Labels& labels) {
  state_->families.with([&](Families& all) {
    const auto family = all.find(name);
    if (family != all.end()) family->second.series.erase(clean(labels));
  });
}

void MetricRegistry::before_render(std::function<void()> refresh) {
  state_->refreshers.with([&](auto& all) { all.push_back(std::move(refresh)); });
}

std::string MetricRegistry::render() const {
  // Outside the lock: a refresher may ask for series.
  for (const auto& refresh : state_->refreshers.with([](const auto& all) { return all; })) refresh();
  return state_->families.with([](const Families& all) {
    std::string out;
    for (const auto& [name, family] : all) render_family(out, name, family);
    return out;
  });
}

}  // namespace amas::telemetry
