#pragma once
// The checklist of best practices for research on architecture search (Lindauer and Hutter 2020, JMLR 21(243)),
// answered by what a run knows of itself. What only people know is left to them, and the answer says so.
#include <nlohmann/json_fwd.hpp>

#include "apps/report/document.h"

namespace ockham::apps {

/// Of one search. @param run run.json @param summary summary.json; null before the search has ended
TextTable nas_checklist(const nlohmann::ordered_json& run, const nlohmann::ordered_json& summary);

}  // namespace ockham::apps
