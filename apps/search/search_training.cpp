#include "apps/search/search_training.h"

#include <algorithm>

#include "apps/cli/stop.h"
#include "apps/cli/text/format.h"
#include "apps/runs/memory_plan.h"
#include "apps/runs/page/predictions.h"
#include "apps/search/search_report.h"
#include "apps/search/skip_watch.h"
#include "autograd/optim/schedule.h"
#include "nas/cost.h"
#include "nas/diagnosis/logit_evidence.h"
#include "nas/diagnosis/rank_agreement.h"
#include "nas/saved/saved_network.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;
namespace nb201 = nas::nasbench201;

SearchImageSettings image_settings(const SearchSettings& settings) {
  SearchImageSettings images = settings.images;
  images.held_out = nas::find_method(settings.method).held_out(nas::find_space(settings.space));
  return images;
}

}  // namespace

int run_search(Session& session, const SearchSettings& settings) {
  return run_training(session, settings.run(), [&] { return std::make_unique<SearchTraining>(session, settings); });
}

void check_search(Session& session, const SearchSettings& settings) {
  const SearchTraining made(session, settings);
}

SearchTraining::SearchTraining(Session& session, const SearchSettings& settings)
    : session_(session),
      settings_(settings),
      table_(settings.table.empty() ? std::nullopt : std::optional(nb201::Table::load(settings.table))),
      images_(image_settings(settings)),
      space_(make_space(settings, images_.frame())),
      method_(make_method(settings, *space_, source())),
      stretches_(images_.stretches_of(method_->phases(settings.epochs))) {}

nas::ImageSource SearchTraining::source() {
  nas::ImageSource source = images_.source();
  if (table_)
    source.known_accuracy = [this](const std::string& cell) {
      return table_->at(nb201::parse_cell(cell))[nb201::Column::kC10Valid];
    };
  return source;
}

void SearchTraining::begin(RunFolder&) {
  for (const std::string& line : method_->warnings())
    session_.log().line(line);
  if (settings_.rank_cells > 0 && method_->relaxed() == nullptr)
    session_.log().line(concat("--rank-cells: method ", settings_.method,
                               " has no search network of logits, by which to score other cells; there will be no rank "
                               "correlation"));
}

double SearchTraining::learning_rate(const Place& place) const {
  const double first = settings_.first_lr();
  if (!settings_.training().lr_falls)
    return first;
  return Schedule{.kind = Schedule::Kind::kCosine,
                  .initial = first,
                  .final = std::min(first, settings_.final_lr),
                  .epochs = place.run_steps}
      .at(place.run_step);
}

nas::Score SearchTraining::step(const nas::Batch& batch, const nas::Batch& companion, const Place& place, double lr) {
  return method_->step(batch, companion,
                       {.phase = place.stretch,
                        .number = static_cast<std::uint64_t>(place.run_step),
                        .total = static_cast<std::uint64_t>(place.run_steps),
                        .lr = lr,
                        .is_rehearsal = place.is_rehearsal});
}

std::optional<Validation> SearchTraining::validate() {
  if (!images_.scores_epochs())
    return std::nullopt;
  Validation result{.score = score_held_out()};
  const std::string cell = method_->derive();
  result.facts = {{"cell", cell}, {"skips", space_->facts(cell).skips}};
  warn_of_collapse(cell);
  for (const nas::Figure& figure : method_->figures())
    result.facts[figure.name] = figure.value;
  if (const std::int64_t size = settings_.eigenvalue_size; size > 0 && method_->relaxed() != nullptr) {
    const nas::Batch images = images_.architecture_images(size);
    const nas::CollapseWatch::Sight sight = watch_.look(*method_->relaxed(), images, images_.settings().seed());
    result.facts["eigenvalue"] = sight.eigenvalue;
    if (settings_.logit_lambda) {
      const HessianOptions limits{.memory_limit = settings_.run().compute.memory_limit.value_or(0)};
      const nas::LogitEvidence evidence =
          nas::logit_evidence(*space_, *method_->relaxed(), images, *settings_.logit_lambda, limits);
      for (const auto& [option, nats] : nas::nats_in_favour(*space_, evidence))
        result.facts["nats_for_" + option] = nats;
    }
    if (!sight.warning.empty())
      session_.log().line(sight.warning);
  }
  result.facts.update(truth_of(table_, cell));
  return result;
}

std::optional<Validation> SearchTraining::end_stretch(std::size_t number, const nas::Pause& pause) {
  method_->end_phase(number, pause);
  const nas::Round* round = method_->last_round();
  if (round == nullptr)
    return std::nullopt;
  log_round(*round, session_.log());
  warn_of_collapse(method_->derive());
  return round->held_out.count > 0 ? std::optional(Validation{.score = round->held_out}) : std::nullopt;
}

