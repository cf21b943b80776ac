#include "nas/saved/saved_network.h"

#include "engine/allocator.h"
#include "engine/json_file.h"
#include "engine/math.h"
#include "engine/settings.h"
#include "nas/saved/narrow_network.h"

namespace ockham::nas {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDescription = "checkpoint: the description of its network";

template <class T>
T get(const Json& json, const char* key) {
  return value_of<T>(json, key, kDescription);
}

// Names of choices, as they stand in files.
const std::vector<Named<Stem>> kStems{{"cifar", Stem::kCifar}, {"imagenet", Stem::kImageNet}};
const std::vector<Named<Reduction>> kReductions{{"strided", Reduction::kStrided}, {"shifted", Reduction::kShifted}};
const std::vector<Named<Mixing>> kMixings{
    {"switches", Mixing::kSwitches}, {"softmax", Mixing::kSoftmax}, {"gates", Mixing::kGates}};
const std::vector<Named<OriginPosition>> kOrigins{{"input", OriginPosition::kInput},
                                                  {"output", OriginPosition::kOutput}};
const std::vector<Named<Shortcut>> kShortcuts{{"padded", Shortcut::kPadded}, {"projected", Shortcut::kProjected}};
const std::vector<Named<Activation>> kActivations{{"relu", Activation::kRelu}, {"gelu", Activation::kGelu}};

template <class E>
E value_named(const std::vector<Named<E>>& values, const char* key, const std::string& name) {
  for (const Named<E>& value : values) {
    if (value.name == name)
      return value.value;
  }
  throw CheckpointError(concat(kDescription, " has '", name, "' as its ", key,
                               ", which is unknown here; another "
                               "version wrote it, or it is damaged."));
}

template <class E>
E choice_of(const Json& json, const char* key, const std::vector<Named<E>>& values) {
  return value_named(values, key, get<std::string>(json, key));
}

Json frame_json(const char* kind, const FrameSpec& f) {
  Json json{{"kind", kind},
            {"style", style_name(f.style)},
            {"stem", name_of(kStems, f.stem)},
            {"channels", f.channels},
            {"cells", f.cells},
            {"classes", f.classes},
            {"image_channels", f.image_channels},
            {"image_size", f.image_size},
            {"is_affine", f.is_affine},
            {"reduction", name_of(kReductions, f.reduction)},
            {"head_has_relu", f.head_has_relu}};
  if (f.whitens)
    json["whiten"] = true;
  return json;
}

FrameSpec frame_spec(const Json& json) {
  return {.style = parse_style(get<std::string>(json, "style")),
          .stem = choice_of(json, "stem", kStems),
          .channels = get<std::int64_t>(json, "channels"),
          .cells = get<std::int64_t>(json, "cells"),
          .classes = get<std::int64_t>(json, "classes"),
          .image_channels = get<std::int64_t>(json, "image_channels"),
          .image_size = get<std::int64_t>(json, "image_size"),
          .is_affine = get<bool>(json, "is_affine"),
          .reduction = choice_of(json, "reduction", kReductions),
          .whitens = value_of<bool>(json, "whiten", kDescription, false),
          .head_has_relu = get<bool>(json, "head_has_relu")};
}

Json cell_json(const CellSpec& cell) {
  Json edges = Json::array();
  for (const EdgeSpec& edge : cell.edges)
    edges.push_back({edge.from, edge.to, edge.stride});
  return {{"nodes", cell.nodes}, {"edges", edges}};
}

CellSpec cell_spec(const Json& json, CellKind kind) {
  CellSpec cell{.kind = kind, .nodes = get<int>(json, "nodes"), .edges = {}};
  if (cell.nodes < 1 || cell.nodes > kMaxNodes)
    throw CheckpointError(concat("checkpoint: a cell of ", cell.nodes, " nodes is outside 1 to ", kMaxNodes, "."));
  for (const auto& edge : get<std::vector<std::array<int, 3>>>(json, "edges")) {
    if (edge[1] < 0 || edge[1] >= cell.nodes || edge[0] < 0 || edge[0] >= node_id(edge[1]) ||
        edge[2] != edge_stride(kind, edge[0]))
      throw CheckpointError(concat("checkpoint: edge ", edge[0], " -> ", edge[1], " with stride ", edge[2],
                                   " fits no cell of ", cell.nodes, " nodes."));
    cell.edges.push_back({edge[0], edge[1], edge[2]});
  }
  return cell;
}

SupernetSpec supernet_spec(const Json& json) {
  SupernetSpec spec;
  spec.frame = frame_spec(json);
  spec.mixing = choice_of(json, "mixing", kMixings);
  spec.normal = cell_spec(get<Json>(json, "normal"), CellKind::kNormal);
  spec.reduce = cell_spec(get<Json>(json, "reduce"), CellKind::kReduction);
  spec.primitives.clear();
  for (const auto& name : get<std::vector<std::string>>(json, "primitives")) {
    const auto primitive = find_primitive(name);
    if (!primitive)
      throw CheckpointError(concat("checkpoint: operation '", name, "' is unknown."));
    spec.primitives.push_back(*primitive);
  }
  spec.origin = choice_of(json, "origin", kOrigins);
  spec.dilated_is_dense = get<bool>(json, "dilated_is_dense");
  return spec;
}

EvaluationSpec evaluation_spec(const Json& json) {
  return {.frame = frame_spec(json), .has_auxiliary_head = get<bool>(json, "auxiliary")};
}

/// @throws UsageError for an unknown model
ModelSpec model_spec(const Json& json) {
  return {.name = get<std::string>(json, "model"),
          .classes = get<std::int64_t>(json, "classes"),
          .image_channels = get<std::int64_t>(json, "image_channels"),
          .image_size = get<std::int64_t>(json, "image_size"),
          .stem = choice_of(json, "stem", kStems),
          .shortcut = choice_of(json, "shortcut", kShortcuts),
          .depth = get<std::int64_t>(json, "depth"),
          .widening = get<std::int64_t>(json, "widening"),
          .width = get<std::int64_t>(json, "width"),
          .activation =
              value_named(kActivations, "activation", value_of<std::string>(json, "activation", kDescription, "relu")),
          .scales_norms = value_of<bool>(json, "norm_scale", kDescription, true),
          .whitens = get<bool>(json, "whiten")};
}

nasbench201::NetworkSpec nasbench201_spec(const Json& json) {
  const auto side = get<std::int64_t>(json, "image_size");
  nasbench201::require_image_size(side, side);
  return {.channels = get<std::int64_t>(json, "channels"),
          .cells_per_stage = get<std::int64_t>(json, "cells_per_stage"),
          .classes = get<std::int64_t>(json, "classes"),
          .image_channels = get<std::int64_t>(json, "image_channels")};
}

proxyless::NetworkSpec proxyless_spec(const Json& json) {
  return {.channels = get<std::int64_t>(json, "channels"),
          .widening = get<std::int64_t>(json, "widening"),
          .classes = get<std::int64_t>(json, "classes"),
          .image_channels = get<std::int64_t>(json, "image_channels"),
          .image_size = get<std::int64_t>(json, "image_size")};
}

template <class Parse>
auto genotype_of(const Json& json, Parse&& parse) {
  try {
    return parse(get<Json>(json, "genotype").dump());
  } catch (const UsageError& e) {
    throw CheckpointError(concat("checkpoint: its genotype is damaged: ", e.what()));
  }
}

/// Of a network that is neither a search network nor of cells with two inputs.
std::unique_ptr<Classifier> make_classifier(const std::string& kind, const Json& json, Initial& initial) {
  if (kind == "model")
    return make_model(model_spec(json), initial);
  if (kind == "trees")
    return std::make_unique<proxyless::Network>(genotype_of(json, proxyless::parse_genotype), proxyless_spec(json),
                                                initial);
  return std::make_unique<nasbench201::CellClassifier>(nasbench201::parse_cell(get<std::string>(json, "cell")),
                                                       nasbench201_spec(json), initial);
}

/// While it lives, the allocator refuses more than the network of an honest checkpoint can take.
class HonestSize {
 public:
  /// @param is_narrow  its network is built whole at first
  HonestSize(const std::map<std::string, Tensor>& tensors, bool is_narrow) {
    const std::size_t room = (is_narrow ? std::size_t{1024} : std::size_t{64}) << 20;
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : tensors)
      bytes += tensor.nbytes();
    CachingAllocator& memory = CachingAllocator::instance();
    // Fourfold: a float64 network from a float32 file, and as much again while tensors are converted.
    before_ = memory.set_limit(memory.statistics().bytes_in_use + 4 * bytes + room);
  }
  ~HonestSize() { CachingAllocator::instance().set_limit(before_); }
  HonestSize(const HonestSize&) = delete;
  HonestSize& operator=(const HonestSize&) = delete;

