#pragma once
// Testing an image by several views of it, whose logits are averaged. Krizhevsky, Sutskever, Hinton 2012, section 4.1;
// these views and weights are of Jordan 2024 (arXiv:2404.00498), section 3.5.
#include <functional>

#include "autograd/module.h"
#include "nas/train/score.h"

namespace ockham::nas {

/// kOne: the image. kMirrored: it and its mirror image, 1/2 each. kTranslated: those, 1/4 each, and 1/8 each both of
/// the image moved by a pixel up and left, and down and right, its border mirrored.
enum class TestViews { kOne, kMirrored, kTranslated };

/// One view: out[y, x] = image[y + by, x + by], indices mirrored at the border, and then left-right where `mirrors`.
/// @param images [N, C, H, W], H and W at least 2; the result lies where they do
Tensor moved(const Tensor& images, std::int64_t by, bool mirrors);

/// @param logits of images
Tensor mean_logits(const std::function<Variable(const Variable&)>& logits, const Tensor& images, TestViews views);

}  // namespace ockham::nas