void SearchTraining::warn_of_collapse(const std::string& cell) {
  if (const std::string warning = collapse_warning(settings_.space, cell); !warning.empty())
    session_.log().line(warning);
}

/// Weights learn from an image of each batch, the architecture from its companion.
std::int64_t SearchTraining::step_macs() {
  const nas::SearchNetwork* network = method_->switched() != nullptr ? method_->switched() : method_->relaxed();
  if (network == nullptr)
    return 0;
  const nas::FrameSpec frame = images_.frame();
  const TensorForm maps = images_.settings().wide_maps();
  const std::int64_t forward =
      nas::count_macs(network->forward, frame.image_channels, frame.image_size, maps.dtype, maps.device);
  const bool has_companions = std::ranges::any_of(stretches_, [](const Stretch& s) { return s.companions != nullptr; });
  return kPasses * forward * (has_companions ? 2 : 1);
}

nas::Score SearchTraining::score_held_out() {
  return images_.score_held_out([this](const nas::Batch& batch) { return method_->evaluate(batch); });
}

Json SearchTraining::rank_correlation() {
  const std::int64_t cells = settings_.rank_cells;
  if (cells == 0 || method_->relaxed() == nullptr)
    return nullptr;
  const nb201::Column column = settings_.dataset() == "cifar100" ? nb201::Column::kC100Test : nb201::Column::kC10Test;
  const auto score = [this] {
    check_stop();
    return score_held_out().accuracy();
  };
  const auto truth = [&](const std::string& cell) { return table_->at(nb201::parse_cell(cell))[column]; };
  const nas::RankAgreement agreement =
      nas::rank_agreement(*method_->relaxed(), *space_,
                          {.cells = cells, .seed = images_.settings().seed(), .score = score, .truth = truth});
  return {{"cells", cells},
          {"column", std::string(nb201::kColumns[static_cast<std::size_t>(column)])},
          {"spearman", agreement.spearman},
          {"kendall", agreement.kendall}};
}

void SearchTraining::publish_predictions() {
  Predictions predictions;
  images_.score_held_out([&](const nas::Batch& batch) {
    return method_->evaluate(batch, [&](const Tensor& logits) { predictions.take(logits, batch.labels); });
  });
  if (!predictions.are_empty())
    predictions.write(session_.folder(), *images_.held_out(), "held-out");
}

void SearchTraining::publish(const RunResult& result) {
  publish_predictions();
  const std::string cell = method_->derive();
  publish_search(session_, settings_, *space_, *method_, table_,
                 {.cell = cell, .facts = space_->facts(cell), .run = result, .rank_correlation = rank_correlation()});
}

const nas::Supernet* SearchTraining::supernet() const {
  const nas::SearchNetwork* network = method_->switched();
  return network == nullptr ? nullptr : dynamic_cast<const nas::Supernet*>(network->module);
}

Json SearchTraining::network() const {
  if (const nas::Supernet* network = supernet())
    return nas::to_json(network->spec());
  return {{"kind", "search"},
          {"method", settings_.method},
          {"space", space_->name()},
          {"channels", settings_.channels},
          {"cells", settings_.cells}};
}

std::map<std::string, Tensor> SearchTraining::state() {
  std::map<std::string, Tensor> state = method_->state();
  watch_.add_to(state);
  return state;
}

void SearchTraining::load(const std::map<std::string, Tensor>& state) {
  method_->load(state);
  watch_.load(state);
}

void SearchTraining::set_micro_batch(std::int64_t images) {
  method_->set_micro_batch(images);
  images_.set_micro_batch(images);
}

std::vector<Pass> SearchTraining::passes() {
  std::vector<Pass> passes;
  if (images_.has_held_out())
    passes.push_back({.name = "evaluation",
                      .images = images_.held_out_batch(),
                      .rehearse = [this](std::int64_t images) { method_->evaluate(noise(images)); },
                      .follows_micro_batch = !images_.scores_epochs()});
  if (method_->finish_images() > 0)
    passes.push_back({.name = method_->finish_name(),
                      .images = std::min(method_->finish_images(), images_.largest_sample()),
                      .rehearse = [this](std::int64_t images) { method_->rehearse_finish(noise(images)); }});
  return passes;
}

std::string SearchTraining::size_lines() {
  const nas::SearchNetwork* network = method_->switched();
  if (network == nullptr)
    return "";
  return concat("weights             ", format_count(count_elements(network->weights())), "\nswitches            ",
                count_elements(network->architecture), "\n");
}

nas::Batch SearchTraining::noise(std::int64_t images) const {
  const nas::FrameSpec frame = images_.frame();
  return noise_batch(images, frame.image_channels, frame.image_size, images_.settings().maps());
}

}  // namespace ockham::apps
