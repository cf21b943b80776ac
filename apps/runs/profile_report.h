#pragma once
// --profile: the table of where the time goes, for programs that run ops.
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/runs/program.h"
#include "autograd/profile.h"

namespace ockham::apps {

/// Of a stopped profile: the longest `shown` rows in columns, then "outside ops" and the total.
std::string profile_table(const Profile& profile, std::size_t shown = 25);

/// {"seconds", "seconds_outside_ops", "rows": [{"pass", "op", "detail", "kernel", "calls", "seconds", "bytes",
/// "gflop"}, ...]} with all rows.
nlohmann::ordered_json profile_json(const Profile& profile);

/// Runs `work`, and if its profile is wanted prints the table on stderr afterwards, unless quiet. @return what work
/// returns
int run_profiled(Session& session, bool is_wanted, const std::function<int()>& work);

}  // namespace ockham::apps
