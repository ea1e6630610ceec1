#include <fmt/format.h>

#include "base/file.h"
#include "crypto/digest.h"
#include "pipeline/steps.h"
#include "pipeline/worker_process.h"

namespace amas::pipeline {
namespace {

namespace fs = std::filesystem;

// What the trained bits depend on.
Json training_inputs(const Spec& spec, const Candidate& candidate, const Json& data, const Json& libraries) {
  Json train = spec.train;
  train.erase("tensorboard");
  return {{"dataset", data["dataset"]},
          {"text", data["text"]},
          {"target", spec.target},
          {"candidate", candidate.settings},
          {"text_step", candidate.text_step},
          {"train", train},
          {"libraries", libraries}};
}

std::string epoch_text(const Json& event, const std::string& metric) {
  const auto number = [](const Json& from, const std::string& key) {
    const Json value = from.value(key, Json());
    return value.is_number() ? value.get<double>() : 0.0;
  };
  const Json metrics = event.value("metrics", Json::object());
  return fmt::format("epoch {}/{}  loss {:.4f}  valid loss {:.4f}  accuracy {:.4f}  {} {:.4f}  {:.1f} s{}",
                     number(event, "epoch"), number(event, "epochs"), number(event, "loss"),
                     number(event, "validation_loss"), number(metrics, "accuracy"), metric,
                     number(metrics, metric), number(event, "seconds"),
                     event.value("best", Json(false)) == true ? "  *" : "");
}

void show_event(const Json& event, const std::string& step, const std::string& metric, Progress& progress) {
  const Json kind = event.value("event", Json());
  const auto number = [&](const char* key) {
    const Json value = event.value(key, Json());
    return value.is_number() ? value.get<double>() : 0.0;
  };
  if (kind == "batch") {
    const double rows = number("rows");
    progress.advanced(
        step, (number("epoch") - 1) * rows + number("rows_done"), number("epochs") * rows, "rows",
        fmt::format("epoch {}/{}  loss {:.4f}", number("epoch"), number("epochs"), number("loss")));
  } else if (kind == "epoch") {
    progress.noted(step, epoch_text(event, metric), event);
  } else if (kind == "warning") {
    const Json message = event.value("message", Json());
    progress.warned(step + ": " + (message.is_string() ? message.get<std::string>() : dump_json(message)));
  }
}

Result<Json> keep_outcome(const fs::path& folder, const RunContext& context) {
  AMAS_TRY(const std::string text, read_file(folder / "outcome.json"));
  AMAS_TRY(Json result, parse_json(text));
  const std::pair<const char*, const char*> files[] = {{"pipeline", "pipeline.json"},
                                                       {"onnx", "model.onnx"},
                                                       {"scores", "validation_scores.f32"},
                                                       {"history", "history.json"}};
  for (const auto& [key, file] : files) {
    AMAS_TRY(const std::string bytes, read_file(folder / file));
    AMAS_TRY(result[key], context.store.put_blob(bytes));
  }
  return result;
}

Result<Json> train_candidate(const Spec& spec, const Candidate& candidate, const Json& data,
                             const Json& inputs, const RunContext& context, std::string& summary) {
  const std::string step = "train " + candidate.name;
  const std::string key = crypto::sha256_hex(dump_json(inputs));
  const fs::path folder =
      context.store.home() / "runs" / fmt::format("{}-{}-{}", spec.name, candidate.name, key.substr(0, 16));
  const fs::path events = events_folder(context.store, spec.name, candidate.name, key);
  std::error_code ignored;
  if (!fs::exists(folder)) fs::remove_all(events, ignored);  // Events of a finished run of the same settings.
  AMAS_CHECK(make_folder(folder));
  const Json job{{"kind", "train"},
                 {"dataset", context.store.blob_path(data["dataset"].get<std::string>()).string()},
                 {"text", data["text"]},
                 {"target", spec.target},
                 {"text_step", candidate.text_step},
                 {"candidate", candidate.settings},
                 {"train", spec.train},
                 {"folder", folder.string()},
                 {"tensorboard", spec.train["tensorboard"] == true ? Json(events.string()) : Json()},
                 {"threads", spec.train["threads"]},
                 {"spec_text", spec.file_text}};
  AMAS_CHECK(write_file_atomic(folder / "job.json", dump_json(job, 2)));
  const std::string metric = spec.train["metric"];
  AMAS_CHECK(run_worker(context.worker, folder / "job.json",
                        [&](const Json& event) { show_event(event, step, metric, context.progress); }));
  AMAS_TRY(Json result, keep_outcome(folder, context));
  result["key"] = key;
  fs::remove_all(folder, ignored);  // The outcome is kept; a folder left behind costs only space.
  summary = fmt::format("best epoch {} of {}", dump_json(result.value("best_epoch", Json())),
                        dump_json(result.value("epochs", Json())));
  return result;
}

}  // namespace

fs::path tensorboard_folder(const store::Store& store, const std::string& spec_name) {
  return store.home() / "tensorboard" / spec_name;
}

fs::path events_folder(const store::Store& store, const std::string& spec_name, const std::string& candidate,
                       const std::string& key) {
  return tensorboard_folder(store, spec_name) / fmt::format("{}-{}", candidate, key.substr(0, 8));
}

Result<Json> train_step(const Spec& spec, const Candidate& candidate, const Json& data, const Json& libraries,
                        const RunContext& context) {
  const Json inputs = training_inputs(spec, candidate, data, libraries);
  return cached_step(
      context, "train " + candidate.name, inputs,
      are_kept(context.store, {"pipeline", "onnx", "scores", "history"}),
      [&](std::string& summary) { return train_candidate(spec, candidate, data, inputs, context, summary); });
}

}  // namespace amas::pipeline
