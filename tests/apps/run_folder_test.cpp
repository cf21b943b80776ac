// The files of a run folder: created, refused, resumed, cut back, and safe from full disks.
#include "apps/runs/folder/run_folder.h"

#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <limits>

#include "apps/cli/options/settings.h"
#include "apps/runs/folder/checkpoints.h"
#include "engine/error.h"
#include "tests/support.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using test::Says;
using test::TemporaryFolder;

Options parse(const std::vector<std::string>& arguments) {
  OptionTable table;
  declare_settings<GeneralSettings>(table);
  declare_settings<ComputeSettings>(table);
  declare_settings<FolderSettings>(table);
  return table.parse(arguments, {});
}

RunFolder open_new(const fs::path& path) {
  return RunFolder::open("search", parse({"--seed=7", "--out=" + path.string()}));
}

std::string content(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

nlohmann::json json_of(const fs::path& path) {
  return nlohmann::json::parse(content(path));
}

/// What a temporary file of a process that is gone ends with.
std::string dead_temporary() {
  const ::pid_t gone = ::fork();
  if (gone == 0)
    ::_exit(0);
  ::waitpid(gone, nullptr, 0);
  return concat(".tmp", gone);
}

/// The lines of metrics.jsonl without their times.
std::vector<nlohmann::json> lines(const fs::path& path) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    lines.push_back(nlohmann::json::parse(line));
    lines.back().erase("t");
  }
  return lines;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(run_folder)

BOOST_AUTO_TEST_CASE(new_folder_tells_what_runs_and_how_it_ended) {
  const TemporaryFolder folder;
  RunFolder run = open_new(folder.path() / "deep" / "er");
  BOOST_TEST(json_of(run.path() / "run.json")["exit"].is_null());
  run.describe("data", {{"digest", "abc"}});
  run.write_summary({{"loss", std::numeric_limits<double>::infinity()}});
  run.finish(4, "loss is nan");
  const auto facts = json_of(folder.path() / "deep/er/run.json");
  BOOST_TEST(facts["app"] == "search");
  BOOST_TEST(facts["run"] == "er");
  BOOST_TEST(facts["options"]["seed"] == 7);
  BOOST_TEST(facts["data"]["digest"] == "abc");
  BOOST_TEST(facts["exit"] == 4);
  BOOST_TEST(facts["error"] == "loss is nan");
  BOOST_TEST(facts["end"].is_string());
  BOOST_TEST(facts["threads"] >= 1);
  BOOST_TEST(json_of(run.path() / "summary.json")["loss"] == "inf");
  BOOST_TEST(content(run.path() / "config.ini").find("seed = 7\n") != std::string::npos);
  BOOST_TEST(run.file("checkpoints/last.safetensors").parent_path() == run.path() / "checkpoints");
  BOOST_TEST(fs::is_directory(run.path() / "checkpoints"));
}

