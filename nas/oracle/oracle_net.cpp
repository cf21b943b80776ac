#include "nas/oracle/oracle_net.h"

#include "ops/ops.h"

namespace ockham::nas {
namespace {

/// x[:, :, 1:, 1:], with a zero row or column appended where the size is odd.
Variable crop(const Variable& x) {
  const std::int64_t height = x.shape()[2];
  const std::int64_t width = x.shape()[3];
  const Variable rest = slice(slice(x, 2, 1, height), 3, 1, width);
  if (height % 2 == 0 && width % 2 == 0)
    return rest;
  return pad2d(rest, {.bottom = height % 2, .right = width % 2});
}

/// Names without their last part are edges: the logits of an edge stand together and have one size.
std::int64_t operations_per_edge(const OracleFolder& folder) {
  const std::vector<std::string>& names = folder.shared_names();
  const auto edge_of = [&](std::size_t i) { return names[i].substr(0, names[i].rfind('.')); };
  std::size_t size = 0;
  while (size < names.size() && edge_of(size) == edge_of(0))
    ++size;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (edge_of(i) != edge_of(i / size * size))
      throw CheckpointError(concat("oracle: shared switch ", names[i], " does not belong to an edge of ", size,
                                   " operations like the first; the softmax over an edge cannot be built."));
  }
  return static_cast<std::int64_t>(size);
}

}  // namespace

/// Records one run, node by node.
class OracleNet::Recorder {
 public:
  Recorder(OracleNet& net, Tape& tape, SwitchForm form, BatchNormMode batch_norm)
      : net_(net), tape_(tape), form_(form), batch_norm_(batch_norm) {
    if (form == SwitchForm::kShared)
      all_switches_ = tape.leaf(net.shared_switches_);
    if (form == SwitchForm::kSoftmax)
      all_switches_ = softmax(tape.leaf(net.logits_));
  }

  Variable record_all() {
    const std::vector<OracleNode>& program = net_.folder_.program();
    for (std::size_t n = 0; n < program.size(); ++n) {
      try {
        values_.push_back(apply(n, program[n]));
      } catch (const CheckpointError&) {
        throw;
      } catch (const Error& e) {
        throw CheckpointError(concat("oracle: node ", n, " (", program[n].name, ") does not fit: ", e.what()));
      }
    }
    return values_.back();
  }
  const Variable& all_switches() const { return all_switches_; }

 private:
  Variable parameter(const OracleNode& node, const std::string& role) {
    const auto name = node.parameters.find(role);
    if (name == node.parameters.end())
      return {};
    return tape_.leaf(net_.weights_.at(name->second));
  }

  Variable apply(std::size_t number, const OracleNode& node) {
    if (node.op == "input")
      return net_.input_;
    const Variable& x = values_[node.in[0]];
    if (node.op == "conv")
      return conv2d(x, parameter(node, "w"),
                    {.stride = node.stride, .pad = node.pad, .dilation = node.dilation, .groups = node.groups});
    if (node.op == "bn")
      return normalise(x, node);
    if (node.op == "relu")
      return relu(x);
    if (node.op == "maxpool")
      return max_pool2d(x, {.kernel = node.kernel, .stride = node.stride, .pad = node.pad});
    if (node.op == "avgpool")
      return avg_pool2d(x, {.kernel = node.kernel, .stride = node.stride, .pad = node.pad, .count_include_pad = false});
    if (node.op == "crop")
      return crop(x);
    if (node.op == "gap")
      return global_avg_pool(x);
    if (node.op == "linear")
      return add_bias(linear(x, parameter(node, "w")), parameter(node, "b"));
    if (node.op == "concat")
      return concat(inputs(node));
    if (node.op == "wsum")
      return mix(number, node);
    throw CheckpointError(concat("oracle: node ", number, " (", node.name, ") has the unknown op '", node.op, "'."));
  }

  std::vector<Variable> inputs(const OracleNode& node) const {
    std::vector<Variable> result;
    for (const std::size_t source : node.in)
      result.push_back(values_[source]);
    return result;
  }

  Variable normalise(const Variable& x, const OracleNode& node) {
    const Variable gamma = parameter(node, "gamma");
    const Variable beta = parameter(node, "beta");
    const BatchNormAttrs attrs{.eps = node.eps};
    if (batch_norm_ == BatchNormMode::kBatch)
      return batch_norm_train(x, gamma, beta, attrs).y;
    return batch_norm_eval(x, gamma, beta, net_.statistics_.at(node.parameters.at("rm")),
                           net_.statistics_.at(node.parameters.at("rv")), attrs);
  }

  Variable mix(std::size_t number, const OracleNode& node) {
    if (form_ == SwitchForm::kOwn)
      return weighted_sum(tape_.leaf(net_.own_switches_.at(number)), inputs(node));
    std::vector<std::int64_t> index;
    for (const std::int64_t own : node.switches)
      index.push_back(net_.folder_.share()[static_cast<std::size_t>(own)]);
    return weighted_sum(all_switches_, inputs(node), index);
  }

  OracleNet& net_;
  Tape& tape_;
  SwitchForm form_;
  BatchNormMode batch_norm_;
  Variable all_switches_;
  std::vector<Variable> values_;
};

OracleNet::OracleNet(const OracleFolder& folder, DType dtype, Device device)
    : folder_(folder),
      dtype_(dtype),
      device_(device),
      input_(folder.array("input").to(dtype).to(device)),
      labels_(folder.array("labels").to(device)) {
  for (const OracleNode& node : folder.program())
    read_weights(node);
  make_switches();
}

