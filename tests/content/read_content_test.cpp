#include "src/content/read_content.h"

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <stdexcept>

#include "src/content/float_layout.h"
#include "tests/catch.h"

using namespace weigh::core;
namespace fs = std::filesystem;

namespace {

using Bytes = std::vector<std::byte>;

// A folder that goes away with the test.
struct Place {
  fs::path path;

  Place() {
    std::string name = (fs::temp_directory_path() / "weigh-content-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = name;
  }
  ~Place() { fs::remove_all(path); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] std::string write(const std::string& name, const Bytes& bytes) const {
    std::ofstream out(path / name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return (path / name).string();
  }
};

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// A model file made of what the test says, without a header that could be parsed.
struct Made {
  ModelFile file;
  Bytes bytes;
  std::deque<std::vector<std::uint64_t>> shapes;
  std::deque<std::string> names;

  explicit Made(std::size_t header_bytes = 13) : bytes(header_bytes) {
    file.header_bytes = file.file_bytes = header_bytes;
  }

  void add(std::string name, Dtype dtype, std::vector<std::uint64_t> shape, const Bytes& data) {
    Tensor tensor;
    tensor.name = names.emplace_back(std::move(name));
    tensor.dtype = dtype;
    tensor.shape = shapes.emplace_back(std::move(shape));
    tensor.elements = element_count(tensor.shape).value();
    tensor.offset = bytes.size() - file.header_bytes;
    tensor.bytes = data.size();
    bytes.insert(bytes.end(), data.begin(), data.end());
    file.tensors.push_back(tensor);
    file.file_bytes = bytes.size();
  }

  [[nodiscard]] Content read(const ContentOptions& options = {}) const {
    const Place place;
    return read_content(place.write("model", bytes), file, options);
  }
};

enum class Code : std::uint8_t { None, F16, Bf16, F32, F64, E5m2, E4m3, Fnuz, E8m0, Ue4m3, Iq1m };

// The value in words of its standard, bit field by bit field.
double decode(Code code, const std::byte* at, std::size_t bytes, bool big) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    bits |= std::to_integer<std::uint64_t>(at[big && code != Code::Iq1m ? bytes - 1 - i : i]) << (8 * i);
  }
  const auto ieee = [&](unsigned exponent_bits, unsigned mantissa_bits) {
    const std::uint64_t mantissa = bits & ((std::uint64_t{1} << mantissa_bits) - 1);
    const std::uint64_t most = (std::uint64_t{1} << exponent_bits) - 1;
    const std::uint64_t exponent = bits >> mantissa_bits & most;
    if (exponent == most) return mantissa == 0 ? HUGE_VAL : std::nan("");
    return exponent == 0 && mantissa == 0 ? 0.0 : 1.0;
  };
  switch (code) {
    case Code::F16: return ieee(5, 10);
    case Code::Bf16: return ieee(8, 7);
    case Code::F32: return ieee(8, 23);
    case Code::F64: return ieee(11, 52);
    case Code::E5m2: return ieee(5, 2);
    case Code::E4m3: return bits == 0x7f || bits == 0xff ? std::nan("") : bits == 0 || bits == 0x80 ? 0.0 : 1.0;
    case Code::Ue4m3: return (bits & 0x7f) == 0x7f ? std::nan("") : (bits & 0x7f) == 0 ? 0.0 : 1.0;
    case Code::Fnuz: return bits == 0x80 ? std::nan("") : bits == 0 ? 0.0 : 1.0;
    case Code::E8m0: return bits == 0xff ? std::nan("") : 1.0;
    case Code::Iq1m: {
      std::uint16_t words[4];
      for (std::size_t i = 0; i < 4; ++i) {
        const auto low = std::to_integer<unsigned>(at[2 * i + (big ? 1 : 0)]);
        const auto high = std::to_integer<unsigned>(at[2 * i + (big ? 0 : 1)]);
        words[i] = static_cast<std::uint16_t>(high << 8U | low);
      }
      bits = (words[0] >> 12U) | (words[1] >> 8U & 0xf0U) | (words[2] >> 4U & 0xf00U) | (words[3] & 0xf000U);
      return ieee(5, 10);
    }
    case Code::None: break;
  }
  return 1.0;
}

// What llama.cpp's structures and the safetensors specification say of a type: where in a block its numbers lie.
struct Published {
  Dtype dtype;
  std::uint64_t block_elements, block_bytes;
  Code code;
  std::vector<std::size_t> offsets;
};

std::size_t width(Code code) {
  switch (code) {
    case Code::None: return 0;
    case Code::F16:
    case Code::Bf16: return 2;
    case Code::F32: return 4;
    case Code::F64:
    case Code::Iq1m: return 8;
    default: return 1;
  }
}

const std::vector<Published>& published() {
  static const std::vector<Published> rows = {
      {Dtype::F64, 1, 8, Code::F64, {0}},
      {Dtype::F32, 1, 4, Code::F32, {0}},
      {Dtype::F16, 1, 2, Code::F16, {0}},
      {Dtype::BF16, 1, 2, Code::Bf16, {0}},
      {Dtype::C64, 1, 8, Code::F32, {0, 4}},
      {Dtype::F8_E5M2, 1, 1, Code::E5m2, {0}},
      {Dtype::F8_E4M3, 1, 1, Code::E4m3, {0}},
      {Dtype::F8_E8M0, 1, 1, Code::E8m0, {0}},
      {Dtype::F8_E4M3FNUZ, 1, 1, Code::Fnuz, {0}},
      {Dtype::F8_E5M2FNUZ, 1, 1, Code::Fnuz, {0}},
      {Dtype::F4, 2, 1, Code::None, {}},
      {Dtype::F6_E2M3, 4, 3, Code::None, {}},
      {Dtype::F6_E3M2, 4, 3, Code::None, {}},
      {Dtype::BOOL, 1, 1, Code::None, {}},
      {Dtype::U8, 1, 1, Code::None, {}},
      {Dtype::I32, 1, 4, Code::None, {}},
      {Dtype::U64, 1, 8, Code::None, {}},
      {Dtype::Q4_0, 32, 18, Code::F16, {0}},
      {Dtype::Q4_1, 32, 20, Code::F16, {0, 2}},
      {Dtype::Q5_0, 32, 22, Code::F16, {0}},
      {Dtype::Q5_1, 32, 24, Code::F16, {0, 2}},
      {Dtype::Q8_0, 32, 34, Code::F16, {0}},
      {Dtype::Q8_1, 32, 36, Code::F16, {0, 2}},
      {Dtype::Q1_0, 128, 18, Code::F16, {0}},
      {Dtype::Q2_0, 64, 18, Code::F16, {0}},
      {Dtype::Q2_K, 256, 84, Code::F16, {16 + 64, 16 + 64 + 2}},
      {Dtype::Q3_K, 256, 110, Code::F16, {32 + 64 + 12}},
      {Dtype::Q4_K, 256, 144, Code::F16, {0, 2}},
      {Dtype::Q5_K, 256, 176, Code::F16, {0, 2}},
      {Dtype::Q6_K, 256, 210, Code::F16, {128 + 64 + 16}},
      {Dtype::Q8_K, 256, 292, Code::F32, {0}},
      {Dtype::IQ1_S, 256, 50, Code::F16, {0}},
      {Dtype::IQ1_M, 256, 56, Code::Iq1m, {32 + 16}},
      {Dtype::IQ2_XXS, 256, 66, Code::F16, {0}},
      {Dtype::IQ2_XS, 256, 74, Code::F16, {0}},
      {Dtype::IQ2_S, 256, 82, Code::F16, {0}},
      {Dtype::IQ3_XXS, 256, 98, Code::F16, {0}},
      {Dtype::IQ3_S, 256, 110, Code::F16, {0}},
      {Dtype::IQ4_NL, 32, 18, Code::F16, {0}},
      {Dtype::IQ4_XS, 256, 136, Code::F16, {0}},
      {Dtype::TQ1_0, 256, 54, Code::F16, {48 + 4}},
      {Dtype::TQ2_0, 256, 66, Code::F16, {64}},
      {Dtype::MXFP4, 32, 17, Code::E8m0, {0}},
      {Dtype::NVFP4, 64, 36, Code::Ue4m3, {0, 1, 2, 3}},
      {Dtype::PTQ1_0, 128, 28, Code::F16, {24 + 2}},
      {Dtype::IQ6_K, 256, 212, Code::F16, {0}},
      {Dtype::Q4_0_8_8, 32 * 8, 18 * 8, Code::F16, {0, 2, 4, 6, 8, 10, 12, 14}},
      {Dtype::Q2_K_R4, 256 * 4, 84 * 4, Code::F16, {0, 2, 4, 6, 8, 10, 12, 14}},
      {Dtype::MXFP4_R8, 32 * 8, 17 * 8, Code::E8m0, {0, 1, 2, 3, 4, 5, 6, 7}},
      // One row of 512 elements; four rows where they are interleaved.
      {Dtype::IQ1_BN, 512, 2 + 8 * 13, Code::F16, {0}},
      {Dtype::IQ4_KS, 512, 4 + 2 * 136, Code::F32, {0}},
      {Dtype::IQ5_KS_R4, 4 * 512, 4 * (4 + 2 * 168), Code::F32, {0, 4, 8, 12}},
  };
  return rows;
}

std::vector<std::uint64_t> shape_of(const Published& row, std::uint64_t blocks) {
  if (value_layout(row.dtype)->repeat == Repeat::Rows) return {blocks * row.block_elements / 512, 512};
  return {blocks * row.block_elements};
}

// Number by number, over the whole tensor at once.
TensorHealth naive(const Published& row, const Made& made, std::size_t index, bool big) {
  TensorHealth health;
  health.tensor = static_cast<std::uint32_t>(index);
  const std::uint64_t begin = made.file.header_bytes + made.file.tensors[index].offset;
  const std::uint64_t end = begin + made.file.tensors[index].bytes;
  for (std::uint64_t block = begin; block < end; block += row.block_bytes) {
    for (const std::size_t offset : row.offsets) {
      const double value = decode(row.code, made.bytes.data() + block + offset, width(row.code), big);
      ++health.values;
      if (std::isfinite(value)) continue;
      ++(std::isinf(value) ? health.infinite : health.nan);
      if (!health.first_offset) health.first_offset = block + offset;
    }
  }
  return health;
}

Bytes random_bytes(std::size_t count, std::mt19937& random) {
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0xffU);
  return bytes;
}

}  // namespace

