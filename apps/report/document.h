#pragma once
// A report as a list of blocks, written as Markdown or as one HTML page that needs nothing else: no scripts (the page
// forbids them), no files, no network. Texts are plain; what has a meaning in either language is escaped here and
// nowhere else.
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
  bool is_prose = false;  ///< cells are sentences, not numbers
};
/// In HTML alone.
struct Figure {
  std::string svg;  ///< trusted markup, such as that of line_chart.h
};
/// Small pictures with a few words each. In HTML alone.
struct Gallery {
  struct Picture {
    std::string png;  ///< the bytes of the file in base 64
    std::string caption;
  };
  std::vector<Picture> pictures;
};
using Block = std::variant<Heading, Paragraph, Preformatted, TextTable, Figure, Gallery>;

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
