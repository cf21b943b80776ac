// Every option of every program is passed here at least once, and its effect seen. labels: slow
#include <array>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "tests/apps/nasbench201_table.h"
#include "tests/apps/option_rows.h"
#include "tests/apps/program.h"

namespace ockham {
namespace {

using namespace test;
namespace fs = std::filesystem;
using Json = nlohmann::json;
using Tokens = std::vector<std::string>;

/// What programs without a run folder write.
constexpr std::array kProducts{"scores.csv", "sample.png", "entries.csv", "net.onnx", "other.onnx"};

const std::set<std::string> kGeneral{"help", "version", "config", "print-config", "json", "quiet"};

/// Of the programs that were built, without "ockham-", but for those over the emulation, which have the same options.
Tokens programs() {
  Tokens names;
  for (const auto& file : fs::directory_iterator(OCKHAM_BINARY_DIR "/bin")) {
    const std::string name = file.path().filename().string();
    if (name.starts_with("ockham-") && !name.ends_with("-emulated"))
      names.push_back(name.substr(7));
  }
  std::ranges::sort(names);
  return names;
}

std::set<std::string> declared(const fs::path& folder, const std::string& program) {
  std::set<std::string> names;
  std::istringstream help(run_program(folder, program, "--help").out);
  const std::regex option("^  (?:-h, )?--([a-z0-9-]+).*");
  std::smatch match;
  for (std::string line; std::getline(help, line);) {
    if (std::regex_match(line, match, option))
      names.insert(match[1]);
  }
  return names;
}

/// The program's own rows and those of the groups of options that it declares.
ProgramRows rows_of(const std::string& program, const std::set<std::string>& names) {
  std::vector<Row> shared = joined(compute_rows(), data_rows());
  if (names.contains("resume"))
    shared = joined(shared, run_rows());
  std::erase_if(shared, [&](const Row& row) { return !names.contains(row.option); });
  const ProgramRows own = option_rows()[program];
  return {own.context, joined(shared, own.rows)};
}

/// "--name" of "--name=value".
std::string name_of_token(const std::string& token) {
  return token.substr(0, token.find('='));
}

/// `text` is words with spaces between them; each takes the place of one with its name.
void put(Tokens& tokens, const std::string& text) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::erase_if(tokens, [&](const std::string& token) { return name_of_token(token) == name_of_token(word); });
    tokens.push_back(word);
  }
}

/// What does not depend on the time, the place and what was asked for.
Json without_circumstances(const Json& json) {
  static const std::regex changing(
      ".*(second|peak_bytes|gflops|folder|command|settings|file).*|"
      "run|name|seed|seeds|dataset|method|methods|space|epochs|checkpoint|method_settings");
  if (!json.is_structured())
    return json;
  Json result = json;
  for (auto it = result.begin(); it != result.end();) {
    if (json.is_object() && std::regex_match(it.key(), changing)) {
      it = result.erase(it);
    } else {
      *it = without_circumstances(*it);
      ++it;
    }
  }
  return result;
}

struct Seen {
  int exit_code = 0;
  std::string said;     ///< streams, names of files, run.json but for its options
  std::string results;  ///< what was measured and made
};

std::string joined_words(const Tokens& tokens) {
  std::string text;
  for (const std::string& token : tokens)
    text += " " + token;
  return text;
}

Json last_line(const Outcome& outcome) {
  try {
    return summary(outcome);
  } catch (const Json::exception&) {
    return nullptr;
  }
}

/// What a run has left in its folder, and the runs within it.
void look_into(const fs::path& run, Seen& seen) {
  std::set<fs::path> files;
  for (const auto& file : fs::recursive_directory_iterator(run))
    files.insert(file.path());
  for (const fs::path& file : files) {
    seen.said += file.lexically_relative(run).string() + "\n";
    if (file.filename() == "metrics.jsonl")
      seen.results += Json(metrics(file.parent_path())).dump();
    if (file.filename() == "summary.json")
      seen.results += without_circumstances(Json::parse(content(file))).dump();
    for (const char* product : {"last.safetensors", "cell.txt", "candidates.json", "posterior.json"}) {
      if (file.filename() == product)
        seen.results += content(file);
    }
    if (file.filename() == "run.json") {
      Json facts = Json::parse(content(file));
      facts.erase("options");
      seen.said += facts.dump();
    }
  }
}

