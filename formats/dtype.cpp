#include "formats/dtype.h"

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "formats/text.h"

namespace weigh::core {

namespace {

constexpr auto kDtypes = std::to_array<DtypeInfo>({
#define DTYPE(id, name, block_elements, block_bits, row_bytes, tensor_bytes, ggml_id, safetensors_name, status, \
              origin)                                                                                           \
  {Dtype::id,    name,    block_elements,   block_bits,          row_bytes,                                     \
   tensor_bytes, ggml_id, safetensors_name, DtypeStatus::status, origin},
#include "formats/dtype_table.inc"
#undef DTYPE
});

constexpr bool rows_match_ids() {
  for (std::size_t i = 0; i < kDtypes.size(); ++i) {
    if (kDtypes[i].id != static_cast<Dtype>(i)) return false;
  }
  return true;
}
static_assert(rows_match_ids());
static_assert(kDtypes.size() < 256, "Dtype is one byte");

}  // namespace

std::span<const DtypeInfo> dtypes() { return kDtypes; }

const DtypeInfo& info(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)]; }

std::string_view name(Dtype dtype) { return info(dtype).name; }

std::vector<Dtype> dtypes_with_ggml_id(std::uint32_t ggml_id) {
  std::vector<Dtype> found;
  for (const DtypeInfo& row : kDtypes) {
    if (row.ggml_id >= 0 && static_cast<std::uint32_t>(row.ggml_id) == ggml_id) found.push_back(row.id);
  }
  return found;
}

std::optional<Dtype> dtype_from_safetensors(std::string_view name) {
  for (const DtypeInfo& row : kDtypes) {
    if (!row.safetensors_name.empty() && row.safetensors_name == name) return row.id;
  }
  return std::nullopt;
}

std::optional<Dtype> dtype_from_name(std::string_view name) {
  for (const DtypeInfo& row : kDtypes) {
    if (row.id != Dtype::Unknown && same_letters(row.name, name)) return row.id;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> element_count(std::span<const std::uint64_t> shape) {
  std::optional<std::uint64_t> product = 1;
  for (const std::uint64_t dimension : shape) {
    product = checked_mul(*product, dimension);
    if (!product) return std::nullopt;
  }
  return product;
}

std::optional<std::uint64_t> tensor_bytes(Dtype dtype, std::span<const std::uint64_t> shape) {
  const DtypeInfo& row = info(dtype);
  const auto elements = element_count(shape);
  if (row.block_elements == 0 || !elements) return std::nullopt;
  const std::uint64_t row_elements = shape.empty() ? 1 : shape.back();
  if (row_elements % row.block_elements != 0) return std::nullopt;
  if (*elements == 0) return 0;

  // Eight blocks have as many bytes as one has bits: bytes are exact where bits would not fit in 64.
  const std::uint64_t blocks = *elements / row.block_elements;
  const std::uint64_t rest_bits = blocks % 8 * row.block_bits;
  const auto whole = checked_mul(blocks / 8, row.block_bits);
  const auto bytes = whole ? checked_add(*whole, rest_bits / 8) : std::nullopt;
  if (!bytes || rest_bits % 8 != 0) return std::nullopt;
  const auto row_extra = checked_mul(*elements / row_elements, row.row_bytes);
  if (!row_extra) return std::nullopt;
  const auto with_rows = checked_add(*bytes, *row_extra);
  return with_rows ? checked_add(*with_rows, row.tensor_bytes) : std::nullopt;
}

}  // namespace weigh::core
