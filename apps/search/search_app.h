#pragma once
// ockham-search: finds a cell, from which ockham-train builds a network. Options and presets.
#include "apps/runs/program.h"

namespace ockham::apps {

App search_app();

}  // namespace ockham::apps
