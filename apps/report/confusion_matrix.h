#pragma once
// Which classes were taken for which, as an SVG image within an HTML page, which provides the style.
#include <cstdint>
#include <string>
#include <vector>

namespace ockham::apps {

/// A square a pair of classes, a row a true one, darker the larger its share of the row; a tip with the numbers at
/// each.
/// @param counts by true class and by predicted one
std::string confusion_matrix(const std::vector<std::string>& names,
                             const std::vector<std::vector<std::int64_t>>& counts);

}  // namespace ockham::apps
