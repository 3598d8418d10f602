#include "src/content/tensor_scan.h"

#include <algorithm>
#include <cstring>

#include "formats/checked.h"

namespace weigh::core {

namespace {

// Tensors may claim the same bytes, which costs time for each. Beyond this many times the file it is no model.
constexpr std::uint64_t kMaxClaims = 4;

template <typename Number>
Number load(const std::byte* at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  if constexpr (std::endian::native == std::endian::big) {
    Number turned = 0;
    for (std::size_t i = 0; i < sizeof number; ++i)
      turned = static_cast<Number>(turned << 8U | (number >> 8 * i & 0xff));
    return turned;
  }
  return number;
}

// The numbers looked at in one go: enough for a loop over vector registers, whose length the compiler knows.
template <typename Number>
constexpr std::size_t kRun = 1024 / sizeof(Number);

template <typename Number>
bool run_has_special(const std::byte* at, Number mask, Number value) {
  Number found = 0;
  for (std::size_t i = 0; i < kRun<Number>; ++i) {
    const auto number = load<Number>(at + i * sizeof(Number));
    found |= static_cast<Number>((number & mask) == value ? 1 : 0);
  }
  return found != 0;
}

template <typename Number>
bool run_has_bits(const std::byte* at, Number mask) {
  Number found = 0;
  for (std::size_t i = 0; i < kRun<Number>; ++i) found |= load<Number>(at + i * sizeof(Number));
  return (found & mask) != 0;
}

// Whether any of `count` numbers is not zero.
template <typename Number>
bool has_bits(const std::byte* at, std::uint64_t count, Number mask) {
  for (; count >= kRun<Number>; count -= kRun<Number>, at += sizeof(Number) * kRun<Number>) {
    if (run_has_bits<Number>(at, mask)) return true;
  }
  for (; count > 0; --count, at += sizeof(Number)) {
    if ((load<Number>(at) & mask) != 0) return true;
  }
  return false;
}

template <typename Number>
struct Masks {
  Number special_mask, special_value, infinite_mask, magnitude;

  explicit Masks(const FloatKind& kind)
      : special_mask(static_cast<Number>(kind.special_mask)),
        special_value(static_cast<Number>(kind.special_value)),
        infinite_mask(static_cast<Number>(kind.infinite_mask)),
        magnitude(static_cast<Number>(kind.magnitude)) {}

  [[nodiscard]] bool special(Number number) const { return (number & special_mask) == special_value; }

  void note(Number number, std::uint64_t offset, TensorHealth& health) const {
    ++((number & infinite_mask) == special_value ? health.infinite : health.nan);
    if (!health.first_offset) health.first_offset = offset;
  }
};

// The part of a tensor that a piece holds. A number belongs to the piece that holds its last byte.
struct Part {
  const Piece& piece;
  std::uint64_t tensor_begin, begin, end;

  [[nodiscard]] const std::byte* at(std::uint64_t offset) const {
    return piece.data + (static_cast<std::ptrdiff_t>(offset) - static_cast<std::ptrdiff_t>(piece.begin));
  }
};

// Nothing but numbers: whole runs are asked whether they hold anything special, and only those that do are counted.
template <typename Number>
void look_at_numbers(const ValueGrid& grid, const Part& part, TensorHealth& health, bool& zero) {
  const Masks<Number> masks(grid.kind);
  const std::uint64_t first = (part.begin - part.tensor_begin) / sizeof(Number);
  const std::uint64_t last = (part.end - part.tensor_begin) / sizeof(Number);
  std::uint64_t offset = part.tensor_begin + first * sizeof(Number);
  std::uint64_t left = last - first;
  if (zero) {
    const Number bits = masks.magnitude != 0 ? masks.magnitude : static_cast<Number>(~Number{0});
    zero = !has_bits<Number>(part.at(offset), left, bits);
  }
  while (left > 0) {
    const std::uint64_t count = std::min<std::uint64_t>(left, kRun<Number>);
    const std::byte* const at = part.at(offset);
    if (count < kRun<Number> || run_has_special<Number>(at, masks.special_mask, masks.special_value)) {
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto number = load<Number>(at + i * sizeof(Number));
        if (masks.special(number)) masks.note(number, offset + i * sizeof(Number), health);
      }
    }
    offset += count * sizeof(Number);
    left -= count;
  }
}

// Numbers between other bytes, a run of them in each period.
template <typename Number>
void look_at_scales(const ValueGrid& grid, const Part& part, TensorHealth& health, bool& zero) {
  const Masks<Number> masks(grid.kind);
  const std::uint64_t first = (part.begin - part.tensor_begin) / grid.period;
  const std::uint64_t last = (part.end - 1 - part.tensor_begin) / grid.period;
  const std::uint64_t run_bytes = grid.count * sizeof(Number);
  Number bits = 0;
  for (std::uint64_t period = first; period <= last; ++period) {
    const std::uint64_t run = part.tensor_begin + period * grid.period + grid.offset;
    const bool whole = run >= part.begin && run + run_bytes <= part.end;
    for (std::uint64_t offset = run; offset < run + run_bytes; offset += sizeof(Number)) {
      if (!whole && (offset + sizeof(Number) <= part.begin || offset + sizeof(Number) > part.end)) continue;
      const auto number = load<Number>(part.at(offset));
      bits |= number;
      if (masks.special(number)) masks.note(number, offset, health);
    }
  }
  if ((bits & masks.magnitude) != 0) zero = false;
}

template <typename Number>
void look_at(const ValueGrid& grid, const Part& part, TensorHealth& health, bool& zero) {
  if (grid.dense) {
    look_at_numbers<Number>(grid, part, health, zero);
  } else {
    look_at_scales<Number>(grid, part, health, zero);
  }
}

void look_at(const ValueGrid& grid, const Part& part, TensorHealth& health, bool& zero) {
  switch (grid.kind.bytes) {
    case 1: return look_at<std::uint8_t>(grid, part, health, zero);
    case 2: return look_at<std::uint16_t>(grid, part, health, zero);
    case 4: return look_at<std::uint32_t>(grid, part, health, zero);
    default: return look_at<std::uint64_t>(grid, part, health, zero);
  }
}

}  // namespace

