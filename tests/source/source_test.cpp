#include <zstd.h>

#include <algorithm>

#include "formats/error.h"
#include "src/source/folder.h"
#include "src/source/zstd_source.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

// Bytes that own themselves.
class OwnedSource : public MemorySource {
 public:
  explicit OwnedSource(std::shared_ptr<std::vector<std::byte>> bytes)
      : MemorySource(*bytes), bytes_(std::move(bytes)) {}

 private:
  std::shared_ptr<std::vector<std::byte>> bytes_;
};

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 2654435761U) >> 13U);
  return bytes;
}

std::vector<std::byte> packed(std::span<const std::byte> plain, bool state_size, bool checksum) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, state_size ? 1 : 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0);
  std::vector<std::byte> out(ZSTD_compressBound(plain.size()));
  out.resize(ZSTD_compress2(context, out.data(), out.size(), plain.data(), plain.size()));
  ZSTD_freeCCtx(context);
  return out;
}

ZstdSource open(std::vector<std::byte> bytes) {
  return ZstdSource(std::make_unique<OwnedSource>(std::make_shared<std::vector<std::byte>>(std::move(bytes))));
}

}  // namespace

TEST_CASE("a compressed file shows its plain size and bytes") {
  const std::vector<std::byte> plain = pattern(700'000);
  for (const bool state_size : {true, false}) {
    for (const bool checksum : {true, false}) {
      CAPTURE(state_size, checksum);
      ZstdSource source = open(packed(plain, state_size, checksum));
      CHECK(source.size() == plain.size());
      for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, std::size_t{299'999}, plain.size() - 10}) {
        std::vector<std::byte> got(10);
        source.read(offset, got);
        CHECK(std::ranges::equal(got, std::span(plain).subspan(offset, 10)));
      }
      std::vector<std::byte> beyond(11);
      CHECK_THROWS_AS(source.read(plain.size() - 10, beyond), IoError);
    }
  }
}

TEST_CASE("several frames and skippable ones are one file") {
  const std::vector<std::byte> plain = pattern(300'000);
  std::vector<std::byte> file;
  const auto append = [&](const std::vector<std::byte>& bytes) { file.insert(file.end(), bytes.begin(), bytes.end()); };
  append(packed(std::span(plain).first(100'000), true, true));
  append({std::byte{0x53},
          std::byte{0x2A},
          std::byte{0x4D},
          std::byte{0x18},
          std::byte{2},
          {},
          {},
          {},
          std::byte{9},
          std::byte{9}});
  append(packed(std::span(plain).subspan(100'000), true, false));
  ZstdSource source = open(file);
  REQUIRE(source.size() == plain.size());
  std::vector<std::byte> got(plain.size());
  source.read(0, got);
  CHECK(got == plain);
}

TEST_CASE("every truncation of a compressed file is refused, when it is opened or read") {
  const std::vector<std::byte> plain = pattern(2000);
  for (const bool state_size : {true, false}) {
    const std::vector<std::byte> whole = packed(plain, state_size, true);
    for (std::size_t length = 4; length < whole.size(); length += 7) {
      CAPTURE(state_size, length);
      const auto read_it = [&] {
        ZstdSource source = open({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
        std::vector<std::byte> got(plain.size());
        source.read(0, got);
      };
      CHECK_THROWS_AS(read_it(), Error);
    }
  }
}

TEST_CASE("a compressed bomb is not unpacked") {
  ZstdSource source = open(packed(std::vector<std::byte>(std::size_t{64} << 20U), true, true));
  std::vector<std::byte> got(std::size_t{48} << 20U);
  CHECK_THROWS_AS(source.read(0, got), FormatError);
}

TEST_CASE("a snapshot is a folder whose files keep their size and give their heads") {
  const Folder folder =
      snapshot_folder({"some model", {{"b.gguf", 1'000'000, pattern(100)}, {"a.json", 3, pattern(3)}}});
  CHECK(folder.name == "some model");
  CHECK(folder.names == std::vector<std::string>{"a.json", "b.gguf"});
  const auto source = folder.open("b.gguf");
  CHECK(source->size() == 1'000'000);
  CHECK(source->available() == 100);
  std::vector<std::byte> got(100);
  source->read(0, got);
  CHECK(got == pattern(100));
  CHECK_THROWS_AS(source->read(1, got), IoError);
  CHECK_THROWS_AS(folder.open("c"), IoError);
}
