#include "ops/drop_path/drop_path.h"

#include "ops/dropout/drop_case.h"

namespace ockham {

OCKHAM_REGISTER_OP(drop_path, drop_case("drop_path", DropUnit::kSample, {{6, 3, 2, 4}, {5, 7}},
                                        [](const Shape& shape) -> std::int64_t { return shape.numel() / shape[0]; }));

Variable drop_path(const Variable& x, const DropAttrs& attrs) {
  if (attrs.keeps_all())
    return x;
  return record_one(std::make_shared<const DropOp>("drop_path", DropUnit::kSample, attrs), {x});
}

}  // namespace ockham
