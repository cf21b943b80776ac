#pragma once
// What a search knows of its architecture when it ends: a row a group of switches, logits or gates, whatever method and
// space. The content of posterior.json.
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ockham::nas {

struct PosteriorTable {
  struct Row {
    std::string choice;       ///< where it stands: "normal in0_0", "3<-0", the name of a kernel
    std::string option;       ///< what it stands for there: an operation, an input, "origin" for an edge's own switch
    std::string reason = {};  ///< why it was kept or pruned, a sentence; empty where nothing was decided
  };
  /// How rows move together in the posterior: those of row i and j of `rows` at [i, j], n x n.
  struct Correlation {
    std::vector<std::size_t> rows = {};
    std::vector<double> values = {};
  };
  /// What pruning left at each strictness that was tried for a budget, the strictest first.
  struct Path {
    std::string knob = {};                                    ///< what was varied: "lambda", "variance"
    std::map<std::string, double> limits = {};                ///< by option
    std::map<std::string, std::vector<double>> columns = {};  ///< by name, a value a point; that of the knob among them
    std::size_t chosen = 0;
  };
  std::vector<Row> rows = {};
  /// By name a number for each row: "mean", "sigma", "gamma", ...
  std::map<std::string, std::vector<double>> columns = {};
  /// By name, for each row, a number for each copy of its cell in the network: "switch", "hessian", ...
  std::map<std::string, std::vector<std::vector<double>>> copies = {};
  std::string rule = {};                 ///< "entropy", "evidence", ...; empty: none
  std::optional<double> threshold = {};  ///< of the rule's numbers, at and below which a group is pruned
  std::optional<double> evidence = {};   ///< of all groups together, in nats
  std::optional<Correlation> correlation = {};
  std::optional<Path> path = {};
  /// Of each round of pruning, named numbers: the first is its own.
  std::vector<std::vector<std::pair<std::string, double>>> rounds = {};
};

inline constexpr int kPosteriorFormat = 2;

/// {"format", "method", "space", "rule", "threshold", "evidence", "groups": [{"choice", "option", a number a column,
/// "reason", "copies": {...}}], "correlation": {"groups": [place in groups], "matrix": [[...]]}, "path": {"knob",
/// "limits": {...}, "chosen": place in points, "points": [{...}]}, "rounds": [{...}]}, without what is unknown. Numbers
/// that are not finite become null.
std::string posterior_json(const PosteriorTable& table, const std::string& method, const std::string& space);

}  // namespace ockham::nas
