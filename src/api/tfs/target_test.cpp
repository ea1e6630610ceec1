#include "api/tfs/target.h"

#include <gtest/gtest.h>

#include "api/tfs/status.h"

namespace amas::tfs {
namespace {

TEST(TfsTarget, takes_paths_apart_as_tensorflow_serving_does) {
  const auto predict = parse_target("POST", "/v1/models/a%20b:predict").value();
  EXPECT_EQ(predict.model, "a b");
  EXPECT_EQ(predict.verb, Verb::kPredict);
  EXPECT_FALSE(predict.version.number.has_value());
  const auto versioned = parse_target("POST", "/V1/MODELS/m/Versions/3:CLASSIFY").value();
  EXPECT_EQ(versioned.version.number, 3);
  EXPECT_EQ(versioned.verb, Verb::kClassify);
  EXPECT_EQ(parse_target("POST", "/v1/models/m:regress")->verb, Verb::kRegress);
  EXPECT_EQ(parse_target("GET", "/v1/models/m")->verb, Verb::kStatus);
  EXPECT_EQ(parse_target("GET", "/v1/models/m/versions/2/metadata")->verb, Verb::kMetadata);
  EXPECT_EQ(parse_target("GET", "/v1/models")->model, "");
  EXPECT_EQ(parse_target("POST", "/v1/models/m/labels/a%20b:predict")->version.label, "a b");
  EXPECT_EQ(parse_target("GET", "/v1/models/m/labels/stable/metadata")->version.label, "stable");
}

TEST(TfsTarget, refuses_what_does_not_fit) {
  for (const char* path : {"/v1/models/", "/v1/models/m", "/v1/models/m:explain", "/v1/models/m:predict/x",
                           "/v1/models/m/versions/x:predict", "/v1/models/m/versions/0:predict",
                           "/v1/models/m/labels/:predict", "/v1/models/:predict"})
    EXPECT_EQ(parse_target("POST", path).error().code, Code::kInvalidArgument) << path;
  for (const char* path : {"/v1/models/m:predict", "/v1/models/m/x", "/v1/models/m/versions/1/x"})
    EXPECT_EQ(parse_target("GET", path).error().code, Code::kInvalidArgument) << path;
  EXPECT_FALSE(is_target("/v1/modelsx"));
  EXPECT_FALSE(is_target("/v2/models"));
}

const serve::DeploymentStatus kDeployment{
    "spam",
    2,
    {{2, serve::VersionState::kAvailable, Error{}}, {3, serve::VersionState::kFailed, data_loss("broken")}}};

TEST(TfsStatus, answers_three_dialects_at_once) {
  const Json document = status_document(kDeployment, std::nullopt, 7).value();
  EXPECT_EQ(document["model_version_status"], Json::parse(R"([{"version":"2","state":"AVAILABLE",
                             "status":{"error_code":"OK","error_message":""}},
                            {"version":"3","state":"END",
                             "status":{"error_code":"DATA_LOSS","error_message":"broken"}}])"));
  EXPECT_EQ(document["id"], "spam");
  EXPECT_EQ(document["object"], "model");
  EXPECT_EQ(document["created"], 7);
  EXPECT_EQ(document["owned_by"], "amas");
  EXPECT_EQ(document["name"], "spam");
  EXPECT_EQ(document["ready"], true);
  EXPECT_EQ(status_document(kDeployment, 3, 7)->at("model_version_status").size(), 1u);
  EXPECT_EQ(status_document(kDeployment, 4, 7).error().code, Code::kNotFound);
  const Json list = list_document({kDeployment}, 7);
  EXPECT_EQ(list["data"][0]["id"], "spam");
  EXPECT_EQ(list["models"], Json({"spam"}));
}

TEST(TfsStatus, describes_signatures_as_tensorflow_serving_prints_them) {
  model::Manifest manifest;
  manifest.signatures["serving_default"] = {{{"text", DType::kString, {-1}}},
                                            {{"scores", DType::kFloat32, {-1, 2}}}};
  EXPECT_EQ(metadata_document("spam", 2, manifest), Json::parse(R"({
    "model_spec": {"name": "spam", "signature_name": "", "version": "2"},
    "metadata": {"signature_def": {"signature_def": {"serving_default": {
      "inputs": {"text": {"dtype": "DT_STRING", "name": "text",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": false}}},
      "outputs": {"scores": {"dtype": "DT_FLOAT", "name": "scores",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}, {"size": "2", "name": ""}],
                         "unknown_rank": false}}},
      "method_name": "tensorflow/serving/predict", "defaults": {}}}}}})"));
}

}  // namespace
}  // namespace amas::tfs
