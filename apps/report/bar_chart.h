#pragma once
// Named numbers as bars, as an SVG image within an HTML page, which provides the style.
#include <string>
#include <vector>

namespace ockham::apps {

struct Bar {
  std::string name;
  double value = 0.0;     ///< finite, >= 0
  bool is_filled = true;  ///< else in outline: what a reader shall pass over
  std::string tip = {};   ///< a few words more
};

/// A bar a line, from one zero to the right, its number behind it. @return empty without bars
std::string bar_chart(const std::vector<Bar>& bars, const std::string& title);

}  // namespace ockham::apps
