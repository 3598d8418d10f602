#include "formats/gguf.h"

#include "tests/catch.h"
#include "tests/formats/reading.h"

namespace weigh::core {
namespace {

const Tensor& tensor(const ModelFile& file, std::string_view name) {
  const auto found = std::ranges::find(file.tensors, name, &Tensor::name);
  REQUIRE(found != file.tensors.end());
  return *found;
}

TEST_CASE("versions and byte orders hold the same model") {
  struct Row {
    std::string name;
    std::uint32_t version;
    std::endian order;
  };
  for (const Row& row : {Row{"v1", 1, std::endian::little}, Row{"v2", 2, std::endian::little},
                         Row{"v3", 3, std::endian::little}, Row{"v3-big-endian", 3, std::endian::big}}) {
    CAPTURE(row.name);
    const ModelFile file = read_fixture("gguf/good/" + row.name + ".gguf");
    CHECK(file.format == Format::Gguf);
    CHECK(file.version == row.version);
    CHECK(file.byte_order == row.order);
    CHECK(file.metadata.string("general.architecture") == "llama");
    CHECK(file.metadata.unsigned_integer("llama.block_count") == 1U);
    REQUIRE(file.tensors.size() == 3);
    CHECK(file.tensors[2].dtype == Dtype::Q4_0);
    CHECK(file.tensors[2].bytes == 54);
    CHECK(file.tensors[1].offset == 640);
  }
}

TEST_CASE("shapes are turned round: outermost first") {
  const ModelFile file = read_fixture("gguf/good/four-dimensions.gguf");
  const std::vector<std::uint64_t> shape(file.tensors[0].shape.begin(), file.tensors[0].shape.end());
  CHECK(shape == std::vector<std::uint64_t>{5, 2, 3, 64});
  CHECK(read_fixture("gguf/good/scalar.gguf").tensors[0].shape.empty());
}

TEST_CASE("an id of several programs is read as the layout says") {
  struct Row {
    std::string path;
    Dtype dtype;
    std::uint64_t bytes;
  };
  const std::vector<Row> rows = {
      {"good/fork-bitnet-i2_s", Dtype::I2_S, 2080},
      {"bad/removed-36-IQ4_NL_4_4", Dtype::IQ4_NL_4_4, 4608},
      {"bad/removed-37-IQ4_NL_4_8", Dtype::IQ4_NL_4_8, 4608},
      {"good/fork-bitnet-tl1", Dtype::TL1, 2112},
      {"bad/removed-38-IQ4_NL_8_8", Dtype::IQ4_NL_8_8, 4608},
      {"good/collision-39-mxfp4", Dtype::MXFP4, 4352},
      {"good/collision-39-tl2", Dtype::TL2, 1984},
      {"good/collision-40-nvfp4", Dtype::NVFP4, 4608},
      {"bad/removed-40-Q1_0_g32", Dtype::Q1_0_g32, 1536},
      {"good/collision-142-pq2_0", Dtype::PQ2_0, 2176},
      {"bad/removed-142-IQ2_TN", Dtype::IQ2_TN, 2112},
      {"bad/removed-143-IQ1_TN", Dtype::IQ1_TN, 1696},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    const ModelFile file = read_fixture("gguf/" + row.path + ".gguf");
    const Tensor& up = tensor(file, "blk.0.ffn_up.weight");
    CHECK(name(up.dtype) == name(row.dtype));
    CHECK(up.bytes == row.bytes);
    CHECK(tensor(file, "blk.0.ffn_down.weight").bytes == row.bytes);
  }
}

TEST_CASE("a type of unknown size takes what lies up to the next tensor") {
  const ModelFile file = read_fixture("gguf/bad/dtype-77.gguf");
  CHECK(tensor(file, "a").dtype == Dtype::Unknown);
  CHECK(tensor(file, "a").bytes == 128);
  CHECK(every_byte_has_an_owner(file));
}

TEST_CASE("a fault says where it is") {
  const std::vector<std::byte> bytes = fixtures::read_bytes(WEIGH_TESTDATA "/gguf/bad/version-99.gguf");
  try {
    read_memory(bytes, "m.gguf");
    FAIL("nothing was thrown");
  } catch (const FormatError& error) {
    CHECK(error.offset == 4U);
    CHECK(std::string(error.what()) == "version: found 99, expected 1, 2 or 3");
  }
}

// A file of many gigabytes whose bytes are not there: counts that would fit must still not be trusted with memory.
TEST_CASE("a count that fits in the claimed size takes no memory before its entries are there") {
  std::vector<std::byte> bytes = fixtures::read_bytes(WEIGH_TESTDATA "/gguf/good/nothing.gguf");
  bytes[8 + 4] = std::byte{1};  // 2^32 tensors
  MemorySource source(bytes, std::uint64_t{1} << 50U);
  CHECK_THROWS_AS(read_gguf(source), Error);
}

TEST_CASE("every prefix of a GGUF file is refused or reported as cut") {
  for (const std::string name : {"v1", "v3-big-endian", "value-types", "nested-arrays", "scalar"}) {
    const std::vector<std::byte> bytes = fixtures::read_bytes(WEIGH_TESTDATA "/gguf/good/" + name + ".gguf");
    const ModelFile whole = read_memory(bytes, "m.gguf");
    const std::uint64_t end =
        whole.header_bytes + (whole.tensors.empty() ? 0 : whole.tensors.back().offset + whole.tensors.back().bytes);
    for (std::size_t length = 0; length < end; ++length) {
      CAPTURE(name, length);
      try {
        const ModelFile file = read_memory(std::span(bytes).first(length), "m.gguf");
        CHECK(touch(file) > 0);
        CHECK(every_byte_has_an_owner(file));
        CHECK(has_finding(file, "truncated", Severity::Error));
        CHECK(file.missing_bytes == end - length);
      } catch (const FormatError& error) {
        CHECK(length < whole.header_bytes);
        CHECK_FALSE(std::string(error.what()).empty());
      }
    }
  }
}

}  // namespace
}  // namespace weigh::core
