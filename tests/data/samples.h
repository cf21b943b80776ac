#pragma once
// Small files in the formats that the readers take, made by the tests.
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "tests/support.h"

namespace ockham::test {

using Bytes = std::vector<uint8_t>;

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
inline Bytes cifar_record(const Bytes& labels, int first) {
  Bytes record = labels;
  for (int i = 0; i < 3072; ++i) {
    record.push_back(static_cast<uint8_t>(first + i));
  }
  return record;
}

/// cifar-10-batches-bin/ with two records in every file: labels k and 9 - k in batch k, first pixels 10 k and 10 k + 1.
inline void write_cifar10(const std::filesystem::path& dir) {
  for (int k = 1; k <= 6; ++k) {
    Bytes bytes = cifar_record({static_cast<uint8_t>(k)}, 10 * k);
    const Bytes second = cifar_record({static_cast<uint8_t>(9 - k)}, 10 * k + 1);
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
  for (uint8_t i = 0; i < 18; ++i) {
    bytes.push_back(i);
  }
  return bytes;
}

/// Labels 7, 0, 9.
inline Bytes idx_labels() {
  return {0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9};
}

inline void append_u32(Bytes& bytes, uint32_t value) {
  for (int shift : {24, 16, 8, 0}) {
    bytes.push_back(static_cast<uint8_t>(value >> shift));
  }
}

/// A PNG chunk: length, type, data, CRC of type and data.
inline void append_chunk(Bytes& png, const std::string& type, const Bytes& data) {
  append_u32(png, static_cast<uint32_t>(data.size()));
  Bytes body(type.begin(), type.end());
  body.insert(body.end(), data.begin(), data.end());
  png.insert(png.end(), body.begin(), body.end());
  append_u32(png, static_cast<uint32_t>(crc32(0, body.data(), static_cast<unsigned>(body.size()))));
}

/// Signature and header of an RGB PNG.
inline Bytes png_head(uint32_t width, uint32_t height) {
  Bytes png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, header;
  append_u32(header, width);
  append_u32(header, height);
  header.insert(header.end(), {8, 2, 0, 0, 0});
  append_chunk(png, "IHDR", header);
  return png;
}

/// A PNG of one colour.
inline Bytes png(uint32_t width, uint32_t height, uint8_t red, uint8_t green, uint8_t blue) {
  Bytes rows;
  for (uint32_t y = 0; y < height; ++y) {
    rows.push_back(0);  // no filter
    for (uint32_t x = 0; x < width; ++x) {
      rows.insert(rows.end(), {red, green, blue});
    }
  }
  uLongf size = compressBound(rows.size());
  Bytes packed(size);
  BOOST_TEST_REQUIRE(compress(packed.data(), &size, rows.data(), rows.size()) == Z_OK);
  packed.resize(size);
  Bytes result = png_head(width, height);
  append_chunk(result, "IDAT", packed);
  append_chunk(result, "IEND", {});
  return result;
}

inline Bytes pixels_of(const data::Dataset& dataset, int64_t index) {
  Bytes pixels(static_cast<size_t>(dataset.shape().count()));
  dataset.read(index, pixels);
  return pixels;
}

}  // namespace ockham::test
