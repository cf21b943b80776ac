#include "nas/models/residual.h"

#include "ops/relu/relu.h"

namespace ockham::nas {
namespace {

std::unique_ptr<Layer> basic_body(std::int64_t in, std::int64_t out, std::int64_t stride, Initial& initial) {
  auto body = std::make_unique<Sequential>();
  body->then("conv1", make_he_conv(in, out, 3, stride, initial))
      .then("bn1", std::make_unique<BatchNorm>(out, true, initial))
      .then("relu", make_relu())
      .then("conv2", make_he_conv(out, out, 3, 1, initial))
      .then("bn2", std::make_unique<BatchNorm>(out, true, initial));
  return body;
}

}  // namespace

BasicBlock::BasicBlock(std::int64_t in, std::int64_t out, std::int64_t stride, std::unique_ptr<Layer> shortcut,
                       Initial& initial)
    : body_(add("", basic_body(in, out, stride, initial))), shortcut_(add("downsample", std::move(shortcut))) {}

Variable BasicBlock::forward(const Context& context, const Variable& x) {
  const std::vector<Deferred> terms{deferred(context, body_, {.z = x}), deferred(context, shortcut_, {.z = x})};
  return relu(added(context, terms));
}

std::unique_ptr<Layer> make_projection(std::int64_t in, std::int64_t out, std::int64_t stride, Initial& initial) {
  auto projection = std::make_unique<Sequential>();
  projection->then(make_he_conv(in, out, 1, stride, initial)).then(std::make_unique<BatchNorm>(out, true, initial));
  return projection;
}

}  // namespace ockham::nas
