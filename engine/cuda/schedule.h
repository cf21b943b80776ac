#pragma once
// In which order a recorded step runs, and which of its launches run as one.
#include <cstddef>
#include <vector>

#include "engine/cuda/recording.h"

namespace ockham::cuda {

/// For each task the earlier ones that it has to wait for: those that wrote what it touches, and those that read what
/// it writes.
std::vector<std::vector<int>> dependencies_of(const std::vector<Task>& tasks);

/// The tasks in groups, each to be one launch: kernels of one type, none of which waits for another of its group, no
/// more than a launch takes. The order of the groups, and of the tasks in one, depends on the tasks alone. A greedy
/// list schedule: of the kernels that could run next, the type of which most could; work that others wait for goes
/// before work that nobody waits for, so that the latter gathers.
std::vector<std::vector<int>> schedule(const std::vector<Task>& tasks);

/// One by one, in an order drawn from `seed` among those that the operands allow. A kernel that touches memory it does
/// not name gives other bits in some of them: for tests (OCKHAM_CUDA_ORDER=SEED has every recording use it).
std::vector<std::vector<int>> shuffled(const std::vector<Task>& tasks, std::uint64_t seed);

}  // namespace ockham::cuda
