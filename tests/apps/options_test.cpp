// Where option values come from, which of them wins, and what is refused.
#include "apps/cli/options/options.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/cli/options/settings.h"
#include "apps/runs/settings.h"
#include "engine/error.h"
#include "engine/log.h"
#include "tests/apps/program.h"

namespace ockham::apps {
namespace {

using test::Says;
using test::TemporaryFolder;

struct Example {
  GeneralSettings general;
  RunSettings run;
  DataSettings data;
  std::int64_t epochs = 50;
  std::int64_t batch_size = 64;
  std::int64_t channels = 16;
  std::int64_t cells = 8;
  double lr = 0.025;
  std::string method = "bayesnas";
  bool unrolled = false;
  double drop_path_prob = 0.2;
  std::string note;
};

void describe(Example& s, SettingVisitor& v) {
  describe(s.general, v);
  describe(s.run, v);
  describe(s.data, v);
  v.group("Training");
  v.count("epochs", s.epochs, "passes over the training images");
  v.count("batch-size", s.batch_size, "images in one step", {.min = 1});
  v.count("channels", s.channels, "channels of the first cell");
  v.alias("init-channels", "channels");
  v.count("cells", s.cells, "cells in the network");
  v.alias("layers", "cells");
  v.real("lr", s.lr, "learning rate at the start", kPositive);
  v.alias("learning-rate", "lr");
  v.group("Search");
  v.choice("method", s.method, {"bayesnas", "darts", "random"}, "how to search");
  v.flag("unrolled", s.unrolled, "second-order step");
  v.real("drop-path-prob", s.drop_path_prob, "probability of dropping a path", kFraction);
  v.text("note", s.note, "words to keep");
}

OptionTable example() {
  OptionTable table;
  declare_settings<Example>(table);
  table.preset("quick", {{"epochs", "2"}, {"channels", "8"}});
  return table;
}

Options parse(const std::vector<std::string>& arguments, const OptionTable::Environment& environment = {}) {
  return example().parse(arguments, environment);
}

Example values(const std::vector<std::string>& arguments, const OptionTable::Environment& environment = {}) {
  return read_settings<Example>(parse(arguments, environment));
}

std::string write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
  return path.string();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(options)

BOOST_AUTO_TEST_CASE(defaults_hold_where_nothing_is_given) {
  const Example options = values({});
  BOOST_TEST(options.epochs == 50);
  BOOST_TEST(options.lr == 0.025);
  BOOST_TEST(options.method == "bayesnas");
  BOOST_TEST(!options.unrolled);
  BOOST_TEST(options.data.images.folder.empty());
  BOOST_CHECK(parse({}).source("epochs") == Source::kFallback);
}

BOOST_AUTO_TEST_CASE(option_beats_environment_beats_file_beats_preset_beats_default) {
  const TemporaryFolder folder;
  const std::string file = write(folder.path() / "a.ini", "epochs = 3\nlr = 0.3\nbatch_size = 30\n");
  const OptionTable::Environment environment = {{"OCKHAM_EPOCHS", "4"}, {"OCKHAM_LR", "0.4"}};
  const Options options = parse({"--config", file, "--preset=quick", "--epochs", "5"}, environment);
  const auto read = read_settings<Example>(options);
  BOOST_TEST(read.epochs == 5);
  BOOST_TEST(read.lr == 0.4);
  BOOST_TEST(read.batch_size == 30);
  BOOST_TEST(read.channels == 8);
  BOOST_TEST(read.cells == 8);
  BOOST_CHECK(options.source("epochs") == Source::kCommandLine);
  BOOST_CHECK(options.source("lr") == Source::kEnvironment);
  BOOST_CHECK(options.source("batch-size") == Source::kFile);
  BOOST_CHECK(options.source("channels") == Source::kPreset);
}

BOOST_AUTO_TEST_CASE(preset_may_be_chosen_by_file_and_environment) {
  const TemporaryFolder folder;
  BOOST_TEST(values({"--config", write(folder.path() / "a.ini", "preset = quick\n")}).epochs == 2);
  BOOST_TEST(values({}, {{"OCKHAM_PRESET", "quick"}}).epochs == 2);
}

BOOST_AUTO_TEST_CASE(underscores_and_names_of_darts_are_accepted) {
  const Example options = values({"--batch_size", "7", "--init_channels=9", "--layers", "3", "--learning_rate", "0.1",
                                  "--drop_path_prob=0.3", "--out", "a_folder", "--unrolled"});
  BOOST_TEST(options.batch_size == 7);
  BOOST_TEST(options.channels == 9);
  BOOST_TEST(options.cells == 3);
  BOOST_TEST(options.lr == 0.1);
  BOOST_TEST(options.drop_path_prob == 0.3);
  BOOST_TEST(options.run.folder.out == "a_folder");
  BOOST_TEST(options.unrolled);
}

BOOST_AUTO_TEST_CASE(unknown_option_is_refused_with_the_nearest_name) {
  BOOST_CHECK_EXCEPTION(parse({"--epohcs", "3"}), UsageError, (Says{{"--epohcs", "Did you mean 'epochs'?"}}));
  BOOST_CHECK_EXCEPTION(parse({"--batchsize=3"}), UsageError, (Says{{"'--batchsize'", "Did you mean 'batch-size'?"}}));
  BOOST_CHECK_EXCEPTION(parse({"--epoch", "3"}), UsageError, Says{{"Did you mean 'epochs'?"}});
  BOOST_CHECK_EXCEPTION(parse({"-lr", "3"}), UsageError, Says{{"Did you mean 'lr'?"}});
  BOOST_CHECK_EXCEPTION(parse({"--quux"}), UsageError, (Says{{"--quux", "--help"}}));
}

BOOST_AUTO_TEST_CASE(hyphens_alone_are_an_unknown_option) {
  for (const char* word : {"---", "-=3", "--=3", "----=", "-", "--seed=1 --x", "-\xff"})
    BOOST_CHECK_THROW(parse({word}), UsageError);
  BOOST_CHECK_EXCEPTION(parse({"---"}), UsageError, (Says{{"Unknown option '---'", "--help"}}));
  BOOST_CHECK_EXCEPTION(parse({"-=3"}), UsageError, (Says{{"Unknown option '-'", "--help"}}));
}

/// What is said of variables of the environment, a line each.
std::string told_of(const OptionTable::Environment& environment) {
  std::string lines;
  set_log_sink([&](LogLevel level, std::string_view text) { lines += concat(name_of(level), ": ", text, "\n"); });
  example().tell_unknown(environment);
  set_log_sink({});
  return lines;
}

BOOST_AUTO_TEST_CASE(misspelt_variables_are_warned_of_with_the_nearest_name) {
  BOOST_TEST(told_of({{"OCKHAM_BATCHSIZE", "4"}}) ==
             "warning: OCKHAM_BATCHSIZE is unknown. Did you mean OCKHAM_BATCH_SIZE?\n");
  BOOST_TEST(told_of({{"OCKHAM_SEDE", "3"}}) == "warning: OCKHAM_SEDE is unknown. Did you mean OCKHAM_SEED?\n");
  BOOST_TEST(told_of({{"OCKHAM_NOCACHE", "1"}}).find("OCKHAM_NO_CACHE?") != std::string::npos);
  // Aliases are of the command line and files: the variable has the option's own name.
  BOOST_TEST(told_of({{"OCKHAM_LEARNING_RATE", "1"}}).find("OCKHAM_LR?") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(variables_far_from_any_name_are_told_as_without_effect) {
  BOOST_TEST(told_of({{"OCKHAM_QUUX", "1"}}) ==
             "info: OCKHAM_QUUX is not the name of an option of this program and has no effect\n");
  BOOST_TEST(told_of({{"OCKHAM_", "1"}}).find("no effect") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(known_and_empty_variables_are_passed_over) {
  BOOST_TEST(told_of({{"OCKHAM_LR", "1"}, {"OCKHAM_DROP_PATH_PROB", "0.1"}, {"OCKHAM_BATCHSIZE", ""}}).empty());
}

BOOST_AUTO_TEST_CASE(every_variable_that_a_library_reads_is_known) {
  constexpr std::string_view kCall = "getenv(\"";
  int found = 0;
  for (const char* layer : {"engine", "autograd", "ops", "nas", "data", "apps"}) {
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(std::filesystem::path(OCKHAM_SOURCE_DIR) / layer)) {
      const std::string text = file.is_regular_file() ? test::content(file.path()) : "";
      for (std::size_t at = text.find(kCall); at != std::string::npos; at = text.find(kCall, at + 1)) {
        const std::size_t name = at + kCall.size();
        const std::string variable = text.substr(name, text.find('"', name) - name);
        found += variable.starts_with("OCKHAM_");
        BOOST_TEST((!variable.starts_with("OCKHAM_") || told_of({{variable, "x"}}).empty()),
                   file.path() << " reads " << variable << ", which programs warn of");
      }
    }
  }
  BOOST_TEST(found >= 3);
}

BOOST_AUTO_TEST_CASE(unknown_and_repeated_keys_of_a_file_are_refused) {
  const TemporaryFolder folder;
  const auto refuse = [&](const std::string& text, std::initializer_list<std::string_view> parts) {
    const std::string file = write(folder.path() / "a.ini", text);
    BOOST_CHECK_EXCEPTION(parse({"--config", file}), UsageError, Says{parts});
  };
  refuse("epohcs = 3\n", {"a.ini: epohcs", "Did you mean 'epochs'?"});
  refuse("epochs = 3\nepochs = 4\n", {"epochs is given twice"});
  refuse("[training]\nepochs = 3\n", {"line 1", "sections are not used"});
  refuse("\n= 3\n", {"line 2", "no name"});
  refuse("note = \"a\nepochs = 3\n", {"line 1", "never closed"});
  refuse("note = 'a' b\n", {"line 1", "after the closing quote"});
  refuse(std::string("e\0p", 3), {"a.ini", "UTF-8"});
  refuse(std::string(2 << 20, '\n'), {"more than 1048576 bytes"});
  refuse("epochs 3\n", {"a.ini", "epochs 3", "name = value"});
  refuse("epochs = many\n", {"a.ini: epochs", "'many'"});
}

BOOST_AUTO_TEST_CASE(files_are_read_as_editors_write_them) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& text) { return values({"--config", write(folder.path() / "a.ini", text)}); };
  const Example marked = read("\xef\xbb\xbfseed = 3\r\n; words\r\n\tnote\t= two words \t# words\r\ndata = 'C#'\r\n");
  BOOST_TEST(marked.run.compute.seed == 3);
  BOOST_TEST(marked.note == "two words");
  BOOST_TEST(marked.data.images.folder == "C#");
  BOOST_TEST(read("data = \"/a b\"").data.images.folder == "/a b");
  BOOST_TEST(read("data = C#/x").data.images.folder == "C#/x");
  BOOST_TEST(read("data = C:\\x # \"").data.images.folder == "C:\\x");
  BOOST_TEST(read("note = it's; isn't it").note == "it's; isn't it");
  BOOST_CHECK_EXCEPTION(read("note = # nothing"), UsageError, (Says{{"note", "is empty"}}));
}

BOOST_AUTO_TEST_CASE(any_text_of_one_line_survives_the_file) {
  const TemporaryFolder folder;
  for (const std::string text :
       {"#",    " #",  "a #b", "C#/x", " a", "a\t",   "\"",  "'",       "\"a\" 'b'",    "a\"b",          "\\",
        "\\\"", "\\n", ";",    "a;b",  "=",  "a = b", "[x]", "(unset)", "\xef\xbb\xbf", "\xc3\xa4 \xff", "--note=x"}) {
    const Options given = parse({"--note=" + text});
    const Example read = values({"--config", write(folder.path() / "a.ini", given.ini())});
    BOOST_TEST(read.note == text);
    BOOST_TEST(values(given.arguments()).note == text);
  }
}

BOOST_AUTO_TEST_CASE(missing_configuration_file_is_named) {
  BOOST_CHECK_EXCEPTION(parse({"--config", "/no/such.ini"}), UsageError, Says{{"/no/such.ini"}});
  BOOST_CHECK_EXCEPTION(parse({"--config", "/"}), UsageError, Says{{"cannot read"}});
}

BOOST_AUTO_TEST_CASE(bad_values_are_refused_with_value_rule_and_place) {
  const auto refuse = [](const std::string& argument, std::initializer_list<std::string_view> parts) {
    BOOST_CHECK_EXCEPTION(parse({argument}), UsageError, Says{parts});
  };
  refuse("--epochs=-1", {"--epochs", "'-1'", "too small", "0"});
  refuse("--epochs=1.5", {"'1.5'", "not a whole number"});
  refuse("--epochs=99999999999999999999", {"fits 64 bits"});
  refuse("--epochs=3x", {"'3x'", "not a whole number"});
  refuse("--batch-size=0", {"smallest allowed value is 1"});
  refuse("--threads=5000", {"largest allowed value is 1024"});
  refuse("--lr=nan", {"'nan'", "not a finite number"});
  refuse("--lr=0", {"above 0"});
  refuse("--drop-path-prob=1.5", {"at most 1"});
  refuse("--memory-limit=2GX", {"'2GX'", "512MB"});
  refuse("--unrolled=maybe", {"neither true nor false"});
  refuse("--method=darst", {"'darst'", "bayesnas, darts, random", "did you mean 'darts'?"});
  refuse("--device=gpu", {"'gpu'", "is no device"});
  refuse("--note=a\nb", {"line break", "config.ini"});
  refuse("--note=a\r", {"line break", "config.ini"});
  BOOST_CHECK_EXCEPTION(parse({}, {{"OCKHAM_LR", "fast"}}), UsageError, (Says{{"OCKHAM_LR", "'fast'"}}));
}

BOOST_AUTO_TEST_CASE(flag_can_be_turned_off_again) {
  const TemporaryFolder folder;
  const std::string file = write(folder.path() / "a.ini", "unrolled = yes\n");
  BOOST_TEST(values({"--config", file}).unrolled);
  BOOST_TEST(!values({"--config", file, "--unrolled=false"}).unrolled);
}

BOOST_AUTO_TEST_CASE(negative_number_after_a_space_is_a_value) {
  BOOST_CHECK_EXCEPTION(parse({"--epochs", "-3"}), UsageError, (Says{{"--epochs", "'-3'", "too small"}}));
}

BOOST_AUTO_TEST_CASE(missing_doubled_and_surplus_words_are_refused) {
  BOOST_CHECK_EXCEPTION(parse({"--epochs"}), UsageError, Says{{"epochs"}});
  BOOST_CHECK_EXCEPTION(parse({"--out", "--json"}), UsageError, (Says{{"--out has no value", "--json"}}));
  BOOST_CHECK_EXCEPTION(parse({"--lr=1", "--lr=2"}), UsageError, (Says{{"--lr is given twice", "'1'", "'2'"}}));
  BOOST_CHECK_EXCEPTION(parse({"epochs=3"}), UsageError, Says{{"'epochs=3' is one word too many"}});
}

struct Words {
  Example example;
  std::string action;
  std::string file;
};

void describe(Words& s, SettingVisitor& v) {
  describe(s.example, v);
  v.choice("action", s.action, {"show", "convert"}, "what to do");
  v.word("action");
  v.text("file", s.file, "what to read");
  v.word("file");
}

BOOST_AUTO_TEST_CASE(words_fill_the_positional_options_in_order) {
  OptionTable table;
  declare_settings<Words>(table);
  const auto read =
      read_settings<Words>(table.parse({"--json", "show", "--epochs", "3", "--unrolled", "cell.json"}, {}));
  BOOST_TEST(read.action == "show");
  BOOST_TEST(read.file == "cell.json");
  BOOST_TEST(read.example.unrolled);
  BOOST_CHECK_EXCEPTION(table.parse({"shwo"}, {}), UsageError, (Says{{"action", "did you mean 'show'?"}}));
}

BOOST_AUTO_TEST_CASE(help_and_version_need_no_readable_configuration) {
  BOOST_TEST(values({"-h", "--config", "/no/such.ini"}).general.help);
  BOOST_TEST(values({"--version"}, {{"OCKHAM_EPOCHS", "bad"}}).general.version);
}

BOOST_AUTO_TEST_CASE(help_lists_groups_defaults_and_presets) {
  const std::string help = example().help("ockham-example", "Shows.");
  for (const char* part : {"Usage: ockham-example [options]", "Training:", "--batch-size N", "[64]",
                           "bayesnas|darts|random", "quick", "channels=8 epochs=2", "OCKHAM_BATCH_SIZE"})
    BOOST_TEST(help.find(part) != std::string::npos, part);
}

BOOST_AUTO_TEST_CASE(printed_configuration_reads_back_to_the_same_values) {
  const TemporaryFolder folder;
  const Options given = parse({"--lr", "3e-4", "--unrolled", "--preset", "quick", "--memory-limit", "1.5GiB", "--data",
                               "some folder/x=y", "--out", "there"});
  const Options again = parse({"--config", write(folder.path() / "a.ini", given.ini())});
  BOOST_TEST(again.ini() == given.ini());
  const auto read = read_settings<Example>(again);
  BOOST_TEST(read.lr == 3e-4);
  BOOST_TEST(read.unrolled);
  BOOST_TEST(read.run.compute.memory_limit.value() == 1610612736U);
  BOOST_TEST(read.data.images.folder == "some folder/x=y");
  BOOST_TEST(read.run.folder.out.empty());
}

BOOST_AUTO_TEST_CASE(json_holds_every_option_in_its_own_type) {
  const auto json = parse({"--lr", "0.5"}).json();
  BOOST_TEST(json["lr"] == 0.5);
  BOOST_TEST(json["epochs"] == 50);
  BOOST_TEST(json["unrolled"] == false);
  BOOST_TEST(json["method"] == "bayesnas");
  BOOST_TEST(json["data"].is_null());
}

BOOST_AUTO_TEST_CASE(resumed_run_keeps_its_options) {
  const TemporaryFolder folder;
  write(folder.path() / "config.ini", parse({"--lr=0.5", "--threads=1"}).ini());
  const std::string resume = "--resume=" + folder.path().string();
  BOOST_TEST(values({resume}).lr == 0.5);
  BOOST_TEST(values({resume, "--lr=5e-1", "--threads=2"}).run.compute.threads == 2);
  BOOST_CHECK_EXCEPTION(parse({resume, "--lr=0.1"}), UsageError, (Says{{"--lr 0.1", "has 0.5"}}));
  BOOST_CHECK_EXCEPTION(parse({resume, "--note=x"}), UsageError, (Says{{"--note x", "has none"}}));
  BOOST_CHECK_EXCEPTION(parse({resume, "--config=x.ini"}), UsageError, Says{{"--config x.ini"}});
  BOOST_CHECK_EXCEPTION(parse({"--resume=/no/such"}), UsageError, Says{{"/no/such/config.ini"}});
}

BOOST_AUTO_TEST_CASE(cuda_without_a_backend_is_a_device_error) {
  BOOST_CHECK_THROW(parse({"--device=cuda"}), DeviceError);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
