#include "engines/torch/lstm_net.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <torch/version.h>

#include "base/install.h"

namespace amas::engine::torch_lstm {
namespace {

using MadeNet = Result<std::unique_ptr<LstmNet>>;
using MakeNet = void (*)(const LstmSettings&, const std::vector<NamedTensor>&, MadeNet&);

/// The one function of the library that holds what uses libtorch. It stays open until the process ends.
Result<MakeNet> open_library() {
  AMAS_TRY(const auto path, find_installed(kTorchLibrary));
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* function = library == nullptr ? nullptr : ::dlsym(library, "amas_make_lstm_net");
  if (function == nullptr)
    return not_found(fmt::format("cannot open libtorch: {}; run scripts/bootstrap", ::dlerror()));
  return reinterpret_cast<MakeNet>(function);
}

}  // namespace

Result<std::unique_ptr<LstmNet>> LstmNet::create(const LstmSettings& settings,
                                                 const std::vector<NamedTensor>& weights) {
  AMAS_TRY(const MakeNet make, open_library());
  MadeNet made = std::unique_ptr<LstmNet>();
  make(settings, weights, made);
  return made;
}

std::string torch_version() { return TORCH_VERSION; }

}  // namespace amas::engine::torch_lstm
