// report.html: what it shows of a run's folder, whatever lies in it, and that a browser shows it. labels: slow
#include "apps/runs/page/run_page.h"

#include "apps/report/base64.h"
#include "apps/report/confusion_matrix.h"
#include "apps/runs/page/nas_checklist.h"
#include "apps/runs/page/predictions.h"
#include "data/image/decode.h"
#include "data/image/encode.h"
#include "tests/apps/html.h"
#include "tests/apps/program.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using test::contains;
using test::content;
using test::ends_with;
using test::Program;
using test::run_program;
using test::TemporaryFolder;

const std::string kHostile = "<script>alert('1')</script> & \"|`x`\n](y)";

std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Three images of 3 x 2 x 2 in two classes.
data::MemoryDataset three_images() {
  std::vector<std::uint8_t> pixels(36);
  std::iota(pixels.begin(), pixels.end(), std::uint8_t{0});
  return {"tiny", {"cat", kHostile}, {3, 2, 2}, pixels, {0, 1, 0}};
}

Json predictions_of_three() {
  Predictions predictions;
  // Right, wrong by a little, wrong by much.
  predictions.take(Tensor::from<float>({2.0F, 0.0F, 1.0F, 0.0F}, {2, 2}), Tensor::from<std::int64_t>({0, 1}, {2}));
  predictions.take(Tensor::from<float>({0.0F, 3.0F}, {1, 2}), Tensor::from<std::int64_t>({0}, {1}));
  return predictions.facts(three_images(), "test");
}

/// A run's folder with something hostile in every text.
struct HostileRun : TemporaryFolder {
  HostileRun() {
    write("run.json", Json{{"app", "search"},
                           {"version", "1"},
                           {"commit", "abc-dirty"},
                           {"arguments", {"--data=" + kHostile}},
                           {"options", {{"method", kHostile}, {"space", "darts"}, {"seed", 3}}},
                           {"device", kHostile},
                           {"data", {{"name", kHostile}, {"classes", 2}, {"test", {{"images", 3}, {"digest", "d"}}}}},
                           {"exit", 4},
                           {"error", kHostile}}
                          .dump());
    write("config.ini", "data = " + kHostile);
    write("summary.json", Json{{"cell", kHostile}, {"test_accuracy", 0.5}}.dump());
    write("cell.txt", kHostile);
    write("posterior.json", Json{{"groups", {{{"choice", kHostile}, {"option", "skip"}, {"mean", 0.125}}}}}.dump());
    write("predictions.json", predictions_of_three().dump());
    write("metrics.jsonl",
          "{\"step\":1,\"split\":\"train\",\"loss\":2.0,\"top1\":0.25,\"lr\":0.1}\n"
          "{\"step\":2,\"split\":\"train\",\"loss\":1.0,\"top1\":0.5,\"lr\":0.05}\n"
          "{\"step\":2,\"split\":\"valid\",\"loss\":\"nan\",\"top1\":0.5,\"<b>\":3}\n"
          "[1]\nno json\n{\"step\":\"x\",\"split\":5}\n");
    fs::create_directory(path() / "cells");
    write("cells/normal.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"><rect/></svg>");
    write("cells/evil.svg", "<b>");
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path() / name) << text; }
  std::string html() const { return to_html(page_of(path())); }
};

std::string chromium() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (std::system((std::string("command -v ") + name + " >/dev/null 2>&1").c_str()) == 0)
      return name;
  }
  return "";
}

const std::string kTrain =
    "--genotype DARTS_V1 --train-size 32 --valid-size 16 --test-size 40 --image-size 16 --channels 2 --cells 3 "
    "--batch-size 8 ";
const std::string kSearchAlone =
    "--train-size 96 --test-size 16 --image-size 16 --channels 2 --nodes 2 --cells 3 --batch-size 8 "
    "--warmup-fraction 0.25 --hessian-size 8 --out search ";
const std::string kSearch = kSearchAlone + "--valid-size 16 ";
const std::string kShared =
    "--space nasbench201 --channels 4 --cells 1 --train-size 48 --test-size 16 --image-size 16 --batch-size 8 "
    "--epochs 1 --score-size 12 --out shared --overwrite --method ";

}  // namespace

BOOST_AUTO_TEST_SUITE(run_page)

