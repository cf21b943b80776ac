#pragma once
// Drawings of a cell: Graphviz text in the colours of DARTS, and SVG drawn here, without Graphviz.
#include <string>

#include "nas/bayes/derive.h"

namespace ockham::nas {

struct DrawOptions {
  std::string title = {};
  /// Where given (same topology as the cell): line widths show their numbers, labels name them, and edges of the search
  /// space that did not survive are grey and dashed.
  const CellVariances* variances = nullptr;
};

/// Graphviz text: left to right, inputs darkseagreen2, nodes lightblue, output palegoldenrod; one arrow an operation.
std::string to_dot(const CellGenotype& cell, const DrawOptions& options = {});

/// A complete SVG document. One line an edge, its operations in the label; labels never overlap.
std::string to_svg(const CellGenotype& cell, const DrawOptions& options = {});

}  // namespace ockham::nas
