#pragma once
// The nearest known name to a misspelt one, for error messages.
#include <string>
#include <string_view>
#include <vector>

namespace ockham::apps {

/// The candidate nearest to `word` by edits (insert, delete, replace, swap of neighbours; Damerau 1964), the first of
/// equals. Empty if even the nearest is too far to be what was meant: more than a third of the letters differ.
[[nodiscard]] std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace ockham::apps