BOOST_AUTO_TEST_CASE(base64_is_that_of_rfc_4648) {
  for (const auto& [text, coded] : {std::pair("", ""),
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}})
    BOOST_TEST(base64(as_bytes(text)) == coded);
  BOOST_TEST(base64(as_bytes("\xff\xff\xff")) == "////");
}

BOOST_AUTO_TEST_CASE(png_decodes_to_the_pixels_that_were_encoded) {
  for (const std::int64_t channels : {1, 3}) {
    data::Picture picture{{channels, 3, 5}, std::vector<std::uint8_t>(static_cast<std::size_t>(channels * 15))};
    for (std::size_t i = 0; i < picture.pixels.size(); ++i)
      picture.pixels[i] = static_cast<std::uint8_t>(i * 37);
    const data::Picture decoded = data::decode_picture("test", data::encode_png(picture));
    BOOST_REQUIRE(decoded.shape == (data::ImageShape{3, 3, 5}));
    for (std::int64_t i = 0; i < 45; ++i)
      BOOST_TEST(decoded.pixels[static_cast<std::size_t>(i)] ==
                 picture.pixels[static_cast<std::size_t>(i % (channels * 15))]);
  }
  BOOST_CHECK_THROW(static_cast<void>(data::encode_png({{2, 1, 1}, {0, 0}})), std::invalid_argument);
  BOOST_CHECK_THROW(static_cast<void>(data::encode_png({{3, 1, 1}, {0, 0}})), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(predictions_count_confusions_and_keep_the_worst_first) {
  const Json facts = predictions_of_three();
  BOOST_TEST(facts["images"] == 3);
  BOOST_TEST(facts["confusion"] == Json::parse("[[0,0,1],[0,1,1],[1,0,1]]"));
  BOOST_REQUIRE(facts["worst"].size() == 2u);  // the image that is right is none of them
  BOOST_TEST(facts["worst"][0]["image"] == 2);
  BOOST_TEST(facts["worst"][0]["predicted"] == 1);
  BOOST_TEST(facts["worst"][0]["loss"].get<double>() == std::log1p(std::exp(3.0)), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(facts["worst"][0]["probability"].get<double>() == 1.0 / (1.0 + std::exp(-3.0)),
             boost::test_tools::tolerance(1e-12));
  BOOST_TEST(facts["worst"][1]["image"] == 1);
  Predictions none;
  none.take(Tensor::from<float>({std::nanf(""), 0.0F}, {1, 2}), Tensor::from<std::int64_t>({1}, {1}));
  BOOST_CHECK_THROW(none.facts(three_images(), "test"), std::logic_error);  // two images are missing
}

BOOST_AUTO_TEST_CASE(confusion_matrix_is_well_formed_and_tells_shares) {
  const std::string svg = confusion_matrix({"cat", kHostile}, {{3, 1}, {0, 0}});
  BOOST_TEST(test::html_complaint(svg) == "");
  BOOST_TEST(contains(svg, "cat taken for cat: 3, 75 %"));
  BOOST_TEST(contains(svg, "fill-opacity=\"0.750\""));
  BOOST_TEST(!contains(svg, "<script"));
}

BOOST_FIXTURE_TEST_CASE(page_is_well_formed_and_escapes_whatever_the_folder_says, HostileRun) {
  const std::string page = html();
  BOOST_TEST(test::html_complaint(page) == "");
  for (const char* part : {"<script", "href=", "@import", "url(", "alert('", "<b>", "<i>"})
    BOOST_TEST(!contains(page, part), part);
  for (const char* part :
       {"<h2>What ran</h2>", "<h2>Results</h2>", "<h2>Curves</h2>", "<h2>Cells</h2>", "<h2>Posterior</h2>",
        "<h2>Classes of the test images</h2>", "<h2>Confusions</h2>", "<h2>Worst images</h2>",
        "<h2>Checklist for research on architecture search</h2>", "<h2>How to go on</h2>", "<h2>Options</h2>",
        "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;", "exit code 4", "--resume", "0.125",
        "src=\"data:image/png;base64,iVBOR", "prefers-color-scheme: dark", "default-src 'none'",
        "differ from commit abc:"})
    BOOST_TEST(contains(page, part), part);
}

BOOST_FIXTURE_TEST_CASE(evidence_is_shown_as_bars_correlations_and_reasons, HostileRun) {
  const auto group = [](const std::string& option, double strength, double kept) {
    return Json{{"choice", kHostile}, {"option", option},   {"strength", strength},         {"block", 2.0 * strength},
                {"kept", kept},       {"reason", kHostile}, {"copies", {{"switch", {1.0}}}}};
  };
  Json posterior{{"rule", "joint-evidence"},
                 {"threshold", 3.0},
                 {"evidence", 41.5},
                 {"groups", {group("skip", 7.25, 1.0), group("pool", 0.5, 0.0), group("origin", 4.0, 1.0)}},
                 {"correlation", {{"groups", {0, 2}}, {"matrix", {{1.0, -0.75}, {-0.75, 1.0}}}}},
                 {"rounds", {{{"round", 1}, {"pruned", 7}}, {{"round", 2}, {"evidence_per_image", -1.375}}}}};
  write("posterior.json", posterior.dump());
  const std::string page = html();
  BOOST_TEST(test::html_complaint(page) == "");
  BOOST_TEST(!contains(page, "<script"));
  for (const char* part :
       {"Pruned at strengths up to 3 nats. The evidence of all together is 41.5 nats.", "<h2>Strengths</h2>",
        "class=\"bar\"", "class=\"outline\"", ">8</text>", "<h2>What stands in for what</h2>", ": -0.750</title>",
        "fill-opacity=\"0.750\"", "<h2>Why</h2>", "<h2>Rounds</h2>", "-1.375"})
    BOOST_TEST(contains(page, part), part);
  posterior["correlation"]["groups"] = {0, 7};
  write("posterior.json", posterior.dump());
  BOOST_TEST(contains(html(), "posterior.json cannot be shown"));
}

BOOST_FIXTURE_TEST_CASE(the_path_to_a_budget_is_drawn_and_told, HostileRun) {
  const auto point = [](double lambda, int kept) {
    return Json{{"lambda", lambda}, {"kept", kept}, {"params", 100 * kept}, {"macs", 1000 * kept}, {"evidence", 2.5}};
  };
  Json posterior{{"groups", {{{"choice", kHostile}, {"option", "skip"}, {"mean", 0.125}}}},
                 {"path",
                  {{"knob", "lambda"},
                   {"limits", {{"max-params", 250}}},
                   {"chosen", 1},
                   {"points", {point(1.0, 1), point(0.1, 2), point(0.01, 3)}}}}};
  write("posterior.json", posterior.dump());
  const std::string page = html();
  BOOST_TEST(test::html_complaint(page) == "");
  for (const char* part :
       {"<h2>Sparsity to order</h2>", "within --max-params 250, of 3 tried is that of lambda 0.1",
        "2 groups, 200 parameters and 2,000 multiply-accumulates", "log10 lambda", "groups kept", "evidence, nats"})
    BOOST_TEST(contains(page, part), part);
  BOOST_TEST(!contains(page, "latency, ms"));
  posterior["path"]["chosen"] = 3;
  write("posterior.json", posterior.dump());
  BOOST_TEST(contains(html(), "posterior.json cannot be shown"));
}

BOOST_FIXTURE_TEST_CASE(damaged_files_are_named_and_the_rest_is_shown, HostileRun) {
  write("posterior.json", "{\"groups\": 3}");
  write("summary.json", "{");
  for (const char* bad : {"[]", "{\"split\":\"test\",\"classes\":[\"a\"],\"confusion\":[[0,7,1]],\"worst\":[]}",
                          "{\"split\":\"test\",\"classes\":[\"a\"],\"confusion\":[[0,-1,1]],\"worst\":[]}",
                          "{\"split\":\"test\",\"classes\":[\"a\"],\"confusion\":[],\"worst\":[3]}"}) {
    write("predictions.json", bad);
    const std::string page = html();
    BOOST_TEST(test::html_complaint(page) == "");
    for (const char* file : {"posterior.json", "summary.json", "predictions.json"})
      BOOST_TEST(contains(page, std::string(file) + " cannot be shown"), bad << ": " << file);
    BOOST_TEST(contains(page, "<h2>Curves</h2>"));
  }
  write("run.json", "{");
  BOOST_CHECK_THROW(html(), CheckpointError);
}

BOOST_AUTO_TEST_CASE(checklist_claims_nothing_that_the_run_does_not_know) {
  const Json run{{"version", "1"}, {"commit", ""}, {"options", {{"method", "random"}, {"seed", 7}}}};
  const TextTable table = nas_checklist(run, nullptr);
  BOOST_TEST(table.rows.size() == 16u);  // five, eight and three of the paper
  for (const auto& row : table.rows) {
    BOOST_TEST(row.size() == 3u);
    if (row[0].starts_with("1a"))
      BOOST_TEST(contains(row[2], "the commit is not known"));
    if (row[0].starts_with("2f"))
      BOOST_TEST(row[1] == "it is random search");
    if (row[0].starts_with("2g"))
      BOOST_TEST(row[1] == "one run");
    if (row[0].starts_with("3a"))
      BOOST_TEST(row[1] == "not known");
    if (row[0].starts_with("3b"))
      BOOST_TEST(row[1] == "not yet");
  }
}

BOOST_FIXTURE_TEST_CASE(runs_leave_a_page_whether_they_end_stop_or_fail, TemporaryFolder) {
  const fs::path page = path() / "run/report.html";
  Program program(path(), "train", kTrain + "--epochs 100000 --out run");
  BOOST_TEST(program.wait_until([&] { return contains(content(path() / "run/metrics.jsonl"), "\n"); }));
  program.send(SIGTERM);
  BOOST_TEST(program.wait().exit_code == 75);
  BOOST_TEST(contains(content(page), "Stopped on request"));
  BOOST_TEST(contains(content(page), "ockham-train --resume run"));
  BOOST_TEST(ends_with(run_program(path(), "train", kTrain + "--epochs 2 --lr 1e30 --out run --overwrite"), 4, {}));
  BOOST_TEST(contains(content(page), "exit code 4"));
  BOOST_TEST(run_program(path(), "train", kTrain + "--epochs 2 --out run --overwrite").exit_code == 0);
  const std::string html = content(page);
  BOOST_TEST(test::html_complaint(html) == "");
  for (const char* part : {"Finished at", "<h2>Confusions</h2>", "<h2>Worst images</h2>", "ockham-evaluate run",
                           "--genotype=DARTS_V1", "SHA-256", "learning rate"})
    BOOST_TEST(contains(html, part), part);
  BOOST_TEST(!contains(html, "--momentum"));                                // has its default
  BOOST_TEST(run_program(path(), "train", "--resume run").exit_code == 0);  // it was finished
  BOOST_TEST(contains(content(page), "<h2>Worst images</h2>"));
}

BOOST_FIXTURE_TEST_CASE(an_evaluation_leaves_a_page_where_it_is_asked_for_one, TemporaryFolder) {
  BOOST_REQUIRE(run_program(path(), "train", kTrain + "--epochs 1 --out run").exit_code == 0);
  BOOST_REQUIRE(run_program(path(), "evaluate", "run --split valid --json").exit_code == 0);
  BOOST_TEST(!fs::exists(path() / "runs"));  // it was not asked
  const test::Outcome done = run_program(path(), "evaluate", "run --split valid --out page --json");
  BOOST_REQUIRE(done.exit_code == 0);
  const std::string html = content(path() / "page/report.html");
  BOOST_TEST(test::html_complaint(html) == "");
  for (const char* part : {"Finished at", "ockham-evaluate --", "<h2>Classes of the valid images</h2>", "accuracy %",
                           "<h2>Confusions</h2>", "<h2>Worst images</h2>", "SHA-256", "Do it once more, elsewhere:"})
    BOOST_TEST(contains(html, part), part);
  for (const char* part : {"--seed N", "--resume", "Checklist"})
    BOOST_TEST(!contains(html, part), part);
  const Json predictions = Json::parse(content(path() / "page/predictions.json"));
  std::int64_t right = 0;
  for (const auto& cell : predictions["confusion"])
    right += cell[0] == cell[1] ? cell[2].get<std::int64_t>() : 0;
  BOOST_TEST(static_cast<double>(right) / 16.0 == test::summary(done)["accuracy"].get<double>());
  // The page repeats itself, and nothing is lost by mistake.
  BOOST_TEST(run_program(path(), "evaluate", "--config page/config.ini --out again").exit_code == 0);
  BOOST_TEST(content(path() / "again/predictions.json") == content(path() / "page/predictions.json"));
  BOOST_TEST(ends_with(run_program(path(), "evaluate", "run --out page"), 2,
                       {"page exists. Choose another --out or replace it with --overwrite."}));
  BOOST_TEST(run_program(path(), "evaluate", "run --out page --overwrite").exit_code == 0);
  BOOST_TEST(contains(content(path() / "page/report.html"), "<h2>Classes of the test images</h2>"));
}

BOOST_FIXTURE_TEST_CASE(a_search_shows_what_its_network_says_or_that_none_was_tested, TemporaryFolder) {
  BOOST_REQUIRE(run_program(path(), "search", kSearch).exit_code == 0);
  std::string html = content(path() / "search/report.html");
  BOOST_TEST(test::html_complaint(html) == "");
  for (const char* part :
       {"<h2>Predictions of the search network</h2>", "<h2>Classes of the held-out images</h2>", "<h2>Confusions</h2>"})
    BOOST_TEST(contains(html, part), part);
  BOOST_TEST(Json::parse(content(path() / "search/predictions.json"))["images"] == 16);
  BOOST_REQUIRE(run_program(path(), "search", kSearchAlone + "--valid-size 0 --overwrite").exit_code == 0);
  html = content(path() / "search/report.html");
  BOOST_TEST(contains(html, "held no images back"));
  BOOST_TEST(!fs::exists(path() / "search/predictions.json"));
  for (const char* method : {"darts", "random", "pgnas"}) {
    BOOST_REQUIRE(run_program(path(), "search", kShared + method).exit_code == 0);
    BOOST_TEST(Json::parse(content(path() / "shared/predictions.json"))["images"] == 12, method);
  }
}

BOOST_FIXTURE_TEST_CASE(chromium_shows_the_page_without_a_complaint, TemporaryFolder) {
  const std::string browser = chromium();
  if (browser.empty())
    return test::skip("there is no chromium; Debian's package of that name has it");
  BOOST_REQUIRE(run_program(path(), "train", kTrain + "--epochs 2 --out train").exit_code == 0);
  BOOST_REQUIRE(run_program(path(), "search", kSearch).exit_code == 0);
  BOOST_REQUIRE(run_program(path(), "evaluate", "train --out evaluate").exit_code == 0);
  for (const std::string run : {"train", "search", "evaluate"}) {
    const std::string place = "cd '" + path().string() + "' && ";
    const std::string command =
        place + "timeout 120 " + browser +
        " --headless --no-sandbox --disable-gpu --user-data-dir=profile --enable-logging=stderr "
        "--window-size=1200,6000 ";
    const std::string page = "\"file://$PWD/" + run + "/report.html\"";
    BOOST_REQUIRE(std::system((command + "--dump-dom " + page + " >dom.html 2>browser.log").c_str()) == 0);
    BOOST_TEST(!contains(content(path() / "browser.log"), "CONSOLE"), content(path() / "browser.log"));
    const std::string dom = content(path() / "dom.html");
    for (const char* part :
         {"<h2>What ran</h2>", "<h2>Confusions</h2>", "<figcaption>", "<h2>How to go on</h2>", "<svg", "</html>"})
      BOOST_TEST(contains(dom, part), run << ": " << part);
    BOOST_TEST(contains(dom, "<h2>Curves</h2>") == (run != "evaluate"), run);
    BOOST_TEST(contains(dom, "<h2>Posterior</h2>") == (run == "search"), run);
    BOOST_REQUIRE(std::system((command + "--screenshot=page.png " + page + " >/dev/null 2>&1").c_str()) == 0);
    const std::string png = content(path() / "page.png");
    const data::Picture picture = data::decode_picture("page.png", as_bytes(png));
    BOOST_TEST(picture.shape.width == 1200);
    BOOST_TEST(std::ranges::count(picture.pixels, picture.pixels.front()) < std::ssize(picture.pixels));  // not blank
    if (const char* kept = std::getenv("OCKHAM_KEEP_PAGES"); kept != nullptr)
      fs::copy_file(path() / "page.png", fs::path(kept) / (run + ".png"), fs::copy_options::overwrite_existing);
  }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
