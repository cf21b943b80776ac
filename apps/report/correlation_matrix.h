#pragma once
// Which of several quantities move together, as an SVG image within an HTML page, which provides the style.
#include <string>
#include <vector>

namespace ockham::apps {

/// A square a pair, the darker the stronger, of one colour where both rise together and of another where one falls as
/// the other rises; a tip with the number at each. @param correlations  [n, n], row after row, between -1 and 1
std::string correlation_matrix(const std::vector<std::string>& names, const std::vector<double>& correlations);

}  // namespace ockham::apps
