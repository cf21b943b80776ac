#pragma once
// The candidate operations of cell search spaces, by name. What each computes is the network's business (it differs
// between the BayesNAS and the DARTS networks); a genotype only names them. The zero operation ("none") is not among
// them: it is what remains of an edge when nothing else does, and never stands in a genotype.
#include <array>
#include <optional>
#include <string_view>

namespace ockham::nas {

/// In DARTS's index order (quark0/darts, cnn/genotypes.py, without `none`).
/// Then those that only published cells have.
enum class Primitive {
  kMaxPool3,
  kAvgPool3,
  kIdentity,
  kSepConv3,
  kSepConv5,
  kDilConv3,
  kDilConv5,
  kSepConv7,
  kConv1x7x7x1
};

/// Those that are searched, in DARTS's order; alpha columns 1..7 of a DARTS search network (column 0 is `none`).
inline constexpr std::array kDartsPrimitives = {Primitive::kMaxPool3, Primitive::kAvgPool3, Primitive::kIdentity,
                                                Primitive::kSepConv3, Primitive::kSepConv5, Primitive::kDilConv3,
                                                Primitive::kDilConv5};

/// The same in the order of the BayesNAS search network.
inline constexpr std::array kBayesnasPrimitives = {Primitive::kSepConv3, Primitive::kSepConv5, Primitive::kDilConv3,
                                                   Primitive::kDilConv5, Primitive::kMaxPool3, Primitive::kAvgPool3,
                                                   Primitive::kIdentity};

/// All of them: NASNet and AmoebaNet have two more (Zoph et al. 2018, Real et al. 2019).
inline constexpr std::array kPrimitives = {Primitive::kMaxPool3, Primitive::kAvgPool3, Primitive::kIdentity,
                                           Primitive::kSepConv3, Primitive::kSepConv5, Primitive::kDilConv3,
                                           Primitive::kDilConv5, Primitive::kSepConv7, Primitive::kConv1x7x7x1};

/// `sep_conv_3x3`, ..., and `identity`; the name in genotype.json, posterior.json and drawings.
std::string_view primitive_name(Primitive p);
/// As above, but `skip_connect` for the identity; the name in DARTS text.
std::string_view darts_name(Primitive p);
/// Reads either kind of name; nothing for any other text.
std::optional<Primitive> find_primitive(std::string_view name);

}  // namespace ockham::nas
