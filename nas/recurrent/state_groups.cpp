#include "nas/recurrent/state_groups.h"

#include <algorithm>

#include "engine/math.h"
#include "nas/element.h"

namespace ockham::nas {
namespace {

using Indices = std::vector<std::int64_t>;

std::size_t place_in(const Parameter* parameter, std::span<Parameter* const> parameters) {
  const auto it = std::ranges::find(parameters, parameter);
  if (it == parameters.end())
    throw UsageError(
        concat("state groups: ", parameter->name, " is not among the parameters given; give all weights."));
  return static_cast<std::size_t>(it - parameters.begin());
}

/// Row n of every gate of a matrix [gates * H, width].
WeightRun gate_rows(std::size_t p, const Shape& shape, std::int64_t n, std::int64_t H) {
  return {.parameter = p, .offset = n * shape[1], .count = shape[1], .stride = H * shape[1], .repeats = shape[0] / H};
}

/// Column n of a matrix [gates * H, H] but for its rows n.
void add_column_without_rows(std::vector<WeightRun>& runs, std::size_t p, const Shape& shape, std::int64_t n) {
  const std::int64_t H = shape[1];
  for (std::int64_t first = 0; first < shape[0]; first += H) {
    runs.push_back({.parameter = p, .offset = first * H + n, .count = 1, .stride = H, .repeats = n});
    runs.push_back({.parameter = p, .offset = (first + n + 1) * H + n, .count = 1, .stride = H, .repeats = H - n - 1});
  }
  std::erase_if(runs, [](const WeightRun& run) { return run.repeats == 0; });
}

/// What reads the states of a layer: the next layer's W_i, or the readout.
Parameter& reader_of(RecurrentNetwork& network, std::size_t layer) {
  return layer + 1 < network.layers().size() ? *network.layers()[layer + 1].input : network.readout();
}

/// The slices of `indices` along an axis whose extent is that of them `blocks` times, each block alike.
Tensor selected(const Tensor& from, int axis, const Indices& indices, std::int64_t blocks = 1) {
  const std::int64_t block = from.size(axis) / blocks, count = std::ssize(indices);
  Tensor result(from.shape().with(axis, blocks * count), from.dtype(), from.device());
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int64_t source = b * block + indices[static_cast<std::size_t>(k)], target = b * count + k;
      Tensor place = result.slice(axis, target, target + 1);
      copy(from.slice(axis, source, source + 1), place);
    }
  }
  return result;
}

void require_indices(const char* what, const Indices& indices, std::int64_t size) {
  if (indices.empty())
    throw UsageError(concat("recurrent network: no ", what, " would be left of ", size, "; lambda is too large."));
  if (!std::ranges::is_sorted(indices, std::less_equal{}) || indices.front() < 0 || indices.back() >= size)
    throw UsageError(
        concat("recurrent network: the ", what, " to keep are not different ones of ", size, " in ascending order."));
}

bool all_zero(const Tensor& t) {
  return t.numel() == 0 || max_abs(t.contiguous()) == 0.0;
}

/// Row n of every gate of W_x without the state's own column; column n without its own rows.
bool is_row_zero(const Tensor& W_x, std::int64_t n, std::int64_t H) {
  const Tensor row = selected(W_x, 0, {n}, W_x.size(0) / H);
  return all_zero(row.slice(1, 0, n)) && all_zero(row.slice(1, n + 1, H));
}
bool is_column_zero(const Tensor& W_x, std::int64_t n, std::int64_t H) {
  const Tensor column = W_x.slice(1, n, n + 1).contiguous().reshape({-1, H});
  return all_zero(column.slice(1, 0, n)) && all_zero(column.slice(1, n + 1, H));
}

}  // namespace

