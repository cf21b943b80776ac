// DARTS text: a hand-written reader of the few lines of Python that genotypes are exchanged in. Never an evaluator.
//   text   := prefix 'Genotype' '(' field {',' field} [','] ')'
//           | '{' entry {',' entry} [','] '}'                                       (XAutoDL, printed as a dictionary)
//   prefix := whatever a log writes before it on its line | [NAME '=']
//   entry  := STRING ':' what a field has behind its '='
//   field  := ('normal' | 'reduce') '=' cell | ('normal_concat' | 'reduce_concat') '=' ids
//           | ('connectN' | 'connects') '=' 'None'                                 (XAutoDL)
//   cell   := '[' pair {',' pair} [','] ']' | '[' node {',' node} [','] ']'        (either bracket, here and below)
//   node   := '[' pair {',' pair} [','] ']'
//   pair   := '(' STRING ',' INT [',' NUMBER] [','] ')'
//   ids    := 'range' '(' INT ',' INT ')' | '[' INT {',' INT} [','] ']'
#include <set>

#include "engine/error.h"
#include "nas/genotype/genotype.h"
#include "nas/genotype/genotype_text.h"
#include "nas/genotype/text_cursor.h"

namespace ockham::nas {
namespace {

struct Pair {
  Primitive op;
  int from;
  std::size_t at;  // where the pair's id stands, for messages
};

Pair read_pair(Cursor& in) {
  const char bracket = in.open("a pair ('operation', id)");
  const Primitive op = read_operation(in);
  in.expect(',');
  const std::size_t at = in.position();
  const Pair pair{op, in.integer(), at};
  if (in.closes(bracket))
    return pair;
  in.skip_number();
  if (!in.closes(bracket))
    in.fail(in.position(), "a pair has an operation, an id and at most a weight");
  return pair;
}

void add_pair(Cursor& in, CellGenotype& cell, const Pair& pair, int to) {
  if (to >= kMaxNodes)
    in.fail(pair.at, concat("the cell has more than ", kMaxNodes, " nodes"));
  if (pair.from >= node_id(to))
    in.fail(pair.at, concat("node ", to, " (id ", node_id(to), ") cannot read id ", pair.from, "; it may read 0 to ",
                            node_id(to) - 1));
  cell.edges.push_back({.from = pair.from, .to = to, .stride = edge_stride(cell.kind, pair.from), .ops = {pair.op}});
}

void read_node(Cursor& in, CellGenotype& cell) {
  const char bracket = in.open("a node's pairs");
  do {
    add_pair(in, cell, read_pair(in), cell.nodes);
  } while (!in.closes(bracket));
  ++cell.nodes;
}

/// Whether a list of nodes, rather than of pairs, starts here: two brackets in a row.
bool is_nested(Cursor in) {
  in.open("a pair or a node");
  return in.peek() == '[' || in.peek() == '(';
}

void read_cell(Cursor& in, CellGenotype& cell) {
  const std::size_t start = in.position();
  const char bracket = in.open("a cell");
  const bool nested = is_nested(in);
  int pairs = 0;
  do {
    if (nested)
      read_node(in, cell);
    else
      add_pair(in, cell, read_pair(in), pairs++ / 2);
  } while (!in.closes(bracket));
  if (pairs % 2 == 1)
    in.fail(start, concat("the ", kind_name(cell.kind), " cell has ", pairs, " pairs; every node needs two"));
  if (!nested)
    cell.nodes = pairs / 2;
}

void add_concat_id(Cursor& in, std::vector<int>& nodes, int id, std::size_t at) {
  if (id < kInputs || id >= node_id(kMaxNodes))
    in.fail(at, concat("id ", id, " is no node; nodes have ids ", kInputs, " to ", node_id(kMaxNodes) - 1));
  if (!nodes.empty() && nodes.back() >= id - kInputs)
    in.fail(at, concat("id ", id, " stands after id ", node_id(nodes.back()), "; ids must ascend"));
  nodes.push_back(id - kInputs);
}

using Seen = std::set<std::string_view>;

void read_field(Cursor& in, Genotype& genotype, Seen& seen, bool is_quoted) {
  const std::size_t at = in.position();
  const std::string_view name = is_quoted ? in.quoted() : in.word();
  if (!seen.insert(name).second)
    in.fail(at, concat("'", name.substr(0, 40), "' is given twice"));
  in.expect(is_quoted ? ':' : '=');
  if (name == "normal")
    read_cell(in, genotype.normal);
  else if (name == "reduce")
    read_cell(in, genotype.reduce);
  else if (name == "normal_concat")
    genotype.normal.concat = read_concat(in);
  else if (name == "reduce_concat")
    genotype.reduce.concat = read_concat(in);
  else if (name == "connectN" || name == "connects")
    in.expect_word("None");
  else
    in.fail(at,
            concat("unknown field '", name.substr(0, 40), "'; known: normal, normal_concat, reduce, reduce_concat"));
}

std::string ids_text(const std::vector<int>& nodes) {
  const int first = node_id(nodes.front()), last = node_id(nodes.back());
  if (last - first + 1 == static_cast<int>(nodes.size()))
    return concat("range(", first, ", ", last + 1, ")");
  return list_of_ids(nodes);
}

/// Where a cell departs from the DARTS form, or nothing.
std::string departure(const CellGenotype& cell) {
  for (int node = 0; node < cell.nodes; ++node) {
    int edges = 0, ops = 0;
    for (const GenotypeEdge& edge : cell.edges) {
      edges += edge.to == node;
      ops += edge.to == node ? static_cast<int>(edge.ops.size()) : 0;
    }
    if (edges != 2 || ops != 2)
      return concat("node ", node, " of the ", kind_name(cell.kind), " cell has ", ops, " operations on ", edges,
                    " edges");
  }
  return "";
}

std::string cell_text(const CellGenotype& cell) {
  std::string text;
  for (const GenotypeEdge& edge : cell.edges)
    text += concat(text.empty() ? "[('" : ", ('", darts_name(edge.ops.front()), "', ", edge.from, ")");
  return text + "]";
}

}  // namespace

std::optional<Primitive> read_operation_or_none(Cursor& in) {
  const std::size_t at = in.position();
  const std::string_view name = in.quoted();
  const auto op = find_primitive(name);
  if (!op && name != "none")
    in.fail(at, concat("unknown operation '", name.substr(0, 40), "'; known: ", known_primitives()));
  return op;
}

Primitive read_operation(Cursor& in) {
  const std::size_t at = in.position();
  const auto op = read_operation_or_none(in);
  if (!op)
    in.fail(at, "'none' is no operation of a genotype; leave the edge out");
  return *op;
}

std::vector<int> read_concat(Cursor& in) {
  std::vector<int> nodes;
  const std::size_t start = in.position();
  if (in.peek() == 'r') {
    if (in.word() != "range")
      in.fail(start, "expected range(first, last + 1) or a list of ids");
    in.expect('(');
    const int first = in.integer();
    in.expect(',');
    const int end = in.integer();
    in.expect(')');
    for (int id = first; id < end; ++id)
      add_concat_id(in, nodes, id, start);
    return nodes;
  }
  const char bracket = in.open("a list of ids");
  do {
    const std::size_t at = in.position();
    add_concat_id(in, nodes, in.integer(), at);
  } while (!in.closes(bracket));
  return nodes;
}

void read_call(Cursor& in, std::string_view name) {
  in.skip_to_call(name);
  std::size_t at = in.position();
  std::string_view word = in.word();
  if (in.take('=')) {
    at = in.position();
    word = in.word();
  }
  if (word != name)
    in.fail(at, concat("expected ", name, "(...), found '", word.substr(0, 40), "'"));
  in.expect('(');
}

std::string list_of_ids(const std::vector<int>& nodes) {
  std::string text;
  for (const int node : nodes)
    text += concat(text.empty() ? "[" : ", ", node_id(node));
  return text + "]";
}

std::string known_primitives() {
  std::string names;
  for (Primitive p : kPrimitives)
    names += concat(names.empty() ? "" : ", ", darts_name(p));
  return names + " (or identity)";
}

Genotype parse_darts(std::string_view text) {
  if (text.size() > kMaxGenotypeText)
    throw UsageError(concat("genotype: the text is longer than ", kMaxGenotypeText, " bytes."));
  Cursor in(text);
  Genotype genotype;
  genotype.space = "darts";
  const bool is_dictionary = in.take('{');
  if (!is_dictionary)
    read_call(in, "Genotype");
  Seen seen;
  do {
    read_field(in, genotype, seen, is_dictionary);
  } while (!in.closes(is_dictionary ? '}' : ')'));
  const std::size_t end = in.position();
  for (const char* field : {"normal", "normal_concat", "reduce", "reduce_concat"}) {
    if (!seen.contains(field))
      in.fail(end, concat("the text ends without ", field, "=..."));
  }
  if (!in.at_end())
    in.fail(end, "nothing may follow the closing bracket");
  check(genotype);
  return genotype;
}

bool is_darts_like(const Genotype& genotype) {
  return departure(genotype.normal).empty() && departure(genotype.reduce).empty();
}

std::string to_darts(const Genotype& genotype) {
  check(genotype);
  for (const CellGenotype* cell : {&genotype.normal, &genotype.reduce}) {
    if (const std::string why = departure(*cell); !why.empty())
      throw UsageError(concat("genotype: ", why,
                              "; DARTS text needs exactly two edges with one operation each. Keep the JSON form."));
  }
  return concat("Genotype(normal=", cell_text(genotype.normal), ", normal_concat=", ids_text(genotype.normal.concat),
                ", reduce=", cell_text(genotype.reduce), ", reduce_concat=", ids_text(genotype.reduce.concat), ")");
}

}  // namespace ockham::nas
