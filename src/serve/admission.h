#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "serve/request.h"
#include "serve/scheduler.h"

namespace amas::serve {

/// Checks a request's inputs against the signature and puts them in its order, so that nothing that waits in
/// a queue can fail for its shape. Takes the request over when it is good, and leaves it otherwise, though
/// its inputs may have changed places.
///
/// `has_rows`: dimension 0 of all inputs is the row; otherwise the request counts as one row.
///
/// Errors: kInvalidArgument naming the input and what it must be, or the limit that it passes.
Result<std::unique_ptr<Pending>> admit(InferRequest& request, const std::vector<engine::TensorSpec>& specs,
                                       bool has_rows);

}  // namespace amas::serve
