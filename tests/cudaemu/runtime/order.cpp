#include "tests/cudaemu/runtime/order.h"

#include <algorithm>
#include <set>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/block.h"

namespace emu {
namespace {

/// Where a piece of work came from, kept for as long as the program runs: cells of the checker name works.
struct Origin {
  std::uint64_t work = 0;
  std::uint32_t stream = 0;
  std::uint32_t node = 0;
  const std::string* name = nullptr;
};

std::vector<Origin> origins(1);  // by running.launch, which begins at 1
const Clock* clock_of_running = nullptr;
std::shared_ptr<const GraphOrder> graph_of_running;
std::uint32_t last_asked = 0;
bool last_answer = false;

/// One copy of each name, for ever.
const std::string* kept(const std::string& name) {
  static std::set<std::string> names;
  return &*names.insert(name).first;
}

void number_the_work(const Origin& origin) {
  static std::uint32_t numbers = 0;
  running.launch = ++numbers;
  last_asked = 0;
  if (is_checking())
    origins.push_back(origin);
}

bool find_order(const Origin& before, const Origin& now) {
  if (before.stream == now.stream && before.work == now.work)
    return graph_of_running != nullptr && graph_of_running->is_before(before.node, now.node);
  return clock_of_running->knows(before.stream, before.work);
}

}  // namespace

void Clock::learn(const Clock& other) {
  if (done_.size() < other.done_.size())
    done_.resize(other.done_.size());
  for (std::size_t i = 0; i < other.done_.size(); ++i)
    done_[i] = std::max(done_[i], other.done_[i]);
}

void Clock::learn(std::uint32_t stream, std::uint64_t work) {
  if (done_.size() <= stream)
    done_.resize(stream + 1);
  done_[stream] = std::max(done_[stream], work);
}

GraphOrder::GraphOrder(const std::vector<std::vector<std::size_t>>& after)
    : words_((after.size() + 63) / 64), ancestors_(words_ * after.size()) {
  for (std::size_t node = 0; node < after.size(); ++node) {
    std::uint64_t* const mine = ancestors_.data() + node * words_;
    for (const std::size_t before : after[node]) {
      const std::uint64_t* const theirs = ancestors_.data() + before * words_;
      for (std::size_t w = 0; w < words_; ++w)
        mine[w] |= theirs[w];
      mine[before / 64] |= std::uint64_t{1} << before % 64;
    }
  }
}

void begin_work(std::uint32_t stream, std::uint64_t work, const Clock& clock, const std::string& name) {
  clock_of_running = &clock;
  graph_of_running = nullptr;
  number_the_work({work, stream, 0, is_checking() ? kept(name) : nullptr});
}

void begin_node(const std::shared_ptr<const GraphOrder>& order, std::size_t node, const std::string& name) {
  graph_of_running = order;
  if (!is_checking())
    return number_the_work({});
  Origin origin = origins.back();
  origin.node = static_cast<std::uint32_t>(node);
  origin.name = kept(name);
  number_the_work(origin);
}

bool is_before_running_work(std::uint32_t launch) {
  if (launch != last_asked) {
    last_asked = launch;
    last_answer = find_order(origins[launch], origins.back());
  }
  return last_answer;
}

std::string describe_work(std::uint32_t launch) {
  const Origin& origin = origins[launch];
  const std::string name = origin.name->empty() ? "work" : *origin.name;
  return name + " (work " + std::to_string(origin.work) + " of stream " + std::to_string(origin.stream) + ")";
}

}  // namespace emu
