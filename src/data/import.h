#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "table/table.h"

namespace amas::data {

/// Where rows come from.
struct Source {
  /// A file, a folder, or a glob ("mail/*/*.txt", "part-*.parquet").
  std::string path;
  /// "csv", "jsonl", "parquet" or "mail"; empty: by the file's ending, and "mail" for a folder.
  std::string format;
  /// For mail: how a message's path gives its label; the first pattern that fits wins, and files that fit
  /// none are left out. A pattern is a glob on the path below `path` (of a glob: below its part without
  /// wildcards);
  /// * matches "/" too, so that {"*ham*/*", "ham"} takes whole folders. Empty: the name of the file's folder.
  std::vector<std::pair<std::string, std::string>> labels;
};

/// What an import read, besides the table.
struct ImportReport {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  /// Files that could not be read as what they should be, with why (the first 20) …
  std::vector<std::string> skipped;
  /// … and how many there were.
  std::uint64_t skipped_count = 0;
  /// SHA-256 over the lines "SHA-256-of-content  name\n" of all files in order.
  std::string source_digest;
};

/// Whether there is something to read, before anything is made of it: the format is known, and files are
/// there.
///
/// Errors: kNotFound, kInvalidArgument and kPermissionDenied as import_source has them for those.
Status check_source(const Source& source);

/// Called now and then with files done and files in all; from any thread, but never from two at once.
using ImportProgress = std::function<void(std::uint64_t done, std::uint64_t all)>;

/// SHA-256 over names (relative to the source) and contents of all files that the source names, in order;
/// nothing is parsed. The same as ImportReport::source_digest.
Result<std::string> source_digest(const Source& source);

/// Reads a source into one table. Mail gives the columns file, subject, body (text parts, white space
/// collapsed), text (subject and body) and label.
///
/// `threads`: how many read mail side by side; the result does not depend on it.
/// Files are regular ones, in bytewise order of their names (data/source_files.h). Tables of several files
/// stand one below the other; int64 beside float64 becomes float64. Errors: kNotFound when nothing is there;
/// kInvalidArgument for an unknown format; kFailedPrecondition for a malformed or empty file (with its line),
/// for files whose columns differ, and when not one row could be read; kPermissionDenied and kDataLoss when a
/// file cannot be read.
Result<table::Table> import_source(const Source& source, table::TableReader& reader, std::size_t threads,
                                   ImportReport& report, const ImportProgress& progress = {});

}  // namespace amas::data
