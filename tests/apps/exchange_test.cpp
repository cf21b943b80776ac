// ockham-export: what it writes is what other programs read.
// labels: slow data
#include "apps/runs/folder/checkpoints.h"
#include "data/augment.h"
#include "data/registry.h"
#include "nas/compression/channels/removal.h"
#include "nas/genotype/published.h"
#include "nas/saved/narrow_network.h"
#include "nas/saved/saved_network.h"
#include "tests/apps/program.h"
#include "tests/nas/channel_classes.h"
#include "tests/nas/onnx_model.h"
#include "tests/real_data.h"

namespace ockham {
namespace {

using test::contains;
using test::content;
using test::ends_with;
using test::Outcome;
using test::run_program;
using test::summary;
namespace fs = std::filesystem;

const std::string kTraining =
    "--train-size 32 --valid-size 16 --test-size 32 --image-size 16 --batch-size 8 --epochs 1 --channels 2 --cells 3 "
    "--genotype DARTS_V2 --quiet --out ";

/// A run of ockham-train, once for all tests.
struct Trained {
  static const fs::path& folder() {
    static const Trained trained;
    return trained.folder_.path();
  }

 private:
  Trained() { BOOST_REQUIRE(run_program(folder_.path(), "train", kTraining + "run").exit_code == 0); }
  test::TemporaryFolder folder_;
};

/// The first images of a data set as a network is fed them.
Tensor images_of(const data::DatasetPtr& dataset, std::int64_t count) {
  const data::ImageShape& shape = dataset->shape();
  Tensor images({count, shape.channels, shape.height, shape.width});
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(shape.count()));
  const data::Transform transform{.normalisation = data::normalisation_of(dataset->name())};
  for (std::int64_t n = 0; n < count; ++n) {
    dataset->read(n, pixels);
    data::augment(transform, shape, {}, pixels,
                  images.span<float>().subspan(static_cast<std::size_t>(n * shape.count()), pixels.size()));
  }
  return images;
}

/// Real pictures where they are, else drawn ones.
data::DatasetPtr pictures() {
  const fs::path real = test::real_cifar10();
  return real.empty() ? data::open("shapes", "", data::Split::kTest, {.image_size = 32})
                      : data::open("cifar10", real, data::Split::kTest);
}

constexpr const char* kNasbench201 =
    "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|";

/// A checkpoint of a network with weights of its own, and values.safetensors with images and logits.
void write_values(const fs::path& folder, nas::Classifier& net, const nlohmann::ordered_json& description,
                  const data::DatasetPtr& dataset) {
  test::shake(net);
  const Tensor images = images_of(dataset, 16);
  save_safetensors(
      folder / "values.safetensors",
      {.tensors = {{"images", images}, {"logits", net.forward({}, images).logits.value()}}, .metadata = {}});
  apps::Checkpoint checkpoint{.network = description, .position = nlohmann::ordered_json::object(), .tensors = {}};
  for (const Parameter* parameter : net.state())
    checkpoint.tensors.emplace(parameter->name, parameter->value);
  apps::write_checkpoint(folder / "net.safetensors", checkpoint);
}

/// The same of a network of the cell.
void write_network(const fs::path& folder, const std::string& cell, const data::DatasetPtr& dataset) {
  Initial initial{.seed = 4};
  if (cell == kNasbench201) {
    const nas::nasbench201::NetworkSpec spec{.channels = 8, .cells_per_stage = 2};
    const nas::nasbench201::Cell parsed = nas::nasbench201::parse_cell(cell);
    nas::nasbench201::CellClassifier net(parsed, spec, initial);
    return write_values(folder, net, nas::to_json(spec, parsed, dataset->shape().height), dataset);
  }
  nas::EvaluationSpec spec;
  spec.frame.channels = 8;
  spec.frame.cells = 5;
  const nas::Genotype genotype = nas::load_genotype(cell);
  nas::EvaluationNetwork net(genotype, spec, initial);
  write_values(folder, net, nas::to_json(spec, genotype), dataset);
}

/// The published cells by name, and one of NAS-Bench-201.
std::vector<std::string> exported_cells() {
  std::vector<std::string> cells{kNasbench201};
  for (const nas::Published& cell : nas::published_genotypes())
    cells.emplace_back(cell.name);
  return cells;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(exchange)

BOOST_AUTO_TEST_CASE(a_run_becomes_a_model_that_says_how_to_prepare_images) {
  const fs::path& folder = Trained::folder();
  const Outcome done = run_program(folder, "export", "run --out net.onnx --json");
  BOOST_REQUIRE(done.exit_code == 0);
  const test::OnnxModel model(content(folder / "net.onnx"));
  BOOST_TEST(summary(done).at("operators") == model.nodes.size());
  BOOST_TEST(summary(done).at("bytes") == fs::file_size(folder / "net.onnx"));
  BOOST_TEST(contains(done.out, "input [N, 3, 16, 16]"));
  BOOST_TEST(model.metadata.at("dataset") == "shapes");
  BOOST_TEST(model.metadata.at("mean").starts_with("[0.498"));
  BOOST_TEST(contains(model.metadata.at("preprocessing"), "pixel / 255"));
  BOOST_TEST(contains(model.metadata.at("genotype"), "dil_conv_3x3"));
}

BOOST_AUTO_TEST_CASE(weights_written_for_pytorch_come_back_as_the_same_checkpoint) {
  const fs::path& folder = Trained::folder();
  BOOST_REQUIRE(run_program(folder, "export", "run --format safetensors --out weights.safetensors").exit_code == 0);
  const TensorFile weights = load_safetensors(folder / "weights.safetensors");
  BOOST_TEST(weights.tensors.contains("cells.0.preprocess0.op.1.weight"));
  for (const auto& [name, tensor] : weights.tensors)
    BOOST_TEST(!name.starts_with("optim."), name);
  BOOST_REQUIRE(run_program(folder, "export",
                            "weights.safetensors --genotype DARTS_V2 --image-size 16 --format checkpoint --out "
                            "again.safetensors")
                    .exit_code == 0);
  const std::string data = " --dataset shapes --train-size 32 --valid-size 16 --test-size 32 --image-size 16 --json";
  const auto before = summary(run_program(folder, "evaluate", "run" + data));
  const auto after = summary(run_program(folder, "evaluate", "again.safetensors" + data));
  BOOST_TEST(before.at("loss") == after.at("loss"));
  BOOST_TEST(before.at("params") == after.at("params"));
}

BOOST_AUTO_TEST_CASE(a_model_and_the_network_of_a_darts_search_are_written_too) {
  const test::TemporaryFolder place;
  const fs::path& folder = place.path();
  const std::string small =
      "--train-size 32 --valid-size 16 --test-size 16 --image-size 16 --batch-size 8 --epochs 1 --quiet ";
  BOOST_REQUIRE(run_program(folder, "train", small + "--model resnet20 --out model").exit_code == 0);
  const Outcome model = run_program(folder, "export", "model --out model.onnx --json");
  BOOST_REQUIRE(model.exit_code == 0);
  BOOST_TEST(summary(model).at("params") == 269722);

  const std::string search = small + "--channels 2 --cells 3 --nodes 2 --out search --method darts --space ";
  BOOST_REQUIRE(run_program(folder, "search", search + "darts").exit_code == 0);
  const auto written = [&](const std::string& arguments) {
    return run_program(folder, "export", arguments).exit_code == 0;
  };
  BOOST_REQUIRE(written("search --out search.onnx"));
  BOOST_REQUIRE(written("search --format safetensors --out search.safetensors"));
  BOOST_REQUIRE(written("search.safetensors --image-size 16 --out again.onnx"));
  const test::OnnxModel one(content(folder / "search.onnx")), two(content(folder / "again.onnx"));
  test::OnnxValue image{{1, 3, 16, 16}, std::vector<double>(3 * 16 * 16, 0.5)};
  BOOST_TEST(one.run(image).data == two.run(image).data, boost::test_tools::per_element());

  BOOST_REQUIRE(run_program(folder, "search", search + "bayesnas --overwrite").exit_code == 0);
  BOOST_TEST(ends_with(run_program(folder, "export", "search --out other.onnx"), 2, {"space 'bayesnas'"}));
}

BOOST_AUTO_TEST_CASE(the_network_of_a_bayesnas_search_is_written_without_what_was_pruned) {
  const test::TemporaryFolder folder;
  const auto operators = [&](const std::string& lambda) {
    BOOST_REQUIRE(run_program(folder.path(), "search",
                              "--train-size 96 --valid-size 16 --test-size 16 --image-size 16 --channels 2 --nodes 2 "
                              "--cells 3 --batch-size 8 --warmup-fraction 0.25 --rounds 2 --hessian-size 8 "
                              "--hessian-refresh 2 --proximal --quiet "
                              "--overwrite --out search --lambda " +
                                  lambda)
                      .exit_code == 0);
    const Outcome written = run_program(folder.path(), "export", "search --out net.onnx --overwrite --json");
    BOOST_REQUIRE(written.exit_code == 0);
    return summary(written).at("operators").get<int>();
  };
  BOOST_TEST(operators("1") < operators("0.001"));
}

BOOST_AUTO_TEST_CASE(a_cell_of_nasbench201_goes_from_its_search_to_a_model) {
  const test::TemporaryFolder place;
  const fs::path& folder = place.path();
  const std::string small =
      "--train-size 32 --valid-size 0 --test-size 16 --image-size 16 --batch-size 8 --epochs 1 --channels 4 --cells 2 ";
  const Outcome found = run_program(folder, "search",
                                    small +
                                        "--method darts --space nasbench201 --dataset shapes --score-size 8 --out "
                                        "search");
  BOOST_REQUIRE(found.exit_code == 0);
  BOOST_TEST(contains(found.out, "train --genotype search/cell.txt --preset nasbench201 --dataset shapes"));
  BOOST_TEST(ends_with(run_program(folder, "export", "search --out a.onnx"), 2, {"--genotype RUN/cell.txt"}));
  // Of a cell that cannot be cut off, in a file as a search writes it.
  std::ofstream(folder / "cell.txt") << kNasbench201 << "\n";
  const std::string options = "--preset nasbench201 --dataset shapes " + small + "--genotype ";
  const Outcome trained = run_program(folder, "train", options + "cell.txt --out run --json");
  BOOST_REQUIRE(trained.exit_code == 0);
  BOOST_TEST(summary(trained).at("cell") == kNasbench201);
  BOOST_TEST(content(folder / "run/cell.txt") == std::string(kNasbench201) + "\n");
  BOOST_REQUIRE(run_program(folder, "train", options + "'" + kNasbench201 + "' --out again").exit_code == 0);
  BOOST_TEST(content(folder / "run/checkpoints/last.safetensors") ==
             content(folder / "again/checkpoints/last.safetensors"));
  BOOST_TEST(ends_with(run_program(folder, "evaluate", "run"), 0, {}));
  const Outcome written = run_program(folder, "export", "run --out net.onnx --json");
  BOOST_REQUIRE(written.exit_code == 0);
  BOOST_TEST(summary(written).at("params") == summary(trained).at("params"));
  BOOST_REQUIRE(run_program(folder, "export", "run --format safetensors --out net.safetensors").exit_code == 0);
  BOOST_TEST(load_safetensors(folder / "net.safetensors").tensors.contains("cells.0.layers.0.op.1.weight"));
  BOOST_TEST(ends_with(run_program(folder, "train", "--genotype cell.txt --dataset shapes --image-size 18 --out b"), 2,
                       {"divisible by 4"}));
  BOOST_TEST(ends_with(run_program(folder, "train", options + "'|nor_conv_9x9~0|'"), 2, {"nor_conv_9x9"}));
  BOOST_TEST(ends_with(run_program(folder, "train", options + "cell.txt --auxiliary --dry-run"), 0,
                       {"--auxiliary has no effect on cells of NAS-Bench-201"}));
}

BOOST_AUTO_TEST_CASE(a_network_that_lost_channels_is_evaluated_and_written) {
  const test::TemporaryFolder place;
  const fs::path& folder = place.path();
  const nas::ModelSpec spec{.name = "resnet20", .image_size = 16};
  Initial initial{.seed = 4};
  const auto net = nas::make_model(spec, initial);
  const auto write = [&](const char* name, const nlohmann::ordered_json& description) {
    apps::Checkpoint checkpoint{.network = description, .position = nlohmann::ordered_json::object(), .tensors = {}};
    for (const Parameter* parameter : net->state())
      checkpoint.tensors.emplace(parameter->name, parameter->value);
    apps::write_checkpoint(folder / name, checkpoint);
  };
  const nas::Forward forward = [&](const Context& c, const Variable& x) { return net->forward(c, x).logits; };
  const nas::ChannelGraph graph(forward, *net, {3, 16, 16});
  std::size_t number = 0;
  for (const nas::ChannelClass& channel : graph.classes()) {
    if (!channel.is_fixed && ++number % 3 != 0)
      test::silence(channel, graph);
  }
  nlohmann::ordered_json description = nas::to_json(spec);
  write("masked.safetensors", description);
  const nas::Removal removal = nas::remove_channels(forward, *net, {3, 16, 16});
  description["narrowed"] = nas::narrowed_json(*net);
  write("narrow.safetensors", description);
  BOOST_TEST(fs::file_size(folder / "narrow.safetensors") < fs::file_size(folder / "masked.safetensors") / 4);

  const std::string data = " --dataset shapes --test-size 32 --image-size 16 --json";
  const auto masked = summary(run_program(folder, "evaluate", "masked.safetensors" + data));
  const auto narrow = summary(run_program(folder, "evaluate", "narrow.safetensors" + data));
  BOOST_TEST(narrow.at("params") == removal.parameters);
  BOOST_TEST(narrow.at("loss").get<double>() == masked.at("loss").get<double>(), boost::test_tools::tolerance(1e-5));
  BOOST_REQUIRE(
      run_program(folder, "export", "narrow.safetensors --format checkpoint --out again.safetensors").exit_code == 0);
  BOOST_TEST(summary(run_program(folder, "evaluate", "again.safetensors" + data)).at("loss") == narrow.at("loss"));
  BOOST_REQUIRE(
      run_program(folder, "export", "narrow.safetensors --format safetensors --out plain.safetensors").exit_code == 0);
  BOOST_TEST(load_safetensors(folder / "plain.safetensors").metadata.at("narrowed") == description["narrowed"].dump());
  BOOST_TEST(run_program(folder, "export", "narrow.safetensors --out narrow.onnx").exit_code == 0);
}

BOOST_AUTO_TEST_CASE(onnx_runtime_gives_the_logits_of_the_engine_on_pictures) {
  const char* given = std::getenv("OCKHAM_PYTHON");
  const std::string python = given ? given : "python3";
  if (std::system((python + " -c 'import onnxruntime' 2>/dev/null").c_str()) != 0)
    return test::skip(python + " has no onnxruntime; name one that has by OCKHAM_PYTHON");
  const data::DatasetPtr dataset = pictures();
  for (const std::string& cell : exported_cells()) {
    const test::TemporaryFolder folder;
    write_network(folder.path(), cell, dataset);
    BOOST_REQUIRE(run_program(folder.path(), "export", "net.safetensors --out net.onnx").exit_code == 0);
    const fs::path result = folder.path() / "difference";
    BOOST_REQUIRE(std::system((python + " '" OCKHAM_SOURCE_DIR "/tests/apps/onnx_check.py' '" +
                               (folder.path() / "net.onnx").string() + "' '" +
                               (folder.path() / "values.safetensors").string() + "' >'" + result.string() + "'")
                                  .c_str()) == 0);
    const double difference = std::stod(content(result));
    BOOST_TEST_MESSAGE(cell << " on " << dataset->name() << ": " << difference);
    BOOST_TEST(difference < 1e-4, cell);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_said_before_anything_is) {
  const fs::path& folder = Trained::folder();
  BOOST_TEST(ends_with(run_program(folder, "export", "run"), 2, {"--out is missing"}));
  BOOST_TEST(ends_with(run_program(folder, "export", "run --out nowhere/net.onnx"), 2, {"nowhere"}));
  BOOST_TEST(ends_with(run_program(folder, "export", "nothing --out a.onnx"), 6, {"no such file"}));
  BOOST_TEST(ends_with(run_program(folder, "export", "run --genotype DARTS_V1 --out a.onnx"), 2, {"carries its"}));
  std::ofstream(folder / "taken.onnx") << "mine";
  BOOST_TEST(ends_with(run_program(folder, "export", "run --out taken.onnx"), 2, {"exists", "--overwrite"}));
  BOOST_TEST(content(folder / "taken.onnx") == "mine");
  std::ofstream(folder / "text.safetensors") << "not tensors";
  BOOST_TEST(ends_with(run_program(folder, "export", "text.safetensors --out a.onnx"), 6, {"text.safetensors"}));
  BOOST_TEST(!fs::exists(folder / "a.onnx"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
