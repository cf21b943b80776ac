#include "nas/train/step_result.h"

#include <cmath>
#include <utility>

#include "autograd/optim/optimizer.h"
#include "engine/math.h"

namespace ockham::nas {
namespace {

std::function<void()> work_while_waiting;

}  // namespace

void while_waiting(std::function<void()> work) {
  work_while_waiting = std::move(work);
}

void require_finite(double value, std::string_view what, std::uint64_t step) {
  if (!std::isfinite(value))
    throw DivergedError(concat(what, " is ", value, " at step ", step, "; start again with a lower --lr."));
}

void StepResult::gather() {
  numbers = Tensor({4 + std::ssize(norms)}, DType::kFloat64, loss.device());
  std::int64_t end = 0;
  const auto append = [&](const Tensor& values) {
    const std::int64_t begin = end;
    end += values.numel();
    Tensor place = numbers.slice(0, begin, end);
    copy(values.reshape({-1}), place);
  };
  append(loss);
  append(counted);
  append(hits);
  for (const MeasuredNorm& norm : norms)
    append(norm.value);
}

Score StepResult::read(std::uint64_t step) {
  if (!numbers)
    gather();
  if (const auto work = std::exchange(work_while_waiting, nullptr))
    work();
  const Tensor here = numbers.to(Device{});
  const double* next = here.data<double>();
  require_finite(*next++, "the loss", step);
  const double mean_loss = *next++;
  const Score result{.loss = mean_loss * static_cast<double>(images),
                     .top1 = static_cast<std::int64_t>(next[0]),
                     .top5 = static_cast<std::int64_t>(next[1]),
                     .count = images};
  next += 2;
  for (const MeasuredNorm& norm : norms)
    require_finite(*next++, norm.what, step);
  return result;
}

Tensor StepResult::permission() const {
  const Tensor one = loss.to(DType::kFloat64).reshape(Shape{});
  if (norms.empty())
    return one;
  Tensor result = norms.back().value.clone();
  axpy(0.0, one, result);  // NaN where the loss is not finite
  for (std::size_t i = 0; i + 1 < norms.size(); ++i)
    axpy(0.0, norms[i].value, result);
  return result;
}

void update(Optimizer& optimizer, const std::vector<Parameter*>& parameters, double limit, StepResult& result) {
  result.norms.push_back({"the gradient norm", clipped_norm(parameters, limit)});
  optimizer.apply(result.permission());
}

}  // namespace ockham::nas
