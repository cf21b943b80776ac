#include <cstdio>

#include "engine/error.h"
#include "nas/cell/layout.h"
#include "nas/draw/draw_model.h"

namespace ockham::nas {
namespace {

constexpr double kMargin = 24.0, kTitleHeight = 34.0, kLegendHeight = 26.0;
constexpr double kPillHeight = 22.0, kPillGap = 3.0, kFrame = 5.0;

struct Paint {
  const char* fill;
  const char* line;
};

Paint paint_of(Primitive op) {
  switch (op) {
    case Primitive::kSepConv3:
    case Primitive::kSepConv5:
    case Primitive::kSepConv7:
    case Primitive::kConv1x7x7x1:
      return {"#e3eefb", "#5b8fd0"};
    case Primitive::kDilConv3:
    case Primitive::kDilConv5:
      return {"#ece6f8", "#8c74c4"};
    case Primitive::kMaxPool3:
    case Primitive::kAvgPool3:
      return {"#fdeedd", "#d99a4e"};
    case Primitive::kIdentity:
      break;
  }
  return {"#f1f1f1", "#9a9a9a"};
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string variance_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  return text;
}

/// Escapes markup, and leaves out control characters, which no XML document may hold.
std::string escaped(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      result += c;
  }
  return result;
}

/// c with a subscript: c_{k-1}.
std::string input_label(const char* subscript) {
  return concat("c<tspan dy=\"4\" font-size=\"11\">", subscript, "</tspan>");
}

class SvgCell {
 public:
  SvgCell(const CellGenotype& cell, const DrawOptions& options) : cell_(cell), options_(options) {
    place_nodes();
    for (const GenotypeEdge& edge : cell.edges)
      add_edge(edge);
    for (const EdgeSpec& edge : pruned_edges(cell, options.variances))
      add_link(edge.from, node_id(edge.to), {.width = 1.2, .dashed = true, .arrow = true});
    for (int node : cell.concat)
      add_link(node_id(node), output_, {.width = 1.4, .arrow = true, .colour = "#b7a35a"});
    size_ = layout(boxes_, links_);
  }

  std::string text() const {
    const double top = options_.title.empty() ? kMargin : kMargin + kTitleHeight;
    const double width = size_.x + 2 * kMargin;
    const double height = top + size_.y + kMargin + (options_.variances ? kLegendHeight : 0.0);
    std::string out = concat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", number(width), "\" height=\"",
                             number(height), "\" viewBox=\"0 0 ", number(width), " ", number(height),
                             "\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\">\n",
                             "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
    if (!options_.title.empty())
      out += concat("<text x=\"", number(kMargin), "\" y=\"", number(kMargin + 10),
                    "\" font-size=\"16\" font-weight=\"bold\" fill=\"#333\">", escaped(options_.title), "</text>\n");
    out += concat("<g transform=\"translate(", number(kMargin), ",", number(top), ")\">\n");
    for (std::size_t l = 0; l < links_.size(); ++l)
      out += link_svg(l);
    out += boxes_svg() + "</g>\n";
    if (options_.variances)
      out += concat("<text x=\"", number(kMargin), "\" y=\"", number(height - 14),
                    "\" font-size=\"11\" fill=\"#777\">number and line width: ",
                    options_.variances->measure.name == Measure{}.name ? "effective variance" : "evidence in nats",
                    "; dashed: pruned</text>\n");
    return out + "</svg>\n";
  }

 private:
  struct Stroke {
    double width = 1.8;
    bool dashed = false;
    bool arrow = false;
    const char* colour = "#555";
  };
  struct Label {
    const GenotypeEdge* edge;
    int box;
  };

