#include "autograd/hessian_request.h"

#include <algorithm>
#include <set>

#include "autograd/device_passes.h"
#include "autograd/profile.h"
#include "autograd/sweep.h"
#include "engine/device_memory.h"

namespace ockham {
namespace {

/// In place of a cache's share where launches cost more than loads: of the largest tensor's D directions.
constexpr std::size_t kDeviceShare = std::size_t{256} << 20;

}  // namespace

const LossOp& loss_op_of(const Variable& loss) {
  if (!loss.is_recorded())
    throw Error("hessian: the loss depends on no parameter of a tape.");
  const Node& node = loss.tape()->nodes()[static_cast<std::size_t>(loss.id().node)];
  node.require_saved();
  const auto* op = dynamic_cast<const LossOp*>(node.op.get());
  if (op == nullptr)
    throw Error(concat("hessian: the last op is ", node.op->name(),
                       ", which is no loss with a known factor; end the program with softmax_cross_entropy."));
  return *op;
}

HessianRequest::HessianRequest(const Variable& of_loss, std::span<Parameter* const> by, const HessianOptions& with)
    : tape(*of_loss.tape()),
      loss(of_loss),
      parameters(by),
      options(with),
      leaves(leaf_nodes(tape, by)),
      active(dependents_of(tape, leaves)) {
  std::set<int> distinct;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!distinct.insert(leaves[i]).second)
      throw Error(concat("hessian: parameter ", parameters[i]->name, " is asked for twice; name each once."));
  }
}

std::int64_t HessianRequest::choose_directions(std::int64_t wanted, std::size_t besides) const {
  const std::size_t share = loss.device().is_cpu() ? options.cache_bytes : kDeviceShare;
  std::int64_t D = options.directions > 0 ? options.directions : std::int64_t(share / largest_tensor());
  if (options.memory_limit != 0)
    D = std::min(D, fitting_directions(besides));
  D = std::clamp<std::int64_t>(D, 1, wanted);
  const std::int64_t groups = (wanted + D - 1) / D;
  return (wanted + groups - 1) / groups;
}

std::size_t HessianRequest::largest_tensor() const {
  std::size_t largest = 1;
  for (std::size_t n = 0; n < active.size(); ++n) {
    if (active[n] && tape.nodes()[n].op != nullptr) {
      for (const Spec& spec : tape.nodes()[n].outputs)
        largest = std::max(largest, static_cast<std::size_t>(spec.shape.numel()) * size_of(spec.dtype));
    }
  }
  return largest;
}

std::int64_t HessianRequest::fitting_directions(std::size_t besides) const {
  const std::size_t in_use = memory_statistics(loss.device()).bytes_in_use;
  const std::size_t room = options.memory_limit - std::min(options.memory_limit, in_use);
  const std::size_t peak = peak_bytes_per_direction(tape, loss.id(), active);
  const std::size_t each = peak + peak / 8 + besides;  // an eighth for the scratch of kernels
  if (each > room)
    throw Error(concat("hessian: one direction needs ", each, " bytes beside the ", in_use,
                       " in use, more than the limit of ", options.memory_limit,
                       "; raise the memory limit or lower the Hessian batch."));
  return static_cast<std::int64_t>(room / std::max<std::size_t>(1, each));
}

ColumnSweeps pull_columns(const HessianRequest& r, ColumnReader& reader) {
  const LossOp& loss_op = loss_op_of(r.loss);
  const Node& end = r.loss_node();
  std::map<int, std::size_t> slot;
  for (std::size_t i = 0; i < r.leaves.size(); ++i)
    slot.emplace(r.leaves[i], i);

  PullOptions options;
  options.active = &r.active;
  options.reaches_leaves = false;
  options.visit = [&](int index, Inputs y_bar, Inputs) {
    const Node& node = r.node(index);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (const auto it = slot.find(node.inputs[i].node); it != slot.end())
        reader.see(node, i, it->second, options.D, y_bar);
    }
  };
  const std::int64_t all = loss_op.factor_columns(end.saved);
  ColumnSweeps result{.directions = r.choose_directions(all, reader.bytes_per_direction())};
  const Spec& logits = end.input_specs[0];
  for (std::int64_t first = 0; first < all; first += result.directions) {
    options.D = std::min(result.directions, all - first);
    Tensor columns(with_directions(logits.shape, options.D), logits.dtype, device_of(end.saved.tensors));
    profiled([&] { run_factor(loss_op, end.saved, first, options.D, columns); },
             [&] {
               return describe_call("factor", loss_op, end.input_specs, options.D,
                                    defined_bytes(end.saved.tensors) + defined_bytes({&columns, 1}), 0.0);
             });
    pull_back(r.tape, end.inputs[0], std::move(columns), options);
    reader.end_sweep(options.D);
    result.columns = first + options.D;
    result.tail = result.columns < all ? run_factor_tail(loss_op, end.saved, result.columns) : 0.0;
    if (result.tail < r.options.tolerance)
      break;
  }
  return result;
}

}  // namespace ockham
