#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace amas::rpc {

/// The bytes of a received message in one piece; they are copied only when they came in several.
class ReceivedMessage {
 public:
  /// Takes the bytes out of `buffer`.
  ///
  /// Errors: kInternal when it cannot be read, such as a damaged compressed message.
  static Result<ReceivedMessage> of(grpc::ByteBuffer& buffer);
  /// The message.
  std::string_view bytes() const { return {reinterpret_cast<const char*>(slice_.begin()), slice_.size()}; }

 private:
  grpc::Slice slice_;
};

/// A buffer to send; a large message is not copied.
grpc::ByteBuffer to_buffer(std::string message);

/// What the client is told of an error.
grpc::Status to_status(const Error& error);

}  // namespace amas::rpc
