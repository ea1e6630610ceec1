#include "model/package.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "crypto/digest.h"
#include "model/card.h"

namespace amas::model {
namespace {

Manifest example_manifest() {
  Manifest manifest;
  manifest.name = "spam";
  manifest.task = "binary_classification";
  manifest.candidate = "lstm";
  manifest.settings = {{"units", 64}, {"length", 128}};
  manifest.labels = {"ham", "spam"};
  manifest.signatures["serving_default"] = {
      {{"text", DType::kString, {-1}}},
      {{"label", DType::kString, {-1}}, {"scores", DType::kFloat32, {-1, 2}}}};
  manifest.signatures["tensors"] = {{{"tokens", DType::kInt32, {-1, 128}, engine::ValueRange{0, 9'999}}},
                                    {{"scores", DType::kFloat32, {-1, 2}}}};
  manifest.variants.push_back({.name = "fp32", .file = "model.onnx", .metrics = {{"accuracy", 0.985}}});
  manifest.variants.push_back(
      {.name = "int8", .file = "model.int8.onnx", .accuracy_drop = 0.002, .details = {{"method", "int8"}}});
  manifest.metrics["accuracy"] = {0.985, 0.978, 0.991};
  manifest.metrics["roc_auc"] = {std::numeric_limits<double>::quiet_NaN(), 0, 1};
  manifest.conversion_difference = 3.1e-7;
  manifest.lineage = {.source = "mail/*.txt",
                      .source_digest = "ab",
                      .dataset_digest = "cd",
                      .spec_digest = "ef",
                      .parent = "",
                      .seed = 7,
                      .amas_version = "0.1.0",
                      .libraries = {{"torch", "2.7.1"}}};
  return manifest;
}

PackageFiles example_files() {
  return {
      {"model.onnx", "graph"}, {"model.int8.onnx", "small"}, {"pipeline.json", "{}"}, {"profile.json", "{}"}};
}

Json sealed_document() {
  Manifest manifest = example_manifest();
  return *parse_json(seal(manifest, example_files()).at("model.json"));
}

Code code_for(const Json& document) {
  const auto manifest = manifest_from_json(dump_json(document));
  return manifest ? Code::kUnknown : manifest.error().code;
}

TEST(Manifest, reads_back_what_was_written) {
  Manifest manifest = example_manifest();
  const std::string text = seal(manifest, example_files()).at("model.json");
  const auto read = manifest_from_json(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), text);
  EXPECT_EQ(read->labels, manifest.labels);
  EXPECT_EQ(read->signatures.at("serving_default").outputs[1].shape, (Shape{-1, 2}));
  EXPECT_EQ(read->signatures.at("tensors").inputs[0].range, (engine::ValueRange{0, 9'999}));
  EXPECT_FALSE(read->signatures.at("tensors").outputs[0].range);
  EXPECT_TRUE(std::isnan(read->metrics.at("roc_auc").value));
  EXPECT_EQ(read->lineage.libraries, manifest.lineage.libraries);
  ASSERT_NE(read->find_variant("int8"), nullptr);
  EXPECT_EQ(read->find_variant("int8")->bytes, 5U);
  EXPECT_EQ(read->find_variant("int4"), nullptr);
}

TEST(Manifest, says_what_was_trained_once_more_and_with_what) {
  Manifest manifest = example_manifest();
  EXPECT_FALSE(sealed_document()["lineage"].contains("refit"));
  EXPECT_EQ(card_markdown(manifest, nullptr).find("once more"), std::string::npos);
  manifest.lineage.refit = {4740, "12", {{"train", {{"epochs", 8}}}}};
  const std::string text = seal(manifest, example_files()).at("model.json");
  const auto read = manifest_from_json(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), text);
  ASSERT_TRUE(read->lineage.refit);
  EXPECT_EQ(read->lineage.refit->rows, 4740U);
  EXPECT_EQ(read->lineage.refit->chosen["train"]["epochs"], 8);
  const std::string card = card_markdown(*read, nullptr);
  for (const char* part : {"once more on the 4740 training and validation rows", "{\"train\":{\"epochs\":8}}",
                           "of the training that had not seen them"})
    EXPECT_NE(card.find(part), std::string::npos) << part << "\n" << card;
  EXPECT_NE(card_cyclonedx(*read, nullptr).find("amas:refit:rows"), std::string::npos);
  Json document = *parse_json(text);
  document["lineage"]["refit"].erase("rows");
  EXPECT_EQ(code_for(document), Code::kInvalidArgument);
}

TEST(Manifest, names_the_key_that_is_missing_or_wrong) {
  for (const char* key : {"name", "task", "candidate", "settings", "labels", "signatures", "variants",
                          "metrics", "conversion_difference", "files", "lineage", "format_version"}) {
    Json document = sealed_document();
    document.erase(key);
    const auto missing = manifest_from_json(dump_json(document));
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message.find(key), std::string::npos) << missing.error().message;
    document[key] = true;
    EXPECT_EQ(code_for(document), Code::kInvalidArgument) << key;
  }
}

TEST(Manifest, refuses_a_newer_format_and_says_so) {
  Json document = sealed_document();
  document["format_version"] = kManifestVersion + 1;
  const auto read = manifest_from_json(dump_json(document));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kInvalidArgument);
  EXPECT_NE(read.error().message.find("newer format"), std::string::npos);
}

TEST(Manifest, refuses_file_names_that_leave_the_folder) {
  for (const char* name :
       {"../evil", "a/b", "/etc/passwd", "..", ".", "", ".hidden", "model.json", "a\\b", "a b"}) {
    Json document = sealed_document();
    document["files"][name] = std::string(64, 'a');
    EXPECT_EQ(code_for(document), Code::kInvalidArgument) << name;
  }
  EXPECT_TRUE(is_plain_file_name("model.int8.onnx"));
  EXPECT_FALSE(is_plain_file_name(std::string(256, 'a')));
}

TEST(Manifest, refuses_variants_and_digests_that_do_not_fit) {
  Json digest = sealed_document();
  digest["files"]["model.onnx"] = "abc";
  EXPECT_EQ(code_for(digest), Code::kInvalidArgument);
  Json unlisted = sealed_document();
  unlisted["variants"][1]["file"] = "other.onnx";
  EXPECT_EQ(code_for(unlisted), Code::kInvalidArgument);
  Json twice = sealed_document();
  twice["variants"][1]["name"] = "fp32";
  EXPECT_EQ(code_for(twice), Code::kInvalidArgument);
  Json none = sealed_document();
  none["variants"] = Json::array();
  EXPECT_EQ(code_for(none), Code::kInvalidArgument);
  Json task = sealed_document();
  task["task"] = "mind_reading";
  EXPECT_EQ(code_for(task), Code::kInvalidArgument);
  Json shape = sealed_document();
  shape["signatures"]["serving_default"]["inputs"][0]["shape"] = {-2};
  EXPECT_EQ(code_for(shape), Code::kInvalidArgument);
}

TEST(Manifest, refuses_a_range_that_is_none) {
  for (const Json& range : {Json::array(), Json{1}, Json{9, 0}, Json{0, 1, 2}, Json{0, 0.5}, Json("all")}) {
    Json document = sealed_document();
    document["signatures"]["tensors"]["inputs"][0]["range"] = range;
    EXPECT_EQ(code_for(document), Code::kInvalidArgument) << range;
  }
}

TEST(Seal, gives_the_same_bytes_for_the_same_content_and_lists_every_digest) {
  Manifest first = example_manifest(), second = example_manifest();
  const PackageFiles files = seal(first, example_files());
  EXPECT_EQ(files, seal(second, example_files()));
  EXPECT_EQ(files.size(), 5U);
  EXPECT_EQ(first.files.at("model.onnx"), crypto::sha256_hex("graph"));
  EXPECT_FALSE(first.files.contains("model.json"));
}

TEST(Seal, ignores_a_manifest_among_the_files) {
  Manifest first = example_manifest(), second = example_manifest();
  PackageFiles files = seal(first, example_files());
  EXPECT_EQ(seal(second, files), files);
}

class PackageOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    Manifest manifest = example_manifest();
    for (const auto& [name, content] : seal(manifest, example_files()))
      ASSERT_TRUE(write_file_atomic(folder_.path() / name, content));
  }
  TemporaryFolder folder_;
};

TEST_F(PackageOnDisk, opens_and_reads_checked_files) {
  const auto package = Package::open(folder_.path());
  ASSERT_TRUE(package) << package.error().message;
  EXPECT_EQ(package->manifest().name, "spam");
  EXPECT_EQ(package->digest(), *crypto::sha256_file(folder_.path() / "model.json"));
  EXPECT_EQ(*package->read("model.onnx"), "graph");
  EXPECT_EQ(package->read("model.fp64.onnx").error().code, Code::kNotFound);
  EXPECT_EQ(package->read("../model.onnx").error().code, Code::kNotFound);
}

TEST_F(PackageOnDisk, notices_a_changed_or_lost_file) {
  const auto package = Package::open(folder_.path());
  ASSERT_TRUE(package);
  ASSERT_TRUE(write_file_atomic(folder_.path() / "model.onnx", "grape"));
  EXPECT_EQ(package->read("model.onnx").error().code, Code::kDataLoss);
  fs::remove(folder_.path() / "model.int8.onnx");
  EXPECT_EQ(package->read("model.int8.onnx").error().code, Code::kDataLoss);
  EXPECT_EQ(package->profile().error().code, Code::kInvalidArgument);
  EXPECT_EQ(package->pipeline().error().code, Code::kInvalidArgument);
}

TEST_F(PackageOnDisk, names_every_damaged_file_and_what_to_do) {
  const auto package = Package::open(folder_.path());
  ASSERT_TRUE(package);
  EXPECT_TRUE(package->check_files());
  ASSERT_TRUE(write_file_atomic(folder_.path() / "model.onnx", "grape"));
  fs::remove(folder_.path() / "model.int8.onnx");
  const auto checked = package->check_files();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kDataLoss);
  for (const char* part : {"model.onnx has changed", "model.int8.onnx is missing", "`amas run SPEC.yaml`"})
    EXPECT_NE(checked.error().message.find(part), std::string::npos) << checked.error().message;
}

TEST_F(PackageOnDisk, is_opened_by_its_digest_only_while_its_manifest_has_it) {
  const std::string digest = Package::open(folder_.path())->digest();
  EXPECT_TRUE(Package::open(folder_.path(), digest));
  const std::string text = *read_file(folder_.path() / "model.json");
  ASSERT_TRUE(write_file_atomic(folder_.path() / "model.json", text + " "));
  EXPECT_TRUE(Package::open(folder_.path()));
  EXPECT_EQ(Package::open(folder_.path(), digest).error().code, Code::kDataLoss);
  fs::remove(folder_.path() / "model.json");
  EXPECT_EQ(Package::open(folder_.path(), digest).error().code, Code::kDataLoss);
}

TEST_F(PackageOnDisk, refuses_a_folder_without_a_readable_manifest) {
  ASSERT_TRUE(write_file_atomic(folder_.path() / "model.json", "{"));
  EXPECT_EQ(Package::open(folder_.path()).error().code, Code::kInvalidArgument);
  fs::remove(folder_.path() / "model.json");
  EXPECT_EQ(Package::open(folder_.path()).error().code, Code::kNotFound);
  EXPECT_EQ(Package::open(folder_.path() / "nowhere").error().code, Code::kNotFound);
}

TEST(Card, is_the_same_for_the_same_facts_and_names_what_the_manifest_holds) {
  const DatasetFacts facts{.name = "mail",
                           .licence = "Apache-2.0",
                           .training_rows = 4000,
                           .test_rows = 1170,
                           .label_rows = {{"ham|eggs", 4000}},
                           .duplicates_dropped = 1,
                           .contradictions_dropped = 2,
                           .empty_dropped = 3,
                           .missing_target_dropped = 4,
                           .rare_classes_dropped = 5};
  const std::string card = card_markdown(example_manifest(), &facts);
  EXPECT_EQ(card, card_markdown(example_manifest(), &facts));
  for (const char* part :
       {"# spam", "| accuracy | 0.985 | 0.978 to 0.991 |", "| roc\\_auc | undefined |", "ham\\|eggs",
        "Apache-2.0", "1170 for the test", "| int8 | model.int8.onnx |", "torch 2.7.1",
        "1 duplicates, 2 contradictions, 3 with empty text, 4 without target, 5 of rare classes"})
    EXPECT_NE(card.find(part), std::string::npos) << part << "\n" << card;
  const std::string bill = card_cyclonedx(example_manifest(), &facts);
  for (const char* dropped : {"empty", "missing_target", "rare_classes"})
    EXPECT_NE(bill.find(std::string("amas:") + dropped + "_dropped"), std::string::npos) << bill;
}

TEST(Card, goes_into_the_package_with_the_digests_of_the_graphs) {
  PackageFiles files = example_files();
  add_cards(example_manifest(), nullptr, files);
  const auto document = parse_json(files.at("card.json"));
  ASSERT_TRUE(document);
  EXPECT_EQ((*document)["specVersion"], "1.6");
  EXPECT_FALSE(document->contains("serialNumber"));
  EXPECT_FALSE((*document)["metadata"].contains("timestamp"));
  EXPECT_EQ((*document)["components"][1]["hashes"][0]["content"], crypto::sha256_hex("graph"));
  const auto& metrics =
      (*document)["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"];
  ASSERT_EQ(metrics.size(), 1U);
  EXPECT_EQ(metrics[0]["value"], "0.985");
  EXPECT_NE(files.at("card.md").find("| fp32 | model.onnx | 5 |"), std::string::npos);
}

}  // namespace
}  // namespace amas::model
