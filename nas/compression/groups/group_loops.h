#pragma once
// What every training step does to all weights, in plain loops on the host. Sums are of doubles in an order that does
// not depend on the threads.
#include <span>
#include <vector>

#include "autograd/parameter.h"
#include "nas/compression/groups/group_family.h"

namespace ockham::nas {

/// Values as float64 on the host, for what is done now and then.
std::vector<Tensor> doubles_of(std::span<Parameter* const> parameters);

/// ||W_g||_2 of every group, of values on the host.
std::vector<double> group_norms(const GroupFamily& family, std::span<Parameter* const> parameters);
/// grad += factor_g * value, both on the host. A parameter without a grad stays without.
void add_group_multiples(const GroupFamily& family, std::span<const double> factors,
                         std::span<Parameter* const> parameters);
/// value *= factor_g, on the host.
void scale_groups(const GroupFamily& family, std::span<const double> factors, std::span<Parameter* const> parameters);

}  // namespace ockham::nas
