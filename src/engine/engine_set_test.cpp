#include "engine/engine_set.h"

#include <gtest/gtest.h>

namespace amas::engine {
namespace {

/// Takes every model, and says in its input's name which engine that was.
class NamedModel final : public LoadedModel {
 public:
  explicit NamedModel(std::string name) : specs_{{std::move(name), DType::kFloat32, {-1}}} {}
  const std::vector<TensorSpec>& inputs() const override { return specs_; }
  const std::vector<TensorSpec>& outputs() const override { return specs_; }
  Result<std::vector<Tensor>> run(std::span<const TensorView>) override { return std::vector<Tensor>(); }

 private:
  std::vector<TensorSpec> specs_;
};

class NamedEngine final : public Engine {
 public:
  explicit NamedEngine(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }
  std::string version() const override { return "2"; }
  std::string runs_as(const LoadOptions& options) const override {
    return options.precision + " on " + name_;
  }
  Result<std::unique_ptr<LoadedModel>> load(std::string_view, const LoadOptions& options) override {
    return std::unique_ptr<LoadedModel>(std::make_unique<NamedModel>(name_ + options.precision));
  }

 private:
  std::string name_;
};

EngineSet two_engines() {
  std::vector<std::unique_ptr<Engine>> engines;
  engines.push_back(std::make_unique<NamedEngine>("general"));
  engines.push_back(std::make_unique<NamedEngine>("quick"));
  return EngineSet(std::move(engines));
}

TEST(EngineSet, loads_with_the_engine_that_is_named_or_the_first) {
  EngineSet engines = two_engines();
  EXPECT_EQ(engines.load("", {})->get()->inputs()[0].name, "general");
  EXPECT_EQ(engines.load("", {.engine = "quick", .precision = "int8"})->get()->inputs()[0].name, "quickint8");
  EXPECT_EQ(engines.name(), "general");
  EXPECT_EQ(engines.version(), "2, quick 2");
}

TEST(EngineSet, asks_the_engine_that_is_named_how_it_runs_a_precision) {
  const EngineSet engines = two_engines();
  EXPECT_EQ(engines.runs_as({.precision = "int8"}), "int8 on general");
  EXPECT_EQ(engines.runs_as({.engine = "quick", .precision = "int8"}), "int8 on quick");
  EXPECT_EQ(engines.runs_as({.engine = "slow", .precision = "int8"}), "int8");
}

TEST(EngineSet, an_engine_that_is_not_there_is_answered_with_those_that_are) {
  const auto refused = two_engines().load("", {.engine = "slow"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kNotFound);
  EXPECT_NE(refused.error().message.find("general, quick"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace amas::engine
