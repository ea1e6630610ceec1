#include <fmt/format.h>

#include <algorithm>

#include "pipeline/steps.h"

namespace amas::pipeline {
namespace {

bool is_same(const store::DeploymentTarget& a, const store::DeploymentTarget& b) {
  return a.version == b.version && a.variant == b.variant;
}

std::string text_of(const store::DeploymentTarget& target) {
  return fmt::format("version {} ({})", target.version, target.variant);
}

// The command that deploys this by hand.
std::string command_for(const store::Deployment& deployment, const store::DeploymentTarget& target) {
  return fmt::format("`amas deploy {}{} --version {} --variant {}`", deployment.model,
                     deployment.name == deployment.model ? "" : " --as " + deployment.name, target.version,
                     target.variant);
}

// What the last run that ended with this deployment chose for it, and the generation that it left behind.
struct LastChoice {
  store::DeploymentTarget target;
  std::int64_t generation = 0;
};

Result<std::optional<LastChoice>> last_choice(const store::Store& store, const std::string& deployment) {
  AMAS_TRY(const auto runs, store.runs());
  for (const store::RunRecord& run : runs) {
    const Json chosen = run.detail.is_object() ? run.detail.value("deployed", Json()) : Json();
    if (!chosen.is_object() || chosen.value("name", "") != deployment) continue;
    LastChoice last;
    AMAS_TRY(last.target.version, json_field<std::int64_t>(chosen, "version"));
    AMAS_TRY(last.target.variant, json_field<std::string>(chosen, "variant"));
    AMAS_TRY(last.generation, json_field<std::int64_t>(chosen, "generation"));
    return std::optional(last);
  }
  return std::optional<LastChoice>();
}

Json choice_record(const store::Deployment& deployment, const store::DeploymentTarget& chosen,
                   std::int64_t generation) {
  return {{"name", deployment.name},
          {"version", chosen.version},
          {"variant", chosen.variant},
          {"generation", generation}};
}

}  // namespace

Result<Deployed> deploy_step(const Spec& spec, const train::LeaderboardRow& winner,
                             const RunContext& context) {
  const std::string step = "deploy " + spec.deploy_as;
  context.progress.started(step);
  store::Deployment wanted;
  wanted.name = spec.deploy_as;
  wanted.model = spec.name;
  wanted.targets = {{winner.version, winner.variant}};
  wanted.tenants = spec.tenants;
  const store::DeploymentTarget chosen = wanted.targets[0];
  const std::string summary =
      fmt::format("{} version {} ({}, {})", spec.name, winner.version, winner.candidate, winner.variant);
  AMAS_TRY(const auto deployments, context.store.deployments());
  AMAS_TRY(const auto last, last_choice(context.store, wanted.name));
  const auto now = std::ranges::find(deployments, wanted.name, &store::Deployment::name);
  const bool is_there = now != deployments.end() && now->targets.size() == 1;
  const bool is_chosen = is_there && now->model == wanted.model && is_same(now->targets[0], chosen);
  if (is_chosen && now->tenants == wanted.tenants) {
    context.progress.finished(step, summary, true, 0);
    return Deployed{*now, choice_record(*now, chosen, now->generation)};
  }
  // From here on something would change. What the user has deployed by hand since the last run stays, unless
  // this run chooses something else than that one did.
  const bool by_hand = is_there && !is_chosen && last && last->generation != now->generation;
  if (by_hand && is_same(last->target, chosen)) {
    context.progress.warned(
        fmt::format("{} stays {} of {}, deployed by hand since the last run; {} deploys "
                    "this run's best",
                    now->name, text_of(now->targets[0]), now->model, command_for(wanted, chosen)));
    context.progress.finished(step, fmt::format("{} {}", now->model, text_of(now->targets[0])), true, 0);
    return Deployed{*now, choice_record(*now, chosen, last->generation)};
  }
  if (by_hand)
    context.progress.warned(fmt::format("{} was {} of {}, deployed by hand; {} brings it back", now->name,
                                        text_of(now->targets[0]), now->model,
                                        command_for(*now, now->targets[0])));
  AMAS_TRY(store::Deployment stored, context.store.put_deployment(std::move(wanted)));
  context.progress.finished(step, summary, false, 0);
  const std::int64_t generation = stored.generation;
  return Deployed{stored, choice_record(stored, chosen, generation)};
}

}  // namespace amas::pipeline
