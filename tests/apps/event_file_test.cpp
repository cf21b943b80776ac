// TensorBoard's event file: bytes, framing, and that it says what metrics.jsonl says, once. labels: slow
#include "apps/runs/folder/event_file.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "apps/runs/folder/metrics.h"
#include "tests/apps/program.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::Program;
using test::run_program;
using test::TemporaryFolder;

/// The bytes of "18 00 a3".
std::string bytes(const std::string& hex) {
  std::string result;
  for (std::size_t at = 0; at < hex.size(); at += 3)
    result += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
  return result;
}

template <class T>
T number_at(const std::string& data, std::size_t at) {
  BOOST_REQUIRE(at + sizeof(T) <= data.size());
  T value;
  std::memcpy(&value, data.data() + at, sizeof value);
  return value;
}

std::uint32_t unmasked(std::uint32_t masked) {
  return std::rotl(masked - 0xA282EAD8U, 15);
}

/// The records of an event file, whose framing must be sound to the last byte.
std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> result;
  for (std::size_t at = 0; at < file.size();) {
    const auto length = number_at<std::uint64_t>(file, at);
    BOOST_REQUIRE(unmasked(number_at<std::uint32_t>(file, at + 8)) == crc32c(file.substr(at, 8)));
    BOOST_REQUIRE(at + 16 + length <= file.size());
    result.push_back(file.substr(at + 12, length));
    BOOST_REQUIRE(unmasked(number_at<std::uint32_t>(file, at + 12 + length)) == crc32c(result.back()));
    at += 16 + length;
  }
  return result;
}

/// A reader of protocol buffers, as far as events need one.
class Fields {
 public:
  explicit Fields(std::string data) : data_(std::move(data)) {}

  /// @return false at the end
  bool next() {
    if (at_ == data_.size())
      return false;
    const std::uint64_t key = varint();
    field = key >> 3U;
    switch (key & 7U) {
      case 0:
        number = varint();
        break;
      case 1:
        real = take<double>();
        break;
      case 2: {
        const std::uint64_t size = varint();
        BOOST_REQUIRE(at_ + size <= data_.size());
        text = data_.substr(at_, size);
        at_ += size;
        break;
      }
      default:
        BOOST_REQUIRE((key & 7U) == 5U);
        real = static_cast<double>(take<float>());
    }
    return true;
  }

  std::uint64_t field = 0, number = 0;
  double real = 0.0;
  std::string text;

 private:
  template <class T>
  T take() {
    const T value = number_at<T>(data_, at_);
    at_ += sizeof(T);
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(data_.at(at_++));
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80)
        return value;
    }
  }

  std::string data_;
  std::size_t at_ = 0;
};

using Curves = std::map<std::string, std::vector<std::pair<std::uint64_t, double>>>;  ///< step and value, by tag

void add_values(const std::string& summary, std::uint64_t step, Curves& curves) {
  for (Fields values(summary); values.next();) {
    std::string tag;
    for (Fields value(values.text); value.next();) {
      if (value.field == 1)
        tag = value.text;
      else
        curves[tag].emplace_back(step, value.real);
    }
  }
}

Curves curves_of(const std::string& file) {
  Curves curves;
  for (const std::string& record : records(file)) {
    std::uint64_t step = 0;
    for (Fields event(record); event.next();) {
      if (event.field == 2)
        step = event.number;
      if (event.field == 5)
        add_values(event.text, step, curves);
    }
  }
  return curves;
}

fs::path event_file_of(const fs::path& run) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(run)) {
    if (EventFile::is_name(entry.path()))
      found.push_back(entry.path());
  }
  BOOST_REQUIRE(found.size() == 1u);
  return found.front();
}

/// What the lines of metrics.jsonl say, without those of time and memory.
Curves expected_curves(const fs::path& run) {
  Curves curves;
  for (const nlohmann::json& line : test::metrics(run)) {
    for (const auto& [field, value] : line.items()) {
      if (field == "lr" && line["split"] == "train")
        curves["lr"].emplace_back(line["step"], static_cast<float>(value));
      if (field == "loss" || field == "top1" || field == "top5")
        curves[field + "/" + std::string(line["split"])].emplace_back(line["step"], static_cast<float>(value));
    }
  }
  return curves;
}

