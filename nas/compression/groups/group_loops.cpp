#include "nas/compression/groups/group_loops.h"

#include <cmath>
#include <utility>

#include "engine/lanes.h"

namespace ockham::nas {
namespace {

/// Calls body<T>(parameter, begin, count, group, is_interleaved) for every stretch, T the parameter's type.
template <class Body>
void for_each_typed_stretch(const GroupFamily& family, std::span<Parameter* const> parameters, Body&& body) {
  for_each_series(family, [&](const GroupSeries& series, std::int64_t first) {
    const auto call = [&](bool is_interleaved) {
      return [&, is_interleaved](std::size_t p, std::int64_t begin, std::int64_t count, std::int64_t group) {
        visit_float(parameters[p]->value.dtype(), "weight groups", [&]<class T>() {
          body.template operator()<T>(*parameters[p], begin, count, static_cast<std::size_t>(first + group),
                                      is_interleaved);
        });
      };
    };
    for_each_stretch(series, call(false), call(true));
  });
}

}  // namespace

std::vector<Tensor> doubles_of(std::span<Parameter* const> parameters) {
  std::vector<Tensor> values;
  for (const Parameter* parameter : parameters)
    values.push_back(parameter->value.to(Device{}).to(DType::kFloat64).contiguous());
  return values;
}

std::vector<double> group_norms(const GroupFamily& family, std::span<Parameter* const> parameters) {
  std::vector<double> sums(family.size());
  for_each_typed_stretch(family, parameters,
                         [&]<class T>(const Parameter& parameter, std::int64_t begin, std::int64_t count,
                                      std::size_t group, bool is_interleaved) {
                           const T* w = parameter.value.data<T>() + begin;
                           double* sum = sums.data() + group;
                           if (!is_interleaved) {
                             *sum += lane_dot(count, w, w);
                             return;
                           }
                           for (std::int64_t i = 0; i < count; ++i)
                             sum[i] += static_cast<double>(w[i]) * static_cast<double>(w[i]);
                         });
  for (double& sum : sums)
    sum = std::sqrt(sum);
  return sums;
}

void add_group_multiples(const GroupFamily& family, std::span<const double> factors,
                         std::span<Parameter* const> parameters) {
  for_each_typed_stretch(family, parameters,
                         [&]<class T>(Parameter& parameter, std::int64_t begin, std::int64_t count, std::size_t group,
                                      bool is_interleaved) {
                           if (!parameter.grad)
                             return;
                           const T* w = std::as_const(parameter.value).data<T>() + begin;
                           T* g = parameter.grad.data<T>() + begin;
                           const double* factor = factors.data() + group;
                           if (is_interleaved) {
                             for (std::int64_t i = 0; i < count; ++i)
                               g[i] += static_cast<T>(factor[i]) * w[i];
                             return;
                           }
                           const T common = static_cast<T>(*factor);
                           for (std::int64_t i = 0; i < count; ++i)
                             g[i] += common * w[i];
                         });
}

void scale_groups(const GroupFamily& family, std::span<const double> factors, std::span<Parameter* const> parameters) {
  for_each_typed_stretch(family, parameters,
                         [&]<class T>(Parameter& parameter, std::int64_t begin, std::int64_t count, std::size_t group,
                                      bool is_interleaved) {
                           T* w = parameter.value.data<T>() + begin;
                           const double* factor = factors.data() + group;
                           if (is_interleaved) {
                             for (std::int64_t i = 0; i < count; ++i)
                               w[i] *= static_cast<T>(factor[i]);
                             return;
                           }
                           const T common = static_cast<T>(*factor);
                           for (std::int64_t i = 0; i < count; ++i)
                             w[i] *= common;
                         });
}

}  // namespace ockham::nas