  /// Ids 0, 1 and the nodes become boxes of the same index; a node stands two columns after the last that it reads.
  void place_nodes() {
    for (int input = 0; input < kInputs; ++input)
      boxes_.push_back({.column = 0, .width = 54, .height = 36});
    for (int node = 0; node < cell_.nodes; ++node)
      boxes_.push_back({.column = 2, .width = 40, .height = 44});
    const auto read = [&](int from, int to) {
      int& column = box(node_id(to)).column;
      column = std::max(column, box(from).column + 2);
    };
    const std::vector<EdgeSpec> pruned = pruned_edges(cell_, options_.variances);
    for (int node = 0; node < cell_.nodes; ++node) {  // sources of a node come before it, so one pass suffices
      for (const GenotypeEdge& edge : cell_.edges) {
        if (edge.to == node)
          read(edge.from, node);
      }
      for (const EdgeSpec& edge : pruned) {
        if (edge.to == node)
          read(edge.from, node);
      }
    }
    int last = 0;
    for (const Box& b : boxes_)
      last = std::max(last, b.column);
    output_ = add_box({.column = last + 1, .width = 54, .height = 44});
  }

  void add_edge(const GenotypeEdge& edge) {
    double width = options_.variances ? 0.0 : line_width(nullptr, std::nullopt);
    for (Primitive op : edge.ops)
      width = std::max(width, line_width(options_.variances, drawn_variance(options_.variances, edge, op)));
    const double rows = static_cast<double>(edge.ops.size());
    const double frame = edge.ops.size() > 1 ? kFrame : 0.0;
    const int label = add_box({.column = box(node_id(edge.to)).column - 1,
                               .width = pill_width() + 2 * frame,
                               .height = rows * kPillHeight + (rows - 1) * kPillGap + 2 * frame});
    labels_.push_back({&edge, label});
    add_link(edge.from, label, {.width = width});
    add_link(label, node_id(edge.to), {.width = width, .arrow = true});
  }

  double pill_width() const { return options_.variances ? 150.0 : 104.0; }

  int add_box(const Box& b) {
    boxes_.push_back(b);
    return static_cast<int>(boxes_.size()) - 1;
  }
  void add_link(int from, int to, const Stroke& stroke) {
    links_.push_back({.from = from, .to = to});
    strokes_.push_back(stroke);
  }
  Box& box(int index) { return boxes_[static_cast<std::size_t>(index)]; }
  const Box& box(int index) const { return boxes_[static_cast<std::size_t>(index)]; }

  std::string link_svg(std::size_t index) const {
    constexpr double kArrow = 9.0;
    const Stroke& stroke = strokes_[index];
    const std::vector<Point>& points = links_[index].points;
    const char* colour = stroke.dashed ? "#bbb" : stroke.colour;
    std::string path = concat("M", number(points[0].x), ",", number(points[0].y));
    for (std::size_t i = 1; i < points.size(); ++i) {
      const Point& a = points[i - 1];
      Point b = points[i];
      if (i + 1 == points.size() && stroke.arrow)
        b.x -= kArrow - 1.0;
      const std::string middle = number(0.5 * (a.x + b.x));
      if (i % 2 == 0)
        path += concat(" L", number(b.x), ",", number(b.y));
      else
        path +=
            concat(" C", middle, ",", number(a.y), " ", middle, ",", number(b.y), " ", number(b.x), ",", number(b.y));
    }
    std::string out = concat("<path d=\"", path, "\" fill=\"none\" stroke=\"", colour, "\" stroke-width=\"",
                             number(stroke.width), "\"", stroke.dashed ? " stroke-dasharray=\"5 4\"" : "", "/>\n");
    const Point& tip = points.back();
    if (stroke.arrow)
      out += concat("<path d=\"M", number(tip.x), ",", number(tip.y), " l-", number(kArrow), ",-3.5 v7 z\" fill=\"",
                    colour, "\"/>\n");
    return out;
  }

