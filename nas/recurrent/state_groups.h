#pragma once
// The order of a recurrent network: which weights make a state or an input, and the smaller network without some.
// Supplement of Zhou, Yang, Wang, Pan 2019 (RNN.pdf). Its factors of two in the norms of deeper networks, by which it
// counts weights of a state that is carried at two steps twice, are left out.
#include <vector>

#include "nas/compression/groups/weight_groups.h"
#include "nas/recurrent/recurrent_network.h"

namespace ockham::nas {

/// Everything attached to state n of a layer: of all gates row n of W_x and of W_i, column n of W_x, and column n of
/// the next layer's W_i or of the readout. Weights between two states are of both, so that each group is a family of
/// its own. Biases are in none: without the columns they do nothing.
/// @param parameters  network.parameters(ParameterKind::kWeight), to which the runs refer
/// @return by layer, then by state: "state 2 of layer 0"
std::vector<WeightGroup> state_groups(RecurrentNetwork& network, std::span<Parameter* const> parameters);
/// Column n of the first layer's W_i, for each input: "input 0".
std::vector<WeightGroup> input_groups(RecurrentNetwork& network, std::span<Parameter* const> parameters);

/// In ascending order.
struct KeptStates {
  std::vector<std::vector<std::int64_t>> states;  ///< by layer
  std::vector<std::int64_t> inputs;
};

/// The states that something but themselves moves, a bias included, and something but themselves reads, and the inputs
/// that are read. The others are zero throughout or without effect.
KeptStates kept_states(RecurrentNetwork& network);

/// The network of what is kept, with its weights. It takes inputs of these columns only.
/// @throws UsageError if a layer or the inputs would be left empty, or an index does not exist
std::unique_ptr<RecurrentNetwork> without_removed(RecurrentNetwork& network, const KeptStates& kept);

}  // namespace ockham::nas
