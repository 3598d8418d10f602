#include "formats/safetensors.h"

#include "tests/catch.h"
#include "tests/formats/reading.h"

namespace weigh::core {
namespace {

TEST_CASE("names and metadata come out unescaped") {
  const ModelFile file = read_fixture("safetensors/good/name-escapes.safetensors");
  REQUIRE(file.tensors.size() == 1);
  CHECK(file.tensors[0].name == std::string_view("a\0\n\"\\/\xc3\xbc\xf0\x9f\x98\x80", 12));
  const ModelFile metadata = read_fixture("safetensors/good/metadata-last.safetensors");
  CHECK(metadata.metadata.string("format") == "pt");
  CHECK(metadata.metadata.string("k") == "v");
  CHECK(metadata.tensors.size() == 1);
}

TEST_CASE("shapes and offsets are the file's own") {
  const ModelFile file = read_fixture("safetensors/good/tiny.safetensors");
  CHECK(file.format == Format::Safetensors);
  CHECK(file.version == 0);
  REQUIRE(file.tensors.size() == 3);
  CHECK(file.tensors[0].name == "model.norm.weight");  // the writer sorts by the type's size first
  CHECK(file.tensors[1].name == "lm_head.weight");
  CHECK(file.tensors[1].offset == 16);
  CHECK(std::vector<std::uint64_t>(file.tensors[1].shape.begin(), file.tensors[1].shape.end()) ==
        std::vector<std::uint64_t>{10, 4});
}

TEST_CASE("sub-byte types have their exact bytes") {
  const ModelFile file = read_fixture("safetensors/good/every-dtype.safetensors");
  REQUIRE(file.tensors.size() == 22);
  for (const Tensor& tensor : file.tensors) {
    CAPTURE(tensor.name);
    CHECK(tensor.name == "t." + std::string(name(tensor.dtype)));
    CHECK(tensor.bytes == 24 * info(tensor.dtype).block_bits / 8);
  }
}

TEST_CASE("moving a file keeps its views") {
  ModelFile file = read_fixture("safetensors/good/name-escapes.safetensors");
  const ModelFile moved = std::move(file);
  CHECK(moved.tensors[0].name.substr(2, 1) == "\n");
  CHECK(touch(moved) > 0);
}

TEST_CASE("a value of the wrong type is named") {
  struct Row {
    std::string_view json, sentence;
  };
  const auto rows = std::to_array<Row>({
      {R"(x)", "header: found 'x', expected {"},
      {"\xef\xbb\xbf{}", "header: found bytes that are not text, expected {"},
      {R"({"__metadata__": "pt"})", "__metadata__: found a string, expected an object"},
      {R"({"__metadata__": {"k": null}})", "__metadata__ key 'k': found null, expected a string"},
      {R"({"a": true})", "tensor 'a': found a boolean, expected an object"},
      {R"({"a": {"dtype": 0}})", "dtype of tensor 'a': found 0, expected a string"},
      {R"({"a": {"shape": {}}})", "shape of tensor 'a': found an object, expected an array"},
      {R"({"a": {"shape": [2, -1 ]}})", "shape of tensor 'a': found -1, expected an unsigned 64-bit integer"},
      {R"({"a": {"shape": [[2]]}})", "shape of tensor 'a': found an array, expected an unsigned 64-bit integer"},
      {R"({"a": {"data_offsets": "0"}})", "data_offsets of tensor 'a': found a string, expected an array"},
      {R"({"a": {"data_offsets": []}})", "data_offsets of tensor 'a': found no numbers, expected two"},
      {R"({"a": {"data_offsets": [0]}})", "data_offsets of tensor 'a': found one number, expected two"},
      {R"({"a": {"data_offsets": [0, 1.5]}})",
       "data_offsets of tensor 'a': found 1.5, expected an unsigned 64-bit integer"},
      {R"({"a": {"data_offsets": [0, 1, 2]}})",
       "data_offsets of tensor 'a': found more than two numbers, expected two"},
  });
  for (const Row& row : rows) {
    CAPTURE(row.json);
    const std::string bytes = char(row.json.size()) + std::string(7, '\0') + std::string(row.json);
    CHECK_THROWS_WITH(read_memory(as_bytes(bytes), "m.safetensors"), std::string(row.sentence));
  }
}

// 8 + N bytes of blanks and one tensor, of which nothing is kept in memory but the part that is asked for.
class LongHeader : public ByteSource {
 public:
  explicit LongHeader(std::uint64_t length) : length_(length) {}
  [[nodiscard]] std::uint64_t size() const override { return 8 + length_; }
  void read(std::uint64_t offset, std::span<std::byte> into) override {
    for (std::byte& byte : into) byte = at(offset++);
  }

 private:
  [[nodiscard]] std::byte at(std::uint64_t offset) const {
    if (offset < 8) return static_cast<std::byte>(length_ >> (8 * offset));
    return std::byte(offset == 8 ? '{' : offset == 9 ? '}' : ' ');
  }
  std::uint64_t length_;
};

TEST_CASE("headers up to the reference's limit are read, longer ones are refused") {
  LongHeader longest(100'000'000), longer(100'000'001);
  CHECK(read_safetensors(longest).header_bytes == 100'000'008);
  CHECK_THROWS_AS(read_safetensors(longer), FormatError);
}

// Around the sizes at which a reader fetches its bytes in pieces.
TEST_CASE("headers of every length near a round number are whole") {
  for (const std::uint64_t around : {512ULL, 4096ULL, 100'000ULL, 262'144ULL}) {
    for (std::uint64_t length = around - 9; length <= around + 1; ++length) {
      CAPTURE(length);
      LongHeader source(length);
      CHECK(read_model_file(source, "m.safetensors").header_bytes == 8 + length);
    }
  }
}

TEST_CASE("every prefix of a safetensors file is refused or reported as cut") {
  for (const std::string name : {"tiny", "name-escapes", "metadata-last", "zero-at-end"}) {
    const std::vector<std::byte> bytes =
        fixtures::read_bytes(WEIGH_TESTDATA "/safetensors/good/" + name + ".safetensors");
    const ModelFile whole = read_memory(bytes, "m.safetensors");
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      CAPTURE(name, length);
      try {
        const ModelFile file = read_memory(std::span(bytes).first(length), "m.safetensors");
        CHECK(touch(file) > 0);
        CHECK(every_byte_has_an_owner(file));
        CHECK(has_finding(file, "truncated", Severity::Error));
        CHECK(file.missing_bytes == bytes.size() - length);
      } catch (const FormatError& error) {
        CHECK(length < whole.header_bytes);
        CHECK_FALSE(std::string(error.what()).empty());
      }
    }
  }
}

}  // namespace
}  // namespace weigh::core
