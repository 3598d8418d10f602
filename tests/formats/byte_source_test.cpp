#include "formats/byte_source.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/catch.h"
#include "tests/formats/reading.h"

namespace weigh::core {
namespace {

TEST_CASE("MemorySource gives what it has and throws for what it has not") {
  const std::vector<std::byte> bytes = as_bytes("0123456789");
  MemorySource source(bytes);
  std::vector<std::byte> into(4);
  source.read(3, into);
  CHECK(into == as_bytes("3456"));
  source.read(10, {});
  CHECK_THROWS_AS(source.read(7, into), IoError);
  CHECK_THROWS_AS(source.read(~std::uint64_t{0}, into), IoError);
}

TEST_CASE("MemorySource may be the head of something longer") {
  const std::vector<std::byte> bytes = as_bytes("head");
  MemorySource source(bytes, 1'000'000);
  CHECK(source.size() == 1'000'000);
  std::vector<std::byte> into(5);
  CHECK_THROWS_AS(source.read(0, into), IoError);
}

TEST_CASE("FileSource reads a regular file and nothing else") {
  const std::string path = WEIGH_TESTDATA "/other/seven-bytes.bin";
  FileSource source(path);
  CHECK(source.size() == 7);
  CHECK(read_all(source, 7) == as_bytes("1234567"));
  CHECK_THROWS_AS(read_all(source, 6), IoError);
  std::vector<std::byte> into(2);
  CHECK_THROWS_AS(source.read(6, into), IoError);

  CHECK_THROWS_AS(FileSource(WEIGH_TESTDATA "/other/absent.bin"), IoError);
  CHECK_THROWS_AS(FileSource(WEIGH_TESTDATA "/other"), IoError);
  CHECK_THROWS_AS(FileSource("/dev/zero"), IoError);
}

TEST_CASE("FileSource tells when the file became shorter") {
  const auto path = std::filesystem::temp_directory_path() / ("weigh-shrinking-" + std::to_string(::getpid()));
  std::ofstream(path) << "0123456789";
  FileSource source(path.string());
  std::filesystem::resize_file(path, 4);
  std::vector<std::byte> into(8);
  CHECK_THROWS_AS(source.read(0, into), IoError);
  std::filesystem::remove(path);
}

// Passes reads on until the n-th, which fails.
class FaultySource : public ByteSource {
 public:
  FaultySource(std::span<const std::byte> bytes, int good_reads) : source_(bytes), left_(good_reads) {}
  [[nodiscard]] std::uint64_t size() const override { return source_.size(); }
  void read(std::uint64_t offset, std::span<std::byte> into) override {
    if (left_-- <= 0) throw IoError("the disk is gone", offset);
    source_.read(offset, into);
  }

 private:
  MemorySource source_;
  int left_;
};

TEST_CASE("a read that fails ends in an IoError or in the whole report, whichever read it is") {
  for (const std::string path :
       {"gguf/good/value-types.gguf", "gguf/good/key-65535-bytes.gguf", "safetensors/good/every-dtype.safetensors"}) {
    const std::vector<std::byte> bytes = fixtures::read_bytes(WEIGH_TESTDATA "/" + path);
    bool whole = false;
    for (int reads = 0; !whole; ++reads) {
      CAPTURE(path, reads);
      REQUIRE(reads < 100);
      FaultySource source(bytes, reads);
      try {
        const ModelFile file = read_model_file(source, path);
        CHECK_FALSE(file.tensors.size() + file.metadata.entries.size() == 0);
        whole = true;
      } catch (const IoError&) {
      }
    }
  }
}

// Claims a size that its bytes do not have: the file became shorter behind our back.
TEST_CASE("a source shorter than its size gives an IoError") {
  for (const std::string path : {"gguf/good/value-types.gguf", "safetensors/good/every-dtype.safetensors"}) {
    const std::vector<std::byte> bytes = fixtures::read_bytes(WEIGH_TESTDATA "/" + path);
    for (std::size_t length = 0; length < 64; ++length) {
      CAPTURE(path, length);
      const std::span<const std::byte> there(bytes.data(), length);
      MemorySource source(there, bytes.size());
      CHECK_THROWS_AS(read_model_file(source, path), IoError);
    }
  }
}

TEST_CASE("the head of a file is enough to read it") {
  for (const fixtures::Fixture& fixture : fixtures::list(WEIGH_TESTDATA, "file")) {
    if (!fixture.good || !fixture.header_bytes || fixture.path.starts_with("snapshots/")) continue;
    CAPTURE(fixture.path);
    const std::vector<std::byte> bytes = fixtures::read_bytes(WEIGH_TESTDATA "/" + fixture.path);
    const std::size_t head = std::min<std::size_t>(bytes.size(), *fixture.header_bytes);
    const std::span<const std::byte> there(bytes.data(), head);
    MemorySource source(there, bytes.size());
    const ModelFile file = read_model_file(source, fixture.path);
    CHECK(file.tensors.size() == fixture.tensors);
    CHECK(file.file_bytes == bytes.size());
  }
}

}  // namespace
}  // namespace weigh::core