TEST_CASE("the hashes of a file are those of sha256sum and of git hash-object") {
  struct Row {
    std::string text, sha256, git_id;
  };
  const auto row = GENERATE(values<Row>({{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                          "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"},
                                         {"hello\n", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
                                          "ce013625030ba8dba906f756967f9e9ca394464a"}}));
  const auto chunk = GENERATE(as<std::size_t>(), 1, 4, 1000);
  CAPTURE(row.text, chunk);
  Made made(0);
  made.bytes = bytes_of(row.text);
  made.file.file_bytes = made.bytes.size();
  std::uint64_t told = 0;
  const Place place;
  const Content content =
      read_content(place.write("model", made.bytes), made.file, {.git_id = true, .chunk_bytes = chunk},
                   [&](std::uint64_t bytes) { told += bytes; });
  CHECK(content.sha256 == row.sha256);
  CHECK(content.git_id == row.git_id);
  CHECK(content.bytes_read == row.text.size());
  CHECK(told == row.text.size());
  CHECK(content.findings.empty());
}

TEST_CASE("every dtype is looked into or known not to be") {
  // Activations, which no file holds; sizes and insides that only their builds know; layouts never seen in a file.
  const std::set<Dtype> unknown = {Dtype::Unknown, Dtype::IQ4_NL_4_8, Dtype::IQ4_NL_8_8, Dtype::I8_S,    Dtype::TL1,
                                   Dtype::TL2,     Dtype::Q8_0_X4,    Dtype::Q8_1_X4,    Dtype::Q8_2_X4, Dtype::Q8_K64,
                                   Dtype::Q8_K16,  Dtype::Q8_K32,     Dtype::Q8_KR8,     Dtype::Q8_K128, Dtype::Q8_KV,
                                   Dtype::Q8_K_R8, Dtype::Q8_K_R16,   Dtype::Q8_KV_R8,   Dtype::Q1_0_g32};
  for (const DtypeInfo& dtype : dtypes()) {
    CAPTURE(dtype.name);
    CHECK((value_layout(dtype.id) != nullptr) != unknown.contains(dtype.id));
  }
  std::set<Dtype> seen;
  for (const ValueLayout& row : value_layouts()) CHECK(seen.insert(row.dtype).second);
}