TensorScan::TensorScan(const ModelFile& file, const ContentOptions& options) : file_(file), options_(options) {
  if (options_.tensor_digests) digests_.resize(file.tensors.size());
  if (!options_.health && !options_.tensor_digests) return;
  for (std::uint32_t i = 0; i < file.tensors.size(); ++i) {
    if (file.tensors[i].bytes > 0 && begin_of(i) < file.file_bytes) order_.push_back(i);
  }
  std::ranges::stable_sort(order_, {}, [this](std::uint32_t tensor) { return begin_of(tensor); });
  if (options_.tensor_digests) {
    // Those of no bytes never open.
    const auto empty = ContentDigest(DigestKind::Sha256).take();
    for (TensorDigest& digest : digests_) std::ranges::copy(empty, digest.begin());
  }

  std::uint64_t room = checked_mul(file.file_bytes, kMaxClaims).value_or(UINT64_MAX);
  const std::size_t left_out = std::erase_if(order_, [&](std::uint32_t tensor) {
    const std::uint64_t bytes = std::min(file.tensors[tensor].bytes, file.file_bytes - begin_of(tensor));
    if (bytes > room) {
      leave_out(tensor, "too many tensors claim the same bytes");
      return true;
    }
    room -= bytes;
    return false;
  });
  if (left_out > 0) digests_.clear();
}

std::uint64_t TensorScan::begin_of(std::uint32_t tensor) const {
  return file_.header_bytes + file_.tensors[tensor].offset;
}

void TensorScan::leave_out(std::uint32_t tensor, std::string_view why) {
  const Dtype dtype = file_.tensors[tensor].dtype;
  auto row = std::ranges::find_if(unexamined_, [&](const Unexamined& u) { return u.dtype == dtype && u.why == why; });
  if (row == unexamined_.end()) row = unexamined_.insert(row, {dtype, 0, tensor, why});
  ++row->tensors;
  row->first = std::min(row->first, tensor);
}

TensorScan::Open TensorScan::opened(std::uint32_t index) {
  const Tensor& tensor = file_.tensors[index];
  Open opened;
  opened.tensor = opened.health.tensor = index;
  opened.begin = begin_of(index);
  opened.end = opened.begin + std::min(tensor.bytes, file_.file_bytes - opened.begin);
  if (!digests_.empty()) opened.digest.emplace(DigestKind::Sha256);
  if (options_.health) {
    opened.grid = value_grid(tensor, file_.byte_order);
    const ValueLayout* layout = value_layout(tensor.dtype);
    if (layout == nullptr) leave_out(index, "where its numbers lie is not known");
    if (layout != nullptr && layout->kind != nullptr && !opened.grid) {
      leave_out(index, "its bytes are no whole number of its blocks or rows");
    }
  }
  return opened;
}

void TensorScan::examine(Open& tensor, const Piece& piece) const {
  const Part part{piece, tensor.begin, std::max(tensor.begin, piece.begin), std::min(tensor.end, piece.end)};
  const std::span<const std::byte> bytes(part.at(part.begin), part.end - part.begin);
  if (tensor.digest) tensor.digest->add(bytes);
  if (!options_.health) return;
  if (tensor.grid) look_at(*tensor.grid, part, tensor.health, tensor.zero_so_far);
  // Where no number tells zero from other values, every byte does.
  if (tensor.zero_so_far && (!tensor.grid || tensor.grid->kind.magnitude == 0)) {
    tensor.zero_so_far = !has_bits<std::uint8_t>(bytes.data(), bytes.size(), 0xff);
  }
}

void TensorScan::advance(Open& tensor, const Piece& piece) {
  examine(tensor, piece);
  if (tensor.end <= piece.end) close(tensor);
}

void TensorScan::look(const Piece& piece) {
  for (Open& tensor : open_) advance(tensor, piece);
  std::erase_if(open_, [&](const Open& tensor) { return tensor.end <= piece.end; });
  for (; next_ < order_.size() && begin_of(order_[next_]) < piece.end; ++next_) {
    Open tensor = opened(order_[next_]);
    advance(tensor, piece);
    if (tensor.end > piece.end) open_.push_back(std::move(tensor));
  }
}

void TensorScan::close(Open& tensor) {
  if (tensor.digest) std::ranges::copy(tensor.digest->take(), digests_[tensor.tensor].begin());
  const std::uint64_t bytes = tensor.end - tensor.begin;
  TensorHealth& health = tensor.health;
  health.values = file_.tensors[tensor.tensor].elements;
  if (tensor.grid) {
    health.scales = !tensor.grid->dense;
    // Of a block that the file ends in, a scale may be there.
    health.values = std::max(bytes / tensor.grid->period * tensor.grid->count, health.nan + health.infinite);
  }
  health.all_zero = options_.health && tensor.zero_so_far && bytes == file_.tensors[tensor.tensor].bytes;
  if (health.nan > 0 || health.infinite > 0 || health.all_zero) findings_.push_back(health);
}

void TensorScan::finish(Content& content) {
  std::ranges::sort(findings_, {}, &TensorHealth::tensor);
  content.findings = std::move(findings_);
  content.unexamined = std::move(unexamined_);
  content.tensor_digests = std::move(digests_);
}

}  // namespace weigh::core
