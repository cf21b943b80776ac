#include "nas/train/parameter_vectors.h"

#include <algorithm>

namespace ockham::nas {
namespace {

/// Calls body(parameter, its place in a row of all their elements).
template <class Body>
void each_place(const std::vector<Parameter*>& parameters, const Tensor& row, Body body) {
  std::int64_t begin = 0;
  for (Parameter* parameter : parameters) {
    const std::int64_t end = begin + parameter->value.numel();
    body(*parameter, row.slice(0, begin, end).reshape(parameter->value.shape()));
    begin = end;
  }
}

}  // namespace

OnHost::OnHost(const std::vector<Parameter*>& parameters, Tensor Parameter::*part) : part_(part) {
  std::ranges::copy_if(parameters, std::back_inserter(parameters_), [&](const Parameter* parameter) {
    return parameter->*part && !(parameter->*part).device().is_cpu();
  });
  if (parameters_.empty())
    return;
  const Tensor& first = parameters_[0]->*part_;
  const Tensor row({count_elements(parameters_)}, first.dtype(), first.device());
  each_place(parameters_, row, [&](Parameter& parameter, Tensor place) {
    there_.push_back(parameter.*part_);
    copy(there_.back(), place);
  });
  all_ = row.to(Device{});
  each_place(parameters_, all_, [&](Parameter& parameter, Tensor place) { parameter.*part_ = place; });
}

OnHost::~OnHost() {
  if (parameters_.empty())
    return;
  const Tensor row = all_.to(there_[0].device());
  std::size_t p = 0;
  each_place(parameters_, row, [&](Parameter& parameter, Tensor place) {
    copy(place, there_[p]);
    parameter.*part_ = there_[p++];
  });
}

}  // namespace ockham::nas
