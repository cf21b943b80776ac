#include "autograd/curvature.h"

#include <algorithm>

#include "autograd/device_passes.h"
#include "autograd/profile.h"

namespace ockham {

Adjoints::Adjoints(Tape& tape, const Variable& loss, std::span<const int> leaves)
    : tape_(tape), loss_(loss.id()), kept_(tape.nodes().size()) {
  const std::vector<char> active = dependents_of(tape, leaves);
  PullOptions options;
  options.active = &active;
  options.keeps_x_bar = true;
  options.visit = [&](int node, Inputs y_bar, Inputs x_bar) {
    if (!tape.nodes()[static_cast<std::size_t>(node)].op->curved())
      return;
    kept_[static_cast<std::size_t>(node)] = {{y_bar.begin(), y_bar.end()}, {x_bar.begin(), x_bar.end()}};
  };
  Tensor seed = Tensor::full(with_directions(loss.shape(), 1), 1.0, loss.dtype(), loss.value().device());
  leaf_gradients_ = pull_back(tape, loss_, std::move(seed), options);
}

std::vector<double> Adjoints::along(const std::map<int, Tensor>& seeds, std::int64_t D, bool only_loss,
                                    std::map<std::string, std::vector<double>>* parts) const {
  std::vector<double> total(static_cast<std::size_t>(D));
  const auto step = [&](int node, Inputs x_dot, Outputs y_dot) {
    const Kept& kept = kept_[static_cast<std::size_t>(node)];
    if (kept.y_bar.empty() || (only_loss && node != loss_.node))
      return false;
    const Node& n = tape_.nodes()[static_cast<std::size_t>(node)];
    std::vector<double> part(static_cast<std::size_t>(D));
    profiled([&] { run_jvp_curvature(*n.op, n.saved, D, kept.y_bar, kept.x_bar, x_dot, y_dot, part); },
             [&] {
               const double bytes = defined_bytes(n.saved.tensors) + defined_bytes(kept.y_bar) +
                                    defined_bytes(kept.x_bar) + defined_bytes(x_dot) + defined_bytes(y_dot);
               return describe_call("jvp_curvature", *n.op, n.input_specs, D, bytes, static_cast<double>(D));
             });
    for (std::size_t d = 0; d < part.size(); ++d)
      total[d] += part[d];
    if (parts != nullptr && std::ranges::any_of(part, [](double share) { return share != 0.0; })) {
      std::vector<double>& sum = (*parts)[std::string(n.op->name())];
      sum.resize(part.size());
      for (std::size_t d = 0; d < part.size(); ++d)
        sum[d] += part[d];
    }
    return true;
  };
  push_forward(tape_, loss_, seeds, D, step);
  return total;
}

}  // namespace ockham
