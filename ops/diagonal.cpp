#include "ops/diagonal.h"

#include "engine/parallel.h"

namespace ockham {

void add_grouped(const Tensor& entries, Grouping grouping, Tensor& H) {
  if (!H.device().is_cpu())
    return add_grouped_on(H.device(), entries, grouping, H);
  const auto from = entries.span<double>();
  const auto to = H.span<double>();
  const std::int64_t groups = H.numel();
  // Entries [outer, groups, inner]: one group per entry, filter, channel or for all.
  const std::int64_t outer = grouping == Grouping::kChannel ? entries.size(0) : 1;
  const std::int64_t inner = entries.numel() / (outer * groups);
  for (std::int64_t i = 0; i < entries.numel(); ++i)
    to[static_cast<std::size_t>(i / inner % groups)] += from[static_cast<std::size_t>(i)];
}

void refuse_sample_gradients(const Op& op, std::size_t input) {
  throw Error(
      concat(op.name(), ": input ", input, " has no per-sample gradient formula; ask for parameters that have one."));
}

Tensor squared(const Tensor& x) {
  Tensor y(x.spec());
  visit_float(x.dtype(), "squared", [&]<class T>() {
    const T* from = x.data<T>();
    T* to = y.data<T>();
    parallel_for(x.numel(), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        to[i] = from[i] * from[i];
    });
  });
  return y;
}

}  // namespace ockham
