// The small programs as a user's shell runs them: exit codes, and what goes to which stream.
#include "tests/apps/program.h"

namespace ockham {
namespace {

using test::contains;
using test::Outcome;
using test::run_program;
using test::summary;
using test::TemporaryFolder;
using test::write_small_cifar;

}  // namespace

BOOST_AUTO_TEST_SUITE(programs)

BOOST_AUTO_TEST_CASE(dataset_info_tells_where_the_official_archive_is) {
  const TemporaryFolder folder;
  const Outcome outcome = run_program(folder.path(), "dataset", "info --dataset cifar10 --json");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(summary(outcome)["official"][0]["bytes"] == 170052171);
  BOOST_TEST(summary(outcome)["official"][0]["md5"] == "c32a1d4ab5d03f1284b67883e8d87530");
}

BOOST_AUTO_TEST_CASE(dataset_verify_counts_labels_of_sound_data) {
  const TemporaryFolder folder;
  write_small_cifar(folder.path());
  const Outcome outcome = run_program(folder.path(), "dataset", "verify --dataset cifar10 --data . --json");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(summary(outcome)["sound"] == true);
  BOOST_TEST(summary(outcome)["train"]["images"] == 10);
  BOOST_TEST(summary(outcome)["train"]["label_counts"][2] == 5);
}

BOOST_AUTO_TEST_CASE(damaged_or_missing_data_ends_with_5) {
  const TemporaryFolder folder;
  BOOST_TEST(run_program(folder.path(), "dataset", "verify --dataset cifar10").exit_code == 5);
  BOOST_TEST(run_program(folder.path(), "dataset", "verify --dataset cifar10 --data .").exit_code == 5);
  write_small_cifar(folder.path());
  std::filesystem::resize_file(folder.path() / "data_batch_3.bin", 6000);
  const Outcome cut = run_program(folder.path(), "dataset", "verify --dataset cifar10 --data .");
  BOOST_TEST(cut.exit_code == 5);
  BOOST_TEST(contains(cut.err, "data_batch_3.bin"));
  BOOST_TEST(contains(cut.err, "6000"));
}

BOOST_AUTO_TEST_CASE(dataset_sample_writes_a_png_and_spares_existing_files) {
  const TemporaryFolder folder;
  BOOST_TEST(run_program(folder.path(), "dataset", "sample sheet.png --count 4").exit_code == 0);
  const std::string png = test::content(folder.path() / "sheet.png");
  BOOST_TEST(png.starts_with("\x89PNG"));
  BOOST_TEST(run_program(folder.path(), "dataset", "sample sheet.png --count 9").exit_code == 2);
  BOOST_TEST(test::content(folder.path() / "sheet.png") == png);
}

BOOST_AUTO_TEST_CASE(genotype_survives_conversion_to_json_and_back) {
  const TemporaryFolder folder;
  const Outcome json = run_program(folder.path(), "genotype", "convert DARTS_V2");
  std::ofstream(folder.path() / "a.json") << json.out;
  const Outcome direct = run_program(folder.path(), "genotype", "convert DARTS_V2 --to darts");
  for (const char* dialect : {"pt-darts", "xautodl", "aw-nas", "nni"}) {
    std::ofstream(folder.path() / "b.txt")
        << run_program(folder.path(), "genotype", std::string("convert DARTS_V2 --to ") + dialect).out;
    BOOST_TEST(run_program(folder.path(), "genotype", "convert b.txt --to darts").out == direct.out);
  }
  const Outcome back = run_program(folder.path(), "genotype", "convert a.json --to darts");
  BOOST_TEST(direct.out.starts_with("Genotype(normal=[('sep_conv_3x3', 0), "));
  BOOST_TEST(back.out == direct.out);
}

BOOST_AUTO_TEST_CASE(wrong_genotypes_end_with_2_and_the_column) {
  const TemporaryFolder folder;
  const Outcome text = run_program(folder.path(), "genotype", "show \"Genotype(normal=[('sep_conv_3x3', 7)])\"");
  BOOST_TEST(text.exit_code == 2);
  BOOST_TEST(contains(text.err, "column 35"));
  BOOST_TEST(run_program(folder.path(), "genotype", "show no_such_cell").exit_code == 2);
  BOOST_TEST(run_program(folder.path(), "genotype", "convert bayesnas_0.01 --to darts").exit_code == 2);
  BOOST_TEST(run_program(folder.path(), "genotype", "convert").exit_code == 2);
}

BOOST_AUTO_TEST_CASE(genotype_query_tells_sizes_and_refuses_a_malformed_cell_with_its_column) {
  const TemporaryFolder folder;
  const Outcome known = run_program(folder.path(), "genotype", "query 334131 --json");
  BOOST_TEST(known.exit_code == 0);
  BOOST_TEST(contains(known.out, "\"params\":802426,\"macs\":113951360"));
  const Outcome cut = run_program(folder.path(), "genotype", "query 111000");
  BOOST_TEST(contains(cut.out, "transmits nothing"));
  const Outcome malformed = run_program(folder.path(), "genotype", "query '|none~0|+|nun~0|'");
  BOOST_TEST(malformed.exit_code == 2);
  BOOST_TEST(contains(malformed.err, "column 11"));
}

BOOST_AUTO_TEST_CASE(genotype_drawings_are_written_once) {
  const TemporaryFolder folder;
  BOOST_TEST(run_program(folder.path(), "genotype", "draw bayesnas_0.01 --prefix a").exit_code == 0);
  BOOST_TEST(contains(test::content(folder.path() / "a-normal.svg"), "<svg"));
  BOOST_TEST(contains(test::content(folder.path() / "a-reduce.svg"), "sep_conv_5x5"));
  BOOST_TEST(run_program(folder.path(), "genotype", "draw DARTS_V2 --prefix a").exit_code == 2);
}

BOOST_AUTO_TEST_CASE(full_disk_behind_stdout_is_a_failure) {
  const TemporaryFolder folder;
  BOOST_TEST(run_program(folder.path(), "genotype", "show DARTS_V2 >/dev/full").exit_code == 1);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
