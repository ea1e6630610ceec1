#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/http_client.h"
#include "cli/session.h"
#include "cli/tensor_question.h"
#include "pipeline/kept_package.h"
#include "serve/version.h"

namespace amas::cli {
namespace {

struct PredictOptions {
  std::string deployment;
  std::vector<std::string> texts;
  std::string json_input;  ///< JSON, "@" and a file, or "-" for standard input; empty: texts are asked about
};

// One answer: the label and the score of each label.
struct Prediction {
  std::string label;
  std::vector<double> scores;
};

// Asks the server of the home, in TensorFlow Serving's form.
Result<std::vector<Prediction>> ask_server(const RunningServer& server, const std::string& deployment,
                                           const std::vector<std::string>& asked) {
  const Json question{{"instances", asked}};
  AMAS_TRY(const std::string body, call(server, {.method = "POST",
                                                 .path = "/v1/models/" + deployment + ":predict",
                                                 .body = dump_json(question),
                                                 .patience = kWorkPatience}));
  AMAS_TRY(const Json answer, parse_json(body));
  AMAS_TRY(const std::vector<Json> rows, json_array<Json>(answer, "predictions"));
  std::vector<Prediction> predictions;
  for (const Json& row : rows) {
    AMAS_TRY(std::string label, json_field<std::string>(row, "label"));
    AMAS_TRY(std::vector<double> scores, json_array<double>(row, "scores"));
    predictions.push_back({std::move(label), std::move(scores)});
  }
  return predictions;
}

// Loads the deployed version into this process.
Result<std::shared_ptr<serve::ServableVersion>> load_deployed(Session& session,
                                                              const store::Deployment& deployment) {
  AMAS_TRY(const store::Store* store, session.store_to_read());
  AMAS_TRY(const auto versions, store->models(deployment.model));
  const store::DeploymentTarget& target = deployment.targets.at(0);
  for (const store::ModelVersion& version : versions) {
    if (version.version != target.version) continue;
    AMAS_TRY(const model::Package package, pipeline::open_package(*store, version.digest));
    AMAS_TRY(engine::EngineSet * engine, session.engine());
    return serve::ServableVersion::load(package, target.variant, *engine);
  }
  return data_loss(fmt::format("the deployed version {} of {} is not in the store; deploy another one",
                               target.version, deployment.model));
}

// Asks the deployed package in this process.
Result<std::vector<Prediction>> ask_package(Session& session, const store::Deployment& deployment,
                                            const std::vector<std::string>& asked) {
  AMAS_TRY(const auto servable, load_deployed(session, deployment));
  if (servable->pipeline() == nullptr)
    return invalid_argument(
        fmt::format("{0} takes tensors, not texts; ask it with: amas predict {0} --json-input {1}",
                    deployment.name, question_form(servable->manifest().signatures.at("serving_default"))));
  const Tensor texts = Tensor::of_strings({static_cast<std::int64_t>(asked.size())}, asked);
  const std::vector<TensorView> columns{texts};
  AMAS_TRY(const Tensor scores, servable->score(columns));
  const std::vector<std::string> labels = servable->best_labels(scores);
  const std::size_t classes = scores.size() / labels.size();
  std::vector<Prediction> predictions;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto values = scores.data<float>().subspan(row * classes, classes);
    predictions.push_back({labels[row], {values.begin(), values.end()}});
  }
  return predictions;
}

// The same limits and refusals whether a server answers or not; and nothing is sent that it would refuse.
Status check_text(const std::string& place, const std::string& text) {
  if (text.size() > limits::kTextBytesMax)
    return invalid_argument(fmt::format("{} is longer than a text may be: more than {} bytes; shorten it",
                                        place, limits::kTextBytesMax));
  if (!is_utf8(text))
    return invalid_argument(
        fmt::format("{} is not UTF-8; convert it first, for example with: iconv -f latin1 -t utf-8", place));
  return {};
}

// Reads no more than shows that the text is too long.
Result<std::string> read_standard_input(std::size_t bytes_max, const char* hint) {
  if (::isatty(STDIN_FILENO) == 1) print_error_text("Type a text; Ctrl-D on a line of its own ends it.\n");
  std::string text;
  std::array<char, 1 << 16> piece;
  while (text.size() <= bytes_max) {
    const ssize_t got = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("cannot read", "standard input");
    if (got == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  if (text.empty()) return invalid_argument(fmt::format("standard input is empty; {}", hint));
  return text;
}

// The texts to ask about: those of the line, or the whole standard input as one.
Result<std::vector<std::string>> read_texts(const PredictOptions& options) {
  if (options.texts.empty()) {
    AMAS_TRY(std::string text,
             read_standard_input(limits::kTextBytesMax,
                                 "give a text there, or behind the name: amas predict MODEL \"a text\""));
    AMAS_CHECK(check_text("standard input", text));
    return std::vector<std::string>{std::move(text)};
  }
  for (std::size_t i = 0; i < options.texts.size(); ++i) {
    AMAS_CHECK(check_text(fmt::format("text {}", i + 1), options.texts[i]));
    std::error_code ignored;
    if (std::filesystem::is_regular_file(options.texts[i], ignored))
      print_error_text(
          fmt::format("note: \"{0}\" is taken as a text; to ask about what the file holds: "
                      "amas predict {1} < {0}\n",
                      printable(options.texts[i]), options.deployment));
  }
  return options.texts;
}

// The server of the home; one that hangs is left alone, with a word about it.
std::optional<RunningServer> server_that_answers(const std::filesystem::path& home) {
  const auto server = find_server(home);
  if (!server) return std::nullopt;
  const Status answers = check_answers(*server);
  if (answers) return server;
  print_error_text(fmt::format("note: {}; the model is loaded here instead\n", answers.error().message));
  return std::nullopt;
}

// What --json-input gives: itself, a file, or standard input.
Result<std::string> read_json_input(const std::string& given) {
  if (given == "-") {
    AMAS_TRY(std::string text, read_standard_input(limits::kRequestBodyBytesMax, "give a JSON object there"));
    if (text.size() > limits::kRequestBodyBytesMax)
      return invalid_argument(
          fmt::format("standard input is longer than a request may be: more than {} bytes",
                      limits::kRequestBodyBytesMax));
    return text;
  }
  if (given.starts_with('@')) return read_file(given.substr(1), limits::kRequestBodyBytesMax);
  return given;
}

// Asks in tensors, and prints the reply as a server gives it.
Status predict_tensors(Session& session, const store::Deployment& deployment, const PredictOptions& options) {
  AMAS_TRY(const std::string given, read_json_input(options.json_input));
  const std::string body = predict_body(given);
  const auto server = server_that_answers(session.home);
  if (server) {
    AMAS_TRY(const std::string reply, call(*server, {.method = "POST",
                                                     .path = "/v1/models/" + deployment.name + ":predict",
                                                     .body = body,
                                                     .patience = kWorkPatience}));
    print_text(reply + "\n");
    return {};
  }
  AMAS_TRY(const auto servable, load_deployed(session, deployment));
  AMAS_TRY(const std::string reply, answer_here(*servable, body));
  print_text(reply + "\n");
  return {};
}

Status predict(Session& session, const PredictOptions& options) {
  if (!options.json_input.empty() && !options.texts.empty())
    return invalid_argument("a question has texts or --json-input, not both; leave one out");
  AMAS_TRY(const store::Store* store, session.store_to_read());
  AMAS_TRY(const store::Deployment deployment, find_deployment(*store, options.deployment));
  if (!options.json_input.empty()) return predict_tensors(session, deployment, options);
  AMAS_TRY(const auto texts, read_texts(options));
  const auto server = server_that_answers(session.home);
  AMAS_TRY(const auto predictions,
           server ? ask_server(*server, deployment.name, texts) : ask_package(session, deployment, texts));
  for (const Prediction& prediction : predictions) {
    if (session.json) {
      Session::print({{"label", prediction.label}, {"scores", prediction.scores}});
      continue;
    }
    double best = 0;
    for (const double score : prediction.scores) best = std::max(best, score);
    print_text(fmt::format("{}  {:.4f}\n", coloured(printable(prediction.label), "1"), best));
  }
  return {};
}

}  // namespace

void add_predict_command(CLI::App& app, Session& session, Action& action) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* command = app.add_subcommand("predict", "Ask a deployed model, with or without a server running");
  command->add_option("model", options->deployment, "Name of the deployment")->required()->type_name("NAME");
  command->add_option("text", options->texts, "Texts [standard input, as one text]");
  command
      ->add_option("--json-input", options->json_input,
                   "In place of texts: inputs by name, or a predict request (@FILE, -)")
      ->type_name("JSON");
  command->footer(
      "Examples:\n  amas predict spam \"You have won a prize\"\n  amas predict spam < mail.txt\n  amas "
      "--json predict spam \"Hello\" \"Buy now\"\n  amas predict net --json-input '{\"x\": [[1, 2, 3]]}'");
  command->callback(
      [&session, &action, options] { action = [&session, options] { return predict(session, *options); }; });
}

}  // namespace amas::cli
