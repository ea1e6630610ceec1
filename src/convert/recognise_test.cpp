#include "convert/recognise.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "convert/testing.h"
#include "convert/zip_file.h"

namespace amas::convert {
namespace {

using namespace std::string_literals;

class Recognise : public testing::Test {
 protected:
  Result<Recognised> file(const std::string& content, const std::string& name = "model.onnx") {
    EXPECT_TRUE(write_file_atomic(root() / name, content));
    return recognise(root() / name);
  }
  const fs::path& root() const { return folder_.path(); }

  TemporaryFolder folder_;
};

std::string number(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

/// A zip file of stored members, each with a checksum of 0 unless its content is empty.
std::string zip_of(const std::vector<std::string>& names) {
  std::string all, directory;
  for (const std::string& name : names) {
    const std::string sizes = number(0, 4) + number(0, 4) + number(0, 4);
    directory += "PK\x01\x02"s + number(20, 2) + number(20, 2) + number(0, 8) + sizes +
                 number(name.size(), 2) + number(0, 12) + number(all.size(), 4) + name;
    all +=
        "PK\x03\x04"s + number(20, 2) + number(0, 8) + sizes + number(name.size(), 2) + number(0, 2) + name;
  }
  return all + directory + "PK\x05\x06"s + number(0, 4) + number(names.size(), 2) + number(names.size(), 2) +
         number(directory.size(), 4) + number(all.size(), 4) + number(0, 2);
}

TEST_F(Recognise, looks_inside_and_not_at_names) {
  EXPECT_EQ(file(affine_model().SerializeAsString(), "net.pkl")->format, Format::kOnnx);
  const fs::path forests = fs::path(AMAS_SOURCE_DIR) / "src/engines/forest/testdata";
  EXPECT_EQ(file(read_file(forests / "xgboost_binary.json").value())->format, Format::kXgboost);
  EXPECT_EQ(file(read_file(forests / "xgboost_regression.ubj").value())->format, Format::kXgboost);
  EXPECT_EQ(file(read_file(forests / "lightgbm_binary.txt").value())->format, Format::kLightgbm);
}

TEST_F(Recognise, refuses_known_formats_with_what_to_do) {
  const std::vector<std::pair<std::string, std::string>> files{
      {"GGUF\x03\0\0\0"s, "llama.cpp"},
      {"\x1c\0\0\0TFL3\0\0"s, "tf2onnx.convert --tflite"},
      {"\x89HDF\r\n\x1a\n\0\0"s, "Keras"},
      {"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c"s, "pickle"},
      {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s, "torch.onnx.export"},
      {number(14, 8) + "{\"w\":{}}      " + "data", "optimum-cli"},
      {"<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\">"s, "OpenVINO"},
      {"<?xml version=\"1.0\"?>\n<PMML>"s, "PMML"},
      {"\x08\x01\x12\xff\xff\x03\x0a\x02zz"s, "--saved-model"},
      {"\x08\x04\x12\x02\x0a\0\xa2\x1f\x00"s, "Core ML"},
      {"\x1f\x8b\x08\0"s, "unpack"},
      {std::string(257, '\0') + "ustar", "tar"},
      {zip_of({"m/data.pkl", "m/version"}), "checkpoint"},
      {zip_of({"m/data.pkl", "m/constants.pkl", "m/code/__torch__.py"}), "TorchScript"},
      {zip_of({"config.json", "model.weights.h5"}), "Keras"},
      {zip_of({"MAR-INF/MANIFEST.json", "handler.py"}), "Python"},
      {zip_of({"MAR-INF/MANIFEST.json", "net.onnx"}), "unpack"},
      {zip_of({"x.txt"}), "zip"}};
  for (const auto& [content, says] : files) {
    const auto found = file(content);
    ASSERT_FALSE(found) << says;
    EXPECT_EQ(found.error().code, Code::kUnimplemented) << says << ": " << found.error().message;
    EXPECT_NE(found.error().message.find(says), std::string::npos) << found.error().message;
  }
}

TEST_F(Recognise, says_what_it_reads_where_nothing_fits) {
  for (const std::string& content :
       {"hello"s, "{\"a\": 1}"s, std::string(100, '\xff'), "\0\0\0\0"s, "\x0a"s}) {
    const auto found = file(content);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Code::kInvalidArgument);
    EXPECT_NE(found.error().message.find("ONNX, XGBoost"), std::string::npos) << found.error().message;
  }
  EXPECT_EQ(file("").error().code, Code::kInvalidArgument);
  EXPECT_EQ(recognise(root() / "none").error().code, Code::kNotFound);
  EXPECT_EQ(recognise("/dev/zero").error().code, Code::kInvalidArgument);
}

TEST_F(Recognise, finds_the_model_of_a_folder) {
  const std::string onnx = affine_model().SerializeAsString();
  ASSERT_TRUE(make_folder(root() / "one"));
  EXPECT_EQ(recognise(root() / "one").error().code, Code::kInvalidArgument);
  ASSERT_TRUE(write_file_atomic(root() / "one/net.onnx", onnx));
  EXPECT_EQ(recognise(root() / "one")->file, root() / "one/net.onnx");
  ASSERT_TRUE(write_file_atomic(root() / "one/other.onnx", onnx));
  EXPECT_EQ(recognise(root() / "one").error().code, Code::kInvalidArgument);
  ASSERT_TRUE(write_file_atomic(root() / "one/model.onnx", onnx));
  EXPECT_EQ(recognise(root() / "one")->file, root() / "one/model.onnx");
  ASSERT_TRUE(write_file_atomic(root() / "triton/3/model.onnx", onnx));
  ASSERT_TRUE(write_file_atomic(root() / "triton/12/model.onnx", onnx));
  ASSERT_TRUE(write_file_atomic(root() / "triton/config.pbtxt", ""));
  EXPECT_EQ(recognise(root() / "triton")->file, root() / "triton/12/model.onnx");
  ASSERT_TRUE(write_file_atomic(root() / "tf/saved_model.pb", "x"));
  EXPECT_NE(recognise(root() / "tf").error().message.find("tf2onnx"), std::string::npos);
}

TEST_F(Recognise, survives_archives_that_are_cut_off_or_lie) {
  const std::string zip = zip_of({"a/data.pkl", "b"});
  for (std::size_t size = 4; size < zip.size(); ++size) EXPECT_FALSE(file(zip.substr(0, size)));
  for (std::size_t at = 4; at < zip.size(); ++at) {
    std::string damaged = zip;
    damaged[at] = '\xff';
    EXPECT_FALSE(file(damaged));
  }
}

TEST_F(Recognise, reads_members_within_their_size) {
  ASSERT_TRUE(write_file_atomic(root() / "a.zip", zip_of({"empty"})));
  auto zip = ZipFile::open(root() / "a.zip");
  ASSERT_TRUE(zip) << zip.error().message;
  ZipEntry entry = *zip->find("empty");
  EXPECT_EQ(zip->read(entry, 10).value(), "");
  entry.bytes = 11;
  EXPECT_EQ(zip->read(entry, 10).error().code, Code::kResourceExhausted);
  entry.bytes = 5;
  EXPECT_EQ(zip->read(entry, 10).error().code, Code::kDataLoss);
  entry.method = 12;
  EXPECT_EQ(zip->read(entry, 10).error().code, Code::kUnimplemented);
  entry.encrypted = true;
  EXPECT_EQ(zip->read(entry, 10).error().code, Code::kUnimplemented);
  EXPECT_EQ(zip->find("none"), nullptr);
}

}  // namespace
}  // namespace amas::convert
