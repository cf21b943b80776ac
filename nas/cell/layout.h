#pragma once
// Layered drawing of a small directed graph, left to right, so that no box touches another and no line crosses a box:
// every column that a long link passes keeps a slot for it. Sugiyama, Tagawa, Toda 1981: slots, ordering by
// barycentres, then positions by isotonic regression (pool adjacent violators). For drawings of cells: some hundred
// boxes at most.
#include <vector>

namespace ockham::nas {

struct Point {
  double x = 0.0, y = 0.0;
};

/// A rectangle; layout() fills in the centre.
struct Box {
  int column = 0;
  double width = 0.0, height = 0.0;
  double x = 0.0, y = 0.0;
};

/// A line between boxes of different columns, from.column < to.column. layout() fills in the points where it leaves
/// its first box, enters and leaves each column on its way, and meets its last box.
struct Link {
  int from = 0, to = 0;
  std::vector<Point> points = {};
};

struct LayoutGaps {
  double column = 46.0;  ///< between columns, where lines bend
  double row = 14.0;     ///< between boxes of a column
};

/// @return the size of the drawing; its upper left corner is (0, 0)
Point layout(std::vector<Box>& boxes, std::vector<Link>& links, const LayoutGaps& gaps = {});

}  // namespace ockham::nas
