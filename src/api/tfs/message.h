#pragma once

#include <string_view>

#include "base/result.h"
#include "model/manifest.h"
#include "tensor/tensor.h"
#include "tensorflow_serving.pb.h"

namespace amas::tfs {

/// TensorFlow's number of a dtype.
tensorflow::DataType data_type_of(DType dtype);

/// Reads a tensor: tensor_content, or the typed values, of which the last stands for all that are missing.
/// `name` is for messages.
///
/// Errors: kInvalidArgument naming the input when dtype or shape cannot be read, values are missing or too
///         many, or the tensor would be larger than limits::kRequestBodyBytesMax.
Result<Tensor> tensor_from_message(const tensorflow::TensorProto& message, std::string_view name);

/// Writes a tensor with its typed values, where clients look for them.
void tensor_to_message(const Tensor& tensor, tensorflow::TensorProto& message);

/// The metadata of a signature.
tensorflow::SignatureDef signature_to_message(const model::Signature& signature);

}  // namespace amas::tfs