 private:
  std::size_t before_ = 0;
};

/// A cell, or a layer of a network of that depth, has a tensor at least: a damaged count must not cost minutes.
void require_as_many_tensors(const Json& json, std::size_t tensors) {
  const bool has_cells = json.contains("cells");
  const bool has_depth = !has_cells && value_of<std::string>(json, "model", kDescription, "") == "pyramidnet";
  const auto count = has_cells || has_depth ? get<std::int64_t>(json, has_cells ? "cells" : "depth") : 0;
  if (count > static_cast<std::int64_t>(tensors))
    throw CheckpointError(concat("checkpoint: it describes ", count, has_cells ? " cells" : " layers",
                                 ", but holds only ", tensors, " tensors; the file is damaged."));
}

}  // namespace

Json to_json(const SupernetSpec& spec) {
  Json json = frame_json("supernet", spec.frame);
  json["mixing"] = name_of(kMixings, spec.mixing);
  json["normal"] = cell_json(spec.normal);
  json["reduce"] = cell_json(spec.reduce);
  json["primitives"] = Json::array();
  for (Primitive primitive : spec.primitives)
    json["primitives"].push_back(primitive_name(primitive));
  json["origin"] = name_of(kOrigins, spec.origin);
  json["dilated_is_dense"] = spec.dilated_is_dense;
  return json;
}

