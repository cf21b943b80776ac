#include "apps/search/search_report.h"

#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/search/search_settings.h"
#include "engine/atomic_file.h"
#include "engine/device_memory.h"
#include "nas/genotype/genotype.h"
#include "nas/methods/bayesnas/settings.h"
#include "nas/methods/shared_settings.h"
#include "nas/spaces/proxyless/tree.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;
using nas::nasbench201::Table;

const char* algorithm_name(HessianAlgorithm algorithm) {
  if (algorithm == HessianAlgorithm::kReverse)
    return "R";
  return algorithm == HessianAlgorithm::kForward ? "F" : "recursion";
}

/// The cell, in the spaces of whose cells ockham-train builds networks.
std::optional<nas::Genotype> genotype_of(const std::string& space, const std::string& cell) {
  return nas::find_space(space).has_genotypes ? std::optional(nas::load_genotype(cell)) : std::nullopt;
}

constexpr std::string_view kTrees = "proxyless";

Json candidates_json(const std::vector<nas::Candidate>& candidates, const std::optional<Table>& table) {
  Json rows = Json::array();
  for (const nas::Candidate& candidate : candidates) {
    Json row{{"cell", candidate.cell}, {"score", candidate.score}, {"times", candidate.times}};
    row.update(truth_of(table, candidate.cell));
    rows.push_back(std::move(row));
  }
  return rows;
}

/// What every rule said of the same network, at several steps of its training.
Json rules_json(const std::vector<nas::Look>& looks, const nas::SearchSpace& space, const std::optional<Table>& table) {
  Json json{{"format", 1}, {"space", space.name()}, {"options", Json::array()}, {"looks", Json::array()}};
  for (const nas::Choice& choice : space.choices()) {
    for (const std::string& option : choice.options)
      json["options"].push_back({choice.name, option});
  }
  for (const nas::Look& look : looks) {
    Json rules = Json::array();
    for (const nas::Opinion& opinion : look.opinions) {
      Json rule{{"rule", opinion.rule}, {"cell", opinion.cell}, {"numbers", opinion.numbers}};
      if (!opinion.cell.empty())
        rule.update(truth_of(table, opinion.cell));
      rules.push_back(std::move(rule));
    }
    json["looks"].push_back(
        {{"step", look.step}, {"loss", look.loss}, {"rules", std::move(rules)}, {"measured", look.measured}});
  }
  return json;
}

void write_files(const SearchSettings& settings, RunFolder& folder, const nas::SearchSpace& space,
                 const nas::SearchMethod& method, const std::optional<Table>& table, const std::string& cell) {
  const auto write = [&](const std::string& name, const std::string& text) {
    write_file_atomically(folder.file(name), text);
  };
  write("cell.txt", cell + "\n");
  if (const auto genotype = genotype_of(settings.space, cell)) {
    write("genotype.json", nas::to_json(*genotype));
    if (nas::is_darts_like(*genotype))
      write("genotype.txt", nas::to_darts(*genotype) + "\n");
  }
  if (settings.space == kTrees)
    write("genotype.json", cell);
  if (const nas::PosteriorTable posterior = method.posterior(); !posterior.rows.empty())
    write("posterior.json", nas::posterior_json(posterior, settings.method, space.name()));
  for (const nas::CellPicture& picture : method.pictures()) {
    write(concat("cells/", picture.name, ".dot"), picture.dot);
    write(concat("cells/", picture.name, ".svg"), picture.svg);
  }
  if (const std::vector<nas::Look> looks = method.looks(); !looks.empty())
    write("rules.json", rules_json(looks, space, table).dump() + "\n");
  if (const std::vector<nas::Candidate> candidates = method.candidates(); !candidates.empty())
    write("candidates.json", candidates_json(candidates, table).dump(1) + "\n");
}

void print_cell(const char* name, const nas::CellGenotype& cell) {
  std::cout << name << ":\n";
  for (const nas::GenotypeEdge& edge : cell.edges) {
    std::cout << "  " << nas::source_name(edge.from) << " -> node" << edge.to << ":";
    for (nas::Primitive primitive : edge.ops)
      std::cout << ' ' << nas::primitive_name(primitive);
    std::cout << '\n';
  }
}

