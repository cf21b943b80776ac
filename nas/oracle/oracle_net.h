#pragma once
// The network of a reference folder, rebuilt from the public ops.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "autograd/module.h"
#include "nas/oracle/oracle_folder.h"

namespace ockham::nas {

/// What the switches of the network are functions of: themselves; one switch for all cells of a kind; the softmax over
/// an edge of one such logit each.
enum class SwitchForm { kOwn, kShared, kSoftmax };

class OracleNet {
 public:
  /// Parameters by name, converted to `dtype`, on `device`. @throws CheckpointError
  OracleNet(const OracleFolder& folder, DType dtype, Device device = {});

  struct Run {
    Variable logits;
    Variable loss;
    Variable all_switches;  ///< kShared, kSoftmax: what the weighted sums read
  };
  /// Records the program. BatchNormMode::kRunning or kBatch.
  /// @throws CheckpointError naming the node whose shapes or parameters do not fit
  Run run(Tape& tape, SwitchForm form, BatchNormMode batch_norm);

  /// Every trained weight: name -> parameter.
  std::map<std::string, Parameter>& weights() { return weights_; }
  /// The switch parameters of a form: one per weighted sum, or a single one for all.
  std::vector<Parameter*> switches(SwitchForm form);
  /// Values of switches(form), one tensor each, in the order of the folder's names; switches without a node get zero.
  std::vector<double> in_order(SwitchForm form, const std::vector<Tensor>& values) const;
  /// Numbers of the switches that some node reads.
  std::vector<std::size_t> live_switches() const;
  /// Where own switch number `index` lives: the parameter and the entry. It must be live.
  std::pair<Parameter*, std::int64_t> place_of(std::size_t index);

 private:
  class Recorder;

  void read_weights(const OracleNode& node);
  void make_switches();

  const OracleFolder& folder_;
  DType dtype_;
  Device device_;
  Tensor input_;
  Tensor labels_;
  std::map<std::string, Parameter> weights_;
  std::map<std::string, Tensor> statistics_;       // of batch norms, by name
  std::map<std::size_t, Parameter> own_switches_;  // by node
  Parameter shared_switches_;
  Parameter logits_;  // [edges, operations]; undefined where the folder has none
};

}  // namespace ockham::nas