Json to_json(const EvaluationSpec& spec, const Genotype& genotype) {
  Json json = frame_json("network", spec.frame);
  json["auxiliary"] = spec.has_auxiliary_head;
  json["genotype"] = Json::parse(to_json(genotype));
  return json;
}

Json to_json(const ModelSpec& s) {
  return {{"kind", "model"},
          {"model", s.name},
          {"classes", s.classes},
          {"image_channels", s.image_channels},
          {"image_size", s.image_size},
          {"stem", name_of(kStems, s.stem)},
          {"shortcut", name_of(kShortcuts, s.shortcut)},
          {"depth", s.depth},
          {"widening", s.widening},
          {"width", s.width},
          {"activation", name_of(kActivations, s.activation)},
          {"norm_scale", s.scales_norms},
          {"whiten", s.whitens}};
}

Json to_json(const nasbench201::NetworkSpec& s, const nasbench201::Cell& cell, std::int64_t image_size) {
  return {{"kind", "nasbench201"},   {"cell", nasbench201::to_string(cell)},
          {"channels", s.channels},  {"cells_per_stage", s.cells_per_stage},
          {"classes", s.classes},    {"image_channels", s.image_channels},
          {"image_size", image_size}};
}

Json to_json(const proxyless::NetworkSpec& s, const proxyless::Genotype& genotype) {
  return {{"kind", "trees"},
          {"channels", s.channels},
          {"widening", s.widening},
          {"classes", s.classes},
          {"image_channels", s.image_channels},
          {"image_size", s.image_size},
          {"genotype", Json::parse(proxyless::to_json(genotype))}};
}

Variable SavedNetwork::logits(const Context& context, const Variable& images) {
  if (supernet)
    return supernet->forward(context, images);
  Classifier& classifier = evaluation ? static_cast<Classifier&>(*evaluation) : *model;
  return classifier.forward(context, images).logits;
}

Module& SavedNetwork::module() {
  if (supernet)
    return *supernet;
  return evaluation ? static_cast<Module&>(*evaluation) : *model;
}

SavedNetwork restore_network(const Json& json, const std::map<std::string, Tensor>& tensors, DType dtype,
                             Device device) {
  SavedNetwork result;
  Initial initial{.dtype = dtype, .device = device};
  const auto kind = get<std::string>(json, "kind");
  require_as_many_tensors(json, tensors.size());
  const bool is_narrow = json.contains("narrowed");
  const HonestSize limit(tensors, is_narrow);
  try {
    if (kind == "supernet") {
      result.supernet = std::make_unique<Supernet>(supernet_spec(json), initial);
      result.frame = result.supernet->spec().frame;
    } else if (kind == "network") {
      result.evaluation =
          std::make_unique<EvaluationNetwork>(genotype_of(json, parse_genotype_json), evaluation_spec(json), initial);
      result.frame = result.evaluation->frame_spec();
    } else if (kind == "model" || kind == "nasbench201" || kind == "trees") {
      result.model = make_classifier(kind, json, initial);
      result.frame.classes = get<std::int64_t>(json, "classes");
      result.frame.image_channels = get<std::int64_t>(json, "image_channels");
      result.frame.image_size = get<std::int64_t>(json, "image_size");
    } else {
      throw CheckpointError(concat("checkpoint: it holds a ", kind, ", but a network is needed here."));
    }
  } catch (const CheckpointError&) {
    throw;
  } catch (const Error& e) {
    throw CheckpointError(concat("checkpoint: its network cannot be built: ", e.what()));
  }
  if (is_narrow)
    narrow(result.module(), json["narrowed"]);
  restore(result.module().state(), tensors);
  if (is_narrow)
    require_fitting([&](const Tensor& images) { result.logits({}, images); }, result.frame, dtype, device);
  return result;
}

void restore(const std::vector<Parameter*>& state, const std::map<std::string, Tensor>& tensors) {
  for (Parameter* parameter : state) {
    const auto it = tensors.find(parameter->name);
    if (it == tensors.end())
      throw CheckpointError(concat("checkpoint: it lacks ", parameter->name, "; it belongs to another network."));
    if (it->second.shape() != parameter->value.shape())
      throw CheckpointError(concat("checkpoint: ", parameter->name, " has shape ", it->second.shape(), ", but ",
                                   parameter->value.shape(), " here; it belongs to another network."));
    copy(it->second.to(parameter->value.dtype()).to(parameter->value.device()), parameter->value);
  }
}

}  // namespace ockham::nas
