// What our forest scorer makes of a model file of XGBoost or LightGBM.
//
//   forest_margins MODEL COLUMNS     reads rows of doubles from standard input, writes to standard output, as
//                                    doubles: how many margins and predictions a row has, then the margins of
//                                    all rows, then their predictions
//
// Exits 3, naming the cause on standard error, where the model is none that is known.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "base/file.h"
#include "engines/forest/compiled.h"
#include "engines/forest/lightgbm.h"
#include "engines/forest/link.h"
#include "engines/forest/xgboost.h"

namespace {

using namespace amas;
using namespace amas::engines::forest;

template <class T>
std::vector<double> margins_of(const Forest& forest, const std::vector<double>& rows, std::size_t columns) {
  const auto compiled = compile<T>(forest);
  if (!compiled) throw std::runtime_error(compiled.error().message);
  const std::vector<T> values(rows.begin(), rows.end());
  const std::size_t count = rows.size() / columns;
  std::vector<double> margins(count * static_cast<std::size_t>(forest.targets));
  (*compiled)->margins({values.data(), count, static_cast<std::ptrdiff_t>(columns), 1}, margins, {});
  return margins;
}

void write(std::span<const double> values) {
  std::fwrite(values.data(), sizeof(double), values.size(), stdout);
}

int run(const std::string& file, std::size_t columns) {
  const auto model = read_file(file);
  if (!model) throw std::runtime_error(model.error().message);
  const auto forest = file.ends_with(".txt") ? read_lightgbm(*model) : read_xgboost(*model);
  if (!forest) {
    std::cerr << forest.error().message << "\n";
    return forest.error().code == Code::kUnimplemented ? 3 : 1;
  }
  const std::string bytes{std::istreambuf_iterator<char>(std::cin), {}};
  std::vector<double> rows(bytes.size() / sizeof(double));
  std::memcpy(rows.data(), bytes.data(), rows.size() * sizeof(double));
  const auto margins = margins_of<double>(*forest, rows, columns);
  // XGBoost's rows are floats; as such they must take the same ways.
  if (forest->number == Number::kFloat32) {
    const auto of_floats = margins_of<float>(*forest, rows, columns);
    if (std::memcmp(of_floats.data(), margins.data(), margins.size() * sizeof(double)) != 0)
      throw std::runtime_error("rows of floats and of doubles have other margins");
  }
  const auto targets = static_cast<std::size_t>(forest->targets), outputs = prediction_count(*forest);
  std::vector<double> predictions(rows.size() / columns * outputs);
  for (std::size_t row = 0; row < rows.size() / columns; ++row)
    predict(*forest, std::span(margins).subspan(row * targets, targets),
            std::span(predictions).subspan(row * outputs, outputs));
  const double counts[] = {static_cast<double>(targets), static_cast<double>(outputs)};
  write(counts);
  write(margins);
  write(predictions);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("forest_margins MODEL COLUMNS\n", stderr);
    return 64;
  }
  try {
    return run(arguments[1], std::strtoul(arguments[2], nullptr, 10));
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
