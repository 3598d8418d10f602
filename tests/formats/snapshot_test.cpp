#include "formats/snapshot.h"

#include <zstd.h>

#include <limits>

#include "tests/catch.h"
#include "tests/formats/reading.h"

namespace weigh::core {
namespace {

Snapshot sample() {
  return {
      "a model",
      {{"config.json", 2, as_bytes("{}")},
       {"empty.bin", 0, {}},
       {"folder/model-00001-of-00001.safetensors", std::numeric_limits<std::uint64_t>::max(), as_bytes("the head")}}};
}

TEST_CASE("a snapshot comes back as it was") {
  const Snapshot before = sample();
  const Snapshot after = read_snapshot(write_snapshot(before));
  CHECK(after.name == before.name);
  REQUIRE(after.files.size() == before.files.size());
  for (std::size_t i = 0; i < before.files.size(); ++i) {
    CHECK(after.files[i].name == before.files[i].name);
    CHECK(after.files[i].file_bytes == before.files[i].file_bytes);
    CHECK(after.files[i].head == before.files[i].head);
  }
  CHECK(read_snapshot(write_snapshot({"", {}})).files.empty());
}

TEST_CASE("writing is repeatable and starts like zstd") {
  CHECK(write_snapshot(sample()) == write_snapshot(sample()));
  CHECK(looks_like_zstd(write_snapshot(sample())));
  CHECK_FALSE(looks_like_zstd(as_bytes("GGUF")));
  CHECK_FALSE(looks_like_zstd({}));
}

TEST_CASE("a snapshot with any byte changed is refused or comes back as it was") {
  const std::vector<std::byte> good = write_snapshot(sample());
  std::size_t refused = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    std::vector<std::byte> bad = good;
    bad[i] ^= std::byte{0x5a};
    try {
      const Snapshot same = read_snapshot(bad);
      CHECK(write_snapshot(same) == good);
    } catch (const FormatError&) {
      ++refused;
    }
  }
  CHECK(refused + 4 >= good.size());  // a zstd frame has a few bits that mean nothing
}

TEST_CASE("a snapshot that ends early is refused wherever it ends") {
  const std::vector<std::byte> good = write_snapshot(sample());
  for (std::size_t length = 0; length < good.size(); ++length) {
    CAPTURE(length);
    CHECK_THROWS_AS(read_snapshot(std::span(good).first(length)), FormatError);
  }
}

std::vector<std::byte> packed(std::string_view plain) {
  std::vector<std::byte> bytes(ZSTD_compressBound(plain.size()));
  bytes.resize(ZSTD_compress(bytes.data(), bytes.size(), plain.data(), plain.size(), 1));
  return bytes;
}

std::string number(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string text(std::string_view value) { return number(value.size(), 4) + std::string(value); }

std::string with_file(std::string_view name, std::uint64_t file_bytes, std::uint64_t kept, std::string_view head) {
  return "WEIGHSNP" + number(1, 4) + text("m") + number(1, 4) + text(name) + number(file_bytes, 8) + number(kept, 8) +
         std::string(head);
}

TEST_CASE("a snapshot that is wrong inside is refused") {
  CHECK(read_snapshot(packed(with_file("a/b.gguf", 9, 4, "head"))).files.size() == 1);  // the form of all below
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"empty", ""},
      {"another magic", "WEIGHSNQ" + number(1, 4) + text("m") + number(0, 4)},
      {"a later version", "WEIGHSNP" + number(2, 4) + text("m") + number(0, 4)},
      {"a name longer than all", "WEIGHSNP" + number(1, 4) + number(~0U, 4) + "m"},
      {"files that are not there", "WEIGHSNP" + number(1, 4) + text("m") + number(~0U, 4)},
      {"a head longer than its file", with_file("a.gguf", 3, 4, "head")},
      {"a head longer than all", with_file("a.gguf", ~0ULL, ~0ULL, "head")},
      {"bytes behind the last file", with_file("a.gguf", 9, 4, "head and more")},
      {"a name that leaves the folder", with_file("../a.gguf", 9, 4, "head")},
      {"a name that leaves it later", with_file("a/../../b.gguf", 9, 4, "head")},
      {"an absolute name", with_file("/a.gguf", 9, 4, "head")},
      {"no name", with_file("", 9, 4, "head")},
      {"an empty part in a name", with_file("a//b.gguf", 9, 4, "head")},
      {"a backslash in a name", with_file("..\\a.gguf", 9, 4, "head")},
      {"a NUL in a name", with_file(std::string_view("a\0.gguf", 7), 9, 4, "head")},
      {"an address for a name", with_file("http://a/b.gguf", 9, 4, "head")},
  };
  for (const auto& [name, plain] : rows) {
    CAPTURE(name);
    CHECK_THROWS_AS(read_snapshot(packed(plain)), FormatError);
  }
}

TEST_CASE("a bomb is refused before it fills the memory") {
  const std::string zeros(64U << 20U, '\0');
  const std::vector<std::byte> bomb = packed(with_file("a.gguf", ~0ULL, zeros.size(), zeros));
  CHECK(bomb.size() < 64 * 1024);
  CHECK_THROWS_AS(read_snapshot(bomb), FormatError);
}

TEST_CASE("snapshots of known models hold what was published") {
  std::size_t read = 0;
  for (const fixtures::Fixture& fixture : fixtures::list(WEIGH_TESTDATA, "file", "snapshots/")) {
    CAPTURE(fixture.path);
    const Snapshot snapshot = read_snapshot(fixtures::read_bytes(WEIGH_TESTDATA "/" + fixture.path));
    std::uint64_t tensors = 0, elements = 0, weight_bytes = 0, header_bytes = 0;
    for (const SnapshotFile& part : snapshot.files) {
      if (part.name.ends_with(".json")) continue;
      MemorySource source(part.head, part.file_bytes);
      const ModelFile file = read_model_file(source, part.name);
      CHECK_FALSE(has_error(file));
      CHECK(every_byte_has_an_owner(file));
      tensors += file.tensors.size();
      for (const Tensor& tensor : file.tensors) elements += tensor.elements;
      weight_bytes += file.tensor_bytes;
      header_bytes += file.header_bytes;
    }
    CHECK(tensors == fixture.tensors);
    CHECK(elements == fixture.elements);
    CHECK(weight_bytes == fixture.weight_bytes);
    CHECK(header_bytes == fixture.header_bytes);
    ++read;
  }
  CHECK(read == 19);
}

}  // namespace
}  // namespace weigh::core