/// A line a block would be long: how many branches are left of how many blocks.
std::string trees_text(const std::string& cell) {
  std::size_t branches = 0, blocks = 0, bare = 0;
  for (const auto& group : nas::proxyless::parse_genotype(cell).groups) {
    for (const nas::proxyless::Tree& tree : group) {
      ++blocks;
      bare += tree.is_end();
      branches += nas::proxyless::parts_of(tree).edges.size();
    }
  }
  return concat("trees of ", blocks, " blocks with ", branches, " operations, ", bare, " without any: ");
}

/// " (cells/normal.svg, ...)"; empty where there are no drawings.
std::string drawings_of(const nas::SearchMethod& method) {
  std::string names;
  for (const nas::CellPicture& picture : method.pictures())
    names += concat("cells/", picture.name, ".svg, ");
  return names.empty() ? "" : concat(" (", names, "posterior.json, summary.json)");
}

/// Does ockham-train build a network of the space's cells?
bool can_be_trained(const std::string& space) {
  return space == "nasbench201" || space == kTrees || nas::find_space(space).has_genotypes;
}

/// A shell command that trains the cell on the images that the search had, with the preset of the same name; cells of
/// NAS-Bench-201 and others, each with one that suits them, where that of the search does not.
std::string training_command(const SearchSettings& settings, const nas::SearchSpace& space,
                             const std::filesystem::path& folder) {
  const bool is_nasbench201 = settings.space == "nasbench201";
  const std::string preset = is_nasbench201                     ? "nasbench201"
                             : settings.preset == "nasbench201" ? "quick"
                                                                : settings.preset;
  std::string command = concat("apps/run train --genotype ",
                               shell_quoted((folder / (is_nasbench201 ? "cell.txt" : "genotype.json")).string()),
                               " --preset ", preset, " --dataset ", settings.dataset());
  for (const auto& [name, value] : space.trained_options())
    command += concat(" --", name, ' ', value);
  const bool has_sizes = nas::find_space(settings.space).has_genotypes;
  if (has_sizes && settings.trained_channels)
    command += concat(" --channels ", *settings.trained_channels);
  if (has_sizes && settings.trained_cells)
    command += concat(" --cells ", *settings.trained_cells);
  const DatasetSettings& images = settings.images.data.images;
  if (!images.folder.empty())
    command += " --data " + shell_quoted(images.folder);
  if (images.image_size > 0)
    command += concat(" --image-size ", images.image_size);
  return command;
}

void print_result(const SearchSettings& settings, const std::filesystem::path& folder, const nas::SearchSpace& space,
                  const nas::SearchMethod& method, const std::optional<nas::Genotype>& genotype, const Json& truth,
                  const SearchResult& result) {
  if (genotype) {
    print_cell("normal cell", genotype->normal);
    print_cell("reduction cell", genotype->reduce);
    const EvaluationSize size = evaluation_size_of(settings);
    std::cout << "operations " << nas::count_ops(genotype->normal) << " + " << nas::count_ops(genotype->reduce)
              << ", network with " << size.channels << " channels and " << size.cells << " cells: ";
  } else if (settings.space == kTrees) {
    std::cout << trees_text(result.cell);
  } else {
    std::cout << result.cell << '\n';
  }
  std::cout << format_count(result.facts.parameters) << " parameters, " << format_count(result.facts.macs)
            << " multiply-accumulates an image, " << result.facts.skips << " skip connections\n";
  if (!result.facts.is_connected)
    std::cout << "warning: the cell's output is cut off from its input; a network of it learns nothing\n";
  for (const auto& [column, accuracy] : truth.items())
    std::cout << column << ": " << accuracy << " %\n";
  std::cout << "time " << format_duration(result.run.seconds) << ", results in " << folder.string()
            << drawings_of(method) << '\n';
  if (can_be_trained(settings.space))
    std::cout << "train it with:\n  " << training_command(settings, space, folder) << '\n';
}

