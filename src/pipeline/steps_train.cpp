#include <fmt/format.h>

#include "base/file.h"
#include "crypto/digest.h"
#include "pipeline/steps.h"
#include "pipeline/worker_process.h"

namespace amas::pipeline {
namespace {

namespace fs = std::filesystem;

// How a training is done.
struct Settings {
  Json candidate, train;
  bool refit = false;  ///< on training and validation rows

  std::string_view rows() const { return refit ? "training and validation" : "training"; }
};

// What the trained bits depend on.
Json training_inputs(const Training& training, const Settings& settings) {
  Json train = settings.train;
  train.erase("tensorboard");
  Json inputs{{"dataset", training.data["dataset"]},
              {"text", training.data["text"]},
              {"target", training.spec.target},
              {"candidate", settings.candidate},
              {"text_step", training.candidate.text_step},
              {"train", train},
              {"libraries", training.libraries}};
  if (settings.refit) inputs["rows"] = settings.rows();
  return inputs;
}

// The settings with which the same is trained without choosing.
Settings chosen_settings(const Training& training, const Json& trained) {
  Settings settings{training.candidate.settings, training.spec.train, true};
  const Json chosen = trained.value("chosen", Json::object());
  settings.candidate.update(chosen.value("candidate", Json::object()));
  settings.train.update(chosen.value("train", Json::object()));
  settings.train["tensorboard"] = false;
  return settings;
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

Json job_of(const Training& training, const Settings& settings, const fs::path& folder,
            const fs::path& events, const RunContext& context) {
  const Json& data = training.data;
  return {{"kind", "train"},
          {"dataset", context.store.blob_path(data["dataset"].get<std::string>()).string()},
          {"text", data["text"]},
          {"target", training.spec.target},
          {"text_step", training.candidate.text_step},
          {"candidate", settings.candidate},
          {"train", settings.train},
          {"rows", settings.rows()},
          {"folder", folder.string()},
          {"tensorboard", settings.train["tensorboard"] == true ? Json(events.string()) : Json()},
          {"threads", settings.train["threads"]},
          {"spec_text", training.spec.file_text}};
}

Result<Json> train_candidate(const Training& training, const Settings& settings, const std::string& step,
                             const RunContext& context) {
  const auto& [spec, candidate, data, libraries] = training;
  const std::string key = crypto::sha256_hex(dump_json(training_inputs(training, settings)));
  const fs::path folder =
      context.store.home() / "runs" / fmt::format("{}-{}-{}", spec.name, candidate.name, key.substr(0, 16));
  const fs::path events = events_folder(context.store, spec.name, candidate.name, key);
  std::error_code ignored;
  if (!fs::exists(folder)) fs::remove_all(events, ignored);  // Events of a finished run of the same settings.
  AMAS_CHECK(make_folder(folder));
  const Json job = job_of(training, settings, folder, events, context);
  AMAS_CHECK(write_file_atomic(folder / "job.json", dump_json(job, 2)));
  const std::string metric = spec.train["metric"];
  AMAS_CHECK(run_worker(context.worker, folder / "job.json",
                        [&](const Json& event) { show_event(event, step, metric, context.progress); }));
  AMAS_TRY(Json result, keep_outcome(folder, context));
  result["key"] = key;
  fs::remove_all(folder, ignored);  // The outcome is kept; a folder left behind costs only space.
  return result;
}

// Says what was chosen: "8 epochs", "c 16".
std::string chosen_text(const Json& chosen) {
  std::string text;
  const Json train = chosen.value("train", Json::object());
  if (train.contains("epochs")) text = fmt::format("{} epochs", dump_json(train["epochs"]));
  const Json candidate = chosen.value("candidate", Json::object());
  for (const auto& [key, value] : candidate.items())
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key,
                        value.is_number() ? fmt::format("{}", value.get<double>()) : dump_json(value));
  return text;
}

// Does a training unless that has been done.
Result<Json> cached_training(const Training& training, const Settings& settings, const RunContext& context,
                             const std::function<std::string(const Json& result)>& summary_of) {
  const std::string step = (settings.refit ? "refit " : "train ") + training.candidate.name;
  return cached_step(context, step, training_inputs(training, settings),
                     are_kept(context.store, {"pipeline", "onnx", "scores", "history"}),
                     [&](std::string& summary) -> Result<Json> {
                       AMAS_TRY(Json result, train_candidate(training, settings, step, context));
                       summary = summary_of(result);
                       return result;
                     });
}

}  // namespace

fs::path tensorboard_folder(const store::Store& store, const std::string& spec_name) {
  return store.home() / "tensorboard" / spec_name;
}

fs::path events_folder(const store::Store& store, const std::string& spec_name, const std::string& candidate,
                       const std::string& key) {
  return tensorboard_folder(store, spec_name) / fmt::format("{}-{}", candidate, key.substr(0, 8));
}

Result<Json> train_step(const Training& training, const RunContext& context) {
  const Settings settings{training.candidate.settings, training.spec.train};
  return cached_training(training, settings, context, [](const Json& result) {
    return fmt::format("best epoch {} of {}", dump_json(result.value("best_epoch", Json())),
                       dump_json(result.value("epochs", Json())));
  });
}

Result<Json> refit_step(const Training& training, const Json& trained, const RunContext& context) {
  return cached_training(training, chosen_settings(training, trained), context, [&](const Json& result) {
    return fmt::format("on {} rows: {}", dump_json(result["rows"]["training"]),
                       chosen_text(trained.value("chosen", Json::object())));
  });
}

}  // namespace amas::pipeline
