#include "api/grpc/message.h"

#include <memory>

namespace amas::rpc {
namespace {

constexpr std::size_t kCopyBytesMax = 4'096;  // below it a copy costs less than what keeps the original alive

}  // namespace

Result<ReceivedMessage> ReceivedMessage::of(grpc::ByteBuffer& buffer) {
  ReceivedMessage message;
  if (buffer.TrySingleSlice(&message.slice_).ok() || buffer.DumpToSingleSlice(&message.slice_).ok())
    return message;
  return internal_error("the message cannot be read; send it again, uncompressed");
}

grpc::ByteBuffer to_buffer(std::string message) {
  if (message.size() <= kCopyBytesMax) {
    const grpc::Slice slice(message);
    return {&slice, 1};
  }
  auto kept = std::make_unique<std::string>(std::move(message));
  char* bytes = kept->data();
  const std::size_t size = kept->size();
  const grpc::Slice slice(
      bytes, size, [](void* owner) { delete static_cast<std::string*>(owner); }, kept.release());
  return {&slice, 1};
}

grpc::Status to_status(const Error& error) {
  return {static_cast<grpc::StatusCode>(error.code), error.message};
}

}  // namespace amas::rpc
