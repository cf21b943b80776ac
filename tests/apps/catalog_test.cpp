// A method and a space that only this file knows, searched by ockham-search as the others are.
#include "nas/catalog/catalog.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "apps/search/search_app.h"
#include "engine/math.h"
#include "nas/methods/shared_settings.h"
#include "nas/spaces/mixing.h"
#include "ops/global_avg_pool/global_avg_pool.h"
#include "tests/apps/run_here.h"
#include "tests/support.h"

namespace ockham {
namespace {

using namespace nas;
using test::Outcome;

/// One convolution, then an edge with two operations.
class ToyNetwork : public Module {
 public:
  /// @param operation  the only one; negative: both, mixed by softmax
  ToyNetwork(const SpaceSize& size, int operation, Initial& initial)
      : stem_(
            add("stem", std::make_unique<Conv>(size.image_channels, size.channels, 3, Conv2dAttrs{.pad = 1}, initial))),
        convolution_(add("conv", std::make_unique<Conv>(size.channels, size.channels, 1, Conv2dAttrs{}, initial))),
        classifier_(add("classifier", std::make_unique<Linear>(size.channels, size.classes, initial))),
        mixer_(add("", std::make_unique<SoftmaxMixer>())),
        operation_(operation) {
    if (operation < 0)
      mixer_.add_logits({.name = "logits", .columns = 2}, initial);
  }

  Variable forward(const Context& context, const Variable& images) {
    mixer_.begin(context);
    const Variable x = stem_.forward(context, images);
    const std::vector<Deferred> maps{{.z = x}, {.z = convolution_.forward(context, x)}};
    const Variable y =
        operation_ < 0 ? mixer_.sum(context, maps, {0, 1}) : maps[static_cast<std::size_t>(operation_)].z;
    mixer_.end();
    return classifier_.forward(context, global_avg_pool(y));
  }

 private:
  Conv& stem_;
  Conv& convolution_;
  Linear& classifier_;
  SoftmaxMixer& mixer_;
  int operation_;
};

class ToySpace : public SearchSpace {
 public:
  explicit ToySpace(const SpaceSize& size) : size_(size) {}
  std::string name() const override { return "toy"; }
  OwnedNetwork make_supernet(Initial& initial) const override {
    auto network = std::make_unique<ToyNetwork>(size_, -1, initial);
    std::vector<Parameter*> logits = network->parameters(ParameterKind::kSwitch);
    return owned(std::move(network), std::move(logits));
  }
  OwnedNetwork make_network(const std::string& cell, Initial& initial) const override {
    return owned(std::make_unique<ToyNetwork>(size_, cell == "skip" ? 0 : 1, initial));
  }
  std::vector<Choice> choices() const override { return {{.name = "edge", .options = {"skip", "conv"}}}; }
  std::string derive(std::span<const double> numbers) const override {
    return numbers[0] >= numbers[1] ? "skip" : "conv";
  }
  CellFacts facts(const std::string& cell) const override { return {.parameters = cell == "skip" ? 0 : 1}; }

 private:
  SpaceSize size_;
};

struct ToySpaceSettings : SpaceSettings {
  std::int64_t width = 1;
  void describe(SettingVisitor& visitor) override {
    visitor.group("Toys");
    visitor.count("toy-width", width, "what channels are multiplied by", {.min = 1, .max = 9});
  }
  std::unique_ptr<SearchSpace> make(const SpaceSize& size) const override {
    SpaceSize wider = size;
    wider.channels *= width;
    return std::make_unique<ToySpace>(wider);
  }
};

/// Moves the logits by a constant: its cell is known.
class Drift : public RelaxedMethod {
 public:
  Drift(const SearchSpace& space, const RelaxedOptions& options, double drift)
      : RelaxedMethod(space, options), drift_(drift) {}

