#pragma once
// Gates behind the options of a space's choices (nas/spaces/space.h), such as the operations of a cell's edges:
// what PGNAS's gates are in a space of cells. Zhou et al. 2020 (arXiv:1906.09557) gate the channels before a
// convolution; this is an adaptation of ours.
#include <functional>

#include "nas/layers/gate.h"

namespace ockham::nas {

/// A gate is a number for each example and option, the same in all copies of a cell, since together they are one
/// architecture. Where the context trains, it is relaxed and drawn, else the zero or one of groups()[i].keep. Parameter
/// "drop_logits" [options].
class OptionGates : public Module {
 public:
  /// The choice of an option without a gate, none, which is what a choice is without its other options.
  static constexpr std::int64_t kUngated = -1;

  /// @param choice_of  by option, in 0, 1, ..., or kUngated
  /// @param averages   a choice is the mean of its options, else their sum
  /// @throws UsageError unless 0 < drop < 1
  OptionGates(std::vector<std::int64_t> choice_of, const GateOptions& options, bool averages, const Initial& initial);

  /// False where the option is dropped and need not be computed.
  bool takes(const Context& context, std::int64_t option) const;
  /// The sum over choices of the mean of their options: over all that have a gate where the context trains, else over
  /// those given, which takes() is true for. Choices that are added have equally many gates.
  /// @param maps     [N, C, H, W], at least one
  /// @param options  which option each is the map of
  Variable sum(const Context& context, std::span<const Deferred> maps, const std::vector<std::int64_t>& options) const;

  /// One for each gated option in their order, `entry` the option, with its kernels and the constant that stands for
  /// them where there are none.
  std::vector<GatedGroup> groups(const std::function<std::vector<Parameter*>(std::int64_t option)>& kernels_of,
                                 double constant_square);
  Parameter& logits() { return logits_; }

 private:
  Variable relaxed(const Context& context, std::span<const Deferred> maps,
                   const std::vector<std::int64_t>& options) const;
  Variable fixed(const Context& context, std::span<const Deferred> maps,
                 const std::vector<std::int64_t>& options) const;
  std::int64_t choice_of(std::int64_t option) const { return choice_of_[static_cast<std::size_t>(option)]; }

  std::vector<std::int64_t> choice_of_;    // by option
  std::vector<double> gates_;              // by choice: how many
  std::vector<std::vector<double>> keep_;  // by option
  double temperature_;
  bool averages_;
  Parameter& logits_;
};

}  // namespace ockham::nas
