#pragma once
// Runs within a run: a comparison starts ordinary runs one after another, each in a folder inside its own. A finished
// one is read and not repeated, an interrupted one goes on, so that a comparison can be stopped, resumed and extended.
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "apps/runs/program.h"

namespace ockham::apps {

/// Of --seeds N,N,...: the numbers, and what is wrong with a text that is no list of different ones.
std::vector<std::int64_t> seeds_of(const std::string& text);
std::string seeds_complaint(const std::string& text);

/// "--name=value" for every recorded option that is set, but for those named.
std::vector<std::string> arguments_of(const Options& options, const std::vector<std::string_view>& without);

struct ChildRun {
  std::string name;                    ///< of its folder
  std::vector<std::string> arguments;  ///< "--name=value"; they win against those that all children share
};

/// Those that all children share, as `child` has them.
std::vector<std::string> arguments_of(const ChildRun& child, const std::vector<std::string>& shared);

/// Whether a run in this folder has come to its end.
bool is_finished(const std::filesystem::path& folder);

/// A session of `app` that inherits the parent's quietness and has no folder yet. @param log outlives it
Session child_session(const App& app, const std::vector<std::string>& arguments, Log& log);

/// Runs the children in order. Those that a replaced run (--overwrite) left under the same names are removed first.
/// @param shared arguments of all; those of an interrupted or finished child must be the same
/// @return summary.json of each; nothing if asked to stop
/// @throws UsageError if a child was started with other options, CheckpointError if its summary is damaged
std::optional<std::vector<nlohmann::ordered_json>> run_children(Session& parent, const App& app,
                                                                const std::vector<std::string>& shared,
                                                                const std::vector<ChildRun>& children);

}  // namespace ockham::apps
