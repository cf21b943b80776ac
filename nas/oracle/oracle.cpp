#include "nas/oracle/oracle.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "autograd/curvature.h"
#include "autograd/hessian.h"
#include "autograd/reverse.h"
#include "autograd/sweep.h"
#include "nas/oracle/oracle_net.h"

namespace ockham::nas {
namespace {

struct Mode {
  std::string name;
  BatchNormMode batch_norm;
};

std::vector<double> values_of(const Tensor& tensor) {
  const Tensor all = tensor.to(Device{}).to(DType::kFloat64).contiguous();
  return {all.span<double>().begin(), all.span<double>().end()};
}

/// Zero where no way leads from the parameter to the loss.
Tensor gradient_of(const Parameter& parameter) {
  return parameter.grad ? parameter.grad
                        : Tensor::zeros(parameter.value.shape(), parameter.value.dtype(), parameter.value.device());
}

/// Largest difference over the largest entry of the reference; NaN stays NaN.
double relative_error(const std::vector<double>& found, const std::vector<double>& expected) {
  double difference = 0.0;
  double largest = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double here = std::abs(found[i] - expected[i]);
    difference = here <= difference ? difference : here;
    largest = std::max(largest, std::abs(expected[i]));
  }
  return largest > 0.0 ? difference / largest : difference;
}

/// All comparisons of one folder in one precision.
class Comparison {
 public:
  Comparison(const OracleFolder& folder, DType dtype, const std::function<void(const std::string&)>& progress,
             Device device)
      : folder_(folder), dtype_(dtype), progress_(progress), device_(device), net_(folder, dtype, device) {}

  OracleReport run() {
    for (const Mode& mode : {Mode{"eval", BatchNormMode::kRunning}, Mode{"train", BatchNormMode::kBatch}}) {
      mode_ = mode;
      compare_gradients();
      compare_forward("own switches", SwitchForm::kOwn, "hess_diag_alpha", "hess_parts_alpha");
      compare_full_hessian();
      compare_forward("shared switches", SwitchForm::kShared, "hess_diag_alpha_shared", "hess_parts_alpha_shared");
      if (folder_.has("softmax/arch_logits"))
        compare_softmax();
    }
    mode_ = {"eval", BatchNormMode::kRunning};
    compare_reverse();
    if (report_.checks.empty())
      throw CheckpointError(concat("oracle: ", folder_.path().string(), " has no array that can be compared."));
    for (const std::string& name : folder_.arrays()) {
      if (!seen_.contains(name) && !name.starts_with("param/") && name != "input" && name != "labels" &&
          name != "alpha" && name != "softmax/arch_logits")
        report_.unknown.push_back(name);
    }
    return std::move(report_);
  }

 private:
  void compare_gradients() {
    announce("values and gradients");
    Tape tape;
    const OracleNet::Run run = net_.run(tape, SwitchForm::kOwn, mode_.batch_norm);
    backward(run.loss);
    compare_value(mode_.name + "/logits", values_of(run.logits.value()));
    compare_value(mode_.name + "/loss", values_of(run.loss.value()));
    for (const auto& [name, parameter] : net_.weights())
      compare_value(mode_.name + "/grad/" + name, values_of(gradient_of(parameter)), mode_.name + "/grad");
    std::vector<Tensor> gradients;
    for (const Parameter* parameter : net_.switches(SwitchForm::kOwn))
      gradients.push_back(gradient_of(*parameter));
    compare_value(mode_.name + "/grad_alpha", net_.in_order(SwitchForm::kOwn, gradients));
  }

  void compare_softmax() {
    Tape tape;
    const OracleNet::Run run = net_.run(tape, SwitchForm::kSoftmax, mode_.batch_norm);
    compare_value(mode_.name + "/softmax/loss", values_of(run.loss.value()));
    std::vector<double> own;
    for (const std::int64_t shared : folder_.share())
      own.push_back(values_of(run.all_switches.value())[static_cast<std::size_t>(shared)]);
    if (!seen_.contains("softmax/alpha"))
      compare_value("softmax/alpha", own);
    compare_forward("softmax over edges", SwitchForm::kSoftmax, "softmax/hess_diag_arch", "");
  }

