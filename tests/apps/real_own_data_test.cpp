// labels: data slow
// Tiny ImageNet as records and the ImageNet sample as a folder, in the programs that take them.
#include "tests/apps/program.h"
#include "tests/real_data.h"

namespace ockham {
namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(real_own_data)

BOOST_AUTO_TEST_CASE(tiny_imagenet_is_verified_searched_on_trained_on_and_tested) {
  const std::filesystem::path data = real_tiny_imagenet();
  if (data.empty())
    return skip("no packed Tiny ImageNet in the shared folder");
  const TemporaryFolder place;
  const std::string images = "--dataset records --image-size 32 --data " + quoted(data);
  const auto run = [&](const std::string& name, const std::string& arguments) {
    const Outcome outcome = run_program(place.path(), name, arguments + " --json");
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, name << " ended with " << outcome.exit_code << outcome.err);
    return summary(outcome);
  };
  const nlohmann::json verified = run("dataset", "verify " + images);
  BOOST_TEST(verified["train"]["images"] == 60'000);
  BOOST_TEST(verified["test"]["images"] == 6'000);
  const std::string small = images + " --train-size 256 --test-size 128 --channels 4 --batch-size 32 --epochs 1 ";
  run("search", small + "--cells 3 --nodes 2 --hessian-size 8 --warmup-epochs 0 --out found");
  run("train", small + "--cells 3 --genotype found/genotype.json --drop-path-prob 0 --out trained");
  BOOST_TEST(run("evaluate", "trained")["images"] == 128);
}

BOOST_AUTO_TEST_CASE(pictures_that_break_loaders_are_trained_on) {
  const std::filesystem::path sample = real_imagenet_sample();
  if (sample.empty())
    return skip("no ImageNet sample in the shared folder");
  const TemporaryFolder place;
  for (const char* part : {"train", "val"}) {
    std::filesystem::create_directories(place.path() / "varied");
    std::filesystem::create_directory_symlink(sample / "varied", place.path() / "varied" / part);
  }
  const std::string images = "--dataset folder --data varied --image-size 32 ";
  const Outcome verified = run_program(place.path(), "dataset", "verify " + images);
  BOOST_TEST(verified.exit_code == 0, verified.err);
  BOOST_TEST(contains(verified.out, "sound: all 130 images can be read"));
  const Outcome trained =
      run_program(place.path(), "train",
                  images +
                      "--eval-resize 36 --crop resized --colour-jitter 0.4 --model resnet20 --epochs 1 "
                      "--batch-size 13 --out run");
  BOOST_TEST(trained.exit_code == 0, trained.err);
}

BOOST_AUTO_TEST_CASE(pictures_that_no_decoder_reads_are_named) {
  const std::filesystem::path sample = real_imagenet_sample();
  if (sample.empty())
    return skip("no ImageNet sample in the shared folder");
  const Outcome verified =
      run_program(sample, "dataset", "verify --dataset folder --data derived --image-size 32 --json");
  BOOST_TEST(verified.exit_code == 5);
  BOOST_TEST(contains(verified.out, "bad: derived/n02102040/empty.JPEG is not a JPEG or PNG picture: it has 0 bytes"));
  BOOST_TEST(contains(verified.out, "derived/n02102040/truncated.JPEG (18591 bytes) cannot be decoded"));
  BOOST_TEST(contains(verified.out, "2 of 5 images are bad"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
