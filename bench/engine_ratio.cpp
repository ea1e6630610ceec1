// Our compiled scorers beside ONNX Runtime in one process, one thread, in turns: CPU microseconds a row and
// their ratio.
//
//   engine_ratio [--rounds N] [--least FOLDER] [--only CASE]
//
// With --least it fails (exit 1) when a ratio is below two thirds of the one in FOLDER/ratios_KERNELS.txt
// ("case precision ratio" lines), if there is such a file for the kernels of this processor, or when a model
// of 10,000 × 64 × 64 takes more than 30 ms of CPU time to load.

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <vector>

#include "base/install.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "engines/sequence/sequence_engine.h"
#include "model/onnx.h"
#include "model/onnx_graph.h"
#include "optimise/optimise.h"

namespace amas {
namespace {

using onnx::TensorProto;

struct Case {
  std::string name;
  std::string cell = "LSTM";  ///< or "GRU", or convolutions of `units` filters: "Conv", "Stack" or "Kim"
  std::int64_t units = 64, layers = 1, directions = 1, batch = 1;
  std::int64_t filled = 128;  ///< of 128 tokens, on average; the rest is padding in front
};

bool convolutional(const Case& one) { return one.cell != "LSTM" && one.cell != "GRU"; }

constexpr std::int64_t kVocabulary = 10'000, kEmbedding = 64, kLength = 128;

/// Embedding → convolutions over the steps, relu → largest → dense. "Conv": one of width 5; "Stack": one of
/// width 3 over another; "Kim": three side by side, of widths 3, 4 and 5.
void add_convolutions(onnx::GraphProto& graph, const Case& one, const auto& weights) {
  model::add_node(graph, "Gather", {"table", "tokens"}, "embedded");
  model::set_ints(model::add_node(graph, "Transpose", {"embedded"}, "channels"), "perm", {0, 2, 1});
  const auto convolve = [&](const std::string& from, const std::string& name, std::int64_t channels,
                            std::int64_t width) {
    const double limit = std::sqrt(3.0 / static_cast<double>(channels * width));
    model::add_node(graph, "Conv",
                    {from, weights("kernel " + name, {one.units, channels, width}, limit),
                     weights("bias " + name, {one.units}, 0.1)},
                    "sums " + name);
    model::add_node(graph, "Relu", {"sums " + name}, name);
    return name;
  };
  const auto pool = [&](const std::string& from, const std::string& to) {
    auto& largest = model::add_node(graph, "ReduceMax", {from}, to);
    model::set_ints(largest, "axes", {2});
    model::set_int(largest, "keepdims", 0);
  };
  if (one.cell == "Stack") {
    pool(convolve(convolve("channels", "lower", kEmbedding, 3), "upper", one.units, 3), "state");
  } else if (one.cell == "Kim") {
    for (const std::int64_t width : {3, 4, 5}) {
      const std::string name = "branch " + std::to_string(width);
      pool(convolve("channels", name, kEmbedding, width), "largest " + name);
    }
    auto& joined = model::add_node(graph, "Concat",
                                   {"largest branch 3", "largest branch 4", "largest branch 5"}, "state");
    model::set_int(joined, "axis", 1);
  } else {
    pool(convolve("channels", "active", kEmbedding, 5), "state");
  }
}

/// Embedding → recurrent layers → last state.
void add_recurrent(onnx::GraphProto& graph, const Case& one, const auto& weights) {
  const auto integers = [&](const std::string& name, std::vector<std::int64_t> values) {
    model::add_constant<std::int64_t>(graph, name, {static_cast<std::int64_t>(values.size())},
                                      std::span<const std::int64_t>(values));
    return name;
  };
  model::set_ints(model::add_node(graph, "Transpose", {"tokens"}, "steps"), "perm", {1, 0});
  model::add_node(graph, "Gather", {"table", "steps"}, "embedded");
  const std::int64_t gates = one.cell == "LSTM" ? 4 : 3;
  std::int64_t width = kEmbedding;
  std::string value = "embedded";
  for (std::int64_t i = 0; i < one.layers; ++i) {
    const std::string n = std::to_string(i);
    auto& node = *graph.add_node();
    node.set_op_type(one.cell);
    node.set_name("cell" + n);
    node.add_input(value);
    node.add_input(weights("kernel" + n, {one.directions, gates * one.units, width},
                           std::sqrt(6.0 / static_cast<double>(width + gates * one.units))));
    node.add_input(weights("recurrent" + n, {one.directions, gates * one.units, one.units},
                           std::sqrt(3.0 / static_cast<double>(one.units)) * 0.5));
    node.add_input(weights("bias" + n, {one.directions, 2 * gates * one.units}, 0.1));
    node.add_output("states" + n);
    node.add_output("last" + n);
    model::set_int(node, "hidden_size", one.units);
    if (one.cell == "GRU") model::set_int(node, "linear_before_reset", 1);
    if (one.directions == 2) {
      auto& way = *node.add_attribute();
      way.set_name("direction");
      way.set_type(onnx::AttributeProto::STRING);
      way.set_s("bidirectional");
    }
    width = one.units * one.directions;
    model::set_ints(model::add_node(graph, "Transpose", {"states" + n}, "turned" + n), "perm", {0, 2, 1, 3});
    model::add_node(graph, "Reshape", {"turned" + n, integers("shape" + n, {0, 0, -1})}, "merged" + n);
    value = "merged" + n;
  }
  const std::string last = "last" + std::to_string(one.layers - 1);
  model::set_ints(model::add_node(graph, "Transpose", {last}, "last_rows"), "perm", {1, 0, 2});
  model::add_node(graph, "Reshape", {"last_rows", integers("shape", {0, -1})}, "state");
}

std::string net_of(const Case& one) {
  std::mt19937 random(7);
  auto model = model::empty_model("bench");
  auto& graph = *model.mutable_graph();
  const auto weights = [&](const std::string& name, std::initializer_list<std::int64_t> dims, double limit) {
    std::uniform_real_distribution<float> value(static_cast<float>(-limit), static_cast<float>(limit));
    std::vector<float> values(element_count(dims));
    for (float& v : values) v = value(random);
    model::add_constant<float>(graph, name, dims, std::span<const float>(values));
    return name;
  };
  *graph.add_input() = model::make_value_info("tokens", TensorProto::INT32, {-1, kLength});
  weights("table", {kVocabulary, kEmbedding}, 0.3);
  const std::int64_t width = one.units * (one.cell == "Kim" ? 3 : one.directions);
  if (convolutional(one)) add_convolutions(graph, one, weights);
  else add_recurrent(graph, one, weights);
  model::add_node(graph, "Gemm",
                  {"state", weights("dense", {width, 1}, 0.2), weights("dense_bias", {1}, 0.1)}, "logit");
  model::add_node(graph, "Sigmoid", {"logit"}, "scores");
  *graph.add_output() = model::make_value_info("scores", TensorProto::FLOAT, {-1, 1});
  return model::serialise_onnx(model);
}

double cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

struct Runner {
  std::string name;
  std::unique_ptr<engine::LoadedModel> model;
  std::vector<double> us{};
};

Tensor rows_of(const Case& one, std::int64_t rows) {
  std::mt19937 random(3);
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(rows * kLength));
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t filled =
        one.filled == kLength
            ? kLength
            : std::clamp<std::int64_t>(
                  static_cast<std::int64_t>(random() % static_cast<unsigned>(2 * one.filled)), 1, kLength);
    for (std::int64_t i = kLength - filled; i < kLength; ++i)
      tokens[static_cast<std::size_t>(row * kLength + i)] =
          static_cast<std::int32_t>(1 + random() % (kVocabulary - 1));
  }
  return Tensor::of<std::int32_t>({rows, kLength}, std::span<const std::int32_t>(tokens));
}

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

