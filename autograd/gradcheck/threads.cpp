#include <algorithm>
#include <cstring>

#include "autograd/gradcheck/checks.h"
#include "autograd/side_interfaces.h"
#include "engine/parallel.h"

namespace ockham::gradcheck {
namespace {

/// The sample with so long a batch that parallel loops over it have several chunks; as it is where the op's attributes
/// fix the batch.
OpSample enlarged(const OpSample& sample, const Op& op) {
  constexpr std::int64_t kElements = 40000;  // more than twice the grain of elementwise loops, the longest one
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < sample.inputs.size(); ++i) {
    if (!op.is_parameter(i))
      largest = std::max(largest, sample.inputs[i].shape.numel());
  }
  if (largest == 0 || largest >= kElements)
    return sample;
  OpSample result = sample;
  std::vector<Spec> specs;
  for (std::size_t i = 0; i < result.inputs.size(); ++i) {
    InputDraw& input = result.inputs[i];
    if (!op.is_parameter(i) && input.shape.rank() > 0)
      input.shape = input.shape.with(0, input.shape[0] * ((kElements + largest - 1) / largest));
    specs.push_back({input.shape, input.draw == Draw::kLabels ? DType::kInt64 : DType::kFloat64});
  }
  try {
    op.infer(specs);
  } catch (const ShapeError&) {
    return sample;
  }
  return result;
}

/// What the passes are given beside the point.
struct Directions {
  Tensors y_bar, one_y_bar, x_dot, h_y;

  Directions(const Point& point, std::uint64_t seed)
      : y_bar(point.y_bar(2, seed)),
        one_y_bar(point.y_bar(1, seed)),
        x_dot(point.x_dot(2, seed)),
        h_y(point.y().size()) {
    h_y[0] = noise(point.y()[0].shape(), seed, 55);
  }
};

/// The results of all passes. @param loops counts those of several chunks that the passes ran
Tensors everything(const Subject& s, const Tensors& x, const Directions& along, std::int64_t& loops) {
  const auto counted = [&](auto&& pass) {
    const std::int64_t before = shared_loops();
    auto result = pass();
    loops += shared_loops() - before;
    return result;
  };
  const Point point = counted([&] { return Point(*s.op, x); });
  Tensors all = point.differentiable(point.y());
  std::ranges::copy(counted([&] { return point.vjp(2, along.y_bar); }), std::back_inserter(all));
  std::ranges::copy(counted([&] { return point.jvp(2, along.x_dot); }), std::back_inserter(all));
  all.push_back(Tensor::from(counted([&] { return point.curvature(2, along.one_y_bar, along.x_dot); }), {2}));
  for (std::size_t input : s.sample.diagonal_inputs) {
    all.push_back(Tensor::zeros(x[input].shape(), DType::kFloat64));
    s.op->weight_diagonal(point.saved(), 2, along.y_bar, input, Grouping::kEntry, all.back());
  }
  if (const auto* rule = s.op->as<HasRecursion>()) {
    Tensors h_x(x.size());
    std::vector<GradSlot> slots(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!point.is_wanted(i))
        continue;
      h_x[i] = poisoned(x[i].spec());
      slots[i] = {&h_x[i], false};
    }
    rule->recursion(point.saved(), along.one_y_bar, along.h_y, slots);
    std::ranges::copy(h_x, std::back_inserter(all));
  }
  return all;
}

bool is_equal_bits(const Tensors& a, const Tensors& b) {
  return std::ranges::equal(a, b, [](const Tensor& x, const Tensor& y) {
    return x.is_defined() == y.is_defined() &&
           (!x || std::memcmp(x.span<double>().data(), y.span<double>().data(), x.nbytes()) == 0);
  });
}

}  // namespace

void check_threads(const Subject& s, Results& results, Witness& witness) {
  struct Restore {
    const int before = thread_count();
    ~Restore() { set_thread_count(before); }
  } const restore;
  const Tensors x = Subject::draw_of(enlarged(s.sample, *s.op), s.seed);
  const Directions along(Point(*s.op, x), s.seed);
  std::int64_t loops = 0;
  set_thread_count(1);
  const Tensors one = everything(s, x, along, loops);
  witness.shares_loops |= loops > 0;
  double error = 0.0;
  for (int threads : {2, 3}) {
    set_thread_count(threads);
    error = std::max(error, is_equal_bits(one, everything(s, x, along, loops)) ? 0.0 : 1.0);
  }
  results.push_back({"repeat", error, 0.0});
}

}  // namespace ockham::gradcheck