Json hessian_json(const nas::Round& round) {
  const nas::HessianReport& h = round.hessian;
  Json facts{{"mode", name_of(nas::kCurvatures, h.curvature)},
             {"bn", name_of(nas::kBatchNormModes, h.batch_norm)},
             {"algorithm", algorithm_name(h.result.algorithm)},
             {"entries", h.entries},
             {"seconds", h.seconds},
             {"forward_seconds", h.forward_seconds},
             {"negative", h.negative}};
  if (const auto& check = round.check)
    facts["check"] = {{"entries", check->entries}, {"worst", check->worst}};
  return facts;
}

Json evidence_json(const nas::EvidenceReport& evidence) {
  Json facts{{"rule", name_of(nas::kRules, evidence.rule)},
             {"threshold", evidence.threshold},
             {"evidence", evidence.evidence},
             {"groups", evidence.judged},
             {"above_threshold", evidence.kept}};
  if (const auto& halves = evidence.halves)
    facts["halves"] = {{"mean_move", halves->mean_move},
                       {"largest_move", halves->largest_move},
                       {"decided_otherwise", halves->decided_otherwise},
                       {"rank_correlation", halves->rank_correlation}};
  return facts;
}

std::string evidence_line(const nas::EvidenceReport& evidence) {
  std::string line =
      concat("evidence: ", name_of(nas::kRules, evidence.rule), " of ", evidence.judged, " groups is ",
             format_fixed(evidence.evidence, 2), " nats; ", evidence.kept, " are worth more than ", evidence.threshold);
  if (const auto& halves = evidence.halves)
    line +=
        concat("; between halves of the images strengths move by ", format_fixed(halves->mean_move, 2),
               " nats on average and ", format_fixed(halves->largest_move, 2), " at most, ", halves->decided_otherwise,
               " groups are decided otherwise, rank correlation ", format_fixed(halves->rank_correlation, 2));
  return line;
}

/// "lambda 0.0316 keeps 34 groups: 12345 parameters, ..., too large"
std::string point_text(const std::string& knob, const nas::PathPoint& point) {
  std::string line = concat(knob, ' ', point.knob, " keeps ", point.kept, " groups");
  if (point.evidence)
    line += concat(", evidence ", format_fixed(*point.evidence, 2), " nats");
  line += concat(": ", format_count(point.cost.parameters), " parameters, ", format_count(point.cost.macs),
                 " multiply-accumulates an image");
  if (point.cost.latency)
    line += concat(", ", format_fixed(*point.cost.latency, 3), " ms");
  return line + (point.fits() ? "" : ", too large");
}

/// Points that keep the same as the one before and cost the same are passed over.
void log_path(const nas::SparsityPath& path, Log& log) {
  const nas::PathPoint* last = nullptr;
  for (const nas::PathPoint& point : path.points) {
    if (last == nullptr || last->kept != point.kept || last->cost != point.cost)
      log.line("budget: " + point_text(path.knob, point));
    last = &point;
  }
  log.line(concat("budget: of ", path.points.size(),
                  " points the largest that fits: ", point_text(path.knob, path.points[path.chosen])));
  for (const auto& [images, latency] : path.latencies)
    log.line(concat("latency: ", format_fixed(latency, 3), " ms for ", images, images == 1 ? " image" : " images"));
}

Json budget_json(const nas::SparsityPath& path) {
  const nas::PathPoint& point = path.points[path.chosen];
  Json facts{{"points", path.points.size()}, {path.knob, point.knob}, {"kept", point.kept}, {"fill", point.fill}};
  if (path.budget.sizes.parameters)
    facts["max_params"] = *path.budget.sizes.parameters;
  if (path.budget.sizes.macs)
    facts["max_macs"] = *path.budget.sizes.macs;
  if (path.budget.latency) {
    facts["max_latency_ms"] = *path.budget.latency;
    facts["latency_batch"] = path.budget.latency_images();
    facts["latency_ms"] = *point.cost.latency;
    for (const auto& [images, latency] : path.latencies)
      facts["latency_ms_by_images"][std::to_string(images)] = latency;
  }
  return facts;
}

/// How far a round of a rule of evidence is from the one before.
std::string move_text(const nas::Round& round) {
  if (round.moves.empty())
    return "";
  const nas::RoundEvidence& now = round.moves.back();
  std::string text = concat("; log evidence ", format_fixed(now.per_image, 4), " nats an image at a loss of ",
                            format_fixed(now.loss, 4));
  if (round.moves.size() > 1)
    text += concat(", ", format_fixed(round.moves[round.moves.size() - 2].per_image, 4),
                   " the round before; strengths moved by ", format_fixed(now.moved, 2), " nats on average");
  return text;
}