/// Median CPU microseconds a row of every runner, in turns.
void measure(std::vector<Runner>& runners, const Case& one, int rounds) {
  const std::int64_t batches = std::max<std::int64_t>(1, 64 / one.batch);
  const Tensor rows = rows_of(one, batches * one.batch);
  for (int round = -1; round < rounds; ++round)
    for (Runner& runner : runners) {
      const double begin = cpu_us();
      for (std::int64_t b = 0; b < batches; ++b)
        (void)must(
            runner.model->run(std::vector<TensorView>{TensorView(rows, b * one.batch, (b + 1) * one.batch)}));
      if (round >= 0) runner.us.push_back((cpu_us() - begin) / static_cast<double>(batches * one.batch));
    }
}

std::map<std::string, double> read_least(const std::string& file) {
  std::map<std::string, double> least;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, precision;
    double ratio = 0;
    if (!line.starts_with("#") && words >> name >> precision >> ratio) least[name + " " + precision] = ratio;
  }
  return least;
}

/// Loads the first case in every precision, fold included. Whether each takes at most 30 ms of CPU time.
bool loads_in_time(engine::Engine& sequence, const Case& one) {
  constexpr double kBarMs = 30;
  const std::string onnx = net_of(one);
  bool good = true;
  fmt::print("load of {}, CPU ms (bar {}):", one.name, kBarMs);
  for (const char* precision : {"float32", "int16", "int8"}) {
    std::vector<double> ms;
    for (int round = 0; round < 5; ++round) {
      const double begin = cpu_us();
      (void)must(sequence.load(onnx, {.precision = precision}));
      ms.push_back((cpu_us() - begin) / 1e3);
    }
    good &= median(ms) <= kBarMs;
    fmt::print(" {} {:.1f}", precision, median(ms));
  }
  fmt::print("\n");
  return good;
}

