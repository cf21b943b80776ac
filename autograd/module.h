#pragma once
// Module: a tree of named parameters and buffers. A network is a Module with a forward function of its own; names join
// with dots as in PyTorch ("cells.0.preprocess0.op.1.weight").
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "autograd/tape.h"
#include "engine/random.h"

namespace ockham {

/// What batch norm normalises with. kBatch: the batch's own statistics, which also move the running ones (training).
/// kRunning: the running statistics (evaluation). kFrozenBatch: the batch's statistics taken as constants, so that
/// samples do not couple; running statistics stay.
enum class BatchNormMode { kBatch, kRunning, kFrozenBatch };

/// Results of functions without parameters, which are the same whoever asks: those of one recorded variable, by name.
class SharedResults {
 public:
  /// What `make` gave for this function and variable before, or gives now.
  template <class Make>
  Variable get(const std::string& function, const Variable& x, Make&& make) {
    const auto [it, is_new] = results_.try_emplace({function, x.id().node, x.id().output});
    if (is_new)
      it->second = make();
    return it->second;
  }

 private:
  std::map<std::tuple<std::string, int, int>, Variable> results_;
};

/// How a network is to be run, handed down its modules.
struct Context {
  Tape* tape = nullptr;  ///< null: nothing is recorded
  BatchNormMode batch_norm = BatchNormMode::kRunning;
  bool is_training = false;  ///< dropout and drop path act
  RandomKey key = {};        ///< seed and step; modules add their own stream
  /// Of a step that is recorded once and run with other numbers: float64 [2], what is added to key.step, and the
  /// probability of dropping, which then no module decides. Undefined: nothing moves.
  Tensor moving = {};
  /// Layers may compute several of themselves at once, with the same results but for rounding. False: one op per layer,
  /// which the published recursion and second derivatives by weights need.
  bool fuses = true;
  SharedResults* shared = nullptr;  ///< of a part of the network whose layers may ask each other; null: none

  /// The parameter as a leaf of the tape, or as a constant where nothing is recorded.
  Variable use(Parameter& parameter) const {
    return tape != nullptr ? tape->leaf(parameter) : Variable(parameter.value);
  }
};

class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  /// All parameters and buffers of the tree, in order of construction, with full names.
  std::vector<Parameter*> state();
  /// Those of one kind.
  std::vector<Parameter*> parameters(ParameterKind kind);
  /// The modules of the tree that are an M, itself included, in order of construction, with full names.
  template <class M>
  std::vector<std::pair<std::string, M*>> modules() {
    std::vector<std::pair<std::string, M*>> result;
    collect_modules("", result);
    return result;
  }

 protected:
  Parameter& add_parameter(std::string name, Tensor value, ParameterKind kind = ParameterKind::kWeight);
  /// A child; with an empty name its parameters take this module's prefix.
  template <class M>
  M& add(std::string name, std::unique_ptr<M> child) {
    M& result = *child;
    children_.emplace_back(std::move(name), std::move(child));
    return result;
  }

 private:
  void collect(const std::string& prefix, std::vector<Parameter*>& result);
  template <class M>
  void collect_modules(const std::string& name, std::vector<std::pair<std::string, M*>>& result) {
    if (M* found = dynamic_cast<M*>(this))
      result.emplace_back(name, found);
    for (auto& [child, part] : children_)
      part->collect_modules(child.empty() || name.empty() ? name + child : name + "." + child, result);
  }

  std::vector<std::pair<std::string, std::unique_ptr<Parameter>>> own_;
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
};

/// Number of elements in all of them.
std::int64_t count_elements(std::span<Parameter* const> parameters);

/// Draws the initial values of a network, the same for the same seed: tensors take streams in order of construction.
struct Initial {
  std::uint64_t seed = 0;
  std::uint64_t next_stream = 0;  ///< each tensor drawn takes the next stream of (seed, kInit)
  DType dtype = DType::kFloat32;
  Device device = {};  ///< where the values go; the host draws them whatever it is

  /// Uniform in +-1/sqrt(fan_in): the default of PyTorch's conv and linear layers.
  Tensor uniform_fan_in(const Shape& shape, std::int64_t fan_in);
  /// Normal with mean 0.
  Tensor normal(const Shape& shape, double deviation);
  Tensor constant(const Shape& shape, double value) const;
};

}  // namespace ockham
