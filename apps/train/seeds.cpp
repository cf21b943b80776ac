#include "apps/train/seeds.h"

#include <algorithm>
#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/cli/text/spread.h"
#include "apps/runs/child_run.h"
#include "apps/runs/training/network_training.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

/// n, mean, sd, min and max of a number of the summaries; null where some have none.
Json spread_json(const std::vector<Json>& summaries, const char* name) {
  std::vector<double> values;
  for (const Json& summary : summaries) {
    if (!summary.contains(name) || !summary[name].is_number())
      return nullptr;
    values.push_back(summary[name].get<double>());
  }
  const Spread spread = spread_of(values);
  return {{"n", values.size()},
          {"mean", spread.mean},
          {"sd", spread.deviation},
          {"min", std::ranges::min(values)},
          {"max", std::ranges::max(values)}};
}

void print_spread(const std::string& what, const Json& spread, double factor) {
  if (spread.is_null())
    return;
  const auto text = [&](const char* name) { return format_fixed(factor * spread[name].get<double>(), 4); };
  std::cout << padded(what, 24) << "n " << spread["n"] << ", mean " << text("mean") << ", sd " << text("sd") << ", min "
            << text("min") << ", max " << text("max") << '\n';
}

Json mean_of(const Json& spread) {
  return spread.is_null() ? Json(nullptr) : spread["mean"];
}

/// What a single training says, as means over the seeds, and how they scatter.
Json summary_of(const std::vector<Json>& summaries, const std::vector<std::int64_t>& seeds) {
  Json spreads = Json::object();
  for (const char* name :
       {"test_accuracy", "test_loss", "valid_accuracy", "train_loss", "seconds", "images_per_second", "peak_bytes"})
    spreads[name] = spread_json(summaries, name);
  Json summary = summaries.front();
  summary.erase("seed");
  summary["seeds"] = seeds;
  for (const auto& [name, spread] : spreads.items())
    summary[name] = mean_of(spread);
  summary["peak_bytes"] = spreads["peak_bytes"]["max"];
  summary["spread"] = std::move(spreads);
  return summary;
}

/// @throws UsageError for what options alone can tell
void check(const Options& options) {
  if (options.source("seed") == Source::kCommandLine)
    throw UsageError("--seed is of one training, --seeds of several; drop it, and name all in --seeds.");
  const std::string resumed = read_settings<FolderSettings>(options).resume;
  if (!resumed.empty() && RunFolder::recorded_option(resumed, "seeds").is_null())
    throw UsageError(concat(resumed, " holds one training and not several; drop --seeds."));
}

/// A rehearsal of the first.
int print_plan(Session& session, const std::vector<std::string>& shared, std::int64_t seed) {
  std::vector<std::string> arguments = shared;
  arguments.push_back(concat("--seed=", seed));
  arguments.emplace_back("--dry-run");
  Session plan = child_session(train_app(), arguments, session.log());
  std::cout << "once a seed:\n";
  return train_app().run(plan);
}

}  // namespace

void describe(SeedsSettings& s, SettingVisitor& v) {
  v.group("Training");
  v.role(SettingRole::kChangeable);  // a resumed run may have more
  v.text("seeds", s.seeds, "train once with each of these seeds and tell how the results scatter", "N,N,...",
         seeds_complaint);
}

int train_seeds(Session& session, const SeedsSettings& settings) {
  check(session.options());
  const std::vector<std::int64_t> seeds = seeds_of(settings.seeds);
  const std::vector<std::string> shared = arguments_of(session.options(), {"seeds", "seed"});
  if (read_settings<FolderSettings>(session.options()).dry_run)
    return print_plan(session, shared, seeds.front());
  session.folder().record(session.options());
  std::vector<ChildRun> trainings;
  for (const std::int64_t seed : seeds)
    trainings.push_back({concat("seed-", seed), {concat("--seed=", seed)}});
  const auto summaries = run_children(session, train_app(), shared, trainings);
  if (!summaries)
    return kStopped;
  const Json summary = summary_of(*summaries, seeds);
  print_spread("test accuracy %", summary["spread"]["test_accuracy"], 100.0);
  print_spread("test loss", summary["spread"]["test_loss"], 1.0);
  print_spread("validation accuracy %", summary["spread"]["valid_accuracy"], 100.0);
  session.publish(summary);
  return kDone;
}

}  // namespace ockham::apps
