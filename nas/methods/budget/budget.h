#pragma once
// Sparsity to order: how much a rule must prune for the network of the cell that it leaves to fit a budget. Everything
// but the pruning is measured by then, so that it can be tried at any strictness: rules of evidence at another lambda;
// the entropy rule, whose variances do not depend on lambda once the switches are trained, at another threshold.
//
// Sizes need not fall as strictness rises, so nothing is assumed: a fixed grid of strictness is walked from its sparse
// end, until a whole decade is too large or the grid ends; the step from the best cell that fits, or from nothing, to a
// denser one that does not is halved a few times; of all that was seen the largest that fits is taken.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "nas/bayes/evidence/rules.h"
#include "nas/methods/method.h"
#include "nas/methods/shared_settings.h"

namespace ockham::nas {

/// What the network that is trained in the end may cost; all limits hold together.
struct Budget {
  SizeLimits sizes = {};
  std::optional<double> latency = {};              ///< milliseconds of a pass (latency_ms)
  std::optional<std::int64_t> latency_batch = {};  ///< images in that pass; unset: one

  bool is_set() const { return sizes.parameters || sizes.macs || latency; }
  std::int64_t latency_images() const { return latency_batch.value_or(1); }
  void describe(SettingVisitor& visitor);
};

struct NetworkCost {
  std::int64_t parameters = 0, macs = 0;
  std::optional<double> latency = {};  ///< where the budget limits it

  bool operator==(const NetworkCost&) const = default;
};
/// The largest share of a limit; a network fits up to 1.
double fill_of(const NetworkCost& cost, const Budget& budget);

/// What the rule leaves at one strictness.
struct PathPoint {
  double strictness = 1.0;              ///< a factor on what the run was told
  double knob = 0.0;                    ///< the lambda or threshold that comes of it
  int kept = 0;                         ///< groups of switches
  std::optional<double> evidence = {};  ///< of all groups, in nats
  NetworkCost cost = {};
  double fill = 0.0;

  bool fits() const { return fill <= 1.0; }
  bool operator==(const PathPoint&) const = default;
};

struct SparsityPath {
  std::string knob = "lambda";  ///< "variance": the entropy rule's threshold
  Budget budget = {};
  std::vector<PathPoint> points = {};  ///< the strictest first
  std::size_t chosen = 0;
  std::map<std::int64_t, double> latencies = {};  ///< of the chosen network, by images; empty where none is limited
};

/// The point at a strictness; nothing where no network is left.
using PointAt = std::function<std::optional<PathPoint>(double strictness)>;

inline constexpr int kDecades = 4, kPointsPerDecade = 4, kHalvings = 10;

/// The points seen, the strictest first, and which is chosen: of those that fit the one with the largest share of a
/// limit on size, or, where latency alone is limited, with the most multiply-accumulates; of equal ones the strictest.
/// @throws UsageError where nothing fits, with the smallest network that was seen and the options that admit it
SparsityPath find_strictness(const std::string& knob, const Budget& budget, const PointAt& at, const Pause& pause);

/// Costs of the networks of cells, each measured once.
class NetworkCosts {
 public:
  NetworkCosts(const SearchSpace& space, const Budget& budget, Device device)
      : space_(space), budget_(budget), device_(device) {}

  /// Nothing where the network tells nothing of its input.
  std::optional<NetworkCost> of(const std::string& cell);
  double latency_of(const std::string& cell, std::int64_t images) const;

 private:
  const SearchSpace& space_;
  const Budget& budget_;
  Device device_;
  std::map<std::string, std::optional<NetworkCost>> known_ = {};
};

/// What the rule's strictness is a factor on.
std::string knob_of(Rule rule);

/// @throws UsageError where a cell takes an option of some choice whatever is pruned, and so is never smaller for it
void require_shrinkable(const SearchSpace& space, const SwitchNetwork& network);

/// Into a search's state, by name, and back: nothing where it has none. The budget is not part of it.
void pack(const SparsityPath& path, std::map<std::string, Tensor>& state);
std::optional<SparsityPath> unpack_path(const std::map<std::string, Tensor>& state, const std::string& knob,
                                        const Budget& budget);

}  // namespace ockham::nas
