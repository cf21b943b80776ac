// A reference folder of two nodes made here, whole and damaged.
#include "nas/oracle/oracle_folder.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/npy.h"
#include "nas/oracle/oracle.h"
#include "tests/apps/program.h"

using namespace ockham;
using namespace ockham::nas;
using nlohmann::json;
using ockham::test::Says;

namespace {

/// logits = x w^T + b for two samples; correct, until a test damages it.
class Folder {
 public:
  Folder() {
    manifest = {{"format", 1},
                {"alpha_names", json::array()},
                {"shared_names", json::array()},
                {"share", json::array()},
                {"files", json::object()},
                {"program",
                 {{{"id", 0}, {"op", "input"}, {"name", "input"}, {"in", json::array()}},
                  {{"id", 7}, {"op", "linear"}, {"name", "classifier"}, {"w", "w"}, {"b", "b"}, {"in", {0}}}}}};
    put("input", Tensor::from({1.0, 2.0, 3.0, -1.0}, {2, 2}));
    put("labels", Tensor::from<std::int64_t>({0, 1}, {2}));
    put("alpha", Tensor::zeros({0}, DType::kFloat64));
    put("param/w", Tensor::from({1.0, 0.0, 2.0, -1.0}, {2, 2}));
    put("param/b", Tensor::from({0.5, 0.0}, {2}));
    put("eval/logits", Tensor::from({1.5, 0.0, 3.5, 7.0}, {2, 2}));
  }

  void put(const std::string& name, const Tensor& value) {
    std::string file = name + ".npy";
    std::ranges::replace(file, '/', '_');
    save_npy(folder_.path() / file, value);
    std::vector<std::int64_t> shape(value.shape().sizes().begin(), value.shape().sizes().end());
    manifest["files"][name] = {{"file", file}, {"shape", shape}, {"dtype", concat(value.dtype())}};
  }
  /// Writes the manifest and compares.
  OracleReport check() {
    write();
    return check_oracle(OracleFolder(path()), DType::kFloat64);
  }
  void write() { std::ofstream(path() / "manifest.json") << manifest; }
  const std::filesystem::path& path() const { return folder_.path(); }

  json manifest;

 private:
  ockham::test::TemporaryFolder folder_;
};

void check_refused(Folder& folder, std::initializer_list<std::string_view> parts) {
  BOOST_CHECK_EXCEPTION(folder.check(), CheckpointError, Says{parts});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(oracle_folder)

BOOST_AUTO_TEST_CASE(a_correct_folder_passes) {
  Folder folder;
  const OracleReport report = folder.check();
  BOOST_REQUIRE(report.checks.size() == 1u);
  BOOST_TEST(report.checks[0].group == "eval/logits");
  BOOST_TEST(report.checks[0].passed());
}

BOOST_AUTO_TEST_CASE(a_wrong_or_unfinished_number_fails) {
  for (const double wrong : {7.0 + 1e-9, std::nan("")}) {
    Folder folder;
    folder.put("eval/logits", Tensor::from({1.5, 0.0, 3.5, wrong}, {2, 2}));
    const OracleReport report = folder.check();
    BOOST_TEST(!report.checks.at(0).passed());
    BOOST_TEST(report.checks.at(0).worst == "eval/logits");
  }
}

BOOST_AUTO_TEST_CASE(arrays_that_nothing_computes_are_listed) {
  Folder folder;
  folder.put("eval/hess_of_tomorrow", Tensor::from({1.0}, {1}));
  BOOST_TEST(folder.check().unknown == std::vector<std::string>{"eval/hess_of_tomorrow"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_folder_without_reference_arrays_is_refused) {
  Folder folder;
  folder.manifest["files"].erase("eval/logits");
  check_refused(folder, {"no array that can be compared"});
}

BOOST_AUTO_TEST_CASE(damaged_manifests_are_refused_with_the_rule) {
  const auto damaged = [](const auto& damage) {
    Folder folder;
    damage(folder.manifest);
    try {
      folder.check();
    } catch (const CheckpointError& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  const std::vector<std::pair<std::function<void(json&)>, std::string>> cases = {
      {[](json& m) { m["format"] = 2; }, "format 2"},
      {[](json& m) { m["format"] = "one"; }, "damaged"},
      {[](json& m) { m.erase("program"); }, "program"},
      {[](json& m) { m["program"] = json::array(); }, "empty program"},
      {[](json& m) { m["program"][1]["in"] = {1}; }, "node classifier read node 1"},
      {[](json& m) { m["program"][1]["in"] = {7}; }, "node classifier read node 7"},
      {[](json& m) { m["program"][1]["in"] = json::array(); }, "the first node and no other"},
      {[](json& m) { m["program"][1]["id"] = 0; }, "two nodes"},
      {[](json& m) { m["program"][1]["op"] = "attention"; }, "unknown op 'attention'"},
      {[](json& m) { m["program"][1].erase("b"); }, "no parameter 'b'"},
      {[](json& m) { m["program"][1]["w"] = "nowhere"; }, "no array param/nowhere"},
      {[](json& m) { m["program"][1]["w"] = "b"; }, "node 1 (classifier) does not fit"},
      {[](json& m) { m["files"]["input"]["file"] = "../input.npy"; }, "no plain file name"},
      {[](json& m) { m["files"]["input"]["file"] = "absent.npy"; }, "absent.npy"},
      {[](json& m) { m["files"]["input"]["shape"] = {4}; }, "not the float64[4]"},
      {[](json& m) { m["files"]["input"]["dtype"] = "float32"; }, "not the float32[2,2]"},
      {[](json& m) { m["share"] = {0}; }, "maps 1 switches"},
      {[](json& m) { m["alpha_names"] = {"a"}, m["share"] = {0}; }, "shared switch 0 of 0"},
  };
  for (const auto& [damage, rule] : cases) {
    const std::string message = damaged(damage);
    BOOST_CHECK_MESSAGE(message.find(rule) != std::string::npos, "'" << message << "' lacks '" << rule << "'");
  }
}

BOOST_AUTO_TEST_CASE(labels_outside_the_classes_are_refused) {
  Folder folder;
  folder.put("labels", Tensor::from<std::int64_t>({0, 5}, {2}));
  check_refused(folder, {"labels do not fit", "5"});
}

BOOST_AUTO_TEST_CASE(the_program_ends_with_0_1_2_or_6) {
  Folder folder;
  folder.write();
  const auto run = [&] { return ockham::test::run_program(folder.path(), "oracle-check", ". --json --quiet"); };
  const ockham::test::Outcome good = run();
  BOOST_TEST(good.exit_code == 0);
  BOOST_TEST(good.out.find("every array agrees") != std::string::npos);
  folder.put("eval/logits", Tensor::from({1.5, 0.0, 3.5, 7.5}, {2, 2}));
  const ockham::test::Outcome wrong = run();
  BOOST_TEST(wrong.exit_code == 1);
  BOOST_TEST(wrong.out.find("FAIL: eval/logits") != std::string::npos);
  std::ofstream(folder.path() / "manifest.json") << "{\"format\": 1";
  BOOST_TEST(run().exit_code == 6);
  std::filesystem::remove(folder.path() / "manifest.json");
  BOOST_TEST(run().exit_code == 6);
  BOOST_TEST(ockham::test::run_program(folder.path(), "oracle-check", "").exit_code == 2);
}

BOOST_AUTO_TEST_SUITE_END()
