// Networks of genotypes: what they refuse, and what acts in training only.
#include <functional>
#include <set>
#include <string>

#include "nas/cost.h"
#include "nas/genotype/published.h"
#include "nas/train/trainer.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::has_equal_bits;
using ockham::test::noise_batch;
using ockham::test::tiny;
using ockham::test::tiny_evaluation;

namespace {

Context training(std::uint64_t step) {
  return {.batch_norm = BatchNormMode::kBatch, .is_training = true, .key = {.seed = 3, .step = step}};
}

/// Two nodes: identity and a separable convolution.
Genotype two_nodes(const std::string& space) {
  const auto cell = [](CellKind kind) {
    const int stride = kind == CellKind::kReduction ? 2 : 1;
    return CellGenotype{.kind = kind,
                        .nodes = 2,
                        .edges = {{0, 0, stride, {Primitive::kMaxPool3}},
                                  {1, 0, stride, {Primitive::kSepConv3}},
                                  {2, 1, 1, {Primitive::kIdentity}}},
                        .concat = {0, 1}};
  };
  return {.space = space, .normal = cell(CellKind::kNormal), .reduce = cell(CellKind::kReduction)};
}

void build(const EvaluationSpec& spec) {
  Initial initial;
  EvaluationNetwork net(two_nodes("bayesnas"), spec, initial);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(evaluation_network)

BOOST_AUTO_TEST_CASE(every_published_genotype_builds_and_runs) {
  for (const Published& published : published_genotypes()) {
    Initial initial;
    EvaluationNetwork net(load_genotype(std::string(published.name)), tiny_evaluation(), initial);
    const Tensor logits = net.forward({}, noise_batch(2, net.frame_spec(), DType::kFloat32).images).logits.value();
    BOOST_TEST(logits.shape() == (Shape{2, 3}), published.name);
    BOOST_TEST(is_finite(logits), published.name);
  }
}

BOOST_AUTO_TEST_CASE(a_genotype_read_back_from_its_json_gives_the_same_network) {
  const Genotype genotype = load_genotype("bayesnas_0.007");
  std::vector<Tensor> logits;
  for (const Genotype& g : {genotype, parse_genotype_json(to_json(genotype))}) {
    Initial initial;
    EvaluationNetwork net(g, tiny_evaluation(), initial);
    logits.push_back(net.forward({}, noise_batch(2, net.frame_spec(), DType::kFloat32).images).logits.value());
  }
  BOOST_TEST(has_equal_bits(logits[0], logits[1]));
}

/// The op whose result is pooled for the classifier.
std::string pooled_op(const std::function<void(const Context&)>& run) {
  Tape tape;
  run({.tape = &tape});
  std::string before, result;
  for (const Node& node : tape.nodes()) {
    if (node.op && node.op->name() == "global_avg_pool")
      result = before;
    if (node.op)
      before = node.op->name();
  }
  return result;
}

BOOST_AUTO_TEST_CASE(search_networks_of_bayesnas_pool_behind_a_relu_evaluation_networks_without) {
  Initial initial;
  Supernet search(tiny(SupernetSpec::bayesnas()), initial);
  const Tensor images = noise_batch(2, search.spec().frame, DType::kFloat32).images;
  BOOST_TEST(pooled_op([&](const Context& c) { search.forward(c, images); }) == "relu");
  EvaluationNetwork found(load_genotype("bayesnas_0.007"), tiny_evaluation(), initial);
  BOOST_TEST(pooled_op([&](const Context& c) { found.forward(c, images); }) == "batch_norm_eval");
}

BOOST_AUTO_TEST_CASE(a_dead_node_narrows_the_network) {
  Genotype genotype = two_nodes("bayesnas");
  genotype.normal.edges.pop_back();
  genotype.normal.concat = {0};
  Initial initial;
  EvaluationNetwork net(genotype, tiny_evaluation(), initial);
  BOOST_TEST(test::parameter_named(net, "cells.1.preprocess1.conv.weight").value.size(1) == 4);
  BOOST_TEST(is_finite(net.forward({}, noise_batch(2, net.frame_spec(), DType::kFloat32).images).logits.value()));
}

BOOST_AUTO_TEST_CASE(an_odd_map_at_a_reduction_is_refused_with_cell_map_and_remedy) {
  EvaluationSpec spec = tiny_evaluation(18);  // 18 -> 9 at cell 1, odd at cell 2
  BOOST_CHECK_EXCEPTION(build(spec), UsageError, (test::Says{{"cell 2", "9x9", "18", "divisible by 4"}}));
  spec.frame.stem = Stem::kImageNet;
  spec.frame.image_size = 200;
  BOOST_CHECK_EXCEPTION(build(spec), UsageError, (test::Says{{"200", "divisible by 32", "224"}}));
}

BOOST_AUTO_TEST_CASE(impossible_sizes_are_refused_with_all_numbers) {
  EvaluationSpec spec = tiny_evaluation();
  spec.frame.channels = 0;
  BOOST_CHECK_EXCEPTION(build(spec), UsageError, (test::Says{{"channels 0", "cells 3", "positive"}}));
  spec = tiny_evaluation();
  spec.frame.classes = 1;
  BOOST_CHECK_EXCEPTION(build(spec), UsageError, (test::Says{{"classes 1", "at least 2"}}));
}

BOOST_AUTO_TEST_CASE(auxiliary_head_speaks_in_training_only) {
  for (Stem stem : {Stem::kCifar, Stem::kImageNet}) {
    EvaluationSpec spec = tiny_evaluation(stem == Stem::kCifar ? 32 : 224);
    spec.frame.stem = stem;
    spec.frame.channels = 2;
    spec.has_auxiliary_head = true;
    Initial initial;
    EvaluationNetwork net(load_genotype("DARTS_V2"), spec, initial);
    const Batch batch = noise_batch(2, net.frame_spec(), DType::kFloat32);
    BOOST_TEST(net.forward(training(1), batch.images).auxiliary.shape() == (Shape{2, 3}));
    BOOST_TEST(!net.forward({}, batch.images).auxiliary.value().is_defined());
  }
}

BOOST_AUTO_TEST_CASE(auxiliary_head_on_a_small_map_is_refused) {
  EvaluationSpec spec = tiny_evaluation(16);
  spec.has_auxiliary_head = true;
  BOOST_CHECK_EXCEPTION(build(spec), UsageError, (test::Says{{"4x4", "8x8", "32 pixels"}}));
  spec.frame.stem = Stem::kImageNet;
  spec.frame.image_size = 192;
  BOOST_CHECK_EXCEPTION(build(spec), UsageError, (test::Says{{"6x6", "7x7", "224 pixels"}}));
}

BOOST_AUTO_TEST_CASE(dropping_acts_in_training_only_and_by_the_address_of_the_step) {
  for (const char* space : {"darts", "bayesnas"}) {
    Initial initial;
    EvaluationNetwork net(two_nodes(space), tiny_evaluation(), initial);
    const Batch batch = noise_batch(4, net.frame_spec(), DType::kFloat32);
    const auto logits = [&](const Context& context) { return net.forward(context, batch.images).logits.value(); };
    const Tensor plain = logits(training(1));
    const Tensor tested = logits({});
    net.set_drop_probability(0.5);
    BOOST_TEST(!has_equal_bits(logits(training(1)), plain));
    BOOST_TEST(!has_equal_bits(logits(training(1)), logits(training(2))));
    BOOST_TEST(has_equal_bits(logits(training(1)), logits(training(1))));
    net.set_drop_probability(0.0);
    BOOST_TEST(has_equal_bits(logits(training(1)), plain));
    BOOST_TEST(test::relative_gap(logits({}), tested) > 0.0);  // running statistics moved, by training passes only
    const Tensor after = logits({});
    net.set_drop_probability(0.5);
    BOOST_TEST(has_equal_bits(logits({}), after));
  }
}

BOOST_AUTO_TEST_CASE(numbers_that_move_drop_as_the_step_and_the_probability_that_they_are) {
  for (const char* space : {"darts", "bayesnas"}) {
    Initial initial;
    EvaluationNetwork net(two_nodes(space), tiny_evaluation(), initial);
    const Batch batch = noise_batch(4, net.frame_spec(), DType::kFloat32);
    Context moving = training(2);
    moving.moving = Tensor::from({5.0, 0.5}, {2});
    const Tensor moved = net.forward(moving, batch.images).logits.value();
    net.set_drop_probability(0.5);
    BOOST_TEST(has_equal_bits(moved, net.forward(training(7), batch.images).logits.value()));
    net.set_drop_probability(0.1);
    BOOST_TEST(has_equal_bits(moved, net.forward(moving, batch.images).logits.value()));
  }
}

BOOST_AUTO_TEST_CASE(drop_path_drops_whole_operations_but_identities_and_channel_dropout_every_operation) {
  for (const char* space : {"darts", "bayesnas"}) {
    Initial initial;
    EvaluationNetwork net(two_nodes(space), tiny_evaluation(), initial);
    net.set_drop_probability(0.5);
    Tape tape;
    Context context = training(1);
    context.tape = &tape;
    net.forward(context, noise_batch(4, net.frame_spec(), DType::kFloat32).images);
    const auto count = [&](std::string_view name) {
      return std::ranges::count_if(tape.nodes(),
                                   [&](const Node& node) { return node.op != nullptr && node.op->name() == name; });
    };
    const bool is_darts = std::string_view(space) == "darts";
    BOOST_TEST(count("drop_path") == (is_darts ? 6 : 0));  // 3 cells, 3 operations each, of which one identity
    BOOST_TEST(count("channel_dropout") == (is_darts ? 0 : 9));
  }
}

BOOST_AUTO_TEST_CASE(every_operation_of_every_cell_drops_by_random_numbers_of_its_own_anew_each_step) {
  for (const char* space : {"darts", "bayesnas"}) {
    Initial initial;
    EvaluationNetwork net(two_nodes(space), tiny_evaluation(), initial);
    net.set_drop_probability(0.5);
    constexpr std::int64_t kImages = 32;
    std::set<std::vector<std::uint8_t>> patterns;  // of what is kept of the first 32 units
    std::size_t drops = 0;
    for (std::uint64_t step : {1, 2}) {
      Tape tape;
      Context context = training(step);
      context.tape = &tape;
      net.forward(context, noise_batch(kImages, net.frame_spec(), DType::kFloat32).images);
      for (const Node& node : tape.nodes()) {
        if (node.op == nullptr || (node.op->name() != "drop_path" && node.op->name() != "channel_dropout"))
          continue;
        const std::uint8_t* kept = node.saved[0].data<std::uint8_t>();
        patterns.insert({kept, kept + kImages});
        ++drops;
      }
    }
    BOOST_TEST(drops == (std::string_view(space) == "darts" ? 12u : 18u));
    BOOST_TEST(patterns.size() == drops);
  }
}

BOOST_AUTO_TEST_CASE(evaluation_does_not_depend_on_the_batch_size) {
  Initial initial;
  EvaluationNetwork net(load_genotype("bayesnas_0.01"), tiny_evaluation(), initial);
  test::shake(net);
  Trainer trainer(net, {});
  const Batch all = noise_batch(12, net.frame_spec(), DType::kFloat32);
  const Score whole = trainer.evaluate(all);
  Score parts;
  for (std::int64_t first = 0; first < 12; first += 4)
    parts.add(trainer.evaluate({all.images.slice(0, first, first + 4), all.labels.slice(0, first, first + 4)}));
  BOOST_TEST(parts.count == whole.count);
  BOOST_TEST(parts.top1 == whole.top1);
  BOOST_TEST(parts.mean_loss() == whole.mean_loss(), boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(macs_of_a_small_network_are_those_counted_by_hand) {
  Genotype genotype = two_nodes("bayesnas");
  for (CellGenotype* cell : {&genotype.normal, &genotype.reduce}) {
    cell->edges[1].ops = {Primitive::kIdentity};
    cell->edges.pop_back();
    cell->concat = {0};
  }
  Initial initial;
  EvaluationNetwork net(genotype, tiny_evaluation(), initial);
  // Stem; cell 0: two 1x1 from 12; cell 1: 12 -> 8 and 4 -> 8 at 8x8, identity 8 -> 8 at 4x4; cell 2: the older map is
  // twice too large: 4 -> 4 at 4x4, 4 -> 16 and 8 -> 16, identity 16 -> 16 at 2x2; classifier.
  const std::int64_t stem = 64 * 12 * 27;
  const std::int64_t cell0 = 64 * (12 * 4 + 12 * 4);
  const std::int64_t cell1 = 64 * (12 * 8 + 4 * 8) + 16 * 8 * 8;
  const std::int64_t cell2 = 16 * (4 * 4 + 4 * 16 + 8 * 16) + 4 * 16 * 16;
  const auto forward = [&](const Context& c, const Variable& x) { return net.forward(c, x).logits; };
  BOOST_TEST(count_macs(forward, 3, 8) == stem + cell0 + cell1 + cell2 + 16 * 3);
}

BOOST_AUTO_TEST_SUITE_END()
