// Compares the sequence engine with ONNX Runtime on random nets and rows, for as long as it is told to.
//
//   sequence_differential [SECONDS [SEED]]     prints what was compared and the largest differences; exits 1
//   on
//                                              a difference beyond the bounds, naming the seed that shows it
//                                              again
//
// SECONDS of CPU time, so that a busy machine compares as much; left out: $AMAS_FUZZ_SECONDS and
// $AMAS_FUZZ_SEED, or 20 from seed 1.

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>

#include "base/install.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "engines/sequence/sequence_engine.h"
#include "random_text_net.h"

namespace amas::differential {
namespace {

/// How far each precision may be off. Random weights drive states harder than trained ones.
const std::map<std::string, double> kBounds{{"float32", 2e-5}, {"int16", 5e-3}, {"int8", 0.2}};

double largest_difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return HUGE_VAL;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference =
        std::abs(static_cast<double>(a.data<float>()[i]) - static_cast<double>(b.data<float>()[i]));
    largest = difference <= largest ? largest : std::isnan(difference) ? HUGE_VAL : difference;
  }
  return largest;
}

/// Each row alone must give the same bits as in the batch.
bool rows_alone_agree(engine::LoadedModel& model, const Tensor& rows, const Tensor& together) {
  for (std::int64_t row = 0; row < rows.rows(); ++row) {
    const auto alone = model.run(std::vector<TensorView>{TensorView(rows, row, row + 1)});
    const std::size_t columns = together.size() / static_cast<std::size_t>(rows.rows());
    if (!alone ||
        !std::ranges::equal((*alone)[0].data<float>(),
                            together.data<float>().subspan(static_cast<std::size_t>(row) * columns, columns)))
      return false;
  }
  return true;
}

struct Compared {
  engine::Engine& reference;
  engine::Engine& sequence;
  std::map<std::string, double> largest{};
  int nets = 0;

  bool one(unsigned seed) {
    std::mt19937 random(seed);
    const RandomTextNet net = random_text_net(random);
    const Tensor rows = random_rows(net, std::uniform_int_distribution<std::int64_t>(1, 9)(random), random);
    const std::vector<TensorView> inputs{rows};
    const auto say = [&](std::string_view what) {
      fmt::print("seed {}:{}: {}\n", seed, net.description, what);
      return false;
    };
    const auto expected_model = reference.load(net.onnx, {});
    if (!expected_model) return say("ONNX Runtime does not load it: " + expected_model.error().message);
    const auto expected = (*expected_model)->run(inputs);
    if (!expected) return say("ONNX Runtime does not run it: " + expected.error().message);
    for (const auto& [precision, bound] : kBounds) {
      const auto model = sequence.load(net.onnx, {.precision = precision});
      if (!model) return say("not recognised: " + model.error().message);
      const auto got = (*model)->run(inputs);
      if (!got) return say("it does not run: " + got.error().message);
      const double difference = largest_difference((*got)[0], (*expected)[0]);
      largest[precision] = std::max(largest[precision], difference);
      if (difference > bound) return say(fmt::format("{} is off by {}", precision, difference));
      if (!rows_alone_agree(**model, rows, (*got)[0])) return say(precision + ": a row alone differs");
    }
    ++nets;
    return true;
  }
};

int compare(double seconds, unsigned seed) {
  const auto library = find_installed(kOnnxRuntimeLibrary);
  if (!library) throw std::runtime_error(library.error().message);
  const auto reference = engines::open_onnxruntime(*library);
  if (!reference) throw std::runtime_error(reference.error().message);
  const auto sequence = engines::make_sequence_engine();
  Compared compared{**reference, *sequence};
  const auto spent = [] { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; };
  bool good = true;
  for (; good && spent() < seconds; ++seed) good = compared.one(seed);
  fmt::print("{} nets, kernels {};", compared.nets, engines::sequence_kernels());
  for (const auto& [precision, difference] : compared.largest)
    fmt::print(" {} {:.1e}", precision, difference);
  fmt::print("\n");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace amas::differential

int main(int count, char** arguments) {
  const auto asked = [&](int argument, const char* variable, const char* otherwise) {
    const char* set = std::getenv(variable);
    return argument < count ? arguments[argument] : set != nullptr ? set : otherwise;
  };
  const auto seed = static_cast<unsigned>(std::strtoul(asked(2, "AMAS_FUZZ_SEED", "1"), nullptr, 10));
  return amas::differential::compare(std::strtod(asked(1, "AMAS_FUZZ_SECONDS", "20"), nullptr), seed);
}
