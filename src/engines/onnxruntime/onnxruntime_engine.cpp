#include "engines/onnxruntime/onnxruntime_engine.h"

#include <fmt/format.h>
#include <onnxruntime_session_options_config_keys.h>

#include "engines/onnxruntime/runtime.h"

namespace amas::engines {
namespace {

using engine::TensorSpec;

enum class Side { kInput, kOutput };

/// One session, shared by all threads.
class OnnxRuntimeModel final : public engine::LoadedModel {
 public:
  static Result<std::unique_ptr<engine::LoadedModel>> make(std::shared_ptr<const Runtime> runtime,
                                                           SessionPointer session);
  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) override;

 private:
  OnnxRuntimeModel(std::shared_ptr<const Runtime> runtime, SessionPointer session)
      : runtime_(std::move(runtime)), session_(std::move(session)) {}
  Result<std::vector<TensorSpec>> read_specs(Side side) const;

  std::shared_ptr<const Runtime> runtime_;
  SessionPointer session_;
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
  std::vector<const char*> input_names_;   // into inputs_
  std::vector<const char*> output_names_;  // into outputs_
};

Result<TensorSpec> spec_from(const Runtime& runtime, std::string name, const OrtTypeInfo& info) {
  const OrtApi& api = *runtime.api;
  constexpr std::string_view kWhat = "cannot read the model's signature";
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  AMAS_CHECK(runtime.check(api.CastTypeInfoToTensorInfo(&info, &tensor), kWhat));
  if (tensor == nullptr)
    return unimplemented(
        fmt::format("model has an input or output that is no tensor: {}; export it as a tensor "
                    "(scikit-learn: zipmap=False)",
                    name));
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::size_t rank = 0;
  AMAS_CHECK(runtime.check(api.GetTensorElementType(tensor, &type), kWhat));
  AMAS_CHECK(runtime.check(api.GetDimensionsCount(tensor, &rank), kWhat));
  Shape shape(rank);
  AMAS_CHECK(runtime.check(api.GetDimensions(tensor, shape.data(), rank), kWhat));
  AMAS_TRY(const DType dtype, dtype_of(type));
  return TensorSpec{std::move(name), dtype, std::move(shape)};
}

Result<std::vector<TensorSpec>> OnnxRuntimeModel::read_specs(Side side) const {
  const OrtApi& api = *runtime_->api;
  constexpr std::string_view kWhat = "cannot read the model's signature";
  const auto count_of = side == Side::kInput ? api.SessionGetInputCount : api.SessionGetOutputCount;
  const auto name_of = side == Side::kInput ? api.SessionGetInputName : api.SessionGetOutputName;
  const auto type_of = side == Side::kInput ? api.SessionGetInputTypeInfo : api.SessionGetOutputTypeInfo;
  std::size_t count = 0;
  AMAS_CHECK(runtime_->check(count_of(session_.get(), &count), kWhat));
  std::vector<TensorSpec> specs;
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    AMAS_CHECK(runtime_->check(name_of(session_.get(), i, runtime_->allocator, &name), kWhat));
    std::string kept(name);
    AMAS_CHECK(runtime_->check(api.AllocatorFree(runtime_->allocator, name), kWhat));
    OrtTypeInfo* raw = nullptr;
    AMAS_CHECK(runtime_->check(type_of(session_.get(), i, &raw), kWhat));
    const TypeInfoPointer info(raw, {&api});
    AMAS_TRY(auto spec, spec_from(*runtime_, std::move(kept), *info));
    specs.push_back(std::move(spec));
  }
  return specs;
}

Result<std::unique_ptr<engine::LoadedModel>> OnnxRuntimeModel::make(std::shared_ptr<const Runtime> runtime,
                                                                    SessionPointer session) {
  std::unique_ptr<OnnxRuntimeModel> model(new OnnxRuntimeModel(std::move(runtime), std::move(session)));
  AMAS_TRY(model->inputs_, model->read_specs(Side::kInput));
  AMAS_TRY(model->outputs_, model->read_specs(Side::kOutput));
  for (const TensorSpec& spec : model->inputs_) model->input_names_.push_back(spec.name.c_str());
  for (const TensorSpec& spec : model->outputs_) model->output_names_.push_back(spec.name.c_str());
  return std::unique_ptr<engine::LoadedModel>(std::move(model));
}

