#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string_view>

#include "api/http/server.h"

namespace amas::http {

/// A router as tests ask it, without a connection.
struct TestRouter {
  /// Asks, and waits for the reply. `headers`: names as handlers spell them.
  Response call(std::string_view method, std::string_view path, std::string_view body = {},
                const Headers& headers = {}) const {
    Request request{.method = method,
                    .path = path,
                    .query = {},
                    .body = body,
                    .header = {},
                    .request_id = "r",
                    .trace_id = "t",
                    .span_id = "s",
                    .gone = gone};
    request.header = [&headers](std::string_view name) {
      for (const auto& [known, value] : headers)
        if (known == name) return std::string_view(value);
      return std::string_view();
    };
    auto promise = std::make_shared<std::promise<Response>>();
    auto response = promise->get_future();
    router.handle(request, [promise](Response r) { promise->set_value(std::move(r)); });
    return response.get();
  }

  Router router;
  std::shared_ptr<const std::atomic<bool>> gone{};  ///< of all requests
};

}  // namespace amas::http
