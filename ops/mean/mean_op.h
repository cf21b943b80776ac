#pragma once
#include "ops/sum/total.h"

namespace ockham {

class MeanOp : public TotalOp {
 public:
  std::string_view name() const override { return "mean"; }
  double factor(std::int64_t n) const override { return 1.0 / static_cast<double>(n); }
};

}  // namespace ockham
