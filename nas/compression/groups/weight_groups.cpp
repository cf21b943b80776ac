#include "nas/compression/groups/weight_groups.h"

#include "engine/error.h"

namespace ockham::nas {

WeightRun slice_run(std::size_t parameter, const Shape& shape, int axis, std::int64_t index, std::int64_t length) {
  if (axis < 0 || axis >= shape.rank() || index < 0 || length < 0 || index + length > shape[axis])
    throw ShapeError(concat("weight group: indices [", index, ", ", index + length, ") of axis ", axis,
                            " do not lie in a tensor of shape ", shape, "."));
  const std::int64_t inner = shape.row_major_strides()[static_cast<std::size_t>(axis)];
  std::int64_t outer = 1;
  for (int dim = 0; dim < axis; ++dim)
    outer *= shape[dim];
  return {.parameter = parameter,
          .offset = index * inner,
          .count = length * inner,
          .stride = shape[axis] * inner,
          .repeats = outer};
}

std::vector<std::int64_t> sizes_of(std::span<Parameter* const> parameters) {
  std::vector<std::int64_t> sizes;
  for (const Parameter* parameter : parameters)
    sizes.push_back(parameter->value.numel());
  return sizes;
}

std::int64_t count_entries(const WeightGroup& group) {
  std::int64_t count = 0;
  for (const WeightRun& run : group.runs)
    count += run.count * run.repeats;
  return count;
}

void require_inside(std::span<const WeightGroup> groups, std::span<const std::int64_t> sizes) {
  for (const WeightGroup& group : groups) {
    for (const WeightRun& run : group.runs) {
      const std::int64_t last = run.offset + (run.repeats - 1) * run.stride + run.count;
      if (run.parameter >= sizes.size())
        throw ShapeError(concat("weight group ", group.name, " names parameter ", run.parameter, " of ", sizes.size(),
                                "; it belongs to another network."));
      if (run.offset < 0 || run.count < 0 || run.stride < 0 || run.repeats < 0 || last > sizes[run.parameter])
        throw ShapeError(concat("weight group ", group.name, " reaches entry ", last, " of parameter ", run.parameter,
                                ", which has ", sizes[run.parameter], "; it belongs to another network."));
    }
  }
}

}  // namespace ockham::nas
