#include "autograd/optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/optim/on_device.h"
#include "autograd/optim/pieces.h"
#include "autograd/optim/state.h"
#include "engine/lanes.h"
#include "engine/transfer.h"

namespace ockham {

ProfiledCall update_call(std::string_view name, std::span<Parameter* const> parameters, double arrays) {
  double bytes = 0.0;
  for (const Parameter* parameter : parameters)
    bytes += defined_bytes({&parameter->grad, 1});
  return {.pass = "optimizer", .op = std::string(name), .detail = {}, .kernel = {}, .bytes = arrays * bytes};
}

namespace {

constexpr std::int64_t kGrain = 1 << 15;

/// Sum of squares, accumulated in double, in an order that depends on the sizes only.
double sum_of_squares(const std::vector<Parameter*>& parameters, const std::vector<Piece>& pieces) {
  std::vector<double> parts(pieces.size());
  for_each_piece(pieces, [&](const Piece& piece, std::size_t index) {
    const Tensor& grad = parameters[piece.parameter]->grad;
    visit_float(grad.dtype(), "clip_gradients", [&]<class T>() {
      const T* g = grad.data<T>() + piece.begin;
      parts[index] = lane_dot(piece.end - piece.begin, g, g);
    });
  });
  return std::accumulate(parts.begin(), parts.end(), 0.0);
}

Device device_of_gradients(const std::vector<Parameter*>& parameters) {
  const auto it = std::ranges::find_if(parameters, [](const Parameter* p) { return p->grad.is_defined(); });
  return it == parameters.end() ? Device{} : (*it)->grad.device();
}

double clip(const std::vector<Parameter*>& parameters, double limit) {
  const std::vector<Piece> pieces = pieces_of(parameters, kGrain);
  const double norm = std::sqrt(sum_of_squares(parameters, pieces));
  if (limit > 0.0 && std::isfinite(norm) && norm > limit) {
    for_each_piece(pieces, [&](const Piece& piece, std::size_t) {
      Tensor& grad = parameters[piece.parameter]->grad;
      visit_float(grad.dtype(), "clip_gradients", [&]<class T>() {
        T* g = grad.data<T>();
        const T factor = static_cast<T>(limit / (norm + 1e-6));
        for (std::int64_t i = piece.begin; i < piece.end; ++i)
          g[i] *= factor;
      });
    });
  }
  return norm;
}

}  // namespace

void clear_gradients(const std::vector<Parameter*>& parameters) {
  for (Parameter* parameter : parameters)
    parameter->grad = {};
}

double clip_gradients(const std::vector<Parameter*>& parameters, double limit) {
  return clipped_norm(parameters, limit).item();
}

Tensor clipped_norm(const std::vector<Parameter*>& parameters, double limit) {
  Tensor norm;
  const auto measure = [&] {
    const Device device = device_of_gradients(parameters);
    if (device.is_cpu())
      norm = Tensor::scalar(clip(parameters, limit), DType::kFloat64);
    else
      clip_on(device, parameters, limit, norm = Tensor({}, DType::kFloat64, device));
  };
  profiled(measure, [&] { return update_call("clip", parameters, 1.0); });
  return norm;
}

Tensor stored_like(const std::map<std::string, Tensor>& state, const std::string& name, const Tensor& like) {
  const auto it = state.find(name);
  if (it == state.end())
    throw CheckpointError(concat("optimiser: the checkpoint lacks ", name, "; it belongs to another network."));
  if (it->second.spec() != like.spec())
    throw CheckpointError(concat("optimiser: ", name, " is ", it->second.spec(), " in the checkpoint but ", like.spec(),
                                 " here; it belongs to another network or precision."));
  return it->second.device() == like.device() ? it->second.clone() : it->second.to(like.device());
}

bool allows_update(const Tensor& norm) {
  return !norm || std::isfinite(norm.item());
}

DeviceScalars::DeviceScalars(std::span<Parameter* const> parameters, std::int64_t count) {
  if (!parameters.empty() && !parameters[0]->value.device().is_cpu())
    values_ = Tensor::zeros({count}, DType::kFloat64, parameters[0]->value.device());
}

void DeviceScalars::put(std::initializer_list<double> values) {
  if (!values_ || std::ranges::equal(values, last_))
    return;
  last_ = values;
  transfer(Tensor::from(last_, {std::ssize(last_)}), values_);
}

}  // namespace ockham
