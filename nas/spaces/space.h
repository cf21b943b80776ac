#pragma once
// What a search method and its driver see of a space, whatever its cells look like: a search network with named logits,
// the rule that makes a cell of numbers, and the network of one cell. A cell is a text in the space's own notation, the
// same text for the same cell.
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/random.h"
#include "nas/bayes/derive.h"
#include "nas/bayes/gates.h"
#include "nas/spaces/gated_network.h"
#include "nas/spaces/search_network.h"

namespace ockham::nas {

/// One softmax of the search network: an edge's operations, or a node's inputs.
struct Choice {
  std::string name;                  ///< "3<-0", "normal in0_3"
  std::vector<std::string> options;  ///< what each number stands for
};

/// What a cell's network costs and what is known of it without training.
struct CellFacts {
  std::int64_t parameters = 0;
  std::int64_t macs = 0;     ///< multiply-accumulates of one image
  std::int64_t skips = 0;    ///< skip connections
  bool is_connected = true;  ///< does its output depend on its input?
};

/// A network and what methods see of it.
struct OwnedNetwork {
  std::unique_ptr<Module> module;
  SearchNetwork network;
};

/// Of a network with forward(), and features() if it tells them.
template <class Network>
OwnedNetwork owned(std::unique_ptr<Network> network, std::vector<Parameter*> architecture = {}) {
  Network& net = *network;
  OwnedNetwork result{
      .module = std::move(network),
      .network = {.module = &net,
                  .forward = [&net](const Context& context, const Variable& x) { return net.forward(context, x); },
                  .architecture = std::move(architecture)}};
  if constexpr (requires(const Context& context, const Variable& x) { net.features(context, x); })
    result.network.features = [&net](const Context& context, const Variable& x) { return net.features(context, x); };
  return result;
}

/// A cell as Graphviz text and as SVG.
struct CellPicture {
  std::string name;  ///< "normal"
  std::string dot, svg;
};

/// The same scalar in all copies of a cell: one number of choices(), or an edge's own switch ("origin").
struct SwitchPlaces {
  /// An entry of an architecture parameter.
  struct Entry {
    Parameter* parameter;
    std::size_t index;
  };
  std::string choice, option;
  std::vector<Entry> copies = {};  ///< none: no switch, but what is left where no switch of its choice is kept ("none")
  SwitchGates gates = {};          ///< by place in SwitchNetwork::groups
};

/// A number for each group of a SwitchNetwork, 0 where it is pruned, and how to read it.
struct GroupNumbers {
  std::span<const double> values;
  Measure measure = {};
};

/// A search network with an independent switch for every number in every cell.
struct SwitchNetwork {
  /// Its architecture is in as many parameters as there are ops that read switches (each read by one op: only then
  /// algorithm R is exact, autograd/hessian.h); all 1 at the start.
  OwnedNetwork owned;
  std::vector<SwitchPlaces> groups;  ///< the numbers of choices() in their order, then origins
  /// Leaves out of the network what is pruned, by group, and nothing else; null: pruned switches are zeros there.
  std::function<void(const std::vector<bool>& is_pruned)> leave_out = {};
  /// The cell of what is kept: operations whose own number and whose edge's are above the threshold.
  /// @throws UsageError if nothing is left of it. Null: a cell takes an option of every choice, and
  /// SearchSpace::derive() says which.
  std::function<std::string(const GroupNumbers& numbers)> derive_kept = {};
  /// Its pictures; null: none.
  std::function<std::vector<CellPicture>(const GroupNumbers& numbers)> draw_kept = {};
};

/// The network that is trained in the end, and the size of its images.
struct TrainedNetwork {
  OwnedNetwork owned;
  std::int64_t image_channels = 3, image_size = 32;
};

struct OwnedGatedNetwork {
  std::unique_ptr<Module> module;
  GatedNetwork network;
};

/// Of a network with forward() and groups().
template <class Network>
OwnedGatedNetwork owned_gated(std::unique_ptr<Network> network) {
  Network& net = *network;
  return {.module = std::move(network), .network = gated(net)};
}

class SearchSpace {
 public:
  virtual ~SearchSpace() = default;

  /// "nasbench201", "darts", ...
  virtual std::string name() const = 0;
  /// All operations at once; architecture holds the logits of choices(), one after another.
  virtual OwnedNetwork make_supernet(Initial& initial) const = 0;
  /// All operations at once, each with a switch. @throws UsageError where the space has no such network (the default)
  virtual SwitchNetwork make_switches(Initial& initial) const;
  /// All operations at once with gates, `entry` of a group the number of choices() that its gate stands for; an option
  /// without a gate (none) is what its choice is without the others. @throws UsageError unless 0 < drop < 1, or where
  /// the space has no such network (the default)
  virtual OwnedGatedNetwork make_gated(const GateOptions& options, Initial& initial) const;
  /// Of one cell, at the size of the search; no architecture. @throws UsageError for a malformed cell
  virtual OwnedNetwork make_network(const std::string& cell, Initial& initial) const = 0;
  virtual std::vector<Choice> choices() const = 0;
  /// The cell of the largest numbers, one for every option of every choice; each space states its rule and its ties.
  virtual std::string derive(std::span<const double> numbers) const = 0;
  /// The inverse of derive(): 1 for each option that the cell takes, 0 for all others.
  /// @throws UsageError for a malformed cell or one that is not of the space, or where the space does not tell (the
  /// default)
  virtual std::vector<double> indicator(const std::string& cell) const;
  /// Of the network that is trained in the end. @throws UsageError for a malformed cell
  virtual CellFacts facts(const std::string& cell) const = 0;
  /// The network that facts() are of. @throws UsageError for a malformed cell, or where the space does not build it
  /// (the default)
  virtual TrainedNetwork make_trained(const std::string& cell, Initial& initial) const;
  /// Names and values of options by which ockham-train builds that network of the cell, where its size is the space's.
  virtual std::vector<std::pair<std::string, std::string>> trained_options() const { return {}; }
};

/// For every number of choices() its names and the place of its switches, where the network's architecture holds, cell
/// after cell, the switches of all numbers in their order. Gates are left to fill in.
std::vector<SwitchPlaces> places_of_numbers(const SearchSpace& space, const std::vector<Parameter*>& architecture);

/// Numbers of all choices together.
std::size_t count_options(const SearchSpace& space);

/// Independent normal numbers of that key, one for every option: none is preferred.
std::vector<double> random_numbers(const SearchSpace& space, const RandomKey& key);
/// The cell of random_numbers().
std::string random_cell(const SearchSpace& space, const RandomKey& key);

/// Cells that take one option that this one does not, and else the same but for the one that it displaces: an edge's
/// operation, or any one input of a node that keeps the best of several. Each once, in the order of their texts.
/// @throws UsageError as SearchSpace::indicator
std::vector<std::string> neighbours(const SearchSpace& space, const std::string& cell);

/// derive(), but with at most `most` skip connections: while there are more, of the skips that are the likeliest of
/// their choice, none ("none") aside, the one of the smallest probability within its choice is forbidden. Chen et al.
/// 2019 (P-DARTS) cap them in the same spirit.
/// @throws UsageError if no cell has so few
std::string derive_with_skip_cap(const SearchSpace& space, std::span<const double> numbers, std::int64_t most);

/// softmax within each choice.
std::vector<double> probabilities(const SearchSpace& space, std::span<const double> logits);

/// Mean over choices of the entropy of probabilities(), in nats.
double mean_entropy(const SearchSpace& space, std::span<const double> logits);

}  // namespace ockham::nas
