#include "convert/proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "convert/example_inputs.h"
#include "optimise/optimise.h"

namespace amas::convert {
namespace {

using engine::LoadedModel;
using engine::TensorSpec;

constexpr const char* kGraphFile = "model.onnx";
constexpr const char* kInt8File = "model.int8.onnx";
constexpr std::int64_t kTogether = 3;         // rows that must answer as they do alone
constexpr std::int64_t kExampleRows = 64;     // made up to compare engines on
constexpr std::int64_t kSingleQuestions = 8;  // the same where there are no rows
constexpr std::int64_t kUserRowsMax = 1'000;
constexpr double kRowTolerance = 1e-4;

// Differences of floats, added up.
struct Sum {
  double largest = 0, total = 0;
  std::size_t count = 0;
  std::size_t labels = 0, mismatched = 0;
};

double difference_of(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  if (!std::isfinite(a) || !std::isfinite(b)) return HUGE_VAL;
  return std::abs(a - b) / std::max(1.0, std::abs(a));
}

// Halves are compared by their bits: neighbours differ by one.
template <class T>
void add_elements(const Tensor& expected, const Tensor& found, Sum& sum) {
  const auto a = expected.data<T>();
  const auto b = found.data<T>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if constexpr (std::is_floating_point_v<T>) {
      const double one = difference_of(static_cast<double>(a[i]), static_cast<double>(b[i]));
      sum.largest = std::max(sum.largest, one);
      sum.total += one;
      ++sum.count;
    } else {
      ++sum.labels;
      sum.mismatched += a[i] == b[i] ? 0 : 1;
    }
  }
}

bool same_form(const Tensor& a, const Tensor& b) { return a.dtype() == b.dtype() && a.shape() == b.shape(); }

void add_tensor(const Tensor& expected, const Tensor& found, Sum& sum) {
  if (!same_form(expected, found)) {
    sum.largest = HUGE_VAL;
    return;
  }
  if (expected.dtype() != DType::kString)
    return with_element_type(expected.dtype(), [&]<class T>() { add_elements<T>(expected, found, sum); });
  for (std::size_t i = 0; i < expected.strings().size(); ++i) {
    ++sum.labels;
    sum.mismatched += expected.strings()[i] == found.strings()[i] ? 0 : 1;
  }
}

Difference finished(const Sum& sum) {
  Difference difference{.largest = sum.largest};
  if (sum.count > 0) difference.mean = sum.total / static_cast<double>(sum.count);
  if (sum.labels > 0)
    difference.mismatched = static_cast<double>(sum.mismatched) / static_cast<double>(sum.labels);
  return difference;
}

bool is_open(const TensorSpec& spec) { return !spec.shape.empty() && spec.shape[0] < 0; }

bool all_open(const model::Signature& signature) {
  return !signature.inputs.empty() && std::ranges::all_of(signature.inputs, is_open) &&
         std::ranges::all_of(signature.outputs, is_open);
}

Result<std::vector<Tensor>> ask(LoadedModel& graph, const std::vector<Tensor>& inputs) {
  const std::vector<TensorView> views(inputs.begin(), inputs.end());
  return graph.run(views);
}

std::vector<Tensor> slice(const std::vector<Tensor>& inputs, std::int64_t begin, std::int64_t end) {
  std::vector<Tensor> rows;
  for (const Tensor& input : inputs) rows.push_back(copy(TensorView(input, begin, end)));
  return rows;
}

bool same_engine_form(const model::Signature& signature, const LoadedModel& graph) {
  const auto same = [](const TensorSpec& a, const TensorSpec& b) {
    return a.name == b.name && a.dtype == b.dtype && a.shape.size() == b.shape.size();
  };
  return std::ranges::equal(signature.inputs, graph.inputs(), same) &&
         std::ranges::equal(signature.outputs, graph.outputs(), same);
}

/// Tries one graph; each step is in the order of prove().
class Prover {
 public:
  Prover(const std::string& onnx, engine::EngineSet& engines) : engines_(engines) {
    proof_.files[kGraphFile] = onnx;
  }