  /// Switches of a form by algorithm F, with the split by op where `parts` names an array for it.
  void compare_forward(const char* what, SwitchForm form, const std::string& diagonal, const std::string& parts) {
    announce(concat(what, " by F"));
    Tape tape;
    const OracleNet::Run run = net_.run(tape, form, mode_.batch_norm);
    const HessianResult result = hessian_diagonal(run.loss, net_.switches(form),
                                                  {.algorithm = HessianAlgorithm::kForward, .splits_parts = true});
    const std::vector<double> total = net_.in_order(form, result.diagonal);
    compare_hessian(mode_.name + "/" + diagonal, total, mode_.name + "/" + diagonal + " by F");
    if (parts.empty())
      return;
    // Columns: total, softmax cross-entropy, batch norm, weighted sum.
    const std::vector<std::string> columns = {"softmax_cross_entropy", "batch_norm_train", "weighted_sum"};
    std::vector<double> table(4 * total.size());
    for (std::size_t i = 0; i < total.size(); ++i)
      table[4 * i] = total[i];
    for (const auto& [op, shares] : result.parts) {
      const auto column = static_cast<std::size_t>(std::ranges::find(columns, op) - columns.begin());
      const std::vector<double> ordered = net_.in_order(form, split(shares, result.diagonal));
      for (std::size_t i = 0; column < columns.size() && i < ordered.size(); ++i)
        table[4 * i + column + 1] = ordered[i];
    }
    compare_hessian(mode_.name + "/" + parts, table, mode_.name + "/" + parts + " by F");
  }

  /// One long list as tensors of the given shapes.
  static std::vector<Tensor> split(const std::vector<double>& all, const std::vector<Tensor>& like) {
    std::vector<Tensor> result;
    std::size_t begin = 0;
    for (const Tensor& shape : like) {
      const auto size = static_cast<std::size_t>(shape.numel());
      result.push_back(Tensor::from(std::span<const double>(all).subspan(begin, size), shape.shape()));
      begin += size;
    }
    return result;
  }

  /// H_ij = (H[e_i + e_j] - H_ii - H_jj) / 2 over the own switches.
  void compare_full_hessian() {
    if (!folder_.has(mode_.name + "/hess_alpha"))
      return;
    announce("full Hessian over own switches by F");
    Tape tape;
    const OracleNet::Run run = net_.run(tape, SwitchForm::kOwn, mode_.batch_norm);
    const std::vector<int> leaves = leaf_nodes(tape, net_.switches(SwitchForm::kOwn));
    const Adjoints adjoints(tape, run.loss, leaves);
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    const std::vector<std::size_t> live = net_.live_switches();
    for (const std::size_t i : live) {
      for (const std::size_t j : live) {
        if (i <= j)
          pairs.emplace_back(i, j);
      }
    }
    const std::size_t P = folder_.switch_names().size();
    std::vector<double> sums(P * P);  // of direction e_i + e_j; e_i on the diagonal
    constexpr std::size_t kTogether = 32;
    for (std::size_t first = 0; first < pairs.size(); first += kTogether) {
      const auto group = std::span(pairs).subspan(first, std::min(kTogether, pairs.size() - first));
      const std::vector<double> values =
          adjoints.along(pair_seeds(tape, group), static_cast<std::int64_t>(group.size()), false);
      for (std::size_t d = 0; d < group.size(); ++d)
        sums[group[d].first * P + group[d].second] = values[d];
    }
    std::vector<double> hessian(P * P);
    for (const auto& [i, j] : pairs) {
      const double entry = i == j ? sums[i * P + i] : 0.5 * (sums[i * P + j] - sums[i * P + i] - sums[j * P + j]);
      hessian[i * P + j] = hessian[j * P + i] = entry;
    }
    compare_hessian(mode_.name + "/hess_alpha", hessian, mode_.name + "/hess_alpha by F");
  }

