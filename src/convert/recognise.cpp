#include "convert/recognise.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "convert/zip_file.h"

namespace amas::convert {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHeadBytes = 64u << 10;

constexpr std::string_view kReads = "ONNX, XGBoost (JSON or UBJ) and LightGBM (text)";
constexpr std::string_view kSavedModel =
    "a TensorFlow SavedModel; convert it with `python -m tf2onnx.convert --saved-model FOLDER --output "
    "model.onnx` and import that";
constexpr std::string_view kKeras =
    "a Keras model; export it with `model.export(\"model.onnx\", format=\"onnx\")` and import that";
constexpr std::string_view kWeights =
    "weights without a graph (safetensors); export the model with `optimum-cli export onnx --model FOLDER "
    "OUT` "
    "and import OUT";
constexpr std::string_view kPickle =
    "a Python pickle (also joblib's), which is a program and is never run; export it as ONNX (scikit-learn: "
    "skl2onnx; XGBoost, LightGBM: save_model) and import that";
constexpr std::string_view kCheckpoint =
    "a PyTorch checkpoint, which is pickled; export the model with `torch.onnx.export(model, inputs, "
    "\"model.onnx\")` and import that";
constexpr std::string_view kTorchScript =
    "a TorchScript program, which is never run; export the model with `torch.onnx.export(model, inputs, "
    "\"model.onnx\")` and import that";
constexpr std::string_view kCoreMl =
    "a Core ML model, which runs on Apple's systems only; export the original "
    "model as ONNX and import that";
constexpr std::string_view kOpenVino = "OpenVINO's own format; import the model that it was made of, as ONNX";

Error refused(const fs::path& path, std::string_view what) {
  return unimplemented(fmt::format("{} is {}", printable(path.string()), what));
}

// A format that begins with fixed bytes.
struct Magic {
  std::size_t at;
  std::string_view bytes;
  std::string_view what;
};

using namespace std::string_view_literals;

constexpr std::array kMagics{
    Magic{0, "GGUF",
          "a large language model (GGUF), which amas does not serve; run it with llama.cpp's llama-server"},
    Magic{4, "TFL3",
          "a TensorFlow Lite model; convert it with `python -m tf2onnx.convert --tflite FILE --output "
          "model.onnx` and import that"},
    Magic{0, "\x89HDF\r\n\x1a\n", kKeras},
    Magic{0, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20"sv, kCheckpoint},
    Magic{0, "CBM1", "a CatBoost model; save it with `model.save_model(\"model.onnx\", format=\"onnx\")`"},
    Magic{0, "binf", "XGBoost's old binary format; load it with XGBoost and save it as model.json"},
    Magic{0, "bs64", "XGBoost's old binary format; load it with XGBoost and save it as model.json"},
    Magic{0, "\x93NUMPY", "an array of NumPy, not a model"},
    Magic{0, "\x1f\x8b", "compressed (gzip); unpack it first"},
    Magic{0, "BZh", "compressed (bzip2); unpack it first"},
    Magic{0,
          "\xfd"
          "7zXZ",
          "compressed (xz); unpack it first"},
    Magic{0, "\x28\xb5\x2f\xfd", "compressed (zstd); unpack it first"},
    Magic{0, "7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"},
    Magic{257, "ustar", "a tar archive; unpack it first"},
};

Result<std::string> head_of(const fs::path& file) {
  std::error_code code;
  if (!fs::exists(file, code))
    return not_found(fmt::format("there is no such file or folder: {}", printable(file.string())));
  if (!fs::is_regular_file(file, code))
    return invalid_argument(fmt::format("neither a file nor a folder: {}", printable(file.string())));
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return Error{Code::kPermissionDenied, fmt::format("cannot read file: {}", printable(file.string()))};
  std::string head(kHeadBytes, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(stream.gcount()));
  return head;
}

bool ends_with(const std::string& name, std::string_view ending) { return name.ends_with(ending); }

Error refused_zip(const fs::path& file) {
  auto zip = ZipFile::open(file);
  if (!zip) return zip.error().at(printable(file.string()));
  std::set<std::string_view> endings;
  const auto has = [&](std::string_view ending) {
    return std::ranges::any_of(zip->entries(),
                               [&](const ZipEntry& entry) { return ends_with(entry.name, ending); });
  };
  if (has("MAR-INF/MANIFEST.json"))
    return refused(file, has(".onnx") ? "a TorchServe archive; unpack it and import the .onnx file in it"
                                      : "a TorchServe archive, whose handler and model are Python programs; "
                                        "export the model as ONNX and import that");
  if (has("config.json") && has("model.weights.h5")) return refused(file, kKeras);
  if (has("constants.pkl") && has("code/__torch__.py")) return refused(file, kTorchScript);
  if (has("data.pkl")) return refused(file, has("constants.pkl") ? kTorchScript : kCheckpoint);
  if (has("com.apple.CoreML/model.mlmodel")) return refused(file, kCoreMl);
  if (has(".npy")) return refused(file, "arrays of NumPy, not a model");
  return refused(file, "a zip archive; unpack it and import the model in it");
}

// The fields of a protobuf message's outermost level, as far as they begin within `head`.
struct Fields {
  std::set<std::uint64_t> numbers;   ///< those whose content is bytes
  bool starts_with_version = false;  ///< field 1 is a number
  bool well_formed = true;
};

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

Fields fields_of(std::string_view head) {
  Fields fields;
  while (!head.empty()) {
    const auto tag = take_varint(head);
    const auto value = tag && (*tag & 7U) != 5 && (*tag & 7U) != 1 ? take_varint(head) : std::nullopt;
    if (!tag || !value || *tag >> 3 == 0 || ((*tag & 7U) != 0 && (*tag & 7U) != 2)) {
      fields.well_formed = false;
      return fields;
    }
    if ((*tag & 7U) == 0) {
      fields.starts_with_version |= *tag >> 3 == 1;
      continue;
    }
    fields.numbers.insert(*tag >> 3);
    if (*value > head.size()) return fields;
    head.remove_prefix(*value);
  }
  return fields;
}

// Protobuf has no magic bytes; its fields tell one message from another.
Result<Format> of_protobuf(const fs::path& file, std::string_view head) {
  constexpr std::uint64_t kOnnxGraph = 7, kCoreMlKinds = 200;
  const Fields fields = fields_of(head);
  const bool core_ml = !fields.numbers.empty() && *fields.numbers.rbegin() >= kCoreMlKinds;
  if (fields.starts_with_version && core_ml && fields.numbers.contains(2)) return refused(file, kCoreMl);
  if (fields.starts_with_version && fields.numbers == std::set<std::uint64_t>{2})
    return refused(file, kSavedModel);
  if (fields.numbers.contains(kOnnxGraph)) return Format::kOnnx;
  return invalid_argument(
      fmt::format("it is not known what {} is; amas reads {}", printable(file.string()), kReads));
}

bool is_safetensors(std::string_view head, std::uint64_t file_bytes) {
  if (head.size() < 10 || head[8] != '{' || head[9] != '"') return false;
  std::uint64_t header = 0;
  for (std::size_t i = 8; i-- > 0;) header = header << 8 | static_cast<unsigned char>(head[i]);
  return header <= file_bytes - 8;
}

Result<Format> of_text(const fs::path& file, std::string_view head) {
  const bool has_learner = head.find("learner") != std::string_view::npos;
  if (head.starts_with("tree\n") || head.starts_with("tree\r\n")) return Format::kLightgbm;
  if (head[0] == '{' && has_learner) return Format::kXgboost;
  if (head.starts_with("<") && head.find("<net ") != std::string_view::npos) return refused(file, kOpenVino);
  if (head.starts_with("<") && head.find("<PMML") != std::string_view::npos)
    return refused(file, "a PMML document; export the original model as ONNX and import that");
  return of_protobuf(file, head);
}

Result<Recognised> of_file(const fs::path& file) {
  AMAS_TRY(const std::string head, head_of(file));
  if (head.empty()) return invalid_argument(fmt::format("the file is empty: {}", printable(file.string())));
  for (const Magic& magic : kMagics)
    if (head.size() >= magic.at && std::string_view(head).substr(magic.at).starts_with(magic.bytes))
      return refused(file, magic.what);
  if (head.starts_with("PK\x03\x04")) return refused_zip(file);
  std::error_code code;
  if (is_safetensors(head, fs::file_size(file, code))) return refused(file, kWeights);
  // Protocols 2 to 5 of pickle begin with their number, and go on with a frame, a class or a container.
  if (head.size() > 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5) return refused(file, kPickle);
  AMAS_TRY(const Format format, of_text(file, head));
  return Recognised{format, file};
}

// The newest version of a Triton folder: NAME/1/model.onnx.
std::optional<fs::path> triton_file(const fs::path& folder, const std::vector<std::string>& names) {
  std::int64_t newest = 0;
  for (const std::string& name : names)
    if (!name.empty() && name.size() < 10 &&
        std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; }))
      newest = std::max<std::int64_t>(newest, std::stoll(name));
  const fs::path file = folder / std::to_string(newest) / "model.onnx";
  std::error_code code;
  if (newest > 0 && fs::is_regular_file(file, code)) return file;
  return std::nullopt;
}

