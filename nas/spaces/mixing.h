#pragma once
// How the maps of a choice's options are put together in a search network, the same for every space.
#include <functional>

#include "nas/layers/gate.h"

namespace ockham::nas {

/// kSoftmax: one logit an option, shared by all cells; maps are weighed by its softmax within the choice (Liu et al.
/// 2019, DARTS). kSwitches: an independent scalar for every option in every cell (Zhou et al. 2019, BayesNAS). kGates:
/// a gate behind every option, shared by all cells (Zhou et al. 2020, PGNAS, arXiv:1906.09557, where gates stand before
/// the channels of a convolution: this is an adaptation of ours).
enum class Mixing { kSwitches, kSoftmax, kGates };

/// Options that one parameter of a search network holds, in the order of the space's numbers (nas/spaces/space.h).
struct OptionBlock {
  std::string name;          ///< of the parameter
  std::int64_t rows = 1;     ///< choices
  std::int64_t columns = 1;  ///< options of each
};

/// The weights of all cells, or of one with switches. Options are numbered through its blocks.
class Mixer : public Module {
 public:
  /// Before and after each pass of the network.
  virtual void begin(const Context& /*context*/) {}
  virtual void end() {}
  /// False where the option is dropped and need not be computed.
  virtual bool takes(const Context& /*context*/, std::int64_t /*option*/) const { return true; }
  /// The sum of maps, as much of each as there is of its option.
  /// @param maps     [N, C, H, W], at least one
  /// @param options  which option each is the map of: all in one block, and takes() is true for them
  virtual Variable sum(const Context& context, std::span<const Deferred> maps,
                       const std::vector<std::int64_t>& options) const = 0;
  /// With kGates one for each gated option in their order, `entry` the option, with its kernels.
  virtual std::vector<GatedGroup> groups(
      const std::function<std::vector<Parameter*>(std::int64_t option)>& /*kernels_of*/) {
    return {};
  }
};

/// A parameter [rows, columns] a block.
class SoftmaxMixer : public Mixer {
 public:
  /// Logits start at 1e-3 times a normal.
  Parameter& add_logits(const OptionBlock& block, Initial& initial);
  void begin(const Context& context) override;
  void end() override;
  Variable sum(const Context& context, std::span<const Deferred> maps,
               const std::vector<std::int64_t>& options) const override;

 private:
  struct Block {
    std::int64_t first;
    Parameter* logits;
    Variable weights;  // of the pass that runs
  };
  std::vector<Block> blocks_;
  std::int64_t options_ = 0;
};

/// A parameter [rows * columns] a block, all 1 at first. Algorithm R is exact if only one op reads each
/// (autograd/hessian.h): blocks are as large as what sum() is asked for, or an option that something else multiplies.
class SwitchMixer : public Mixer {
 public:
  SwitchMixer(std::span<const OptionBlock> blocks, const Initial& initial);
  Variable sum(const Context& context, std::span<const Deferred> maps,
               const std::vector<std::int64_t>& options) const override;
  /// That of the option.
  Parameter& parameter(std::int64_t option) const { return *block_of(option).values; }

 private:
  struct Block {
    std::int64_t first;
    Parameter* values;
  };
  const Block& block_of(std::int64_t option) const;
  std::vector<Block> blocks_;
};

/// A gate is a number for each example and option, the same in all copies of a cell, since together they are one
/// architecture. Where the context trains, it is relaxed and drawn, else the zero or one of groups()[i].keep. Parameter
/// "drop_logits" [options].
///
/// A choice is the mean of its options: over all that have a gate where the context trains, else over those given.
/// (With all of them summed, a cell would multiply what its identities and pools pass on, and the convolutions of later
/// cells would drown in it.) Choices that are added have equally many gates.
class GateMixer : public Mixer {
 public:
  /// @param has_none  the first option of each choice is what the choice is without the others, and has no gate
  /// @throws UsageError unless 0 < drop < 1
  GateMixer(std::span<const OptionBlock> blocks, bool has_none, const GateOptions& options, const Initial& initial);

  bool takes(const Context& context, std::int64_t option) const override;
  Variable sum(const Context& context, std::span<const Deferred> maps,
               const std::vector<std::int64_t>& options) const override;
  std::vector<GatedGroup> groups(
      const std::function<std::vector<Parameter*>(std::int64_t option)>& kernels_of) override;

 private:
  Variable relaxed(const Context& context, std::span<const Deferred> maps,
                   const std::vector<std::int64_t>& options) const;
  Variable fixed(const Context& context, std::span<const Deferred> maps,
                 const std::vector<std::int64_t>& options) const;
  std::int64_t choice_of(std::int64_t option) const { return choice_of_[static_cast<std::size_t>(option)]; }

  std::vector<std::int64_t> choice_of_;    // by option; negative: it has no gate
  std::vector<double> gates_;              // by choice: how many
  std::vector<std::vector<double>> keep_;  // by option
  double temperature_;
  Parameter* logits_;
};

/// What all cells share with kSoftmax or kGates.
std::unique_ptr<Mixer> make_shared_mixer(Mixing mixing, std::span<const OptionBlock> blocks, bool has_none,
                                         const GateOptions& gates, Initial& initial);

}  // namespace ockham::nas
