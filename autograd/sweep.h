#pragma once
// The two loops over a tape that everything else is made of: cotangents backwards, tangents forwards, D directions at
// once. reverse.cpp, curvature.cpp and hessian.cpp only choose what enters and what is looked at on the way.
#include <functional>
#include <map>
#include <vector>

#include "autograd/tape.h"

namespace ockham {

/// Per node: does it depend on any of the leaf nodes given?
std::vector<char> dependents_of(const Tape& tape, std::span<const int> leaves);

/// The nodes of a parameter's leaf, in the order given. @throws Error naming a parameter that is not on the tape
std::vector<int> leaf_nodes(const Tape& tape, std::span<Parameter* const> parameters);

struct PullOptions {
  std::int64_t D = 1;
  /// Cotangents are computed for these nodes only (see dependents_of).
  const std::vector<char>* active = nullptr;
  /// False: cotangents of leaves are not computed.
  bool reaches_leaves = true;
  /// Frees each node's Saved once it has been used; the tape serves no further sweep.
  bool frees_saved = false;
  /// Called with a node and its outputs' cotangents before they are pulled back; x_bar is filled only for ops that
  /// ReadsInputCotangents and only if keeps_x_bar.
  std::function<void(int node, Inputs y_bar, Inputs x_bar)> visit;
  bool keeps_x_bar = false;
};

/// Pulls `seed`, D cotangents of `root`, back through the tape. Returns the cotangents of the leaves it reached.
/// Cost: one vjp per active node; memory: the live cotangents.
std::map<int, Tensor> pull_back(Tape& tape, ValueId root, Tensor seed, const PullOptions& options);

/// Fills the tangents of a node's outputs, as jvp() does, and whatever else is wanted of them. @return false: not done,
/// jvp() shall do it
using PushStep = std::function<bool(int node, Inputs x_dot, Outputs y_dot)>;

/// Pushes D tangents of leaves (node -> tangent) forward to `root` and returns its tangents; undefined if none arrive.
/// `step` is asked before each jvp. Nodes without a tangent are skipped; tangents are freed after their last use.
Tensor push_forward(const Tape& tape, ValueId root, const std::map<int, Tensor>& seeds, std::int64_t D,
                    const PushStep& step = {});

/// Bytes per direction that pull_back or push_forward over the active nodes holds at its peak, by a dry run.
std::size_t peak_bytes_per_direction(const Tape& tape, ValueId root, const std::vector<char>& active);

}  // namespace ockham
