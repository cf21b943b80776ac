// What ockham-train is told of network and recipe: that its checkpoint is enough to test it, and what is refused.
#include <boost/test/data/test_case.hpp>

#include "apps/runs/recipe/recipe_settings.h"
#include "apps/runs/training/network_training.h"
#include "data/registry.h"
#include "tests/apps/run_here.h"

namespace ockham {
namespace {

using apps::RecipeSettings;
using test::ends_with;
using test::Outcome;
using test::run_program;
using test::summary;
using test::TemporaryFolder;

const std::string kTiny = "--train-size 24 --test-size 16 --image-size 16 --epochs 1 --batch-size 8 --threads 1 ";

/// Trains, and tests the run's folder with no option but its name.
void check_that_evaluation_repeats_the_test(const std::string& options) {
  const TemporaryFolder folder;
  const Outcome trained = run_program(folder.path(), "train", kTiny + options + " --out run --json");
  BOOST_REQUIRE_MESSAGE(trained.exit_code == 0, trained.err);
  const Outcome tested = run_program(folder.path(), "evaluate", "run --json");
  BOOST_REQUIRE_MESSAGE(tested.exit_code == 0, tested.err);
  const nlohmann::json a = summary(trained), b = summary(tested);
  BOOST_TEST(b["loss"] == a["test_loss"]);
  BOOST_TEST(b["test_accuracy"] == a["test_accuracy"]);
  BOOST_TEST(b["params"] == a["params"]);
  BOOST_TEST(b["macs"] == a["macs"]);
}

const std::vector<std::string> kNetworks{"--model lenet300",
                                         "--model lenet5",
                                         "--model lenet5-caffe",
                                         "--model resnet20",
                                         "--model resnet20 --shortcut projected",
                                         "--model resnet18",
                                         "--model pyramidnet --depth 8 --widening 6",
                                         "--model speed --width 4",
                                         "--genotype DARTS_V1 --channels 2 --cells 3"};

/// What a moving average, whitening and views of test images add to a checkpoint.
const std::vector<std::string> kIngredients{"--model speed --width 4 --ema 0.9", "--model speed --width 4 --whiten",
                                            "--model speed --width 4 --test-flips mirror",
                                            "--genotype DARTS_V1 --channels 2 --cells 3 --whiten --ema 0.9"};

Outcome refused(const std::string& options) {
  const TemporaryFolder folder;
  return run_program(folder.path(), "train", kTiny + options + " --out run");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(recipe)

BOOST_DATA_TEST_CASE(a_checkpoint_of_any_network_is_tested_without_options, kNetworks, options) {
  check_that_evaluation_repeats_the_test(options);
}

BOOST_DATA_TEST_CASE(a_checkpoint_holds_what_was_tested, kIngredients, options) {
  check_that_evaluation_repeats_the_test(options);
}

BOOST_AUTO_TEST_CASE(contradictions_and_impossible_sizes_are_refused_before_the_run) {
  BOOST_TEST(ends_with(refused(""), 2, {"--genotype is missing", "--model"}));
  BOOST_TEST(ends_with(refused("--model resnet19"), 2, {"'resnet19' is unknown", "resnet20"}));
  BOOST_TEST(ends_with(refused("--model resnet20 --genotype DARTS_V1"), 2, {"one network"}));
  BOOST_TEST(ends_with(refused("--model speed --schedule one-cycle --warmup-epochs 1"), 2, {"--lr-peak"}));
  BOOST_TEST(ends_with(refused("--model speed --early-size 12"), 2, {"need both"}));
  BOOST_TEST(
      ends_with(refused("--model lenet5 --early-size 12 --early-epochs 1"), 2, {"--early-size 12", "no images"}));
  BOOST_TEST(ends_with(refused("--model speed --accumulate 4"), 2, {"--batch-size 32", "24"}));
  BOOST_TEST(ends_with(refused("--model speed --eval-resize 12"), 2, {"--eval-resize 12", "larger"}));
  BOOST_TEST(ends_with(refused("--model resnet20 --width 8 --dry-run"), 0, {"--width has no effect on resnet20"}));
}

BOOST_AUTO_TEST_CASE(rates_grow_with_the_images_of_an_update) {
  RecipeSettings recipe{.batch_size = 64, .accumulate = 4, .schedule = Schedule::Kind::kConstant, .lr = 1.5};
  BOOST_TEST(schedule_of(recipe).at(0) == 1.5);
  recipe.lr_batch = 1024;
  BOOST_TEST(schedule_of(recipe).at(0) == 0.375);
}

BOOST_AUTO_TEST_CASE(borders_and_cutout_shrink_with_small_images_and_digits_are_not_mirrored) {
  const data::DatasetPtr small = data::open("shapes", "", data::Split::kTrain, {.image_size = 16});
  const data::Transform transform = apps::transform_of({.flip = apps::Flip::kAlternating}, *small, 32);
  BOOST_TEST(transform.pad == 2);
  BOOST_TEST(transform.cutout == 8);
  BOOST_TEST(transform.alternates);
  BOOST_TEST(transform.flip);
  const data::Transform resized = apps::transform_of({.crop = apps::Crop::kResized, .colour_jitter = 0.4}, *small, 16);
  BOOST_TEST(resized.pad == 0);
  BOOST_TEST(resized.takes_box);
  BOOST_TEST(resized.colour.hue == 0.2);
}

BOOST_AUTO_TEST_CASE(presets_name_only_values_that_their_options_take) {
  const TemporaryFolder folder;
  for (const char* name : {"quick", "small", "paper", "darts", "imagenet-mobile", "fast"}) {
    const Outcome printed = run_program(folder.path(), "train", std::string("--print-config --preset ") + name);
    BOOST_TEST(printed.exit_code == 0, name << ": " << printed.err);
  }
  const Outcome fast = run_program(folder.path(), "train", "--print-config --recipe fast");
  BOOST_TEST(test::contains(fast.out, "flip = alternating"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
