#pragma once
// The block of residual networks: relu(body(x) + shortcut(x)). He, Zhang, Ren, Sun 2016 (arXiv:1512.03385), section 3.
#include "nas/layers/plain.h"

namespace ockham::nas {

/// body: conv3x3, BN, ReLU, conv3x3, BN, named conv1, bn1, conv2, bn2; the shortcut is named "downsample"
/// (torchvision).
class BasicBlock : public Layer {
 public:
  BasicBlock(std::int64_t in, std::int64_t out, std::int64_t stride, std::unique_ptr<Layer> shortcut, Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;

 private:
  Layer& body_;
  Layer& shortcut_;
};

/// conv1x1, BN (option B).
std::unique_ptr<Layer> make_projection(std::int64_t in, std::int64_t out, std::int64_t stride, Initial& initial);

/// Blocks "layerS.B" of three or more stages, `blocks` each, whose channels double and whose maps halve from the second
/// on. make_shortcut(in, out, stride) is asked where a block changes the shape.
template <class MakeShortcut>
std::int64_t add_stages(Sequential& to, std::int64_t stages, std::int64_t blocks, std::int64_t channels,
                        MakeShortcut&& make_shortcut, Initial& initial) {
  std::int64_t in = channels;
  for (std::int64_t stage = 0; stage < stages; ++stage) {
    const std::int64_t out = channels << stage;
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      std::unique_ptr<Layer> shortcut = in == out && stride == 1 ? make_identity() : make_shortcut(in, out, stride);
      to.then(ockham::concat("layer", stage + 1, ".", block),
              std::make_unique<BasicBlock>(in, out, stride, std::move(shortcut), initial));
      in = out;
    }
  }
  return in;
}

}  // namespace ockham::nas
