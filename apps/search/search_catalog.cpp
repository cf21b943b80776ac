#include "apps/search/search_catalog.h"

#include "apps/cli/options/settings.h"
#include "apps/runs/inputs/datasets.h"
#include "apps/runs/inputs/precision.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

template <class Entry>
std::vector<std::string> names_of(const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  for (const Entry& entry : entries)
    names.push_back(entry.name);
  return names;
}

template <class Entry>
std::string summaries_of(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries)
    text += (text.empty() ? "" : "; ") + entry.name + ": " + entry.summary;
  return text;
}

std::unique_ptr<nas::SpaceSettings> space_settings_of(const Options& options) {
  std::unique_ptr<nas::SpaceSettings> settings = nas::find_space(options.text("space")).settings();
  OptionReader reader(options);
  settings->describe(reader);
  return settings;
}

std::unique_ptr<nas::MethodSettings> method_settings_of(const Options& options) {
  const nas::MethodEntry& method = nas::find_method(options.text("method"));
  std::unique_ptr<nas::MethodSettings> settings = method.settings(nas::find_space(options.text("space")));
  OptionReader reader(options);
  settings->describe(reader);
  return settings;
}

nas::SpaceSize space_size_of(const Options& options, const nas::FrameSpec& data) {
  const EvaluationSize trained = evaluation_size_of(options.text("preset"));
  return {.channels = options.count("channels"),
          .cells = options.count("cells"),
          .classes = data.classes,
          .image_channels = data.image_channels,
          .image_size = data.image_size,
          .trained_channels = trained.channels,
          .trained_cells = trained.cells};
}

nas::SearchBasics search_basics_of(const Options& options) {
  return {.seed = static_cast<std::uint64_t>(options.count("seed")),
          .dtype = precision_of(read_settings<DeviceSettings>(options)).weights,
          .lr = search_lr_of(options),
          .default_weight_decay = training_of(options).weight_decay,
          .memory_limit = options.is_set("memory-limit") ? options.size("memory-limit") : 0};
}

}  // namespace

std::vector<std::string> method_names() {
  return names_of(nas::methods());
}

std::vector<std::string> space_names() {
  return names_of(nas::spaces());
}

void declare_catalog(OptionTable& table) {
  table.group("Search");
  table.choice("method", method_names(), "bayesnas", summaries_of(nas::methods()));
  table.choice("space", space_names(), "bayesnas", summaries_of(nas::spaces()));
  OptionDeclarer declarer(table);
  for (const nas::SpaceEntry& space : nas::spaces())
    space.settings()->describe(declarer);
  for (const nas::MethodEntry& method : nas::methods()) {
    for (const nas::SpaceEntry& space : nas::spaces())
      method.settings(space)->describe(declarer);
  }
}

std::unique_ptr<nas::SearchSpace> make_space(const Options& options, const nas::FrameSpec& data) {
  return space_settings_of(options)->make(space_size_of(options, data));
}

std::unique_ptr<nas::SearchMethod> make_method(const Options& options, const nas::SearchSpace& space,
                                               const nas::ImageSource& images) {
  return method_settings_of(options)->make(space, search_basics_of(options), images);
}

void require_usable(const Options& options) {
  const std::int64_t asked = options.count("train-size"), batch = options.count("batch-size");
  require_whole_batch(batch, asked > 0 ? asked : batch);
  method_settings_of(options)->require_usable();
  const std::string& space = options.text("space");
  if (options.is_set("table") && space != "nasbench201")
    throw UsageError(concat("--table: it knows the cells of --space nasbench201, not those of ", space, "."));
  const std::int64_t cells = options.count("rank-cells");
  if (cells > 0 && !options.is_set("table"))
    throw UsageError(concat("--rank-cells ", cells, ": there is no --table whose accuracies to compare scores with."));
  if (cells == 1)
    throw UsageError("--rank-cells 1: one cell has no rank among others; take 2 at least, or 0 for no comparison.");
}

nas::TrainingDefaults training_of(const Options& options) {
  return nas::find_method(options.text("method")).training(nas::find_space(options.text("space")));
}

nas::HeldOutImages held_out_images_of(const Options& options) {
  return nas::find_method(options.text("method")).held_out(nas::find_space(options.text("space")));
}

double search_lr_of(const Options& options) {
  return options.is_set("lr") ? options.real("lr") : training_of(options).lr;
}

EvaluationSize evaluation_size_of(const std::string& preset) {
  if (preset == "paper")
    return {.channels = 36, .cells = 20};
  return preset == "small" ? EvaluationSize{.channels = 12, .cells = 5} : EvaluationSize{.channels = 8, .cells = 5};
}

}  // namespace ockham::apps
