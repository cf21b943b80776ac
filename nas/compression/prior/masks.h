#pragma once
// Weights that are gone: exactly zero from when they are pruned, through every step of any optimiser after that
// (dynamic pruning, Zhou et al. 2019). An entry whose value, gradient and optimiser's state are zero is stepped to
// zero by SGD with momentum, Nesterov and weight decay and by Adam alike, so that it takes three things: the value and
// the state are cleared when an entry is pruned, the gradient before each step.
#include <map>
#include <span>
#include <string>
#include <vector>

#include "autograd/optim/optimizer.h"
#include "nas/compression/groups/group_family.h"

namespace ockham::nas {

class Masks {
 public:
  /// Nothing is pruned. `parameters` are those that groups speak of, in their order; they outlive it.
  explicit Masks(std::vector<Parameter*> parameters);

  /// Prunes the entries of a group, for good; apply() is to follow. @throws ShapeError for entries that are not there
  void prune(const WeightGroup& group);
  /// Those of a family that are marked.
  void prune(const GroupFamily& family, const std::vector<bool>& marked);

  /// A parameter's value with zeros where it is pruned, applied or not.
  Tensor value_of(std::size_t parameter) const;

  /// Clears values, and what an optimiser of the parameters remembers of them: after pruning, after load().
  void apply();
  void apply(Optimizer& optimizer);
  /// Clears gradients: before each step, and before their norm is taken, which pruned entries then have no part in.
  void mask_gradients();

  bool is_kept(std::size_t parameter, std::size_t entry) const {
    return kept_[parameter].empty() || kept_[parameter][entry] != 0;
  }
  /// How many entries of a parameter are left.
  std::int64_t kept_entries(std::size_t parameter) const;
  std::int64_t kept_entries() const;
  const std::vector<Parameter*>& parameters() const { return parameters_; }

  /// "mask.fc1.weight", uint8 of the parameter's shape, 1 where kept, for parameters with anything pruned.
  std::map<std::string, Tensor> state() const;
  /// In place of what it is. @throws CheckpointError if a mask belongs to another network, or is not of zeros and ones
  void load(const std::map<std::string, Tensor>& state);

 private:
  Tensor masked(const Tensor& values, std::size_t parameter) const;
  void clear(std::size_t parameter, std::int64_t entry);

  std::vector<Parameter*> parameters_;
  std::vector<std::vector<unsigned char>> kept_;  // by parameter and entry; empty: all
  mutable std::vector<Tensor> factors_;  // the same as numbers, where the parameter is; undefined: not made yet
};

}  // namespace ockham::nas