BOOST_AUTO_TEST_CASE(existing_folder_is_refused_and_untouched) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "thesis.txt") << "years of work";
  const std::string out = "--out=" + folder.path().string();
  BOOST_CHECK_EXCEPTION(RunFolder::open("search", parse({out})), UsageError,
                        (Says{{folder.path().c_str(), "exists", "--resume", "--overwrite"}}));
  BOOST_CHECK_EXCEPTION(RunFolder::open("search", parse({out, "--overwrite"})), UsageError, Says{{"no run.json"}});
  BOOST_TEST(content(folder.path() / "thesis.txt") == "years of work");
  BOOST_TEST(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(overwrite_replaces_a_run_and_keeps_foreign_files) {
  const TemporaryFolder folder;
  const fs::path out = folder.path() / "run";
  {
    RunFolder old = open_new(out);
    old.metrics().append({{"loss", 1}});
    std::ofstream(old.file("checkpoints/last.safetensors")) << "old";
    std::ofstream(out / "notes.txt") << "mine";
  }
  RunFolder run = RunFolder::open("search", parse({"--overwrite", "--out=" + out.string() + "/"}));
  BOOST_TEST(content(out / "metrics.jsonl").empty());
  BOOST_TEST(!fs::exists(out / "checkpoints"));
  BOOST_TEST(content(out / "notes.txt") == "mine");
}

BOOST_AUTO_TEST_CASE(run_in_progress_is_neither_overwritten_nor_resumed) {
  const TemporaryFolder folder;
  RunFolder run = open_new(folder.path() / "run");
  const std::string path = run.path().string();
  BOOST_CHECK_EXCEPTION(RunFolder::open("search", parse({"--overwrite", "--out=" + path})), UsageError,
                        Says{{"another process"}});
  BOOST_CHECK_EXCEPTION(RunFolder::open("search", parse({"--resume=" + path})), UsageError, Says{{"another process"}});
}

BOOST_AUTO_TEST_CASE(what_a_run_killed_in_its_first_moments_leaves_is_as_good_as_none) {
  const std::string gone = dead_temporary();
  const std::vector<std::vector<std::string>> remains = {
      {}, {"run.json" + gone}, {"metrics.jsonl"}, {"metrics.jsonl", "run.json" + gone}, {"config.ini" + gone}};
  for (const std::vector<std::string>& files : remains) {
    for (const char* more : {"--quiet", "--overwrite"}) {
      const TemporaryFolder folder;
      for (const std::string& file : files)
        std::ofstream(folder.path() / file).flush();
      const RunFolder run = RunFolder::open("search", parse({"--out=" + folder.path().string(), more}));
      BOOST_TEST(json_of(run.path() / "run.json")["app"] == "search");
      BOOST_TEST(std::distance(fs::directory_iterator(folder.path()), {}) == 3);
    }
  }
}

BOOST_AUTO_TEST_CASE(remains_with_anything_else_among_them_are_no_free_folder) {
  const std::string gone = dead_temporary();
  for (const std::string& file :
       {std::string("notes.txt"), "notes.txt" + gone, std::string("run.json.tmp1"), std::string("checkpoints")}) {
    const TemporaryFolder folder;
    std::ofstream(folder.path() / ("run.json" + gone)) << "{";
    if (file == "checkpoints")
      fs::create_directory(folder.path() / file);
    else
      std::ofstream(folder.path() / file) << "mine";
    const std::string out = "--out=" + folder.path().string();
    BOOST_CHECK_EXCEPTION(RunFolder::open("search", parse({out})), UsageError, Says{{"exists"}});
    BOOST_CHECK_EXCEPTION(RunFolder::open("search", parse({out, "--overwrite"})), UsageError, Says{{"no run.json"}});
    BOOST_TEST(std::distance(fs::directory_iterator(folder.path()), {}) == 2);
  }
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "metrics.jsonl") << "{}\n";
  BOOST_CHECK_EXCEPTION(RunFolder::open("search", parse({"--out=" + folder.path().string()})), UsageError,
                        Says{{"exists"}});
}

BOOST_AUTO_TEST_CASE(a_folder_in_which_no_run_has_begun_is_not_resumed) {
  const TemporaryFolder folder;
  const std::string resume = "--resume=" + folder.path().string();
  BOOST_CHECK_EXCEPTION(parse({resume}), UsageError, (Says{{folder.path().c_str(), "config.ini", "--out"}}));
  BOOST_CHECK_EXCEPTION(parse({resume + "/nowhere"}), UsageError, (Says{{"nowhere", "Check the path"}}));
}

BOOST_AUTO_TEST_CASE(temporaries_of_killed_writers_go_when_a_run_is_resumed_or_replaced) {
  const std::string gone = dead_temporary();
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "run").string();
  for (const std::string& options : {"--resume=" + path, "--out=" + path}) {
    {
      const RunFolder run = RunFolder::open("search", parse({"--out=" + path, "--overwrite"}));
      for (const char* name : {"checkpoints/last.safetensors", "checkpoints/best.safetensors", "cells/normal.svg",
                               "run.json", "summary.json"})
        std::ofstream(run.file(name).string() + gone) << "half";
      for (const char* name : {"checkpoints/last.safetensors.tmp1", "notes.txt.tmp1", "checkpoints/notes.tmp"})
        std::ofstream(run.file(name)) << "mine";
      std::ofstream(run.file("notes.txt").string() + gone) << "mine";
    }
    std::vector<std::string> arguments = {options};
    if (options.starts_with("--out"))
      arguments.push_back("--overwrite");
    const RunFolder run = RunFolder::open("search", parse(arguments));
    std::vector<std::string> left;
    for (const auto& entry : fs::recursive_directory_iterator(run.path())) {
      if (entry.path().string().ends_with(gone))
        left.push_back(entry.path().filename());
    }
    BOOST_TEST(left == std::vector<std::string>{"notes.txt" + gone});
    BOOST_TEST(fs::exists(run.path() / "notes.txt.tmp1"));
    BOOST_TEST(fs::exists(run.path() / "checkpoints/last.safetensors.tmp1") == run.resumed());
    BOOST_TEST(fs::exists(run.path() / "checkpoints/notes.tmp") == run.resumed());
  }
}

