// Trees as text, and the PyramidNet that they stand in.
#include "autograd/reverse.h"
#include "nas/cost.h"
#include "nas/spaces/proxyless/network.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas::proxyless;
using test::Says;

namespace {

constexpr NetworkSpec kSmall{.channels = 4, .widening = 5, .classes = 3, .image_size = 8};
constexpr nas::FrameSpec kImages{.classes = 3, .image_size = 8};

std::int64_t parameters_of(const Tree& tree, std::int64_t widening) {
  Initial initial;
  Network network(genotype_of(tree, 3, 18), {.widening = widening}, initial);
  return count_elements(network.parameters(ParameterKind::kWeight));
}

/// Parts of a tree: the first branch lacks its 7x7 convolution, the second all but a pool.
Tree some_of_a() {
  std::vector<bool> is_kept(parts_of(tree_cell_a()).edges.size(), true);
  for (const std::size_t edge : {3u, 8u, 9u, 12u})
    is_kept[edge] = false;
  return kept_of(tree_cell_a(), is_kept);
}

Genotype mixed_genotype() {
  return {.groups = {{tree_cell_a(), some_of_a()}, {{}, plain_tree()}}};
}

/// Gradients of the weights, by a loss on three images.
std::vector<Tensor> gradients(const Context& context) {
  Initial initial{.seed = 4, .dtype = DType::kFloat64};
  Network network(mixed_genotype(), kSmall, initial);
  network.set_drop_probability(0.5);
  test::shake(network);
  const nas::Batch batch = test::noise_batch(3, kImages);
  Tape tape;
  Context recorded = context;
  recorded.tape = &tape;
  backward(softmax_cross_entropy(network.forward(recorded, batch.images).logits, batch.labels));
  std::vector<Tensor> result;
  for (const Parameter* parameter : network.parameters(ParameterKind::kWeight))
    result.push_back(parameter->grad);
  return result;
}

Tensor logits(Network& network, const Context& context = {}) {
  return network.forward(context, test::noise_batch(2, kImages).images).logits.value();
}

void refuses(const std::string& groups, const Says& says) {
  BOOST_CHECK_EXCEPTION(parse_genotype(R"({"format": 1, "space": "proxyless", "groups": )" + groups + "}"), UsageError,
                        says);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(proxyless_network)

BOOST_AUTO_TEST_CASE(has_the_published_numbers_of_parameters) {
  BOOST_TEST(parameters_of(tree_cell_a(), 84) == 5'724'330);
  BOOST_TEST(parameters_of(tree_cell_a(), 150) == 14'273'454);
  BOOST_TEST(parameters_of(plain_tree(), 84) == 2'740'368);
}

BOOST_AUTO_TEST_CASE(groups_halve_the_map_and_blocks_widen_to_four_times_their_tree) {
  Initial initial;
  Network network(genotype_of(tree_cell_a(), 3, 2), {.channels = 4, .widening = 9, .classes = 7}, initial);
  const Tensor images = Tensor::zeros({2, 3, 32, 32}, DType::kFloat32);
  BOOST_TEST(network.features({}, images).shape() == Shape({2, 4 * 12, 8, 8}));  // 13 channels are made even
  BOOST_TEST(network.forward({}, images).logits.shape() == Shape({2, 7}));
}

BOOST_AUTO_TEST_CASE(fused_and_plain_layers_give_the_same_gradients) {
  const auto of = [](bool fuses) { return gradients({.batch_norm = BatchNormMode::kBatch, .fuses = fuses}); };
  std::vector<Tensor> fused = of(true), plain = of(false);
  BOOST_TEST_REQUIRE(fused.size() == plain.size());
  for (std::size_t i = 0; i < fused.size(); ++i) {
    axpy(-1.0, plain[i], fused[i]);
    BOOST_TEST(max_abs(fused[i]) <= 1e-11);  // float64, sums in another order; the largest gradients are of order 1
  }
}

BOOST_AUTO_TEST_CASE(drop_path_acts_in_training_alone_and_the_same_for_the_same_step) {
  Initial initial{.seed = 4, .dtype = DType::kFloat64};
  Network network(mixed_genotype(), kSmall, initial);
  const Tensor whole = logits(network);
  network.set_drop_probability(0.5);
  BOOST_TEST(test::has_equal_bits(logits(network), whole));
  const auto at = [&](std::uint64_t step) {
    return logits(network, {.is_training = true, .key = {.seed = 1, .step = step}});
  };
  BOOST_TEST(test::has_equal_bits(at(3), at(3)));
  BOOST_TEST(!test::has_equal_bits(at(3), at(4)));
}

BOOST_AUTO_TEST_CASE(a_block_of_which_nothing_is_left_is_its_shortcut) {
  Initial initial{.seed = 4, .dtype = DType::kFloat64};
  Network network({.groups = {{{}}, {{}}}}, kSmall, initial);
  // stem, last norm and classifier: of 3 to 4 channels, of 16 and 32 (the tree of the last block would have 8)
  BOOST_TEST(count_elements(network.parameters(ParameterKind::kWeight)) == 3 * 4 * 9 + 8 + 2 * 32 + 3 * 32 + 3);
  BOOST_TEST(max_abs(logits(network)) > 0.0);
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_fit_are_refused) {
  Initial initial;
  const Genotype genotype = genotype_of(plain_tree(), 3, 1);
  BOOST_CHECK_EXCEPTION(Network(genotype, {.image_size = 30}, initial), UsageError,
                        (Says{{"images of 30 pixels cannot be halved 2 times"}}));
  BOOST_CHECK_EXCEPTION(Network(genotype, {.channels = 1}, initial), UsageError, (Says{{"1 channels"}}));
  BOOST_CHECK_EXCEPTION(genotype_of({}, 1000, 2), UsageError, (Says{{"1000 groups of 2 blocks", "at most 1000"}}));
}

BOOST_AUTO_TEST_CASE(what_is_kept_of_a_tree_has_no_loose_ends) {
  const Tree whole = tree_cell_a();
  const Parts parts = parts_of(whole);
  BOOST_TEST(parts.edges.size() == 15);
  BOOST_TEST(parts.nodes.size() == 7);
  // Without the branches of a node the branch before it goes, and the other way round.
  const auto without = [&](const std::vector<std::string>& paths) {
    std::vector<bool> is_kept;
    for (const Edge& edge : parts.edges)
      is_kept.push_back(std::ranges::count(paths, edge.path) == 0);
    return kept_of(whole, is_kept);
  };
  BOOST_CHECK((without({"0.1.0", "0.1.1"}) == without({"0.1"})));
  BOOST_CHECK((without({"0.0", "0.1.0", "0.1.1"}) == without({"0"})));
  BOOST_CHECK((without({"0", "1"}) == Tree{}));
  BOOST_CHECK((without({}) == whole));
  const Tree part = without({"0.0.1", "1.0"});
  BOOST_CHECK((kept_of(whole, kept_edges(whole, part).value()) == part));
  BOOST_TEST(!kept_edges(plain_tree(), whole).has_value());
}

BOOST_AUTO_TEST_CASE(genotypes_go_through_their_text) {
  const Genotype genotype = mixed_genotype();
  const std::string text = to_json(genotype);
  BOOST_CHECK((parse_genotype(text) == genotype));
  BOOST_TEST(to_json(parse_genotype(text)) == text);
  BOOST_TEST(is_genotype_text(text));
  BOOST_TEST(!is_genotype_text(R"({"space": "bayesnas"})"));
}

BOOST_AUTO_TEST_CASE(text_that_is_no_genotype_is_refused_with_its_place) {
  refuses("[[7]]", {{"groups[0][0] is neither null nor an object"}});
  refuses("[]", {{"the text.groups has 0 entries"}});
  refuses("[[null], []]", {{"groups[1] is not an array of at least one tree"}});
  refuses("[[null], [null, null]]", {{"groups[1] has 2 trees, and groups[0] 1"}});
  refuses(R"([[{"merge": "mean", "branches": [null]}]])", {{"groups[0][0] has no branch that is left"}});
  refuses(R"([[{"merge": "max", "branches": [null]}]])", {{"groups[0][0].merge is 'max'"}});
  refuses(R"([[{"merge": "mean", "branches": [{"op": "none"}]}]])",
          {{"groups[0][0].branches[0].op is the unknown operation 'none'", "avg_pool_3x3"}});
  refuses(R"([[{"merge": "mean", "branches": [{"op": "conv_3x3", "size": 1}]}]])", {{"unknown key 'size'"}});
  refuses(R"([[{"merge": "mean", "branches": [{"op": "conv_3x3", "branches": []}]}]])", {{"lacks the text 'merge'"}});
  refuses(R"([[null], [null]], "groups": [[null]])", {{"'groups' occurs twice"}});
  std::string deep = "null";
  for (int i = 0; i < 13; ++i)
    deep = R"({"op": "identity", "merge": "mean", "branches": [)" + (i == 0 ? R"({"op": "identity"})" : deep) + "]}";
  refuses(R"([[{"merge": "mean", "branches": [)" + deep + "]}]]", {{"deeper than"}});
  std::string many = "[[null";
  for (int i = 0; i < 1000; ++i)
    many += ", null";
  refuses(many + "]]", {{"1 groups of 1001 trees"}});
  const std::string text = to_json(mixed_genotype());
  for (std::size_t end = 0; end + 2 < text.size(); end += 7)
    BOOST_CHECK_THROW(parse_genotype(std::string_view(text).substr(0, end)), UsageError);
}

BOOST_AUTO_TEST_SUITE_END()
