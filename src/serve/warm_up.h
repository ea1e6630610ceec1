#pragma once

#include "base/result.h"
#include "serve/version.h"

namespace amas::serve {

/// Lets a version answer one row, so that the first request does not pay for what is done only once.
///
/// Errors: those of answering it, unless the graph comes from elsewhere: that may refuse such a row and still be
///         good.
Status warm_up(const ServableVersion& servable);

}  // namespace amas::serve