  Result<Proof> run(const ReadRows& read_rows) {
    AMAS_TRY(reference_, engines_.load(onnx(), {}));
    proof_.signature = {reference_->inputs(), reference_->outputs()};
    proof_.variants.push_back({.name = "fp32", .file = kGraphFile});
    if (read_rows) AMAS_CHECK(take_rows(read_rows));
    AMAS_CHECK(find_examples());
    if (questions_.empty()) return std::move(proof_);
    prove_rows();
    AMAS_CHECK(gather_questions());
    AMAS_CHECK(try_engines(kGraphFile, "", has_user_rows()));
    if (has_user_rows()) AMAS_CHECK(try_int8());
    return std::move(proof_);
  }

 private:
  const std::string& onnx() const { return proof_.files.at(kGraphFile); }
  bool has_user_rows() const { return user_.has_value(); }

  Status take_rows(const ReadRows& read_rows) {
    AMAS_TRY(user_, read_rows(proof_.signature));
    const std::vector<TensorView> views(user_->begin(), user_->end());
    AMAS_CHECK(all_open(proof_.signature) ? engine::check_inputs(proof_.signature.inputs, views)
                                          : engine::check_types(proof_.signature.inputs, views));
    if (all_open(proof_.signature) && (*user_)[0].rows() > kUserRowsMax)
      user_ = slice(*user_, 0, kUserRowsMax);
    AMAS_CHECK(ask(*reference_, *user_));
    questions_.push_back(*user_);
    return {};
  }

  Status find_examples() {
    const auto kind = find_example_kind(*reference_);
    if (kind) kind_ = *kind;
    if (kind || has_user_rows()) {
      if (kind) questions_.push_back(example_inputs(proof_.signature.inputs, 1, *kind_, 1));
      return {};
    }
    proof_.why_no_rows = "requests run one by one: " + kind.error().message + "; give some with --rows";
    return {};
  }

  // A batch to prove rows with: of the user's rows, or made up.
  std::optional<std::vector<Tensor>> batch() const {
    if (user_ && (*user_)[0].rows() >= kTogether) return slice(*user_, 0, kTogether);
    if (kind_) return example_inputs(proof_.signature.inputs, kTogether, *kind_, 2);
    return std::nullopt;
  }

  void prove_rows() {
    if (!all_open(proof_.signature)) {
      proof_.why_no_rows =
          "requests run one by one: the first dimension of an input or output is no batch of any size";
      return;
    }
    const auto inputs = batch();
    const auto together = inputs
                              ? ask(*reference_, *inputs)
                              : Result<std::vector<Tensor>>(failed_precondition("too few rows were given"));
    if (!together) {
      proof_.why_no_rows = "requests run one by one: rows do not run together: " + together.error().message;
      return;
    }
    Sum sum;
    for (std::int64_t row = 0; row < kTogether; ++row) {
      const auto alone = ask(*reference_, slice(*inputs, row, row + 1));
      for (std::size_t i = 0; alone && i < alone->size(); ++i) {
        const Tensor& all = (*together)[i];
        if (all.rows() != kTogether || all.shape().empty()) sum.largest = HUGE_VAL;
        else add_tensor((*alone)[i], copy(TensorView(all, row, row + 1)), sum);
      }
      if (!alone) sum.largest = HUGE_VAL;
    }
    proof_.has_rows = sum.largest <= kRowTolerance && sum.mismatched == 0;
    if (!proof_.has_rows)
      proof_.why_no_rows =
          fmt::format("requests run one by one: rows answer otherwise together than alone (by up to {:.1e})",
                      sum.largest);
  }

  // From here on questions_ are what engines are compared on, and proof_.questions what is measured.
  Status gather_questions() {
    questions_.clear();
    if (user_) questions_.push_back(*user_);
    for (std::int64_t i = 0; kind_ && i < (proof_.has_rows ? 1 : kSingleQuestions); ++i)
      questions_.push_back(example_inputs(proof_.signature.inputs, proof_.has_rows ? kExampleRows : 1, *kind_,
                                          static_cast<std::uint64_t>(3 + i)));
    const std::vector<Tensor>& measured = questions_.front();
    if (proof_.has_rows)
      for (std::int64_t row = 0; row < std::min(measured[0].rows(), kExampleRows); ++row)
        proof_.questions.push_back(slice(measured, row, row + 1));
    else proof_.questions = questions_;
    for (const auto& question : questions_) {
      AMAS_TRY(expected_.emplace_back(), ask(*reference_, question));
    }
    return {};
  }