TEST_CASE("NaN and infinity are found as a plain reading finds them, wherever the chunks end") {
  const bool big = GENERATE(false, true);
  const auto chunk = GENERATE(as<std::size_t>(), 1, 5, 64, 1001, 1U << 20U);
  CAPTURE(big, chunk);
  std::mt19937 random(6);
  Made made;
  made.file.byte_order = big ? std::endian::big : std::endian::little;
  for (const Published& row : published()) {
    const std::uint64_t blocks = chunk == 1 ? 3 : 1 + 4000 / row.block_bytes;
    made.add(std::string(name(row.dtype)), row.dtype, shape_of(row, blocks),
             random_bytes(blocks * row.block_bytes, random));
    REQUIRE(tensor_bytes(row.dtype, made.file.tensors.back().shape) == made.file.tensors.back().bytes);
  }
  const Content content = made.read({.chunk_bytes = chunk});
  CHECK(content.unexamined.empty());

  auto finding = content.findings.begin();
  std::size_t odd = 0;
  for (std::size_t i = 0; i < published().size(); ++i) {
    const TensorHealth expected = naive(published()[i], made, i, big);
    CAPTURE(name(published()[i].dtype));
    const bool found = finding != content.findings.end() && finding->tensor == i;
    REQUIRE(found == (expected.nan + expected.infinite > 0));
    if (!found) continue;
    ++odd;
    CHECK(finding->values == expected.values);
    CHECK(finding->nan == expected.nan);
    CHECK(finding->infinite == expected.infinite);
    CHECK(finding->first_offset == expected.first_offset);
    CHECK_FALSE(finding->all_zero);
    CHECK(finding->scales == (info(published()[i].dtype).block_elements > 1));
    ++finding;
  }
  CHECK(finding == content.findings.end());
  if (chunk > 1) CHECK(odd > 20);
}

