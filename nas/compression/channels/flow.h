#pragma once
// How the channels of one traced pass depend on one another and on parameters, whatever the ops are called.
#include <array>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "autograd/module.h"
#include "autograd/trace.h"

namespace ockham::nas {

/// An element is a channel of a value, or an index along the first or second axis of a parameter or buffer. Those of
/// one value or axis have consecutive numbers.
class ChannelFlow {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  /// y_(c s + j) = g_c f(x_c, x'_c, ...) + b_c with f(0) = 0, for channels c and j < s.
  struct Channelwise {
    std::vector<std::size_t> x;  ///< the first element of each input; none: the constant 0
    std::size_t y = 0;
    std::size_t channels = 0;
    std::size_t spread = 1;                              ///< s
    bool keeps_zero = true;                              ///< false: y is not known to be zero for x = 0
    std::vector<std::size_t> gains = {};                 ///< parameters; the channel of one is silent where it is zero
    std::vector<std::vector<std::size_t>> offsets = {};  ///< b_c is a sum of products of these parameters
    std::vector<std::size_t> others = {};                ///< parameters per channel by which nothing becomes zero
  };
  /// y_o = sum_i w_oi * x_i
  struct Dense {
    std::size_t x = 0, y = 0, weight = 0;
  };
  /// Channels of zeros which a layer keeps count of, on one side of others.
  struct Zeros {
    const Module* owner = nullptr;
    bool is_behind = false;
    std::size_t first = 0, channels = 0;
  };
  /// Features of images that a layer reads: it can leave some out.
  struct Features {
    std::size_t weight = 0;
    std::size_t first = 0;
  };
  using Step = std::variant<Channelwise, Dense>;

  /// @throws Error naming an op without a rule
  ChannelFlow(const Trace& trace, const Tensor& images, const Tensor& logits, Module& module);

  const std::vector<Parameter*>& state() const { return state_; }
  /// In the order of the pass.
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<Zeros>& zeros() const { return zeros_; }
  const std::vector<Features>& features() const { return features_; }
  std::size_t elements() const { return parent_.size(); }
  /// The one element that stands for all those tied to this.
  std::size_t root(std::size_t element) const;
  bool is_fixed(std::size_t root) const { return fixed_[root] != 0; }
  /// Is the element a channel of a value?
  bool is_of_value(std::size_t element) const { return element >= first_value_; }
  /// First element of an axis of a parameter; kNone where it has no such axis.
  std::size_t axis(std::size_t parameter, int axis) const { return axes_[parameter][static_cast<std::size_t>(axis)]; }
  /// Does the pass read the parameter?
  bool is_used(std::size_t parameter) const { return used_[parameter] != 0; }

  // For the rules.

  /// The channels of a value, which are new where none of them is known.
  std::size_t value(const Tensor& value);
  bool is_known(const Tensor& value) const { return values_.contains(address(value)); }
  bool is_images(const Tensor& value) const { return address(value) == images_; }
  /// Its place in state(), or kNone.
  std::size_t parameter(const Tensor& value) const;
  /// Do all calls that read the value read it as the input of a Linear layer?
  bool is_read_by_layers_alone(const Tensor& value) const;
  /// The Linear layer that has this weight; null: there is none.
  const Module* linear_layer(std::size_t weight) const;
  /// Each of `count` elements from a on is one with its counterpart from b on.
  void tie(std::size_t a, std::size_t b, std::size_t count = 1);
  /// None of the value's channels may go.
  void fix(const Tensor& value);
  void mark_used(std::size_t parameter) { used_[parameter] = 1; }
  void add(Channelwise step);
  void add(const Dense& step);
  void add(Zeros zeros) { zeros_.push_back(zeros); }
  /// Images as features, whose readers are layers that can leave some out.
  void add_features(const Tensor& value);
  /// Channels of any value: its dimension 1.
  static std::size_t channels(const Tensor& value) { return static_cast<std::size_t>(value.size(1)); }

 private:
  static const void* address(const Tensor& value) { return value.device_bytes(); }
  std::size_t new_elements(std::int64_t count);

  std::vector<Parameter*> state_;
  std::vector<std::array<std::size_t, 2>> axes_;
  std::vector<char> used_;
  std::unordered_map<const void*, std::size_t> parameters_;
  std::unordered_map<std::string, const Module*> linear_layers_;  // by name
  std::unordered_map<const void*, std::size_t> values_;           // first element
  const void* images_ = nullptr;
  const std::vector<Trace::Call>* calls_ = nullptr;
  std::size_t first_value_ = 0;
  mutable std::vector<std::size_t> parent_;
  std::vector<char> fixed_;  // of roots
  std::vector<Step> steps_;
  std::vector<Zeros> zeros_;
  std::vector<Features> features_;
};

/// Adds what one call does to the flow. @throws Error naming an op without a rule
void follow(ChannelFlow& flow, const Trace::Call& call);

}  // namespace ockham::nas
