#include "engines/torch/lstm_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace amas::engine::torch_lstm {
namespace {

template <class T>
struct Range {
  T low;
  T high;
};

template <class T>
Result<T> number(const Json& object, std::string_view key, T fallback, Range<T> range) {
  AMAS_TRY(const T value, json_field_or<T>(object, key, fallback));
  // Written so that NaN is refused as well.
  if (!(value >= range.low && value <= range.high))
    return invalid_argument(
        fmt::format("setting is out of range: {} is {}; give {} to {}", key, value, range.low, range.high));
  return value;
}

Status read_candidate(const Json& candidate, LstmSettings& settings) {
  AMAS_TRY(settings.vocabulary,
           number<std::int64_t>(candidate, "vocabulary", settings.vocabulary, {2, 10'000'000}));
  AMAS_TRY(settings.length, number<std::int64_t>(candidate, "length", settings.length, {1, 100'000}));
  AMAS_TRY(settings.embedding, number<std::int64_t>(candidate, "embedding", settings.embedding, {1, 4'096}));
  AMAS_TRY(settings.units, number<std::int64_t>(candidate, "units", settings.units, {1, 4'096}));
  AMAS_TRY(settings.dropout, number<double>(candidate, "dropout", settings.dropout, {0, 0.95}));
  AMAS_TRY(settings.word_dropout,
           number<double>(candidate, "word_dropout", settings.word_dropout, {0, 0.95}));
  AMAS_TRY(settings.dense_dropout,
           number<double>(candidate, "dense_dropout", settings.dense_dropout, {0, 0.95}));
  AMAS_TRY(settings.mask, json_field_or<bool>(candidate, "mask", settings.mask));
  AMAS_TRY(const auto padding, json_field_or<std::string>(candidate, "padding", "pre"));
  if (padding != "pre" && padding != "post")
    return invalid_argument(fmt::format("padding is unknown: {}; give pre or post", padding));
  if (settings.mask && padding == "pre")
    return invalid_argument("mask is for rows padded behind only; set padding: post, or leave mask out");
  return {};
}

Result<bool> keeps_last(const Json& train) {
  const Json keep = train.value("keep", Json("best"));
  if (keep == "best") return false;
  if (keep == "last") return true;
  return invalid_argument(fmt::format("setting is unknown: keep is {}; give best or last", dump_json(keep)));
}

Status read_training(const Json& train, LstmSettings& settings) {
  AMAS_TRY(const auto optimiser, json_field_or<std::string>(train, "optimiser", "adam"));
  if (optimiser != "adam")
    return invalid_argument(fmt::format("optimiser is unknown: {}; known: adam", optimiser));
  AMAS_TRY(settings.epochs, number<int>(train, "epochs", settings.epochs, {1, 100'000}));
  AMAS_TRY(settings.batch_size, number<std::int64_t>(train, "batch_size", settings.batch_size, {1, 65'536}));
  AMAS_TRY(settings.learning_rate,
           number<double>(train, "learning_rate", settings.learning_rate, {1e-9, 10}));
  AMAS_TRY(settings.clip_norm, number<double>(train, "clip_norm", settings.clip_norm, {0, 1e9}));
  AMAS_TRY(settings.patience, number<int>(train, "patience", settings.patience, {0, 100'000}));
  AMAS_TRY(settings.average, json_field_or<bool>(train, "average", settings.average));
  AMAS_TRY(settings.token_moments, json_field_or<bool>(train, "token_moments", settings.token_moments));
  AMAS_TRY(settings.keep_last, keeps_last(train));
  AMAS_TRY(settings.seed, json_field_or<std::uint64_t>(train, "seed", settings.seed));
  AMAS_TRY(settings.time_limit_s, number<double>(train, "time_limit_s", settings.time_limit_s, {0, 1e9}));
  return {};
}

Status check_tokens(std::string_view part, const Examples& examples, const LstmSettings& settings) {
  if (examples.rows() == 0)
    return failed_precondition(fmt::format("no rows to train with: the {} part is empty", part));
  if (examples.inputs.size() != 1 || examples.inputs[0].dtype() != DType::kInt32)
    return invalid_argument(
        fmt::format("{} inputs are not one INT32 tensor of tokens; prepare the text with tokens", part));
  const Shape wanted = {static_cast<std::int64_t>(examples.rows()), settings.length};
  if (examples.inputs[0].shape() != wanted)
    return invalid_argument(fmt::format("{} tokens have the wrong shape: {}; expected {}", part,
                                        format_shape(examples.inputs[0].shape()), format_shape(wanted)));
  const auto tokens = examples.inputs[0].data<std::int32_t>();
  const auto [low, high] = std::minmax_element(tokens.begin(), tokens.end());
  if (*low < 0 || *high >= settings.vocabulary)
    return invalid_argument(fmt::format("{} tokens are outside the vocabulary: {} to {}; vocabulary is {}",
                                        part, *low, *high, settings.vocabulary));
  return {};
}

Status check_targets(std::string_view part, const Examples& examples, std::int32_t classes) {
  const auto [low, high] = std::minmax_element(examples.targets.begin(), examples.targets.end());
  if (*low < 0 || *high >= classes)
    return invalid_argument(fmt::format("{} targets are no classes: {} to {}; classes are 0 to {}", part,
                                        *low, *high, classes - 1));
  return {};
}

}  // namespace

Result<LstmSettings> read_settings(const TrainJob& job) {
  LstmSettings settings;
  if (job.classes < 2)
    return failed_precondition(
        fmt::format("too few classes to learn from: {}; at least 2 are needed", job.classes));
  settings.dense = job.classes == 2 ? 1 : job.classes;
  settings.threads = std::max(job.threads, 1);
  AMAS_CHECK(read_candidate(job.candidate, settings));
  AMAS_CHECK(read_training(job.train, settings));
  AMAS_CHECK(check_tokens("training", *job.training, settings));
  AMAS_CHECK(check_tokens("validation", *job.validation, settings));
  AMAS_CHECK(check_targets("training", *job.training, job.classes));
  AMAS_CHECK(check_targets("validation", *job.validation, job.classes));
  const auto& targets = job.training->targets;
  if (std::all_of(targets.begin(), targets.end(), [&](std::int32_t t) { return t == targets[0]; }))
    return failed_precondition(
        fmt::format("training rows are of one class only: class {}; add rows of another", targets[0]));
  return settings;
}

}  // namespace amas::engine::torch_lstm
