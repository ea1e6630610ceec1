#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace amas {

/// What kind of failure an Error is. The gRPC set, so that every dialect can map it without loss.
enum class Code {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

/// The gRPC name of a code, such as "INVALID_ARGUMENT".
std::string_view code_name(Code code);

/// The HTTP status of a code, as TensorFlow Serving maps them (INVALID_ARGUMENT 400, UNAVAILABLE 503, …).
int http_status(Code code);

/// The exit status of a command that ended with this code: 64–78 as sysexits.h has them, 70 when in doubt.
int exit_status(Code code);

/// Why something failed. `message`: constant text first, the values last, then what to do about it.
struct [[nodiscard]] Error {
  Code code = Code::kUnknown;
  std::string message;

  /// The same error with the place where it was noticed in front: "mail.jsonl: line 3: …".
  Error at(std::string_view place) const& { return {code, std::string(place) + ": " + message}; }
};

/// A value or why there is none.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  /// Makes a failed result from an Error, so that `return Error{…}` works.
  Result(Error error)
      : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor)
};

/// The result of something that returns nothing when it succeeds.
using Status = Result<void>;

/// Makes an error of this kind.
inline Error invalid_argument(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }
/// Makes an error of this kind.
inline Error not_found(std::string message) { return {Code::kNotFound, std::move(message)}; }
/// Makes an error of this kind.
inline Error failed_precondition(std::string message) {
  return {Code::kFailedPrecondition, std::move(message)};
}
/// Makes an error of this kind.
inline Error resource_exhausted(std::string message) {
  return {Code::kResourceExhausted, std::move(message)};
}
/// Makes an error of this kind.
inline Error unavailable(std::string message) { return {Code::kUnavailable, std::move(message)}; }
/// Makes an error of this kind.
inline Error data_loss(std::string message) { return {Code::kDataLoss, std::move(message)}; }
/// Makes an error of this kind.
inline Error internal_error(std::string message) { return {Code::kInternal, std::move(message)}; }
/// Makes an error of this kind.
inline Error unimplemented(std::string message) { return {Code::kUnimplemented, std::move(message)}; }

}  // namespace amas

#define AMAS_CONCAT_INNER(a, b) a##b
#define AMAS_CONCAT(a, b) AMAS_CONCAT_INNER(a, b)

/// AMAS_TRY(auto value, expression): binds the value of a Result, or returns its error from the calling
/// function.
#define AMAS_TRY(declaration, ...) \
  AMAS_TRY_INNER(AMAS_CONCAT(amas_result_, __COUNTER__), declaration, __VA_ARGS__)
#define AMAS_TRY_INNER(result, declaration, ...)     \
  auto result = (__VA_ARGS__);                       \
  if (!result) [[unlikely]]                          \
    return ::amas::Error(std::move(result.error())); \
  declaration = std::move(*result)

/// AMAS_CHECK(expression): returns the error of a Status from the calling function, if it has one.
#define AMAS_CHECK(...)                                              \
  do {                                                               \
    if (auto amas_status = (__VA_ARGS__); !amas_status) [[unlikely]] \
      return ::amas::Error(std::move(amas_status.error()));          \
  } while (false)
