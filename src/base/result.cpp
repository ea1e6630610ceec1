#include "base/result.h"

#include <array>

namespace amas {
namespace {

struct CodeRow {
  Code code;
  std::string_view name;
  int http;
  int exit;
};

// One table for every mapping, so that no dialect can drift from another.
constexpr std::array<CodeRow, 16> kCodes{{
    {Code::kCancelled, "CANCELLED", 499, 75},
    {Code::kUnknown, "UNKNOWN", 500, 70},
    {Code::kInvalidArgument, "INVALID_ARGUMENT", 400, 64},
    {Code::kDeadlineExceeded, "DEADLINE_EXCEEDED", 504, 75},
    {Code::kNotFound, "NOT_FOUND", 404, 66},
    {Code::kAlreadyExists, "ALREADY_EXISTS", 409, 73},
    {Code::kPermissionDenied, "PERMISSION_DENIED", 403, 77},
    {Code::kResourceExhausted, "RESOURCE_EXHAUSTED", 429, 75},
    {Code::kFailedPrecondition, "FAILED_PRECONDITION", 400, 65},
    {Code::kAborted, "ABORTED", 409, 75},
    {Code::kOutOfRange, "OUT_OF_RANGE", 400, 65},
    {Code::kUnimplemented, "UNIMPLEMENTED", 501, 69},
    {Code::kInternal, "INTERNAL", 500, 70},
    {Code::kUnavailable, "UNAVAILABLE", 503, 69},
    {Code::kDataLoss, "DATA_LOSS", 500, 74},
    {Code::kUnauthenticated, "UNAUTHENTICATED", 401, 77},
}};

const CodeRow& row_of(Code code) {
  for (const CodeRow& row : kCodes)
    if (row.code == code) return row;
  return kCodes[1];
}

}  // namespace

std::string_view code_name(Code code) { return row_of(code).name; }
int http_status(Code code) { return row_of(code).http; }
int exit_status(Code code) { return row_of(code).exit; }

}  // namespace amas
