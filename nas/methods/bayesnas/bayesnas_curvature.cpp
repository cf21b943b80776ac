// BayesNas: phase C, what a round measures of the loss at its switches.
#include <algorithm>
#include <chrono>

#include "autograd/gauss_newton.h"
#include "autograd/reverse.h"
#include "engine/device_memory.h"
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/methods/bayesnas/switch_groups.h"
#include "nas/train/parameter_vectors.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Those that the tape uses, in their order: what is pruned may not be part of the program.
std::vector<Parameter*> used(const std::vector<Parameter*>& switches, const Tape& tape) {
  std::vector<Parameter*> result;
  std::ranges::copy_if(switches, std::back_inserter(result), [&](const Parameter* parameter) {
    return std::ranges::find(tape.nodes(), parameter, &Node::parameter) != tape.nodes().end();
  });
  return result;
}

/// The diagonal of G, which is R's, as hessian_diagonal() would give it.
HessianResult diagonal_of(const GaussNewtonMatrix& G, const std::vector<Parameter*>& parameters) {
  HessianResult result;
  result.algorithm = HessianAlgorithm::kReverse;
  result.columns = G.columns;
  result.directions = G.directions;
  result.tail = G.tail;
  result.reason = "the diagonal of the matrix of all switches";
  const std::int64_t K = G.matrix.size(0);
  std::int64_t at = 0;
  for (const Parameter* parameter : parameters) {
    Tensor diagonal(parameter->value.shape(), DType::kFloat64);
    for (double& entry : diagonal.span<double>()) {
      entry = G.matrix.data<double>()[at * K + at];
      ++at;
    }
    result.diagonal.push_back(std::move(diagonal));
  }
  return result;
}

}  // namespace

struct BayesNas::Measured {
  HessianReport report;
  SwitchCurvature curvature;  // for rules of evidence
};

BayesNas::Wanted BayesNas::wanted_by_rule() const {
  if (options_.rule.rule == Rule::kJointEvidence)
    return Wanted::kMatrix;
  return options_.rule.rule == Rule::kEvidence ? Wanted::kGradient : Wanted::kDiagonal;
}

BayesNas::Measured BayesNas::measure(const Batch& batch, Wanted wanted) {
  const MemoryScope scope(MemoryClass::kCurvature);
  Measured result;
  HessianReport& report = result.report;
  report.curvature = options_.hessian.curvature;
  report.batch_norm = options_.hessian_batch_norm;
  auto start = std::chrono::steady_clock::now();
  loss_of({.batch_norm = options_.hessian_batch_norm}, batch);
  report.forward_seconds = seconds_since(start);

  start = std::chrono::steady_clock::now();
  Tape tape;
  const Variable loss = loss_of({.tape = &tape,
                                 .batch_norm = options_.hessian_batch_norm,
                                 .fuses = options_.hessian.curvature != Curvature::kRecursion},
                                batch);
  const std::vector<Parameter*> measured = used(switches_, tape);
  if (wanted == Wanted::kMatrix) {
    const GaussNewtonMatrix G = gauss_newton_matrix(loss, measured, options_.hessian);
    report.result = diagonal_of(G, measured);
    result.curvature.matrix = matrix_by_group(net_, measured, G.matrix);
  } else {
    report.result = hessian_diagonal(loss, measured, options_.hessian);
  }
  if (wanted != Wanted::kDiagonal) {
    const OnHost values(switches_, &Parameter::value);
    result.curvature.loss = loss.value().item();
    for (const SwitchPlaces& places : net_.groups)
      result.curvature.w.push_back(switches_of(places));
    result.curvature.gradient = by_group(net_, measured, gradients(loss, measured));
    result.curvature.hessian = by_group(net_, measured, report.result.diagonal);
  }
  report.seconds = seconds_since(start);

  std::vector<Tensor> all;
  for (const Parameter* parameter : switches_) {
    const auto it = std::ranges::find(measured, parameter);
    all.push_back(it != measured.end() ? report.result.diagonal[static_cast<std::size_t>(it - measured.begin())]
                                       : Tensor::zeros(parameter->value.shape(), DType::kFloat64));
    for (const double h : all.back().span<double>()) {
      ++report.entries;
      report.negative += h < 0.0;
    }
  }
  report.result.diagonal = std::move(all);
  return result;
}

HessianReport BayesNas::measure_curvature(const Batch& batch) {
  Measured measured = measure(batch, wanted_by_rule());
  read_hessian(net_, measured.report.result.diagonal, groups_);
  curvature_ = std::move(measured.curvature);
  return std::move(measured.report);
}

void BayesNas::rehearse_finish(const Batch& images) {
  HessianOptions rehearsal = rehearsal_of(options_.hessian, images.images.size(0), options_.hessian_images);
  if (options_.hessian.memory_limit != 0)
    rehearsal.directions = 1;
  std::swap(options_.hessian, rehearsal);
  measure({.images = images.images.to(options_.dtype), .labels = images.labels},
          options_.looks > 0 ? Wanted::kMatrix : wanted_by_rule());
  std::swap(options_.hessian, rehearsal);
}

void BayesNas::look(const StepPlace& place) {
  const auto looks = static_cast<std::uint64_t>(options_.looks);
  const bool is_due = (place.number + 1) * looks / place.total > place.number * looks / place.total;
  if (looks == 0 || place.is_rehearsal || !is_due)
    return;
  const Batch batch = images_.sample(options_.hessian_images, 1);
  drop_memory_cache(batch.images.device());
  looks_.push_back({place.number + 1, measure(batch, Wanted::kMatrix).curvature});
}

std::vector<Look> BayesNas::looks() const {
  std::vector<Look> result;
  for (const MeasuredLook& measured : looks_)
    result.push_back(look_of(measured, space_, net_, options_.posterior, options_.rule.threshold));
  return result;
}

std::array<std::vector<double>, 2> BayesNas::strengths_of_halves(const Batch& batch, int round) {
  const std::int64_t images = batch.images.size(0);
  if (images < 2)
    return {};
  const auto of = [&](std::int64_t begin, std::int64_t end) {
    const double scale = options_.posterior.laplace.hessian_scale;
    return worth_of(groups_, verdict_of(measure(part_of(batch, begin, end), wanted_by_rule()).curvature, round, scale));
  };
  return {of(0, images / 2), of(images / 2, images)};
}

HessianCheck BayesNas::check_curvature(const Batch& batch) {
  Initial initial{.dtype = DType::kFloat64, .device = options_.device};
  SwitchNetwork copy = space_.make_switches(initial);
  const std::vector<Parameter*> from = net_.owned.module->state(), to = copy.owned.module->state();
  for (std::size_t i = 0; i < from.size(); ++i)
    to[i]->value = from[i]->value.to(DType::kFloat64).clone();
  leave_out_pruned(copy, groups_);
  const Batch wide{.images = batch.images.to(DType::kFloat64), .labels = batch.labels};
  const auto build = [&](Tape& tape) {
    return softmax_cross_entropy(
        copy.owned.network.forward({.tape = &tape, .batch_norm = options_.hessian_batch_norm}, wide.images),
        wide.labels);
  };
  Tape tape;
  const Variable loss = build(tape);
  const std::vector<Parameter*> measured = used(copy.owned.network.architecture, tape);
  const HessianResult exact = hessian_diagonal(loss, measured, options_.hessian);
  return check_hessian(build, measured, exact.diagonal, options_.check_entries, options_.seed);
}

}  // namespace ockham::nas
