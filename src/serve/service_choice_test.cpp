// Which version answers, and whether anybody still waits for it.

#include "serve/service_fixture.h"

namespace amas::serve {
namespace {

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

}  // namespace
}  // namespace amas::serve
