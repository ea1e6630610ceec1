#include "api/oip/datatype.h"

#include <array>

namespace amas::oip {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
};
constexpr std::array<Row, 13> kRows{{{DType::kBool, "BOOL"},
                                     {DType::kUint8, "UINT8"},
                                     {DType::kInt8, "INT8"},
                                     {DType::kUint16, "UINT16"},
                                     {DType::kInt16, "INT16"},
                                     {DType::kUint32, "UINT32"},
                                     {DType::kInt32, "INT32"},
                                     {DType::kUint64, "UINT64"},
                                     {DType::kInt64, "INT64"},
                                     {DType::kFloat16, "FP16"},
                                     {DType::kFloat32, "FP32"},
                                     {DType::kFloat64, "FP64"},
                                     {DType::kString, "BYTES"}}};

}  // namespace

std::string_view datatype_name(DType dtype) {
  for (const Row& row : kRows)
    if (row.dtype == dtype) return row.name;
  return "BYTES";
}

std::optional<DType> datatype_from_name(std::string_view name) {
  for (const Row& row : kRows)
    if (row.name == name) return row.dtype;
  return std::nullopt;
}

}  // namespace amas::oip