  std::map<int, Tensor> pair_seeds(const Tape& tape, std::span<const std::pair<std::size_t, std::size_t>> group) {
    std::map<int, Tensor> seeds;
    const auto move = [&](std::size_t switch_number, std::size_t d) {
      const auto [parameter, entry] = net_.place_of(switch_number);
      Parameter* const one[] = {parameter};
      Tensor& seed = seeds[leaf_nodes(tape, one)[0]];
      const std::int64_t size = parameter->value.numel();
      if (!seed)
        seed = Tensor::zeros({static_cast<std::int64_t>(group.size()) * size}, dtype_);
      const std::int64_t at = static_cast<std::int64_t>(d) * size + entry;
      visit_float(dtype_, "oracle", [&]<class T>() { seed.data<T>()[at] = T(1); });
    };
    for (std::size_t d = 0; d < group.size(); ++d) {
      move(group[d].first, d);
      move(group[d].second, d);
    }
    for (auto& [node, seed] : seeds)
      seed = seed.to(device_);
    return seeds;
  }

  /// What reverse passes give with running statistics: own switches, every weight, and the published recursion.
  void compare_reverse() {
    announce("own switches and weights by R");
    Tape tape;
    const OracleNet::Run run = net_.run(tape, SwitchForm::kOwn, mode_.batch_norm);
    const std::vector<Parameter*> switches = net_.switches(SwitchForm::kOwn);
    std::vector<Parameter*> all = switches;
    for (auto& [name, parameter] : net_.weights())
      all.push_back(&parameter);
    const HessianResult result = hessian_diagonal(run.loss, all, {.algorithm = HessianAlgorithm::kReverse});
    const std::vector<Tensor> of_switches(result.diagonal.begin(),
                                          result.diagonal.begin() + static_cast<std::ptrdiff_t>(switches.size()));
    compare_hessian(mode_.name + "/hess_diag_alpha", net_.in_order(SwitchForm::kOwn, of_switches),
                    mode_.name + "/hess_diag_alpha by R");
    for (std::size_t i = switches.size(); i < all.size(); ++i)
      compare_hessian(mode_.name + "/hess_diag/" + all[i]->name, values_of(result.diagonal[i]),
                      mode_.name + "/hess_diag of weights by R");
    const HessianResult recursion = hessian_diagonal(run.loss, switches, {.curvature = Curvature::kRecursion});
    compare_hessian(mode_.name + "/becker_lecun_alpha", net_.in_order(SwitchForm::kOwn, recursion.diagonal),
                    mode_.name + "/becker_lecun_alpha by the recursion");
  }

  void announce(const std::string& what) const {
    if (progress_)
      progress_(concat(mode_.name, ": ", what));
  }

  void compare_value(const std::string& array, const std::vector<double>& found, const std::string& group = "") {
    compare(array, found, group.empty() ? array : group, dtype_ == DType::kFloat64 ? 1e-11 : 1e-4);
  }
  void compare_hessian(const std::string& array, const std::vector<double>& found, const std::string& group) {
    compare(array, found, group, dtype_ == DType::kFloat64 ? 1e-10 : 1e-3);
  }

  void compare(const std::string& array, const std::vector<double>& found, const std::string& group, double tolerance) {
    if (!folder_.has(array))
      return;
    seen_.insert(array);
    const std::vector<double> expected = values_of(folder_.array(array));
    if (found.size() != expected.size())
      throw CheckpointError(concat("oracle: array ", array, " has ", expected.size(), " entries, the program gives ",
                                   found.size(), "; unpack the folder again."));
    auto check = std::ranges::find(report_.checks, group, &OracleCheck::group);
    if (check == report_.checks.end())
      check = report_.checks.insert(check, {.group = group, .tolerance = tolerance, .worst = array});
    const double error = relative_error(found, expected);
    ++check->arrays;
    if (!(error <= check->error)) {
      check->error = error;
      check->worst = array;
    }
  }

  const OracleFolder& folder_;
  DType dtype_;
  const std::function<void(const std::string&)>& progress_;
  Device device_;
  OracleNet net_;
  Mode mode_;
  OracleReport report_;
  std::set<std::string> seen_;
};

}  // namespace

OracleReport check_oracle(const OracleFolder& folder, DType dtype,
                          const std::function<void(const std::string&)>& progress, Device device) {
  return Comparison(folder, dtype, progress, device).run();
}

}  // namespace ockham::nas
