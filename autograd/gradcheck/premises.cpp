#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <set>

#include "autograd/gradcheck/checks.h"
#include "engine/math.h"
#include "engine/random.h"

namespace ockham::gradcheck {
namespace {

using Chooses = std::function<bool(std::size_t input)>;

/// Largest entry of f(x + h t) - 2 f(x) + f(x - h t), over the largest of f(x), along a direction in the chosen inputs.
double second_difference(const Subject& s, const Chooses& moves) {
  const double step = s.op->smoothness() == Smoothness::kPiecewise ? 1e-5 : 0.5;
  Tensors along(s.point.x().size());
  for (std::size_t i = 0; i < along.size(); ++i) {
    if (!s.point.is_wanted(i) || !moves(i))
      continue;
    along[i] = Tensor(s.point.x()[i].spec());
    fill_uniform(along[i], {s.seed, Purpose::kTest, 500 + i}, -1.0, 1.0);
  }
  const Point plus(*s.op, moved(s.point.x(), step, along));
  const Point minus(*s.op, moved(s.point.x(), -step, along));
  double worst = 0.0;
  for (std::size_t o = 0; o < s.point.y().size(); ++o) {
    if (!s.op->has_derivative(o))
      continue;
    Tensor middle = plus.y()[o].clone();
    axpy(1.0, minus.y()[o], middle);
    scale(middle, 0.5);
    worst = std::max(worst, 2.0 * distance(middle, s.point.y()[o]));
  }
  return worst;
}

double factors_error(const Subject& s) {
  if (s.op->algebra() == Algebra::kCurved)
    return 0.0;
  if (s.op->algebra() == Algebra::kLinear)
    return second_difference(s, [](std::size_t) { return true; });
  std::set<int> factors;
  for (std::size_t i = 0; i < s.point.x().size(); ++i)
    factors.insert(s.op->factor_of(i));
  double worst = 0.0;
  for (int factor : factors)
    worst = std::max(worst, second_difference(s, [&](std::size_t i) { return s.op->factor_of(i) == factor; }));
  return worst;
}

std::int64_t rows_of(const Tensor& t) {
  return t.rank() == 0 ? 1 : t.size(0);
}

template <class T>
void copy_row(const Tensor& from, std::int64_t row, Tensor& to) {
  const std::int64_t size = to.numel() / rows_of(to);
  std::copy_n(from.data<T>() + row * size, size, to.data<T>() + row * size);
}

/// Names a row of an output.
using Row = std::pair<std::size_t, std::int64_t>;

/// The rows of outputs that change where row `row` of the chosen inputs is drawn again, and by how much.
std::map<Row, double> moved_rows(const Subject& s, const Chooses& chooses, std::int64_t row) {
  const Tensors other = Subject::draw_of(s.sample, s.seed + 1000);
  Tensors x = s.point.x();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!chooses(i) || row >= rows_of(x[i]))
      continue;
    x[i] = x[i].clone();
    if (x[i].dtype() == DType::kInt64)
      copy_row<std::int64_t>(other[i], row, x[i]);
    else
      copy_row<double>(other[i], row, x[i]);
  }
  const Point there(*s.op, x);
  std::map<Row, double> moved_by;
  for (std::size_t o = 0; o < there.y().size(); ++o) {
    const Tensor& before = s.point.y()[o];
    if (!s.op->has_derivative(o) || before.numel() == 0)
      continue;
    for (std::int64_t r = 0; r < rows_of(before); ++r) {
      const auto row_at = [&](const Tensor& y) { return direction(y, r, Shape{before.numel() / rows_of(before)}); };
      if (const double change = distance(row_at(there.y()[o]), row_at(before)); !(change <= 1e-12))
        moved_by[{o, r}] = change;
    }
  }
  return moved_by;
}

/// All of so many rows, or some of many.
std::vector<std::int64_t> probed_rows(std::int64_t rows) {
  if (rows > 16)
    return {0, 1, rows / 2, rows - 1};
  std::vector<std::int64_t> all;
  for (std::int64_t r = 0; r < rows; ++r)
    all.push_back(r);
  return all;
}

/// What moving rows of some inputs one after the other shows.
struct Rows {
  double crossing = 0.0;         ///< the largest change of a row beside the first, or of one that another row moved
  bool moves_each_alone = true;  ///< every row of the inputs moved one row, each another
};