std::vector<WeightGroup> state_groups(RecurrentNetwork& network, std::span<Parameter* const> parameters) {
  std::vector<WeightGroup> groups;
  for (std::size_t l = 0; l < network.layers().size(); ++l) {
    const RecurrentNetwork::Layer& layer = network.layers()[l];
    const std::size_t state = place_in(layer.state, parameters), input = place_in(layer.input, parameters);
    const Parameter& reader = reader_of(network, l);
    const std::int64_t H = network.spec().states[l];
    for (std::int64_t n = 0; n < H; ++n) {
      std::vector<WeightRun> runs{gate_rows(state, layer.state->value.shape(), n, H),
                                  gate_rows(input, layer.input->value.shape(), n, H),
                                  slice_run(place_in(&reader, parameters), reader.value.shape(), 1, n)};
      add_column_without_rows(runs, state, layer.state->value.shape(), n);
      groups.push_back({.name = concat("state ", n, " of layer ", l), .runs = std::move(runs)});
    }
  }
  return groups;
}

std::vector<WeightGroup> input_groups(RecurrentNetwork& network, std::span<Parameter* const> parameters) {
  std::vector<WeightGroup> groups;
  const Parameter& weight = *network.layers()[0].input;
  const std::size_t place = place_in(&weight, parameters);
  for (std::int64_t n = 0; n < network.spec().inputs; ++n)
    groups.push_back({.name = concat("input ", n), .runs = {slice_run(place, weight.value.shape(), 1, n)}});
  return groups;
}

KeptStates kept_states(RecurrentNetwork& network) {
  KeptStates kept{.states = std::vector<Indices>(network.layers().size()), .inputs = {}};
  for (std::size_t l = 0; l < network.layers().size(); ++l) {
    const RecurrentNetwork::Layer& layer = network.layers()[l];
    const std::int64_t H = network.spec().states[l];
    for (std::int64_t n = 0; n < H; ++n) {
      const bool is_read =
          !all_zero(reader_of(network, l).value.slice(1, n, n + 1)) || !is_column_zero(layer.state->value, n, H);
      const bool is_moved = !all_zero(selected(layer.input->value, 0, {n}, network.gates())) ||
                            !is_row_zero(layer.state->value, n, H) ||
                            !all_zero(selected(layer.bias->value, 0, {n}, network.gates()));
      if (is_read && is_moved)
        kept.states[l].push_back(n);
    }
  }
  for (std::int64_t n = 0; n < network.spec().inputs; ++n) {
    if (!all_zero(network.layers()[0].input->value.slice(1, n, n + 1)))
      kept.inputs.push_back(n);
  }
  return kept;
}

std::unique_ptr<RecurrentNetwork> without_removed(RecurrentNetwork& network, const KeptStates& kept) {
  RecurrentSpec spec = network.spec();
  require_indices("inputs", kept.inputs, spec.inputs);
  if (kept.states.size() != spec.states.size())
    throw UsageError(concat("recurrent network: states to keep are given for ", kept.states.size(), " layers of ",
                            spec.states.size(), "."));
  for (std::size_t l = 0; l < spec.states.size(); ++l) {
    require_indices("states", kept.states[l], spec.states[l]);
    spec.states[l] = std::ssize(kept.states[l]);
  }
  spec.inputs = std::ssize(kept.inputs);
  const Tensor& like = network.readout().value;
  Initial initial{.dtype = like.dtype(), .device = like.device()};
  auto smaller = std::make_unique<RecurrentNetwork>(spec, initial);
  const std::int64_t gates = network.gates();
  const Indices* entering = &kept.inputs;
  for (std::size_t l = 0; l < spec.states.size(); ++l) {
    const RecurrentNetwork::Layer &from = network.layers()[l], &to = smaller->layers()[l];
    const Indices& states = kept.states[l];
    to.input->value = selected(selected(from.input->value, 0, states, gates), 1, *entering);
    to.state->value = selected(selected(from.state->value, 0, states, gates), 1, states);
    to.bias->value = selected(from.bias->value, 0, states, gates);
    entering = &states;
  }
  smaller->readout().value = selected(like, 1, *entering);
  smaller->readout_bias().value = network.readout_bias().value.clone();
  return smaller;
}

}  // namespace ockham::nas
