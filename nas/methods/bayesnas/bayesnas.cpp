#include "nas/methods/bayesnas/bayesnas.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "autograd/optim/optimizer.h"
#include "autograd/optim/state.h"
#include "engine/allocator.h"
#include "nas/bayes/sparse_prior.h"
#include "nas/element.h"
#include "nas/train/micro_batches.h"
#include "nas/train/trainer.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas {
namespace {

std::vector<double> read_all(const std::vector<Parameter*>& members, std::size_t i) {
  std::vector<double> values(members.size());
  std::ranges::transform(members, values.begin(), [&](const Parameter* p) { return element(p->value, i); });
  return values;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

BayesNas::BayesNas(Supernet& network, const BayesNasOptions& options)
    : network_(network),
      options_(options),
      normal_(make_posterior(network.spec().normal, network.spec().primitives, network.copies(CellKind::kNormal))),
      reduce_(make_posterior(network.spec().reduce, network.spec().primitives, network.copies(CellKind::kReduction))),
      weights_(network.parameters(ParameterKind::kWeight)),
      switches_(network.architecture()),
      weight_optimizer_(weights_, options.weight_sgd),
      switch_optimizer_(switches_, options.switch_sgd) {
  if (network.spec().mixing != Mixing::kSwitches)
    throw UsageError(
        "bayesnas: the supernet mixes by softmax, but this method prunes independent switches; build it "
        "with switches.");
  if (network.copies(CellKind::kNormal) == 0 || network.copies(CellKind::kReduction) == 0)
    throw UsageError(concat("bayesnas: a network of ", network.spec().frame.cells, " cells has ",
                            network.copies(CellKind::kNormal), " normal and ", network.copies(CellKind::kReduction),
                            " reduction cells, but one of each kind is searched; use --cells 3 or more."));
}

Variable BayesNas::loss_of(const Context& context, const Batch& batch, Tensor* logits) {
  const Variable output = network_.forward(context, batch.images);
  if (logits != nullptr)
    *logits = output.value();
  return softmax_cross_entropy(output, batch.labels);
}

Score BayesNas::find_gradients(const Batch& batch, std::uint64_t step) {
  // What is pruned leaves the graph and gets no gradient: an old one must not act again.
  clear_gradients(weights_);
  clear_gradients(switches_);
  const auto part_loss = [this](Tape& tape, const Batch& part, std::uint64_t) {
    PartLoss result;
    result.loss =
        loss_of({.tape = &tape, .batch_norm = BatchNormMode::kBatch, .is_training = true, .key = {options_.seed}}, part,
                &result.logits);
    result.value = result.loss.value().item();
    return result;
  };
  const Score result = compute_gradients(batch, options_.micro_batch, step, part_loss);
  require_finite(clip_gradients(weights_, options_.clip), "the gradient norm", step);
  require_finite(clip_gradients(switches_, 0.0), "the norm of the switches' gradients", step);
  return result;
}

Score BayesNas::weight_step(const Batch& batch, double lr, std::uint64_t step) {
  const Score result = find_gradients(batch, step);
  weight_optimizer_.step(lr);
  return result;
}

Score BayesNas::joint_step(const Batch& batch, double lr, double switch_lr, std::uint64_t step) {
  const Score result = find_gradients(batch, step);
  weight_optimizer_.step(lr);
  if (!options_.proximal)
    add_penalty_gradient();
  switch_optimizer_.step(switch_lr);
  if (options_.proximal)
    shrink_switches(switch_lr);
  freeze_pruned();
  return result;
}

void BayesNas::refresh_statistics(const Batch& batch) {
  const std::int64_t total = batch.images.size(0);
  const std::int64_t most = options_.micro_batch > 0 ? options_.micro_batch : total;
  for (std::int64_t begin = 0; begin < total; begin += most)
    network_.forward({.batch_norm = BatchNormMode::kBatch, .is_training = true, .key = {options_.seed}},
                     part_of(batch, begin, std::min(begin + most, total)).images);
}

HessianReport BayesNas::measure_curvature(const Batch& batch) {
  const MemoryScope scope(MemoryClass::kCurvature);
  HessianReport report;
  const Context plain{.batch_norm = options_.hessian_batch_norm};
  auto start = std::chrono::steady_clock::now();
  loss_of(plain, batch, nullptr);
  report.forward_seconds = seconds_since(start);

  start = std::chrono::steady_clock::now();
  Tape tape;
  const Variable loss = loss_of({.tape = &tape,
                                 .batch_norm = options_.hessian_batch_norm,
                                 .fuses = options_.hessian.curvature != Curvature::kRecursion},
                                batch, nullptr);
  std::vector<Parameter*> used;  // a pruned edge's switches are not part of the program: their derivatives are zero
  for (const Node& node : tape.nodes()) {
    if (node.parameter != nullptr && node.parameter->kind == ParameterKind::kSwitch)
      used.push_back(node.parameter);
  }
  report.result = hessian_diagonal(loss, used, options_.hessian);
  report.seconds = seconds_since(start);

  std::vector<Tensor> all;
  for (const Parameter* parameter : switches_) {
    const auto it = std::ranges::find(used, parameter);
    all.push_back(it != used.end() ? report.result.diagonal[static_cast<std::size_t>(it - used.begin())]
                                   : Tensor::zeros(parameter->value.shape(), DType::kFloat64));
    for (double h : all.back().span<double>()) {
      ++report.entries;
      report.negative += h < 0.0;
    }
  }
  network_.read_hessian(all, normal_);
  network_.read_hessian(all, reduce_);
  report.result.diagonal = std::move(all);
  return report;
}

int BayesNas::update_and_prune(int round) {
  for (CellPosterior* cell : {&normal_, &reduce_}) {
    network_.read_switches(*cell);
    update_posterior(*cell, options_.posterior);
  }
  derive();  // throws where nothing would be left, while the variances that say so are still there
  int pruned = 0;
  for (CellPosterior* cell : {&normal_, &reduce_}) {
    pruned += prune_posterior(*cell, round, options_.posterior.tau);
    network_.apply_pruning(*cell);
  }
  freeze_pruned();
  return pruned;
}

Score BayesNas::evaluate(const Batch& batch) {
  return nas::evaluate([&](const Context& c, const Variable& x) { return network_.forward(c, x); }, batch);
}

double BayesNas::penalty() {
  double total = 0.0;
  for (CellPosterior* cell : {&normal_, &reduce_}) {
    network_.read_switches(*cell);
    total += posterior_penalty(*cell, options_.posterior);
  }
  return total;
}

Genotype BayesNas::derive() const {
  Genotype genotype{.space = std::string(style_name(network_.spec().frame.style)), .normal = {}, .reduce = {}};
  const auto& primitives = network_.spec().primitives;
  genotype.normal = derive_cell(normal_.spec, primitives, variances(normal_), options_.posterior.tau);
  genotype.reduce = derive_cell(reduce_.spec, primitives, variances(reduce_), options_.posterior.tau);
  return genotype;
}

std::vector<double> BayesNas::group_hessians() const {
  std::vector<double> means;
  const auto add = [&](const SwitchGroup& group) {
    if (!group.pruned())
      means.push_back(std::accumulate(group.hessian.begin(), group.hessian.end(), 0.0) /
                      static_cast<double>(group.hessian.size()));
  };
  for (const CellPosterior* cell : {&normal_, &reduce_}) {
    for (const EdgePosterior& edge : cell->edges) {
      add(edge.origin);
      for (const SwitchGroup& group : edge.ops)
        add(group);
    }
  }
  return means;
}

void BayesNas::each_group(
    const std::function<void(SwitchGroup&, double, const std::vector<Parameter*>&, std::size_t)>& visit) {
  for (CellPosterior* cell : {&normal_, &reduce_}) {
    for (std::size_t e = 0; e < cell->edges.size(); ++e) {
      EdgePosterior& edge = cell->edges[e];
      visit(edge.origin, options_.posterior.lambda_origin, network_.origins(cell->spec.kind, e), 0);
      for (std::size_t o = 0; o < edge.ops.size(); ++o)
        visit(edge.ops[o], options_.posterior.lambda_child, network_.switches(cell->spec.kind, e), o);
    }
  }
}

void BayesNas::add_penalty_gradient() {
  each_group([](SwitchGroup& group, double lambda, const std::vector<Parameter*>& members, std::size_t i) {
    if (group.pruned())
      return;
    const std::vector<double> w = read_all(members, i);
    std::vector<double> gradient(w.size());
    add_group_penalty_gradient(w, lambda * group.state.omega, gradient);
    for (std::size_t copy = 0; copy < members.size(); ++copy) {
      Tensor& grad = members[copy]->grad;
      if (grad)
        set_element(grad, i, element(grad, i) + gradient[copy]);
    }
  });
}

void BayesNas::shrink_switches(double switch_lr) {
  each_group([&](SwitchGroup& group, double lambda, const std::vector<Parameter*>& members, std::size_t i) {
    std::vector<double> w = read_all(members, i);
    shrink_group(w, switch_lr * lambda * group.state.omega);
    for (std::size_t copy = 0; copy < members.size(); ++copy)
      set_element(members[copy]->value, i, w[copy]);
  });
}

void BayesNas::freeze_pruned() {
  each_group([&](SwitchGroup& group, double, const std::vector<Parameter*>& members, std::size_t i) {
    if (!group.pruned())
      return;
    for (Parameter* parameter : members) {
      set_element(parameter->value, i, 0.0);
      set_element(switch_optimizer_.momentum_of(*parameter), i, 0.0);
    }
  });
}

namespace {

/// One row a group: gamma, omega, effective variance, round that pruned it, then per copy w, H, C, alpha.
constexpr std::int64_t kFixedColumns = 4;

Tensor pack(const CellPosterior& cell) {
  std::vector<double> rows;
  const auto copies = cell.edges.front().origin.w.size();
  const auto add = [&](const SwitchGroup& group) {
    rows.insert(rows.end(), {group.state.gamma, group.state.omega, group.effective, double(group.pruned_round)});
    rows.insert(rows.end(), group.w.begin(), group.w.end());
    rows.insert(rows.end(), group.hessian.begin(), group.hessian.end());
    for (const std::vector<double>* values : {&group.state.covariance, &group.state.alpha}) {
      std::vector<double> padded = *values;
      padded.resize(copies, -1.0);  // before the first update there are none; both are never negative
      rows.insert(rows.end(), padded.begin(), padded.end());
    }
  };
  for (const EdgePosterior& edge : cell.edges) {
    add(edge.origin);
    for (const SwitchGroup& group : edge.ops)
      add(group);
  }
  const auto columns = kFixedColumns + 4 * static_cast<std::int64_t>(copies);
  return Tensor::from(rows, {static_cast<std::int64_t>(rows.size()) / columns, columns});
}

void unpack(const Tensor& packed, CellPosterior& cell) {
  const double* row = packed.data<double>();
  const auto take = [&](SwitchGroup& group) {
    const std::size_t copies = group.w.size();
    group.state.gamma = row[0];
    group.state.omega = row[1];
    group.effective = row[2];
    group.pruned_round = static_cast<int>(row[3]);
    row += kFixedColumns;
    for (std::vector<double>* values : {&group.w, &group.hessian, &group.state.covariance, &group.state.alpha}) {
      values->assign(row, row + copies);
      row += copies;
    }
    if (copies > 0 && group.state.covariance[0] < 0.0) {
      group.state.covariance.clear();
      group.state.alpha.clear();
    }
  };
  for (EdgePosterior& edge : cell.edges) {
    take(edge.origin);
    for (SwitchGroup& group : edge.ops)
      take(group);
  }
}

}  // namespace

std::map<std::string, Tensor> BayesNas::state() const {
  std::map<std::string, Tensor> result;
  for (const auto& [name, tensor] : weight_optimizer_.state())
    result.emplace("optim.w." + name, tensor);
  for (const auto& [name, tensor] : switch_optimizer_.state())
    result.emplace("optim.switches." + name, tensor);
  result.emplace("bayes.normal", pack(normal_));
  result.emplace("bayes.reduce", pack(reduce_));
  return result;
}

void BayesNas::load(const std::map<std::string, Tensor>& state) {
  const auto part = [&](std::string_view prefix) {
    std::map<std::string, Tensor> result;
    for (const auto& [name, tensor] : state) {
      if (name.starts_with(prefix))
        result.emplace(name.substr(prefix.size()), tensor);
    }
    return result;
  };
  weight_optimizer_.load(part("optim.w."));
  switch_optimizer_.load(part("optim.switches."));
  unpack(stored_like(state, "bayes.normal", pack(normal_)), normal_);
  unpack(stored_like(state, "bayes.reduce", pack(reduce_)), reduce_);
  network_.apply_pruning(normal_);
  network_.apply_pruning(reduce_);
}

}  // namespace ockham::nas
