#include "engine/cuda/absorption.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <queue>
#include <set>
#include <utility>

#include "engine/cuda/schedule.h"

namespace ockham::cuda {
namespace {

using Pair = std::pair<const KernelType*, const KernelType*>;

/// Filled while the program starts, and so reached through a function.
std::map<Pair, Absorb>& absorptions() {
  static std::map<Pair, Absorb> all;
  return all;
}

bool absorb(Task& first, const Task& second) {
  if (first.type == nullptr || second.type == nullptr)
    return false;
  const auto pair = absorptions().find({first.type, second.type});
  if (pair == absorptions().end() || !pair->second(first.kernel.data(), second.kernel.data()))
    return false;
  Operands operands;
  first.type->operands(first.kernel.data(), operands);
  first.accesses = operands.all();
  return true;
}

/// The graph of the tasks while some of them join. A joint task has the number of its first one.
class Joining {
 public:
  explicit Joining(std::vector<Task> tasks)
      : tasks_(std::move(tasks)), waits_for_(tasks_.size()), depth_(tasks_.size()), number_(tasks_.size()) {
    std::iota(number_.begin(), number_.end(), 0);
    const std::vector<std::vector<int>> direct = dependencies_of(tasks_);
    for (std::size_t t = 0; t < tasks_.size(); ++t) {
      waits_for_[t].insert(direct[t].begin(), direct[t].end());
      for (const int before : direct[t])
        depth_[t] = std::max(depth_[t], depth_[static_cast<std::size_t>(before)] + 1);
    }
    deepest_ = depth_;
  }

  void join_all() {
    for (int t = 0; t < std::ssize(tasks_); ++t) {
      for (const int first : later_first(at(t).waits))
        if (join(first, t))
          break;
    }
  }

  /// Those that are left, in an order in which nothing comes before what it waits for; else as they were asked for.
  std::vector<Task> take() {
    std::vector<std::vector<int>> followers(tasks_.size());
    std::vector<std::size_t> missing(tasks_.size());
    std::priority_queue<int, std::vector<int>, std::greater<>> ready;
    for (int t = 0; t < std::ssize(tasks_); ++t) {
      if (number_of(t) != t)
        continue;
      const std::set<int> before = numbers_of(at(t).waits, t);
      missing[static_cast<std::size_t>(t)] = before.size();
      for (const int b : before)
        followers[static_cast<std::size_t>(b)].push_back(t);
      if (before.empty())
        ready.push(t);
    }
    std::vector<Task> result;
    while (!ready.empty()) {
      const auto t = static_cast<std::size_t>(ready.top());
      ready.pop();
      result.push_back(std::move(tasks_[t]));
      for (const int after : followers[t]) {
        if (--missing[static_cast<std::size_t>(after)] == 0)
          ready.push(after);
      }
    }
    return result;
  }

 private:
  struct Place {
    Task& task;
    std::set<int>& waits;
    int& depth;    // of the shallowest of its tasks
    int& deepest;  // and the deepest
  };
  Place at(int t) {
    const auto i = static_cast<std::size_t>(t);
    return {tasks_[i], waits_for_[i], depth_[i], deepest_[i]};
  }

  int number_of(int t) {
    auto i = static_cast<std::size_t>(t);
    while (number_[i] != static_cast<int>(i))
      i = static_cast<std::size_t>(number_[i] = number_[static_cast<std::size_t>(number_[i])]);
    return static_cast<int>(i);
  }
  std::set<int> numbers_of(const std::set<int>& tasks, int except) {
    std::set<int> result;
    for (const int t : tasks)
      result.insert(number_of(t));
    result.erase(except);
    return result;
  }
  std::vector<int> later_first(const std::set<int>& tasks) {
    const std::set<int> numbers = numbers_of(tasks, -1);
    return {numbers.rbegin(), numbers.rend()};
  }

  /// Does `t` wait for `first`, be it through others?
  bool waits(int t, int first) {
    std::vector<int> open{t};
    std::set<int> seen;
    while (!open.empty()) {
      const int next = number_of(open.back());
      open.pop_back();
      if (next == first)
        return true;
      if (at(next).deepest < at(first).depth || !seen.insert(next).second)
        continue;
      open.insert(open.end(), at(next).waits.begin(), at(next).waits.end());
    }
    return false;
  }

  bool join(int first, int second) {
    if (at(first).task.type == nullptr || !absorptions().contains({at(first).task.type, at(second).task.type}))
      return false;
    for (const int other : numbers_of(at(second).waits, first)) {
      if (waits(other, first))
        return false;
    }
    if (!absorb(at(first).task, at(second).task))
      return false;
    number_[static_cast<std::size_t>(second)] = first;
    at(first).waits.merge(at(second).waits);
    at(first).waits.erase(first);
    at(first).depth = std::min(at(first).depth, at(second).depth);
    at(first).deepest = std::max(at(first).deepest, at(second).deepest);
    return true;
  }

  std::vector<Task> tasks_;
  std::vector<std::set<int>> waits_for_;
  std::vector<int> depth_, deepest_;
  std::vector<int> number_;
};

}  // namespace

bool register_absorption(const KernelType& first, const KernelType& second, Absorb absorb) {
  absorptions()[{&first, &second}] = absorb;
  return true;
}

std::vector<Task> with_absorbed(std::vector<Task> tasks) {
  Joining joining(std::move(tasks));
  joining.join_all();
  return joining.take();
}

}  // namespace ockham::cuda
