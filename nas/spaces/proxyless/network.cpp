#include "nas/spaces/proxyless/network.h"

#include "engine/error.h"
#include "nas/layers/plain.h"
#include "nas/spaces/proxyless/node_layer.h"
#include "ops/global_avg_pool/global_avg_pool.h"
#include "ops/relu/relu.h"

namespace ockham::nas::proxyless {
namespace {

constexpr std::int64_t kBottleneck = 4;
constexpr std::uint64_t kStreamsPerBlock = 1024;
constexpr std::int64_t kMostChannels = 1'000'000;

void check(const Genotype& genotype, const NetworkSpec& s) {
  if (s.channels < 2 || s.channels > kMostChannels || s.widening < 0 || s.widening > kMostChannels || s.classes < 2 ||
      s.image_channels < 1)
    throw UsageError(concat("proxyless: ", s.channels, " channels, a widening of ", s.widening, ", ", s.classes,
                            " classes, ", s.image_channels, " image channels; channels must be 2 to ", kMostChannels,
                            ", the widening 0 to as many, classes at least 2 and image channels positive."));
  const std::size_t halvings = genotype.groups.empty() ? 0 : genotype.groups.size() - 1;
  if (halvings > 16 || s.image_size < 1 || s.image_size % (std::int64_t{1} << halvings) != 0)
    throw UsageError(concat("proxyless: images of ", s.image_size, " pixels cannot be halved ", halvings, " times, as ",
                            genotype.groups.size(), " groups of blocks do; use another --image-size or ",
                            "fewer groups."));
}

/// Of the tree in block b of n: even, as the groups of its convolutions are two.
std::int64_t width(const NetworkSpec& s, std::int64_t b, std::int64_t n) {
  const std::int64_t rounded = s.channels + (2 * s.widening * (b + 1) + n) / (2 * n);
  return rounded - rounded % 2;
}

}  // namespace

class Block : public Layer {
 public:
  struct Sizes {
    std::int64_t in, inner, stride;
    std::int64_t out() const { return kBottleneck * inner; }
  };

  Block(const Tree& tree, const Sizes& sizes, BlockState state, Initial& initial)
      : state_(std::move(state)),
        shortcut_(add("shortcut",
                      std::make_unique<PaddedShortcut>(
                          sizes.in, sizes.out(), PaddedShortcut::Options{.stride = sizes.stride, .averages = true}))) {
    if (tree.is_end())
      return;
    auto before = std::make_unique<Sequential>();
    before->then("bn1", std::make_unique<BatchNorm>(sizes.in, true, initial))
        .then("conv1", make_he_conv(sizes.in, sizes.inner, 1, 1, initial));
    before_ = &add("", std::move(before));
    tree_ = &add("tree", std::make_unique<NodeLayer>(tree, sizes.inner, sizes.stride, state_, initial));
    auto behind = std::make_unique<Sequential>();
    behind->then("bn2", std::make_unique<BatchNorm>(sizes.inner, true, initial))
        .then("relu", make_relu())
        .then("conv2", make_he_conv(sizes.inner, sizes.out(), 1, 1, initial))
        .then("bn3", std::make_unique<BatchNorm>(sizes.out(), true, initial));
    behind_ = &add("", std::move(behind));
    if (!state_.has_switches)
      return;
    root_ = &add_parameter("root", initial.constant({1}, 1.0), ParameterKind::kSwitch);
    state_.switches.nodes[0] = {root_, 0};
  }

  Variable forward(const Context& given, const Variable& x) override {
    const Deferred shortcut = deferred(given, shortcut_, {.z = x});
    if (tree_ == nullptr || tree_->is_empty())
      return applied(shortcut);
    // Branches from the same map pool it alike and normalise it by the same moments.
    SharedResults results;
    Context context = given;
    context.shared = given.fuses ? &results : nullptr;
    const Variable mapped = tree_->forward(context, before_->forward(context, x));
    Deferred body = deferred(context, *behind_, {.z = mapped});
    if (root_ != nullptr)
      body = {.z = mixed(context, context.use(*root_), std::vector<Deferred>{body}, {0})};
    const std::vector<Deferred> terms{body, shortcut};
    return added(context, terms);
  }

  const BlockSwitches& switches() const { return state_.switches; }
  void keep(std::vector<bool> is_kept) {
    OCKHAM_ASSERT(is_kept.size() == state_.is_kept.size());
    state_.is_kept = std::move(is_kept);
  }

 private:
  BlockState state_;
  Layer& shortcut_;
  Layer* before_ = nullptr;
  NodeLayer* tree_ = nullptr;
  Layer* behind_ = nullptr;
  Parameter* root_ = nullptr;
};

Network::Network(const Genotype& genotype, const NetworkSpec& spec, Initial& initial, bool has_switches) {
  check(genotype, spec);
  auto stem = std::make_unique<Sequential>();
  stem->then("conv1", make_he_conv(spec.image_channels, spec.channels, 3, 1, initial))
      .then("bn1", std::make_unique<BatchNorm>(spec.channels, true, initial));
  stem_ = &add("", std::move(stem));
  std::int64_t n = 0, b = 0, in = spec.channels;
  for (const std::vector<Tree>& group : genotype.groups)
    n += std::ssize(group);
  for (std::size_t g = 0; g < genotype.groups.size(); ++g) {
    for (std::size_t i = 0; i < genotype.groups[g].size(); ++i, ++b) {
      const Block::Sizes sizes{.in = in, .inner = width(spec, b, n), .stride = g > 0 && i == 0 ? 2 : 1};
      BlockState state{.has_switches = has_switches,
                       .drop_probability = drop_probability_,
                       .first_stream = static_cast<std::uint64_t>(b) * kStreamsPerBlock};
      blocks_.push_back(&add(concat("layer", g + 1, ".", i),
                             std::make_unique<Block>(genotype.groups[g][i], sizes, std::move(state), initial)));
      in = sizes.out();
    }
  }
  last_ = &add("bn_final", std::make_unique<BatchNorm>(in, true, initial));
  classifier_ = &add("fc", std::make_unique<Linear>(in, spec.classes, initial));
}

Variable Network::features(const Context& context, const Variable& images) {
  Variable x = stem_->forward(context, images);
  for (Block* block : blocks_)
    x = block->forward(context, x);
  return relu(last_->forward(context, x));
}

ClassifierOutput Network::forward(const Context& context, const Variable& images) {
  return {.logits = classifier_->forward(context, global_avg_pool(features(context, images)))};
}

const BlockSwitches& Network::switches(std::size_t block) const {
  return blocks_.at(block)->switches();
}

void Network::keep(std::size_t block, std::vector<bool> is_kept) {
  blocks_.at(block)->keep(std::move(is_kept));
}

}  // namespace ockham::nas::proxyless
