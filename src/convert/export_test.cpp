#include "convert/export.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "convert/import.h"
#include "convert/testing.h"

namespace amas::convert {
namespace {

class Export : public testing::Test {
 protected:
  model::Package package(const std::string& onnx, std::vector<std::string> labels) {
    EXPECT_TRUE(write_file_atomic(folder_.path() / "net.onnx", onnx));
    const auto imported = import_model({.path = folder_.path() / "net.onnx", .name = "net", .labels = labels},
                                       *store_, *engines_);
    EXPECT_TRUE(imported) << imported.error().message;
    return model::Package::open(store_->package_folder(imported->version.digest).value()).value();
  }

  TemporaryFolder folder_;
  std::unique_ptr<store::Store> store_ = std::move(*store::Store::open(folder_.path() / "home"));
  std::unique_ptr<engine::EngineSet> engines_ = test_engines();
};

TEST_F(Export, writes_a_graph_with_its_signature) {
  const std::string onnx = affine_model().SerializeAsString();
  const auto files = export_files(package(onnx, {"ham", "spam"}), {.to = "onnx"});
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(files->at("model.onnx"), onnx);
  EXPECT_EQ(files->at("labels.txt"), "ham\nspam\n");
  EXPECT_NE(files->at("README.md").find("| `x` | float32 | [-1,3] |"), std::string::npos);
  EXPECT_TRUE(engines_->load(files->at("model.onnx"), {}));
}

TEST_F(Export, writes_repositories_of_peers_that_are_imported_again_to_the_same_graph) {
  const std::string onnx = affine_model().SerializeAsString();
  const model::Package net = package(onnx, {"ham", "spam"});
  for (const char* peer : {"triton", "openvino"}) {
    const auto files = export_files(net, {.to = peer, .version = 7});
    ASSERT_TRUE(files) << files.error().message;
    const fs::path root = folder_.path() / peer;
    for (const auto& [name, content] : *files) ASSERT_TRUE(write_file_atomic(root / name, content));
    const auto graph = read_model(root / "net");
    ASSERT_TRUE(graph) << graph.error().message;
    EXPECT_EQ(graph->onnx, onnx);
    EXPECT_EQ(files->contains("net/config.pbtxt"), std::string(peer) == "triton");
  }
}

TEST_F(Export, refuses_what_it_cannot_write) {
  const model::Package net = package(affine_model().SerializeAsString(), {});
  EXPECT_EQ(export_files(net, {.to = "tfserving"}).error().code, Code::kUnimplemented);
  EXPECT_EQ(export_files(net, {.to = "mars"}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(export_files(net, {.to = "onnx", .variant = "int4"}).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace amas::convert