Result<Recognised> of_folder(const fs::path& folder) {
  AMAS_TRY(const auto names, list_folder(folder));
  const auto has = [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
  if (has("saved_model.pb")) return refused(folder, kSavedModel);
  if (has("Manifest.json") && has("Data")) return refused(folder, kCoreMl);
  if (has("model.onnx")) return of_file(folder / "model.onnx");
  if (const auto file = triton_file(folder, names)) return of_file(*file);
  std::vector<std::string> models;
  for (const std::string& name : names)
    if (ends_with(name, ".onnx")) models.push_back(name);
  if (models.size() == 1) return of_file(folder / models[0]);
  if (models.size() > 1)
    return invalid_argument(fmt::format("the folder holds several models: {}, {}{}; name one of them",
                                        printable(models[0]), printable(models[1]),
                                        models.size() > 2 ? ", …" : ""));
  for (const std::string& name : names) {
    if (ends_with(name, ".safetensors")) return refused(folder / name, kWeights);
    if (name == "pytorch_model.bin") return refused(folder / name, kCheckpoint);
  }
  return invalid_argument(
      fmt::format("the folder holds no model that amas knows: {}; name the file of a model ({})",
                  printable(folder.string()), kReads));
}

}  // namespace

Result<Recognised> recognise(const fs::path& path) {
  std::error_code code;
  return fs::is_directory(path, code) ? of_folder(path) : of_file(path);
}

}  // namespace amas::convert