TEST_CASE("a single odd number is found wherever it stands among many") {
  struct Row {
    Dtype dtype;
    std::string infinity;
  };
  using S = std::string;
  for (const Row& row :
       {Row{Dtype::F8_E5M2, "\xfc"}, Row{Dtype::F16, S("\0\x7c", 2)}, Row{Dtype::BF16, S("\x80\x7f", 2)},
        Row{Dtype::F32, S("\0\0\x80\xff", 4)}, Row{Dtype::F64, S("\0\0\0\0\0\0\xf0\x7f", 8)}}) {
    constexpr std::uint64_t kNumbers = 2100;
    for (const std::uint64_t at : {0, 1, 127, 128, 255, 256, 511, 512, 1023, 1024, 1025, 2048, 2098, 2099}) {
      CAPTURE(name(row.dtype), at);
      const std::size_t bytes = row.infinity.size();
      Bytes data(kNumbers * bytes, std::byte{1});
      std::ranges::copy(bytes_of(row.infinity), data.begin() + static_cast<std::ptrdiff_t>(at * bytes));
      Made made;
      made.add("a", row.dtype, {kNumbers}, data);
      const Content content = made.read();
      REQUIRE(content.findings.size() == 1);
      CHECK(content.findings[0].infinite == 1);
      CHECK(content.findings[0].nan == 0);
      CHECK(content.findings[0].first_offset == 13 + at * bytes);
    }
  }
}

TEST_CASE("the header's order need not be that of the data") {
  Made made;
  made.add("a", Dtype::F16, {4}, bytes_of("..\xff\xff...."));
  made.add("b", Dtype::F32, {8}, Bytes(32));
  std::swap(made.file.tensors[0], made.file.tensors[1]);
  const Content content = made.read({.chunk_bytes = 4});
  REQUIRE(content.findings.size() == 2);
  CHECK(content.findings[0].all_zero);
  CHECK(content.findings[1].nan == 1);
  CHECK(content.findings[1].first_offset == 13 + 2);
}