void OracleNet::read_weights(const OracleNode& node) {
  const auto require = [&](const char* role) {
    if (!node.parameters.contains(role))
      throw CheckpointError(concat("oracle: node ", node.name, " (", node.op, ") names no parameter '", role, "'."));
  };
  if (node.op == "conv" || node.op == "linear")
    require("w");
  if (node.op == "linear")
    require("b");
  if (node.op == "bn") {
    require("rm");
    require("rv");
  }
  for (const auto& [role, name] : node.parameters) {
    const Tensor value = folder_.array("param/" + name).to(dtype_).to(device_);
    if (role == "rm" || role == "rv")
      statistics_.emplace(name, value);
    else
      weights_.emplace(name, Parameter{.name = name, .value = value});
  }
}

void OracleNet::make_switches() {
  const Tensor all = folder_.array("alpha").to(DType::kFloat64);
  if (all.shape() != Shape{static_cast<std::int64_t>(folder_.switch_names().size())})
    throw CheckpointError(concat("oracle: alpha has shape ", all.shape(), " for ", folder_.switch_names().size(),
                                 " switches; unpack the folder again."));
  const auto value_of = [&](std::size_t own) { return all.data<double>()[own]; };
  const auto make = [&](std::string name, const std::vector<double>& values) {
    return Parameter{.name = std::move(name),
                     .value = Tensor::from(values, {static_cast<std::int64_t>(values.size())}).to(dtype_).to(device_),
                     .kind = ParameterKind::kSwitch};
  };
  for (std::size_t n = 0; n < folder_.program().size(); ++n) {
    std::vector<double> values;
    for (const std::int64_t own : folder_.program()[n].switches)
      values.push_back(value_of(static_cast<std::size_t>(own)));
    if (!values.empty())
      own_switches_.emplace(n, make(folder_.program()[n].name + ".alpha", values));
  }
  std::vector<double> shared(folder_.shared_names().size());
  for (std::size_t own = 0; own < folder_.share().size(); ++own)
    shared[static_cast<std::size_t>(folder_.share()[own])] = value_of(own);
  for (std::size_t own = 0; own < folder_.share().size(); ++own) {
    if (value_of(own) != shared[static_cast<std::size_t>(folder_.share()[own])])
      throw CheckpointError(concat("oracle: ", folder_.switch_names()[own], " is ", value_of(own),
                                   " but another copy of its shared switch is ",
                                   shared[static_cast<std::size_t>(folder_.share()[own])], "."));
  }
  shared_switches_ = make("alpha", shared);
  if (folder_.has("softmax/arch_logits")) {
    const std::int64_t operations = operations_per_edge(folder_);
    logits_ = {.name = "arch_logits",
               .value = folder_.array("softmax/arch_logits").to(dtype_).clone().reshape({-1, operations}).to(device_),
               .kind = ParameterKind::kSwitch};
  }
}

OracleNet::Run OracleNet::run(Tape& tape, SwitchForm form, BatchNormMode batch_norm) {
  Recorder recorder(*this, tape, form, batch_norm);
  const Variable logits = recorder.record_all();
  try {
    return {logits, softmax_cross_entropy(logits, labels_), recorder.all_switches()};
  } catch (const Error& e) {
    throw CheckpointError(concat("oracle: the labels do not fit the logits: ", e.what()));
  }
}

std::vector<Parameter*> OracleNet::switches(SwitchForm form) {
  if (form == SwitchForm::kShared)
    return {&shared_switches_};
  if (form == SwitchForm::kSoftmax)
    return {&logits_};
  std::vector<Parameter*> result;
  for (auto& [node, parameter] : own_switches_)
    result.push_back(&parameter);
  return result;
}

std::vector<double> OracleNet::in_order(SwitchForm form, const std::vector<Tensor>& values) const {
  if (form != SwitchForm::kOwn) {
    const Tensor all = values[0].to(Device{}).to(DType::kFloat64);
    return {all.span<double>().begin(), all.span<double>().end()};
  }
  std::vector<double> result(folder_.switch_names().size());
  std::size_t position = 0;
  for (const auto& [node, parameter] : own_switches_) {
    const Tensor some = values[position++].to(Device{}).to(DType::kFloat64);
    const std::vector<std::int64_t>& switches = folder_.program()[node].switches;
    for (std::size_t k = 0; k < switches.size(); ++k)
      result[static_cast<std::size_t>(switches[k])] = some.data<double>()[k];
  }
  return result;
}

std::vector<std::size_t> OracleNet::live_switches() const {
  std::vector<std::size_t> result;
  for (const OracleNode& node : folder_.program())
    result.insert(result.end(), node.switches.begin(), node.switches.end());
  return result;
}

std::pair<Parameter*, std::int64_t> OracleNet::place_of(std::size_t index) {
  for (auto& [node, parameter] : own_switches_) {
    const std::vector<std::int64_t>& switches = folder_.program()[node].switches;
    for (std::size_t k = 0; k < switches.size(); ++k) {
      if (switches[k] == static_cast<std::int64_t>(index))
        return {&parameter, static_cast<std::int64_t>(k)};
    }
  }
  throw std::logic_error(concat("switch ", index, " has no node"));
}

}  // namespace ockham::nas
