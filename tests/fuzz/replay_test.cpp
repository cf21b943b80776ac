// Every target of this folder on its corpus, and on copies that are damaged at random: what libFuzzer does where clang
// is, without its eyes for new paths, in every build.
// labels: slow
#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/fuzz/target.h"
#include "tests/support.h"

namespace ockham::fuzz {
namespace {

namespace fs = std::filesystem;

using Content = std::vector<std::uint8_t>;

constexpr int kCopies = 300;

std::vector<fs::path> corpus_of(const Target& target) {
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::directory_iterator(fs::path(OCKHAM_SOURCE_DIR) / "tests/fuzz" / ("corpus_" + target.name)))
    files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

Content content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// One change: a bit, a byte, a piece that is left out or comes twice, or the end cut off.
void damage(Content& content, std::mt19937& random) {
  if (content.empty())
    return;
  const auto below = [&](std::size_t end) { return static_cast<std::size_t>(random()) % end; };
  const std::size_t at = below(content.size());
  const std::size_t end = at + std::min<std::size_t>(1 + below(16), content.size() - at);
  const auto begin = content.begin();
  const auto offset = [&](std::size_t i) { return begin + static_cast<std::ptrdiff_t>(i); };
  switch (random() % 5) {
    case 0:
      content[at] ^= static_cast<std::uint8_t>(1u << random() % 8);
      break;
    case 1:
      content[at] = static_cast<std::uint8_t>(random());
      break;
    case 2:
      content.erase(offset(at), offset(end));
      break;
    case 3: {
      const Content piece(offset(at), offset(end));
      content.insert(offset(below(content.size())), piece.begin(), piece.end());
      break;
    }
    default:
      content.resize(at);
  }
}

void play(const Target& target, const fs::path& file) {
  const Content original = content_of(file);
  target.run(original);
  std::mt19937 random(1);
  for (int copy = 0; copy < kCopies; ++copy) {
    Content content = original;
    for (auto changes = 1 + random() % 3; changes > 0; --changes)
      damage(content, random);
    try {
      target.run(content);
    } catch (const std::exception& e) {
      BOOST_ERROR(target.name << ": copy " << copy << " of " << file.filename() << ": " << e.what());
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(replay)

BOOST_AUTO_TEST_CASE(every_parser_reads_or_refuses_its_corpus_and_damaged_copies) {
  BOOST_TEST(targets().size() >= 11u);
  for (const Target& target : targets()) {
    const std::vector<fs::path> files = corpus_of(target);
    BOOST_TEST(!files.empty(), target.name << " has no corpus");
    for (const fs::path& file : files) {
      BOOST_TEST_CONTEXT(file)
      play(target, file);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham::fuzz
