#pragma once
// A folder of reference values, format 1: a network as a list of nodes, its parameters, and the numbers that an exact
// engine must reproduce. manifest.json names everything; one .npy file holds one array.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace ockham::nas {

/// One node of the program. Which attributes count depends on `op`: input, conv, bn, relu, maxpool, avgpool, wsum,
/// crop, concat, gap or linear.
struct OracleNode {
  std::string op;
  std::string name;
  std::vector<std::size_t> in;                    ///< earlier nodes
  std::vector<std::int64_t> switches;             ///< wsum: for each input, the number of its switch
  std::map<std::string, std::string> parameters;  ///< role (w, b, gamma, beta, rm, rv) -> name, those that are there
  std::int64_t stride = 1;
  std::int64_t pad = 0;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
  std::int64_t kernel = 1;
  double eps = 0.0;
};

class OracleFolder {
 public:
  /// Reads and checks the manifest; arrays are read when asked for.
  /// @throws CheckpointError for a missing, damaged or inconsistent manifest
  explicit OracleFolder(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return path_; }
  /// In order of execution; the first is the input, the last gives the logits.
  const std::vector<OracleNode>& program() const { return program_; }
  const std::vector<std::string>& switch_names() const { return switch_names_; }
  const std::vector<std::string>& shared_names() const { return shared_names_; }
  /// For each switch the number of its shared one.
  const std::vector<std::int64_t>& share() const { return share_; }

  /// Names of all arrays that begin with `prefix`, sorted.
  std::vector<std::string> arrays(const std::string& prefix = "") const;
  bool has(const std::string& array) const { return files_.contains(array); }
  /// @throws CheckpointError if it is not there or not of the shape and dtype that the manifest says
  Tensor array(const std::string& name) const;

 private:
  struct File {
    std::string name;
    std::vector<std::int64_t> shape;
    std::string dtype;
  };
  class Reader;

  std::filesystem::path path_;
  std::vector<OracleNode> program_;
  std::vector<std::string> switch_names_;
  std::vector<std::string> shared_names_;
  std::vector<std::int64_t> share_;
  std::map<std::string, File> files_;
};

}  // namespace ockham::nas