 private:
  void architecture_step(const Batch&, const Batch&, const StepPlace&) override {
    Tensor direction = Tensor::zeros(network().architecture.front()->value.shape(), options().dtype);
    fill(direction, drift_);
    visit_float(direction.dtype(), "toy", [&]<class T>() { direction.data<T>()[0] = T(0); });
    axpy(1.0, direction, network().architecture.front()->value);
  }
  double drift_;
};

struct DriftSettings : MethodSettings {
  RelaxedSettings relaxed;
  double drift = 0.5;
  void describe(SettingVisitor& visitor) override {
    relaxed.describe(visitor);
    visitor.group("Toys");
    visitor.real("drift", drift, "of all logits but the first in a step", {.min = -1.0, .max = 1.0});
  }
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource&) const override {
    return std::make_unique<Drift>(space, relaxed.options(basics), drift);
  }
};

struct Toys {
  Toys() {
    static const bool are_added = [] {
      add_space({.name = "toy", .summary = "one edge", .settings = default_settings<ToySpaceSettings>});
      add_method({.name = "drift",
                  .summary = "moves logits by a constant",
                  .settings = default_settings<DriftSettings>,
                  .has_logits = true,
                  .training = [](const SpaceEntry&) { return TrainingDefaults{.lr = 0.0125}; }});
      return true;
    }();
    BOOST_TEST(are_added);
  }
};

Outcome search(std::vector<std::string> arguments) {
  return test::run_here(apps::search_app(), std::move(arguments));
}

std::vector<std::string> toy_search(const std::filesystem::path& out, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"--method",     "drift", "--space",     "toy",       "--train-size", "64",
                                     "--valid-size", "8",     "--test-size", "8",         "--batch-size", "16",
                                     "--epochs",     "1",     "--channels",  "2",         "--score-size", "16",
                                     "--threads",    "1",     "--out",       out.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

nlohmann::json content_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return nlohmann::json::parse(in);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(catalog, test::TemporaryFolder)

BOOST_AUTO_TEST_CASE(a_method_and_a_space_that_a_program_adds_are_searched_like_the_others) {
  const Toys toys;
  for (const auto& [drift, cell] : {std::pair{"0.25", "conv"}, std::pair{"-0.25", "skip"}}) {
    const Outcome outcome = search(toy_search(path() / cell, {"--drift", drift, "--toy-width", "2"}));
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    const nlohmann::json summary = content_of(path() / cell / "summary.json");
    BOOST_TEST(summary["method"] == "drift");
    BOOST_TEST(summary["space"] == "toy");
    BOOST_TEST(summary["cell"] == cell);
    std::ifstream metrics(path() / cell / "metrics.jsonl");
    std::string line;
    BOOST_TEST(static_cast<bool>(std::getline(metrics, line)));
    BOOST_TEST(nlohmann::json::parse(line)["lr"].get<double>() == 0.0125);  // its own default
  }
}

BOOST_AUTO_TEST_CASE(their_options_are_declared_checked_and_named_where_they_have_no_effect) {
  const Toys toys;
  const Outcome help = search({"--help"});
  const std::string unwrapped = std::regex_replace(help.out, std::regex("\\n +"), " ");
  for (const char* text : {"drift: moves logits by a constant", "toy: one edge", "--drift X", "--toy-width N"})
    BOOST_TEST(unwrapped.find(text) != std::string::npos, text);
  const Outcome refused = search(toy_search(path() / "refused", {"--drift", "2"}));
  BOOST_TEST(refused.exit_code == 2);
  BOOST_TEST(refused.err.find("--drift") != std::string::npos);
  const Outcome named = search(toy_search(path() / "named", {"--darts-order", "2"}));
  BOOST_TEST(named.err.find("--darts-order has no effect: it is an option of darts, and the run is of drift in the "
                            "space toy") != std::string::npos,
             named.err);
  const Outcome elsewhere = search({"--space", "nasbench201", "--method", "random", "--toy-width", "2", "--drift",
                                    "0.1", "--channels", "1", "--dry-run"});
  for (const char* text : {"--toy-width has no effect: it is an option of the spaces toy", "--drift has no effect"})
    BOOST_TEST(elsewhere.err.find(text) != std::string::npos, elsewhere.err);
}

BOOST_AUTO_TEST_CASE(names_are_taken_once) {
  const Toys toys;
  BOOST_CHECK_THROW(add_method({.name = "darts", .summary = "", .settings = default_settings<DriftSettings>}),
                    std::logic_error);
  BOOST_CHECK_EXCEPTION(find_method("dart"), UsageError,
                        (test::Says{{"method 'dart' is unknown", "bayesnas, darts", "drift"}}));
  BOOST_CHECK_EXCEPTION(find_space("mars"), UsageError, (test::Says{{"space 'mars' is unknown", "nasbench201"}}));
}

// What a method or space shares with another it must describe alike: else declaring all of them throws.
BOOST_AUTO_TEST_CASE(every_entry_says_what_it_is) {
  std::set<std::string> names;
  for (const MethodEntry& method : methods()) {
    BOOST_TEST(names.insert(method.name).second);
    BOOST_TEST(!method.summary.empty());
    BOOST_TEST((method.batches >= 0 && method.batches <= 2));  // 0: it trains nothing
  }
  for (const SpaceEntry& space : spaces())
    BOOST_TEST(!space.summary.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
