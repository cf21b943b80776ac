#include "autograd/optim/optimizer.h"

#include <cmath>

#include "autograd/optim/state.h"
#include "engine/math.h"

namespace ockham {

ProfiledCall update_call(std::string_view name, std::span<Parameter* const> parameters, double arrays) {
  double bytes = 0.0;
  for (const Parameter* parameter : parameters)
    bytes += defined_bytes({&parameter->grad, 1});
  return {.pass = "optimizer", .op = std::string(name), .detail = {}, .kernel = {}, .bytes = arrays * bytes};
}

namespace {

double clip(const std::vector<Parameter*>& parameters, double limit) {
  double squares = 0.0;
  for (const Parameter* parameter : parameters) {
    if (parameter->grad)
      squares += dot(parameter->grad, parameter->grad);
  }
  const double norm = std::sqrt(squares);
  if (limit > 0.0 && std::isfinite(norm) && norm > limit) {
    for (Parameter* parameter : parameters) {
      if (parameter->grad)
        scale(parameter->grad, limit / (norm + 1e-6));
    }
  }
  return norm;
}

}  // namespace

double clip_gradients(const std::vector<Parameter*>& parameters, double limit) {
  double norm = 0.0;
  profiled([&] { norm = clip(parameters, limit); }, [&] { return update_call("clip", parameters, 1.0); });
  return norm;
}

Tensor stored_like(const std::map<std::string, Tensor>& state, const std::string& name, const Tensor& like) {
  const auto it = state.find(name);
  if (it == state.end())
    throw CheckpointError(concat("optimiser: the checkpoint lacks ", name, "; it belongs to another network."));
  if (it->second.spec() != like.spec())
    throw CheckpointError(concat("optimiser: ", name, " is ", it->second.spec(), " in the checkpoint but ", like.spec(),
                                 " here; it belongs to another network or precision."));
  return it->second.clone();
}

}  // namespace ockham
