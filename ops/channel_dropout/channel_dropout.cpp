#include "ops/channel_dropout/channel_dropout.h"

#include "ops/dropout/drop_case.h"

namespace ockham {

OCKHAM_REGISTER_OP(channel_dropout,
                   drop_case("channel_dropout", DropUnit::kChannel, {{3, 5, 2, 4}, {4, 6}},
                             [](const Shape& shape) -> std::int64_t { return shape.numel() / (shape[0] * shape[1]); }));

Variable channel_dropout(const Variable& x, const DropAttrs& attrs) {
  if (attrs.keeps_all())
    return x;
  return record_one(std::make_shared<const DropOp>("channel_dropout", DropUnit::kChannel, attrs), {x});
}

}  // namespace ockham
