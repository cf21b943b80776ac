#pragma once
// The rules that a given value must meet, the same wherever it comes from.
#include <string>

#include "apps/cli/options/options.h"

namespace ockham::apps {

/// The value in its canonical spelling ("1e-1" becomes "0.1", "yes" becomes "true").
/// @param where how the message names the value's place: --lr, OCKHAM_LR, "config.ini: lr"
/// @throws UsageError with the value, the rule it breaks and what the option means
std::string checked_value(const Option& option, const std::string& text, const std::string& where);

/// What is wrong with a text as a real number within `range`; empty if nothing is.
std::string real_complaint(const std::string& text, const RealRange& range);
/// The same of a text as one of a few; names the nearest.
std::string choice_complaint(const std::string& text, const std::vector<std::string>& choices);

}  // namespace ockham::apps