Result<std::vector<Tensor>> OnnxRuntimeModel::run(std::span<const TensorView> inputs) {
  AMAS_CHECK(engine::check_types(inputs_, inputs));
  const OrtApi& api = *runtime_->api;
  std::vector<ValuePointer> values;
  std::vector<const OrtValue*> in;
  values.reserve(inputs.size() + outputs_.size());
  in.reserve(inputs.size());
  for (const TensorView& input : inputs) {
    AMAS_TRY(auto value, to_value(*runtime_, input));
    in.push_back(value.get());
    values.push_back(std::move(value));
  }
  std::vector<OrtValue*> out(outputs_.size(), nullptr);
  AMAS_CHECK(runtime_->check(api.Run(session_.get(), nullptr, input_names_.data(), in.data(), in.size(),
                                     output_names_.data(), out.size(), out.data()),
                             "the model failed on these inputs"));
  for (OrtValue* value : out) values.emplace_back(value, Releaser<OrtValue, &OrtApi::ReleaseValue>{&api});
  std::vector<Tensor> results;
  results.reserve(out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    AMAS_TRY(auto tensor, to_tensor(*runtime_, *out[i]));
    results.push_back(std::move(tensor));
  }
  return results;
}

class OnnxRuntimeEngine final : public engine::Engine {
 public:
  explicit OnnxRuntimeEngine(std::shared_ptr<const Runtime> runtime) : runtime_(std::move(runtime)) {}
  std::string_view name() const override { return "onnxruntime"; }
  std::string version() const override { return runtime_->version; }
  Result<std::unique_ptr<engine::LoadedModel>> load(std::string_view onnx,
                                                    const engine::LoadOptions& options) override;

 private:
  Result<SessionOptionsPointer> session_options(const engine::LoadOptions& options) const;
  std::shared_ptr<const Runtime> runtime_;
};

Result<SessionOptionsPointer> OnnxRuntimeEngine::session_options(const engine::LoadOptions& options) const {
  const OrtApi& api = *runtime_->api;
  constexpr std::string_view kWhat = "cannot configure ONNX Runtime";
  OrtSessionOptions* raw = nullptr;
  AMAS_CHECK(runtime_->check(api.CreateSessionOptions(&raw), kWhat));
  SessionOptionsPointer settings(raw, {&api});
  const auto configure = [&](const char* key, const char* value) {
    return runtime_->check(api.AddSessionConfigEntry(raw, key, value), kWhat);
  };
  AMAS_CHECK(runtime_->check(api.SetIntraOpNumThreads(raw, options.threads), kWhat));
  AMAS_CHECK(runtime_->check(api.SetInterOpNumThreads(raw, 1), kWhat));
  AMAS_CHECK(runtime_->check(api.SetSessionExecutionMode(raw, ORT_SEQUENTIAL), kWhat));
  AMAS_CHECK(runtime_->check(api.SetSessionGraphOptimizationLevel(raw, ORT_ENABLE_ALL), kWhat));
  // Spinning threads take the processor from the requests beside this one.
  AMAS_CHECK(configure(kOrtSessionOptionsConfigAllowIntraOpSpinning, "0"));
  AMAS_CHECK(configure(kOrtSessionOptionsConfigAllowInterOpSpinning, "0"));
  // An arena keeps the largest batch ever seen for good, once per model; malloc gives it back.
  AMAS_CHECK(runtime_->check(api.DisableCpuMemArena(raw), kWhat));
  AMAS_CHECK(runtime_->check(api.DisableMemPattern(raw), kWhat));
  return settings;
}

Result<std::unique_ptr<engine::LoadedModel>> OnnxRuntimeEngine::load(std::string_view onnx,
                                                                     const engine::LoadOptions& options) {
  if (options.threads < 1)
    return invalid_argument(fmt::format("threads must be at least 1: {}", options.threads));
  AMAS_TRY(const auto settings, session_options(options));
  OrtSession* session = nullptr;
  auto loaded = runtime_->check(runtime_->api->CreateSessionFromArray(runtime_->env, onnx.data(), onnx.size(),
                                                                      settings.get(), &session),
                                "cannot load the model");
  // While loading, a general failure of the library is the model's: weights that do not fit their dims, a
  // cycle, ….
  if (!loaded && loaded.error().code == Code::kInternal) loaded.error().code = Code::kInvalidArgument;
  AMAS_CHECK(std::move(loaded));
  return OnnxRuntimeModel::make(runtime_, SessionPointer(session, {runtime_->api}));
}

}  // namespace

Result<std::unique_ptr<engine::Engine>> open_onnxruntime(const std::filesystem::path& library) {
  AMAS_TRY(auto runtime, Runtime::open(library));
  return std::unique_ptr<engine::Engine>(std::make_unique<OnnxRuntimeEngine>(std::move(runtime)));
}

}  // namespace amas::engines