TEST_CASE("in a block only its scales count, each where the structure has it") {
  for (const Published& row : published()) {
    if (row.code == Code::None || row.code == Code::Iq1m || row.offsets.empty()) continue;
    CAPTURE(name(row.dtype));
    const std::size_t bytes = width(row.code);
    Bytes calm(2 * row.block_bytes, std::byte{0xff});
    for (std::size_t block = 0; block < 2; ++block) {
      for (const std::size_t offset : row.offsets) {
        std::fill_n(calm.begin() + static_cast<std::ptrdiff_t>(block * row.block_bytes + offset), bytes, std::byte{1});
      }
    }
    Made fine;
    fine.add("a", row.dtype, shape_of(row, 2), calm);
    CHECK(fine.read().findings.empty());
    for (const std::size_t offset : row.offsets) {
      Bytes odd = calm;
      // All bits set is a NaN in every encoding but FNUZ's.
      const auto bits = row.code == Code::Fnuz ? std::byte{0x80} : std::byte{0xff};
      std::fill_n(odd.begin() + static_cast<std::ptrdiff_t>(row.block_bytes + offset), bytes, bits);
      Made made;
      made.add("a", row.dtype, shape_of(row, 2), odd);
      const Content content = made.read();
      REQUIRE(content.findings.size() == 1);
      CHECK(content.findings[0].nan == 1);
      CHECK(content.findings[0].infinite == 0);
      CHECK(content.findings[0].first_offset == 13 + row.block_bytes + offset);
    }
  }
}

TEST_CASE("the one scale of a BitNet tensor is after its weights") {
  Bytes data(256 / 4 + 32, std::byte{0xff});
  std::fill_n(data.begin() + 64, 4, std::byte{1});
  Made fine;
  fine.add("a", Dtype::I2_S, {256}, data);
  CHECK(fine.read().findings.empty());
  std::fill_n(data.begin() + 64, 4, std::byte{0xff});
  Made odd;
  odd.add("a", Dtype::I2_S, {256}, data);
  const Content content = odd.read();
  REQUIRE(content.findings.size() == 1);
  CHECK(content.findings[0].first_offset == 13 + 64);
  CHECK(content.findings[0].values == 1);
}

TEST_CASE("tensors of zeros are told, tensors of anything else are not") {
  struct Row {
    std::string what;
    Dtype dtype;
    std::vector<std::uint64_t> shape;
    std::string data;
    bool zero;
  };
  using S = std::string;
  const auto repeated = [](std::size_t times, const S& text) {
    S all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
  };
  const S calm(2, '\1');
  const std::vector<Row> rows = {
      {"zeros", Dtype::F16, {700}, S(1400, '\0'), true},
      {"minus zeros", Dtype::BF16, {700}, repeated(700, S("\0\x80", 2)), true},
      {"one bit at the end", Dtype::F16, {700}, S(1399, '\0') + '\1', false},
      {"one bit at the front", Dtype::F32, {700}, '\1' + S(2799, '\0'), false},
      {"doubles", Dtype::F64, {2}, S(16, '\0'), true},
      {"minus zeros of eight bits", Dtype::F8_E4M3, {3}, "\x80\x80\x80", true},
      {"no elements", Dtype::F32, {0, 4}, "", false},
      {"integers", Dtype::I64, {2}, S(16, '\0'), true},
      {"an integer that is not", Dtype::U8, {2}, S("\0\x80", 2), false},
      {"four bits", Dtype::F4, {4}, S(2, '\0'), true},
      {"quants without a scale", Dtype::Q4_0, {64}, repeated(2, S(2, '\0') + S(16, 'x')), true},
      {"one block with a scale", Dtype::Q4_0, {64}, S(2, '\0') + S(16, 'x') + calm + S(16, 'x'), false},
      {"a scale of minus zero", Dtype::Q8_0, {32}, S("\0\x80", 2) + S(32, 'x'), true},
      {"a minimum without a scale", Dtype::Q4_1, {32}, S(2, '\0') + calm + S(16, 'x'), false},
      {"an exponent is no zero", Dtype::MXFP4, {32}, S(1, '\0') + S(16, 'x'), false},
      {"an exponent and no weights", Dtype::MXFP4, {32}, S(17, '\0'), true},
      {"exponents alone", Dtype::F8_E8M0, {2}, S(2, '\0'), true},
      {"a type nobody knows", Dtype::TL1, {8}, S(5, '\0'), true},
      {"a type nobody knows, with bytes", Dtype::TL1, {8}, S(4, '\0') + 'x', false},
  };
  for (const Row& row : rows) {
    for (const std::size_t chunk : {3U, 1U << 20U}) {
      CAPTURE(row.what, chunk);
      Made made;
      made.add("before", Dtype::U8, {1}, bytes_of("x"));
      made.add("a", row.dtype, row.shape, bytes_of(row.data));
      made.add("behind", Dtype::U8, {1}, bytes_of("x"));
      const Content content = made.read({.chunk_bytes = chunk});
      CHECK(content.findings.size() == (row.zero ? 1 : 0));
      if (row.zero && !content.findings.empty()) {
        CHECK(content.findings[0].all_zero);
        CHECK(content.findings[0].tensor == 1);
      }
    }
  }
}

