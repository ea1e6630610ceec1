#include "optimise/optimise.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "model/onnx.h"
#include "optimise/difference.h"

namespace amas::optimise {
namespace {

constexpr std::array kUnitShares{0.5, 0.625, 0.75, 0.875};
constexpr std::array kVocabularyShares{0.1, 0.25, 0.5, 0.75};
/// Room for the rounding of accuracies that are fractions of rows.
constexpr double kRounding = 1e-9;

/// Judges graphs on the validation rows against the fp32 graph.
class Judge {
 public:
  Judge(const JudgeRows& rows, engine::EngineSet& engines, double accuracy_drop_max)
      : rows_(rows), engines_(engines), accuracy_drop_max_(accuracy_drop_max) {}

  engine::EngineSet& engines() const { return engines_; }

  Result<VariantResult> judge(std::string name, std::string onnx, Json details,
                              const engine::LoadOptions& load = {}) {
    VariantResult variant{
        .name = std::move(name), .onnx = std::move(onnx), .load = load, .details = std::move(details)};
    AMAS_TRY(const auto loaded, engines_.load(variant.onnx, load));
    AMAS_TRY(variant.scores, score_rows(*loaded, *rows_.inputs));
    AMAS_TRY(variant.metrics, rows_.evaluate(variant.scores));
    const auto accuracy = variant.metrics.find("accuracy");
    if (accuracy == variant.metrics.end())
      return invalid_argument("variants cannot be judged: \"accuracy\" is not among the metrics");
    if (!reference_) reference_ = accuracy->second;
    variant.accuracy_drop = *reference_ - accuracy->second;
    variant.allowed = variant.accuracy_drop <= accuracy_drop_max_ + kRounding;
    return variant;
  }

 private:
  const JudgeRows& rows_;
  engine::EngineSet& engines_;
  const double accuracy_drop_max_;
  std::optional<double> reference_;  ///< the first graph's accuracy
};

/// Looks for the smallest pruned form of one graph that is still good enough.
class PruneSearch {
 public:
  PruneSearch(std::string_view onnx, std::int64_t units, Judge& judge)
      : onnx_(onnx), units_(units), judge_(judge) {}

  /// Finds the least share of units and the least share of vocabulary, each with all of the other, then puts
  /// both together and gives back what together costs too much. Nothing when no form is smaller than the
  /// graph; a form that is not allowed when all cost too much.
  Result<std::optional<VariantResult>> find() {
    PruneOptions best{.keep_units = 1, .keep_vocabulary = 1};
    if (units_ > 0) AMAS_CHECK(find_least(kUnitShares, best, &PruneOptions::keep_units));
    PruneOptions rows{.keep_units = 1, .keep_vocabulary = 1};
    AMAS_CHECK(find_least(kVocabularyShares, rows, &PruneOptions::keep_vocabulary));
    best.keep_vocabulary = rows.keep_vocabulary;
    while (best.keep_units < 1 && best.keep_vocabulary < 1) {
      AMAS_TRY(const bool allowed, try_shares(best));
      if (allowed) return smallest_;
      best.keep_vocabulary = next_share(best.keep_vocabulary);
    }
    return smallest_;
  }

 private:
  static double next_share(double share) {
    const auto next = std::ranges::upper_bound(kVocabularyShares, share);
    return next == kVocabularyShares.end() ? 1.0 : *next;
  }

  template <std::size_t N>
  Status find_least(const std::array<double, N>& shares, PruneOptions& options, double PruneOptions::*share) {
    for (const double one : shares) {
      options.*share = one;
      AMAS_TRY(const bool allowed, try_shares(options));
      if (allowed) return {};
    }
    options.*share = 1;
    return {};
  }

  /// Whether the form is smaller than the graph and good enough; remembers the smallest such, or else the
  /// best.
  Result<bool> try_shares(const PruneOptions& options) {
    if (options.keep_units < 1 && kept_units(units_, options.keep_units) == units_) return false;
    AMAS_TRY(std::string pruned, prune(onnx_, options));
    if (pruned.size() >= onnx_.size()) return false;
    AMAS_TRY(VariantResult variant, judge_.judge("pruned", std::move(pruned), details_of(options)));
    const bool allowed = variant.allowed;
    if (!smallest_ || better(variant, *smallest_)) smallest_ = std::move(variant);
    return allowed;
  }

  static bool better(const VariantResult& left, const VariantResult& right) {
    if (left.allowed != right.allowed) return left.allowed;
    return left.allowed ? left.onnx.size() < right.onnx.size() : left.accuracy_drop < right.accuracy_drop;
  }

  Json details_of(const PruneOptions& options) const {
    Json details = {{"method", "prune"}, {"keep_vocabulary", options.keep_vocabulary}};
    if (units_ > 0) details["units"] = kept_units(units_, options.keep_units);
    return details;
  }

