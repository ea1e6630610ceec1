// Packages without a preparation: graphs that were made elsewhere.

#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "serve/fake_service.h"

namespace amas::serve {
namespace {

class GraphPackage : public testing::Test {
 protected:
  void deploy(bool has_rows) {
    fake_.service.set_deployments(
        {{"graph",
          {{1,
            write_graph_package(fake_.folder.path() / (has_rows ? "rows" : "no rows"), "tokens:5", has_rows),
            "fp32"}},
          {"default"}}});
    fake_.service.wait_until_settled();
  }
  std::future<Result<InferResponse>> ask(std::string signature, std::vector<std::int32_t> values) {
    InferRequest request;
    request.model = "graph";
    request.signature = std::move(signature);
    const auto rows = static_cast<std::int64_t>(values.size() / 4);
    request.inputs.push_back({"tokens", Tensor::of<std::int32_t>({rows, 4}, values)});
    auto promise = std::make_shared<std::promise<Result<InferResponse>>>();
    auto answer = promise->get_future();
    fake_.service.infer(std::move(request),
                        [promise](Result<InferResponse> r) { promise->set_value(std::move(r)); });
    return answer;
  }

  FakeService fake_;
};

TEST_F(GraphPackage, takes_what_its_graph_takes_under_either_signature) {
  deploy(true);
  const std::vector<std::int32_t> values{1, 2, 3, 4, 5, 6, 7, 8};
  for (const char* signature : {"serving_default", "tensors"}) {
    const auto answer = ask(signature, values).get();
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->outputs.size(), 1u);
    EXPECT_EQ(answer->outputs[0].tensor.data<float>()[2], token_score(std::span(values).subspan(4), 5));
  }
  EXPECT_EQ(ask("nope", values).get().error().code, Code::kNotFound);
  EXPECT_TRUE(fake_.service.ready());
}

TEST_F(GraphPackage, runs_rows_of_several_requests_together_only_where_there_are_rows) {
  for (const bool has_rows : {true, false}) {
    deploy(has_rows);
    fake_.engine.counts.rows_most = 0;
    fake_.engine.gate.set_open(false);
    std::vector<std::future<Result<InferResponse>>> answers;
    answers.push_back(ask("tensors", {0, 1, 1, 1}));
    fake_.engine.gate.wait_for(1);
    for (int i = 1; i < 6; ++i) answers.push_back(ask("tensors", {i, 1, 1, 1}));
    fake_.engine.gate.set_open(true);
    for (int i = 0; i < 6; ++i) {
      const auto answer = answers[static_cast<std::size_t>(i)].get();
      ASSERT_TRUE(answer) << answer.error().message;
      const std::vector<std::int32_t> row{i, 1, 1, 1};
      EXPECT_EQ(answer->outputs[0].tensor.data<float>()[0], token_score(row, 5));
    }
    if (has_rows) {
      EXPECT_GE(fake_.engine.counts.rows_most, 2);
    } else {
      EXPECT_EQ(fake_.engine.counts.rows_most, 1);
    }
  }
}

TEST_F(GraphPackage, fails_alone) {
  deploy(true);
  fake_.engine.gate.set_open(false);
  auto first = ask("tensors", {0, 1, 1, 1});
  fake_.engine.gate.wait_for(1);
  auto poison = ask("tensors", {kPoison, 1, 1, 1});
  auto good = ask("tensors", {3, 1, 1, 1});
  fake_.engine.gate.set_open(true);
  EXPECT_TRUE(first.get());
  EXPECT_FALSE(poison.get());
  EXPECT_TRUE(good.get());
}

}  // namespace
}  // namespace amas::serve
