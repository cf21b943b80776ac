#pragma once
// What a cell is made of, and whether that looks like collapse: searches that relax the choice of operations may end in
// cells of skip connections, which learn fast and little (Zela et al. 2020, Chu et al. 2020).
#include <cstdint>
#include <string>

namespace ockham::apps {

struct CellContent {
  std::int64_t operations = 0;  ///< 0: the space has no such count
  std::int64_t skips = 0;
  std::int64_t nones = 0;

  /// Are more than half of the operations skip connections or none?
  bool is_mostly_skips() const { return 2 * (skips + nones) > operations && operations > 0; }
};

/// @param cell as the space writes it @throws UsageError if it is malformed
CellContent content_of_cell(const std::string& space, const std::string& cell);

/// A line for the log; empty where there is no cause.
std::string collapse_warning(const std::string& space, const std::string& cell);

}  // namespace ockham::apps