/// A folder in which the rows find what they name.
struct Place : TemporaryFolder {
  explicit Place(const std::string& program) : program_(program) {
    write_nasbench201_table(path() / "table.csv", [](std::int64_t cell) {
      return std::to_string(cell % 97) + ",5,6," + std::to_string(cell % 89);
    });
    fs::create_directories(path() / "there");
    for (const char* file : {"there/config.ini", "there/sample.png", "drawn-normal.svg"})
      std::ofstream(path() / file) << "";
    std::ofstream(path() / "c.ini") << "unheard-of = 1\n";
    if (program != "evaluate" && program != "hessian" && program != "export")
      return;
    for (const auto& [other, out] : {std::pair("train", " --out=trained"), std::pair("search", " --out=searched")}) {
      Tokens tokens;
      put(tokens, option_rows()[other].context + out);
      BOOST_REQUIRE(run_program(path(), other, joined_words(tokens)).exit_code == 0);
    }
  }

  Seen run(const Tokens& arguments) {
    fs::remove_all(path() / "run");
    for (const char* file : kProducts)
      fs::remove(path() / file);
    const Outcome outcome = run_program(path(), program_, joined_words(arguments) + " --json");
    Seen seen{.exit_code = outcome.exit_code, .said = outcome.out + outcome.err, .results = {}};
    if (fs::exists(path() / "run"))
      look_into(path() / "run", seen);
    else
      seen.results = without_circumstances(last_line(outcome)).dump();
    if (fs::exists(path() / "elsewhere"))
      look_into(path() / "elsewhere", seen);
    for (const char* file : kProducts) {
      if (fs::exists(path() / file)) {
        seen.said += file;
        seen.results += content(path() / file);
      }
    }
    return seen;
  }

  /// Without an option; many rows ask for the same.
  const Seen& base(const Tokens& arguments) {
    const auto [at, is_new] = bases_.try_emplace(joined_words(arguments));
    if (is_new)
      at->second = run(arguments);
    return at->second;
  }

 private:
  std::string program_;
  std::map<std::string, Seen> bases_;
};

void check_row(Place& place, const std::string& program, const std::string& context, const Row& row) {
  Tokens tokens;
  put(tokens, context + " " + row.context);
  const Tokens without = tokens;
  put(tokens, "--" + row.option + (row.value.empty() ? "" : "=" + row.value));
  const std::string what = "ockham-" + program + joined_words(tokens);
  const Seen with = place.run(tokens);
  BOOST_TEST(with.exit_code == row.exit_code, what << " ended with " << with.exit_code << ": " << with.said);
  if (!row.shows.empty())
    BOOST_TEST(contains(with.said, row.shows), what << " does not show '" << row.shows << "': " << with.said);
  else
    BOOST_TEST((with.results != place.base(without).results),
               what << " gives the same results without --" << row.option);
}

void check_general_options(const std::string& program) {
  Place place(program);
  const auto ends = [&](const std::string& arguments) { return run_program(place.path(), program, arguments); };
  BOOST_TEST(ends("--help").out.starts_with("Usage: ockham-" + program));
  BOOST_TEST(ends("--version").out.starts_with("ockham-" + program + " "));
  BOOST_TEST(ends("--print-config").out.starts_with("# "));
  BOOST_TEST(ends_with(ends("--config=c.ini"), 2, {"c.ini: unheard-of is unknown"}));
  const Outcome quiet = ends(option_rows()[program].context + " --quiet --json");
  if (program == "oracle-check") {  // where there is no reference folder it has nothing to do but refuse
    BOOST_TEST(quiet.exit_code == 6);
    return;
  }
  BOOST_TEST(quiet.exit_code == 0, quiet.err);
  BOOST_TEST(quiet.err.empty(), quiet.err);
  BOOST_TEST(last_line(quiet).is_object());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(option_coverage)

BOOST_DATA_TEST_CASE(every_declared_option_has_a_row_and_every_row_an_option, programs(), program) {
  const TemporaryFolder folder;
  const std::set<std::string> names = declared(folder.path(), program);
  std::set<std::string> named = kGeneral;
  for (const Row& row : rows_of(program, names).rows)
    named.insert(row.option);
  for (const std::string& name : names)
    BOOST_TEST(named.contains(name), "ockham-" << program << " declares --" << name
                                               << ", whose effect no row of tests/apps/option_rows.h shows");
  for (const std::string& name : named)
    BOOST_TEST(names.contains(name), "a row names --" << name << ", which ockham-" << program << " does not declare");
}

BOOST_DATA_TEST_CASE(general_options_of_each_program, programs(), program) {
  check_general_options(program);
}

BOOST_DATA_TEST_CASE(each_option_has_its_effect, programs(), program) {
  Place place(program);
  const ProgramRows rows = rows_of(program, declared(place.path(), program));
  for (const Row& row : rows.rows)
    check_row(place, program, rows.context, row);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
