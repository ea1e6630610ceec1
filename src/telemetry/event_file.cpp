#include "telemetry/event_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "base/file.h"
#include "base/limits.h"
#include "telemetry/event_message.h"
#include "telemetry/event_plugins.h"
#include "telemetry/record.h"

namespace amas::telemetry {
namespace {

constexpr const char* kExperimentTag = "_hparams_/experiment";
constexpr const char* kStartTag = "_hparams_/session_start_info";
constexpr const char* kEndTag = "_hparams_/session_end_info";

// DataClass of SummaryMetadata.
enum DataClass : std::int64_t { kScalarClass = 1, kTensorClass = 2 };

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

// Plugins by tag, as the records of a file name them.
using Plugins = std::map<std::string, std::string, std::less<>>;

}  // namespace

struct EventWriter::State {
  State(const Clock& source, std::filesystem::path path, int fd)
      : clock(source), file(std::move(path)), descriptor(fd) {}
  ~State() { ::close(descriptor); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const Clock& clock;
  const std::filesystem::path file;
  const int descriptor;
  std::uint64_t bytes = 0;
  Plugins plugins;

  double wall_seconds() const { return static_cast<double>(clock.now_us()) / 1e6; }
  MessageWriter event(std::int64_t step) const {
    return MessageWriter().real(1, wall_seconds()).integer(2, step);
  }
  Status append(const MessageWriter& event);
  Status take_over(std::string_view prefix);

  struct Value {
    const char* plugin;
    DataClass data_class;
    MessageWriter tensor;
    MessageWriter content = {};
  };
  Status append_value(const std::string& tag, std::int64_t step, const Value& value);
};

// One write for a record: a reader sees it whole or not at all, and what a full disk lets through is taken
// back.
Status EventWriter::State::append(const MessageWriter& event) {
  const std::string record = frame_record(event.data());
  std::string_view rest = record;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      Error error = errno_error("cannot write event file", file);
      if (error.code != Code::kResourceExhausted) error.code = Code::kDataLoss;
      if (::ftruncate(descriptor, static_cast<off_t>(bytes)) != 0)
        error.message += "; its last record is torn";
      return error;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  bytes += record.size();
  return {};
}

// TensorBoard keeps a tag's metadata from its first value, and needs it there.
Status EventWriter::State::append_value(const std::string& tag, std::int64_t step, const Value& value) {
  const auto known = plugins.find(tag);
  if (known != plugins.end() && known->second != value.plugin)
    return invalid_argument(
        fmt::format("tag already belongs to another kind of value: {} is of {}, not {}; use another tag", tag,
                    known->second, value.plugin));
  MessageWriter summary_value;
  summary_value.bytes(1, tag).message(8, value.tensor);
  if (known == plugins.end()) {
    MessageWriter plugin;
    plugin.bytes(1, value.plugin).message(2, value.content);
    summary_value.message(9, MessageWriter().message(1, plugin).integer(4, value.data_class));
  }
  AMAS_CHECK(append(event(step).message(5, MessageWriter().message(1, summary_value))));
  if (known == plugins.end()) plugins.emplace(tag, value.plugin);
  return {};
}

// Checks the records that are kept, and learns their tags.
Status EventWriter::State::take_over(std::string_view prefix) {
  bytes = prefix.size();
  while (!prefix.empty()) {
    const TakenRecord record = take_record(prefix, limits::kEventRecordBytesMax);
    const auto message =
        record.state == RecordState::kWhole ? parse_event(record.data) : Result<EventMessage>();
    if (record.state != RecordState::kWhole || !message)
      return data_loss(
          fmt::format("event file is damaged before the place to go on from: {}: byte {} of {}; start a "
                      "new one",
                      file.string(), bytes - prefix.size(), bytes));
    for (const SummaryValue& value : message->values)
      plugins.try_emplace(std::string(value.tag), value.plugin);
  }
  return {};
}

Result<EventWriter> EventWriter::create(const std::filesystem::path& folder, const Clock& clock) {
  AMAS_CHECK(make_folder(folder));
  const std::string name = fmt::format("events.out.tfevents.{:010}.{}.{}.amas", clock.now_us() / 1'000'000,
                                       host_name(), ::getpid());
  std::filesystem::path file = folder / name;
  int descriptor = -1;
  for (int i = 2;; ++i) {
    descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor >= 0) break;
    if (errno != EEXIST) return errno_error("cannot create event file", file);
    file = folder / fmt::format("{}-{}", name, i);  // a second writer within the same second
  }
  EventWriter writer(std::make_unique<State>(clock, std::move(file), descriptor));
  State& state = *writer.state_;
  AMAS_CHECK(state.append(MessageWriter().real(1, state.wall_seconds()).bytes(3, "brain.Event:2")));
  return writer;
}

Result<EventWriter> EventWriter::resume(const std::filesystem::path& file, std::uint64_t bytes,
                                        const Clock& clock) {
  AMAS_TRY(const std::string content, read_file(file));
  if (content.size() < bytes)
    return data_loss(
        fmt::format("event file is shorter than when it was left: {}: {} < {} bytes; start a new one",
                    file.string(), content.size(), bytes));
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor < 0) return errno_error("cannot open event file", file);
  EventWriter writer(std::make_unique<State>(clock, file, descriptor));
  AMAS_CHECK(writer.state_->take_over(std::string_view(content).substr(0, bytes)));
  if (::ftruncate(descriptor, static_cast<off_t>(bytes)) != 0)
    return errno_error("cannot cut event file", file);
  return writer;
}

