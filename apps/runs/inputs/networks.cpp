#include "apps/runs/inputs/networks.h"

#include "engine/allocator.h"
#include "engine/json_file.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
T get(const Json& json, const char* key) {
  return value_of<T>(json, key, "checkpoint: the description of its network");
}

void require_kind(const Json& json, const std::string& kind) {
  if (get<std::string>(json, "kind") != kind)
    throw CheckpointError(
        concat("checkpoint: it holds a ", get<std::string>(json, "kind"), ", but a ", kind, " is needed here."));
}

Json frame_json(const char* kind, const nas::FrameSpec& f) {
  return {{"kind", kind},
          {"style", nas::style_name(f.style)},
          {"stem", f.stem == nas::Stem::kCifar ? "cifar" : "imagenet"},
          {"channels", f.channels},
          {"cells", f.cells},
          {"classes", f.classes},
          {"image_channels", f.image_channels},
          {"image_size", f.image_size},
          {"is_affine", f.is_affine},
          {"reduction", f.reduction == nas::Reduction::kStrided ? "strided" : "shifted"},
          {"head_has_relu", f.head_has_relu}};
}

nas::FrameSpec frame_spec(const Json& json) {
  return {.style = nas::parse_style(get<std::string>(json, "style")),
          .stem = get<std::string>(json, "stem") == "cifar" ? nas::Stem::kCifar : nas::Stem::kImageNet,
          .channels = get<std::int64_t>(json, "channels"),
          .cells = get<std::int64_t>(json, "cells"),
          .classes = get<std::int64_t>(json, "classes"),
          .image_channels = get<std::int64_t>(json, "image_channels"),
          .image_size = get<std::int64_t>(json, "image_size"),
          .is_affine = get<bool>(json, "is_affine"),
          .reduction =
              get<std::string>(json, "reduction") == "strided" ? nas::Reduction::kStrided : nas::Reduction::kShifted,
          .head_has_relu = get<bool>(json, "head_has_relu")};
}

Json cell_json(const nas::CellSpec& cell) {
  Json edges = Json::array();
  for (const nas::EdgeSpec& edge : cell.edges)
    edges.push_back({edge.from, edge.to, edge.stride});
  return {{"nodes", cell.nodes}, {"edges", edges}};
}

nas::CellSpec cell_spec(const Json& json, nas::CellKind kind) {
  nas::CellSpec cell{.kind = kind, .nodes = get<int>(json, "nodes"), .edges = {}};
  if (cell.nodes < 1 || cell.nodes > nas::kMaxNodes)
    throw CheckpointError(concat("checkpoint: a cell of ", cell.nodes, " nodes is outside 1 to ", nas::kMaxNodes, "."));
  for (const auto& edge : get<std::vector<std::array<int, 3>>>(json, "edges")) {
    if (edge[1] < 0 || edge[1] >= cell.nodes || edge[0] < 0 || edge[0] >= nas::node_id(edge[1]) ||
        edge[2] != nas::edge_stride(kind, edge[0]))
      throw CheckpointError(concat("checkpoint: edge ", edge[0], " -> ", edge[1], " with stride ", edge[2],
                                   " fits no cell of ", cell.nodes, " nodes."));
    cell.edges.push_back({edge[0], edge[1], edge[2]});
  }
  return cell;
}

}  // namespace

Json to_json(const nas::SupernetSpec& spec) {
  Json json = frame_json("supernet", spec.frame);
  json["mixing"] = spec.mixing == nas::Mixing::kSwitches ? "switches" : "softmax";
  json["normal"] = cell_json(spec.normal);
  json["reduce"] = cell_json(spec.reduce);
  json["primitives"] = Json::array();
  for (nas::Primitive primitive : spec.primitives)
    json["primitives"].push_back(nas::primitive_name(primitive));
  json["origin"] = spec.origin == nas::OriginPosition::kInput ? "input" : "output";
  json["dilated_is_dense"] = spec.dilated_is_dense;
  return json;
}

