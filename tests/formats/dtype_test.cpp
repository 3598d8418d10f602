#include "formats/dtype.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "tests/catch.h"

namespace weigh::core {
namespace {

using Shape = std::vector<std::uint64_t>;

// One row of testdata/facts/ggml_types.csv; the note behind it may hold commas.
struct Row {
  std::uint32_t id = 0;
  std::string name, block_elements, block_bytes, row_bytes, status, origin;
};

std::vector<Row> csv_rows() {
  std::ifstream in(WEIGH_TESTDATA "/facts/ggml_types.csv");
  REQUIRE(in);
  std::vector<Row> rows;
  std::string line;
  std::getline(in, line);
  REQUIRE(line == "id,name,block_elements,block_bytes,row_bytes,bits_per_weight,status,origin,note");
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::vector<std::string> f(8);
    for (std::string& field : f) std::getline(fields, field, ',');
    rows.push_back({static_cast<std::uint32_t>(std::stoul(f[0])), f[1], f[2], f[3], f[4], f[6], f[7]});
  }
  return rows;
}

std::uint64_t number(const std::string& text) { return text.empty() ? 0 : std::stoull(text); }

TEST_CASE("every row of the facts is a row of the table") {
  const std::map<std::string, DtypeStatus> statuses = {
      {"current", DtypeStatus::Current}, {"removed", DtypeStatus::Removed}, {"fork", DtypeStatus::Fork}};
  std::set<Dtype> seen;
  for (const Row& row : csv_rows()) {
    CAPTURE(row.id, row.name);
    const auto dtype = dtype_from_name(row.name);
    REQUIRE(dtype);
    const DtypeInfo& found = info(*dtype);
    CHECK(found.name == row.name);
    CHECK(found.ggml_id == static_cast<std::int32_t>(row.id));
    CHECK(found.block_elements == number(row.block_elements));
    CHECK(found.block_bits == number(row.block_bytes) * 8);
    CHECK(found.row_bytes == number(row.row_bytes));
    CHECK(found.status == statuses.at(row.status));
    const std::string origin = row.origin == "ggml" ? "llama.cpp" : row.origin.substr(0, row.origin.find(';'));
    CHECK(found.origin == origin);
    const std::vector<Dtype> by_id = dtypes_with_ggml_id(row.id);
    CHECK(std::ranges::find(by_id, *dtype) != by_id.end());
    seen.insert(*dtype);
  }
  for (const DtypeInfo& row : dtypes()) {
    CAPTURE(row.name);
    CHECK((row.ggml_id >= 0) == seen.contains(row.id));
  }
}

TEST_CASE("every dtype of the safetensors specification has its bits") {
  const std::map<std::string, std::uint32_t> bits = {
      {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
      {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
      {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
  REQUIRE(bits.size() == 22);
  for (const auto& [name, expected] : bits) {
    CAPTURE(name);
    const auto dtype = dtype_from_safetensors(name);
    REQUIRE(dtype);
    CHECK(info(*dtype).block_bits == expected);
    CHECK(info(*dtype).block_elements == 1);
  }
  const auto known =
      std::ranges::count_if(dtypes(), [](const DtypeInfo& row) { return !row.safetensors_name.empty(); });
  CHECK(known == 22);
  CHECK_FALSE(dtype_from_safetensors("f32"));
  CHECK_FALSE(dtype_from_safetensors("Q4_0"));
  CHECK_FALSE(dtype_from_safetensors("E8M0"));
  CHECK_FALSE(dtype_from_safetensors(""));
}

TEST_CASE("sizes that other tools had wrong") {
  CHECK(tensor_bytes(Dtype::Q8_1, Shape{32}) == 36U);
  CHECK(tensor_bytes(Dtype::IQ4_NL, Shape{32}) == 18U);
  CHECK(tensor_bytes(Dtype::Q2_K, Shape{256}) == 84U);
  CHECK(tensor_bytes(Dtype::IQ1_S, Shape{256}) == 50U);
  CHECK(tensor_bytes(Dtype::NVFP4, Shape{64}) == 36U);
  CHECK(tensor_bytes(Dtype::Q1_0, Shape{128}) == 18U);
  CHECK(tensor_bytes(Dtype::Q2_0, Shape{64}) == 18U);
}

struct SizeRow {
  Dtype dtype;
  Shape shape;
  std::optional<std::uint64_t> bytes;
};

TEST_CASE("tensor_bytes is exact or absent") {
  constexpr std::uint64_t kTwoTo32 = std::uint64_t{1} << 32U;
  const std::vector<SizeRow> rows = {
      {Dtype::F32, {}, 4},  // a scalar
      {Dtype::F16, {10, 32}, 640},
      {Dtype::Q4_0, {3, 64}, 108},
      {Dtype::Q4_K, {4096, 4096}, 9'437'184},
      {Dtype::Q4_0, {32, 33}, std::nullopt},  // the innermost dimension comes last
      {Dtype::Q4_0, {33, 32}, 594},
      {Dtype::Q4_K, {}, std::nullopt},
      {Dtype::IQ1_BN, {3, 64}, 3 * (13 + 2)},  // bytes per row
      {Dtype::Q8_K16, {2, 5, 64}, 2 * 5 * (64 + 20)},
      {Dtype::I2_S, {2, 64}, 2 * 64 / 4 + 32},  // bytes per tensor
      {Dtype::F4, {3}, std::nullopt},           // 12 bits
      {Dtype::F4, {2, 3}, 3},                   // 24: of the whole tensor, not of a row
      {Dtype::F6_E2M3, {4}, 3},
      {Dtype::F6_E3M2, {2}, std::nullopt},
      {Dtype::F32, {0}, 0},
      {Dtype::Q4_0, {7, 0}, 0},
      {Dtype::F32, {kTwoTo32, kTwoTo32}, std::nullopt},                 // wraps to 0
      {Dtype::F64, {kTwoTo32, kTwoTo32 / 8}, std::nullopt},             // the elements fit, the bytes do not
      {Dtype::F16, {kTwoTo32, kTwoTo32 / 4}, std::uint64_t{1} << 63U},  // the bits do not fit
      {Dtype::TL1, {256}, std::nullopt},                                // nobody knows
      {Dtype::Unknown, {1}, std::nullopt},
  };
  for (const SizeRow& row : rows) {
    CAPTURE(name(row.dtype), row.shape);
    CHECK(tensor_bytes(row.dtype, row.shape) == row.bytes);
  }
}

TEST_CASE("element_count multiplies from left to right") {
  constexpr std::uint64_t kTwoTo63 = std::uint64_t{1} << 63U;
  CHECK(element_count(Shape{}) == 1U);
  CHECK(element_count(Shape{2, 3, 4}) == 24U);
  CHECK(element_count(Shape{0, kTwoTo63, 4}) == 0U);
  CHECK(element_count(Shape{kTwoTo63, 4, 0}) == std::nullopt);
}

TEST_CASE("ids that several programs use") {
  CHECK(dtypes_with_ggml_id(39) == std::vector{Dtype::MXFP4, Dtype::TL2});
  CHECK(dtypes_with_ggml_id(36).size() == 2);
  CHECK(dtypes_with_ggml_id(142).size() == 2);
  CHECK(dtypes_with_ggml_id(12) == std::vector{Dtype::Q4_K});
  CHECK(dtypes_with_ggml_id(77).empty());
  CHECK(dtypes_with_ggml_id(std::numeric_limits<std::uint32_t>::max()).empty());
}

TEST_CASE("names are found in any letter case, nothing else is") {
  CHECK(dtype_from_name("q4_k") == Dtype::Q4_K);
  CHECK(dtype_from_name("bf16") == Dtype::BF16);
  CHECK(dtype_from_name("F8_e4m3") == Dtype::F8_E4M3);
  CHECK_FALSE(dtype_from_name("unknown"));
  CHECK_FALSE(dtype_from_name("Q4_K_M"));
  CHECK_FALSE(dtype_from_name(""));
  CHECK(name(Dtype::Unknown) == "unknown");
}

}  // namespace
}  // namespace weigh::core
