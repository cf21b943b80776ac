#include "nas/methods/bayesnas/switch_groups.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nas/element.h"

namespace ockham::nas {

std::vector<SwitchGroup> groups_of(const SwitchNetwork& network) {
  std::vector<SwitchGroup> groups;
  for (const SwitchPlaces& places : network.groups)
    groups.push_back(make_group(places.gates, places.copies.size()));
  return groups;
}

std::vector<double> switches_of(const SwitchPlaces& places) {
  std::vector<double> w;
  for (const SwitchPlaces::Entry& entry : places.copies)
    w.push_back(element(entry.parameter->value, entry.index));
  return w;
}

void put_switches(const SwitchPlaces& places, const std::vector<double>& w) {
  for (std::size_t copy = 0; copy < w.size(); ++copy)
    set_element(places.copies[copy].parameter->value, places.copies[copy].index, w[copy]);
}

double rms_of(const SwitchPlaces& places) {
  return group_norm(switches_of(places)) / std::sqrt(static_cast<double>(places.copies.size()));
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

void read_switches(const SwitchNetwork& network, std::vector<SwitchGroup>& groups) {
  for (std::size_t i = 0; i < groups.size(); ++i)
    groups[i].w = switches_of(network.groups[i]);
}

void read_hessian(const SwitchNetwork& network, const std::vector<Tensor>& diagonal, std::vector<SwitchGroup>& groups) {
  const std::vector<Parameter*>& all = network.owned.network.architecture;
  OCKHAM_ASSERT(all.size() == diagonal.size());
  std::vector<std::vector<double>> values = by_group(network, all, diagonal);
  for (std::size_t i = 0; i < groups.size(); ++i)
    groups[i].hessian = std::move(values[i]);
}

std::vector<std::vector<double>> by_group(const SwitchNetwork& network, const std::vector<Parameter*>& parameters,
                                          const std::vector<Tensor>& tensors) {
  std::map<const Parameter*, Tensor> of;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    of.emplace(parameters[i], tensors[i].to(Device{}));
  std::vector<std::vector<double>> result;
  for (const SwitchPlaces& places : network.groups) {
    std::vector<double>& copies = result.emplace_back();
    for (const SwitchPlaces::Entry& entry : places.copies) {
      const auto found = of.find(entry.parameter);
      copies.push_back(found == of.end() ? 0.0 : element(found->second, entry.index));
    }
  }
  return result;
}

std::vector<double> matrix_by_group(const SwitchNetwork& network, const std::vector<Parameter*>& parameters,
                                    const Tensor& matrix) {
  std::map<const Parameter*, std::int64_t> first;
  std::int64_t entries = 0;
  for (const Parameter* parameter : parameters) {
    first.emplace(parameter, entries);
    entries += parameter->value.numel();
  }
  std::vector<std::int64_t> place;  // by switch; -1: not in use
  for (const SwitchPlaces& places : network.groups) {
    for (const SwitchPlaces::Entry& entry : places.copies) {
      const auto found = first.find(entry.parameter);
      place.push_back(found == first.end() ? -1 : found->second + static_cast<std::int64_t>(entry.index));
    }
  }
  std::vector<double> result;
  for (const std::int64_t i : place) {
    for (const std::int64_t j : place)
      result.push_back(i < 0 || j < 0 ? 0.0 : matrix.data<double>()[i * entries + j]);
  }
  return result;
}

void leave_out_pruned(const SwitchNetwork& network, const std::vector<SwitchGroup>& groups) {
  if (!network.leave_out)
    return;
  std::vector<bool> is_pruned;
  for (const SwitchGroup& group : groups)
    is_pruned.push_back(group.is_pruned());
  network.leave_out(is_pruned);
}

Tensor pack(const std::vector<SwitchGroup>& groups) {
  std::vector<double> numbers;
  for (const SwitchGroup& group : groups) {
    numbers.insert(numbers.end(),
                   {group.state.gamma, group.state.omega, group.effective, static_cast<double>(group.pruned_round)});
    for (const std::vector<double>* values : {&group.w, &group.hessian, &group.state.covariance, &group.state.alpha}) {
      std::vector<double> padded = *values;
      padded.resize(group.w.size(),
                    -1.0);  // before the first update there are no C and alpha, which are never negative
      numbers.insert(numbers.end(), padded.begin(), padded.end());
    }
  }
  const auto count = static_cast<std::int64_t>(numbers.size());
  return Tensor::from(numbers, {count});
}

void unpack(const Tensor& packed, std::vector<SwitchGroup>& groups) {
  const double* next = packed.data<double>();
  for (SwitchGroup& group : groups) {
    group.state.gamma = next[0];
    group.state.omega = next[1];
    group.effective = next[2];
    group.pruned_round = static_cast<int>(next[3]);
    next += 4;
    const std::size_t copies = group.w.size();
    for (std::vector<double>* values : {&group.w, &group.hessian, &group.state.covariance, &group.state.alpha}) {
      values->assign(next, next + copies);
      next += copies;
    }
    if (copies > 0 && group.state.covariance[0] < 0.0) {
      group.state.covariance.clear();
      group.state.alpha.clear();
    }
  }
}

}  // namespace ockham::nas
