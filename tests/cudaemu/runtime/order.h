#pragma once
// What comes before what on the device, whichever order is played: a clock of each stream's work, as events, waits and
// the host's waiting make it. The checker asks it whether two accesses of different works race.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace emu {

/// Of each stream, by its number, how much of its work is known to be done.
class Clock {
 public:
  void learn(const Clock& other);
  void learn(std::uint32_t stream, std::uint64_t work);
  bool knows(std::uint32_t stream, std::uint64_t work) const { return stream < done_.size() && done_[stream] >= work; }

 private:
  std::vector<std::uint64_t> done_;
};

/// Which nodes of a graph come before which.
class GraphOrder {
 public:
  /// @param after of each node, the earlier ones that it waits for
  explicit GraphOrder(const std::vector<std::vector<std::size_t>>& after);
  bool is_before(std::size_t first, std::size_t second) const {
    return ancestors_[second * words_ + first / 64] >> first % 64 & 1;
  }

 private:
  std::size_t words_;
  std::vector<std::uint64_t> ancestors_;  // a row of bits a node
};

/// Work number `work` of stream `stream` begins to run. Gives it a number of its own (running.launch).
void begin_work(std::uint32_t stream, std::uint64_t work, const Clock& clock, const std::string& name);
/// So does a node of the graph that the work consists of.
void begin_node(const std::shared_ptr<const GraphOrder>& order, std::size_t node, const std::string& name);
/// Had the work with this running.launch to be done before the one that runs?
bool is_before_running_work(std::uint32_t launch);
/// "kernel(float*) (work 7 of stream 2)"; check mode only.
std::string describe_work(std::uint32_t launch);

}  // namespace emu
