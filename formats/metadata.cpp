#include "formats/metadata.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace weigh::core {

namespace {

struct ValueTypeInfo {
  std::string_view name;
  std::uint32_t bytes;
  ValueKind kind;
};

// Row i is GGUF's value type i.
constexpr auto kValueTypes = std::to_array<ValueTypeInfo>({
    {"uint8", 1, ValueKind::Unsigned},
    {"int8", 1, ValueKind::Signed},
    {"uint16", 2, ValueKind::Unsigned},
    {"int16", 2, ValueKind::Signed},
    {"uint32", 4, ValueKind::Unsigned},
    {"int32", 4, ValueKind::Signed},
    {"float32", 4, ValueKind::Float},
    {"bool", 1, ValueKind::Bool},
    {"string", 0, ValueKind::String},
    {"array", 0, ValueKind::Array},
    {"uint64", 8, ValueKind::Unsigned},
    {"int64", 8, ValueKind::Signed},
    {"float64", 8, ValueKind::Float},
});

template <typename T>
T load(std::span<const std::byte> bytes, std::endian order) {
  std::array<std::byte, sizeof(T)> raw{};
  std::copy_n(bytes.begin(), sizeof(T), raw.begin());
  if (order != std::endian::native) std::ranges::reverse(raw);
  return std::bit_cast<T>(raw);
}

MetadataValue decode_scalar(ValueType type, std::span<const std::byte> bytes, std::endian order) {
  MetadataValue value;
  value.type = type;
  switch (type) {
    case ValueType::Uint8: value.unsigned_value = load<std::uint8_t>(bytes, order); break;
    case ValueType::Uint16: value.unsigned_value = load<std::uint16_t>(bytes, order); break;
    case ValueType::Uint32: value.unsigned_value = load<std::uint32_t>(bytes, order); break;
    case ValueType::Uint64: value.unsigned_value = load<std::uint64_t>(bytes, order); break;
    case ValueType::Bool: value.unsigned_value = bytes[0] != std::byte{0} ? 1 : 0; break;
    case ValueType::Int8: value.signed_value = load<std::int8_t>(bytes, order); break;
    case ValueType::Int16: value.signed_value = load<std::int16_t>(bytes, order); break;
    case ValueType::Int32: value.signed_value = load<std::int32_t>(bytes, order); break;
    case ValueType::Int64: value.signed_value = load<std::int64_t>(bytes, order); break;
    case ValueType::Float32: value.float_value = static_cast<double>(load<float>(bytes, order)); break;
    case ValueType::Float64: value.float_value = load<double>(bytes, order); break;
    case ValueType::String:
    case ValueType::Array: break;
  }
  return value;
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A cursor over the elements of an array whose bounds the reader has already checked.
struct Elements {
  std::span<const std::byte> rest;
  std::endian order;
  std::uint8_t length_bytes;

  std::uint64_t take_length() {
    const std::uint64_t length =
        length_bytes == 4 ? load<std::uint32_t>(rest, order) : load<std::uint64_t>(rest, order);
    rest = rest.subspan(length_bytes);
    return length;
  }

  std::string_view take_string() {
    const auto length = static_cast<std::size_t>(take_length());
    const std::string_view text = as_text(rest.first(length));
    rest = rest.subspan(length);
    return text;
  }

  MetadataValue take(ValueType type, std::uint64_t most) {
    if (type == ValueType::String) {
      MetadataValue value;
      value.text = take_string();
      return value;
    }
    if (type == ValueType::Array) {
      const auto element_type = static_cast<ValueType>(load<std::uint32_t>(rest, order));
      rest = rest.subspan(4);
      return take_array(element_type, take_length(), most);
    }
    const std::uint32_t bytes = value_type_bytes(type);
    const MetadataValue value = decode_scalar(type, rest, order);
    rest = rest.subspan(bytes);
    return value;
  }

  MetadataValue take_array(ValueType element_type, std::uint64_t count, std::uint64_t most) {
    MetadataValue value;
    value.type = ValueType::Array;
    value.element_type = element_type;
    value.count = count;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i < most) {
        value.elements.push_back(take(element_type, most));
      } else if (value_type_bytes(element_type) != 0) {
        rest = rest.subspan(static_cast<std::size_t>((count - i) * value_type_bytes(element_type)));
        break;
      } else {
        take(element_type, 0);  // only its length matters: something may follow this array
      }
    }
    return value;
  }
};

