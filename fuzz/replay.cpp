// Runs one fuzz target without a fuzzing engine: over every file of the corpus folders named on the command
// line, then over seeded mutations of them, so that each test run looks at the same few thousand hostile
// inputs.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int kMutationsPerFile = 200;

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string mutate(std::string input, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  for (int changes = 1 + static_cast<int>(below(4)); changes > 0; --changes) {
    const std::size_t at = below(input.size());
    switch (below(5)) {
      case 0:
        if (!input.empty()) input[at] = static_cast<char>(random());
        break;
      case 1:
        input.erase(at, below(16));
        break;
      case 2:
        input.insert(at, 1 + below(4), static_cast<char>(random()));
        break;
      case 3:
        input.resize(at);
        break;
      default:
        input.insert(at, input.substr(below(input.size()), below(64)));
        break;
    }
  }
  return input;
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < count; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[i]))
      if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) return std::fprintf(stderr, "no corpus files\n"), 1;
  std::mt19937 random(1);
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(stream), {}};
    run(input);
    for (int i = 0; i < kMutationsPerFile; ++i) run(mutate(input, random));
  }
  std::printf("%zu corpus files and %zu mutations\n", files.size(), files.size() * kMutationsPerFile);
  return 0;
}
