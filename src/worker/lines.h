#pragma once

#include <cstdio>

#include "base/json.h"

namespace amas::worker {

/// Prints JSON lines, each flushed at once, so that whoever started the worker follows live.
class Lines {
 public:
  /// `stream` is borrowed.
  explicit Lines(std::FILE* stream) : stream_(stream) {}
  /// Prints one object.
  void print(const Json& line) const {
    const std::string text = dump_json(line) + "\n";
    std::fwrite(text.data(), 1, text.size(), stream_);
    std::fflush(stream_);
  }

 private:
  std::FILE* stream_;
};

}  // namespace amas::worker
