#include "cli/progress.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/text.h"
#include "cli/session.h"

namespace amas::cli {
namespace {

constexpr std::int64_t kRedrawEvery_us = 100'000;
constexpr int kBarCells = 24;

std::string format_seconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  return fmt::format("{:.0f} min", seconds / 60);
}

std::string finished_line(const std::string& step, const std::string& summary, bool reused, double seconds) {
  const std::string mark = reused ? coloured("=", "36") : coloured("✓", "32");
  return fmt::format("{} {:<18} {}  {}", mark, printable(step), printable(summary),
                     coloured(reused ? "unchanged, skipped" : format_seconds(seconds), "2"));
}

class JsonProgress final : public pipeline::Progress {
 public:
  void started(const std::string& step) override { print({{"event", "started"}, {"step", step}}); }
  void advanced(const std::string&, double, double, const std::string&, const std::string&) override {}
  void noted(const std::string& step, const std::string&, const Json& fields) override {
    print({{"event", "noted"}, {"step", step}, {"fields", fields}});
  }
  void finished(const std::string& step, const std::string& summary, bool reused, double seconds) override {
    print({{"event", "finished"},
           {"step", step},
           {"summary", summary},
           {"skipped", reused},
           {"seconds", seconds}});
  }
  void warned(const std::string& message) override { print({{"event", "warning"}, {"message", message}}); }

 private:
  void print(const Json& event) {
    const std::scoped_lock lock(mutex_);
    Session::print(event);
  }
  std::mutex mutex_;
};

class PlainProgress final : public pipeline::Progress {
 public:
  void started(const std::string&) override {}
  void advanced(const std::string&, double, double, const std::string&, const std::string&) override {}
  void noted(const std::string& step, const std::string& text, const Json&) override {
    print(fmt::format("  {:<18} {}", printable(step), printable(text)));
  }
  void finished(const std::string& step, const std::string& summary, bool reused, double seconds) override {
    print(finished_line(step, summary, reused, seconds));
  }
  void warned(const std::string& message) override { print("! " + printable(message)); }

 private:
  void print(const std::string& line) {
    const std::scoped_lock lock(mutex_);
    std::fputs((line + "\n").c_str(), stdout);
    std::fflush(stdout);
  }
  std::mutex mutex_;
};

// Keeps a line with a bar for each step under way at the bottom; what is finished scrolls above.
class TerminalProgress final : public pipeline::Progress {
 public:
  ~TerminalProgress() override { erase_bars(); }

  void started(const std::string& step) override {
    const std::scoped_lock lock(mutex_);
    bars_[step].began_us = system_clock().steady_us();
    redraw();
  }

  void advanced(const std::string& step, double done, double all, const std::string& unit,
                const std::string& text) override {
    const std::scoped_lock lock(mutex_);
    Bar& bar = bars_[step];
    bar.done = done;
    bar.all = all;
    bar.unit = unit;
    bar.text = printable(text);
    if (system_clock().steady_us() - drawn_us_ >= kRedrawEvery_us) redraw();
  }

  void noted(const std::string& step, const std::string& text, const Json&) override {
    scroll(fmt::format("  {} {}", coloured(fmt::format("{:<18}", printable(step)), "2"), printable(text)));
  }

  void finished(const std::string& step, const std::string& summary, bool reused, double seconds) override {
    {
      const std::scoped_lock lock(mutex_);
      bars_.erase(step);
    }
    scroll(finished_line(step, summary, reused, seconds));
  }

  void warned(const std::string& message) override { scroll(coloured("! " + printable(message), "33")); }

 private:
  struct Bar {
    std::int64_t began_us = 0;
    double done = 0, all = 0;
    std::string unit, text;
  };

  void scroll(const std::string& line) {
    const std::scoped_lock lock(mutex_);
    erase_bars();
    std::fputs((line + "\n").c_str(), stdout);
    redraw();
  }

  void erase_bars() {
    for (; lines_ > 0; --lines_) std::fputs("\033[1A\033[2K", stdout);
    std::fflush(stdout);
  }

  void redraw() {
    erase_bars();
    for (const auto& [step, bar] : bars_) {
      // Without wrapping, a line that is too long for the terminal stays one line and can be erased again.
      std::fputs(("\033[?7l" + bar_line(step, bar) + "\033[?7h\n").c_str(), stdout);
      ++lines_;
    }
    std::fflush(stdout);
    drawn_us_ = system_clock().steady_us();
  }

  static std::string bar_line(const std::string& step, const Bar& bar) {
    const double seconds = static_cast<double>(system_clock().steady_us() - bar.began_us) / 1e6;
    if (bar.all <= 0) return fmt::format("… {:<18} {}", step, format_seconds(seconds));
    const double share = std::min(1.0, bar.done / bar.all);
    const int full = static_cast<int>(share * kBarCells);
    std::string cells;
    for (int i = 0; i < kBarCells; ++i) cells += i < full ? "━" : "─";
    const double rate = seconds > 0 ? bar.done / seconds : 0;
    const std::string left = rate > 0 ? format_seconds((bar.all - bar.done) / rate) : "?";
    return fmt::format("… {:<18} {} {:3.0f} %  {:.0f} {}/s  {} left  {}", step, cells, share * 100, rate,
                       bar.unit, left, bar.text);
  }

  std::mutex mutex_;
  std::map<std::string, Bar> bars_;
  int lines_ = 0;
  std::int64_t drawn_us_ = 0;
};

}  // namespace

std::unique_ptr<pipeline::Progress> make_progress(bool json) {
  if (json) return std::make_unique<JsonProgress>();
  if (is_terminal()) return std::make_unique<TerminalProgress>();
  return std::make_unique<PlainProgress>();
}

}  // namespace amas::cli
