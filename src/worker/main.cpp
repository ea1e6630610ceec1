// amas-worker: does one job in a process of its own and prints how it goes (docs/formats/worker.md).

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/file.h"
#include "engines/liblinear/linear_trainer.h"
#include "engines/torch/text_lstm_trainer.h"
#include "worker/job.h"
#include "worker/lines.h"
#include "worker/train_job.h"

namespace amas::worker {
namespace {

constexpr const char* kUsage =
    "amas-worker JOB.json     does the job and prints its progress as JSON lines\n"
    "amas-worker --version    prints the versions of its libraries as JSON\n";

Trainers make_trainers() {
  Trainers trainers;
  trainers.push_back(std::make_unique<engine::TextLstmTrainer>());
  trainers.push_back(std::make_unique<engine::LinearTrainer>());
  return trainers;
}

Json versions(const Trainers& trainers) {
  Json json = {{"amas-worker", AMAS_VERSION}};
  for (const auto& trainer : trainers) {
    const std::string text = trainer->version();  // "library version"
    const auto space = text.find(' ');
    json[text.substr(0, space)] = text.substr(space + 1);
  }
  return json;
}

Result<Json> run(const char* file, const Trainers& trainers, const Lines& lines) {
  AMAS_TRY(const auto text, read_file(file));
  auto job = read_job(text);
  if (!job) return job.error().at(file);
  return do_train_job(*job, trainers, lines);
}

int report(const Result<Json>& outcome, const Lines& lines) {
  if (outcome) {
    lines.print({{"event", "done"}, {"outcome", *outcome}});
    return 0;
  }
  const Error& error = outcome.error();
  lines.print({{"event", "error"}, {"code", code_name(error.code)}, {"message", error.message}});
  return exit_status(error.code);
}

}  // namespace
}  // namespace amas::worker

int main(int count, char** arguments) {
  using namespace amas::worker;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // A worker whose parent is gone would train for nobody.
  // Idle OpenMP threads must sleep: spinning on busy cores costs 10 to 50 times. OpenMP reads this when a
  // trainer opens its library.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  const Lines lines(stdout);
  const std::string_view argument = count == 2 ? arguments[1] : "";
  if (argument.empty() || argument == "--help") {
    std::fputs(kUsage, argument.empty() ? stderr : stdout);
    return argument.empty() ? amas::exit_status(amas::Code::kInvalidArgument) : 0;
  }
  const Trainers trainers = make_trainers();
  if (argument == "--version") {
    lines.print(versions(trainers));
    return 0;
  }
  return report(run(arguments[1], trainers, lines), lines);
}