  std::string_view onnx_;
  std::int64_t units_;  ///< of the LSTM; 0 without one
  Judge& judge_;
  std::optional<VariantResult> smallest_;
};

/// A method that this graph does not admit is left out; any other error is one.
template <class T>
Result<std::optional<T>> if_admitted(Result<T> result) {
  if (result) return std::optional<T>(std::move(*result));
  if (result.error().code == Code::kUnimplemented) return std::optional<T>();
  return std::move(result.error());
}

Result<VariantResult> quantised(std::string name, std::string_view onnx, Json details, Judge& judge) {
  AMAS_TRY(std::string int8, quantise_int8(onnx));
  return judge.judge(std::move(name), std::move(int8), std::move(details));
}

Result<std::optional<VariantResult>> pruned(std::string_view onnx, Judge& judge) {
  AMAS_TRY(const auto model, model::parse_onnx(onnx));
  AMAS_TRY(const auto net, if_admitted(model::import_text_lstm(model)));
  return PruneSearch(onnx, net ? net->units : 0, judge).find();
}

/// One variant's graph on the compiled engines, in each of their precisions.
Status add_compiled(const VariantResult& graph, bool int8, Judge& judge,
                    std::vector<VariantResult>& variants) {
  const std::string prefix = graph.name == "fp32" ? "" : graph.name + "-";
  for (const auto& engine : judge.engines().engines().subspan(1))
    for (const std::string& precision : engine->precisions()) {
      if (precision == "int8" && !int8) continue;
      Json details = graph.details;
      details["engine"] = engine->name();
      details["precision"] = precision;
      AMAS_TRY(auto compiled,
               if_admitted(judge.judge(fmt::format("{}compiled-{}", prefix, precision), graph.onnx, details,
                                       {.engine = std::string(engine->name()), .precision = precision})));
      if (!compiled) break;  // it does not take this graph in any precision
      note_difference(compiled->scores, graph.scores, compiled->details);
      variants.push_back(std::move(*compiled));
    }
  return {};
}

Status check_methods(const std::vector<std::string>& methods) {
  const std::vector<std::string> known{"int8", "prune"};
  for (const std::string& method : methods) {
    if (std::ranges::find(known, method) != known.end()) continue;
    const auto meant = nearest(method, known);
    return invalid_argument(fmt::format("unknown method to optimise by: {}; known: {}{}", method,
                                        fmt::join(known, ", "),
                                        meant ? "; did you mean " + *meant + "?" : ""));
  }
  return {};
}

Result<std::vector<VariantResult>> optimise_graph(std::string_view onnx, Judge& judge,
                                                  const OptimiseOptions& options) {
  const auto wanted = [&](std::string_view method) {
    return std::ranges::find(options.methods, method) != options.methods.end();
  };
  std::vector<VariantResult> variants;
  AMAS_TRY(auto original, judge.judge("fp32", std::string(onnx), Json::object()));
  variants.push_back(std::move(original));
  if (wanted("int8")) {
    AMAS_TRY(auto int8, if_admitted(quantised("int8", onnx, {{"method", "int8"}}, judge)));
    if (int8) variants.push_back(std::move(*int8));
  }
  if (!wanted("prune")) return variants;
  AMAS_TRY(auto found, if_admitted(pruned(onnx, judge)));
  if (!found || !*found) return variants;
  VariantResult& smaller = **found;
  const bool both = wanted("int8") && smaller.allowed;
  Json details = smaller.details;
  details["method"] = "prune, int8";
  variants.push_back(std::move(smaller));
  if (!both) return variants;
  AMAS_TRY(auto int8, if_admitted(quantised("pruned-int8", variants.back().onnx, std::move(details), judge)));
  // Of a linear model int8 weights can be fewer bytes than the table that pruning needs.
  const bool smallest = int8 && std::ranges::all_of(variants, [&](const VariantResult& other) {
                          return int8->onnx.size() < other.onnx.size();
                        });
  if (smallest) variants.push_back(std::move(*int8));
  return variants;
}

}  // namespace

Result<std::vector<VariantResult>> optimise(std::string_view onnx, const JudgeRows& rows,
                                            engine::EngineSet& engines, const OptimiseOptions& options) {
  AMAS_CHECK(check_methods(options.methods));
  Judge judge(rows, engines, options.accuracy_drop_max);
  AMAS_TRY(auto variants, optimise_graph(onnx, judge, options));
  const bool int8 = std::ranges::find(options.methods, "int8") != options.methods.end();
  const std::vector<VariantResult> graphs = variants;
  for (const VariantResult& graph : graphs)
    if (graph.name == "fp32" || (graph.name == "pruned" && graph.allowed))
      AMAS_CHECK(add_compiled(graph, int8, judge, variants));
  return variants;
}

}  // namespace amas::optimise
