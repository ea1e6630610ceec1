#include "convert/onnx_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/file.h"
#include "convert/testing.h"
#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::convert {
namespace {

using onnx::TensorProto;

/// A folder with a model whose weights may lie in other files.
class OnnxFile : public testing::Test {
 protected:
  const fs::path& root() const { return folder_.path(); }

  Result<Graph> read(const onnx::ModelProto& model) const {
    EXPECT_TRUE(write_file_atomic(root() / "in/net.onnx", model.SerializeAsString()));
    return read_onnx(root() / "in/net.onnx");
  }

  // The affine model with its matrix moved out.
  static onnx::ModelProto external(const std::string& location, const std::string& offset,
                                   const std::string& length) {
    onnx::ModelProto model = affine_model();
    TensorProto& w = *model.mutable_graph()->mutable_initializer(0);
    w.clear_raw_data();
    w.clear_float_data();
    w.set_data_location(TensorProto::EXTERNAL);
    const auto add = [&](const char* key, const std::string& value) {
      if (value.empty()) return;
      auto& entry = *w.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    };
    add("location", location);
    add("offset", offset);
    add("length", length);
    return model;
  }

  static std::string floats(std::initializer_list<float> values) {
    return {reinterpret_cast<const char*>(std::data(values)), values.size() * sizeof(float)};
  }

  TemporaryFolder folder_;
};

TEST_F(OnnxFile, is_taken_as_it_is_where_it_is_whole) {
  const onnx::ModelProto model = affine_model();
  const auto graph = read(model);
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->onnx, model.SerializeAsString());
  EXPECT_EQ(graph->origin, "onnx");
  EXPECT_TRUE(graph->notes.empty());
  EXPECT_EQ(graph->digest, read(model)->digest);
}

