#include "nas/diagnosis/architecture_eigenvalue.h"

#include <cmath>

#include "engine/random.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::nas {
namespace {

using Vector = std::vector<Tensor>;

double product(const Vector& a, const Vector& b) {
  double total = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    total += dot(a[i], b[i]);
  return total;
}

/// Gradients of the loss at start + step * v.
Vector gradients_at(const SearchNetwork& network, const Batch& batch, const Vector& start, double step,
                    const Vector& v) {
  place(network.architecture, start, step, v);
  network.differentiate(batch);
  return grads_of(network.architecture);
}

}  // namespace

double largest_architecture_eigenvalue(const SearchNetwork& network, const Batch& batch,
                                       const EigenvalueOptions& options) {
  const Restored restored(*network.module);
  const Vector start = values_of(network.architecture);
  Vector v;
  for (std::size_t a = 0; a < start.size(); ++a) {
    v.push_back(Tensor(start[a].shape(), start[a].dtype()));
    fill_normal(v[a], {options.seed, Purpose::kProbe, a});
    v[a] = v[a].to(start[a].device());
  }
  double eigenvalue = 0.0;
  for (std::int64_t i = 0; i < options.iterations; ++i) {
    const double norm = std::sqrt(product(v, v));
    if (norm == 0.0)
      break;  // the loss is flat along all that was tried
    for (Tensor& part : v)
      scale(part, 1.0 / norm);
    Vector Hv = gradients_at(network, batch, start, options.reach, v);
    const Vector behind = gradients_at(network, batch, start, -options.reach, v);
    for (std::size_t a = 0; a < v.size(); ++a) {
      axpy(-1.0, behind[a], Hv[a]);
      scale(Hv[a], 0.5 / options.reach);
    }
    eigenvalue = product(v, Hv);
    v = std::move(Hv);
  }
  return eigenvalue;
}

}  // namespace ockham::nas
