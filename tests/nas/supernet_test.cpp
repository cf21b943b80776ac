// The search network: what its switches mean, what pruning does to it, and its shapes.
#include "nas/bayes/derive.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::noise_batch;
using ockham::test::parameter_named;
using ockham::test::relative_gap;

namespace {

const Context kRunning{};
const Context kBatch{.batch_norm = BatchNormMode::kBatch};

/// A search network that can be compared with the network of a genotype: the head has no ReLU before pooling.
SupernetSpec comparable() {
  SupernetSpec spec = test::tiny(SupernetSpec::bayesnas());
  spec.frame.head_has_relu = false;
  return spec;
}

/// Variances of a cell with these (edge, operation) groups pruned; operation -1: the edge.
CellVariances pruned(const Supernet& net, CellKind kind, const std::vector<std::pair<std::size_t, int>>& groups) {
  CellVariances result{.spec = net.cell_spec(kind), .primitives = net.spec().primitives};
  result.edges.assign(result.spec.edges.size(), {.origin = 1.0, .ops = std::vector(result.primitives.size(), 1.0)});
  for (const auto& [e, o] : groups) {
    if (o < 0)
      result.edges[e] = {.origin = 0.0, .ops = std::vector(result.primitives.size(), 0.0)};
    else
      result.edges[e].ops[static_cast<std::size_t>(o)] = 0.0;
  }
  return result;
}

/// Leaves them out of the network, and sets their switches to 0.
void prune(Supernet& net, const CellVariances& known) {
  for (std::size_t e = 0; e < known.edges.size(); ++e) {
    std::vector<bool> is_kept;
    for (std::size_t o = 0; o < known.primitives.size(); ++o) {
      is_kept.push_back(known.edges[e].ops[o] > 0.0);
      for (Parameter* parameter : net.switches(known.spec.kind, e)) {
        if (!is_kept.back())
          test::write(parameter->value, static_cast<std::int64_t>(o), 0.0);
      }
    }
    net.keep(known.spec.kind, e, is_kept);
  }
}

/// Writes a switch of all copies of a cell; operation -1: the edge's.
void set_switch(Supernet& net, CellKind kind, std::size_t edge, int op, double value) {
  for (Parameter* parameter : op < 0 ? net.origins(kind, edge) : net.switches(kind, edge))
    test::write(parameter->value, std::max(op, 0), value);
}

/// Fills the network of a genotype with the search network's weights: everything outside the operations has the same
/// name, and the operations of one cell come in the same order.
void copy_weights(Supernet& from, const Genotype& genotype, EvaluationNetwork& to) {
  std::map<std::string, std::string> name_in_supernet;  // by "cells.I._ops.T."
  for (std::int64_t i = 0; i < from.spec().frame.cells; ++i) {
    const bool reduces = is_reduction(i, from.spec().frame.cells);
    const CellSpec& spec = from.cell_spec(reduces ? CellKind::kReduction : CellKind::kNormal);
    std::size_t term = 0;
    for (const GenotypeEdge& edge : (reduces ? genotype.reduce : genotype.normal).edges) {
      const auto e = std::ranges::find(spec.edges, EdgeSpec{edge.from, edge.to, edge.stride}) - spec.edges.begin();
      for (Primitive op : edge.ops) {
        const auto o = std::ranges::find(from.spec().primitives, op) - from.spec().primitives.begin();
        name_in_supernet[concat("cells.", i, "._ops.", term++, ".")] =
            concat("cells.", i, "._ops.", e, "._ops.", o, ".");
      }
    }
  }
  for (Parameter* parameter : to.state()) {
    const auto renamed = std::ranges::find_if(
        name_in_supernet, [&](const auto& names) { return parameter->name.starts_with(names.first); });
    const std::string name = renamed == name_in_supernet.end()
                                 ? parameter->name
                                 : renamed->second + parameter->name.substr(renamed->first.size());
    parameter->value = parameter_named(from, name).value.clone();
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(supernet)

BOOST_AUTO_TEST_CASE(a_pruned_operation_leaves_the_logits_that_its_switch_at_zero_gives) {
  for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
    Initial initial{.dtype = dtype};
    Supernet net(test::tiny(SupernetSpec::bayesnas()), initial);
    test::shake(net);
    const Batch batch = noise_batch(2, net.spec().frame, dtype);
    set_switch(net, CellKind::kNormal, 0, 2, 0.0);
    set_switch(net, CellKind::kNormal, 3, 0, 0.0);
    set_switch(net, CellKind::kReduction, 4, 6, 0.0);
    set_switch(net, CellKind::kReduction, 2, -1, 0.0);
    for (int op = 0; op < 7; ++op)
      set_switch(net, CellKind::kReduction, 2, op, 0.0);
    const Tensor zeroed = net.forward(kRunning, batch.images).value();
    prune(net, pruned(net, CellKind::kNormal, {{0, 2}, {3, 0}}));
    prune(net, pruned(net, CellKind::kReduction, {{4, 6}, {2, -1}}));
    const Tensor smaller = net.forward(kRunning, batch.images).value();
    BOOST_TEST(relative_gap(smaller, zeroed) < (dtype == DType::kFloat32 ? 1e-6 : 1e-12));
  }
}

BOOST_AUTO_TEST_CASE(pruning_removes_the_operations_from_the_graph) {
  Initial initial;
  Supernet net(test::tiny(SupernetSpec::bayesnas()), initial);
  const Batch batch = noise_batch(1, net.spec().frame, DType::kFloat32);
  const auto convolutions = [&] {
    Tape tape;
    net.forward({.tape = &tape, .fuses = false}, batch.images);
    return std::ranges::count_if(tape.nodes(),
                                 [](const Node& node) { return node.op != nullptr && node.op->name() == "conv2d"; });
  };
  const auto before = convolutions();
  prune(net, pruned(net, CellKind::kNormal, {{0, -1}, {2, 0}}));
  BOOST_TEST(before - convolutions() == 12 + 4);  // an edge has 4 + 4 + 2 + 2, a separable convolution 4
}

BOOST_AUTO_TEST_CASE(network_of_the_genotype_gives_the_logits_of_the_pruned_search_network) {
  for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
    Initial initial{.dtype = dtype};
    Supernet net(comparable(), initial);
    test::shake(net);
    for (Parameter* parameter : net.architecture())
      fill(parameter->value, 1.0);
    const CellVariances normal = pruned(net, CellKind::kNormal, {{0, 0}, {0, 1}, {1, -1}, {4, 3}, {6, 5}});
    const CellVariances reduce = pruned(net, CellKind::kReduction, {{0, 6}, {3, -1}, {5, 2}});
    prune(net, normal);
    prune(net, reduce);
    const Genotype genotype{.normal = derive_cell(normal), .reduce = derive_cell(reduce)};
    EvaluationNetwork small(genotype, {.frame = net.spec().frame}, initial);
    copy_weights(net, genotype, small);
    const Batch batch = noise_batch(2, net.spec().frame, dtype);
    for (const Context& context : {kRunning, kBatch})
      BOOST_TEST(relative_gap(small.forward(context, batch.images).logits.value(),
                              net.forward(context, batch.images).value()) < (dtype == DType::kFloat32 ? 1e-5 : 1e-12));
  }
}

BOOST_AUTO_TEST_CASE(with_all_switches_one_the_network_is_the_plain_sum_of_operations) {
  Initial initial{.dtype = DType::kFloat64};
  Supernet net(comparable(), initial);
  const Genotype all{.normal = derive_cell(pruned(net, CellKind::kNormal, {})),
                     .reduce = derive_cell(pruned(net, CellKind::kReduction, {}))};
  BOOST_TEST(count_ops(all.normal) == 56);
  EvaluationNetwork sum(all, {.frame = net.spec().frame}, initial);
  copy_weights(net, all, sum);
  const Batch batch = noise_batch(2, net.spec().frame);
  BOOST_TEST(relative_gap(sum.forward(kBatch, batch.images).logits.value(), net.forward(kBatch, batch.images).value()) <
             1e-12);
}

BOOST_AUTO_TEST_CASE(softmax_mixing_weighs_operations_by_the_softmax_of_their_row) {
  SupernetSpec spec = test::tiny(SupernetSpec::darts(2));
  Initial initial{.dtype = DType::kFloat64};
  Supernet mixed(spec, initial);
  test::shake(mixed);
  spec.mixing = Mixing::kSwitches;
  Supernet switched(spec, initial);
  for (CellKind kind : {CellKind::kNormal, CellKind::kReduction}) {
    const Tensor& logits = mixed.logits(kind).value;
    for (std::size_t e = 0; e < mixed.cell_spec(kind).edges.size(); ++e) {
      double total = 0.0;
      for (int o = 0; o < 8; ++o)
        total += std::exp(test::read(logits, static_cast<std::int64_t>(e) * 8 + o));
      for (int o = 1; o < 8; ++o)  // column 0 is the zero operation
        set_switch(switched, kind, e, o - 1,
                   std::exp(test::read(logits, static_cast<std::int64_t>(e) * 8 + o)) / total);
    }
  }
  for (Parameter* parameter : switched.state()) {
    std::string name = parameter->name;
    if (parameter->kind == ParameterKind::kSwitch)
      continue;
    if (const auto at = name.rfind("._ops."); at != std::string::npos && name.find("._ops.") != at) {
      const auto digit = at + std::string_view("._ops.").size();  // the zero operation shifts the numbers by one
      ++name[digit];
    }
    parameter->value = parameter_named(mixed, name).value.clone();
  }
  const Batch batch = noise_batch(2, spec.frame);
  BOOST_TEST(relative_gap(mixed.forward(kRunning, batch.images).value(),
                          switched.forward(kRunning, batch.images).value()) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_dead_node_gives_zeros_and_the_shapes_stay) {
  Initial initial;
  Supernet net(test::tiny(SupernetSpec::bayesnas()), initial);
  const Batch batch = noise_batch(2, net.spec().frame, DType::kFloat32);
  // Normal node 0 dies, and with it the edge node0 -> 3; of the reduction cell nothing is left.
  prune(net, pruned(net, CellKind::kNormal, {{0, -1}, {1, -1}}));
  BOOST_TEST(is_finite(net.forward(kRunning, batch.images).value()));
  std::vector<std::pair<std::size_t, int>> everything;
  for (std::size_t e = 0; e < 8; ++e)
    everything.emplace_back(e, -1);
  prune(net, pruned(net, CellKind::kReduction, everything));
  const Tensor logits = net.forward(kRunning, batch.images).value();
  BOOST_TEST(logits.shape() == (Shape{2, 3}));
  BOOST_TEST(test::read(logits, 0) == test::read(logits, 3));  // no image reaches the head
}

BOOST_AUTO_TEST_CASE(reductions_halve_the_map_double_the_channels_and_nodes_are_concatenated) {
  SupernetSpec spec = test::tiny(SupernetSpec::bayesnas());
  spec.frame.cells = 6;  // reductions at 2 and 4
  spec.frame.image_size = 16;
  Initial initial;
  Supernet net(spec, initial);
  Tape tape;
  net.forward({.tape = &tape}, noise_batch(1, spec.frame, DType::kFloat32).images);
  std::vector<Shape> cells;
  for (const Node& node : tape.nodes()) {
    if (node.op != nullptr && node.op->name() == "concat")
      cells.push_back(node.outputs[0].shape);
  }
  const std::vector<Shape> expected{{1, 16, 16, 16}, {1, 16, 16, 16}, {1, 32, 8, 8},
                                    {1, 32, 8, 8},   {1, 64, 4, 4},   {1, 64, 4, 4}};
  BOOST_TEST((cells == expected));
}

BOOST_AUTO_TEST_CASE(pre_processors_have_the_published_sizes) {
  SupernetSpec spec = test::tiny(SupernetSpec::bayesnas());
  spec.frame.cells = 8;
  Initial initial;
  Supernet net(spec, initial);
  for (std::int64_t i = 0; i < 8; ++i) {
    // Only the older input of the first cell after a reduction, at 2 and 5, has a map twice too large.
    BOOST_TEST(test::has_parameter(net, concat("cells.", i, ".preprocess0.reduce.weight")) == (i == 3 || i == 6));
    BOOST_TEST(!test::has_parameter(net, concat("cells.", i, ".preprocess1.reduce.weight")));
  }
  const auto shape = [&](const char* name) { return parameter_named(net, name).value.shape(); };
  BOOST_TEST(shape("stem.0.weight") == (Shape{12, 3, 3, 3}));
  BOOST_TEST(shape("cells.0.preprocess0.conv.weight") == (Shape{4, 12, 1, 1}));
  BOOST_TEST(shape("cells.1.preprocess0.conv.weight") == (Shape{4, 12, 1, 1}));
  BOOST_TEST(shape("cells.1.preprocess1.conv.weight") == (Shape{4, 16, 1, 1}));
  BOOST_TEST(shape("cells.2.preprocess1.conv.weight") == (Shape{8, 16, 1, 1}));
  BOOST_TEST(shape("cells.3.preprocess0.reduce.weight") == (Shape{16, 16, 1, 1}));
  BOOST_TEST(shape("cells.3.preprocess1.conv.weight") == (Shape{8, 32, 1, 1}));
  BOOST_TEST(shape("cells.6.preprocess1.conv.weight") == (Shape{16, 64, 1, 1}));
  BOOST_TEST(shape("bn.weight") == (Shape{64}));
  BOOST_TEST(shape("classifier.weight") == (Shape{3, 64}));
}

BOOST_AUTO_TEST_CASE(batch_statistics_hide_the_origin_switch_from_operations_that_begin_with_batch_norm) {
  const Tensor x = test::noise({3, 4, 6, 6}, DType::kFloat64, 1);
  Tensor scaled = x.clone();
  scale(scaled, 2.5);
  for (std::int64_t stride : {1, 2}) {
    for (Primitive primitive : kBayesnasPrimitives) {
      Initial initial{.dtype = DType::kFloat64};
      const auto op = make_operation(Style::kBayesNas, primitive, {.channels = 4, .stride = stride}, initial);
      Tensor y = op->forward(kBatch, x).value().clone();
      const bool feels_scale = primitive == Primitive::kMaxPool3 || primitive == Primitive::kAvgPool3 ||
                               (primitive == Primitive::kIdentity && stride == 1);
      if (feels_scale)
        scale(y, 2.5);
      BOOST_TEST(relative_gap(op->forward(kBatch, scaled).value(), y) < (feels_scale ? 1e-14 : 1e-4),
                 primitive_name(primitive) << " with stride " << stride);
    }
  }
}

BOOST_AUTO_TEST_CASE(origin_switches_at_the_output_scale_every_operation) {
  SupernetSpec spec = test::tiny(SupernetSpec::bayesnas());
  spec.origin = OriginPosition::kOutput;
  Initial initial{.dtype = DType::kFloat64};
  Supernet net(spec, initial);
  const Batch batch = noise_batch(2, spec.frame);
  const auto logits_with = [&](double origin, double ops) {
    for (std::size_t e = 0; e < 8; ++e) {
      set_switch(net, CellKind::kReduction, e, -1, origin);
      for (int o = 0; o < 7; ++o)
        set_switch(net, CellKind::kReduction, e, o, ops);
    }
    return net.forward(kBatch, batch.images).value().clone();
  };
  BOOST_TEST(relative_gap(logits_with(2.0, 0.5), logits_with(1.0, 1.0)) < 1e-12);
}

BOOST_AUTO_TEST_SUITE_END()
