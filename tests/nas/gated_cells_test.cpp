// PGNAS's gates in the cells of DARTS and BayesNAS: what a gate does, and which cells gates make.
#include "engine/math.h"
#include "nas/methods/pgnas/pgnas_cells.h"
#include "nas/spaces/cells/cell_space.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using test::noise;
using test::relative_gap;
using test::write;

namespace {

constexpr std::int64_t kOptions = 8;  // of an edge: none, seven operations
constexpr std::int64_t kEdges = 5;    // of a kind, in the graph of DARTS with two nodes

SupernetSpec tiny_gated(Style style, int nodes = 2) {
  SupernetSpec spec = test::tiny(style == Style::kDarts ? SupernetSpec::darts(nodes) : SupernetSpec::bayesnas(nodes));
  spec.mixing = Mixing::kGates;
  spec.gates.drop = 0.4;
  return spec;
}

SoftmaxSpace tiny_space(Style style) {
  return SoftmaxSpace(tiny_gated(style), test::tiny_evaluation());
}

Parameter& logits_of(Supernet& net) {
  return *net.groups().front().logit;
}

/// The same network with switches, which are the weights that gates give to operations.
class Switched {
 public:
  explicit Switched(Supernet& gated) : gated_(gated) {
    SupernetSpec spec = gated.spec();
    spec.mixing = Mixing::kSwitches;
    Initial initial{.seed = 9, .dtype = DType::kFloat64};
    net_ = std::make_unique<Supernet>(spec, initial);
    for (Parameter* to : net_->state()) {
      if (to->kind == ParameterKind::kSwitch)
        continue;
      std::string name = to->name;
      if (const std::size_t at = name.find("._ops.", name.find("_ops.") + 1); at != std::string::npos)
        ++name[at + 6];  // none is number 0 there
      to->value = test::parameter_named(gated, name).value.clone();
    }
  }

  /// Weights by option.
  Tensor forward(const Context& context, const Tensor& images, std::span<const double> weights) {
    std::size_t option = 0;
    for (const CellKind kind : {CellKind::kNormal, CellKind::kReduction}) {
      for (std::size_t e = 0; e < net_->cell_spec(kind).edges.size(); ++e, option += kOptions) {
        for (Parameter* switches : net_->switches(kind, e)) {
          for (std::int64_t o = 0; o + 1 < kOptions; ++o)
            write(switches->value, o, weights[option + static_cast<std::size_t>(o) + 1]);
        }
      }
    }
    return net_->forward(context, images).value();
  }

