#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "cli/session.h"

namespace amas::cli {
namespace {

constexpr std::int64_t kRedrawEvery_us = 100'000;
constexpr int kBarCells = 12, kBarCellsWide = 24;
constexpr std::size_t kRoomy = 60,
                      kWide = 100;   // columns of a terminal with room for a bar, and for a long one
constexpr std::size_t kIndent = 21;  // where the text of a step begins

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
    print_text(line + "\n");
  }
  std::mutex mutex_;
};

// Keeps a line with a bar for each step under way at the bottom; what is finished scrolls above. Each change
// is one write, and every bar fits its line: nothing flickers, and a bar can be erased again.
class TerminalProgress final : public pipeline::Progress {
 public:
  ~TerminalProgress() override {
    const std::scoped_lock lock(mutex_);
    print_text(take_bars());
  }

  void started(const std::string& step) override {
    const std::scoped_lock lock(mutex_);
    bars_[step].began_us = system_clock().steady_us();
    redraw("");
  }

  void advanced(const std::string& step, double done, double all, const std::string& unit,
                const std::string& text) override {
    const std::scoped_lock lock(mutex_);
    Bar& bar = bars_[step];
    bar.done = done;
    bar.all = all;
    bar.unit = unit;
    bar.text = printable(text);
    if (system_clock().steady_us() - drawn_us_ >= kRedrawEvery_us) redraw("");
  }

  void noted(const std::string& step, const std::string& text, const Json&) override {
    const std::scoped_lock lock(mutex_);
    redraw(fmt::format("  {} {}", coloured(fmt::format("{:<18}", printable(step)), "2"), printable(text)));
  }

  void finished(const std::string& step, const std::string& summary, bool reused, double seconds) override {
    const std::scoped_lock lock(mutex_);
    bars_.erase(step);
    redraw(finished_line(step, summary, reused, seconds));
  }

  void warned(const std::string& message) override {
    const std::scoped_lock lock(mutex_);
    redraw(coloured("! " + printable(message), "33"));
  }

 private:
  struct Bar {
    std::int64_t began_us = 0;
    double done = 0, all = 0;
    std::string unit, text;
  };

  // Puts a line (may be empty: none) above the bars.
  void redraw(const std::string& line) {
    const std::size_t columns = terminal_size().columns;
    std::string page = take_bars();
    if (!line.empty()) page += wrap_to_width(line, columns, columns < kRoomy ? 2 : kIndent) + "\n";
    for (const auto& [step, bar] : bars_) {
      const std::string drawn = bar_line(step, bar, columns);
      page += drawn + "\n";
      drawn_widths_.push_back(width_of(drawn));
    }
    print_text(page);
    drawn_us_ = system_clock().steady_us();
  }

  // What erases the bars: a terminal that has become narrower has broken their lines.
  std::string take_bars() {
    const std::size_t columns = std::max<std::size_t>(terminal_size().columns, 1);
    std::string text;
    for (const std::size_t width : drawn_widths_)
      for (std::size_t lines = std::max<std::size_t>((width + columns - 1) / columns, 1); lines > 0; --lines)
        text += "\033[1A\033[2K";
    drawn_widths_.clear();
    return text;
  }

  static std::string bar_line(const std::string& step, const Bar& bar, std::size_t columns) {
    const double seconds = static_cast<double>(system_clock().steady_us() - bar.began_us) / 1e6;
    std::string line = fmt::format("… {:<18}", printable(step));
    if (bar.all <= 0) return cut_to_width(line + " " + format_seconds(seconds), columns);
    const double share = std::clamp(bar.done / bar.all, 0.0, 1.0);
    const double rate = seconds > 0 ? bar.done / seconds : 0;
    const std::string left = rate > 0 ? format_seconds((bar.all - bar.done) / rate) : "?";
    if (columns >= kRoomy) line += " " + cells(share, columns >= kWide ? kBarCellsWide : kBarCells);
    line += fmt::format(" {:3.0f} %  {} left", share * 100, left);
    for (const std::string& more : {bar.text, fmt::format("{:.0f} {}/s", rate, bar.unit)})
      if (!more.empty() && width_of(line) + 2 + width_of(more) <= columns) line += "  " + more;
    return cut_to_width(line, columns);
  }

  static std::string cells(double share, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += i < static_cast<int>(share * count) ? "━" : "─";
    return text;
  }

  std::mutex mutex_;
  std::map<std::string, Bar> bars_;
  std::vector<std::size_t> drawn_widths_;  ///< of the bars on the screen
  std::int64_t drawn_us_ = 0;
};

}  // namespace

std::unique_ptr<pipeline::Progress> make_progress(bool json) {
  if (json) return std::make_unique<JsonProgress>();
  if (is_terminal()) return std::make_unique<TerminalProgress>();
  return std::make_unique<PlainProgress>();
}

}  // namespace amas::cli