Rows probe_rows(const Subject& s, const Chooses& chooses) {
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < s.point.x().size(); ++i)
    rows = std::max(rows, chooses(i) ? rows_of(s.point.x()[i]) : 0);
  Rows result;
  std::set<Row> taken;
  for (std::int64_t row : probed_rows(rows)) {
    std::set<std::size_t> outputs;
    const std::map<Row, double> moved_by = moved_rows(s, chooses, row);
    for (const auto& [at, change] : moved_by) {
      const bool is_second = !outputs.insert(at.first).second;
      const bool is_taken = !taken.insert(at).second;
      if (is_second || is_taken)
        result.crossing = std::max(result.crossing, change);
    }
    result.moves_each_alone &= !moved_by.empty();
  }
  result.moves_each_alone &= rows > 1 && result.crossing == 0.0;
  return result;
}

double rows_error(const Subject& s, Witness& witness) {
  const Rows rows = probe_rows(s, [&](std::size_t i) { return !s.op->is_parameter(i); });
  if (!s.op->couples_samples())
    return rows.crossing;
  witness.couples |= rows.crossing > 0.0;
  return 0.0;
}

/// A parameter's rows each moving a row of their own is what samples do. With one sample, or a parameter of one row,
/// there is nothing to tell them by.
double parameters_error(const Subject& s) {
  for (std::size_t i = 0; i < s.point.x().size(); ++i) {
    if (s.op->is_parameter(i) && probe_rows(s, [&](std::size_t input) { return input == i; }).moves_each_alone)
      return kWrong;
  }
  return 0.0;
}

bool is_all_nan(const Tensor& t) {
  return std::ranges::all_of(t.span<double>(), [](double value) { return value != value; });
}

double constant_inputs_error(const Subject& s) {
  constexpr std::int64_t kD = 2;
  const Tensors& x = s.point.x();
  Tensors offered(x.size());
  Tensors t = s.point.x_dot(kD, s.seed);
  std::vector<GradSlot> slots(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (s.op->is_differentiable(i) && !is_compute_type(x[i].dtype()))
      return kWrong;
    if (s.op->is_differentiable(i) || !is_compute_type(x[i].dtype()))
      continue;
    offered[i] = poisoned({with_directions(x[i].shape(), kD), x[i].dtype()});
    slots[i] = {&offered[i], false};
    t[i] = noise(with_directions(x[i].shape(), kD), s.seed, 600 + i);
  }
  if (std::ranges::none_of(offered, [](const Tensor& x_bar) { return x_bar.is_defined(); }))
    return 0.0;
  s.op->vjp(s.point.saved(), kD, s.point.y_bar(kD, s.seed), slots);
  for (const Tensor& x_bar : offered) {
    if (x_bar && !is_all_nan(x_bar))
      return kWrong;
  }
  const Tensors without = s.point.x_dot(kD, s.seed);
  const Tensors g = s.point.y_bar(1, s.seed);
  double worst = distance(s.point.jvp(kD, t), s.point.jvp(kD, without));
  const std::vector<double> with_acc = s.point.curvature(kD, g, t);
  const std::vector<double> without_acc = s.point.curvature(kD, g, without);
  for (std::size_t d = 0; d < with_acc.size(); ++d)
    worst = std::max(worst, relative(with_acc[d], without_acc[d]));
  return worst;
}

double constant_outputs_error(const Subject& s) {
  const Tensors y_dot = s.point.jvp_of_all(1, s.point.x_dot(1, s.seed));
  const Tensors g = s.point.y_bar(1, s.seed);
  double worst = 0.0;
  for (std::size_t o = 0; o < y_dot.size(); ++o) {
    if (s.op->has_derivative(o))
      continue;
    if (!(max_abs(y_dot[o]) == 0.0))
      return kWrong;
    Tensors more = g;
    more[o] = noise(with_directions(s.point.y()[o].shape(), 1), s.seed, 700 + o);
    try {
      worst = std::max(worst, distance(s.point.vjp(1, more), s.point.vjp(1, g)));
    } catch (const Error&) {
      continue;  // refused: nothing is passed on either
    }
  }
  return worst;
}

}  // namespace

void check_premises(const Subject& s, Results& results, Witness& witness) {
  results.push_back({"factors", factors_error(s), 1e-12});
  if (s.sample.has_samples) {
    results.push_back({"rows", rows_error(s, witness), 0.0});
    results.push_back({"parameters", parameters_error(s), 0.0});
  }
  results.push_back({"constants", std::max(constant_inputs_error(s), constant_outputs_error(s)), 1e-12});
}

}  // namespace ockham::gradcheck