EventWriter::EventWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
EventWriter::EventWriter(EventWriter&&) noexcept = default;
EventWriter& EventWriter::operator=(EventWriter&&) noexcept = default;
EventWriter::~EventWriter() = default;

const std::filesystem::path& EventWriter::file() const { return state_->file; }
std::uint64_t EventWriter::bytes() const { return state_->bytes; }

Status EventWriter::scalar(const std::string& tag, std::int64_t step, double value) {
  return state_->append_value(tag, step, {"scalars", kScalarClass, scalar_tensor(value)});
}

Status EventWriter::histogram(const std::string& tag, std::int64_t step, std::span<const float> values) {
  return state_->append_value(tag, step, {"histograms", kTensorClass, histogram_tensor(values)});
}

Status EventWriter::text(const std::string& tag, std::int64_t step, const std::string& markdown) {
  return state_->append_value(tag, step, {"text", kTensorClass, text_tensor(markdown)});
}

Status EventWriter::pr_curve(const std::string& tag, std::int64_t step, std::span<const float> scores,
                             std::span<const std::uint8_t> truth, int thresholds) {
  if (scores.size() != truth.size() || thresholds < 2)
    return invalid_argument(
        fmt::format("cannot draw a precision-recall curve of {} scores, {} answers and {} thresholds; "
                    "give as many scores as answers and at least 2 thresholds",
                    scores.size(), truth.size(), thresholds));
  return state_->append_value(
      tag, step,
      {"pr_curves", kTensorClass, pr_curve_tensor(scores, truth, thresholds), pr_curve_content(thresholds)});
}

Status EventWriter::graph(const std::vector<GraphNode>& nodes) {
  return state_->append(state_->event(0).message(4, graph_def(nodes)));
}

Status EventWriter::hparams_start(const Json& settings, const std::string& group) {
  const MessageWriter content = hparams_start_content(settings, group, state_->wall_seconds());
  return state_->append_value(kStartTag, 0, {"hparams", kTensorClass, empty_tensor(), content});
}

Status EventWriter::hparams_end(bool success) {
  const MessageWriter content = hparams_end_content(success, state_->wall_seconds());
  return state_->append_value(kEndTag, 0, {"hparams", kTensorClass, empty_tensor(), content});
}

Status EventWriter::hparams_experiment(std::span<const HyperParameters> runs) {
  const MessageWriter content = hparams_experiment_content(runs, state_->wall_seconds());
  return state_->append_value(kExperimentTag, 0, {"hparams", kTensorClass, empty_tensor(), content});
}

}  // namespace amas::telemetry