int compare(int rounds, const char* folder, std::string_view only) {
  const auto reference = must(engines::open_onnxruntime(must(find_installed(kOnnxRuntimeLibrary))));
  const auto sequence = engines::make_sequence_engine();
  const auto least = folder == nullptr
                         ? std::map<std::string, double>()
                         : read_least(fmt::format("{}/ratios_{}.txt", folder, engines::sequence_kernels()));
  const Case cases[] = {{"lstm64"},
                        {"lstm64_batch8", "LSTM", 64, 1, 1, 8},
                        {"lstm64_batch32", "LSTM", 64, 1, 1, 32},
                        {"lstm64_half_padded", "LSTM", 64, 1, 1, 1, 58},
                        {"lstm32", "LSTM", 32},
                        {"lstm128", "LSTM", 128},
                        {"lstm256", "LSTM", 256},
                        {"gru64", "GRU"},
                        {"lstm64_both", "LSTM", 64, 1, 2},
                        {"lstm64_two_layers", "LSTM", 64, 2},
                        {"cnn128x5", "Conv", 128},
                        {"cnn100x345", "Kim", 100},
                        {"cnn128x3_stacked", "Stack", 128}};
  bool good = loads_in_time(*sequence, cases[0]) || folder == nullptr;
  fmt::print("kernels: {}; CPU µs a row, and the ratio of ONNX Runtime's int8 (fp32) to each\n",
             engines::sequence_kernels());
  fmt::print("{:20} {:>10} {:>10} {:>18} {:>18} {:>18}\n", "", "ort fp32", "ort int8", "float32", "int16",
             "int8");
  for (const Case& one : cases) {
    if (!only.empty() && one.name != only) continue;
    const std::string onnx = net_of(one);
    const std::string int8 = must(optimise::quantise_int8(onnx));
    std::vector<Runner> runners;
    runners.push_back({"ort fp32", must(reference->load(onnx, {}))});
    runners.push_back({"ort int8", must(reference->load(int8, {}))});
    for (const char* precision : {"float32", "int16", "int8"})
      runners.push_back({precision, must(sequence->load(onnx, {.precision = precision}))});
    measure(runners, one, rounds);
    std::vector<double> us;
    for (const Runner& runner : runners) us.push_back(median(runner.us));
    fmt::print("{:20} {:10.1f} {:10.1f}", one.name, us[0], us[1]);
    for (std::size_t i = 2; i < us.size(); ++i) {
      const bool to_float = i == 2 || convolutional(one);  // what ONNX Runtime's int8 leaves in float
      const double ratio = us[to_float ? 0 : 1] / us[i];
      fmt::print(" {:8.1f} {:5.2f}×{}", us[i], ratio, to_float ? "fp32" : "    ");
      const auto bound = least.find(one.name + " " + runners[i].name);
      if (bound == least.end() || ratio >= bound->second * 2 / 3) continue;
      good = false;
      fmt::print(" (below 2/3 of {})", bound->second);
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace amas

int main(int count, char** arguments) {
  int rounds = 15;
  const char* least = nullptr;
  const char* only = "";
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(arguments[i], "--rounds") == 0) rounds = std::atoi(arguments[i + 1]);
    if (std::strcmp(arguments[i], "--least") == 0) least = arguments[i + 1];
    if (std::strcmp(arguments[i], "--only") == 0) only = arguments[i + 1];
  }
  return amas::compare(rounds, least, only);
}
