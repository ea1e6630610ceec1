#include "serve/service.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <latch>
#include <map>
#include <random>
#include <thread>

#include "base/threads.h"
#include "serve/failures.h"
#include "serve/fake_engine.h"

namespace amas::serve {
namespace {

/// Writes down what it hears.
class Observer final : public TrafficObserver {
 public:
  struct Heard {
    std::vector<std::string> events;
    std::size_t rows = 0;
    std::size_t observed = 0;
    std::map<std::string, int> requests;
  };
  void on_loaded(const std::string& deployment, std::int64_t version, const model::Profile& profile,
                 const std::vector<std::string>& labels) override {
    EXPECT_EQ(4u, profile.rows);
    EXPECT_EQ(2u, labels.size());
    heard.with([&](Heard& h) { h.events.push_back("loaded " + deployment + " " + std::to_string(version)); });
  }
  void on_unloaded(const std::string& deployment, std::int64_t version) override {
    heard.with(
        [&](Heard& h) { h.events.push_back("unloaded " + deployment + " " + std::to_string(version)); });
  }
  void on_rows(const std::string&, std::int64_t, std::span<const features::TextObservation> observed,
               std::span<const float> scores, std::size_t classes) override {
    heard.with([&](Heard& h) {
      h.rows += scores.size() / classes;
      h.observed += observed.size();
    });
  }
  void on_request(const std::string&, std::int64_t, Code code, bool ok, std::int64_t) override {
    heard.with([&](Heard& h) { ++h.requests[ok ? "OK" : std::string(code_name(code))]; });
  }
  Guarded<Heard> heard;
};

class ServiceTest : public testing::Test {
 protected:
  void make(ServiceOptions options = {}) {
    service_.reset();
    service_ = std::make_unique<ModelService>(engine_, options, metrics_, observer_, clock_);
  }
  WantedVersion version(std::int64_t number, const std::string& graph) {
    return {number, write_package(folder_.path() / (std::to_string(++packages_)), graph), "fp32"};
  }
  void deploy(const std::vector<WantedDeployment>& wanted) {
    service_->set_deployments(wanted);
    service_->wait_until_settled();
  }
  std::future<Result<InferResponse>> ask(InferRequest request) {
    auto promise = std::make_shared<std::promise<Result<InferResponse>>>();
    auto answer = promise->get_future();
    service_->infer(std::move(request),
                    [promise](Result<InferResponse> r) { promise->set_value(std::move(r)); });
    return answer;
  }
  static InferRequest texts(const std::string& model, std::vector<std::string> rows) {
    InferRequest request;
    request.model = model;
    const auto count = static_cast<std::int64_t>(rows.size());
    request.inputs.push_back({"text", Tensor::of_strings({count}, std::move(rows))});
    return request;
  }
  static InferRequest tokens(const std::string& model, std::vector<std::int32_t> values) {
    InferRequest request;
    request.model = model;
    request.signature = "tensors";
    const auto rows = static_cast<std::int64_t>(values.size() / 4);
    request.inputs.push_back({"tokens", Tensor::of<std::int32_t>({rows, 4}, values)});
    return request;
  }
  Code code_of(InferRequest request) {
    const auto answer = ask(std::move(request)).get();
    return answer ? Code{} : answer.error().code;
  }

