#include "nas/cell/layout.h"

#include <cmath>

#include "engine/random.h"
#include "tests/support.h"

using namespace ockham::nas;

namespace {

struct Drawing {
  std::vector<Box> boxes;
  std::vector<Link> links;
  Point size;
};

/// Boxes of random heights in random columns, with links to the right.
Drawing random_drawing(std::uint64_t seed) {
  std::uint64_t draw = 0;
  const auto below = [&](std::uint64_t bound) {
    return static_cast<int>(ockham::random_below({.seed = seed}, draw++, bound));
  };
  Drawing d;
  const int columns = 2 + below(6);
  for (int i = 0; i < 4 + below(25); ++i)
    d.boxes.push_back({.column = i < columns ? i : below(static_cast<std::uint64_t>(columns)),
                       .width = 20.0 + below(100),
                       .height = 10.0 + below(150)});
  for (int a = 0; a < static_cast<int>(d.boxes.size()); ++a) {
    for (int b = 0; b < static_cast<int>(d.boxes.size()); ++b) {
      if (d.boxes[static_cast<std::size_t>(a)].column < d.boxes[static_cast<std::size_t>(b)].column && below(4) == 0)
        d.links.push_back({.from = a, .to = b});
    }
  }
  d.size = ockham::nas::layout(d.boxes, d.links);
  return d;
}

bool overlap(const Box& a, const Box& b) {
  constexpr double kRounding = 1e-9;
  return std::abs(a.x - b.x) < 0.5 * (a.width + b.width) - kRounding &&
         std::abs(a.y - b.y) < 0.5 * (a.height + b.height) - kRounding;
}

/// Does the horizontal piece from p to q pass through the box?
bool crosses(const Box& box, const Point& p, const Point& q) {
  return std::abs(p.y - box.y) < 0.5 * box.height && p.x < box.x + 0.5 * box.width && q.x > box.x - 0.5 * box.width;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(layout)

BOOST_AUTO_TEST_CASE(boxes_never_overlap_and_lie_inside_the_drawing) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Drawing d = random_drawing(seed);
    for (std::size_t i = 0; i < d.boxes.size(); ++i) {
      const Box& box = d.boxes[i];
      BOOST_TEST((box.x - 0.5 * box.width >= -1e-9 && box.x + 0.5 * box.width <= d.size.x + 1e-9));
      BOOST_TEST((box.y - 0.5 * box.height >= -1e-9 && box.y + 0.5 * box.height <= d.size.y + 1e-9));
      for (std::size_t j = 0; j < i; ++j)
        BOOST_TEST(!overlap(box, d.boxes[j]), "seed " << seed << ": boxes " << i << " and " << j);
    }
  }
}

BOOST_AUTO_TEST_CASE(links_join_their_boxes_and_cross_no_other) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Drawing d = random_drawing(seed);
    for (const Link& link : d.links) {
      const Box& from = d.boxes[static_cast<std::size_t>(link.from)];
      const Box& to = d.boxes[static_cast<std::size_t>(link.to)];
      BOOST_REQUIRE_EQUAL(link.points.size(), 2u * static_cast<unsigned>(to.column - from.column));
      BOOST_TEST(link.points.front().x == from.x + 0.5 * from.width);
      BOOST_TEST(std::abs(link.points.front().y - from.y) <= 0.5 * from.height);
      BOOST_TEST(link.points.back().x == to.x - 0.5 * to.width);
      BOOST_TEST(std::abs(link.points.back().y - to.y) <= 0.5 * to.height);
      for (std::size_t i = 1; i + 1 < link.points.size(); i += 2) {
        for (const Box& box : d.boxes)
          BOOST_TEST(!crosses(box, link.points[i], link.points[i + 1]));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_chain_is_drawn_straight) {
  std::vector<Box> boxes = {{0, 40, 20}, {1, 40, 60}, {2, 40, 20}};
  std::vector<Link> links = {{0, 1}, {1, 2}};
  const Point size = ockham::nas::layout(boxes, links);
  BOOST_TEST(size.y == 60.0, boost::test_tools::tolerance(1e-9));
  for (const Box& box : boxes)
    BOOST_TEST(box.y == 30.0, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(crossed_pairs_are_untangled) {
  std::vector<Box> boxes = {{0, 40, 20}, {0, 40, 20}, {1, 40, 20}, {1, 40, 20}};
  std::vector<Link> links = {{0, 3}, {1, 2}};
  ockham::nas::layout(boxes, links);
  BOOST_TEST((boxes[0].y < boxes[1].y) == (boxes[3].y < boxes[2].y));
}

BOOST_AUTO_TEST_SUITE_END()