  std::string box_svg(const Box& b, const char* fill, const char* line, const std::string& label, bool dead) const {
    return concat("<rect x=\"", number(b.x - 0.5 * b.width), "\" y=\"", number(b.y - 0.5 * b.height), "\" width=\"",
                  number(b.width), "\" height=\"", number(b.height), "\" rx=\"6\" fill=\"", fill, "\" stroke=\"", line,
                  "\" stroke-width=\"1.5\"", dead ? " stroke-dasharray=\"5 4\"" : "", "/>\n<text x=\"", number(b.x),
                  "\" y=\"", number(b.y + 5), "\" font-size=\"16\" text-anchor=\"middle\" fill=\"",
                  dead ? "#aaa" : "#222", "\">", label, "</text>\n");
  }

  std::string boxes_svg() const {
    std::string out = box_svg(box(kInputOlder), "#cdeccd", "#7bb07b", input_label("k-2"), false) +
                      box_svg(box(kInputPrevious), "#cdeccd", "#7bb07b", input_label("k-1"), false);
    for (int node = 0; node < cell_.nodes; ++node) {
      const bool dead = std::none_of(cell_.edges.begin(), cell_.edges.end(),
                                     [&](const GenotypeEdge& edge) { return edge.to == node; });
      out += box_svg(box(node_id(node)), dead ? "#fafafa" : "#cfe4f7", dead ? "#bbb" : "#6fa3d3", std::to_string(node),
                     dead);
    }
    out += box_svg(box(output_), "#f3ecc2", "#b7a35a", input_label("k"), false);
    for (const Label& label : labels_)
      out += label_svg(label);
    return out;
  }

  /// The operations of an edge, one under the other; a frame holds several together.
  std::string label_svg(const Label& label) const {
    const Box& b = box(label.box);
    const std::vector<Primitive>& ops = label.edge->ops;
    double y = b.y - 0.5 * b.height;
    std::string out;
    if (ops.size() > 1) {
      out = concat("<rect x=\"", number(b.x - 0.5 * b.width), "\" y=\"", number(y), "\" width=\"", number(b.width),
                   "\" height=\"", number(b.height), "\" rx=\"14\" fill=\"#fff\" stroke=\"#999\"/>\n");
      y += kFrame;
    }
    for (Primitive op : ops) {
      out += pill_svg(b.x, y, *label.edge, op);
      y += kPillHeight + kPillGap;
    }
    return out;
  }

  std::string pill_svg(double x, double y, const GenotypeEdge& edge, Primitive op) const {
    const Paint paint = paint_of(op);
    const auto variance = drawn_variance(options_.variances, edge, op);
    const double width = pill_width(), left = x - 0.5 * width;
    const std::string base = number(y + 15);
    std::string out =
        concat("<rect x=\"", number(left), "\" y=\"", number(y), "\" width=\"", number(width), "\" height=\"",
               number(kPillHeight), "\" rx=\"11\" fill=\"", paint.fill, "\" stroke=\"", paint.line, "\"/>\n");
    if (!variance)
      return out + concat("<text x=\"", number(x), "\" y=\"", base, "\" text-anchor=\"middle\" fill=\"#222\">",
                          primitive_name(op), "</text>\n");
    return out + concat("<text x=\"", number(left + 10), "\" y=\"", base, "\" fill=\"#222\">", primitive_name(op),
                        "</text>\n<text x=\"", number(left + width - 10), "\" y=\"", base,
                        "\" text-anchor=\"end\" font-size=\"11\" fill=\"#777\">", variance_text(*variance),
                        "</text>\n");
  }

  const CellGenotype& cell_;
  const DrawOptions& options_;
  std::vector<Box> boxes_;  // inputs, nodes, output, then labels
  std::vector<Link> links_;
  std::vector<Stroke> strokes_;  // per link
  std::vector<Label> labels_;
  int output_ = 0;
  Point size_;
};

}  // namespace

std::string to_svg(const CellGenotype& cell, const DrawOptions& options) {
  return SvgCell(cell, options).text();
}

}  // namespace ockham::nas
