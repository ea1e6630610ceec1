#include "telemetry/event_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <functional>

#include "base/file.h"
#include "base/limits.h"
#include "telemetry/protobuf_wire.h"
#include "telemetry/record.h"

namespace amas::telemetry {
namespace {

std::string content_of(const EventWriter& writer) { return read_file(writer.file()).value(); }

EventFileContent read_back(const EventWriter& writer) {
  const auto content = read_events(content_of(writer));
  EXPECT_TRUE(content) << content.error().message;
  return *content;
}

std::string tensor_event(const std::string& tag, const std::string& plugin, const MessageWriter& tensor) {
  MessageWriter value;
  value.bytes(1, tag).message(8, tensor);
  if (!plugin.empty()) value.message(9, MessageWriter().message(1, MessageWriter().bytes(1, plugin)));
  return frame_record(
      MessageWriter().real(1, 5).integer(2, 3).message(5, MessageWriter().message(1, value)).data());
}

class EventFile : public testing::Test {
 protected:
  EventWriter create() { return EventWriter::create(folder_.path() / "run", clock_).value(); }

  TemporaryFolder folder_;
  ManualClock clock_{1'700'000'000'500'000};
};

TEST_F(EventFile, is_named_as_tensorboard_looks_for_it) {
  const EventWriter writer = create();
  const std::string name = writer.file().filename().string();
  EXPECT_TRUE(name.starts_with("events.out.tfevents.1700000000.")) << name;
  EXPECT_TRUE(name.ends_with(fmt::format(".{}.amas", ::getpid()))) << name;
}

TEST_F(EventFile, two_writers_in_one_second_get_two_files) {
  const EventWriter first = create(), second = create();
  EXPECT_NE(first.file(), second.file());
  EXPECT_EQ(list_folder(folder_.path() / "run")->size(), 2u);
}

TEST_F(EventFile, gives_scalars_back_with_their_step_and_time) {
  EventWriter writer = create();
  ASSERT_TRUE(writer.scalar("train/loss", 1, 0.5));
  clock_.advance_us(250'000);
  ASSERT_TRUE(writer.scalar("train/loss", -2, 1e-3));
  ASSERT_TRUE(writer.scalar("test/f1", 9'000'000'000, std::nan("")));
  const EventFileContent content = read_back(writer);
  ASSERT_EQ(content.scalars.size(), 3u);
  EXPECT_EQ(content.scalars[0].tag, "train/loss");
  EXPECT_EQ(content.scalars[0].wall_seconds, 1'700'000'000.5);
  EXPECT_EQ(content.scalars[0].value, 0.5);
  EXPECT_EQ(content.scalars[1].step, -2);
  EXPECT_EQ(content.scalars[1].wall_seconds, 1'700'000'000.75);
  EXPECT_EQ(content.scalars[1].value, 1e-3f);  // TensorBoard's scalars are floats
  EXPECT_EQ(content.scalars[2].step, 9'000'000'000);
  EXPECT_TRUE(std::isnan(content.scalars[2].value));
  EXPECT_EQ(content.records, 4u);  // the first says which version the file has
  EXPECT_EQ(content.bytes, writer.bytes());
  EXPECT_FALSE(content.torn);
}

TEST_F(EventFile, every_call_leaves_whole_records_on_disk) {
  EventWriter writer = create();
  const std::vector<float> values = {1, 2, 3}, scores = {0.1f, 0.9f};
  const std::vector<std::uint8_t> truth = {0, 1};
  HyperParameters parameters;
  parameters.settings = {
      {"units", 64}, {"type", "lstm"}, {"mask", true}, {"none", nullptr}, {"list", {1, 2}}};
  const std::vector<std::function<Status()>> calls = {
      [&] { return writer.histogram("weights", 1, values); },
      [&] { return writer.text("spec", 0, "# Spec"); },
      [&] { return writer.pr_curve("pr", 1, scores, truth); },
      [&] {
        return writer.graph({{"a", "Input", {}}, {"b", "LSTM", {"a"}}});
      },
      [&] { return writer.hparams_start(parameters.settings, "group"); },
      [&] { return writer.hparams_experiment(std::span(&parameters, 1)); },
      [&] { return writer.hparams_end(true); },
  };
  std::uint64_t records = 1;
  for (const auto& call : calls) {
    ASSERT_TRUE(call());
    EXPECT_EQ(read_back(writer).records, ++records);
    EXPECT_EQ(content_of(writer).size(), writer.bytes());
  }
  EXPECT_TRUE(read_back(writer).scalars.empty());
}

TEST_F(EventFile, a_tag_keeps_its_kind) {
  EventWriter writer = create();
  ASSERT_TRUE(writer.scalar("loss", 1, 0.5));
  const Status other = writer.histogram("loss", 1, {});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kInvalidArgument);
  EXPECT_EQ(read_back(writer).records, 2u);
}

TEST_F(EventFile, a_curve_needs_as_many_scores_as_answers_and_two_thresholds) {
  EventWriter writer = create();
  const std::vector<float> scores = {0.5f};
  const std::vector<std::uint8_t> truth = {1};
  EXPECT_EQ(writer.pr_curve("pr", 1, scores, {}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(writer.pr_curve("pr", 1, scores, truth, 1).error().code, Code::kInvalidArgument);
}

TEST_F(EventFile, goes_on_behind_the_given_length) {
  EventWriter writer = create();
  ASSERT_TRUE(writer.scalar("loss", 1, 0.5));
  const std::uint64_t checkpoint = writer.bytes();
  ASSERT_TRUE(writer.scalar("loss", 2, 7));
  auto resumed = EventWriter::resume(writer.file(), checkpoint, clock_);
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->bytes(), checkpoint);
  ASSERT_TRUE(resumed->scalar("loss", 2, 0.25));
  const EventFileContent content = read_back(*resumed);
  ASSERT_EQ(content.scalars.size(), 2u);
  EXPECT_EQ(content.scalars[1].value, 0.25);
  EXPECT_FALSE(content.torn);
  EXPECT_EQ(resumed->text("loss", 3, "no").error().code, Code::kInvalidArgument);
}

TEST_F(EventFile, a_resumed_file_is_the_same_as_an_undisturbed_one) {
  const auto write_first = [](EventWriter& writer) { return writer.scalar("loss", 1, 0.5); };
  const auto write_second = [](EventWriter& writer) { return writer.scalar("loss", 2, 0.25); };
  EventWriter undisturbed = create(), killed = create();
  ASSERT_TRUE(write_first(undisturbed) && write_second(undisturbed) && write_first(killed));
  const std::uint64_t checkpoint = killed.bytes();
  ASSERT_TRUE(killed.scalar("other", 1, 1));
  EventWriter resumed = EventWriter::resume(killed.file(), checkpoint, clock_).value();
  ASSERT_TRUE(write_second(resumed));
  EXPECT_EQ(content_of(resumed), content_of(undisturbed));
}

TEST_F(EventFile, a_torn_tail_is_cut_off) {
  EventWriter writer = create();
  ASSERT_TRUE(writer.scalar("loss", 1, 0.5));
  const std::string whole = content_of(writer);
  ASSERT_TRUE(write_file_atomic(writer.file(), whole + "half of a reco"));
  EXPECT_TRUE(read_events(content_of(writer))->torn);
  ASSERT_TRUE(EventWriter::resume(writer.file(), whole.size(), clock_));
  EXPECT_EQ(content_of(writer), whole);
}

TEST_F(EventFile, is_not_resumed_where_it_is_missing_short_or_damaged) {
  EventWriter writer = create();
  ASSERT_TRUE(writer.scalar("loss", 1, 0.5));
  const std::string whole = content_of(writer);
  const auto code = [&](std::uint64_t bytes) {
    const auto resumed = EventWriter::resume(writer.file(), bytes, clock_);
    return resumed ? Code{} : resumed.error().code;
  };
  EXPECT_EQ(code(whole.size() + 1), Code::kDataLoss);
  EXPECT_EQ(code(whole.size() - 1), Code::kDataLoss);
  EXPECT_EQ(content_of(writer), whole);
  std::string wrong = whole;
  wrong[whole.size() - 6] ^= 1;
  ASSERT_TRUE(write_file_atomic(writer.file(), wrong));
  EXPECT_EQ(code(whole.size()), Code::kDataLoss);
  EXPECT_EQ(content_of(writer), wrong);
  fs::remove(writer.file());
  EXPECT_EQ(code(whole.size()), Code::kNotFound);
}

TEST_F(EventFile, a_full_disk_is_named_and_leaves_whole_records) {
  EventWriter writer = create();
  ASSERT_TRUE(writer.scalar("loss", 1, 0.5));
  const std::uint64_t before = writer.bytes();
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = usual;
  small.rlim_cur = before + 100;  // part of the record fits
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status refused = writer.text("spec", 0, std::string(1000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_EQ(content_of(writer).size(), before);
  ASSERT_TRUE(writer.text("spec", 0, "now"));
  EXPECT_EQ(read_back(writer).records, 3u);
}

TEST_F(EventFile, a_folder_that_cannot_be_made_is_an_error) {
  ASSERT_TRUE(write_file_atomic(folder_.path() / "file", "x"));
  EXPECT_FALSE(EventWriter::create(folder_.path() / "file" / "run", clock_));
}

TEST(ReadEvents, takes_every_way_that_others_write_a_scalar) {
  const MessageWriter type = MessageWriter().integer(1, 1), wide = MessageWriter().integer(1, 2);
  const std::string half("\0\0\0\x3F", 4), third("\0\0\0\0\0\0\xE0\x3F", 8);
  const auto with = [](MessageWriter tensor, const auto& add) { return add(tensor), tensor; };
  const MessageWriter tensors[] = {
      with(type, [](auto& t) { t.real32(5, 0.5f); }),  with(type, [&](auto& t) { t.bytes(5, half); }),
      with(type, [&](auto& t) { t.bytes(4, half); }),  with(wide, [](auto& t) { t.real(6, 0.5); }),
      with(wide, [&](auto& t) { t.bytes(6, third); }), with(wide, [&](auto& t) { t.bytes(4, third); }),
  };
  std::string bytes;
  for (const MessageWriter& tensor : tensors) bytes += tensor_event("loss", "scalars", tensor);
  bytes += frame_record(
      MessageWriter()
          .message(5, MessageWriter().message(1, MessageWriter().bytes(1, "old").real32(2, 0.5f)))
          .data());
  const auto content = read_events(bytes);
  ASSERT_TRUE(content) << content.error().message;
  ASSERT_EQ(content->scalars.size(), 7u);
  for (const ScalarPoint& point : content->scalars) EXPECT_EQ(point.value, 0.5);
  EXPECT_EQ(content->scalars[6].tag, "old");
}

// Written by tests/oracles/telemetry_events.py with TensorBoard's library.
TEST(ReadEvents, reads_what_tensorboard_s_library_wrote) {
  const auto content = read_events(read_file(AMAS_TEST_DATA_DIR "/tensorboard.tfevents").value());
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->records, 9u);
  ASSERT_EQ(content->scalars.size(), 4u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(content->scalars[i].tag, "loss");
    EXPECT_EQ(content->scalars[i].step, 10 * i);
    EXPECT_EQ(content->scalars[i].wall_seconds, 2.0 + i);
    EXPECT_EQ(content->scalars[i].value, 1.0f / static_cast<float>(1 + i));
  }
  EXPECT_EQ(content->scalars[3].tag, "old/accuracy");
  EXPECT_EQ(content->scalars[3].step, std::int64_t{1} << 40);
  EXPECT_EQ(content->scalars[3].value, 0.75);
}

TEST(ReadEvents, only_a_tag_s_first_value_says_that_it_is_a_scalar) {
  const MessageWriter tensor = MessageWriter().integer(1, 1).real32(5, 1);
  const std::string bytes = tensor_event("a", "scalars", tensor) + tensor_event("a", "", tensor) +
                            tensor_event("b", "", tensor) + tensor_event("b", "scalars", tensor);
  EXPECT_EQ(read_events(bytes)->scalars.size(), 2u);
}

TEST(ReadEvents, stops_at_a_torn_record_and_says_so) {
  const std::string good = tensor_event("a", "scalars", MessageWriter().integer(1, 1).real32(5, 1));
  const auto content = read_events(good + good.substr(0, 20));
  EXPECT_EQ(content->scalars.size(), 1u);
  EXPECT_EQ(content->bytes, good.size());
  EXPECT_TRUE(content->torn);
  EXPECT_FALSE(read_events("")->torn);
}

TEST(ReadEvents, refuses_records_that_are_not_events) {
  const auto content = read_events(frame_record("hello, I am not a message"));
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, Code::kInvalidArgument);
}

TEST(ReadEvents, refuses_a_record_beyond_the_limit_by_its_header) {
  std::string header;
  for (int i = 0; i < 8; ++i)
    header += static_cast<char>(std::uint64_t{limits::kEventRecordBytesMax + 1} >> (8 * i) & 0xFF);
  const std::uint32_t crc = masked_crc32c(header);
  for (int i = 0; i < 4; ++i) header += static_cast<char>(crc >> (8 * i) & 0xFF);
  EXPECT_EQ(read_events(header).error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace amas::telemetry
