#include "engine/cuda/schedule.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <unordered_map>
#include <utility>

#include "engine/random.h"

namespace ockham::cuda {
namespace {

/// Who touched each byte last: disjoint ranges of memory, each with its last writer and the readers since.
class Touched {
 public:
  /// Adds to `waits_for` what task `task` has to wait for because of `access`.
  void touch(int task, const Access& access, std::vector<int>& waits_for) {
    split_at(access.begin);
    split_at(access.end);
    const std::byte* at = access.begin;
    auto it = ranges_.lower_bound(at);
    while (at < access.end) {
      if (it == ranges_.end() || it->first > at) {  // a gap that nobody has touched
        const std::byte* const end = it == ranges_.end() ? access.end : std::min(access.end, it->first);
        it = ranges_.emplace_hint(it, at, Range{.end = end});
      }
      Range& range = it->second;
      if (range.writer >= 0)
        waits_for.push_back(range.writer);
      if (access.writes) {
        waits_for.insert(waits_for.end(), range.readers.begin(), range.readers.end());
        range.readers.clear();
        range.writer = task;
      } else {
        range.readers.push_back(task);
      }
      at = range.end;
      ++it;
    }
  }

 private:
  struct Range {
    const std::byte* end;
    int writer = -1;
    std::vector<int> readers = {};
  };

  void split_at(const std::byte* address) {
    auto next = ranges_.upper_bound(address);
    if (next == ranges_.begin())
      return;
    const auto it = std::prev(next);
    if (it->first == address || it->second.end <= address)
      return;
    Range upper = it->second;
    it->second.end = address;
    ranges_.emplace_hint(next, address, std::move(upper));
  }

  std::map<const std::byte*, Range> ranges_;
};

/// Which of the kernels that could run is to run next.
enum class Rule {
  kShallowest,  ///< the type whose tasks that are still to run lie, on average, least deep (Neubig et al. 2017)
  kMostReady,   ///< the type of which most could run
  kMostUrgent,  ///< the type that has the longest chain of tasks waiting for it
};

class Scheduler {
 public:
  Scheduler(const std::vector<Task>& tasks, const std::vector<std::vector<int>>& waits_for)
      : tasks_(tasks), waits_for_(waits_for), followers_(tasks.size()), depth_(tasks.size()), height_(tasks.size()) {
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      for (const int before : waits_for[t]) {
        followers_[static_cast<std::size_t>(before)].push_back(static_cast<int>(t));
        depth_[t] = std::max(depth_[t], depth_[static_cast<std::size_t>(before)] + 1);
      }
    }
    for (std::size_t t = tasks.size(); t-- > 0;) {
      for (const int after : followers_[t])
        height_[t] = std::max(height_[t], height_[static_cast<std::size_t>(after)] + 1);
    }
  }

  std::vector<std::vector<int>> run(Rule rule) {
    start();
    std::vector<std::vector<int>> groups;
    for (std::size_t done = 0; done < tasks_.size(); done += groups.back().size())
      groups.push_back(take_group(best(rule)));
    return groups;
  }

 private:
  /// Tasks of one kernel type, or one task of other work.
  struct Kind {
    std::vector<int> ready = {};
    std::int64_t left = 0;
    std::int64_t depth_left = 0;
  };

  void start() {
    std::unordered_map<const void*, std::size_t> known;
    kinds_.clear();
    kind_.assign(tasks_.size(), 0);
    missing_.assign(tasks_.size(), 0);
    for (std::size_t t = 0; t < tasks_.size(); ++t) {
      const void* const key = tasks_[t].type ? static_cast<const void*>(tasks_[t].type) : &tasks_[t];
      kind_[t] = known.emplace(key, kinds_.size()).first->second;
      if (kind_[t] == kinds_.size())
        kinds_.emplace_back();
      Kind& kind = kinds_[kind_[t]];
      ++kind.left;
      kind.depth_left += depth_[t];
      missing_[t] = waits_for_[t].size();
    }
    ready_kinds_.clear();
    for (std::size_t t = 0; t < tasks_.size(); ++t) {
      if (missing_[t] == 0)
        make_ready(t);
    }
  }

  void make_ready(std::size_t t) {
    Kind& kind = kinds_[kind_[t]];
    if (kind.ready.empty())
      ready_kinds_.push_back(kind_[t]);
    kind.ready.push_back(static_cast<int>(t));
  }