  TemporaryFolder folder_;
  int packages_ = 0;
  ManualClock clock_;
  FakeEngine engine_;
  telemetry::MetricRegistry metrics_;
  Observer observer_;
  std::unique_ptr<ModelService> service_;
};

float score_of(const InferResponse& response, std::size_t row) {
  return response.outputs.back().tensor.data<float>()[2 * row];
}

TEST_F(ServiceTest, answers_raw_text_with_labels_and_scores) {
  make();
  deploy({{"spam", {version(3, "tokens:5")}, {"default"}}});
  const auto answer = ask(texts("spam", {"w1 w2", "w50 unknown"})).get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ("spam", answer->model);
  EXPECT_EQ(3, answer->version);
  ASSERT_EQ(2u, answer->outputs.size());
  EXPECT_EQ("label", answer->outputs[0].name);
  EXPECT_EQ("scores", answer->outputs[1].name);
  EXPECT_EQ((Shape{2, 2}), answer->outputs[1].tensor.shape());
  const auto pipeline = fake_pipeline(false);
  const Tensor rows = Tensor::of_strings({2}, {"w1 w2", "w50 unknown"});
  const std::vector<TensorView> columns{rows};
  const auto prepared = pipeline.transform(columns);
  for (std::size_t row = 0; row < 2; ++row) {
    const float score = token_score((*prepared)[0].data<std::int32_t>().subspan(row * 4, 4), 5);
    EXPECT_EQ(score, score_of(*answer, row));
    EXPECT_EQ(score > 0.5F ? "ham" : "spam", answer->outputs[0].tensor.strings()[row]);
  }
}

TEST_F(ServiceTest, answers_tensors_with_what_the_graph_gives) {
  make();
  deploy({{"spam", {version(1, "tokens:5")}, {"default"}}});
  const std::vector<std::int32_t> values{1, 2, 3, 4, 5, 6, 7, 8};
  const auto answer = ask(tokens("spam", values)).get();
  ASSERT_TRUE(answer);
  ASSERT_EQ(1u, answer->outputs.size());
  EXPECT_EQ(token_score(std::span(values).subspan(4), 5), score_of(*answer, 1));
  observer_.heard.with([](const auto& heard) {
    EXPECT_EQ(2u, heard.rows);
    EXPECT_EQ(0u, heard.observed);
  });
}

TEST_F(ServiceTest, refuses_what_does_not_fit_and_says_why) {
  make();
  deploy({{"spam", {version(1, "tokens:5")}, {"default"}}, {"theirs", {version(1, "tokens:5")}, {"other"}}});
  EXPECT_EQ(Code::kNotFound, code_of(texts("nope", {"x"})));
  EXPECT_EQ("no such model: nope; there are: spam, theirs", ask(texts("nope", {"x"})).get().error().message);
  EXPECT_EQ(Code::kPermissionDenied, code_of(texts("theirs", {"x"})));
  auto request = texts("spam", {"x"});
  request.version = 9;
  EXPECT_EQ("no such version: 9 of spam; there are: 1", ask(request).get().error().message);
  request = texts("spam", {"x"});
  request.signature = "else";
  EXPECT_EQ(Code::kNotFound, code_of(request));
  EXPECT_EQ(Code::kInvalidArgument, code_of(texts("spam", {})));
  request = texts("spam", {"x"});
  request.inputs[0].name = "body";
  EXPECT_EQ("input is missing: text; the signature takes: text", ask(request).get().error().message);
  request.inputs[0].name = "";
  EXPECT_EQ(Code{}, code_of(request));
  request = texts("spam", {"x"});
  request.inputs.push_back(request.inputs[0]);
  EXPECT_EQ(Code::kInvalidArgument, code_of(request));
  EXPECT_EQ(Code::kInvalidArgument, code_of(texts("spam", {std::string(limits::kTextBytesMax + 1, 'x')})));
  EXPECT_EQ(Code::kInvalidArgument,
            code_of(texts("spam", std::vector<std::string>(limits::kRequestRowsMax + 1))));
  request = tokens("spam", {1, 2, 3, 4});
  request.inputs[0].tensor = Tensor(DType::kInt32, {1, 3});
  EXPECT_EQ(Code::kInvalidArgument, code_of(request));
  EXPECT_EQ(1u, metrics_
                    .counter("amas_requests_total", "",
                             {{"model", "theirs"}, {"version", ""}, {"code", "PERMISSION_DENIED"}})
                    ->value());
  EXPECT_EQ(
      2u,
      metrics_.counter("amas_requests_total", "", {{"model", ""}, {"version", ""}, {"code", "NOT_FOUND"}})
          ->value());
}

TEST_F(ServiceTest, refuses_ids_beyond_the_range_of_the_signature_before_the_engine_runs) {
  make();
  deploy({{"spam", {version(1, "tokens:5")}, {"default"}}});
  engine_.counts.runs = 0;
  for (const std::int32_t id : {-1, kTokenMax + 1, -2'000'000'000, 2'000'000'000}) {
    const auto answer = ask(tokens("spam", {1, 2, 3, 4, 5, 6, id, 8})).get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(Code::kInvalidArgument, answer.error().code);
    EXPECT_EQ(fmt::format("input has a value out of range: tokens holds {} in row 1; send 0 to 999", id),
              answer.error().message);
  }
  EXPECT_EQ(0, engine_.counts.runs);
  EXPECT_TRUE(ask(tokens("spam", {0, 1, 2, kTokenMax})).get());
}

TEST_F(ServiceTest, keeps_the_words_of_an_engine_that_fails_to_itself) {
  make();
  deploy({{"spam", {version(1, "tokens:5")}, {"default"}}});
  const auto answer = ask(tokens("spam", {1, 2, 3, kPoison})).get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(Code::kInternal, answer.error().code);
  EXPECT_EQ(std::string::npos, answer.error().message.find("poison")) << answer.error().message;
  EXPECT_NE(std::string::npos, answer.error().message.find("log")) << answer.error().message;
}

TEST_F(ServiceTest, gives_every_row_its_own_answer_under_thousands_of_mixed_requests) {
  make({.compute_threads = 3, .queue_rows_max = 1'000'000, .batch_rows_max = 16});
  deploy({{"dense", {version(1, "tokens:1"), version(2, "tokens:2")}, {"default"}},
          {"sparse", {version(1, "sparse:3"), version(2, "sparse-rows:3")}, {"default"}}});
  constexpr int kThreads = 4, kRequests = 1'000;
  const auto dense = fake_pipeline(false);
  const auto sparse = fake_pipeline(true);
  std::latch done(kThreads * kRequests);
  std::atomic<int> wrong{0}, failed{0}, poisoned{0};
  const auto check = [&](std::vector<float> expected, bool poison) {
    return [&, expected = std::move(expected), poison](Result<InferResponse> answer) {
      if (poison) poisoned += answer ? 0 : 1;
      else if (!answer) ++failed;
      else
        for (std::size_t row = 0; row < expected.size(); ++row)
          if (std::abs(score_of(*answer, row) - expected[row]) > 1e-3F * std::abs(expected[row])) ++wrong;
      done.count_down();
    };
  };
  std::vector<std::jthread> clients;
  for (int c = 0; c < kThreads; ++c)
    clients.emplace_back([&, c] {
      std::mt19937 random(static_cast<unsigned>(c));
      for (int i = 0; i < kRequests; ++i) {
        const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
        const int rows = 1 + (below(20) == 0 ? below(100) : below(4));
        if (below(3) == 0) {
          std::vector<std::int32_t> values;
          for (int v = 0; v < 4 * rows; ++v) values.push_back(below(600));
          const bool poison = below(10) == 0;
          if (poison) values[0] = kPoison;
          std::vector<float> expected;
          for (int row = 0; row < rows; ++row)
            expected.push_back(
                token_score(std::span(values).subspan(static_cast<std::size_t>(row) * 4, 4), 2));
          auto request = tokens("dense", values);
          request.version = 2;
          service_->infer(std::move(request), check(std::move(expected), poison));
          continue;
        }
        const bool is_sparse = below(2) == 0;
        std::vector<std::string> lines;
        for (int row = 0; row < rows; ++row) {
          lines.emplace_back();
          for (int words = below(9); words > 0; --words) lines.back() += word(below(kPoisonWord)) + " ";
        }
        const Tensor column = Tensor::of_strings({rows}, lines);
        std::vector<float> expected;
        for (int row = 0; row < rows; ++row) {
          const std::vector<TensorView> one{TensorView(column, row, row + 1)};
          const auto prepared = (is_sparse ? sparse : dense).transform(one);
          const auto first = (*prepared)[0].data<std::int32_t>();
          expected.push_back(is_sparse ? sparse_score(first, (*prepared)[1].data<float>(), 3)
                                       : token_score(first, 1));
        }
        auto request = texts(is_sparse ? "sparse" : "dense", lines);
        request.version = is_sparse ? 1 + below(2) : 1;
        service_->infer(std::move(request), check(std::move(expected), false));
      }
    });
  clients.clear();
  done.wait();
  EXPECT_EQ(0, wrong);
  EXPECT_EQ(0, failed);
  EXPECT_GT(poisoned, 50);
  EXPECT_GT(engine_.counts.rows_most, 1);
  EXPECT_LE(engine_.counts.rows_most, 16);
  EXPECT_EQ(0, metrics_.gauge("amas_queue_rows", "", {{"model", "dense"}, {"version", "1"}})->value());
}

TEST_F(ServiceTest, a_request_whose_sparse_row_fails_does_not_spoil_those_beside_it) {
  make({.compute_threads = 1});
  deploy({{"spam", {version(1, "sparse-rows:3")}, {"default"}}});
  engine_.gate.set_open(false);
  std::vector<std::future<Result<InferResponse>>> answers;
  answers.push_back(ask(texts("spam", {"w1"})));
  engine_.gate.wait_for(1);
  for (const std::string& text : {std::string("w2 w3"), word(kPoisonWord), std::string("w4")})
    answers.push_back(ask(texts("spam", {text})));
  engine_.gate.set_open(true);
  const auto pipeline = fake_pipeline(true);
  const auto expect = [&](Result<InferResponse> answer, const std::string& text) {
    ASSERT_TRUE(answer) << answer.error().message;
    const Tensor row = Tensor::of_strings({1}, {text});
    const auto prepared = pipeline.transform(std::vector<TensorView>{row});
    EXPECT_FLOAT_EQ(sparse_score((*prepared)[0].data<std::int32_t>(), (*prepared)[1].data<float>(), 3),
                    score_of(*answer, 0));
  };
  expect(answers[0].get(), "w1");
  expect(answers[1].get(), "w2 w3");
  EXPECT_EQ("the scorer failed: poison", answers[2].get().error().message);
  expect(answers[3].get(), "w4");
}

TEST_F(ServiceTest, runs_together_what_waits_and_starts_a_lone_request_at_once) {
  make({.compute_threads = 1, .batch_rows_max = 8});
  deploy({{"spam", {version(1, "tokens:1")}, {"default"}}});
  engine_.counts.runs = 0;
  EXPECT_TRUE(ask(tokens("spam", {1, 1, 1, 1})).get());
  engine_.gate.set_open(false);
  std::vector<std::future<Result<InferResponse>>> answers;
  answers.push_back(ask(tokens("spam", {2, 2, 2, 2})));
  engine_.gate.wait_for(1);
  for (int i = 0; i < 12; ++i) answers.push_back(ask(tokens("spam", {i, 3, 3, 3})));
  engine_.gate.set_open(true);
  std::vector<std::size_t> batches;
  for (auto& answer : answers) batches.push_back(answer.get()->times.batch_rows);
  EXPECT_EQ((std::vector<std::size_t>{1, 8, 8, 8, 8, 8, 8, 8, 8, 4, 4, 4, 4}), batches);
  EXPECT_EQ(4, engine_.counts.runs);
}

TEST_F(ServiceTest, does_not_widen_many_rows_for_one) {
  make({.compute_threads = 1, .batch_rows_max = 64});
  deploy({{"spam", {version(1, "sparse:1")}, {"default"}}});
  const auto sparse = [](std::int64_t rows, std::int64_t width) {
    InferRequest request;
    request.model = "spam";
    request.signature = "tensors";
    request.inputs.push_back({"indices", Tensor(DType::kInt32, {rows, width})});
    request.inputs.push_back({"values", Tensor(DType::kFloat32, {rows, width})});
    return request;
  };
  engine_.gate.set_open(false);
  std::vector<std::future<Result<InferResponse>>> answers;
  answers.push_back(ask(sparse(1, 1)));
  engine_.gate.wait_for(1);
  // 31 rows as wide as the fourth request would fill 50 MB, 43 rows 69 MB.
  for (const auto& [rows, width] : {std::pair{10, 3}, {10, 1}, {10, 2}, {1, 200'000}, {12, 1}})
    answers.push_back(ask(sparse(rows, width)));
  engine_.gate.set_open(true);
  std::vector<std::size_t> batches;
  for (auto& answer : answers) batches.push_back(answer.get()->times.batch_rows);
  EXPECT_EQ((std::vector<std::size_t>{1, 31, 31, 31, 31, 12}), batches);
}

TEST_F(ServiceTest, splits_a_request_that_is_larger_than_a_batch) {
  make({.compute_threads = 1, .queue_rows_max = 10, .batch_rows_max = 4});
  deploy({{"spam", {version(1, "tokens:1")}, {"default"}}});
  std::vector<std::int32_t> values;
  for (int i = 0; i < 400; ++i) values.push_back(i);
  const auto answer = ask(tokens("spam", values)).get();
  ASSERT_TRUE(answer);
  for (std::size_t row = 0; row < 100; ++row)
    EXPECT_EQ(token_score(std::span(values).subspan(row * 4, 4), 1), score_of(*answer, row));
  EXPECT_EQ(4, engine_.counts.rows_most);
}

TEST_F(ServiceTest, refuses_rows_beyond_the_queue_and_answers_late_requests_with_their_deadline) {
  make({.compute_threads = 1, .queue_rows_max = 3, .deadline_us = 1'000});
  deploy({{"spam", {version(1, "tokens:1")}, {"default"}}});
  engine_.gate.set_open(false);
  auto running = ask(tokens("spam", {1, 1, 1, 1}));
  engine_.gate.wait_for(1);
  auto late = ask(tokens("spam", {1, 1, 1, 1, 2, 2, 2, 2}));
  auto patient = tokens("spam", {3, 3, 3, 3});
  patient.deadline_us = clock_.steady_us() + 1'000'000;
  auto in_time = ask(patient);
  EXPECT_EQ(Code::kResourceExhausted, code_of(tokens("spam", {4, 4, 4, 4})));
  clock_.advance_us(2'000);
  engine_.gate.set_open(true);
  EXPECT_TRUE(running.get());
  EXPECT_EQ(Code::kDeadlineExceeded, late.get().error().code);
  EXPECT_TRUE(in_time.get());
  observer_.heard.with([](auto& heard) {
    EXPECT_EQ(2, heard.requests["OK"]);
    EXPECT_EQ(1, heard.requests["DEADLINE_EXCEEDED"]);
    EXPECT_EQ(1, heard.requests["RESOURCE_EXHAUSTED"]);
  });
}

TEST_F(ServiceTest, takes_a_request_larger_than_the_queue_while_others_wait_but_none_behind_it) {
  make({.compute_threads = 1, .queue_rows_max = 3});
  deploy({{"spam", {version(1, "tokens:1")}, {"default"}}});
  engine_.gate.set_open(false);
  auto running = ask(tokens("spam", {1, 1, 1, 1}));
  engine_.gate.wait_for(1);
  auto small = ask(tokens("spam", {2, 2, 2, 2}));
  auto large = ask(tokens("spam", std::vector<std::int32_t>(400, 3)));
  EXPECT_EQ(Code::kResourceExhausted, code_of(tokens("spam", {4, 4, 4, 4})));
  engine_.gate.set_open(true);
  EXPECT_TRUE(running.get());
  EXPECT_TRUE(small.get());
  EXPECT_TRUE(large.get());
}

TEST_F(ServiceTest, swaps_versions_under_load_without_a_lost_or_wrong_answer) {
  make({.compute_threads = 2, .queue_rows_max = 100'000});
  const std::vector<WantedVersion> versions{version(1, "tokens:1"), version(2, "tokens:2"),
                                            version(3, "tokens:3")};
  deploy({{"spam", {versions[0]}, {"default"}}});
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, answered{0}, asked{0};
  std::vector<std::jthread> clients;
  for (int c = 0; c < 3; ++c)
    clients.emplace_back([&, c] {
      for (int i = 0; !stop; ++i) {
        const std::vector<std::int32_t> values{c, i % 500, 7, 7};
        ++asked;
        std::latch done(1);
        service_->infer(tokens("spam", values), [&](Result<InferResponse> answer) {
          if (!answer || score_of(*answer, 0) != token_score(values, static_cast<int>(answer->version)))
            ++wrong;
          ++answered;
          done.count_down();
        });
        done.wait();
      }
    });
  for (std::size_t swap = 1; swap <= 60; ++swap) {
    const int before = answered;
    deploy({{"spam", {versions[swap % 3]}, {"default"}}});
    while (answered < before + 3)
      std::this_thread::yield();  // Every version answers before it is swapped out.
  }
  stop = true;
  clients.clear();
  EXPECT_EQ(0, wrong);
  EXPECT_EQ(asked, answered);
  EXPECT_GT(answered, 100);
  EXPECT_EQ(1, engine_.counts.alive);
  EXPECT_EQ(1, service_->deployment("spam")->default_version);
}

TEST_F(ServiceTest, keeps_the_older_version_serving_when_the_new_one_does_not_load) {
  make();
  const auto first = version(1, "tokens:1");
  deploy({{"spam", {first}, {"default"}}});
  deploy({{"spam", {version(2, "broken")}, {"default"}}});
  EXPECT_EQ(1, ask(texts("spam", {"w1"})).get()->version);
  auto status = *service_->deployment("spam");
  ASSERT_EQ(2u, status.versions.size());
  EXPECT_EQ(1, status.default_version);
  EXPECT_EQ(VersionState::kAvailable, status.versions[0].state);
  EXPECT_EQ(VersionState::kFailed, status.versions[1].state);
  EXPECT_EQ("not a fake graph", status.versions[1].story);
  EXPECT_EQ(load_failure_for_client(Code::kInvalidArgument).message, status.versions[1].error.message);
  auto request = texts("spam", {"w1"});
  request.version = 2;
  EXPECT_EQ(Code::kInternal, code_of(request));
  deploy({{"spam", {version(2, "tokens:2")}, {"default"}}});
  EXPECT_EQ(2, ask(texts("spam", {"w1"})).get()->version);
  deploy({{"fresh", {version(1, "broken")}, {"default"}}});
  EXPECT_EQ(Code::kInternal, code_of(texts("fresh", {"w1"})));
  EXPECT_FALSE(service_->ready());
}

TEST_F(ServiceTest, tells_for_what_is_wanted_whether_it_serves_loads_or_failed_and_with_which_variant) {
  make();
  deploy({{"spam", {version(1, "tokens:1")}, {"default"}, 5}});
  EXPECT_EQ(Health::kReady, service_->health());
  auto other = version(1, "broken");
  other.variant = "int8";
  deploy({{"spam", {other}, {"default"}, 6}});
  auto status = *service_->deployment("spam");
  EXPECT_EQ(6, status.generation);
  ASSERT_EQ(1u, status.wanted.size());
  EXPECT_EQ(VersionState::kFailed, status.wanted[0].state);
  EXPECT_EQ("int8", status.wanted[0].variant);
  EXPECT_EQ(VersionState::kAvailable, status.versions[0].state);
  EXPECT_EQ("fp32", status.versions[0].variant);
  EXPECT_EQ(Health::kReady, service_->health());
  deploy({{"spam", {other}, {"default"}, 6}, {"fresh", {version(2, "broken")}, {"default"}, 7}});
  EXPECT_EQ(Health::kFailed, service_->health());
  engine_.gate.set_open(false);
  service_->set_deployments({{"late", {version(3, "tokens:1")}, {"default"}, 8}});
  EXPECT_EQ(VersionState::kLoading, service_->deployment("late")->wanted[0].state);
  engine_.gate.wait_for(1);
  EXPECT_EQ(Health::kLoading, service_->health());
  engine_.gate.set_open(true);
  service_->wait_until_settled();
  EXPECT_EQ(Health::kReady, service_->health());
}

TEST_F(ServiceTest, serves_a_package_that_was_mended_on_disk_after_it_had_failed) {
  make({.retry_first_us = 1'000, .retry_max_us = 4'000});
  WantedVersion lost{1, folder_.path() / "lost", "fp32"};
  deploy({{"spam", {lost}, {"default"}}});
  const Error refused = ask(texts("spam", {"w1"})).get().error();
  EXPECT_EQ(Code::kInternal, refused.code);
  EXPECT_EQ(std::string::npos, refused.message.find(folder_.path().string())) << refused.message;
  EXPECT_NE(std::string::npos, service_->deployment("spam")->wanted[0].story.find(lost.package.string()));
  EXPECT_EQ(Health::kFailed, service_->health());
  write_package(folder_.path() / "lost", "tokens:1");
  while (!service_->ready()) std::this_thread::yield();
  EXPECT_EQ(1, ask(texts("spam", {"w1"})).get()->version);
  EXPECT_EQ(VersionState::kAvailable, service_->deployment("spam")->wanted[0].state);
}

TEST_F(ServiceTest, refuses_a_package_whose_manifest_is_not_the_one_that_is_wanted) {
  make();
  auto wanted = version(1, "tokens:1");
  wanted.digest = std::string(64, 'a');
  deploy({{"spam", {wanted}, {"default"}}});
  EXPECT_EQ(Code::kDataLoss, service_->deployment("spam")->wanted[0].error.code);
  wanted.digest = model::Package::open(wanted.package)->digest();
  deploy({{"spam", {wanted}, {"default"}}});
  EXPECT_TRUE(service_->ready());
}

TEST_F(ServiceTest, moves_a_label_to_a_version_once_that_answers) {
  make();
  WantedVersion one = version(1, "tokens:1"), two = version(2, "tokens:2"), broken = version(3, "nonsense");
  one.labels = {"stable", "old"};
  two.labels = {"canary"};
  deploy({{"spam", {one, two}, {"default"}}});
  const auto answers = [&](const char* label) {
    InferRequest request = tokens("spam", {1, 2, 3, 4});
    request.version = VersionChoice::of_label(label);
    const auto answer = ask(std::move(request)).get();
    return answer ? answer->version : -1;
  };
  EXPECT_EQ(1, answers("stable"));
  EXPECT_EQ(2, answers("canary"));
  EXPECT_EQ(-1, answers("nope"));
  EXPECT_EQ(1, service_->deployment("spam")->labels.at("old"));
  // A version that does not load leaves the label where it was.
  one.labels = {};
  broken.labels = {"stable"};
  deploy({{"spam", {one, two, broken}, {"default"}}});
  EXPECT_EQ(1, answers("stable"));
  EXPECT_EQ(-1, answers("old"));
  two.labels = {"canary", "stable"};
  deploy({{"spam", {two}, {"default"}}});
  EXPECT_EQ(2, answers("stable"));
  EXPECT_EQ(Code::kInvalidArgument, service_->manifest("spam", VersionChoice::of_label("old")).error().code);
}

TEST_F(ServiceTest, does_not_run_what_was_given_up_while_it_waited) {
  make({.compute_threads = 1});
  deploy({{"spam", {version(1, "tokens:1")}, {"default"}}});
  engine_.gate.set_open(false);
  auto running = ask(tokens("spam", {1, 1, 1, 1}));
  engine_.gate.wait_for(1);
  const auto gone = std::make_shared<std::atomic<bool>>(false);
  auto given_up = tokens("spam", {2, 2, 2, 2});
  given_up.gone = gone;
  auto lost = ask(given_up);
  auto kept = ask(tokens("spam", {3, 3, 3, 3}));
  gone->store(true);
  engine_.counts.runs = 0;
  engine_.counts.rows_most = 0;
  engine_.gate.set_open(true);
  EXPECT_EQ(Code::kCancelled, lost.get().error().code);
  EXPECT_TRUE(running.get());
  EXPECT_TRUE(kept.get());
  EXPECT_EQ(2, engine_.counts.runs);
  EXPECT_EQ(1, engine_.counts.rows_most);
  observer_.heard.with([](const auto& heard) {
    EXPECT_EQ((std::map<std::string, int>{{"OK", 2}}), heard.requests);
  });
}

TEST_F(ServiceTest, frees_a_version_only_after_its_last_request) {
  make({.compute_threads = 1});
  deploy({{"spam", {version(1, "tokens:1")}, {"default"}}});
  engine_.gate.set_open(false);
  auto running = ask(tokens("spam", {1, 1, 1, 1}));
  engine_.gate.wait_for(1);
  auto waiting = ask(tokens("spam", {2, 2, 2, 2}));
  service_->set_deployments({});
  // The gate is shut for loads as well, but nothing is to be loaded.
  service_->wait_until_settled();
  EXPECT_EQ(Code::kNotFound, code_of(tokens("spam", {3, 3, 3, 3})));
  EXPECT_EQ(1, engine_.counts.alive);
  engine_.gate.set_open(true);
  EXPECT_TRUE(running.get());
  EXPECT_TRUE(waiting.get());
  service_.reset();
  EXPECT_EQ(0, engine_.counts.alive);
  EXPECT_EQ(0, metrics_.gauge("amas_models_loaded", "")->value());
  observer_.heard.with([](const auto& heard) {
    EXPECT_EQ((std::vector<std::string>{"loaded spam 1", "unloaded spam 1"}), heard.events);
  });
}

TEST_F(ServiceTest, says_loading_until_the_first_version_is_warm) {
  make();
  engine_.gate.set_open(false);
  service_->set_deployments({{"spam", {version(4, "tokens:1")}, {"default"}}});
  EXPECT_EQ("model is still loading: spam version 4; retry soon",
            ask(texts("spam", {"x"})).get().error().message);
  EXPECT_FALSE(service_->ready());
  EXPECT_EQ(Code::kUnavailable, service_->manifest("spam", {}).error().code);
  EXPECT_EQ(VersionState::kLoading, service_->deployments()[0].versions[0].state);
  engine_.gate.set_open(true);
  service_->wait_until_settled();
  EXPECT_TRUE(service_->ready());
  std::int64_t actual = 0;
  const auto manifest = service_->manifest("spam", {}, &actual);
  ASSERT_TRUE(manifest);
  EXPECT_EQ(4, actual);
  EXPECT_EQ("fake", (*manifest)->name);
}

TEST_F(ServiceTest, answers_all_that_waits_when_it_ends_and_refuses_the_rest) {
  make({.compute_threads = 1});
  deploy({{"spam", {version(1, "tokens:1")}, {"default"}}});
  engine_.gate.set_open(false);
  std::vector<std::future<Result<InferResponse>>> answers;
  for (int i = 0; i < 200; ++i) answers.push_back(ask(tokens("spam", {i, 1, 1, 1})));
  bool task_ran = false;
  EXPECT_TRUE(service_->run_on_compute([&] { task_ran = true; }));
  service_->drain();
  EXPECT_EQ(Code::kUnavailable, code_of(tokens("spam", {1, 1, 1, 1})));
  EXPECT_FALSE(service_->run_on_compute([] {}));
  engine_.gate.set_open(true);
  service_.reset();
  for (auto& answer : answers) {
    ASSERT_EQ(std::future_status::ready, answer.wait_for(std::chrono::seconds(0)));
    EXPECT_TRUE(answer.get());
  }
  EXPECT_TRUE(task_ran);
}

}  // namespace
}  // namespace amas::serve
