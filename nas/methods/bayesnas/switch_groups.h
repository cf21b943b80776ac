#pragma once
// Inside nas/methods/bayesnas only: between the switches of a network and the groups of its posterior.
#include "nas/bayes/posterior.h"
#include "nas/spaces/space.h"

namespace ockham::nas {

/// As at the start.
std::vector<SwitchGroup> groups_of(const SwitchNetwork& network);

/// A group's switches, by copy.
std::vector<double> switches_of(const SwitchPlaces& places);
void put_switches(const SwitchPlaces& places, const std::vector<double>& w);
/// Their root mean square.
double rms_of(const SwitchPlaces& places);
double mean(const std::vector<double>& values);

void read_switches(const SwitchNetwork& network, std::vector<SwitchGroup>& groups);
/// @param diagonal  one for each parameter of the architecture
void read_hessian(const SwitchNetwork& network, const std::vector<Tensor>& diagonal, std::vector<SwitchGroup>& groups);
/// By group and copy, the entries of tensors of `parameters`, on any device; 0 for switches in none of them.
std::vector<std::vector<double>> by_group(const SwitchNetwork& network, const std::vector<Parameter*>& parameters,
                                          const std::vector<Tensor>& tensors);
/// The entries of a matrix over all entries of `parameters`, [K, K] of all copies of all groups in order.
std::vector<double> matrix_by_group(const SwitchNetwork& network, const std::vector<Parameter*>& parameters,
                                    const Tensor& matrix);
void leave_out_pruned(const SwitchNetwork& network, const std::vector<SwitchGroup>& groups);

/// All groups as one tensor: of each gamma, omega, effective variance, the round that pruned it, then by copy w, H, C,
/// alpha.
Tensor pack(const std::vector<SwitchGroup>& groups);
/// Into groups of the same copies.
void unpack(const Tensor& packed, std::vector<SwitchGroup>& groups);

}  // namespace ockham::nas