  std::size_t best(Rule rule) const {
    const auto cost = [&](std::size_t k) -> std::pair<double, std::size_t> {
      const Kind& kind = kinds_[k];
      if (rule == Rule::kShallowest)
        return {static_cast<double>(kind.depth_left) / static_cast<double>(kind.left), k};
      if (rule == Rule::kMostReady)
        return {-static_cast<double>(kind.ready.size()), k};
      int highest = 0;
      for (const int t : kind.ready)
        highest = std::max(highest, height_[static_cast<std::size_t>(t)]);
      return {-static_cast<double>(highest), k};
    };
    return *std::ranges::min_element(ready_kinds_, {}, cost);
  }

  std::vector<int> take_group(std::size_t k) {
    Kind& kind = kinds_[k];
    // The tasks with the longest chains behind them first, where not all fit.
    std::ranges::stable_sort(kind.ready, std::greater(), [&](int t) { return height_[static_cast<std::size_t>(t)]; });
    std::vector<int> group;
    std::int64_t blocks = 0;
    for (const int t : kind.ready) {
      const Task& task = tasks_[static_cast<std::size_t>(t)];
      blocks += task.type ? task.type->blocks(task.kernel.data()) : 0;
      if (!group.empty() && (task.type == nullptr || group.size() == task.type->most || blocks >= (1LL << 31)))
        break;
      group.push_back(t);
    }
    kind.ready.erase(kind.ready.begin(), kind.ready.begin() + std::ssize(group));
    if (kind.ready.empty())
      std::erase(ready_kinds_, k);
    for (const int t : group) {
      --kind.left;
      kind.depth_left -= depth_[static_cast<std::size_t>(t)];
    }
    std::ranges::sort(group);
    for (const int t : group) {
      for (const int after : followers_[static_cast<std::size_t>(t)]) {
        if (--missing_[static_cast<std::size_t>(after)] == 0)
          make_ready(static_cast<std::size_t>(after));
      }
    }
    return group;
  }

  const std::vector<Task>& tasks_;
  const std::vector<std::vector<int>>& waits_for_;
  std::vector<std::vector<int>> followers_;
  std::vector<int> depth_;   // of the longest chain before a task
  std::vector<int> height_;  // and behind it
  std::vector<std::size_t> kind_;
  std::vector<Kind> kinds_;
  std::vector<std::size_t> ready_kinds_;
  std::vector<std::size_t> missing_;
};

}  // namespace

std::vector<std::vector<int>> dependencies_of(const std::vector<Task>& tasks) {
  Touched touched;
  std::vector<std::vector<int>> result(tasks.size());
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    std::vector<int>& waits_for = result[t];
    for (const Access& access : tasks[t].accesses)
      touched.touch(static_cast<int>(t), access, waits_for);
    std::ranges::sort(waits_for);
    waits_for.erase(std::ranges::unique(waits_for).begin(), waits_for.end());
    std::erase(waits_for, static_cast<int>(t));
  }
  return result;
}

std::vector<std::vector<int>> schedule(const std::vector<Task>& tasks) {
  const std::vector<std::vector<int>> waits_for = dependencies_of(tasks);
  Scheduler scheduler(tasks, waits_for);
  std::vector<std::vector<int>> best;
  for (const Rule rule : {Rule::kShallowest, Rule::kMostReady, Rule::kMostUrgent}) {
    std::vector<std::vector<int>> groups = scheduler.run(rule);
    if (best.empty() || groups.size() < best.size())
      best = std::move(groups);
  }
  return best;
}

std::vector<std::vector<int>> shuffled(const std::vector<Task>& tasks, std::uint64_t seed) {
  const std::vector<std::vector<int>> waits_for = dependencies_of(tasks);
  std::vector<std::vector<int>> followers(tasks.size());
  std::vector<std::size_t> missing(tasks.size());
  std::vector<int> ready;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    missing[t] = waits_for[t].size();
    if (missing[t] == 0)
      ready.push_back(static_cast<int>(t));
    for (const int before : waits_for[t])
      followers[static_cast<std::size_t>(before)].push_back(static_cast<int>(t));
  }
  std::vector<std::vector<int>> order;
  while (!ready.empty()) {
    const auto chosen = random_below({seed, Purpose::kTest}, order.size(), ready.size());
    const int t = ready[chosen];
    ready[chosen] = ready.back();
    ready.pop_back();
    order.push_back({t});
    for (const int after : followers[static_cast<std::size_t>(t)]) {
      if (--missing[static_cast<std::size_t>(after)] == 0)
        ready.push_back(after);
    }
  }
  return order;
}

}  // namespace ockham::cuda
