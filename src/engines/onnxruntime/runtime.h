#pragma once

#include <onnxruntime_c_api.h>

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "tensor/tensor.h"

namespace amas::engines {

/// The opened library with what all its models share. Its C interface is used rather than the C++ one, whose
/// calls throw and go through a global that every object of the process would share.
struct Runtime {
  const OrtApi* api = nullptr;
  std::string version;
  OrtEnv* env = nullptr;
  OrtMemoryInfo* memory = nullptr;    ///< names plain CPU memory
  OrtAllocator* allocator = nullptr;  ///< owned by the library

  /// Opens it.
  ///
  /// Errors: those of open_onnxruntime.
  static Result<std::shared_ptr<const Runtime>> open(const std::filesystem::path& library);
  Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime();

  /// Turns what a call returned into a Status; `what` was tried ("cannot load the model").
  Status check(OrtStatus* status, std::string_view what) const;
};

/// Frees an object of the library by one of its functions; OrtApi's Release… members are function pointers.
template <class T, auto Release>
struct Releaser {
  const OrtApi* api = nullptr;
  void operator()(T* object) const { (api->*Release)(object); }
};
/// Owns a tensor of the library.
using ValuePointer = std::unique_ptr<OrtValue, Releaser<OrtValue, &OrtApi::ReleaseValue>>;
/// Owns a loaded model.
using SessionPointer = std::unique_ptr<OrtSession, Releaser<OrtSession, &OrtApi::ReleaseSession>>;
/// Owns the settings of loading.
using SessionOptionsPointer =
    std::unique_ptr<OrtSessionOptions, Releaser<OrtSessionOptions, &OrtApi::ReleaseSessionOptions>>;
/// Owns the description of an input or output.
using TypeInfoPointer = std::unique_ptr<OrtTypeInfo, Releaser<OrtTypeInfo, &OrtApi::ReleaseTypeInfo>>;
/// Owns the description of a tensor.
using ShapeInfoPointer =
    std::unique_ptr<OrtTensorTypeAndShapeInfo,
                    Releaser<OrtTensorTypeAndShapeInfo, &OrtApi::ReleaseTensorTypeAndShapeInfo>>;

/// Our dtype for one of the library's.
///
/// Errors: kUnimplemented for a type that tensors of ours cannot hold, such as bfloat16.
Result<DType> dtype_of(ONNXTensorElementDataType type);

/// Wraps a tensor for the library: numbers are borrowed, strings copied. `tensor` must outlive the value.
Result<ValuePointer> to_value(const Runtime& runtime, const TensorView& tensor);

/// Copies a result out of the library.
Result<Tensor> to_tensor(const Runtime& runtime, OrtValue& value);

}  // namespace amas::engines