BOOST_AUTO_TEST_CASE(a_folder_that_vanishes_in_mid_run_is_not_made_anew) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "run";
  const std::vector<std::function<void()>> vanishings = {
      [&] { fs::remove_all(path); },
      [&] { fs::rename(path, folder.path() / "moved"); },
      [&] {
        fs::rename(path, folder.path() / "old");
        open_new(path);
      },
      [&] { fs::remove(path / "metrics.jsonl"); },
  };
  for (const auto& vanish : vanishings) {
    fs::remove_all(path);
    RunFolder run = open_new(path);
    run.metrics().append({{"step", 1}});
    vanish();
    const auto before = fs::exists(path) ? std::distance(fs::recursive_directory_iterator(path), {}) : -1;
    const auto is_told = Says{{path.c_str(), "removed, renamed or replaced", "--resume"}};
    BOOST_TEST(!run.is_in_place());
    BOOST_CHECK_EXCEPTION(run.metrics().append({{"step", 2}}), Error, is_told);
    BOOST_CHECK_EXCEPTION(run.file("checkpoints/last.safetensors"), Error, is_told);
    BOOST_CHECK_EXCEPTION(Checkpoints(run).save("last", {}), Error, is_told);
    BOOST_CHECK_EXCEPTION(run.describe("data", {}), Error, is_told);
    BOOST_CHECK_EXCEPTION(run.write_summary({}), Error, is_told);
    BOOST_CHECK_EXCEPTION(run.finish(0, ""), Error, is_told);
    BOOST_TEST((fs::exists(path) ? std::distance(fs::recursive_directory_iterator(path), {}) : -1) == before);
  }
}

BOOST_AUTO_TEST_CASE(what_describes_a_run_is_refused_where_it_harms) {
  const TemporaryFolder folder;
  const fs::path path = open_new(folder.path() / "run").path();
  const Options resume = parse({"--resume=" + path.string()});
  const std::string good = content(path / "run.json");
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  for (const std::string& bad : {deep, "{\"app\":\"search\",\"x\":" + deep + "}", std::string(), std::string("[]"),
                                 std::string("{\"app\":7}"), "{\"app\":\"train\"," + good.substr(1)}) {
    std::ofstream(path / "run.json") << bad;
    BOOST_CHECK_EXCEPTION(RunFolder::open("search", resume), CheckpointError,
                          (Says{{"run.json", "cannot be resumed", "--config"}}));
  }
}

BOOST_AUTO_TEST_CASE(resumed_metrics_equal_those_of_an_uninterrupted_run) {
  const TemporaryFolder folder;
  const auto record = [](RunFolder& run, int first, int last) {
    for (int step = first; step < last; ++step)
      run.metrics().append({{"step", step}, {"loss", 1.0 / (step + 1)}});
  };
  RunFolder whole = open_new(folder.path() / "a" / "run");
  record(whole, 0, 6);
  std::uint64_t checkpoint = 0;
  {
    RunFolder run = open_new(folder.path() / "b" / "run");
    record(run, 0, 3);
    checkpoint = run.metrics().sync();
    record(run, 3, 5);  // lost: written after the checkpoint
    std::ofstream(run.path() / "metrics.jsonl", std::ios::app) << "{\"step\":5,\"lo";
  }
  RunFolder run = RunFolder::open("search", parse({"--resume=" + (folder.path() / "b" / "run").string()}));
  BOOST_TEST(run.resumed());
  run.metrics().cut_back(checkpoint);
  record(run, 3, 6);
  BOOST_CHECK(lines(run.path() / "metrics.jsonl") == lines(whole.path() / "metrics.jsonl"));
  const auto facts = json_of(run.path() / "run.json");
  BOOST_TEST(facts["resumed"].size() == 1U);
  BOOST_TEST(facts["options"]["seed"] == 7);
}