nas::SupernetSpec supernet_spec(const Json& json) {
  require_kind(json, "supernet");
  nas::SupernetSpec spec;
  spec.frame = frame_spec(json);
  spec.mixing = get<std::string>(json, "mixing") == "switches" ? nas::Mixing::kSwitches : nas::Mixing::kSoftmax;
  spec.normal = cell_spec(get<Json>(json, "normal"), nas::CellKind::kNormal);
  spec.reduce = cell_spec(get<Json>(json, "reduce"), nas::CellKind::kReduction);
  spec.primitives.clear();
  for (const auto& name : get<std::vector<std::string>>(json, "primitives")) {
    const auto primitive = nas::find_primitive(name);
    if (!primitive)
      throw CheckpointError(concat("checkpoint: operation '", name, "' is unknown."));
    spec.primitives.push_back(*primitive);
  }
  spec.origin =
      get<std::string>(json, "origin") == "input" ? nas::OriginPosition::kInput : nas::OriginPosition::kOutput;
  spec.dilated_is_dense = get<bool>(json, "dilated_is_dense");
  return spec;
}

Json to_json(const nas::EvaluationSpec& spec, const nas::Genotype& genotype) {
  Json json = frame_json("network", spec.frame);
  json["auxiliary"] = spec.has_auxiliary_head;
  json["genotype"] = Json::parse(nas::to_json(genotype));
  return json;
}

nas::EvaluationSpec evaluation_spec(const Json& json) {
  require_kind(json, "network");
  return {.frame = frame_spec(json), .has_auxiliary_head = get<bool>(json, "auxiliary")};
}

nas::Genotype genotype_of(const Json& json) {
  require_kind(json, "network");
  try {
    return nas::parse_genotype_json(get<Json>(json, "genotype").dump());
  } catch (const UsageError& e) {
    throw CheckpointError(concat("checkpoint: its genotype is damaged: ", e.what()));
  }
}

Variable RestoredNetwork::logits(const Context& context, const Variable& images) {
  return supernet ? supernet->forward(context, images) : evaluation->forward(context, images).logits;
}

Module& RestoredNetwork::module() {
  return supernet ? static_cast<Module&>(*supernet) : static_cast<Module&>(*evaluation);
}

namespace {

/// While it lives, the allocator refuses more than the network of an honest checkpoint can take.
class HonestSize {
 public:
  explicit HonestSize(const Checkpoint& checkpoint) {
    constexpr std::size_t kRoom = std::size_t{64} << 20;
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : checkpoint.tensors)
      bytes += tensor.nbytes();
    CachingAllocator& memory = CachingAllocator::instance();
    // Fourfold: a float64 network from a float32 file, and as much again while tensors are converted.
    before_ = memory.set_limit(memory.statistics().bytes_in_use + 4 * bytes + kRoom);
  }
  ~HonestSize() { CachingAllocator::instance().set_limit(before_); }
  HonestSize(const HonestSize&) = delete;
  HonestSize& operator=(const HonestSize&) = delete;

 private:
  std::size_t before_ = 0;
};

}  // namespace

RestoredNetwork restore_network(const Checkpoint& checkpoint, DType dtype) {
  RestoredNetwork result;
  Initial initial{.dtype = dtype};
  const std::int64_t cells = get<std::int64_t>(checkpoint.network, "cells");
  if (cells > static_cast<std::int64_t>(checkpoint.tensors.size()))
    throw CheckpointError(concat("checkpoint: it describes ", cells, " cells, but holds only ",
                                 checkpoint.tensors.size(), " tensors; the file is damaged."));
  const HonestSize limit(checkpoint);
  try {
    if (get<std::string>(checkpoint.network, "kind") == "supernet") {
      result.supernet = std::make_unique<nas::Supernet>(supernet_spec(checkpoint.network), initial);
      result.frame = result.supernet->spec().frame;
    } else {
      result.evaluation = std::make_unique<nas::EvaluationNetwork>(genotype_of(checkpoint.network),
                                                                   evaluation_spec(checkpoint.network), initial);
      result.frame = result.evaluation->frame_spec();
    }
  } catch (const CheckpointError&) {
    throw;
  } catch (const Error& e) {
    throw CheckpointError(concat("checkpoint: its network cannot be built: ", e.what()));
  }
  restore(result.module().state(), checkpoint.tensors);
  return result;
}

void require_fit(const nas::FrameSpec& frame, const data::Dataset& dataset) {
  const data::ImageShape& shape = dataset.shape();
  if (shape.channels != frame.image_channels || shape.height != frame.image_size || shape.width != frame.image_size ||
      dataset.classes() != frame.classes)
    throw UsageError(concat("the network takes ", frame.image_channels, "x", frame.image_size, "x", frame.image_size,
                            " images of ", frame.classes, " classes, but ", dataset.name(), " has ", shape.channels,
                            "x", shape.height, "x", shape.width, " images of ", dataset.classes(),
                            "; choose the data set that it was trained on, or --image-size."));
}

}  // namespace ockham::apps
