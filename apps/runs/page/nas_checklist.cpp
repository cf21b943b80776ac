#include "apps/runs/page/nas_checklist.h"

#include <nlohmann/json.hpp>

#include "apps/cli/text/format.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (!object.is_object() || found == object.end() || found->is_null())
    return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

/// Which code it was.
std::string code_of(const Json& run) {
  const std::string version = "version " + text_of(run, "version"), commit = text_of(run, "commit");
  if (commit.empty())
    return version + ", built outside a repository, so that the commit is not known";
  if (commit.ends_with("-dirty"))
    return version + ", built from files that differ from commit " + commit.substr(0, commit.rfind('-')) +
           ": commit them and build again before you publish";
  return version + ", commit " + commit;
}

std::string option(const Json& run, const char* name) {
  return run.is_object() && run.contains("options") ? text_of(run["options"], name) : "";
}

}  // namespace

TextTable nas_checklist(const Json& run, const Json& summary) {
  const std::string code = code_of(run);
  const std::string seed = option(run, "seed");
  const bool has_table = !option(run, "table").empty();
  const std::string public_or_not = " Whether it is public, the run does not know.";
  const std::string seconds = text_of(summary, "seconds");
  const auto parsed = parse_real(seconds);
  TextTable table{{"practice", "answer", "what the run knows"}, {}, true};
  const auto add = [&](const char* practice, const char* answer, const std::string& why) {
    table.rows.push_back({practice, answer, why});
  };
  add("1a. Code of the pipeline that trains the final architectures is released", "named",
      concat("ockham-train of the same ", code, ".", public_or_not));
  add("1b. Code of the search space is released", "named",
      concat("space ", option(run, "space"), " of nas/spaces, ", code, ".", public_or_not));
  add("1c. Hyperparameters and seeds of the final evaluation are released", "not by this run",
      "It trained no final architecture. Each training writes its own into run.json and config.ini.");
  add("1d. Code of the method is released", "named",
      concat("method ", option(run, "method"), " of nas/methods, ", code, ".", public_or_not));
  add("1e. Hyperparameters and seeds of the method are released", "yes, in this folder",
      concat("run.json holds every option, config.ini repeats the run; seed ", seed, "."));
  add("2a. All methods compared share data, split, space and training", "not by this run",
      "It is one method. ockham-search --methods A,B --seeds 1,2,3 compares methods on the same images.");
  add("2b. Confounding factors are controlled: hardware, versions, run times", "recorded",
      concat("device ", text_of(run, "device"), ", processor ", text_of(run, "cpu"), ", threads ",
             text_of(run, "threads"), ", ", code, "; compare only with runs that say the same."));
  add("2c. Ablations were run", "not by this run", "One setting of each option; see the command.");
  add("2d. The same protocol evaluates all methods", "not by this run", "It is one method.");
  add("2e. Performance over time is compared", "not by this run",
      "The curves are those of one search; metrics.jsonl has the time of every line.");
  add("2f. Random search is compared with",
      option(run, "method") == "random" ? "it is random search" : "not by this run",
      "ockham-search --methods ...,random does so among searches, ockham-compare for trained cells.");
  add("2g. Runs are repeated, their seeds reported", "one run",
      concat("Seed ", seed, "; nothing is said of the scatter."));
  add("2h. A tabular or surrogate benchmark is used", has_table ? "yes" : "no",
      has_table ? "The cell's accuracies are looked up in " + option(run, "table") + "." : "No --table was given.");
  add("3a. How hyperparameters were tuned is reported, with its cost", "not known",
      "The run does not know how its options were chosen.");
  add("3b. Time of the whole method is reported, not of the search alone", parsed ? "partly" : "not yet",
      parsed ? concat("The search took ", format_duration(*parsed),
                      " in its last process; training the cell and tuning are not in it.")
             : "The search has not ended.");
  add("3c. All details of the experiment are reported", "yes, in this folder",
      "run.json: options, data with SHA-256, device, processor, threads, environment, start and end. Read it before "
      "you answer.");
  return table;
}

}  // namespace ockham::apps
