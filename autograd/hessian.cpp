#include "autograd/hessian.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "autograd/curvature.h"
#include "autograd/device_passes.h"
#include "autograd/hessian_request.h"
#include "autograd/narrow.h"
#include "autograd/profile.h"
#include "autograd/reverse.h"
#include "autograd/side_interfaces.h"
#include "autograd/sweep.h"

namespace ockham {

std::size_t cache_share() {
  constexpr long kMost = 8L << 20;  // more was slower; and a virtual machine may be told of a whole socket's cache
#ifdef _SC_LEVEL3_CACHE_SIZE
  static const long last_level = sysconf(_SC_LEVEL3_CACHE_SIZE);
#else
  static const long last_level = 0;
#endif
  return static_cast<std::size_t>(last_level > 0 ? std::min(last_level / 4, kMost) : kMost);
}

namespace {

const Node& node_at(const Tape& tape, int index) {
  return tape.nodes()[static_cast<std::size_t>(index)];
}

/// Adds up squares.
class DiagonalReader : public ColumnReader {
 public:
  explicit DiagonalReader(const HessianRequest& r) : grouping_(r.options.grouping) {
    for (const Parameter* parameter : r.parameters)
      diagonal_.push_back(Tensor::zeros(grouped_shape(parameter->value.shape(), grouping_), DType::kFloat64,
                                        parameter->value.device()));
  }

  void see(const Node& node, std::size_t input, std::size_t parameter, std::int64_t D, Inputs y_bar) override {
    profiled([&] { run_weight_diagonal(*node.op, node.saved, D, y_bar, input, grouping_, diagonal_[parameter]); },
             [&] {
               return describe_call("weight_diagonal", *node.op, node.input_specs, D,
                                    defined_bytes(node.saved.tensors) + defined_bytes(y_bar), static_cast<double>(D));
             });
  }

  std::vector<Tensor> on_host() const {
    std::vector<Tensor> result;
    for (const Tensor& diagonal : diagonal_)
      result.push_back(diagonal.to(Device{}));
    return result;
  }

