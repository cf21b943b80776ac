#include "apps/search/search_app.h"

#include "apps/search/comparison/method_comparison.h"
#include "apps/search/option_use.h"
#include "apps/search/search_training.h"

namespace ockham::apps {
namespace {

int search(Session& session, const SearchSettings& settings) {
  require_usable(settings);
  return run_search(session, settings);
}

void check(Session& session) {
  const auto settings = read_settings<SearchSettings>(session.options());
  require_usable(settings);
  check_search(session, settings);
}

int run(Session& session, const SearchSettings& settings) {
  const ComparisonSettings& comparison = settings.comparison;
  if (!comparison.methods.empty())
    return run_comparison(session, settings, {.app = app_of("search", "", search, declare_search), .check = check});
  if (!comparison.seeds.empty())
    throw UsageError("--seeds goes with --methods NAME,NAME,...; for one search give --seed.");
  if (!comparison.method_settings.empty())
    throw UsageError("--method-settings goes with --methods NAME,NAME,...; give the options themselves.");
  for (const std::string& line : unused_options(session.options(), settings.space, {settings.method}))
    session.log().line(line);
  return search(session, settings);
}

}  // namespace

App search_app() {
  return app_of("search",
                "Searches a network architecture: trains an over-parameterised network, measures the exact second "
                "derivative of every switch, prunes.",
                run, declare_search);
}

}  // namespace ockham::apps
