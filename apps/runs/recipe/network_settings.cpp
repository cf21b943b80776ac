#include "apps/runs/recipe/network_settings.h"

#include <algorithm>
#include <filesystem>

#include "nas/saved/saved_network.h"

namespace ockham::apps {
namespace {

constexpr std::int64_t kMostChannels = 1'000'000;

std::string names_of_models() {
  std::string names;
  for (const nas::ModelEntry& entry : nas::models())
    names += concat(names.empty() ? "" : ", ", entry.name);
  return names;
}

/// Options of networks of cells alone.
const std::vector<std::string_view> kOfCells{"channels",         "cells",          "auxiliary", "stem", "reduction",
                                             "auxiliary-weight", "drop-path-prob", "whiten"};

const std::vector<std::string_view> kOfNasbench201{"channels", "cells"};
const std::vector<std::string_view> kOfTrees{"channels", "widening", "drop-path-prob"};

/// Those of some model.
std::vector<std::string_view> options_of_models() {
  std::vector<std::string_view> names;
  for (const nas::ModelEntry& entry : nas::models())
    names.insert(names.end(), entry.options.begin(), entry.options.end());
  return names;
}

nas::ModelSpec model_spec_of(const NetworkSettings& s, std::int64_t classes, const data::ImageShape& shape) {
  return {.name = s.model,
          .classes = classes,
          .image_channels = shape.channels,
          .image_size = shape.height,
          .stem = s.stem,
          .shortcut = s.shortcut,
          .depth = s.depth,
          .widening = s.widening,
          .width = s.width,
          .activation = s.activation,
          .scales_norms = s.scales_norms,
          .whitens = s.whitens};
}

/// Empty for a folder: of a run, where a program takes those.
std::string text_of(const std::string& genotype) {
  std::error_code none;
  return std::filesystem::is_directory(genotype, none) ? "" : nas::genotype_text(genotype);
}

constexpr std::string_view kBlanks = " \t\r\n";

/// "|nor_conv_3x3~0|+|...|", such as a search writes into cell.txt, or something meant so?
bool is_nasbench201_text(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  return begin != std::string::npos && text[begin] == '|';
}

nas::nasbench201::Cell nasbench201_cell(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  return nas::nasbench201::parse_cell(std::string_view(text).substr(begin, text.find_last_not_of(kBlanks) + 1 - begin));
}

BuiltNetwork build_trees(const NetworkSettings& s, const nas::proxyless::Genotype& genotype, std::int64_t classes,
                         const data::ImageShape& shape, Initial& initial) {
  const nas::proxyless::NetworkSpec spec{.channels = s.channels,
                                         .widening = s.widening,
                                         .classes = classes,
                                         .image_channels = shape.channels,
                                         .image_size = shape.height};
  return {.net = std::make_unique<nas::proxyless::Network>(genotype, spec, initial),
          .description = nas::to_json(spec, genotype)};
}

BuiltNetwork build_nasbench201(const NetworkSettings& s, const nas::nasbench201::Cell& cell, std::int64_t classes,
                               const data::ImageShape& shape, Initial& initial) {
  nas::nasbench201::require_image_size(shape.height, shape.width);
  const nas::nasbench201::NetworkSpec spec{
      .channels = s.channels, .cells_per_stage = s.cells, .classes = classes, .image_channels = shape.channels};
  return {.net = std::make_unique<nas::nasbench201::CellClassifier>(cell, spec, initial),
          .description = nas::to_json(spec, cell, shape.height)};
}

}  // namespace

void describe(NetworkSettings& s, SettingVisitor& v) {
  v.group("Network");
  v.text(
      "genotype", s.genotype,
      "the cells: a file, the name of a published genotype, or its text; also a cell of NAS-Bench-201 as its string, "
      "or the trees of a network of the proxyless space",
      "FILE|NAME|TEXT");
  v.alias("arch", "genotype");
  v.text("model", s.model, "in place of cells a network of the literature: " + names_of_models(), "NAME");
  v.count("channels", s.channels, "channels of the first cell; of a network of trees those of its stem",
          {.min = 1, .max = kMostChannels});
  v.alias("init-channels", "channels");
  v.count("cells", s.cells, "cells in the network; of NAS-Bench-201 in each of its three stages",
          {.min = 1, .max = kMostChannels});
  v.alias("layers", "cells");
  v.flag("auxiliary", s.auxiliary, "train with a second classifier after two thirds of the cells");
  v.choice("stem", s.stem, {{"cifar", nas::Stem::kCifar}, {"imagenet", nas::Stem::kImageNet}},
           "first layers, of cells and resnet18: one 3x3 convolution, or strided ones");
  v.choice("reduction", s.reduction, {{"strided", nas::Reduction::kStrided}, {"shifted", nas::Reduction::kShifted}},
           "how pre-processors of bayesnas networks halve a map");
  v.choice("shortcut", s.shortcut, {{"padded", nas::Shortcut::kPadded}, {"projected", nas::Shortcut::kProjected}},
           "where a block of resnet20 or resnet56 gets more channels: zeros (option A) or a 1x1 convolution (B)");
  v.count("depth", s.depth, "layers of pyramidnet, 6 n + 2", {.min = 8, .max = kMostChannels});
  v.count("widening", s.widening,
          "channels that pyramidnet, or the trees of a network of the proxyless space, gain from the first to the last "
          "block",
          {.max = kMostChannels});
  v.count("width", s.width, "channels of the first group of speed; the others have four times as many",
          {.min = 1, .max = kMostChannels});
  v.choice("activation", s.activation, {{"relu", nas::Activation::kRelu}, {"gelu", nas::Activation::kGelu}},
           "of speed, between its layers");
  v.choice("norm-scale", s.scales_norms, {{"on", true}, {"off", false}},
           "whether norms of speed learn a scale beside their shift");
  v.flag("whiten", s.whitens,
         "cells and speed: a first layer that whitens 2x2 patches of training images, not trained");
}

NamedCells cells_of(const NetworkSettings& s) {
  if (!s.genotype.empty() && !s.model.empty())
    throw UsageError(concat("--genotype and --model ", s.model, ": a run trains one network; drop one of them."));
  if (!s.model.empty()) {
    nas::find_model(s.model);
    return {};
  }
  if (s.genotype.empty())
    throw UsageError(
        "--genotype is missing: name a genotype.json that a search wrote, or a published cell such as "
        "bayesnas_0.01 or DARTS_V2; or a network by --model.");
  const std::string text = text_of(s.genotype);
  try {
    if (is_nasbench201_text(text))
      return {.nasbench201 = nasbench201_cell(text)};
    if (nas::proxyless::is_genotype_text(text))
      return {.trees = nas::proxyless::parse_genotype(text)};
  } catch (const UsageError& e) {
    throw UsageError(concat("--genotype ", s.genotype, ": ", e.what()));
  }
  return {.genotype = nas::load_genotype(s.genotype)};
}

nas::EvaluationSpec evaluation_spec_of(const NetworkSettings& s, const nas::Genotype& genotype, std::int64_t classes,
                                       const data::ImageShape& shape) {
  nas::EvaluationSpec spec;
  spec.frame.style = nas::parse_style(genotype.space);
  spec.frame.stem = s.stem;
  spec.frame.channels = s.channels;
  spec.frame.cells = s.cells;
  spec.frame.classes = classes;
  spec.frame.image_channels = shape.channels;
  spec.frame.image_size = shape.height;
  spec.frame.reduction = s.reduction;
  spec.frame.whitens = s.whitens;
  spec.has_auxiliary_head = s.auxiliary;
  return spec;
}

BuiltNetwork build_network(const NetworkSettings& s, const NamedCells& cells, std::int64_t classes,
                           const data::ImageShape& shape, Initial& initial) {
  if (cells.nasbench201)
    return build_nasbench201(s, *cells.nasbench201, classes, shape, initial);
  if (cells.trees)
    return build_trees(s, *cells.trees, classes, shape, initial);
  if (cells.genotype) {
    const nas::EvaluationSpec spec = evaluation_spec_of(s, *cells.genotype, classes, shape);
    return {.net = std::make_unique<nas::EvaluationNetwork>(*cells.genotype, spec, initial),
            .description = nas::to_json(spec, *cells.genotype)};
  }
  const nas::ModelSpec spec = model_spec_of(s, classes, shape);
  return {.net = nas::make_model(spec, initial), .description = nas::to_json(spec)};
}

std::vector<std::string> unused_options(const Options& options, const NetworkSettings& s) {
  const std::vector<std::string_view> of_models = options_of_models();
  const std::string text = s.model.empty() && !s.genotype.empty() ? text_of(s.genotype) : "";
  const bool is_nasbench201 = is_nasbench201_text(text), is_of_trees = nas::proxyless::is_genotype_text(text);
  const std::vector<std::string_view>& used = is_nasbench201    ? kOfNasbench201
                                              : is_of_trees     ? kOfTrees
                                              : s.model.empty() ? kOfCells
                                                                : nas::find_model(s.model).options;
  const std::string network = is_nasbench201    ? "cells of NAS-Bench-201"
                              : is_of_trees     ? "trees"
                              : s.model.empty() ? "cells"
                                                : s.model;
  std::vector<std::string> lines;
  for (const auto* names : {&kOfCells, &of_models}) {
    for (std::string_view name : *names) {
      const std::string line = concat("--", name, " has no effect on ", network);
      if (std::ranges::count(used, name) == 0 && std::ranges::count(lines, line) == 0 &&
          options.source(name) == Source::kCommandLine)
        lines.push_back(line);
    }
  }
  return lines;
}

}  // namespace ockham::apps