Json summary_of(const SearchSettings& settings, const nas::SearchMethod& method,
                const std::optional<nas::Genotype>& genotype, const SearchResult& result) {
  Json summary{{"method", settings.method},
               {"space", settings.space},
               {"dataset", settings.dataset()},
               {"seed", settings.run().compute.seed},
               {"seconds", result.run.seconds},
               {"images_per_second", static_cast<double>(result.run.images) / result.run.seconds},
               {"peak_bytes", memory_statistics(settings.images.maps().device).peak_bytes},
               {"cell", result.cell},
               {"params", result.facts.parameters},
               {"macs", result.facts.macs},
               {"skips", result.facts.skips},
               {"connected", result.facts.is_connected},
               {"supernet_valid_accuracy", result.run.valid_accuracy}};
  if (genotype) {
    const EvaluationSize size = evaluation_size_of(settings);
    summary["genotype"] = Json::parse(nas::to_json(*genotype));
    summary["evaluation_channels"] = size.channels;
    summary["evaluation_cells"] = size.cells;
    summary["ops_kept"] = nas::count_ops(genotype->normal) + nas::count_ops(genotype->reduce);
  }
  if (const nas::Round* round = method.last_round()) {
    summary["hessian"] = hessian_json(*round);
    if (round->evidence)
      summary["evidence"] = evidence_json(*round->evidence);
    if (round->path)
      summary["budget"] = budget_json(*round->path);
    if (!round->moves.empty())
      summary["rounds"] = round->moves.size();
  }
  return summary;
}

}  // namespace

Json truth_of(const std::optional<Table>& table, const std::string& cell) {
  Json truth = Json::object();
  if (!table)
    return truth;
  const nas::nasbench201::Row& row = table->at(nas::nasbench201::parse_cell(cell));
  for (std::size_t c = 0; c < nas::nasbench201::kColumns.size(); ++c)
    truth[std::string(nas::nasbench201::kColumns[c])] = row.accuracy[c];
  return truth;
}

void log_round(const nas::Round& round, Log& log) {
  const nas::HessianReport& h = round.hessian;
  log.line(concat("hessian: ", h.entries, " entries by ", algorithm_name(h.result.algorithm), " in ", h.result.columns,
                  " passes of at most ", h.result.directions, " at once, ", h.negative, " negative, ",
                  format_duration(h.seconds), " (one forward pass: ", format_duration(h.forward_seconds), "); ",
                  h.result.reason));
  if (round.check)
    log.line(concat("hessian check: ", round.check->entries, " entries in float64, largest error ",
                    format_real(round.check->worst), " of the largest entry"));
  log.line(nas::calibration_text(round.calibration));
  if (round.path)
    log_path(*round.path, log);
  if (round.evidence)
    log.line(evidence_line(*round.evidence));
  log.line(concat("round ", round.number, ": pruned ", round.pruned, " switch groups", move_text(round)));
  if (round.ends)
    log.line(concat("rounds end here: by the same images the evidence of round ", round.number,
                    " is not above that of the round before"));
}

void publish_search(Session& session, const SearchSettings& settings, const nas::SearchSpace& space,
                    const nas::SearchMethod& method, const std::optional<Table>& table, const SearchResult& result) {
  const std::optional<nas::Genotype> genotype = genotype_of(settings.space, result.cell);
  const Json truth = truth_of(table, result.cell);
  write_files(settings, session.folder(), space, method, table, result.cell);
  print_result(settings, session.folder().path(), space, method, genotype, truth, result);
  if (can_be_trained(settings.space))
    session.folder().describe("next", {{{"what", "Train the cell and test it:"},
                                        {"command", training_command(settings, space, session.folder().path())}}});
  Json summary = summary_of(settings, method, genotype, result);
  if (!truth.empty())
    summary["truth"] = truth;
  if (!result.rank_correlation.is_null())
    summary["rank_correlation"] = result.rank_correlation;
  session.publish(summary);
}

}  // namespace ockham::apps
