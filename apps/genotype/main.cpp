// ockham-genotype: shows, converts, counts and draws cells, given as a file, a published name or text.
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/cli/output_path.h"
#include "apps/cli/text/format.h"
#include "apps/runs/program.h"
#include "engine/atomic_file.h"
#include "engine/error.h"
#include "nas/cost.h"
#include "nas/draw/draw.h"
#include "nas/genotype/dialects.h"
#include "nas/genotype/published.h"
#include "nas/network/evaluation_network.h"
#include "nas/spaces/nasbench201/table.h"

namespace ockham::apps {
namespace {

struct GenotypeSettings {
  std::string action = "show";
  std::string genotype;
  std::string to = "json";
  std::int64_t channels = 0;  ///< these three: 0 for what is usual with the stem
  std::int64_t cells = 0;
  std::int64_t classes = 0;
  nas::Stem stem = nas::Stem::kCifar;
  std::string format = "svg";
  std::string prefix = "cell";
  bool overwrite = false;
  std::string table;
};

/// Cells of NAS-Bench-201 are no genotypes, and have forms of their own.
constexpr std::string_view kString = "nasbench201", kDigits = "digits";

std::vector<std::string> forms() {
  std::vector<std::string> names;
  for (const Named<nas::Dialect>& dialect : nas::kDialects)
    names.emplace_back(dialect.name);
  names.emplace_back(kString);
  names.emplace_back(kDigits);
  return names;
}

std::string prefix_complaint(const std::string& prefix) {
  return output_file_complaint(prefix + "-normal.svg");
}

void describe(GenotypeSettings& s, SettingVisitor& v) {
  v.group("What to do");
  v.choice("action", s.action, {"show", "convert", "count", "draw", "query"},
           "show: the cells in words, or all published names if no genotype is given; convert: print it in the "
           "form --to; count: parameters and multiply-accumulates of its network; draw: write a picture of each "
           "cell; query: a cell of NAS-Bench-201, given as its string or six digits, in the published --table. " +
               nas::nasbench201::meaning_of_digits());
  v.word("action");
  v.choice("to", s.to, forms(),
           "the text that convert prints, any of which it reads: ours, and those of quark0/darts, pt.darts, XAutoDL, "
           "aw_nas and NNI; or of a cell of NAS-Bench-201 its string or its six digits");
  v.count("channels", s.channels, "count: channels of the first cell; 0 for 36, or 48 with the imagenet stem",
          {.max = 100000});
  v.count("cells", s.cells, "count: cells of the network; 0 for 20, or 14", {.max = 100000});
  v.count("classes", s.classes, "count: classes; 0 for 10, or 1000", {.max = 1000000});
  v.choice("stem", s.stem, {{"cifar", nas::Stem::kCifar}, {"imagenet", nas::Stem::kImageNet}},
           "count: first layers, for 32 or 224 pixels");
  v.choice("format", s.format, {"svg", "dot"}, "the form that draw writes; dot is for Graphviz");
  v.text("prefix", s.prefix, "draw writes PREFIX-normal.svg and PREFIX-reduce.svg", "PREFIX", prefix_complaint);
  v.flag("overwrite", s.overwrite, "let draw replace existing files");
  v.role(SettingRole::kPresentation);
  v.text("genotype", s.genotype, "a genotype.json, DARTS text (file or the text itself), or a published name",
         "FILE|NAME|TEXT");
  v.word("genotype");
  v.text("table", s.table, "query: the CSV file of NAS-Bench-201, plain or gzipped; without it, sizes alone", "FILE");
}

nas::Genotype given_genotype(const GenotypeSettings& settings) {
  if (settings.genotype.empty())
    throw UsageError("There is no genotype to " + settings.action +
                     ". Name a file or a published one; 'ockham-genotype show' lists those.");
  return nas::load_genotype(settings.genotype);
}

int list_published(Session& session) {
  nlohmann::ordered_json names = nlohmann::ordered_json::array();
  for (const nas::Published& published : nas::published_genotypes()) {
    std::cout << published.name << ": " << published.source << '\n';
    names.push_back(published.name);
  }
  session.publish({{"published", names}});
  return kDone;
}

void print_cell(const nas::CellGenotype& cell) {
  std::cout << nas::kind_name(cell.kind) << " cell: " << cell.nodes << " nodes, " << nas::count_ops(cell)
            << " operations\n";
  for (const nas::GenotypeEdge& edge : cell.edges) {
    std::cout << "  " << nas::source_name(edge.from) << " -> " << nas::source_name(nas::node_id(edge.to)) << ": ";
    for (std::size_t i = 0; i < edge.ops.size(); ++i)
      std::cout << (i == 0 ? "" : " + ") << nas::primitive_name(edge.ops[i]);
    std::cout << (edge.stride == 1 ? "\n" : ", stride 2\n");
  }
  std::cout << "  output:";
  for (const int node : cell.concat)
    std::cout << ' ' << nas::source_name(nas::node_id(node));
  std::cout << '\n';
}

int show(Session& session, const GenotypeSettings& settings) {
  if (settings.genotype.empty())
    return list_published(session);
  const nas::Genotype genotype = given_genotype(settings);
  const bool darts_like = nas::is_darts_like(genotype);
  std::cout << "space: " << genotype.space << '\n';
  print_cell(genotype.normal);
  print_cell(genotype.reduce);
  std::cout << (darts_like ? "DARTS text can express it\n" : "DARTS text cannot express it: not two edges a node\n");
  session.publish({{"space", genotype.space},
                   {"nodes", genotype.normal.nodes},
                   {"ops_normal", nas::count_ops(genotype.normal)},
                   {"ops_reduce", nas::count_ops(genotype.reduce)},
                   {"darts_like", darts_like},
                   {"genotype", nlohmann::ordered_json::parse(nas::to_json(genotype))}});
  return kDone;
}

/// @throws UsageError where one is a cell of NAS-Bench-201 and the other is not
std::string converted(const GenotypeSettings& settings) {
  const std::string& to = settings.to;
  std::string text = nas::genotype_text(settings.genotype);
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  const bool is_nasbench201 = text.starts_with('|') || text.find_first_not_of("0123456789") == std::string::npos;
  if (to == kString || to == kDigits) {
    const nas::nasbench201::Cell cell = nas::nasbench201::parse_cell(text);
    return to == kString ? nas::nasbench201::to_string(cell) : nas::nasbench201::code(cell);
  }
  if (is_nasbench201 && !text.empty())
    throw UsageError("A cell of NAS-Bench-201 has no form " + to +
                     ", which is of cells with two inputs; it converts to nasbench201 and digits.");
  const nas::Genotype genotype = given_genotype(settings);
  for (const Named<nas::Dialect>& dialect : nas::kDialects) {
    if (dialect.name == to)
      return nas::to_text(genotype, dialect.value);
  }
  throw std::logic_error("a form without a dialect");
}

int convert(Session& session, const GenotypeSettings& settings) {
  const std::string text = converted(settings);
  std::cout << text << (text.ends_with('\n') ? "" : "\n");
  session.publish({{"to", settings.to}, {"text", text}});
  return kDone;
}

int count(Session& session, const GenotypeSettings& settings) {
  const nas::Genotype genotype = given_genotype(settings);
  const bool is_imagenet = settings.stem == nas::Stem::kImageNet;
  const auto size = [&](std::int64_t given, std::int64_t cifar, std::int64_t imagenet) {
    return given > 0 ? given : is_imagenet ? imagenet : cifar;
  };
  nas::EvaluationSpec spec;
  spec.frame.stem = settings.stem;
  spec.frame.channels = size(settings.channels, 36, 48);
  spec.frame.cells = size(settings.cells, 20, 14);
  spec.frame.classes = size(settings.classes, 10, 1000);
  spec.frame.image_size = is_imagenet ? 224 : 32;
  Initial initial;
  nas::EvaluationNetwork network(genotype, spec, initial);
  const std::int64_t params = count_elements(network.parameters(ParameterKind::kWeight));
  const std::int64_t macs =
      nas::count_macs([&](const Context& c, const Variable& x) { return network.forward(c, x).logits; },
                      spec.frame.image_channels, spec.frame.image_size);
  std::cout << format_count(params) << " parameters, " << format_count(macs) << " multiply-accumulates for a "
            << spec.frame.image_size << "x" << spec.frame.image_size << " image (" << spec.frame.channels
            << " channels, " << spec.frame.cells << " cells, " << spec.frame.classes << " classes)\n";
  session.publish({{"params", params},
                   {"macs", macs},
                   {"channels", spec.frame.channels},
                   {"cells", spec.frame.cells},
                   {"classes", spec.frame.classes}});
  return kDone;
}

int draw(Session& session, const GenotypeSettings& settings) {
  const nas::Genotype genotype = given_genotype(settings);
  const bool svg = settings.format == "svg";
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  const std::array cells = {&genotype.normal, &genotype.reduce};
  const auto path_of = [&](const nas::CellGenotype& cell) {
    return settings.prefix + "-" + nas::kind_name(cell.kind) + "." + settings.format;
  };
  for (const nas::CellGenotype* cell : cells) {
    if (std::filesystem::exists(path_of(*cell)) && !settings.overwrite)
      throw UsageError(path_of(*cell) + " exists. Choose another --prefix, or replace it with --overwrite.");
  }
  for (const nas::CellGenotype* cell : cells) {
    const nas::DrawOptions style = {.title = std::string(nas::kind_name(cell->kind)) + " cell"};
    write_file_atomically(path_of(*cell), svg ? nas::to_svg(*cell, style) : nas::to_dot(*cell, style));
    std::cout << path_of(*cell) << '\n';
    files.push_back(path_of(*cell));
  }
  session.publish({{"files", files}});
  return kDone;
}

int query(Session& session, const GenotypeSettings& settings) {
  using namespace nas::nasbench201;
  if (settings.genotype.empty())
    throw UsageError(
        "There is no cell to query. Name one, such as '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|...' or 333133.");
  const Cell cell = parse_cell(settings.genotype);
  if (settings.genotype == code(cell))
    session.log().line(meaning_of_digits());
  std::optional<Table> table;
  if (!settings.table.empty())
    table = Table::load(settings.table);
  nlohmann::ordered_json result{{"cell", nas::nasbench201::to_string(cell)},
                                {"code", code(cell)},
                                {"connected", is_connected(cell)},
                                {"params", parameter_count(cell)},
                                {"macs", mac_count(cell)}};
  std::cout << nas::nasbench201::to_string(cell) << ", code " << code(cell) << '\n'
            << format_count(parameter_count(cell)) << " parameters, " << format_count(mac_count(cell))
            << " multiply-accumulates\n";
  if (!is_connected(cell))
    std::cout << "its output is cut off from its input: it transmits nothing\n";
  if (table) {
    for (std::size_t c = 0; c < kColumns.size(); ++c) {
      const auto column = static_cast<Column>(c);
      const double accuracy = table->at(cell)[column];
      std::cout << kColumns[c] << ": " << accuracy << " %, rank " << format_count(table->rank(cell, column))
                << ", the best has " << table->best(column) << " %\n";
      result[std::string(kColumns[c])] = accuracy;
    }
    result["index"] = table->at(cell).index;
  }
  session.publish(result);
  return kDone;
}

int run(Session& session, const GenotypeSettings& settings) {
  const std::string& action = settings.action;
  const auto work = action == "show"      ? show
                    : action == "convert" ? convert
                    : action == "count"   ? count
                    : action == "draw"    ? draw
                                          : query;
  return work(session, settings);
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(
      argc, argv,
      app_of("genotype", "Shows, converts, counts and draws the cells that searches find and networks are built from.",
             run));
}
