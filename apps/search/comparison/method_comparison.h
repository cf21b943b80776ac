#pragma once
// ockham-search --methods: searches by several methods and seeds under one budget, and the report on them.
#include "apps/runs/program.h"

namespace ockham::apps {

struct SearchSettings;

/// A search as ockham-search runs it, and a check that throws what it would throw before its first step.
struct ComparedSearch {
  App app;
  std::function<void(Session&)> check;
};

/// Runs every method with every seed in OUT/METHOD-seedN, then writes report.md, report.html and comparison.json.
/// Nothing is run before all methods have passed their check. @return kDone or kStopped
int run_comparison(Session& session, const SearchSettings& settings, const ComparedSearch& search);

}  // namespace ockham::apps
