#include "src/content/float_layout.h"

#include <algorithm>
#include <array>

namespace weigh::core {

namespace {

//                                  bytes, word, special mask and value, infinite mask, magnitude
constexpr FloatKind kF64 = {
    8, 8, 0x7ff0'0000'0000'0000, 0x7ff0'0000'0000'0000, 0x7fff'ffff'ffff'ffff, 0x7fff'ffff'ffff'ffff};
constexpr FloatKind kF32 = {4, 4, 0x7f80'0000, 0x7f80'0000, 0x7fff'ffff, 0x7fff'ffff};
constexpr FloatKind kF16 = {2, 2, 0x7c00, 0x7c00, 0x7fff, 0x7fff};
constexpr FloatKind kBf16 = {2, 2, 0x7f80, 0x7f80, 0x7fff, 0x7fff};
constexpr FloatKind kE5m2 = {1, 1, 0x7c, 0x7c, 0x7f, 0x7f};
// "FN": all bits set is the only NaN, and there is no infinity. "UZ": the NaN is what would be minus zero.
constexpr FloatKind kE4m3 = {1, 1, 0x7f, 0x7f, 0, 0x7f};
constexpr FloatKind kFnuz = {1, 1, 0xff, 0x80, 0, 0xff};
// Exponents only: 0 stands for 2^-127, so a block of them is zero by its other bytes (OCP Microscaling, 5.4.1).
constexpr FloatKind kE8m0 = {1, 1, 0xff, 0xff, 0, 0};
// NVFP4's scales have no sign; readers differ on whether they look at its bit.
constexpr FloatKind kUe4m3 = {1, 1, 0x7f, 0x7f, 0, 0x7f};
// IQ1_M keeps its F16 scale in the highest four bits of four 16-bit words, the lowest four bits of the scale first.
constexpr FloatKind kIq1m = {
    8, 2, 0x7000'c000'0000'0000, 0x7000'c000'0000'0000, 0x7000'f000'f000'f000, 0x7000'f000'f000'f000};

constexpr ValueLayout values(Dtype dtype, const FloatKind& kind, std::uint16_t per_element = 1) {
  const auto bits = static_cast<std::uint16_t>(8 * kind.bytes * per_element);
  return {dtype, &kind, Repeat::Values, 1, 0, 1, bits};
}
constexpr ValueLayout no_floats(Dtype dtype, std::uint16_t bits) {
  return {dtype, nullptr, Repeat::Values, 1, 0, 0, bits};
}
constexpr ValueLayout blocks(Dtype dtype, const FloatKind& kind, std::uint16_t offset, std::uint16_t count,
                             std::uint16_t block_bytes) {
  return {dtype, &kind, Repeat::Blocks, 1, offset, count, static_cast<std::uint16_t>(8 * block_bytes)};
}
// ik_llama.cpp's interleaved types: `rows` blocks, one of each row, with their scales in front.
constexpr ValueLayout mixed(Dtype dtype, const FloatKind& kind, std::uint16_t count, std::uint16_t rows,
                            std::uint16_t block_bytes) {
  return {dtype, &kind, Repeat::Blocks, rows, 0, count, static_cast<std::uint16_t>(8 * block_bytes)};
}
// One scale in front of each row, or of `rows` interleaved ones as many.
constexpr ValueLayout in_rows(Dtype dtype, const FloatKind& kind, std::uint16_t rows, std::uint16_t block_bytes) {
  return {dtype, &kind, Repeat::Rows, rows, 0, rows, static_cast<std::uint16_t>(8 * block_bytes)};
}

// Offsets are those of the structures in llama.cpp's and ik_llama.cpp's ggml-common.h, which are packed. Left out, and
// so told as not looked into: types whose insides are not known, and those of activations, which no file holds.
constexpr auto kLayouts = std::to_array<ValueLayout>({
    values(Dtype::F64, kF64),
    values(Dtype::F32, kF32),
    values(Dtype::F16, kF16),
    values(Dtype::BF16, kBf16),
    values(Dtype::BF16_R16, kBf16),
    values(Dtype::C64, kF32, 2),
    values(Dtype::F8_E5M2, kE5m2),
    values(Dtype::F8_E4M3, kE4m3),
    values(Dtype::F8_E8M0, kE8m0),
    values(Dtype::F8_E4M3FNUZ, kFnuz),
    values(Dtype::F8_E5M2FNUZ, kFnuz),
    no_floats(Dtype::BOOL, 8),
    no_floats(Dtype::I8, 8),
    no_floats(Dtype::U8, 8),
    no_floats(Dtype::I16, 16),
    no_floats(Dtype::U16, 16),
    no_floats(Dtype::I32, 32),
    no_floats(Dtype::U32, 32),
    no_floats(Dtype::I64, 64),
    no_floats(Dtype::U64, 64),
    no_floats(Dtype::F4, 4),  // E2M1 and the two of six bits are finite throughout
    no_floats(Dtype::F6_E2M3, 6),
    no_floats(Dtype::F6_E3M2, 6),

    blocks(Dtype::Q1_0, kF16, 0, 1, 18),
    blocks(Dtype::Q2_0, kF16, 0, 1, 18),
    blocks(Dtype::Q4_0, kF16, 0, 1, 18),
    blocks(Dtype::Q4_1, kF16, 0, 2, 20),  // d, m
    blocks(Dtype::Q4_2, kF16, 0, 1, 10),
    blocks(Dtype::Q4_3, kF16, 0, 2, 12),
    blocks(Dtype::Q5_0, kF16, 0, 1, 22),
    blocks(Dtype::Q5_1, kF16, 0, 2, 24),
    blocks(Dtype::Q8_0, kF16, 0, 1, 34),
    blocks(Dtype::Q8_1, kF16, 0, 2, 36),   // d, s
    blocks(Dtype::Q2_K, kF16, 80, 2, 84),  // behind scales[16], qs[64]: d, dmin
    blocks(Dtype::Q3_K, kF16, 108, 1, 110),
    blocks(Dtype::Q4_K, kF16, 0, 2, 144),
    blocks(Dtype::Q5_K, kF16, 0, 2, 176),
    blocks(Dtype::Q6_K, kF16, 208, 1, 210),
    blocks(Dtype::Q8_K, kF32, 0, 1, 292),
    blocks(Dtype::IQ1_S, kF16, 0, 1, 50),
    blocks(Dtype::IQ1_M, kIq1m, 48, 1, 56),
    blocks(Dtype::IQ2_XXS, kF16, 0, 1, 66),
    blocks(Dtype::IQ2_XS, kF16, 0, 1, 74),
    blocks(Dtype::IQ2_S, kF16, 0, 1, 82),
    blocks(Dtype::IQ3_XXS, kF16, 0, 1, 98),
    blocks(Dtype::IQ3_S, kF16, 0, 1, 110),
    blocks(Dtype::IQ4_NL, kF16, 0, 1, 18),
    blocks(Dtype::IQ4_XS, kF16, 0, 1, 136),
    blocks(Dtype::TQ1_0, kF16, 52, 1, 54),
    blocks(Dtype::TQ2_0, kF16, 64, 1, 66),
    blocks(Dtype::MXFP4, kE8m0, 0, 1, 17),
    blocks(Dtype::NVFP4, kUe4m3, 0, 4, 36),
    mixed(Dtype::Q4_0_4_4, kF16, 4, 4, 18),
    mixed(Dtype::Q4_0_4_8, kF16, 4, 4, 18),
    mixed(Dtype::Q4_0_8_8, kF16, 8, 8, 18),
    mixed(Dtype::IQ4_NL_4_4, kF16, 4, 4, 18),

    blocks(Dtype::Q1_0_G128, kF16, 0, 1, 18),
    blocks(Dtype::PQ2_0, kF16, 0, 1, 34),
    blocks(Dtype::PTQ1_0, kF16, 26, 1, 28),
    blocks(Dtype::Q6_0, kF16, 0, 1, 26),
    blocks(Dtype::IQ2_K, kF16, 0, 1, 76),
    blocks(Dtype::IQ3_K, kF16, 0, 1, 110),
    blocks(Dtype::IQ4_K, kF16, 0, 1, 144),
    blocks(Dtype::IQ5_K, kF16, 0, 1, 176),
    blocks(Dtype::IQ6_K, kF16, 0, 1, 212),
    mixed(Dtype::Q4_0_R8, kF16, 8, 8, 18),
    mixed(Dtype::Q5_0_R4, kF16, 4, 4, 22),
    mixed(Dtype::Q6_0_R4, kF16, 4, 4, 26),
    mixed(Dtype::Q8_0_R8, kF16, 8, 8, 34),
    mixed(Dtype::Q2_K_R4, kF16, 8, 4, 84),  // four d, four dmin
    mixed(Dtype::Q3_K_R4, kF16, 4, 4, 110),
    mixed(Dtype::Q4_K_R4, kF16, 8, 4, 144),
    mixed(Dtype::Q5_K_R4, kF16, 8, 4, 176),
    mixed(Dtype::Q6_K_R4, kF16, 4, 4, 210),
    mixed(Dtype::IQ2_XXS_R4, kF16, 4, 4, 66),
    mixed(Dtype::IQ2_XS_R4, kF16, 4, 4, 74),
    mixed(Dtype::IQ2_S_R4, kF16, 4, 4, 82),
    mixed(Dtype::IQ3_XXS_R4, kF16, 4, 4, 98),
    mixed(Dtype::IQ3_S_R4, kF16, 4, 4, 110),
    mixed(Dtype::IQ4_NL_R4, kF16, 4, 4, 18),
    mixed(Dtype::IQ4_XS_R8, kF16, 8, 8, 136),
    mixed(Dtype::IQ2_K_R4, kF16, 4, 4, 76),
    mixed(Dtype::IQ3_K_R4, kF16, 4, 4, 110),
    mixed(Dtype::IQ4_K_R4, kF16, 4, 4, 144),
    mixed(Dtype::IQ5_K_R4, kF16, 4, 4, 176),
    mixed(Dtype::MXFP4_R8, kE8m0, 8, 8, 17),
    in_rows(Dtype::IQ1_BN, kF16, 1, 13),
    in_rows(Dtype::IQ2_BN, kF32, 1, 16),
    in_rows(Dtype::IQ1_TN, kF16, 1, 52),
    in_rows(Dtype::IQ2_TN, kF32, 1, 64),
    in_rows(Dtype::IQ2_KS, kF16, 1, 70),
    in_rows(Dtype::IQ3_KS, kF16, 1, 102),
    in_rows(Dtype::IQ4_KS, kF32, 1, 136),
    in_rows(Dtype::IQ5_KS, kF32, 1, 168),
    in_rows(Dtype::IQ4_KSS, kF32, 1, 128),
    in_rows(Dtype::IQ2_KL, kF16, 1, 86),
    in_rows(Dtype::IQ1_KT, kF32, 1, 56),
    in_rows(Dtype::IQ2_KT, kF32, 1, 68),
    in_rows(Dtype::IQ3_KT, kF32, 1, 100),
    in_rows(Dtype::IQ4_KT, kF32, 1, 128),
    in_rows(Dtype::IQ1_S_R4, kF16, 4, 6),
    in_rows(Dtype::IQ1_M_R4, kF16, 4, 7),
    in_rows(Dtype::IQ2_BN_R4, kF32, 4, 16),
    in_rows(Dtype::IQ4_KS_R4, kF32, 4, 136),
    in_rows(Dtype::IQ5_KS_R4, kF32, 4, 168),
    {Dtype::I2_S, &kF32, Repeat::Tail, 1, 32, 1, 8},
});

struct Size {
  std::uint32_t block_bits, row_bytes, tensor_bytes;
};
constexpr auto kSizes = std::to_array<Size>({
#define DTYPE(id, name, elements, bits, row, tensor, ...) {bits, row, tensor},
#include "formats/dtype_table.inc"
#undef DTYPE
});

// Two tables speak of the same blocks. What each says of the room for the numbers must agree.
constexpr bool agrees(const ValueLayout& row) {
  const Size& size = kSizes[static_cast<std::size_t>(row.dtype)];
  if (size.block_bits != row.block_bits) return false;
  const std::uint64_t run = row.kind == nullptr ? 0 : std::uint64_t{row.count} * row.kind->bytes;
  switch (row.repeat) {
    case Repeat::Values: return size.row_bytes == 0 && size.tensor_bytes == 0;
    case Repeat::Blocks: return row.offset + run <= row.units * row.block_bits / 8U && size.row_bytes == 0;
    case Repeat::Rows: return run == std::uint64_t{size.row_bytes} * row.units;
    case Repeat::Tail: return row.offset == size.tensor_bytes && run <= row.offset;
  }
  return false;
}
static_assert(std::ranges::all_of(kLayouts, agrees));

constexpr std::uint64_t turned(std::uint64_t mask, const FloatKind& kind) {
  std::uint64_t result = 0;
  for (unsigned byte = 0; byte < kind.bytes; ++byte) {
    const unsigned word = byte / kind.word_bytes * kind.word_bytes;
    const unsigned to = word + kind.word_bytes - 1 - (byte - word);
    result |= (mask >> (8 * byte) & 0xffU) << (8 * to);
  }
  return result;
}

FloatKind in_order(FloatKind kind, std::endian byte_order) {
  if (byte_order == std::endian::little) return kind;
  kind.special_mask = turned(kind.special_mask, kind);
  kind.special_value = turned(kind.special_value, kind);
  kind.infinite_mask = turned(kind.infinite_mask, kind);
  kind.magnitude = turned(kind.magnitude, kind);
  return kind;
}

}  // namespace

std::span<const ValueLayout> value_layouts() { return kLayouts; }

const ValueLayout* value_layout(Dtype dtype) {
  const auto* row = std::ranges::find(kLayouts, dtype, &ValueLayout::dtype);
  return row == kLayouts.end() ? nullptr : row;
}

std::optional<ValueGrid> value_grid(const Tensor& tensor, std::endian byte_order) {
  const ValueLayout* row = value_layout(tensor.dtype);
  if (row == nullptr || row->kind == nullptr || tensor.bytes == 0) return std::nullopt;
  ValueGrid grid{in_order(*row->kind, byte_order), 0, row->offset, row->count, row->repeat == Repeat::Values};
  switch (row->repeat) {
    case Repeat::Values: grid.period = row->kind->bytes; break;
    case Repeat::Blocks: grid.period = std::uint64_t{row->units} * row->block_bits / 8; break;
    case Repeat::Rows: {
      if (tensor.shape.empty() || tensor.shape.back() == 0) return std::nullopt;
      const std::uint64_t rows = tensor.elements / tensor.shape.back();
      if (rows == 0 || tensor.bytes % rows != 0) return std::nullopt;
      grid.period = tensor.bytes / rows * row->units;
      break;
    }
    case Repeat::Tail:
      if (tensor.bytes < row->offset) return std::nullopt;
      grid.period = tensor.bytes;
      grid.offset = tensor.bytes - row->offset;
      break;
  }
  if (grid.period == 0 || tensor.bytes % grid.period != 0) return std::nullopt;
  if (grid.offset + grid.count * grid.kind.bytes > grid.period) return std::nullopt;
  return grid;
}

}  // namespace weigh::core