 private:
  Supernet& gated_;
  std::unique_ptr<Supernet> net_;
};

/// Keeps about half of the operations. All of edge 0 are dropped, so that some nodes have one edge less.
std::vector<double> some_kept(const std::vector<GatedGroup>& groups, std::uint64_t stream) {
  std::vector<double> kept(static_cast<std::size_t>(groups.back().entry + 1));
  for (const GatedGroup& group : groups) {
    const auto option = static_cast<std::size_t>(group.entry);
    const bool is_kept = option >= kOptions && uniform({1, Purpose::kTest, stream}, option) < 0.5;
    kept[option] = is_kept ? 1.0 : 0.0;
  }
  return kept;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gated_cells)

BOOST_AUTO_TEST_CASE(without_training_an_edge_is_the_mean_of_the_operations_that_gates_keep) {
  for (const Style style : {Style::kDarts, Style::kBayesNas}) {
    Initial initial{.seed = 2, .dtype = DType::kFloat64};
    Supernet net(tiny_gated(style), initial);
    test::shake(net);
    Switched switched(net);
    const Batch batch = test::noise_batch(4, net.spec().frame);
    std::vector<double> kept = some_kept(net.groups(), 1);
    for (const bool drops_all : {false, true}) {
      if (drops_all)
        std::ranges::fill(kept, 0.0);
      std::vector<double> weights = kept;
      for (std::size_t edge = 0; edge < weights.size(); edge += kOptions) {
        const std::span<double> row = std::span(weights).subspan(edge, kOptions);
        const double count = static_cast<double>(std::ranges::count(row, 1.0));
        for (double& weight : row)
          weight /= std::max(1.0, count);
      }
      for (const GatedGroup& group : net.groups())
        *group.keep = {kept[static_cast<std::size_t>(group.entry)]};
      for (const BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
        for (const bool fuses : {false, true}) {
          const Context context{.batch_norm = mode, .fuses = fuses};
          BOOST_TEST(relative_gap(net.forward(context, batch.images).value(),
                                  switched.forward(context, batch.images, weights)) <= 1e-12);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(in_training_an_edge_is_the_mean_of_all_its_operations_times_their_gates) {
  for (const Style style : {Style::kDarts, Style::kBayesNas}) {
    Initial initial{.seed = 2, .dtype = DType::kFloat64};
    Supernet net(tiny_gated(style), initial);
    test::shake(net);
    Switched switched(net);
    const Batch batch = test::noise_batch(4, net.spec().frame);
    std::vector<double> weights = some_kept(net.groups(), 2);
    for (std::size_t option = 0; option < weights.size(); ++option) {
      write(logits_of(net).value, static_cast<std::int64_t>(option), weights[option] > 0.0 ? -900.0 : 900.0);
      weights[option] /= static_cast<double>(kOptions - 1);
    }
    const Context context{.batch_norm = BatchNormMode::kBatch, .is_training = true};
    BOOST_TEST(relative_gap(net.forward(context, batch.images).value(),
                            switched.forward(context, batch.images, weights)) <= 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(a_group_has_the_kernels_of_one_operation_in_all_cells_of_its_kind) {
  Initial initial{.seed = 2};
  Supernet net(tiny_gated(Style::kDarts), initial);
  const SoftmaxSpace space = tiny_space(Style::kDarts);
  net.state();  // which names parameters from the network on
  BOOST_TEST(net.groups().size() == 2u * kEdges * (kOptions - 1));
  std::size_t kernels = 0;
  for (const GatedGroup& group : net.groups()) {
    const Choice choice = space.choices()[static_cast<std::size_t>(group.entry / kOptions)];
    const std::string& operation = choice.options[static_cast<std::size_t>(group.entry % kOptions)];
    const bool reduces = choice.name.starts_with("reduce");
    const std::size_t of_one = operation.starts_with("sep_conv")   ? 4
                               : operation.starts_with("dil_conv") ? 2
                               : operation == "skip_connect" && reduces && choice.name.find("sel") == std::string::npos
                                   ? 2
                                   : 0;
    const std::size_t copies = reduces ? 2 : 1;
    BOOST_TEST(group.kernels.size() == of_one * copies, choice.name << ' ' << operation);
    kernels += group.kernels.size();
    for (const Parameter* kernel : group.kernels)
      BOOST_TEST(kernel->name.find(concat("_ops.", group.entry / kOptions % kEdges, "._ops.", group.entry % kOptions,
                                          '.')) != std::string::npos);
  }
  const auto is_of_an_edge = [](const Parameter* parameter) {
    return parameter->value.rank() == 4 && parameter->name.find("_ops.") != std::string::npos;
  };
  BOOST_TEST(std::ranges::count_if(net.parameters(ParameterKind::kWeight), is_of_an_edge) ==
             static_cast<std::ptrdiff_t>(kernels));
}

BOOST_AUTO_TEST_CASE(gradient_of_the_objective_is_that_of_central_differences_at_the_same_noise) {
  Initial initial{.seed = 2, .dtype = DType::kFloat64};
  Supernet net(tiny_gated(Style::kDarts), initial);
  test::shake(net);
  const Batch batch = test::noise_batch(3, net.spec().frame);
  Pgnas pgnas(gated(net), {.prior = {.precision = 2.0, .examples = 10.0}, .seed = 3});
  const auto objective = [&] { return pgnas.differentiate(batch, 5).mean_loss() + pgnas.divergence(); };
  objective();
  Parameter& kernel = *net.groups()[3].kernels[1];  // sep_conv_3x3 of edge 0
  Parameter& logits = logits_of(net);
  const Tensor by_logit = logits.grad, by_kernel = kernel.grad;
  constexpr double kStep = 1e-6;
  const auto check = [&](Tensor& value, std::int64_t i, const Tensor& grad) {
    const double was = test::read(value, i);
    const auto moved = [&](double by) {
      write(value, i, was + by);
      return objective();
    };
    BOOST_TEST(std::abs((moved(kStep) - moved(-kStep)) / (2.0 * kStep) - test::read(grad, i)) <= 1e-7);
    write(value, i, was);
  };
  for (std::int64_t i = 0; i < logits.value.numel(); i += 3)  // none's among them, whose gradient is zero
    check(logits.value, i, by_logit);
  for (std::int64_t i = 0; i < kernel.value.numel(); i += 4)
    check(kernel.value, i, by_kernel);
}

BOOST_AUTO_TEST_CASE(maps_keep_their_size_through_eight_fresh_cells) {
  // The variance of what a cell gives the next, read from the batch norm that the next begins with.
  SupernetSpec spec = tiny_gated(Style::kBayesNas, 4);
  spec.frame.cells = 8;
  spec.frame.image_size = 16;
  for (const double drop : {0.1, 0.5, 0.9}) {
    spec.gates.drop = drop;
    Initial initial{.seed = 2, .dtype = DType::kFloat64};
    Supernet net(spec, initial);
    const Batch batch = test::noise_batch(8, spec.frame);
    net.forward({.batch_norm = BatchNormMode::kBatch, .is_training = true}, batch.images);
    double least = 1e30, most = 0.0;
    for (std::int64_t cell = 1; cell < 8; ++cell) {
      const Tensor running = test::parameter_named(net, concat("cells.", cell, ".preprocess1.bn.running_var")).value;
      double mean = 0.0;
      for (std::int64_t c = 0; c < running.numel(); ++c)
        mean += (test::read(running, c) - (1.0 - BatchNorm::kMomentum)) / BatchNorm::kMomentum /
                static_cast<double>(running.numel());
      least = std::min(least, mean);
      most = std::max(most, mean);
    }
    BOOST_TEST_MESSAGE("drop " << drop << ": variances from " << least << " to " << most);
    BOOST_TEST(least > 1e-3);
    BOOST_TEST(most < 4.0 * least);
  }
}

namespace {

/// A network whose gates are almost sure to drop, but for those that a test sets.
struct Drawn {
  explicit Drawn(double logit = 60.0) {
    for (const GatedGroup& group : net.network.groups)
      write(group.logit->value, group.entry, logit);
  }
  void set(std::int64_t edge, std::int64_t option, double logit) {
    write(net.network.groups.front().logit->value, edge * kOptions + option, logit);
  }
  Genotype draw(const Drawing& drawing = {}, std::uint64_t number = 0) const {
    return parse_darts(draw_cell(space, net.network.groups, drawing, number));
  }
  SoftmaxSpace space = tiny_space(Style::kDarts);
  Initial initial{.dtype = DType::kFloat64};
  OwnedGatedNetwork net = space.make_gated({}, initial);
};

std::string normal_of(const Genotype& genotype) {
  const std::string text = to_darts(genotype);
  return text.substr(0, text.find(", normal_concat"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_node_takes_the_edges_and_operations_of_lowest_probability_that_gates_keep) {
  Drawn drawn;
  // Edges in1_0 in0_0 | in1_1 in0_1 sel_0_1.
  drawn.set(0, 4, -20.0);  // sep_conv_3x3
  drawn.set(0, 5, -21.0);  // sep_conv_5x5, lower
  drawn.set(1, 3, -20.0);  // skip_connect
  drawn.set(2, 7, -22.0);  // in1_1 keeps one operation alone
  for (std::int64_t o = 1; o < kOptions; ++o)
    drawn.set(3, o, o == 6 ? -24.0 : -23.0);  // in0_1 keeps all, each of lower probability: its rivals do not count
  drawn.set(4, 1, -23.5);
  BOOST_TEST(normal_of(drawn.draw()) ==
             "Genotype(normal=[('sep_conv_5x5', 0), ('skip_connect', 1), ('dil_conv_3x3', 1), ('max_pool_3x3', 2)]");
  BOOST_TEST(likeliest_cell(drawn.space, drawn.net.network.groups) == to_darts(drawn.draw()));
}

BOOST_AUTO_TEST_CASE(dropped_operations_fill_up_what_the_space_demands_the_likeliest_first) {
  Drawn drawn;
  drawn.set(3, 3, -20.0);  // the one operation that node 1 keeps
  drawn.set(0, 2, 20.0);   // dropped, but less surely than all others
  drawn.set(4, 6, 20.0);
  const Genotype genotype = drawn.draw();
  BOOST_TEST(genotype.normal.edges.size() == 4u);
  BOOST_TEST((genotype.normal.edges[0].ops.front() == Primitive::kAvgPool3));
  BOOST_TEST((genotype.normal.edges[2] == GenotypeEdge{.from = 1, .to = 1, .ops = {Primitive::kIdentity}}));
  BOOST_TEST((genotype.normal.edges[3] == GenotypeEdge{.from = 2, .to = 1, .ops = {Primitive::kDilConv3}}));
}

BOOST_AUTO_TEST_CASE(random_cells_take_every_edge_and_operation_alike) {
  const Drawn drawn;
  const Drawing random{.seed = 3, .drop_rate = 0.5};
  constexpr int kDraws = 1000;
  std::array<int, 3> edges{};
  std::map<Primitive, int> operations;
  for (std::uint64_t number = 0; number < kDraws; ++number) {
    const Genotype genotype = drawn.draw(random, number);
    for (std::size_t e = 2; e < 4; ++e)
      ++edges[static_cast<std::size_t>(genotype.normal.edges[e].from)];
    for (const GenotypeEdge& edge : genotype.reduce.edges)
      ++operations[edge.ops.front()];
  }
  for (const int count : edges)
    BOOST_TEST(std::abs(static_cast<double>(count) / kDraws - 2.0 / 3.0) <= 0.06);  // four standard errors
  BOOST_TEST(operations.size() == 7u);
  for (const auto& [operation, count] : operations)
    BOOST_TEST(std::abs(static_cast<double>(count) / (4.0 * kDraws) - 1.0 / 7.0) <= 0.023);  // the same
}

BOOST_AUTO_TEST_CASE(a_ranked_cell_is_scored_with_its_own_operations_alone) {
  for (const Style style : {Style::kDarts, Style::kBayesNas}) {
    const SoftmaxSpace space = tiny_space(style);
    Initial initial{.seed = 2, .dtype = DType::kFloat64};
    const OwnedGatedNetwork net = space.make_gated({.drop = 0.5}, initial);
    const std::vector<Batch> batches{test::noise_batch(5, {.classes = 3, .image_size = 8})};
    const RankOptions options{.criterion = Criterion::kLoss, .batch_norm = BatchNormMode::kFrozenBatch};
    for (const RankedCell& ranked : rank_cells(space, net.network, batches, 6, {.seed = 1}, options)) {
      put_cell(space, net.network.groups, ranked.cell);
      std::int64_t kept = 0;
      for (const GatedGroup& group : net.network.groups)
        kept += std::ranges::count(*group.keep, 1.0);
      BOOST_TEST(kept == 8);  // two edges of two nodes, in both kinds
      BOOST_TEST(evaluate_candidate(net.network, batches, options.batch_norm).loss == ranked.score.loss);
      BOOST_TEST(draw_cell(space, net.network.groups, {.seed = 1}, ranked.number) == ranked.cell);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
