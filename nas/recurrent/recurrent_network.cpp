#include "nas/recurrent/recurrent_network.h"

#include <algorithm>
#include <array>

#include "ops/add/add.h"
#include "ops/add_bias/add_bias.h"
#include "ops/concat/concat.h"
#include "ops/linear/linear.h"
#include "ops/mul/mul.h"
#include "ops/reshape/reshape.h"
#include "ops/sigmoid/sigmoid.h"
#include "ops/slice/slice.h"
#include "ops/tanh/tanh.h"

namespace ockham::nas {
namespace {

const RecurrentSpec& checked_spec(const RecurrentSpec& spec) {
  const bool has_states =
      !spec.states.empty() && std::ranges::all_of(spec.states, [](std::int64_t n) { return n > 0; });
  if (spec.inputs <= 0 || spec.outputs <= 0 || !has_states)
    throw UsageError(concat("recurrent network: ", spec.inputs, " inputs, ", spec.outputs, " outputs and ",
                            spec.states.size(),
                            " layers; inputs, outputs and the states of each layer must be positive, "
                            "and there must be a layer."));
  return spec;
}

/// A layer's weights on a tape, and what it carries from step to step; undefined before the first.
struct Running {
  Variable input, state, bias;
  Variable x = {}, c = {};
};

Variable tanh_step(const Variable& a, Running&) {
  return tanh(a);
}

Variable lstm_step(const Variable& a, Running& layer) {
  const std::int64_t H = a.shape()[1] / 4;
  const auto gate = [&](std::int64_t k) { return slice(a, 1, k * H, (k + 1) * H); };
  const Variable i = sigmoid(gate(0)), f = sigmoid(gate(1)), g = tanh(gate(2)), o = sigmoid(gate(3));
  const Variable entering = mul(i, g);
  layer.c = layer.c.value() ? add(mul(f, layer.c), entering) : entering;
  return mul(o, tanh(layer.c));
}

Variable cell_step(RecurrentCell cell, Running& layer, const Variable& u) {
  Variable a = add_bias(linear(u, layer.input), layer.bias);
  if (layer.x.value())
    a = add(a, linear(layer.x, layer.state));
  layer.x = cell == RecurrentCell::kLstm ? lstm_step(a, layer) : tanh_step(a, layer);
  return layer.x;
}

}  // namespace

RecurrentNetwork::RecurrentNetwork(const RecurrentSpec& spec, Initial& initial)
    : spec_(checked_spec(spec)),
      layers_([&] {
        std::vector<Layer> layers;
        std::int64_t width = spec.inputs;
        for (const std::int64_t H : spec.states) {
          const std::string end = concat("_l", layers.size());
          const auto weight = [&](const char* name, const Shape& shape) {
            return &add_parameter(name + end, initial.uniform_fan_in(shape, H));
          };
          layers.push_back({.input = weight("weight_ih", {gates() * H, width}),
                            .state = weight("weight_hh", {gates() * H, H}),
                            .bias = weight("bias", {gates() * H})});
          width = H;
        }
        return layers;
      }()),
      readout_(add_parameter("readout.weight",
                             initial.uniform_fan_in({spec.outputs, spec.states.back()}, spec.states.back()))),
      offset_(add_parameter("readout.bias", initial.uniform_fan_in({spec.outputs}, spec.states.back()))) {}

Variable RecurrentNetwork::forward(const Context& context, const Variable& u) {
  const Shape& shape = u.shape();
  if (shape.rank() != 3 || shape[1] < 1 || shape[2] != spec_.inputs)
    throw ShapeError(concat("recurrent network: inputs ", shape, " are not [N, T, ", spec_.inputs,
                            "], one row of inputs for each of at least one step."));
  std::vector<Running> running;
  for (const Layer& layer : layers_)
    running.push_back({context.use(*layer.input), context.use(*layer.state), context.use(*layer.bias)});
  const Variable readout = context.use(readout_), offset = context.use(offset_);
  std::vector<Variable> outputs;
  for (std::int64_t t = 0; t < shape[1]; ++t) {
    Variable x = reshape(slice(u, 1, t, t + 1), {shape[0], shape[2]});
    for (Running& layer : running)
      x = cell_step(spec_.cell, layer, x);
    outputs.push_back(add_bias(linear(x, readout), offset));
  }
  return outputs.size() == 1 ? outputs[0] : concat(outputs);
}

}  // namespace ockham::nas