 private:
  Grouping grouping_;
  std::vector<Tensor> diagonal_;
};

HessianResult reverse_diagonal(const HessianRequest& r) {
  DiagonalReader reader(r);
  const ColumnSweeps sweeps = pull_columns(r, reader);
  HessianResult result;
  result.diagonal = reader.on_host();
  result.columns = sweeps.columns;
  result.directions = sweeps.directions;
  result.tail = sweeps.tail;
  return result;
}

/// One entry of one parameter.
struct Entry {
  int leaf;
  std::size_t parameter;
  std::int64_t index;
};

/// Entries in the order of the node that first reads their leaf: neighbours share the operator downstream, so a group
/// of D enters at one place and everything before it is skipped.
std::vector<Entry> entries_by_entrance(const HessianRequest& r) {
  std::vector<int> first_use(r.tape.nodes().size(), 0);
  for (std::size_t n = r.tape.nodes().size(); n-- > 0;) {
    for (const ValueId& id : r.tape.nodes()[n].inputs) {
      if (id.node >= 0)
        first_use[static_cast<std::size_t>(id.node)] = static_cast<int>(n);
    }
  }
  std::vector<Entry> entries;
  for (std::size_t p = 0; p < r.parameters.size(); ++p) {
    for (std::int64_t i = 0; i < r.parameters[p]->value.numel(); ++i)
      entries.push_back({r.leaves[p], p, i});
  }
  std::ranges::stable_sort(entries, {}, [&](const Entry& e) { return first_use[static_cast<std::size_t>(e.leaf)]; });
  return entries;
}

/// Unit tangents for the entries of one group: leaf -> [D, ...].
std::map<int, Tensor> unit_seeds(const HessianRequest& r, std::span<const Entry> group) {
  const auto D = static_cast<std::int64_t>(group.size());
  std::map<int, Tensor> seeds;
  for (std::int64_t d = 0; d < D; ++d) {
    const Entry& e = group[static_cast<std::size_t>(d)];
    const Tensor& value = r.parameters[e.parameter]->value;
    Tensor& seed = seeds.try_emplace(e.leaf).first->second;
    if (!seed)
      seed = Tensor::zeros(with_directions(value.shape(), D), value.dtype());
    visit_float(value.dtype(), "hessian", [&]<class T>() { seed.data<T>()[d * value.numel() + e.index] = T(1); });
  }
  for (auto& [leaf, seed] : seeds)
    seed = seed.to(r.loss.value().device());
  return seeds;
}

HessianResult forward_diagonal(const HessianRequest& r) {
  const std::vector<Entry> entries = entries_by_entrance(r);
  const auto total = static_cast<std::int64_t>(entries.size());
  if (total > r.options.max_tangents)
    throw Error(concat("hessian: ", total, " entries would need as many tangent sweeps, more than the limit of ",
                       r.options.max_tangents,
                       "; use running or frozen batch-norm statistics, where all weights come from C - 1 reverse "
                       "sweeps, or raise max_tangents."));
  if (r.options.grouping != Grouping::kEntry)
    throw Error("hessian: grouped sums need algorithm R; ask for entries or use running batch-norm statistics.");
  HessianResult result;
  std::vector<std::int64_t> offset;
  std::int64_t length = 0;
  for (const Parameter* parameter : r.parameters) {
    result.diagonal.push_back(Tensor::zeros(parameter->value.shape(), DType::kFloat64));
    offset.push_back(length);
    length += parameter->value.numel();
  }
  const Adjoints adjoints(r.tape, r.loss, r.leaves);
  const std::int64_t D = r.choose_directions(std::max<std::int64_t>(1, total));
  std::map<std::string, std::vector<double>> parts;
  for (std::int64_t first = 0; first < total; first += D) {
    const auto group = std::span(entries).subspan(static_cast<std::size_t>(first),
                                                  static_cast<std::size_t>(std::min(D, total - first)));
    std::map<std::string, std::vector<double>> part;
    const std::vector<double> values =
        adjoints.along(unit_seeds(r, group), static_cast<std::int64_t>(group.size()),
                       r.options.curvature == Curvature::kGaussNewton, r.options.splits_parts ? &part : nullptr);
    const auto scatter = [&](std::size_t d) {
      return static_cast<std::size_t>(offset[group[d].parameter] + group[d].index);
    };
    for (std::size_t d = 0; d < group.size(); ++d)
      result.diagonal[group[d].parameter].data<double>()[group[d].index] = values[d];
    for (const auto& [name, shares] : part) {
      std::vector<double>& all = parts.try_emplace(name, static_cast<std::size_t>(length)).first->second;
      for (std::size_t d = 0; d < group.size(); ++d)
        all[scatter(d)] = shares[d];
    }
  }
  result.parts.assign(parts.begin(), parts.end());
  result.columns = total;
  result.directions = D;
  return result;
}

/// The published recursion: h = diagonal of the pre-activation Hessian, pulled back through squared Jacobians.
HessianResult recursion_diagonal(const HessianRequest& r) {
  const LossOp& loss_op = loss_op_of(r.loss);
  const Node& end = r.loss_node();
  std::vector<std::vector<Tensor>> bars(r.tape.nodes().size());
  PullOptions options;
  options.active = &r.active;
  options.visit = [&](int node, Inputs y_bar, Inputs) {
    bars[static_cast<std::size_t>(node)] = {y_bar.begin(), y_bar.end()};
  };
  pull_back(r.tape, r.loss.id(),
            Tensor::full(with_directions(r.loss.shape(), 1), 1.0, r.loss.dtype(), r.loss.value().device()), options);

  std::vector<std::vector<Tensor>> h(r.tape.nodes().size());
  for (std::size_t n = 0; n < h.size(); ++n)
    h[n].resize(r.tape.nodes()[n].outputs.size());
  const auto at = [&](ValueId id) -> Tensor& {
    return h[static_cast<std::size_t>(id.node)][static_cast<std::size_t>(id.output)];
  };
  const Device device = r.loss.value().device();
  Tensor seed(end.input_specs[0], device);
  run_recursion_seed(loss_op, end.saved, seed);
  at(end.inputs[0]) = seed;
  for (int n = end.inputs[0].node; n >= 0; --n) {
    const Node& node = node_at(r.tape, n);
    const std::vector<Tensor>& h_y = h[static_cast<std::size_t>(n)];
    if (node.op == nullptr || !std::ranges::any_of(h_y, [](const Tensor& t) { return t.is_defined(); }))
      continue;
    const auto* rule = node.op->as<HasRecursion>();
    if (rule == nullptr)
      throw Error(concat(node.op->name(),
                         ": the diagonal recursion has no rule for this op; ask for mode exact or "
                         "gauss_newton."));
    std::vector<GradSlot> slots(node.inputs.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (id.node < 0 || !node.op->is_differentiable(i) || !r.active[static_cast<std::size_t>(id.node)])
        continue;
      Tensor& target = at(id);
      slots[i] = {&target, target.is_defined()};
      if (!target)
        target = Tensor(node.input_specs[i], device);
    }
    profiled([&] { run_recursion(*node.op, node.saved, bars[static_cast<std::size_t>(n)], h_y, slots); },
             [&] {
               return describe_call("recursion", *node.op, node.input_specs, 1,
                                    defined_bytes(node.saved.tensors) + defined_bytes(h_y),
                                    static_cast<double>(std::min<std::size_t>(slots.size(), 2)));
             });
  }
  HessianResult result;
  for (int leaf : r.leaves) {
    const Tensor& value = h[static_cast<std::size_t>(leaf)][0];
    const Spec& spec = node_at(r.tape, leaf).outputs[0];
    result.diagonal.push_back(value ? value.to(Device{}).to(DType::kFloat64)
                                    : Tensor::zeros(spec.shape, DType::kFloat64));
  }
  result.columns = 1;
  result.directions = 1;
  result.reason = "the published diagonal recursion, an approximation";
  return result;
}

}  // namespace

HessianOptions rehearsal_of(HessianOptions options, std::int64_t images, std::int64_t all) {
  options.cache_bytes = options.cache_bytes * static_cast<std::size_t>(images) / static_cast<std::size_t>(all);
  options.memory_limit = 0;
  return options;
}

namespace {

/// Why the sums of squares of R are not that diagonal. Those of Gauss-Newton ask for less: that samples do not couple
/// and that an entry is used once. They are the squares of J^T s_c, whatever is curved on the way.
std::optional<std::string> obstacle_to_squares(const Tape& tape, const Variable& loss,
                                               std::span<Parameter* const> parameters, Curvature curvature) {
  const std::vector<int> leaves = leaf_nodes(tape, parameters);
  const std::vector<char> active = dependents_of(tape, leaves);
  const std::set<int> wanted(leaves.begin(), leaves.end());
  std::map<int, std::string_view> used_by;
  for (int n = 0; n <= loss.id().node; ++n) {
    const Node& node = node_at(tape, n);
    if (node.op == nullptr || !active[static_cast<std::size_t>(n)])
      continue;
    const Op& op = *node.op;
    if (n < loss.id().node && op.couples_samples())
      return concat(op.name(), "(", op.attrs(), ") couples the samples of a batch");
    if (n < loss.id().node && op.algebra() == Algebra::kCurved && curvature == Curvature::kExact)
      return concat(op.name(), " is curved and depends on the parameters");
    std::optional<int> factor;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const int source = node.inputs[i].node;
      if (source < 0 || !active[static_cast<std::size_t>(source)])
        continue;
      if (wanted.contains(source)) {
        const std::string& name = node_at(tape, source).parameter->name;
        if (!used_by.emplace(source, op.name()).second)
          return concat("parameter ", name, " is shared: used by ", used_by[source], " and again by ", op.name());
        if (!op.is_parameter(i) || !op.is_differentiable(i))
          return concat(op.name(), " has no gradient per sample for parameter ", name);
        continue;
      }
      if (op.is_parameter(i))
        return concat(op.name(), " shares a value that depends on the parameters between the samples");
      if (curvature == Curvature::kExact && op.algebra() == Algebra::kMultilinear &&
          factor.value_or(op.factor_of(i)) != op.factor_of(i))
        return concat(op.name(), " multiplies two values that both depend on the parameters");
      factor = op.factor_of(i);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> reverse_obstacle(const Tape& tape, const Variable& loss,
                                            std::span<Parameter* const> parameters) {
  return obstacle_to_squares(tape, loss, parameters, Curvature::kExact);
}

HessianResult hessian_diagonal(const Variable& loss, std::span<Parameter* const> parameters,
                               const HessianOptions& options) {
  loss_op_of(loss);
  require_wide(*loss.tape());
  const HessianRequest request(loss, parameters, options);
  if (options.curvature == Curvature::kRecursion)
    return recursion_diagonal(request);
  const std::optional<std::string> obstacle = obstacle_to_squares(*loss.tape(), loss, parameters, options.curvature);
  if (obstacle && options.algorithm == HessianAlgorithm::kReverse)
    throw Error(concat("hessian: algorithm R is not exact here: ", *obstacle,
                       "; use algorithm F, or running or frozen batch-norm statistics and unshared parameters."));
  const bool is_forward = obstacle.has_value() || options.algorithm == HessianAlgorithm::kForward;
  HessianResult result = is_forward ? forward_diagonal(request) : reverse_diagonal(request);
  result.algorithm = is_forward ? HessianAlgorithm::kForward : HessianAlgorithm::kReverse;
  result.reason =
      obstacle ? *obstacle : (is_forward ? "algorithm F was asked for" : "every premise of algorithm R holds");
  std::set<std::string> piecewise;
  for (std::size_t n = 0; n < request.active.size(); ++n) {
    const Node& node = request.tape.nodes()[n];
    if (request.active[n] && node.op != nullptr && node.op->smoothness() == Smoothness::kPiecewise)
      piecewise.emplace(node.op->name());
  }
  result.piecewise.assign(piecewise.begin(), piecewise.end());
  return result;
}

double hessian_by_difference(const std::function<Variable(Tape&)>& build_loss, Parameter& parameter, std::int64_t entry,
                             double step) {
  if (entry < 0 || entry >= parameter.value.numel())
    throw Error(concat("hessian: parameter ", parameter.name, " has no entry ", entry, ", only ",
                       parameter.value.numel(), "."));
  struct Restore {
    Parameter& parameter;
    const Tensor value = parameter.value;
    const Tensor grad = parameter.grad;
    ~Restore() {
      parameter.value = value;
      parameter.grad = grad;
    }
  } const original{parameter};
  const auto gradient_at = [&](double shift) {
    Tensor moved = original.value.to(Device{}).clone();
    moved.data<double>()[entry] += shift;
    parameter.value = moved.to(original.value.device());
    Tape tape;
    backward(build_loss(tape));
    return parameter.grad.to(Device{}).data<double>()[entry];
  };
  return (gradient_at(step) - gradient_at(-step)) / (2.0 * step);
}

}  // namespace ockham
