// What a checkpoint keeps, and that it is believed only as long as it is what was saved.
#include "apps/runs/folder/checkpoints.h"

#include <fstream>
#include <limits>

#include "apps/cli/options/settings.h"
#include "engine/error.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using test::contents;
using test::Says;

Options parse(const std::vector<std::string>& arguments) {
  OptionTable table;
  declare_settings<GeneralSettings>(table);
  declare_settings<ComputeSettings>(table);
  declare_settings<FolderSettings>(table);
  return table.parse(arguments, {});
}

/// A run that saves at will and is opened again.
struct Run : test::TemporaryFolder {
  RunFolder begin() const { return RunFolder::open("train", parse({"--out=" + run().string()})); }
  RunFolder reopen() const { return RunFolder::open("train", parse({"--resume=" + run().string()})); }
  void save(const Checkpoint& checkpoint) const {
    RunFolder folder = begin();
    Checkpoints(folder).save("last", checkpoint);
  }
  std::optional<Checkpoint> resume() const {
    RunFolder folder = reopen();
    return Checkpoints(folder).resume();
  }
  fs::path run() const { return path() / "run"; }
  fs::path last() const { return run() / "checkpoints/last.safetensors"; }
};

Checkpoint sound() {
  return {.network = {{"kind", "network"}},
          .position = {{"epoch", 2u}, {"best", 0.5}},
          .tensors = {{"a.weight", Tensor::from({1.0f, 2.0f, 3.0f}, {3})}, {"b", Tensor::from({4.0}, {1})}}};
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

BOOST_FIXTURE_TEST_SUITE(checkpoints, Run)

BOOST_AUTO_TEST_CASE(what_is_saved_is_what_a_resumed_run_gets) {
  save(sound());
  const auto resumed = resume();
  BOOST_REQUIRE(resumed.has_value());
  BOOST_TEST(resumed->network == sound().network);
  BOOST_TEST(resumed->position == sound().position);
  BOOST_TEST(test::is_same(resumed->tensors.at("a.weight"), sound().tensors.at("a.weight")));
  BOOST_TEST(resumed->has_digest);
  BOOST_TEST(resumed->file == run() / "checkpoints/last.safetensors");
}

BOOST_AUTO_TEST_CASE(any_bit_that_changes_is_noticed_and_both_digests_are_named) {
  save(sound());
  const std::string good = contents(last());
  const std::string digest = load_safetensors(last()).metadata.at("digest");
  BOOST_TEST(digest.size() == 64u);
  int named = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    test::put(last(), bad);
    try {
      const Checkpoint read = read_checkpoint(last());
      // A changed name of the digest's own key takes it away, which a resumed run does not accept.
      BOOST_TEST(!read.has_digest, "byte " << at << " changed without notice");
    } catch (const CheckpointError& e) {
      const std::string message = e.what();
      named += message.find(digest) != std::string::npos && message.find("SHA-256") != std::string::npos ? 1 : 0;
    }
  }
  BOOST_TEST(named >= 20);  // all bytes of data at least
}

BOOST_AUTO_TEST_CASE(a_file_without_a_digest_is_read_but_no_run_goes_on_from_it) {
  save(sound());
  TensorFile file = load_safetensors(last());
  file.metadata.erase("digest");
  save_safetensors(last(), file);
  BOOST_TEST(!read_checkpoint(last()).has_digest);
  BOOST_CHECK_EXCEPTION(resume(), CheckpointError, (Says{{last().string(), "no digest", "--config"}}));
}

BOOST_AUTO_TEST_CASE(formats_of_earlier_versions_are_read_and_later_ones_refused) {
  save(sound());
  TensorFile file = load_safetensors(last());
  BOOST_TEST(file.metadata.at("format_version") == "2");
  file.metadata.erase("digest");
  file.metadata["format_version"] = "1";
  save_safetensors(last(), file);
  BOOST_TEST(read_checkpoint(last()).tensors.size() == 2u);
  file.metadata["format_version"] = "3";
  save_safetensors(last(), file);
  BOOST_CHECK_EXCEPTION(read_checkpoint(last()), CheckpointError, (Says{{last().string(), "format 3", "1 to 2"}}));
}

