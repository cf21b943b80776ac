#include "engine/error.h"
#include "nas/draw/draw_model.h"

namespace ockham::nas {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string dot_name(int id) {
  if (id == kInputOlder)
    return quoted("c_{k-2}");
  if (id == kInputPrevious)
    return quoted("c_{k-1}");
  return quoted(std::to_string(id - kInputs));
}

}  // namespace

std::string to_dot(const CellGenotype& cell, const DrawOptions& options) {
  std::string text = concat("digraph ", quoted(options.title.empty() ? kind_name(cell.kind) : options.title), " {\n",
                            "  rankdir=LR;\n"
                            "  node [style=filled shape=rect fontsize=20 height=0.5 width=0.5 penwidth=2 "
                            "fontname=\"times\"];\n"
                            "  edge [fontsize=20 fontname=\"times\"];\n");
  for (int input = 0; input < kInputs; ++input)
    text += concat("  ", dot_name(input), " [fillcolor=\"darkseagreen2\"];\n");
  for (int node = 0; node < cell.nodes; ++node)
    text += concat("  ", dot_name(node_id(node)), " [fillcolor=\"lightblue\"];\n");
  text += "  \"c_{k}\" [fillcolor=\"palegoldenrod\"];\n";
  for (const GenotypeEdge& edge : cell.edges) {
    for (Primitive op : edge.ops) {
      const auto variance = drawn_variance(options.variances, edge, op);
      text += concat("  ", dot_name(edge.from), " -> ", dot_name(node_id(edge.to)), " [label=\"", primitive_name(op),
                     "\"", variance ? concat(" penwidth=", line_width(options.variances, variance)) : "", "];\n");
    }
  }
  for (const EdgeSpec& edge : pruned_edges(cell, options.variances))
    text += concat("  ", dot_name(edge.from), " -> ", dot_name(node_id(edge.to)), " [style=dashed color=\"grey\"];\n");
  for (int node : cell.concat)
    text += concat("  ", dot_name(node_id(node)), " -> \"c_{k}\";\n");
  return text + "}\n";
}

}  // namespace ockham::nas
