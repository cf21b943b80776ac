#pragma once
// Is a page of ours well formed?
#include <string>
#include <vector>

namespace ockham::test {

/// Reads HTML in which every tag but <meta> and <!DOCTYPE> is closed. @return what is wrong first; empty for nothing
inline std::string html_complaint(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    if (end == std::string::npos || html.find('<', at + 1) < end)
      return "'<' without '>' at " + html.substr(at, 40);
    const bool closes = html[at + 1] == '/', is_empty = html[end - 1] == '/';
    const std::size_t begin = at + (closes ? 2 : 1);
    const std::string name = html.substr(begin, std::min(html.find_first_of(" />\n", begin), end) - begin);
    if (closes) {
      if (open.empty() || open.back() != name)
        return "</" + name + "> closes <" + (open.empty() ? "" : open.back()) + ">";
      open.pop_back();
    } else if (name != "!DOCTYPE" && name != "meta" && !is_empty) {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

}  // namespace ockham::test
