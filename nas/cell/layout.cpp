#include "nas/cell/layout.h"

#include <algorithm>
#include <numeric>

namespace ockham::nas {
namespace {

/// A box, or the place where a long link crosses a column.
struct Slot {
  int column = 0;
  double height = 0.0;
  double y = 0.0;
  bool passing = false;
  std::vector<int> left = {}, right = {};  // neighbours in the adjacent columns
};

class Layout {
 public:
  Layout(std::vector<Box>& boxes, std::vector<Link>& links, const LayoutGaps& gaps)
      : boxes_(boxes), links_(links), gaps_(gaps) {}

  Point run() {
    make_slots();
    order_columns();
    place_rows();
    const double width = place_columns();
    const double height = shift_to_zero();
    draw_links();
    return {width, height};
  }

 private:
  Slot& slot(int index) { return slots_[static_cast<std::size_t>(index)]; }
  std::vector<int>& column(int index) { return columns_[static_cast<std::size_t>(index)]; }
  Box& box(int index) { return boxes_[static_cast<std::size_t>(index)]; }

  int add_slot(int at, double height, bool passing) {
    const int index = static_cast<int>(slots_.size());
    slots_.push_back({.column = at, .height = height, .passing = passing});
    if (static_cast<std::size_t>(at) >= columns_.size())
      columns_.resize(static_cast<std::size_t>(at) + 1);
    column(at).push_back(index);
    return index;
  }

  void make_slots() {
    for (const Box& b : boxes_)
      add_slot(b.column, b.height, false);
    for (const Link& link : links_) {
      std::vector<int>& chain = chains_.emplace_back(1, link.from);
      for (int at = slot(link.from).column + 1; at < slot(link.to).column; ++at)
        chain.push_back(add_slot(at, 0.0, true));
      chain.push_back(link.to);
      for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
        slot(chain[i]).right.push_back(chain[i + 1]);
        slot(chain[i + 1]).left.push_back(chain[i]);
      }
    }
  }

  // --- the order within each column ---

  void number_rows() {
    for (const std::vector<int>& members : columns_) {
      for (std::size_t i = 0; i < members.size(); ++i)
        slot(members[i]).y = static_cast<double>(i) - 0.5 * static_cast<double>(members.size());
    }
  }

  double mean_y(const std::vector<int>& neighbours, double otherwise) {
    if (neighbours.empty())
      return otherwise;
    const double sum =
        std::accumulate(neighbours.begin(), neighbours.end(), 0.0, [&](double s, int i) { return s + slot(i).y; });
    return sum / static_cast<double>(neighbours.size());
  }

  void sort_column(int at, bool by_left) {
    std::stable_sort(column(at).begin(), column(at).end(), [&](int a, int b) {
      const auto key = [&](int i) { return mean_y(by_left ? slot(i).left : slot(i).right, slot(i).y); };
      return key(a) < key(b);
    });
    number_rows();
  }

  long count_crossings() {
    long crossings = 0;
    for (const std::vector<int>& members : columns_) {
      std::vector<std::pair<double, double>> lines;
      for (int i : members) {
        for (int j : slot(i).right)
          lines.emplace_back(slot(i).y, slot(j).y);
      }
      for (const auto& a : lines) {
        for (const auto& b : lines)
          crossings += a.first < b.first && a.second > b.second;
      }
    }
    return crossings;
  }

  void order_columns() {
    constexpr int kSweeps = 12;
    number_rows();
    std::vector<std::vector<int>> best = columns_;
    long fewest = count_crossings();
    const int last = static_cast<int>(columns_.size()) - 1;
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (int step = 1; step <= last; ++step)
        sweep % 2 == 0 ? sort_column(step, true) : sort_column(last - step, false);
      if (const long crossings = count_crossings(); crossings < fewest) {
        fewest = crossings;
        best = columns_;
      }
    }
    columns_ = best;
  }

  // --- rows ---

  double distance(int above, int below) { return 0.5 * (slot(above).height + slot(below).height) + gaps_.row; }

  /// Where a slot would like to be: between its neighbours; a passing line pulls harder on its like, to stay straight.
  double wish(int i) {
    double sum = 0.0, weight = 0.0;
    for (const auto* side : {&slot(i).left, &slot(i).right}) {
      for (int j : *side) {
        const double w = slot(i).passing && slot(j).passing ? kStraight : 1.0;
        sum += w * slot(j).y;
        weight += w;
      }
    }
    return weight > 0.0 ? sum / weight : slot(i).y;
  }