  // How far a graph is from the reference; nothing when it cannot answer.
  std::optional<Difference> judge(LoadedModel& graph) const {
    Sum sum;
    for (std::size_t i = 0; i < questions_.size(); ++i) {
      const auto found = ask(graph, questions_[i]);
      if (!found || found->size() != expected_[i].size()) return std::nullopt;
      for (std::size_t k = 0; k < found->size(); ++k) add_tensor(expected_[i][k], (*found)[k], sum);
    }
    return finished(sum);
  }

  // Loads a graph on an engine and adds it as a variant; false when the engine does not take it.
  Result<bool> add_variant(model::Variant variant) {
    const std::string& bytes = proof_.files.at(variant.file);
    const auto loaded = engines_.load(bytes, {.engine = variant.engine, .precision = variant.precision});
    if (!loaded && loaded.error().code != Code::kUnimplemented) return loaded.error();
    if (!loaded || !same_engine_form(proof_.signature, **loaded)) return false;
    const auto difference = judge(**loaded);
    if (!difference) return false;
    variant.details["largest_difference"] = difference->largest;
    variant.details["mean_difference"] = difference->mean;
    variant.details["mismatched_labels"] = difference->mismatched;
    variant.allowed = is_near(*difference, variant.name == "int8" ? "int8" : variant.precision);
    proof_.variants.push_back(std::move(variant));
    return true;
  }

  Status try_engines(const std::string& file, const std::string& prefix, bool int8) {
    for (const auto& engine : engines_.engines().subspan(1))
      for (const std::string& precision : engine->precisions()) {
        if (precision == "int8" && !int8) continue;
        model::Variant variant{.name = prefix + "compiled-" + precision, .file = file};
        variant.engine = engine->name();
        variant.precision = precision;
        variant.details = {{"engine", variant.engine}, {"precision", precision}};
        AMAS_TRY(const bool taken, add_variant(std::move(variant)));
        if (!taken) break;
      }
    return {};
  }

  Status try_int8() {
    auto quantised = optimise::quantise_int8(onnx());
    if (!quantised) return {};  // nothing in it can be quantised
    proof_.files[kInt8File] = std::move(*quantised);
    AMAS_TRY(const bool taken,
             add_variant({.name = "int8", .file = kInt8File, .details = {{"method", "int8"}}}));
    if (!taken) proof_.files.erase(kInt8File);
    return {};
  }

  engine::EngineSet& engines_;
  Proof proof_;
  std::unique_ptr<LoadedModel> reference_;
  std::optional<std::vector<Tensor>> user_;
  std::optional<ExampleKind> kind_;
  Questions questions_;
  std::vector<std::vector<Tensor>> expected_;
};

}  // namespace

Difference compare(const std::vector<Tensor>& expected, const std::vector<Tensor>& found) {
  Sum sum;
  if (expected.size() != found.size()) sum.largest = HUGE_VAL;
  for (std::size_t i = 0; i < std::min(expected.size(), found.size()); ++i)
    add_tensor(expected[i], found[i], sum);
  return finished(sum);
}

bool is_near(const Difference& difference, const std::string& precision) {
  if (!std::isfinite(difference.largest)) return false;
  if (precision == "int8") return difference.mean <= 0.02 && difference.mismatched <= 0.01;
  if (precision == "int16")
    return difference.largest <= 0.01 && difference.mean <= 0.001 && difference.mismatched <= 0.01;
  return difference.largest <= 1e-4 && difference.mismatched <= 0.001;
}

Result<Proof> prove(const std::string& onnx, const ReadRows& read_rows, engine::EngineSet& engines) {
  return Prover(onnx, engines).run(read_rows);
}

}  // namespace amas::convert