BOOST_AUTO_TEST_CASE(numbers_moved_to_another_tensor_or_name_are_noticed) {
  save(sound());
  const TensorFile good = load_safetensors(last());
  TensorFile renamed = good;
  renamed.tensors["a.bias"] = renamed.tensors.extract("a.weight").mapped();
  save_safetensors(last(), renamed);
  BOOST_CHECK_EXCEPTION(read_checkpoint(last()), CheckpointError, Says{{"SHA-256"}});
  TensorFile reshaped = good;
  reshaped.tensors["a.weight"] = good.tensors.at("a.weight").reshape({3, 1});
  save_safetensors(last(), reshaped);
  BOOST_CHECK_EXCEPTION(read_checkpoint(last()), CheckpointError, Says{{"SHA-256"}});
  TensorFile added = good;
  added.metadata["note"] = "mine";
  save_safetensors(last(), added);
  BOOST_CHECK_EXCEPTION(read_checkpoint(last()), CheckpointError, Says{{"SHA-256"}});
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_is_not_saved_and_the_last_finite_checkpoint_stays) {
  RunFolder folder = begin();
  Checkpoints saved(folder);
  saved.save("last", sound());
  saved.save("best", sound());
  const std::string good = contents(last());
  const std::string lengths = contents(run() / "checkpoints/metrics.json");
  folder.metrics().append({{"step", 1}});
  for (const Tensor& bad :
       {Tensor::from({1.0f, kInfinity}, {2}), Tensor::from({-kInfinity, 1.0f}, {2}), Tensor::from({kNan}, {1}),
        Tensor::from({double(kNan)}, {1}), Tensor::from({BFloat16(kInfinity)}, {1}),
        Tensor::from({1.0f, 2.0f, kNan, 3.0f}, {2, 2}).transpose(0, 1)}) {
    Checkpoint diverged = sound();
    diverged.tensors["z.running_var"] = bad;
    diverged.position["epoch"] = 3u;
    for (const char* name : {"last", "best"})
      BOOST_CHECK_EXCEPTION(saved.save(name, diverged), DivergedError,
                            (Says{{"z.running_var", "not finite", "\"epoch\":3", name, "--lr"}}));
  }
  BOOST_TEST((contents(last()) == good));
  BOOST_TEST((contents(run() / "checkpoints/best.safetensors") == good));
  BOOST_TEST(contents(run() / "checkpoints/metrics.json") == lengths);
  BOOST_TEST(std::distance(fs::directory_iterator(run() / "checkpoints"), {}) == 3);
}

BOOST_AUTO_TEST_CASE(counts_and_bytes_have_no_infinity_to_look_for) {
  Checkpoint whole = sound();
  whole.tensors["steps"] = Tensor::scalar(-7, DType::kInt64);
  whole.tensors["mask"] = Tensor::from<std::uint8_t>({0, 255}, {2});
  BOOST_TEST(!find_non_finite(whole.tensors).has_value());
  save(whole);
  BOOST_TEST(resume()->tensors.size() == 4u);
}

BOOST_AUTO_TEST_CASE(metadata_that_harm_are_refused_with_the_name_of_the_file) {
  save(sound());
  const TensorFile good = load_safetensors(last());
  const std::string deep(100'000, '[');
  for (const char* key : {"network", "position"}) {
    for (const std::string& text : {deep + std::string(100'000, ']'), std::string("[]"), std::string("3"),
                                    std::string("{\"a\":1,\"a\":2}"), std::string("{")}) {
      TensorFile bad = good;
      bad.metadata.erase("digest");
      bad.metadata[key] = text;
      save_safetensors(last(), bad);
      BOOST_CHECK_EXCEPTION(read_checkpoint(last()), CheckpointError, (Says{{last().string(), key}}));
    }
  }
}

BOOST_AUTO_TEST_CASE(lengths_that_harm_are_refused_with_the_name_of_the_file) {
  save(sound());
  const fs::path lengths = run() / "checkpoints/metrics.json";
  for (const std::string& text : {"{\"x\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
                                  std::string("{"), std::string("{}"), std::string("[]")}) {
    test::put(lengths, text);
    BOOST_CHECK_EXCEPTION(resume(), CheckpointError, Says{{lengths.c_str()}});
  }
}

BOOST_AUTO_TEST_CASE(what_a_program_finds_wrong_in_a_checkpoint_gets_the_name_of_the_file) {
  save(sound());
  const Checkpoint read = read_checkpoint(last());
  BOOST_CHECK_EXCEPTION(read_from(read, [&] { count_of(read.position, "best"); }), CheckpointError,
                        (Says{{last().string(), "best 0.5"}}));
  BOOST_CHECK_THROW(read_from(read, [] { throw DivergedError("as it is"); }), DivergedError);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