std::optional<std::uint64_t> as_unsigned(const MetadataValue& value) {
  const ValueKind kind = value_kind(value.type);
  if (kind == ValueKind::Unsigned) return value.unsigned_value;
  if (kind != ValueKind::Signed || value.signed_value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(value.signed_value);
}

}  // namespace

std::string_view value_type_name(ValueType type) { return kValueTypes[static_cast<std::size_t>(type)].name; }

std::uint32_t value_type_bytes(ValueType type) { return kValueTypes[static_cast<std::size_t>(type)].bytes; }

ValueKind value_kind(ValueType type) { return kValueTypes[static_cast<std::size_t>(type)].kind; }

const MetadataEntry* Metadata::find(std::string_view key) const {
  const auto entry = std::ranges::find(entries, key, &MetadataEntry::key);
  return entry == entries.end() ? nullptr : &*entry;
}

std::optional<std::uint64_t> Metadata::unsigned_integer(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (!entry || value_type_bytes(entry->type) == 0) return std::nullopt;
  return as_unsigned(decode(*this, *entry, 0));
}

std::optional<double> Metadata::number(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (!entry || value_type_bytes(entry->type) == 0 || entry->type == ValueType::Bool) return std::nullopt;
  const MetadataValue value = decode(*this, *entry, 0);
  if (entry->type == ValueType::Float32 || entry->type == ValueType::Float64) return value.float_value;
  return static_cast<double>(value.signed_value) + static_cast<double>(value.unsigned_value);
}

std::optional<bool> Metadata::boolean(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (!entry || entry->type != ValueType::Bool) return std::nullopt;
  return decode(*this, *entry, 0).unsigned_value != 0;
}

std::optional<std::string_view> Metadata::string(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (!entry || entry->type != ValueType::String) return std::nullopt;
  return as_text(entry->bytes);
}

std::vector<std::uint64_t> Metadata::unsigned_integers(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (!entry) return {};
  if (entry->type != ValueType::Array) {
    const auto single = unsigned_integer(key);
    return single ? std::vector{*single} : std::vector<std::uint64_t>{};
  }
  const std::uint32_t bytes = value_type_bytes(entry->element_type);
  if (bytes == 0 || entry->element_type == ValueType::Float32 || entry->element_type == ValueType::Float64) return {};
  std::vector<std::uint64_t> values;
  for (std::uint64_t i = 0; i < entry->count; ++i) {
    const MetadataValue value =
        decode_scalar(entry->element_type, entry->bytes.subspan(static_cast<std::size_t>(i * bytes)), byte_order);
    values.push_back(value.type == ValueType::Bool ? value.unsigned_value : as_unsigned(value).value_or(0));
  }
  return values;
}

std::vector<std::string_view> Metadata::strings(std::string_view key, std::size_t most) const {
  const MetadataEntry* entry = find(key);
  if (!entry || entry->type != ValueType::Array || entry->element_type != ValueType::String) return {};
  Elements elements{entry->bytes, byte_order, length_bytes};
  std::vector<std::string_view> texts;
  for (std::uint64_t i = 0; i < entry->count && i < most; ++i) texts.push_back(elements.take_string());
  return texts;
}

MetadataValue decode(const Metadata& metadata, const MetadataEntry& entry, std::uint64_t most_elements) {
  if (entry.type == ValueType::Array) {
    Elements elements{entry.bytes, metadata.byte_order, metadata.length_bytes};
    return elements.take_array(entry.element_type, entry.count, most_elements);
  }
  if (entry.type == ValueType::String) {
    MetadataValue value;
    value.text = as_text(entry.bytes);
    return value;
  }
  return decode_scalar(entry.type, entry.bytes, metadata.byte_order);
}

}  // namespace weigh::core
