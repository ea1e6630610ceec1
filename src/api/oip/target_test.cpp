#include "api/oip/target.h"

#include <gtest/gtest.h>

#include "api/oip/metadata.h"

namespace amas::oip {
namespace {

TEST(OipTarget, takes_paths_apart) {
  EXPECT_EQ(parse_target("/v2")->verb, Verb::kServer);
  EXPECT_EQ(parse_target("/v2/health/live")->verb, Verb::kLive);
  EXPECT_EQ(parse_target("/v2/health/ready")->verb, Verb::kServerReady);
  EXPECT_EQ(parse_target("/v2/models")->verb, Verb::kModels);
  EXPECT_EQ(parse_target("/v2/repository/index")->verb, Verb::kIndex);
  const auto infer = parse_target("/v2/models/a%2Fb/versions/01/infer").value();
  EXPECT_EQ(infer.verb, Verb::kInfer);
  EXPECT_EQ(infer.model, "a/b");
  EXPECT_EQ(infer.version, 1);
  EXPECT_EQ(parse_target("/v2/models/m")->verb, Verb::kModel);
  EXPECT_EQ(parse_target("/v2/models/m/ready")->verb, Verb::kModelReady);
  EXPECT_EQ(parse_target("/v2/models/m/versions/2/config")->verb, Verb::kConfig);
  EXPECT_EQ(method_of(Verb::kInfer), "POST");
  EXPECT_EQ(method_of(Verb::kModel), "GET");
}

TEST(OipTarget, refuses_what_it_does_not_know) {
  for (const char* path :
       {"/v2/", "/v2/x", "/v2/models/", "/v2/models/m/", "/v2/models/m/infer/x", "/v2/health/live/"})
    EXPECT_EQ(parse_target(path).error().code, Code::kNotFound) << path;
  for (const char* version : {"abc", "0", "99999999999999999999", ""})
    EXPECT_EQ(parse_target(std::string("/v2/models/m/versions/") + version + "/infer").error().code,
              Code::kInvalidArgument);
  EXPECT_TRUE(is_target("/v2"));
  EXPECT_FALSE(is_target("/v22"));
}

TEST(OipMetadata, shows_the_default_signature_with_its_batch_dimension) {
  model::Manifest manifest;
  manifest.signatures["serving_default"] = {{{"text", DType::kString, {-1}}},
                                            {{"scores", DType::kFloat32, {-1, 2}}}};
  EXPECT_EQ(model_document("m", {1, 2}, manifest),
            Json::parse(R"({"name":"m","versions":["1","2"],"platform":"amas",
                            "inputs":[{"name":"text","datatype":"BYTES","shape":[-1]}],
                            "outputs":[{"name":"scores","datatype":"FP32","shape":[-1,2]}]})"));
  const Json config = config_document("m", manifest);
  EXPECT_EQ(config["input"][0]["data_type"], "TYPE_STRING");
  EXPECT_EQ(config["output"][0]["dims"], Json({2}));
}

TEST(OipMetadata, lists_versions_with_their_state) {
  const std::vector<serve::DeploymentStatus> all{{"m",
                                                  1,
                                                  {{1, serve::VersionState::kAvailable, Error{}},
                                                   {2, serve::VersionState::kFailed, not_found("gone")}}}};
  EXPECT_EQ(index_document(all, false), Json::parse(R"([{"name":"m","version":"1","state":"READY"},
                            {"name":"m","version":"2","state":"UNAVAILABLE","reason":"gone"}])"));
  EXPECT_EQ(index_document(all, true).size(), 1u);
}

}  // namespace
}  // namespace amas::oip