BOOST_AUTO_TEST_CASE(checkpoint_beyond_or_inside_a_line_is_refused) {
  const TemporaryFolder folder;
  Metrics metrics(folder.path() / "metrics.jsonl", "run");
  metrics.append({{"step", 1}});
  const std::uint64_t length = metrics.sync();
  BOOST_CHECK_EXCEPTION(metrics.cut_back(length + 1), CheckpointError, Says{{"bytes, but the checkpoint"}});
  BOOST_CHECK_EXCEPTION(metrics.cut_back(length - 1), CheckpointError, Says{{"inside a line"}});
  BOOST_TEST(fs::file_size(folder.path() / "metrics.jsonl") == length);
}

BOOST_AUTO_TEST_CASE(metrics_lines_have_version_time_and_run_and_spell_non_finite_numbers) {
  const TemporaryFolder folder;
  Metrics metrics(folder.path() / "metrics.jsonl", "a run");
  metrics.append(
      {{"loss", std::numeric_limits<double>::quiet_NaN()}, {"top1", {0.5, -std::numeric_limits<double>::infinity()}}});
  const std::string line = content(folder.path() / "metrics.jsonl");
  BOOST_TEST(line.starts_with("{\"v\":1,\"t\":"));
  BOOST_TEST(line.ends_with(",\"run\":\"a run\",\"loss\":\"nan\",\"top1\":[0.5,\"-inf\"]}\n"));
}

BOOST_AUTO_TEST_CASE(full_disk_is_an_error_with_path_and_reason) {
  Metrics metrics("/dev/full", "run");
  BOOST_CHECK_EXCEPTION(metrics.append({{"step", 1}}), Error, (Says{{"/dev/full", "No space left on device"}}));
}

BOOST_AUTO_TEST_CASE(folder_that_cannot_be_created_is_an_error) {
  BOOST_CHECK_EXCEPTION(open_new("/proc/no/run"), Error, (Says{{"/proc/no/run", "Choose another --out"}}));
}

BOOST_AUTO_TEST_CASE(resume_refuses_other_programs_and_damaged_folders) {
  const TemporaryFolder folder;
  const fs::path path = open_new(folder.path() / "run").path();
  const Options resume = parse({"--resume=" + path.string()});
  BOOST_CHECK_EXCEPTION(RunFolder::open("train", resume), UsageError, (Says{{"ockham-search", "ockham-train"}}));
  BOOST_CHECK_EXCEPTION(RunFolder::open("search", parse({"--resume=" + path.string(), "--overwrite"})), UsageError,
                        Says{{"drop --out and --overwrite"}});
  std::ofstream(path / "run.json") << "{\"app\": ";
  BOOST_CHECK_EXCEPTION(RunFolder::open("search", resume), CheckpointError, (Says{{"run.json", "damaged"}}));
}

BOOST_AUTO_TEST_CASE(a_position_counts_in_whole_numbers_that_a_run_can_reach) {
  BOOST_TEST(count_of({{"epoch", 3u}}, "epoch") == 3);
  BOOST_TEST(count_of({{"epoch", 3u}}, "batch") == 0);
  const std::int64_t most = std::int64_t{1} << 48;
  BOOST_TEST(count_of({{"epoch", static_cast<std::uint64_t>(most)}}, "epoch") == most);
  BOOST_CHECK_THROW(count_of({{"epoch", static_cast<std::uint64_t>(most) + 1}}, "epoch"), CheckpointError);
  for (const char* bad : {"-1", "1000.5", "\"3\"", "null", "18446744073709551615", "[]"})
    BOOST_CHECK_EXCEPTION(count_of({{"epoch", nlohmann::ordered_json::parse(bad)}}, "epoch"), CheckpointError,
                          (Says{{"epoch", bad, "damaged"}}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