TEST_F(OnnxFile, takes_weights_out_of_files_in_its_folder) {
  ASSERT_TRUE(write_file_atomic(root() / "in/sub/w.bin", floats({9, 1, 2, 3, 4, 5, 6})));
  for (const char* location : {"sub/w.bin", "./sub/w.bin"}) {
    const auto graph = read(external(location, "4", "24"));
    ASSERT_TRUE(graph) << graph.error().message;
    const auto model = model::parse_onnx(graph->onnx);
    ASSERT_TRUE(model);
    const auto w = model::read_constant<float>(model->graph().initializer(0));
    ASSERT_TRUE(w) << w.error().message;
    EXPECT_EQ(*w, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  }
  const auto one = read(external("sub/w.bin", "4", ""));
  ASSERT_TRUE(one) << one.error().message;
  ASSERT_TRUE(write_file_atomic(root() / "in/sub/w.bin", floats({9, 1, 2, 3, 4, 5, 7})));
  EXPECT_NE(read(external("sub/w.bin", "4", ""))->digest, one->digest);
}

TEST_F(OnnxFile, opens_nothing_outside_of_its_folder) {
  ASSERT_TRUE(write_file_atomic(root() / "w.bin", floats({1, 2, 3, 4, 5, 6})));
  ASSERT_TRUE(make_folder(root() / "in"));
  fs::create_symlink(root() / "w.bin", root() / "in/link.bin");
  fs::create_directory_symlink(root(), root() / "in/up");
  for (const std::string& location :
       {std::string("../w.bin"), (root() / "w.bin").string(), std::string("link.bin"),
        std::string("up/w.bin"), std::string(""), std::string("sub/../../w.bin"),
        std::string("*/_ORT_MEM_ADDR_/*"), std::string("/etc/passwd"), std::string(".")}) {
    const auto graph = read(external(location, "0", "24"));
    ASSERT_FALSE(graph) << location;
    EXPECT_TRUE(graph.error().code == Code::kInvalidArgument || graph.error().code == Code::kNotFound)
        << location << ": " << graph.error().message;
  }
  EXPECT_NE(read(external("link.bin", "", "")).error().message.find("cp -rL"), std::string::npos);
  EXPECT_EQ(read(external("gone.bin", "", "")).error().code, Code::kNotFound);
}

TEST_F(OnnxFile, refuses_places_of_weights_that_lie) {
  ASSERT_TRUE(write_file_atomic(root() / "in/w.bin", floats({1, 2, 3, 4, 5, 6})));
  EXPECT_EQ(read(external("w.bin", "4", "24")).error().code, Code::kDataLoss);
  EXPECT_EQ(read(external("w.bin", "18446744073709551615", "24")).error().code, Code::kDataLoss);
  for (const auto& [offset, length] : std::vector<std::pair<std::string, std::string>>{
           {"0", "20"}, {"0", "4000000000000000000"}, {"-1", "24"}, {"0x0", "24"}, {"0", "1e3"}, {"4", ""}})
    EXPECT_EQ(read(external("w.bin", offset, length)).error().code, Code::kInvalidArgument)
        << offset << " " << length;
  onnx::ModelProto huge = external("w.bin", "", "");
  huge.mutable_graph()->mutable_initializer(0)->set_dims(0, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(read(huge).error().code, Code::kInvalidArgument);
  ASSERT_TRUE(make_folder(root() / "in/folder"));
  EXPECT_FALSE(read(external("folder", "", "")));
}

TEST_F(OnnxFile, finds_weights_in_attributes_of_inner_graphs) {
  ASSERT_TRUE(write_file_atomic(root() / "w.bin", floats({1})));
  onnx::ModelProto model = affine_model();
  auto& inner = *model::add_node(*model.mutable_graph(), "If", {"x"}, "z").add_attribute();
  inner.set_name("then_branch");
  inner.set_type(onnx::AttributeProto::GRAPH);
  auto& constant = model::add_node(*inner.mutable_g(), "Constant", {}, "c");
  model::set_tensor(constant, "value", external("../w.bin", "", "").graph().initializer(0));
  EXPECT_NE(read(model).error().message.find("outside"), std::string::npos);
}

TEST_F(OnnxFile, refuses_what_no_engine_has_by_name) {
  onnx::ModelProto newer = affine_model();
  newer.mutable_opset_import(0)->set_version(22);
  EXPECT_EQ(read(newer).error().code, Code::kUnimplemented);
  EXPECT_NE(read(newer).error().message.find("opset_version=21"), std::string::npos);
  onnx::ModelProto foreign = affine_model();
  foreign.mutable_graph()->mutable_node(0)->set_domain("com.acme");
  EXPECT_NE(read(foreign).error().message.find("com.acme.Gemm"), std::string::npos);
  // A function of the model is not code of its maker.
  auto& function = *foreign.add_functions();
  function.set_domain("com.acme");
  function.set_name("Gemm");
  EXPECT_TRUE(read(foreign));
}

TEST_F(OnnxFile, gives_the_tensor_that_a_list_of_maps_was_made_of) {
  const auto graph = read(zip_map_model());
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->labels, (std::vector<std::string>{"ham", "spam"}));
  ASSERT_EQ(graph->notes.size(), 1u);
  const auto engines = test_engines();
  const auto loaded = engines->load(graph->onnx, {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  ASSERT_EQ((*loaded)->outputs().size(), 2u);
  EXPECT_EQ((*loaded)->outputs()[1].name, "maps");
  const Tensor x = Tensor::of<float>({2, 2}, std::vector<float>{1, 0, 0, 1});
  const auto answer = (*loaded)->run(std::vector<TensorView>{x});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ((*answer)[0].strings(), (std::vector<std::string>{"ham", "spam"}));
  // softmax of (1.5, -1.5) and of (-0.5, 0.5)
  EXPECT_NEAR((*answer)[1].data<float>()[0], 1 / (1 + std::exp(-3.0)), 1e-6);
  EXPECT_NEAR((*answer)[1].data<float>()[3], 1 / (1 + std::exp(-1.0)), 1e-6);
}

TEST_F(OnnxFile, says_where_weights_are_not_numbers) {
  onnx::ModelProto model = affine_model();
  auto& graph = *model.mutable_graph();
  const std::vector<float> broken{1, std::nanf(""), 3};
  model::add_constant<float>(graph, "broken", {3}, broken);
  const auto read_model = read(model);
  ASSERT_TRUE(read_model);
  ASSERT_EQ(read_model->notes.size(), 1u);
  EXPECT_NE(read_model->notes[0].find("broken"), std::string::npos);
}

TEST_F(OnnxFile, is_refused_when_it_is_cut_off_or_something_else) {
  const std::string bytes = affine_model().SerializeAsString();
  for (std::size_t size = 0; size < bytes.size(); size += 3) {
    ASSERT_TRUE(write_file_atomic(root() / "cut.onnx", bytes.substr(0, size)));
    const auto graph = read_onnx(root() / "cut.onnx");
    if (!graph) {
      EXPECT_TRUE(graph.error().code == Code::kInvalidArgument || graph.error().code == Code::kUnimplemented);
    }
  }
  EXPECT_EQ(read_onnx(root() / "none.onnx").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace amas::convert
