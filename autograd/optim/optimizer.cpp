#include "autograd/optim/optimizer.h"

#include <cmath>
#include <numeric>

#include "autograd/optim/pieces.h"
#include "autograd/optim/state.h"
#include "engine/lanes.h"

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