TEST_CASE("what the file is too short for is not called zero, and what is there is looked at") {
  Made made;
  made.add("a", Dtype::F32, {4}, Bytes(16));
  made.add("b", Dtype::F16, {4}, bytes_of("\xff\xff......"));
  made.file.tensors[1].bytes = 100;
  made.add("c", Dtype::F32, {4}, Bytes(0));
  made.file.tensors[2].bytes = 16;
  made.file.tensors[2].offset = 1000;
  const Content content = made.read();
  REQUIRE(content.findings.size() == 2);
  CHECK(content.findings[0].all_zero);
  CHECK(content.findings[1].nan == 1);
  CHECK(content.findings[1].values == 4);

  Made cut;
  cut.add("a", Dtype::F32, {4}, Bytes(16));
  cut.file.tensors[0].bytes = 1000;
  CHECK(cut.read().findings.empty());
}

TEST_CASE("types that cannot be looked into are told, one row for each") {
  Made made;
  made.add("a", Dtype::F32, {1}, bytes_of("abcd"));
  made.add("b", Dtype::TL1, {4}, bytes_of("abcd"));
  made.add("c", Dtype::Q8_KV, {32}, bytes_of(std::string(40, 'x')));
  made.add("d", Dtype::TL1, {4}, bytes_of("abcd"));
  made.add("e", Dtype::Q4_0_R8, {32}, bytes_of(std::string(18, 'x')));  // one row where eight are mixed
  const Content content = made.read();
  REQUIRE(content.unexamined.size() == 3);
  CHECK(content.unexamined[0].dtype == Dtype::TL1);
  CHECK(content.unexamined[0].tensors == 2);
  CHECK(content.unexamined[0].first == 1);
  CHECK(content.unexamined[1].dtype == Dtype::Q8_KV);
  CHECK(content.unexamined[2].dtype == Dtype::Q4_0_R8);
  CHECK(content.unexamined[2].why == "its bytes are no whole number of its blocks or rows");
}

TEST_CASE("tensors that share bytes are looked at each, up to a limit") {
  Made made;
  made.add("a", Dtype::F32, {4}, bytes_of("....\xff\xff\xff\xff........"));
  made.add("b", Dtype::F16, {2}, Bytes(0));
  made.file.tensors[1].offset = 4;
  made.file.tensors[1].bytes = 4;
  const Content content = made.read({.tensor_digests = true, .chunk_bytes = 6});
  REQUIRE(content.findings.size() == 2);
  CHECK(content.findings[0].nan == 1);
  CHECK(content.findings[1].nan == 2);
  CHECK(content.tensor_digests.size() == 2);

  for (int i = 0; i < 100; ++i) made.file.tensors.push_back(made.file.tensors[0]);
  const Content hostile = made.read({.tensor_digests = true});
  REQUIRE(hostile.unexamined.size() == 1);
  CHECK(hostile.unexamined[0].tensors > 80);
  CHECK(hostile.tensor_digests.empty());
}

TEST_CASE("what is not the file that the header was read from is refused") {
  Made made;
  made.add("a", Dtype::F32, {4}, Bytes(16, std::byte{1}));
  const Place place;
  CHECK_THROWS_AS(read_content((place.path / "absent").string(), made.file), IoError);
  CHECK_THROWS_AS(read_content(place.path.string(), made.file), IoError);
  CHECK_THROWS_WITH(read_content(place.write("longer", Bytes(30)), made.file),
                    "file size: found 30 bytes, expected 29, as when its header was read");
  CHECK_THROWS_AS(read_content(place.write("packed", bytes_of("\x28\xb5\x2f\xfd.........................")), made.file),
                  NotCheckable);

  const std::string shrinks = place.write("shrinks", made.bytes);
  CHECK_THROWS_WITH(
      read_content(shrinks, made.file, {.chunk_bytes = 8}, [&](std::uint64_t) { fs::resize_file(shrinks, 10); }),
      "the file became shorter while it was read");
}

