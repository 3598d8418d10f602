#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// GGUF's value types, with its ids. safetensors `__metadata__` holds only String.
enum class ValueType : std::uint8_t {
  Uint8 = 0,
  Int8 = 1,
  Uint16 = 2,
  Int16 = 3,
  Uint32 = 4,
  Int32 = 5,
  Float32 = 6,
  Bool = 7,
  String = 8,
  Array = 9,
  Uint64 = 10,
  Int64 = 11,
  Float64 = 12,
};

/// "uint8" ... "float64".
std::string_view value_type_name(ValueType type);

/// Bytes of one value of a fixed size; 0 for String and Array.
std::uint32_t value_type_bytes(ValueType type);

/// What a value is, whatever its size.
enum class ValueKind : std::uint8_t { Unsigned, Signed, Float, Bool, String, Array };
ValueKind value_kind(ValueType type);

/// Where one value lies. Nothing is decoded until asked for.
struct MetadataEntry {
  std::string_view key;
  ValueType type = ValueType::String;
  ValueType element_type = ValueType::String;  ///< of an Array
  std::uint64_t count = 1;                     ///< elements of an Array, else 1
  std::uint64_t offset = 0;                    ///< of the value in the file, after its type
  std::span<const std::byte> bytes;            ///< a scalar's bytes, a string's text, an array's elements
};

/// A file's key/values in the file's order. Views into the ModelFile's header.
struct Metadata {
  std::vector<MetadataEntry> entries;
  std::endian byte_order = std::endian::little;
  std::uint8_t length_bytes = 8;  ///< width of string lengths and counts inside arrays: 4 in GGUF v1

  [[nodiscard]] const MetadataEntry* find(std::string_view key) const;

  /// A scalar of any integer type as u64; nothing when absent, of another type, or negative.
  [[nodiscard]] std::optional<std::uint64_t> unsigned_integer(std::string_view key) const;
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] std::optional<std::string_view> string(std::string_view key) const;

  /// An array of integers (or of bools, as 0 and 1), or a scalar as one element. Negative ones read as 0.
  /// Empty when absent or of another type.
  [[nodiscard]] std::vector<std::uint64_t> unsigned_integers(std::string_view key) const;

  /// The first `most` strings of an array of strings.
  [[nodiscard]] std::vector<std::string_view> strings(std::string_view key, std::size_t most) const;
};

/// One decoded value; `elements` holds an array's first elements.
struct MetadataValue {
  ValueType type = ValueType::String;
  std::uint64_t unsigned_value = 0;  ///< Uint*, Bool
  std::int64_t signed_value = 0;     ///< Int*
  double float_value = 0;            ///< Float*
  std::string_view text;             ///< String
  ValueType element_type = ValueType::String;
  std::uint64_t count = 0;  ///< elements of an Array in the file
  std::vector<MetadataValue> elements;
};

/// Decodes an entry; of every array at most `most_elements` elements.
MetadataValue decode(const Metadata& metadata, const MetadataEntry& entry, std::uint64_t most_elements);

}  // namespace weigh::core
