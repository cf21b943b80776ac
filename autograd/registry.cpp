#include "autograd/registry.h"

#include <algorithm>

namespace ockham {

OpRegistry& OpRegistry::instance() {
  static OpRegistry registry;
  return registry;
}

bool OpRegistry::add(OpCase op_case) {
  cases_.push_back(std::move(op_case));
  return true;
}

std::vector<OpCase> OpRegistry::cases() const {
  std::vector<OpCase> sorted = cases_;
  std::ranges::sort(sorted, {}, &OpCase::name);
  return sorted;
}

}  // namespace ockham
