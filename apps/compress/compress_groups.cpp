#include "apps/compress/compress_groups.h"

#include "nas/compression/cycles/tied_groups.h"

namespace ockham::apps {

nas::CompressionGroups groups_of(const std::string& pattern, nas::Classifier& network,
                                 const std::vector<Parameter*>& parameters, const data::Dataset& images) {
  const data::ImageShape& shape = images.shape();
  const nas::ChannelGraph graph([&](const Context& c, const Variable& x) { return network.forward(c, x).logits; },
                                network, {shape.channels, shape.height, shape.width});
  return pattern == kTied ? nas::tied_groups(graph, parameters)
                          : nas::pattern_groups(nas::parse_patterns(pattern), graph, parameters);
}

std::vector<double> macs_by_entry(nas::Classifier& network, const std::vector<Parameter*>& parameters,
                                  const data::Dataset& images) {
  const data::ImageShape& shape = images.shape();
  const Parameter& any = *parameters.at(0);
  Tape tape;
  const Context context{.tape = &tape, .fuses = false};
  network.forward(context, Variable(Tensor::zeros({1, shape.channels, shape.height, shape.width}, any.value.dtype(),
                                                  any.value.device())));
  return nas::macs_per_entry(tape, parameters);
}

}  // namespace ockham::apps
