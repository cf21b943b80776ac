#include "apps/search/search_report.h"

#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/search/training_command.h"
#include "engine/allocator.h"
#include "engine/atomic_file.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

const char* algorithm_name(const nas::HessianReport& report) {
  if (report.result.algorithm == HessianAlgorithm::kReverse)
    return "R";
  return report.result.algorithm == HessianAlgorithm::kForward ? "F" : "recursion";
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

Json summary_of(const Options& options, const SearchResult& result) {
  const nas::HessianReport& h = result.round.hessian;
  const nas::Score& held_out = result.round.held_out;
  Json summary{{"method", options.text("method")},
               {"space", options.text("space")},
               {"dataset", options.text("dataset")},
               {"seed", options.count("seed")},
               {"seconds", result.seconds},
               {"images_per_second", result.images_per_second},
               {"peak_bytes", CachingAllocator::instance().statistics().peak_bytes},
               {"genotype", Json::parse(nas::to_json(result.genotype))},
               {"params", result.facts.parameters},
               {"macs", result.facts.macs},
               {"evaluation_channels", result.size.channels},
               {"evaluation_cells", result.size.cells},
               {"ops_kept", nas::count_ops(result.genotype.normal) + nas::count_ops(result.genotype.reduce)},
               {"supernet_valid_accuracy", held_out.count > 0 ? held_out.accuracy() : 0.0},
               {"hessian",
                {{"mode", options.text("hessian")},
                 {"bn", options.text("hessian-bn")},
                 {"algorithm", algorithm_name(h)},
                 {"entries", h.entries},
                 {"seconds", h.seconds},
                 {"forward_seconds", h.forward_seconds},
                 {"negative", h.negative}}}};
  if (const auto& check = result.round.check)
    summary["hessian"]["check"] = {{"entries", check->entries}, {"worst", check->worst}};
  return summary;
}

}  // namespace

std::string hessian_line(const nas::HessianReport& report) {
  return concat("hessian: ", report.entries, " entries by ", algorithm_name(report), " in ", report.result.columns,
                " passes of at most ", report.result.directions, " at once, ", report.negative, " negative, ",
                format_duration(report.seconds), " (one forward pass: ", format_duration(report.forward_seconds), "); ",
                report.result.reason);
}

void publish_search(Session& session, const SearchResult& result) {
  const Options& options = session.options();
  RunFolder& folder = session.folder();
  write_file_atomically(folder.file("genotype.json"), nas::to_json(result.genotype));
  if (nas::is_darts_like(result.genotype))
    write_file_atomically(folder.file("genotype.txt"), nas::to_darts(result.genotype) + "\n");
  write_file_atomically(folder.file("posterior.json"),
                        nas::posterior_json(result.posterior, options.text("method"), options.text("space")));
  for (const nas::CellPicture& picture : result.pictures) {
    write_file_atomically(folder.file(concat("cells/", picture.name, ".dot")), picture.dot);
    write_file_atomically(folder.file(concat("cells/", picture.name, ".svg")), picture.svg);
  }

  print_cell("normal cell", result.genotype.normal);
  print_cell("reduction cell", result.genotype.reduce);
  std::cout << "operations " << nas::count_ops(result.genotype.normal) << " + "
            << nas::count_ops(result.genotype.reduce) << ", network with " << result.size.channels << " channels and "
            << result.size.cells << " cells: " << format_count(result.facts.parameters) << " parameters, "
            << format_count(result.facts.macs) << " multiply-accumulates an image\ntime "
            << format_duration(result.seconds) << ", results in " << folder.path().string()
            << " (cells/normal.svg, cells/reduce.svg, posterior.json, summary.json)\n"
            << "train it with:\n  " << training_command(options, folder.path()) << "\n";
  session.publish(summary_of(options, result));
}

}  // namespace ockham::apps
