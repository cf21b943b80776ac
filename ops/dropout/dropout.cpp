#include "ops/dropout/dropout.h"

#include "ops/dropout/drop_case.h"

namespace ockham {

OCKHAM_REGISTER_OP(dropout, drop_case("dropout", DropUnit::kElement, {{2, 3, 5, 4}, {7}, {}},
                                      [](const Shape&) -> std::int64_t { return 1; }));

Variable dropout(const Variable& x, const DropAttrs& attrs) {
  if (attrs.keeps_all())
    return x;
  return record_one(std::make_shared<const DropOp>("dropout", DropUnit::kElement, attrs), {x});
}

}  // namespace ockham
