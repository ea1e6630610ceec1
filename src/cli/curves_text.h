#pragma once

#include <filesystem>
#include <string>

namespace amas::cli {

/// How a training went, from its event files: a line of bars each for the loss of its epochs on the training
/// and on the validation rows, drawn to one scale, with the first, last and least value; "" where no event
/// file can be read.
///
/// `title`: stands before the lines.
std::string curves_text(const std::string& title, const std::filesystem::path& folder);

}  // namespace amas::cli
