#include "pipeline/spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "features/text_settings.h"
#include "pipeline/yaml.h"
#include "train/metrics.h"

namespace amas::pipeline {
namespace {

using Kind = Key::Kind;

constexpr double kUnbounded = 1e15;

std::vector<Key> top_keys() {
  return {
      {.name = "name", .required = true},
      {.name = "data", .kind = Kind::kMap, .required = true},
      {.name = "model", .kind = Kind::kMap, .fallback = Json::object()},
      {.name = "train", .kind = Kind::kMap, .fallback = Json::object()},
      {.name = "optimise", .kind = Kind::kMap, .fallback = Json::object()},
      {.name = "deploy", .kind = Kind::kMap, .fallback = Json::object()},
      {.name = "monitor", .kind = Kind::kMap, .fallback = Json::object()},
  };
}

std::vector<Key> data_keys() {
  return {
      {.name = "source", .required = true},
      {.name = "format", .fallback = "", .one_of = {"csv", "jsonl", "parquet", "mail"}},
      {.name = "labels", .kind = Kind::kMap, .fallback = Json::object()},
      {.name = "target", .fallback = "label"},
      {.name = "features", .kind = Kind::kMap, .fallback = Json::object()},
      {.name = "clean", .kind = Kind::kMap, .fallback = Json::object()},
      {.name = "split", .kind = Kind::kMap, .fallback = Json::object()},
  };
}

std::vector<Key> split_keys() {
  return {
      {.name = "by", .fallback = "hash", .one_of = {"hash", "random", "stratified"}},
      {.name = "on", .kind = Kind::kStrings, .fallback = Json::array()},
      {.name = "valid", .kind = Kind::kNumber, .fallback = 0.1, .low = 0.001, .high = 0.9},
      {.name = "test", .kind = Kind::kNumber, .fallback = 0.2, .low = 0.001, .high = 0.9},
      {.name = "seed", .kind = Kind::kInteger, .fallback = 7, .low = 0, .high = kUnbounded},
  };
}

std::vector<Key> lstm_keys() {
  return {
      {.name = "type", .required = true},
      {.name = "vocabulary",
       .kind = Kind::kInteger,
       .fallback = 20'000,
       .low = 3,
       .high = double(limits::kVocabularyMax)},
      {.name = "oov", .kind = Kind::kAny, .fallback = "<OOV>"},
      {.name = "lower", .kind = Kind::kBool, .fallback = true},
      {.name = "filters", .kind = Kind::kAny, .fallback = nullptr},
      {.name = "level", .fallback = "word", .one_of = {"word", "character"}},
      {.name = "length", .kind = Kind::kInteger, .fallback = 200, .low = 1, .high = 10'000},
      {.name = "padding", .fallback = "pre", .one_of = {"pre", "post"}},
      {.name = "truncating", .fallback = "pre", .one_of = {"pre", "post"}},
      {.name = "mask", .kind = Kind::kAny, .fallback = nullptr},
      {.name = "embedding", .kind = Kind::kInteger, .fallback = 64, .low = 1, .high = 4'096},
      {.name = "units", .kind = Kind::kInteger, .fallback = 64, .low = 1, .high = 4'096},
      {.name = "word_dropout", .kind = Kind::kNumber, .fallback = 0.0, .low = 0, .high = 0.95},
      {.name = "dropout", .kind = Kind::kNumber, .fallback = 0.0, .low = 0, .high = 0.95},
      {.name = "dense_dropout", .kind = Kind::kNumber, .fallback = 0.0, .low = 0, .high = 0.95},
  };
}

std::vector<Key> linear_keys() {
  return {
      {.name = "type", .required = true},
      {.name = "analyzer", .fallback = "word", .one_of = {"word", "char_wb"}},
      {.name = "ngrams", .kind = Kind::kAny},
      {.name = "lower", .kind = Kind::kBool, .fallback = true},
      {.name = "sublinear", .kind = Kind::kBool, .fallback = true},
      {.name = "min_df", .kind = Kind::kInteger, .fallback = 1, .low = 1, .high = kUnbounded},
      {.name = "features_max", .kind = Kind::kInteger, .low = 1, .high = double(limits::kVocabularyMax)},
      {.name = "c", .kind = Kind::kAny, .fallback = nullptr},
  };
}

std::vector<Key> train_keys() {
  std::vector<std::string> metrics = train::metric_names();
  return {
      {.name = "epochs", .kind = Kind::kInteger, .fallback = 10, .low = 1, .high = 100'000},
      {.name = "batch_size", .kind = Kind::kInteger, .fallback = 32, .low = 1, .high = 65'536},
      {.name = "optimiser", .fallback = "adam", .one_of = {"adam"}},
      {.name = "learning_rate", .kind = Kind::kNumber, .fallback = 0.001, .low = 1e-9, .high = 10},
      {.name = "clip_norm", .kind = Kind::kNumber, .fallback = 0.0, .low = 0, .high = kUnbounded},
      {.name = "token_moments", .kind = Kind::kBool, .fallback = true},
      {.name = "average", .kind = Kind::kBool, .fallback = false},
      {.name = "keep", .fallback = "best", .one_of = {"best", "last"}},
      {.name = "refit", .kind = Kind::kBool, .fallback = false},
      {.name = "metric", .fallback = "macro_f1", .one_of = std::move(metrics)},
      {.name = "patience", .kind = Kind::kInteger, .fallback = 2, .low = 0, .high = 100'000},
      {.name = "seed", .kind = Kind::kInteger, .fallback = 7, .low = 0, .high = kUnbounded},
      {.name = "time_limit", .kind = Kind::kDuration, .fallback = 0.0, .low = 0, .high = kUnbounded},
      {.name = "threads", .kind = Kind::kInteger, .fallback = 1, .low = 1, .high = 1'024},
      {.name = "tensorboard", .kind = Kind::kBool, .fallback = true},
  };
}

// Which settings of a candidate belong to the preparation.
Json text_step_of(const std::string& type, const Json& settings) {
  Json step{{"type", type == "lstm" ? "tokens" : "tfidf"}};
  const std::vector<std::string> keys =
      type == "lstm"
          ? std::vector<std::string>{"vocabulary", "oov",    "lower",   "filters",
                                     "level",      "length", "padding", "truncating"}
          : std::vector<std::string>{"analyzer", "ngrams", "lower", "sublinear", "min_df", "features_max"};
  for (const std::string& key : keys)
    if (!(settings[key].is_null() && key != "oov")) step[key] = settings[key];
  return step;
}

// Word dropout needs a word to read others as. Padding behind leaves an LSTM's last state on zeros: mask
// unless told otherwise, and warn when told otherwise.
Status settle_tokens(Candidate& candidate, std::vector<std::string>& warnings) {
  Json& settings = candidate.settings;
  const bool behind = settings["padding"] == "post";
  if (settings["mask"].is_null()) settings["mask"] = behind;
  if (!settings["mask"].is_boolean()) return invalid_argument("mask must be true or false");
  if (settings["word_dropout"] > 0.0 && settings["oov"].is_null())
    return invalid_argument("word_dropout reads words as the out-of-vocabulary word; give `oov` a name");
  if (settings["mask"] == true && !behind)
    return invalid_argument("mask goes with `padding: post`; rows padded in front need none");
  if (behind && settings["mask"] == false)
    warnings.push_back(fmt::format(
        "{}: padding behind without a mask lets the LSTM end on zeros, and short texts lose accuracy; "
        "leave out `mask: false`, or pad in front (`padding: pre`)",
        candidate.name));
  return {};
}

// Costs are tried in order, each from the weights of the one before.
Status check_costs(const Json& costs) {
  const Json list = costs.is_array() ? costs : Json::array({costs});
  const bool in_range = std::ranges::all_of(list, [](const Json& cost) {
    return cost.is_number() && cost.get<double>() >= 1e-6 && cost.get<double>() <= 1e9;
  });
  if (costs.is_null() || (in_range && !list.empty() && std::ranges::is_sorted(list))) return {};
  return invalid_argument(
      fmt::format("c must be a number from 1e-6 to 1e9, or an ascending list of such: {}", dump_json(costs)));
}

Result<Candidate> read_candidate(const YamlDocument& document, const Json& section, const std::string& path) {
  const Json type = section.value("type", Json());
  if (type != "lstm" && type != "linear")
    return invalid_argument(fmt::format("{}{}.type must be one of lstm, linear: {}", document.place(path),
                                        path, dump_json(type)));
  Candidate candidate;
  candidate.type = type;
  AMAS_TRY(candidate.settings,
           check_section(document, section, path, candidate.type == "lstm" ? lstm_keys() : linear_keys()));
  if (candidate.type == "linear")
    if (const auto checked = check_costs(candidate.settings["c"]); !checked)
      return checked.error().at(document.place(path + ".c") + path);
  if (candidate.type == "linear" && candidate.settings["ngrams"].is_null())
    candidate.settings["ngrams"] = candidate.settings["analyzer"] == "word" ? 2 : 3;
  return candidate;
}

Status read_candidates(const YamlDocument& document, const Json& top, Spec& spec) {
  AMAS_TRY(const Json model,
           check_section(document, top["model"], "model",
                         {{.name = "candidates", .kind = Kind::kMaps, .fallback = Json::array()}}));
  Json sections = model["candidates"];
  if (sections.empty()) sections = Json::array({{{"type", "lstm"}}, {{"type", "linear"}}});
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const std::string path = fmt::format("model.candidates[{}]", i);
    AMAS_TRY(Candidate candidate, read_candidate(document, sections[i], path));
    const int count = ++seen[candidate.type];
    candidate.name = count == 1 ? candidate.type : fmt::format("{}-{}", candidate.type, count);
    if (candidate.type == "lstm")
      if (const auto settled = settle_tokens(candidate, spec.warnings); !settled)
        return settled.error().at(document.place(path) + path);
    candidate.text_step = text_step_of(candidate.type, candidate.settings);
    if (const auto read = features::text_settings_from_json(candidate.text_step); !read)
      return read.error().at(document.place(path) + path);
    spec.candidates.push_back(std::move(candidate));
  }
  return {};
}

Status read_data(const YamlDocument& document, const Json& top, const std::filesystem::path& folder,
                 Spec& spec) {
  AMAS_TRY(const Json data, check_section(document, top["data"], "data", data_keys()));
  const std::filesystem::path source = data["source"].get<std::string>();
  spec.source.path = (source.is_absolute() ? source : folder / source).lexically_normal().string();
  spec.source.format = data["format"];
  for (const auto& [label, patterns] : data["labels"].items()) {
    const Json list = patterns.is_array() ? patterns : Json::array({patterns});
    for (const Json& pattern : list) {
      if (!pattern.is_string())
        return invalid_argument(document.place("data.labels") +
                                "data.labels: patterns must be texts, such as `spam: \"spam-*/*\"`");
      spec.source.labels.emplace_back(pattern, label);
    }
  }
  spec.target = data["target"];
  AMAS_TRY(const Json features,
           check_section(document, data["features"], "data.features", {{.name = "text", .fallback = ""}}));
  spec.text = features["text"];
  if (spec.text == spec.target)
    return invalid_argument(fmt::format(
        "{}data.features.text is the target itself, which would tell the answer: {}; name the column that "
        "holds the text, or another data.target",
        document.place("data.features.text"), spec.text));
  AMAS_TRY(const Json clean,
           check_section(document, data["clean"], "data.clean",
                         {{.name = "duplicates", .fallback = "drop", .one_of = {"drop", "keep"}},
                          {.name = "rare_classes", .fallback = "refuse", .one_of = {"refuse", "drop"}}}));
  spec.drop_duplicates = clean["duplicates"] == "drop";
  spec.drop_rare_classes = clean["rare_classes"] == "drop";
  AMAS_TRY(const Json split, check_section(document, data["split"], "data.split", split_keys()));
  spec.split = {split["by"], split["on"], split["valid"], split["test"], split["seed"]};
  if (spec.split.validation + spec.split.test >= 0.95)
    return invalid_argument(document.place("data.split") +
                            "data.split: valid and test leave too little to train on; together at most 0.95");
  return {};
}

// A linear model is solved to its end for each cost, whatever these say.
constexpr std::array<std::string_view, 11> kNetKeys{
    "epochs",  "batch_size", "optimiser", "learning_rate", "clip_norm", "token_moments",
    "average", "keep",       "patience",  "time_limit",    "threads"};

void warn_of_keys_in_vain(const YamlDocument& document, const Json& train, Spec& spec) {
  if (std::ranges::find(spec.candidates, "lstm", &Candidate::type) != spec.candidates.end()) return;
  std::vector<std::string> given;
  for (const std::string_view key : kNetKeys)
    if (train.contains(key)) given.push_back(fmt::format("train.{}", key));
  if (!given.empty())
    spec.warnings.push_back(fmt::format(
        "{}without effect, since only an lstm is trained in steps and no candidate is one: {}; leave "
        "out what has no effect",
        document.place(given.front()), fmt::join(given, ", ")));
}

Status read_rest(const YamlDocument& document, const Json& top, Spec& spec) {
  AMAS_TRY(spec.train, check_section(document, top["train"], "train", train_keys()));
  warn_of_keys_in_vain(document, top["train"], spec);
  spec.train["time_limit_s"] = spec.train["time_limit"];
  spec.train.erase("time_limit");
  spec.refit = spec.train["refit"];
  spec.train.erase("refit");  // The training that chooses does not depend on it.
  AMAS_TRY(const Json optimise,
           check_section(
               document, top["optimise"], "optimise",
               {{.name = "accuracy_drop_max", .kind = Kind::kNumber, .fallback = 0.005, .low = 0, .high = 1},
                {.name = "methods", .kind = Kind::kStrings, .fallback = Json::array({"int8", "prune"})}}));
  spec.optimise.accuracy_drop_max = optimise["accuracy_drop_max"];
  spec.optimise.methods = optimise["methods"].get<std::vector<std::string>>();
  for (const std::string& method : spec.optimise.methods)
    if (method != "int8" && method != "prune")
      return invalid_argument(fmt::format("{}optimise.methods: unknown method: {}; known: int8, prune",
                                          document.place("optimise.methods"), method));
  AMAS_TRY(
      const Json deploy,
      check_section(document, top["deploy"], "deploy",
                    {{.name = "as", .fallback = spec.name},
                     {.name = "tenants", .kind = Kind::kStrings, .fallback = Json::array({"default"})}}));
  spec.deploy_as = deploy["as"];
  spec.tenants = deploy["tenants"].get<std::vector<std::string>>();
  if (spec.tenants != std::vector<std::string>{"default"})
    return invalid_argument(document.place("deploy.tenants") +
                            "deploy.tenants: only [default] can be served: requests carry no keys yet, so no "
                            "other tenant could ask; leave it out");
  AMAS_TRY(const Json monitor, check_section(document, top["monitor"], "monitor",
                                             {{.name = "drift", .kind = Kind::kBool, .fallback = true}}));
  if (monitor["drift"] == false)
    return invalid_argument(document.place("monitor.drift") +
                            "monitor.drift: drift is always watched; set it to on, or leave it out");
  return {};
}

}  // namespace

Status check_name(std::string_view name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (name.empty() || name.size() > limits::kModelNameBytesMax || !plain || name[0] == '.' || name[0] == '-')
    return invalid_argument(
        fmt::format("not a good name: \"{}\"; use letters, digits, '-', '_' and '.', at most {} of them",
                    name, limits::kModelNameBytesMax));
  return {};
}

Result<Spec> parse_spec(std::string_view yaml, const std::filesystem::path& folder) {
  AMAS_TRY(const YamlDocument document, parse_yaml(yaml));
  AMAS_TRY(const Json top, check_section(document, document.value, "", top_keys()));
  Spec spec;
  spec.name = top["name"];
  spec.file_text = yaml;
  if (const auto named = check_name(spec.name); !named)
    return named.error().at(document.place("name") + "name");
  AMAS_CHECK(read_data(document, top, folder, spec));
  AMAS_CHECK(read_candidates(document, top, spec));
  AMAS_CHECK(read_rest(document, top, spec));
  if (const auto named = check_name(spec.deploy_as); !named)
    return named.error().at(document.place("deploy.as") + "deploy.as");
  return spec;
}

Result<Spec> read_spec(const std::filesystem::path& file) {
  const auto text = read_file(file, limits::kSpecBytesMax);
  if (!text) {
    // Trying again later would not help: the file is what is wrong.
    if (text.error().code == Code::kResourceExhausted)
      return failed_precondition(text.error().message + "; is it a spec?");
    return text.error();
  }
  auto spec = parse_spec(*text, file.has_parent_path() ? file.parent_path() : ".");
  if (!spec) return spec.error().at(file.string());
  return spec;
}

}  // namespace amas::pipeline
