#include "data/cores.h"

#include <sched.h>

#include <stdexcept>
#include <string>

namespace ockham::data {
namespace {

/// std::thread::hardware_concurrency() counts processors that are barred to the process too.
int allowed_processors() {
  cpu_set_t allowed;  // 1024 processors; the call fails on greater machines
  const bool is_known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  return is_known ? CPU_COUNT(&allowed) : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

std::atomic<int> chosen_cores{0};  // 0: none were

}  // namespace

int core_count() {
  const int chosen = chosen_cores;
  return chosen > 0 ? chosen : allowed_processors();
}

void set_core_count(int count) {
  if (count < 1)
    throw std::invalid_argument("set_core_count: " + std::to_string(count) + "; there is at least 1.");
  chosen_cores = count;
}

}  // namespace ockham::data
