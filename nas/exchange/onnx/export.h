#pragma once
// Any network as an ONNX model: its inference pass is run and traced, and what it did is written down op by op
// (translations.cpp). A network needs nothing for it; an op needs a line there.
#include <functional>

#include "autograd/module.h"
#include "nas/exchange/onnx/model.h"

namespace ockham::nas::onnx {

using Forward = std::function<Variable(const Context& context, const Variable& images)>;

/// The model of `forward` at inference (running statistics, nothing dropped), with input `input` [N, image...] and
/// output `logits`. What the logits do not depend on is left out; what does not depend on the images is computed now
/// and stored. Initializers have the names of the module's parameters and buffers. Metadata are left empty.
/// @param module  float32, on the CPU
/// @param image  [channels, height, width]; they are fixed, the number of images is free
/// Cost: two passes, over one and over two images of noise, which must agree about every constant.
/// @throws Error naming an op that has no translation, or where a pass is no fixed graph
Model to_model(const Forward& forward, Module& module, const Shape& image);

}  // namespace ockham::nas::onnx
