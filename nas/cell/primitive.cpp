#include "nas/cell/primitive.h"

namespace ockham::nas {

std::string_view primitive_name(Primitive p) {
  switch (p) {
    case Primitive::kMaxPool3:
      return "max_pool_3x3";
    case Primitive::kAvgPool3:
      return "avg_pool_3x3";
    case Primitive::kIdentity:
      return "identity";
    case Primitive::kSepConv3:
      return "sep_conv_3x3";
    case Primitive::kSepConv5:
      return "sep_conv_5x5";
    case Primitive::kDilConv3:
      return "dil_conv_3x3";
    case Primitive::kDilConv5:
      return "dil_conv_5x5";
    case Primitive::kSepConv7:
      return "sep_conv_7x7";
    case Primitive::kConv1x7x7x1:
      return "conv_7x1_1x7";
  }
  return "?";
}

std::string_view darts_name(Primitive p) {
  return p == Primitive::kIdentity ? "skip_connect" : primitive_name(p);
}

std::optional<Primitive> find_primitive(std::string_view name) {
  for (Primitive p : kPrimitives) {
    if (name == primitive_name(p) || name == darts_name(p))
      return p;
  }
  return std::nullopt;
}

}  // namespace ockham::nas
