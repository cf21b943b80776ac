#pragma once
// A report as a list of blocks, written as Markdown or as one HTML page that needs nothing else: no scripts, no files,
// no network. Texts are plain; what has a meaning in either language is escaped here and nowhere else.
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ockham::apps {

struct Heading {
  std::string text;
};
struct Paragraph {
  std::string text;
};
/// Lines as they are, such as a command or a configuration.
struct Preformatted {
  std::string text;
};
/// Every row has as many cells as the header.
struct TextTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows = {};
};
/// In HTML alone.
struct Figure {
  std::string svg;  ///< trusted markup, such as that of line_chart.h
};
using Block = std::variant<Heading, Paragraph, Preformatted, TextTable, Figure>;

struct Document {
  std::string title;
  std::vector<Block> blocks = {};
};

std::string to_markdown(const Document& document);
std::string to_markdown(const TextTable& table);
std::string to_html(const Document& document);

/// For the text and the attributes of HTML and SVG.
std::string escape_html(std::string_view text);

}  // namespace ockham::apps
