#include "engines/onnxruntime/runtime.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "base/text.h"

namespace amas::engines {
namespace {

/// Failures come back as statuses. What the library would print besides may hold values of the request, so it
/// is dropped.
void ORT_API_CALL drop_log_line(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

Code code_of(OrtErrorCode code, std::string_view message) {
  const auto says = [&](std::string_view text) { return message.find(text) != std::string_view::npos; };
  // Known by their text only: the library gives these the codes of a malformed graph and of a general
  // failure.
  for (const std::string_view text : {"No Op registered for", "is not a registered function/op",
                                      "opset versions", "Unsupported model IR version"})
    if (says(text)) return Code::kUnimplemented;
  if (says("bad_alloc") || says("Failed to allocate memory")) return Code::kResourceExhausted;
  switch (code) {
    case ORT_INVALID_ARGUMENT:
    case ORT_INVALID_PROTOBUF:
    case ORT_INVALID_GRAPH:
    case ORT_NO_MODEL:
      return Code::kInvalidArgument;
    case ORT_NOT_IMPLEMENTED:
      return Code::kUnimplemented;
    default:
      return Code::kInternal;
  }
}

}  // namespace

Status Runtime::check(OrtStatus* status, std::string_view what) const {
  if (status == nullptr) [[likely]]
    return {};
  const std::string_view message = api->GetErrorMessage(status);
  const Error error{code_of(api->GetErrorCode(status), message), fmt::format("{}: {}", what, trim(message))};
  api->ReleaseStatus(status);
  return error;
}

Result<std::shared_ptr<const Runtime>> Runtime::open(const std::filesystem::path& library) {
  // RTLD_LOCAL keeps the library's own protobuf and Abseil from meeting ours.
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    return not_found(fmt::format("cannot open ONNX Runtime: {}; run scripts/bootstrap", ::dlerror()));
  using GetApiBase = const OrtApiBase* (*)();
  const auto get_base = reinterpret_cast<GetApiBase>(::dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr)
    return not_found(fmt::format("not an ONNX Runtime library: {}; run scripts/bootstrap", library.string()));
  auto runtime = std::make_shared<Runtime>();
  runtime->version = get_base()->GetVersionString();
  runtime->api = get_base()->GetApi(ORT_API_VERSION);
  if (runtime->api == nullptr)
    return failed_precondition(fmt::format("ONNX Runtime is too old: {}; 1.{} or newer is needed",
                                           runtime->version, ORT_API_VERSION));
  const OrtApi& api = *runtime->api;
  constexpr std::string_view kWhat = "cannot start ONNX Runtime";
  AMAS_CHECK(runtime->check(
      api.CreateEnvWithCustomLogger(drop_log_line, nullptr, ORT_LOGGING_LEVEL_FATAL, "amas", &runtime->env),
      kWhat));
  AMAS_CHECK(runtime->check(api.DisableTelemetryEvents(runtime->env), kWhat));
  AMAS_CHECK(runtime->check(api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &runtime->memory),
                            kWhat));
  AMAS_CHECK(runtime->check(api.GetAllocatorWithDefaultOptions(&runtime->allocator), kWhat));
  return std::shared_ptr<const Runtime>(std::move(runtime));
}

Runtime::~Runtime() {
  if (memory != nullptr) api->ReleaseMemoryInfo(memory);
  if (env != nullptr) api->ReleaseEnv(env);
}

}  // namespace amas::engines
