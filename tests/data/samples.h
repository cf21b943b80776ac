#pragma once
// Small files in the formats that the readers take, made by the tests.
#include <zlib.h>

#include <bitset>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "tests/support.h"

namespace ockham::test {

using Bytes = std::vector<std::uint8_t>;

inline void write_bytes(const std::filesystem::path& path, const Bytes& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  BOOST_TEST_REQUIRE(out.good());
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  write_bytes(path, Bytes(text.begin(), text.end()));
}

inline void write_gz(const std::filesystem::path& path, const Bytes& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  BOOST_TEST_REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) ==
                     static_cast<int>(bytes.size()));
  gzclose(file);
}

/// One record: the label bytes, then pixel i = (first + i) mod 256.
inline Bytes record(const Bytes& labels, int pixels, int first) {
  Bytes bytes = labels;
  for (int i = 0; i < pixels; ++i)
    bytes.push_back(static_cast<std::uint8_t>(first + i));
  return bytes;
}
inline Bytes cifar_record(const Bytes& labels, int first) {
  return record(labels, 3072, first);
}

/// cifar-10-batches-bin/ with two records in every file: labels k and 9 - k in batch k, first pixels 10 k and 10 k + 1.
inline void write_cifar10(const std::filesystem::path& dir) {
  for (int k = 1; k <= 6; ++k) {
    Bytes bytes = cifar_record({static_cast<std::uint8_t>(k)}, 10 * k);
    const Bytes second = cifar_record({static_cast<std::uint8_t>(9 - k)}, 10 * k + 1);
    bytes.insert(bytes.end(), second.begin(), second.end());
    const std::string name = k == 6 ? "test_batch.bin" : "data_batch_" + std::to_string(k) + ".bin";
    write_bytes(dir / "cifar-10-batches-bin" / name, bytes);
  }
  write_text(dir / "cifar-10-batches-bin/batches.meta.txt",
             "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
}

/// Three images of 2x3 pixels, values 0 to 17.
inline Bytes idx_images() {
  Bytes bytes{0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 3};
  for (std::uint8_t i = 0; i < 18; ++i)
    bytes.push_back(i);
  return bytes;
}

/// Labels 7, 0, 9.
inline Bytes idx_labels() {
  return {0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9};
}

inline void append_u32(Bytes& bytes, std::uint32_t value) {
  for (int shift : {24, 16, 8, 0})
    bytes.push_back(static_cast<std::uint8_t>(value >> shift));
}

/// A PNG chunk: length, type, data, CRC of type and data.
inline void append_chunk(Bytes& png, const std::string& type, const Bytes& data) {
  append_u32(png, static_cast<std::uint32_t>(data.size()));
  Bytes body(type.begin(), type.end());
  body.insert(body.end(), data.begin(), data.end());
  png.insert(png.end(), body.begin(), body.end());
  append_u32(png, static_cast<std::uint32_t>(crc32(0, body.data(), static_cast<unsigned>(body.size()))));
}

/// Signature and header of a PNG; colours 2: RGB, 3: by palette.
inline Bytes png_head(std::uint32_t width, std::uint32_t height, std::uint8_t colours = 2) {
  Bytes png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, header;
  append_u32(header, width);
  append_u32(header, height);
  header.insert(header.end(), {8, colours, 0, 0, 0});
  append_chunk(png, "IHDR", header);
  return png;
}

inline Bytes packed(const Bytes& bytes) {
  uLongf size = compressBound(bytes.size());
  Bytes result(size);
  BOOST_TEST_REQUIRE(compress(result.data(), &size, bytes.data(), bytes.size()) == Z_OK);
  result.resize(size);
  return result;
}

/// A PNG of one colour.
inline Bytes png(std::uint32_t width, std::uint32_t height, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  Bytes rows;
  for (std::uint32_t y = 0; y < height; ++y) {
    rows.push_back(0);  // no filter
    for (std::uint32_t x = 0; x < width; ++x)
      rows.insert(rows.end(), {red, green, blue});
  }
  Bytes result = png_head(width, height);
  append_chunk(result, "IDAT", packed(rows));
  append_chunk(result, "IEND", {});
  return result;
}

inline Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// A marker segment of a JPEG with its length.
inline Bytes segment(std::uint8_t marker, const Bytes& data) {
  const std::size_t length = data.size() + 2;
  return joined({{0xFF, marker, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)}, data});
}

/// The segments of a JPEG of 8x8 pixels whose component c is 128 + 8 levels[c] everywhere, levels being 0 or 8 to 15 on
/// either side; tests exchange them.
struct JpegParts {
  explicit JpegParts(const std::vector<int>& levels = {0}) {
    const auto count = static_cast<std::uint8_t>(levels.size());
    Bytes frame_data{8, 0, 8, 0, 8, count}, scan_data{count};
    std::string bits;
    for (std::uint8_t c = 0; c < count; ++c) {
      frame_data.insert(frame_data.end(), {c, 0x11, 0});
      scan_data.insert(scan_data.end(), {c, 0});
      const int level = levels[c];
      bits +=
          level == 0 ? "0" : "10" + std::bitset<4>(static_cast<unsigned>(level > 0 ? level : level + 15)).to_string();
      bits += "0";  // end of block
    }
    scan_data.insert(scan_data.end(), {0, 63, 0});
    frame = segment(0xC0, frame_data);
    scan = segment(0xDA, scan_data);
    bits.resize((bits.size() + 7) / 8 * 8, '1');
    for (std::size_t i = 0; i < bits.size(); i += 8)
      coded.push_back(static_cast<std::uint8_t>(std::bitset<8>(bits.substr(i, 8)).to_ulong()));
  }

  Bytes bytes() const { return joined({start, quantisation, frame, dc_table, ac_table, scan, coded, end}); }

  Bytes start{0xFF, 0xD8};
  Bytes quantisation = segment(0xDB, joined({{0}, Bytes(64, 64)}));
  Bytes frame;
  Bytes dc_table =
      segment(0xC4, {0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4});  // 0: no change, 10: 4 bits
  Bytes ac_table = segment(0xC4, {0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});  // 0: end of block
  Bytes scan, coded;
  Bytes end{0xFF, 0xD9};
};

inline Bytes pixels_of(const data::Dataset& dataset, std::int64_t index) {
  Bytes pixels(static_cast<std::size_t>(dataset.shape().count()));
  dataset.read(index, pixels);
  return pixels;
}

}  // namespace ockham::test
