#include "autograd/op.h"

#include "engine/math.h"

namespace ockham {

Shape with_directions(const Shape& shape, std::int64_t D) {
  return shape.rank() == 0 ? Shape{D} : shape.with(0, D * shape[0]);
}

void GradSlot::add(Tensor g) {
  if (g.shape() != dst->shape())
    throw ShapeError(concat("gradient slot: got ", g.shape(), " for an input cotangent of shape ", dst->shape(), "."));
  if (accumulate)
    axpy(1.0, g.contiguous(), *dst);
  else if (g.is_sole_owner() && g.is_contiguous())
    *dst = std::move(g);
  else
    copy(g, *dst);  // a shared buffer must not become dst: later additions would change its other owners
}

Shape grouped_shape(const Shape& shape, Grouping grouping) {
  switch (grouping) {
    case Grouping::kEntry:
      return shape;
    case Grouping::kLayer:
      return {1};
    case Grouping::kFilter:
    case Grouping::kChannel:
      break;
  }
  const int dim = grouping == Grouping::kFilter ? 0 : 1;
  if (shape.rank() <= dim)
    throw ShapeError(concat("weight diagonal: a parameter of shape ", shape, " has no dimension ", dim,
                            " to group by; ask for entries or the layer."));
  return {shape[dim]};
}

void Op::weight_diagonal(const Saved&, std::int64_t, Inputs, std::size_t input, Grouping, Tensor&) const {
  throw Error(concat(name(), ": input ", input, " has no per-sample gradient formula; use algorithm F for it."));
}

void require_input_count(const Op& op, std::span<const Spec> x) {
  if (x.size() != op.input_count())
    throw ShapeError(concat(describe(op, x), ": takes ", op.input_count(), " inputs, got ", x.size(),
                            "; give as many as its attributes ask for."));
}

std::string describe(const Op& op, std::span<const Spec> x) {
  std::string text = concat(op.name(), "(", op.attrs(), "):");
  for (const Spec& spec : x)
    text += concat(&spec == x.data() ? " inputs " : ", ", spec);
  return text;
}

}  // namespace ockham
