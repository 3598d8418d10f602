#include "formats/metadata.h"

#include <limits>

#include "tests/catch.h"
#include "tests/formats/reading.h"

namespace weigh::core {
namespace {

using Unsigned = std::vector<std::uint64_t>;

void check_common_types(const Metadata& m) {
  CHECK(m.unsigned_integer("a.uint8") == 200U);
  CHECK(m.unsigned_integer("a.uint16") == 60000U);
  CHECK(m.unsigned_integer("a.uint32") == 4'000'000'000U);
  CHECK(m.number("a.int8") == -100.0);
  CHECK(m.number("a.int16") == -30000.0);
  CHECK(m.number("a.int32") == -2e9);
  CHECK(m.unsigned_integer("a.int8") == std::nullopt);  // negative
  CHECK(m.number("a.float32") == 1.5);
  CHECK(m.unsigned_integer("a.float32") == std::nullopt);
  CHECK(m.boolean("a.true") == true);
  CHECK(m.boolean("a.false") == false);
  CHECK(m.boolean("a.uint8") == std::nullopt);
  CHECK(m.number("a.true") == std::nullopt);
  CHECK(m.string("a.string") == "grüße");
  CHECK(m.string("a.empty_string") == "");
  CHECK(m.string("a.uint8") == std::nullopt);

  CHECK(m.unsigned_integers("l.uint8") == Unsigned{1, 2, 255});
  CHECK(m.unsigned_integers("l.int8") == Unsigned{0, 0, 1});  // negative ones read as 0
  CHECK(m.unsigned_integers("l.uint16") == Unsigned{1, 65535});
  CHECK(m.unsigned_integers("l.int16") == Unsigned{0, 7});
  CHECK(m.unsigned_integers("l.uint32") == Unsigned{1, 2, 3});
  CHECK(m.unsigned_integers("l.int32") == Unsigned{0, 2});
  CHECK(m.unsigned_integers("l.bool") == Unsigned{1, 0, 1});
  CHECK(m.unsigned_integers("l.float32").empty());
  CHECK(m.unsigned_integers("l.string").empty());
  CHECK(m.unsigned_integers("a.uint16") == Unsigned{60000});  // a scalar as one element
  CHECK(m.unsigned_integers("absent").empty());
  CHECK(m.strings("l.string", 10) == std::vector<std::string_view>{"one", "", "three"});
  CHECK(m.strings("l.string", 1) == std::vector<std::string_view>{"one"});
  CHECK(m.strings("a.string", 10).empty());
  CHECK(m.find("absent") == nullptr);

  const MetadataValue floats = decode(m, *m.find("l.float32"), 10);
  REQUIRE(floats.elements.size() == 2);
  CHECK(floats.elements[0].float_value == 0.25);
  CHECK(floats.elements[1].float_value == -2);
}

TEST_CASE("every value type decodes, in either byte order and in version 1") {
  for (const std::string name : {"value-types", "value-types-big-endian", "v1-value-types"}) {
    CAPTURE(name);
    const ModelFile file = read_fixture("gguf/good/" + name + ".gguf");
    check_common_types(file.metadata);
    if (name == "v1-value-types") continue;
    const Metadata& m = file.metadata;
    CHECK(m.unsigned_integer("a.uint64") == std::uint64_t{1} << 63U);
    CHECK(decode(m, *m.find("a.int64"), 0).signed_value == -(std::int64_t{1} << 62U));
    CHECK(m.number("a.float64") == 0.1);
    CHECK(m.unsigned_integers("l.uint64") == Unsigned{1, std::numeric_limits<std::uint64_t>::max()});
    CHECK(m.unsigned_integers("l.int64") == Unsigned{0});
    CHECK(decode(m, *m.find("l.float64"), 1).elements[0].float_value == 1e300);
  }
}

TEST_CASE("entries know their type, count and place") {
  const ModelFile file = read_fixture("gguf/good/value-types.gguf");
  const MetadataEntry* scalar = file.metadata.find("a.uint16");
  REQUIRE(scalar);
  CHECK(scalar->type == ValueType::Uint16);
  CHECK(scalar->count == 1);
  CHECK(scalar->bytes.size() == 2);
  const MetadataEntry* array = file.metadata.find("l.uint32");
  REQUIRE(array);
  CHECK(array->type == ValueType::Array);
  CHECK(array->element_type == ValueType::Uint32);
  CHECK(array->count == 3);
  CHECK(array->bytes.size() == 12);
  CHECK(file.metadata.entries.front().key == "a.uint8");
  CHECK(file.metadata.entries.front().offset == 24 + 8 + 7 + 4);
}

TEST_CASE("decoding an array stops where it is told and keeps the count") {
  const ModelFile file = read_fixture("gguf/good/vocabulary-only.gguf");
  const MetadataValue tokens = decode(file.metadata, *file.metadata.find("tokenizer.ggml.tokens"), 3);
  CHECK(tokens.count == 301);
  REQUIRE(tokens.elements.size() == 3);
  CHECK(tokens.elements[2].text == "token2");
  CHECK(file.metadata.strings("tokenizer.ggml.tokens", 1000).back() == "\xff\xfe not UTF-8");
}

TEST_CASE("nested arrays decode in step") {
  const ModelFile file = read_fixture("gguf/good/nested-arrays.gguf");
  const Metadata& m = file.metadata;
  const MetadataValue numbers = decode(m, *m.find("nested.numbers"), 16);
  REQUIRE(numbers.elements.size() == 2);
  CHECK(numbers.element_type == ValueType::Array);
  CHECK(numbers.elements[1].element_type == ValueType::Uint16);
  CHECK(numbers.elements[1].elements[1].unsigned_value == 2);
  const MetadataValue mixed = decode(m, *m.find("nested.mixed"), 16);
  REQUIRE(mixed.elements.size() == 3);
  CHECK(mixed.elements[1].elements[1].text == "yz");
  CHECK(mixed.elements[2].elements[0].elements[0].unsigned_value == 1);
  CHECK(m.string("after") == "still in step");

  const MetadataValue cut = decode(m, *m.find("nested.mixed"), 1);
  REQUIRE(cut.elements.size() == 1);
  CHECK(cut.elements[0].elements.size() == 1);
  CHECK(cut.elements[0].count == 2);
}

TEST_CASE("empty arrays are arrays") {
  const ModelFile file = read_fixture("gguf/good/empty-arrays.gguf");
  const Metadata& m = file.metadata;
  CHECK(decode(m, *m.find("empty.strings"), 16).count == 0);
  CHECK(m.strings("empty.strings", 16).empty());
  const MetadataValue of_empty = decode(m, *m.find("of_empty"), 16);
  REQUIRE(of_empty.elements.size() == 2);
  CHECK(of_empty.elements[0].elements.empty());
  CHECK(m.unsigned_integer("after") == 7U);
}

TEST_CASE("value types have the specification's names and sizes") {
  struct Row {
    ValueType type;
    std::string_view name;
    std::uint32_t bytes;
  };
  const std::vector<Row> rows = {
      {ValueType::Uint8, "uint8", 1},     {ValueType::Int8, "int8", 1},     {ValueType::Uint16, "uint16", 2},
      {ValueType::Int16, "int16", 2},     {ValueType::Uint32, "uint32", 4}, {ValueType::Int32, "int32", 4},
      {ValueType::Float32, "float32", 4}, {ValueType::Bool, "bool", 1},     {ValueType::String, "string", 0},
      {ValueType::Array, "array", 0},     {ValueType::Uint64, "uint64", 8}, {ValueType::Int64, "int64", 8},
      {ValueType::Float64, "float64", 8},
  };
  for (const Row& row : rows) {
    CHECK(value_type_name(row.type) == row.name);
    CHECK(value_type_bytes(row.type) == row.bytes);
  }
}

}  // namespace
}  // namespace weigh::core