  /// The nearest positions to the wishes (least squares) that keep order and distances.
  void settle(const std::vector<int>& members) {
    struct Block {
      double sum, weight;
      std::size_t count;
      double mean() const { return sum / weight; }
    };
    std::vector<Block> blocks;
    std::vector<double> offsets;
    for (std::size_t i = 0; i < members.size(); ++i) {
      offsets.push_back(i == 0 ? 0.0 : offsets.back() + distance(members[i - 1], members[i]));
      const double weight = slot(members[i]).passing ? kStraight : 1.0;
      blocks.push_back({weight * (wish(members[i]) - offsets.back()), weight, 1});
      while (blocks.size() > 1 && blocks[blocks.size() - 2].mean() > blocks.back().mean()) {
        const Block last = blocks.back();
        blocks.pop_back();
        blocks.back().sum += last.sum;
        blocks.back().weight += last.weight;
        blocks.back().count += last.count;
      }
    }
    std::size_t i = 0;
    for (const Block& block : blocks) {
      for (std::size_t k = 0; k < block.count; ++k, ++i)
        slot(members[i]).y = block.mean() + offsets[i];
    }
  }

  void place_rows() {
    constexpr int kSweeps = 200;
    number_rows();
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (std::size_t step = 0; step < columns_.size(); ++step)
        settle(columns_[sweep % 2 == 0 ? step : columns_.size() - 1 - step]);
    }
  }

  // --- coordinates ---

  double place_columns() {
    widths_.assign(columns_.size(), 0.0);
    for (const Box& b : boxes_)
      widths_[static_cast<std::size_t>(b.column)] = std::max(widths_[static_cast<std::size_t>(b.column)], b.width);
    double x = 0.0;
    for (double width : widths_) {
      centres_.push_back(x + 0.5 * width);
      x += width + gaps_.column;
    }
    for (std::size_t i = 0; i < boxes_.size(); ++i)
      boxes_[i].x = centres_[static_cast<std::size_t>(boxes_[i].column)];
    return x - gaps_.column;
  }

  double shift_to_zero() {
    double top = 0.0, bottom = 0.0;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const double high = slots_[i].y - 0.5 * slots_[i].height, low = slots_[i].y + 0.5 * slots_[i].height;
      top = i == 0 ? high : std::min(top, high);
      bottom = i == 0 ? low : std::max(bottom, low);
    }
    for (Slot& s : slots_)
      s.y -= top;
    for (std::size_t i = 0; i < boxes_.size(); ++i)
      boxes_[i].y = slots_[i].y;
    return bottom - top;
  }

  /// Where link number `index` meets a box: the links of one side share its height, in the order of their other ends.
  double port(int at, std::size_t index, bool leaving) {
    std::vector<std::pair<double, std::size_t>> ends;
    for (std::size_t l = 0; l < links_.size(); ++l) {
      if ((leaving ? links_[l].from : links_[l].to) == at)
        ends.emplace_back(slot(leaving ? chains_[l][1] : chains_[l][chains_[l].size() - 2]).y, l);
    }
    std::sort(ends.begin(), ends.end());
    const auto mine = std::find_if(ends.begin(), ends.end(), [&](const auto& end) { return end.second == index; });
    const double rank = static_cast<double>(mine - ends.begin()) - 0.5 * static_cast<double>(ends.size() - 1);
    const double spread = std::min(9.0, 0.7 * box(at).height / static_cast<double>(ends.size()));
    return box(at).y + rank * spread;
  }

  void draw_links() {
    for (std::size_t l = 0; l < links_.size(); ++l) {
      Link& link = links_[l];
      link.points = {{box(link.from).x + 0.5 * box(link.from).width, port(link.from, l, true)}};
      for (std::size_t i = 1; i + 1 < chains_[l].size(); ++i) {
        const Slot& s = slot(chains_[l][i]);
        const auto at = static_cast<std::size_t>(s.column);
        link.points.push_back({centres_[at] - 0.5 * widths_[at], s.y});
        link.points.push_back({centres_[at] + 0.5 * widths_[at], s.y});
      }
      link.points.push_back({box(link.to).x - 0.5 * box(link.to).width, port(link.to, l, false)});
    }
  }

  static constexpr double kStraight = 5.0;

  std::vector<Box>& boxes_;
  std::vector<Link>& links_;
  LayoutGaps gaps_;
  std::vector<Slot> slots_;                // the boxes first, then the crossings
  std::vector<std::vector<int>> columns_;  // slots from top to bottom
  std::vector<std::vector<int>> chains_;   // per link, the slots it visits
  std::vector<double> widths_, centres_;   // per column
};

}  // namespace

Point layout(std::vector<Box>& boxes, std::vector<Link>& links, const LayoutGaps& gaps) {
  return Layout(boxes, links, gaps).run();
}

}  // namespace ockham::nas
