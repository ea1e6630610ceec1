#include "worker/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace amas::worker {
namespace {

const std::vector<std::string> kKeys = {"kind",        "dataset",   "text",  "target",
                                        "text_step",   "candidate", "train", "folder",
                                        "tensorboard", "threads",   "rows",  "spec_text"};

Status check_keys(const Json& json) {
  for (const auto& [key, value] : json.items()) {
    if (std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end()) continue;
    const auto near = nearest(key, kKeys);
    return invalid_argument(
        fmt::format("job has an unknown key: {}{}", key, near ? "; did you mean " + *near + "?" : ""));
  }
  return {};
}

Result<Json> object(const Json& json, std::string_view key) {
  AMAS_TRY(Json value, json_field<Json>(json, key));
  if (!value.is_object()) return invalid_argument(fmt::format("job key is not an object: {}", key));
  return value;
}

/// Whether the job trains on the validation rows, too.
Result<bool> read_rows(const Json& json) {
  AMAS_TRY(const auto rows, json_field_or<std::string>(json, "rows", "training"));
  if (rows == "training" || rows == "training and validation") return rows != "training";
  return invalid_argument(
      fmt::format("rows are unknown: \"{}\"; give \"training\" or \"training and validation\"", rows));
}

}  // namespace

Result<Job> read_job(std::string_view text) {
  AMAS_TRY(const Json json, parse_json(text));
  AMAS_TRY(const auto kind, json_field<std::string>(json, "kind"));
  if (kind != "train")
    return invalid_argument(fmt::format("job is of an unknown kind: {}; known: train", kind));
  AMAS_CHECK(check_keys(json));
  Job job;
  AMAS_TRY(job.dataset, json_field<std::string>(json, "dataset"));
  AMAS_TRY(job.text, json_field<std::string>(json, "text"));
  AMAS_TRY(job.target, json_field<std::string>(json, "target"));
  AMAS_TRY(job.text_step, object(json, "text_step"));
  AMAS_TRY(job.candidate, object(json, "candidate"));
  AMAS_TRY(job.train, object(json, "train"));
  AMAS_TRY(job.folder, json_field<std::string>(json, "folder"));
  AMAS_TRY(const auto board, json_field_or<std::string>(json, "tensorboard", ""));
  if (!board.empty()) job.tensorboard = board;
  AMAS_TRY(job.threads, json_field_or<int>(json, "threads", 1));
  if (job.threads < 1 || job.threads > 1'024)
    return invalid_argument(fmt::format("threads is out of range: {}; give 1 to 1,024", job.threads));
  AMAS_TRY(job.refit, read_rows(json));
  AMAS_TRY(job.spec_text, json_field_or<std::string>(json, "spec_text", ""));
  return job;
}

}  // namespace amas::worker