TEST_CASE("many files: results in order, failures apart, an exception of the caller's ends it") {
  const Place place;
  std::deque<Made> files;
  std::vector<ContentJob> jobs;
  std::vector<std::string> alone;
  std::mt19937 random(1);
  for (std::size_t i = 0; i < 20; ++i) {
    Made& made = files.emplace_back();
    const std::size_t bytes = 4 * (1 + i * 7 % 20);
    made.add("a", Dtype::F32, {bytes / 4}, random_bytes(bytes, random));
    jobs.push_back({place.write(std::to_string(i), made.bytes), &made.file, {.chunk_bytes = 16}});
    alone.push_back(made.read().sha256);
  }
  jobs[3].path += "-absent";
  (void)place.write("7", bytes_of("\x28\xb5\x2f\xfd"));
  const auto threads = GENERATE(as<unsigned>(), 1, 4, 50);
  std::uint64_t told = 0;
  const auto results = read_contents(jobs, threads, [&](std::uint64_t bytes) { told += bytes; });
  REQUIRE(results.size() == jobs.size());
  std::uint64_t read = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    CAPTURE(i);
    REQUIRE(results[i].content.has_value() == (i != 3 && i != 7));
    CHECK(results[i].problem.empty() == (i != 3 && i != 7));
    CHECK(results[i].not_checkable == (i == 7));
    if (!results[i].content) continue;
    CHECK(results[i].content->sha256 == alone[i]);
    read += results[i].content->bytes_read;
  }
  CHECK(told == read);
  CHECK_THROWS_AS(read_contents(jobs, threads, [](std::uint64_t) { throw std::logic_error("enough"); }),
                  std::logic_error);
}

TEST_CASE("weights are alike whatever surrounds them, and no longer when one byte, name or shape differs") {
  const ContentOptions options{.sha256 = false, .tensor_digests = true, .health = false, .chunk_bytes = 5};
  const auto weights = [&](const std::vector<const Made*>& parts) {
    std::vector<ModelFile> files;
    std::vector<Content> contents;
    for (const Made* part : parts) {
      ModelFile& file = files.emplace_back();
      file.tensors = part->file.tensors;
      contents.push_back(part->read(options));
    }
    return weights_sha256(files, contents);
  };
  const Bytes a = bytes_of("0123456789abcdef"), b = bytes_of("xyzw"), none;
  Made whole(13), turned(40), first(8), second(9);
  whole.add("a", Dtype::F32, {4}, a);
  whole.add("b", Dtype::F16, {2}, b);
  whole.add("c", Dtype::F16, {0}, none);
  turned.add("c", Dtype::F16, {0}, none);
  turned.add("b", Dtype::F16, {2}, b);
  turned.add("a", Dtype::F32, {4}, a);
  first.add("b", Dtype::F16, {2}, b);
  second.add("a", Dtype::F32, {4}, a);
  second.add("c", Dtype::F16, {0}, none);
  const std::string expected = weights({&whole});
  CHECK(expected.size() == 64);
  CHECK(weights({&turned}) == expected);
  CHECK(weights({&first, &second}) == expected);
  CHECK(weights({&second, &first}) == expected);
  CHECK(weights({&first}) != expected);

  struct Row {
    std::string name;
    Dtype dtype;
    std::vector<std::uint64_t> shape;
    std::string data;
  };
  for (const Row& row :
       {Row{"a", Dtype::F32, {4}, "0123456789abcdeF"}, Row{"A", Dtype::F32, {4}, "0123456789abcdef"},
        Row{"a", Dtype::I32, {4}, "0123456789abcdef"}, Row{"a", Dtype::F32, {2, 2}, "0123456789abcdef"}}) {
    Made other;
    other.add(row.name, row.dtype, row.shape, bytes_of(row.data));
    other.add("c", Dtype::F16, {0}, none);
    CHECK(weights({&first, &other}) != expected);
  }
  // Without digests there is nothing to compare.
  std::vector<ModelFile> files(1);
  files[0].tensors = whole.file.tensors;
  const std::vector<Content> contents(1);
  CHECK(weights_sha256(files, contents).empty());
}
