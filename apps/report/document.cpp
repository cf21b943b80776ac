#include "apps/report/document.h"

#include <algorithm>

#include "apps/report/line_chart.h"

namespace ockham::apps {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --paper: #fff; --ink: #1c1c1c; --faint: #8884; }
@media (prefers-color-scheme: dark) { :root { --paper: #17191c; --ink: #e4e4e4; } }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
div { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--faint); padding: .25rem .7rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
pre { background: var(--faint); border-radius: 4px; overflow-wrap: anywhere; padding: .6rem .8rem;
  white-space: pre-wrap; }
svg { height: auto; max-width: 100%; } .share { fill: #3a8fc7; }
table.prose th, table.prose td { text-align: left; vertical-align: top; white-space: normal; }
.gallery { display: flex; flex-wrap: wrap; gap: .8rem; } figure { margin: 0; width: 8rem; }
figure img { image-rendering: pixelated; width: 100%; }
figcaption { font-size: .8rem; line-height: 1.3; overflow-wrap: anywhere; }
)";

/// Markdown's special characters get a backslash; line breaks become spaces, for they would end a row or a heading.
std::string escape_markdown(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '\n' || c == '\r') {
      result += ' ';
    } else if (c == '<' || c == '&') {
      result += escape_html({&c, 1});
    } else {
      result += std::string_view("\\`*_[]|#>~$!").find(c) == std::string_view::npos ? "" : "\\";
      result += c;
    }
  }
  return result;
}

/// A fence longer than any row of backticks in the text.
std::string fenced(const std::string& text) {
  std::size_t longest = 2, run = 0;
  for (char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  return fence + "\n" + text + (text.ends_with('\n') ? "" : "\n") + fence + "\n";
}

std::string markdown_row(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells)
    row += " " + escape_markdown(cell) + " |";
  return row + "\n";
}

std::string html_row(const std::vector<std::string>& cells, const std::string& tag) {
  std::string row = "<tr>";
  for (const std::string& cell : cells)
    row += "<" + tag + ">" + escape_html(cell) + "</" + tag + ">";
  return row + "</tr>\n";
}

struct MarkdownWriter {
  std::string operator()(const Heading& heading) const { return "## " + escape_markdown(heading.text) + "\n"; }
  std::string operator()(const Paragraph& paragraph) const { return escape_markdown(paragraph.text) + "\n"; }
  std::string operator()(const Preformatted& block) const { return fenced(block.text); }
  std::string operator()(const TextTable& table) const { return to_markdown(table); }
  std::string operator()(const Figure&) const { return ""; }
  std::string operator()(const Gallery&) const { return ""; }
};

struct HtmlWriter {
  std::string operator()(const Heading& heading) const { return "<h2>" + escape_html(heading.text) + "</h2>\n"; }
  std::string operator()(const Paragraph& paragraph) const { return "<p>" + escape_html(paragraph.text) + "</p>\n"; }
  std::string operator()(const Preformatted& block) const { return "<pre>" + escape_html(block.text) + "</pre>\n"; }
  std::string operator()(const Figure& figure) const { return "<div>" + figure.svg + "</div>\n"; }
  std::string operator()(const Gallery& gallery) const {
    std::string text = "<div class=\"gallery\">\n";
    for (const Gallery::Picture& picture : gallery.pictures) {
      const std::string caption = escape_html(picture.caption);
      text += "<figure><img alt=\"" + caption + "\" src=\"data:image/png;base64," + escape_html(picture.png) +
              "\"/><figcaption>" + caption + "</figcaption></figure>\n";
    }
    return text + "</div>\n";
  }
  std::string operator()(const TextTable& table) const {
    std::string text = std::string("<div><table") + (table.is_prose ? " class=\"prose\"" : "") + ">\n<thead>" +
                       html_row(table.header, "th") + "</thead>\n<tbody>\n";
    for (const auto& row : table.rows)
      text += html_row(row, "td");
    return text + "</tbody>\n</table></div>\n";
  }
};

}  // namespace

std::string to_markdown(const TextTable& table) {
  std::string text = markdown_row(table.header);
  text += "|---|";
  for (std::size_t column = 1; column < table.header.size(); ++column)
    text += "---:|";
  text += "\n";
  for (const auto& row : table.rows)
    text += markdown_row(row);
  return text;
}

std::string to_markdown(const Document& document) {
  std::string text = "# " + escape_markdown(document.title) + "\n";
  for (const Block& block : document.blocks) {
    const std::string part = std::visit(MarkdownWriter{}, block);
    text += part.empty() ? "" : "\n" + part;
  }
  return text;
}

std::string to_html(const Document& document) {
  const std::string title = escape_html(document.title);
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      title + "</title>\n<style>" + std::string(kStyle) + std::string(kChartStyle) + "</style>\n</head>\n<body>\n<h1>" +
      title + "</h1>\n";
  for (const Block& block : document.blocks)
    text += std::visit(HtmlWriter{}, block);
  return text + "</body>\n</html>\n";
}

std::string escape_html(std::string_view text) {
  std::string result;
  for (char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

}  // namespace ockham::apps
