// The page's way from own pictures to an ONNX file, run as it is printed.
// labels: slow
#include <sstream>

#include "tests/apps/program.h"
#include "tests/data/samples.h"
#include "tests/nas/onnx_model.h"

namespace ockham {
namespace {

namespace fs = std::filesystem;

/// What follows "apps/run " in the lines of one section of apps/README.md.
std::vector<std::string> printed_commands(const std::string& section) {
  constexpr std::string_view kCall = "    apps/run ";
  std::istringstream page(test::content(OCKHAM_SOURCE_DIR "/apps/README.md"));
  std::vector<std::string> commands;
  bool is_there = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## "))
      is_there = line == "## " + section;
    else if (is_there && line.starts_with(kCall))
      commands.push_back(line.substr(kCall.size()));
  }
  return commands;
}

/// Pictures of one colour each, whose class is its strongest part.
void write_pictures(const fs::path& folder) {
  constexpr std::array kClasses{"red", "green", "blue"};
  for (const auto& [part, count] : {std::pair("train", 60), std::pair("val", 10)}) {
    for (std::size_t c = 0; c < kClasses.size(); ++c) {
      fs::create_directories(folder / part / kClasses[c]);
      for (int i = 0; i < count; ++i) {
        std::array<std::uint8_t, 3> colour{};
        for (std::size_t k = 0; k < colour.size(); ++k)
          colour[k] = static_cast<std::uint8_t>((k == c ? 140 : 0) + (i * 37 + static_cast<int>(k) * 11) % 110);
        test::write_bytes(folder / part / kClasses[c] / (std::to_string(i) + ".png"),
                          test::png(40, 36, colour[0], colour[1], colour[2]));
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(walk_through)

BOOST_AUTO_TEST_CASE(five_commands_lead_from_own_pictures_to_an_onnx_file) {
  const test::TemporaryFolder place;
  write_pictures(place.path() / "pictures");
  const std::vector<std::string> commands = printed_commands("From own pictures to an ONNX file");
  BOOST_TEST(commands.size() == 5u);
  for (const std::string& command : commands) {
    const std::size_t name_ends = command.find(' ');
    const test::Outcome outcome =
        test::run_program(place.path(), command.substr(0, name_ends), command.substr(name_ends));
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, command << " ended with " << outcome.exit_code << outcome.err);
  }
  const test::OnnxModel model(test::content(place.path() / "trained.onnx"));
  BOOST_TEST(model.metadata.at("dataset") == "folder");
  BOOST_TEST(model.initializers.at("classifier.bias").shape.at(0) == 3);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