void require_same_as_metrics(const fs::path& run) {
  Curves found = curves_of(content(event_file_of(run)));
  for (const char* circumstance : {"img_s", "data_wait", "mem_mb"})
    BOOST_TEST(found.erase(circumstance) == 1u);
  BOOST_TEST((found == expected_curves(run)));
  for (const auto& [tag, points] : found)
    BOOST_TEST(std::ranges::is_sorted(points, std::less_equal<>(), [](const auto& point) { return point.first; }), tag);
}

// Four epochs of 4 steps.
const std::string kTrain =
    "--genotype DARTS_V1 --train-size 32 --valid-size 16 --test-size 16 --image-size 16 --channels 2 --cells 3 "
    "--batch-size 8 --epochs 4 --save-every 3 --tensorboard ";

/// Kills a training when its metrics have so many lines.
void kill_at_lines(const fs::path& folder, const std::string& arguments, std::size_t lines) {
  Program program(folder, "train", arguments);
  BOOST_TEST(program.wait_until([&] {
    const std::string text = content(folder / "run/metrics.jsonl");
    return static_cast<std::size_t>(std::ranges::count(text, '\n')) >= lines;
  }));
  program.send(SIGKILL);
  program.wait();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(event_file)

BOOST_AUTO_TEST_CASE(checksum_is_the_published_one) {
  BOOST_TEST(crc32c("123456789") == 0xE3069283U);
  BOOST_TEST(crc32c("") == 0U);
  BOOST_TEST(crc32c(std::string(32, '\0')) == 0x8A9136AAU);  // RFC 3720, B.4
}

BOOST_AUTO_TEST_CASE(records_are_byte_for_byte_those_of_tensorboard) {
  BOOST_TEST(event_record(version_event(1.0)) ==
             bytes("18 00 00 00 00 00 00 00 a3 7f 4b 22 09 00 00 00 00 00 00 f0 3f 1a 0d 62 72 61 69 6e 2e 45 76 65 6e "
                   "74 3a 32 86 bf 57 7a"));
  // One value `loss` = 0.5 at step 7; the tag is longer by the split, so lengths and checksums are others.
  const auto event = scalar_event({{"t", 2.0}, {"step", 7}, {"split", "x"}, {"loss", 0.5}});
  BOOST_REQUIRE(event.has_value());
  BOOST_TEST(*event == bytes("09 00 00 00 00 00 00 00 40 10 07 2a 0f 0a 0d 0a 06 6c 6f 73 73 2f 78 15 00 00 00 3f"));
  const std::string published = bytes("09 00 00 00 00 00 00 00 40 10 07 2a 0d 0a 0b 0a 04 6c 6f 73 73 15 00 00 00 3f");
  BOOST_TEST(event_record(published) ==
             bytes("1a 00 00 00 00 00 00 00 12 9b d8 2d") + published + bytes("c3 3f c2 4a"));
}

BOOST_AUTO_TEST_CASE(numbers_of_a_line_become_curves_by_split) {
  const auto event = scalar_event({{"v", 1},
                                   {"t", 1.0},
                                   {"run", "r"},
                                   {"epoch", 2},
                                   {"step", 300},
                                   {"split", "valid"},
                                   {"loss", "nan"},
                                   {"top1", 0.5},
                                   {"lr", 0.1},
                                   {"cell", "x"},
                                   {"skips", 3}});
  BOOST_REQUIRE(event.has_value());
  const Curves curves = curves_of(event_record(*event));
  BOOST_TEST(curves.size() == 3u);
  BOOST_TEST(std::isnan(curves.at("loss/valid").at(0).second));
  BOOST_TEST(curves.at("top1/valid").at(0).first == 300u);
  BOOST_TEST(curves.at("skips/valid").at(0).second == 3.0);
  const auto train = scalar_event({{"split", "train"}, {"lr", 0.5}});
  BOOST_TEST(curves_of(event_record(*train)).contains("lr"));
  BOOST_TEST(!scalar_event({{"cell", "x"}, {"step", 3}}).has_value());
  BOOST_TEST(!scalar_event({{"split", 3}, {"step", -1}, {"t", "x"}}).has_value());  // what no run writes
}

BOOST_AUTO_TEST_CASE(events_begin_with_the_lines_that_are_there) {
  const TemporaryFolder folder;
  Metrics metrics(folder.path() / "metrics.jsonl", "run");
  metrics.append({{"step", 1}, {"split", "train"}, {"loss", 3.0}});
  const std::uint64_t checkpoint = metrics.sync();
  metrics.append({{"step", 2}, {"split", "train"}, {"loss", 2.0}});
  metrics.cut_back(checkpoint);
  std::ofstream(folder.path() / "events.out.tfevents.1.old.2") << "of before";
  metrics.write_events();
  metrics.append({{"step", 2}, {"split", "train"}, {"loss", 1.0}});
  const Curves curves = curves_of(content(event_file_of(folder.path())));
  const Curves expected{{"loss/train", {{1, 3.0}, {2, 1.0}}}};
  BOOST_TEST((curves == expected));
}

BOOST_AUTO_TEST_CASE(killed_and_resumed_training_has_every_step_once) {
  const TemporaryFolder folder;
  kill_at_lines(folder.path(), kTrain + "--out run", 3);
  kill_at_lines(folder.path(), "--resume run", 5);
  BOOST_TEST(run_program(folder.path(), "train", "--resume run").exit_code == 0);
  const fs::path run = folder.path() / "run";
  require_same_as_metrics(run);
  BOOST_TEST(curves_of(content(event_file_of(run))).at("loss/train").size() == 4u);
  BOOST_TEST(curves_of(content(event_file_of(run))).at("loss/valid").size() == 4u);
  // Beginning anew leaves one file too.
  BOOST_TEST(run_program(folder.path(), "train", kTrain + "--out run --overwrite").exit_code == 0);
  require_same_as_metrics(run);
}

BOOST_AUTO_TEST_CASE(a_kill_in_mid_line_leaves_no_half_and_no_doubled_step) {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  kill_at_lines(folder.path(), kTrain + "--out run", 3);
  for (const int resumptions : {1, 2}) {
    // As if the kill had come while a line, and a record of the events, was being written.
    std::ofstream(run / "metrics.jsonl", std::ios::app) << R"({"v":1,"t":1.5,"run":"run","phase":"train","epo)";
    std::ofstream(event_file_of(run), std::ios::app | std::ios::binary) << std::string("\x30\0\0\0\0", 5);
    if (resumptions == 1)
      kill_at_lines(folder.path(), "--resume run", 6);
  }
  BOOST_TEST(run_program(folder.path(), "train", "--resume run").exit_code == 0);
  require_same_as_metrics(run);
  BOOST_TEST(test::metrics(run).size() == 8u);  // four epochs, train and valid
  BOOST_REQUIRE(run_program(folder.path(), "train", kTrain + "--out whole").exit_code == 0);
  BOOST_TEST((test::metrics(run) == test::metrics(folder.path() / "whole")));
}

BOOST_AUTO_TEST_CASE(tensorboard_reads_the_file) {
  const char* python = std::getenv("OCKHAM_PYTHON");
  const std::string command = python != nullptr ? python : "python3";
  if (std::system((command + " -c 'import tensorboard' >/dev/null 2>&1").c_str()) != 0)
    return test::skip(command + " has no package tensorboard; OCKHAM_PYTHON names another Python");
  const TemporaryFolder folder;
  BOOST_REQUIRE(run_program(folder.path(), "train", kTrain + "--out run").exit_code == 0);
  std::ofstream(folder.path() / "read.py")
      << "import json\n"
         "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
         "events = EventAccumulator('run', size_guidance={'scalars': 0})\n"
         "events.Reload()\n"
         "json.dump({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()['scalars']},\n"
         "          open('read.json', 'w'))\n";
  const std::string there = "cd '" + folder.path().string() + "' && ";
  BOOST_REQUIRE(std::system((there + command + " read.py >read.log 2>&1").c_str()) == 0);
  const auto read = nlohmann::json::parse(content(folder.path() / "read.json")).get<Curves>();
  BOOST_TEST((read == curves_of(content(event_file_of(folder.path() / "run")))));
  BOOST_TEST(read.at("loss/train").size() == 4u);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
