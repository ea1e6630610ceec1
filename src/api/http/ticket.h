#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "api/http/connection.h"
#include "api/http/loop.h"

namespace amas::http {

/// Answers for a handler: exactly once, even when it forgets to.
class Ticket {
 public:
  explicit Ticket(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() {
    if (!used_.load(std::memory_order_relaxed))
      answer(error_response(500, "the request was given up; report this"));
  }
  /// Sends the reply; later calls do nothing.
  void answer(Response response) {
    if (used_.exchange(true)) return;
    Loop& loop = connection_->loop();
    loop.post(Mail{connection_, std::move(response), nullptr});
  }

 private:
  const std::shared_ptr<Connection> connection_;
  std::atomic<bool> used_{false};
};

}  // namespace amas::http
