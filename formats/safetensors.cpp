// safetensors (docs/formats.md 3), specified by huggingface/safetensors, safetensors/src/tensor.rs.
//
//   offset   bytes      field
//   0        8          N, unsigned little-endian
//   8        N          JSON: {"NAME": {"dtype": "F16", "shape": [..], "data_offsets": [begin, end]}, ...,
//                              "__metadata__": {..}}
//   8 + N    the rest   tensor data; offsets count from here, tensors are packed without holes, in any order
//
// The header is read in place, once. What means nothing here (unknown fields) is checked all the same, so that a header
// which is no JSON anywhere is refused as it is there.

#include "formats/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "formats/byte_reader.h"
#include "formats/checked.h"
#include "formats/json_cursor.h"
#include "formats/layout.h"
#include "formats/little_endian.h"
#include "formats/repeated_names.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kMaxHeader =
    100'000'000;  // the reference reader's own cap; larger headers are refused there too
constexpr std::uint64_t kPrefix = 8;
constexpr std::uint64_t kUsualTensor = 128;  // bytes of text for one; decides how much memory is set aside at first
constexpr std::size_t kFieldDepth = 3;       // a tensor's fields stand inside the tensor inside the header

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class SafetensorsReader {
 public:
  explicit SafetensorsReader(ByteSource& source) : source_(source) {
    file_.format = Format::Safetensors;
    file_.file_bytes = source.size();
    file_.metadata.byte_order = std::endian::little;
  }

  ModelFile read() {
    fetch_header();
    read_header();
    check_names();
    log_.finish();
    check_layout(file_, {1, Severity::Error, std::nullopt});
    return std::move(file_);
  }

 private:
  void fetch_header() {
    if (file_.file_bytes < kPrefix) {
      fail(0, "header length", std::to_string(file_.file_bytes) + " bytes", "8", FindingCode::TruncatedHeader);
    }
    std::array<std::byte, kPrefix> prefix{};
    source_.read(0, prefix);
    length_ = load_little_endian(prefix);
    if (length_ > kMaxHeader)
      fail(0, "header length", std::to_string(length_), "at most 100000000", FindingCode::HeaderLength);
    if (length_ > file_.file_bytes - kPrefix) {
      fail(0, "header length", std::to_string(length_),
           "at most the " + std::to_string(file_.file_bytes - kPrefix) + " bytes left", FindingCode::HeaderLength);
    }
    file_.header.size = kPrefix + length_;
    file_.header_bytes = file_.header.size;
    file_.header.data = allocate_bytes(file_.header.size + JsonCursor::kPadding);
    std::memset(file_.header.data.get() + file_.header.size, 0, JsonCursor::kPadding);
    source_.read(0, {file_.header.data.get(), static_cast<std::size_t>(file_.header.size)});
    text_ = reinterpret_cast<const char*>(file_.header.data.get()) + kPrefix;

    std::uint64_t blanks = 0;
    while (blanks < length_ && is_blank(text_[blanks])) ++blanks;
    if (blanks == length_ || text_[blanks] != '{') {
      const bool text = blanks < length_ && text_[blanks] > ' ' && text_[blanks] < 0x7f;
      fail(kPrefix + blanks, "header",
           blanks == length_ ? "blanks only"
           : text            ? quote({text_ + blanks, 1})
                             : "bytes that are not text",
           "{");
    }
    if (blanks > 0) {
      log_.add(Finding(FindingCode::LeadingBlanks, Severity::Note,
                       "the header begins with blanks, which readers older than April 2026 refuse")
                   .at(kPrefix));
    }
  }

  std::uint64_t offset_of(const char* at) const { return kPrefix + static_cast<std::uint64_t>(at - text_); }

  void read_header() {
    file_.tensors.reserve(length_ / kUsualTensor);
    try {
      JsonCursor json(text_, static_cast<std::size_t>(length_));
      json.each_field([&](const JsonString& key) {
        const std::uint64_t at = offset_of(key.raw.data());
        const std::string_view name = text(key);
        if (name == "__metadata__") {
          read_metadata(json, at);
        } else {
          read_tensor(json, name, at);
        }
      });
      json.finish();
    } catch (const JsonFault& fault) {
      const bool is_deep = fault.what.starts_with("nesting");
      fail(offset_of(fault.at), "header", fault.what, "the JSON of a safetensors header",
           is_deep ? std::optional(FindingCode::DeepNesting) : std::nullopt);
    }
  }

  // A string without escapes is a view into the header; another is kept unescaped.
  std::string_view text(const JsonString& string) {
    if (!string.has_escapes) return string.raw;
    return file_.header.unescaped.emplace_back(JsonCursor::unescaped(string));
  }

  void read_metadata(JsonCursor& json, std::uint64_t at) {
    if (has_metadata_) fail(at, "__metadata__", "a second one", "one", FindingCode::DuplicateField);
    has_metadata_ = true;
    if (json.kind() == JsonCursor::Kind::Null) return json.take_null();
    if (json.kind() != JsonCursor::Kind::Object) fail(at, "__metadata__", json.found(), "an object");
    json.each_field([&](const JsonString& key) {
      MetadataEntry entry;
      entry.key = text(key);
      if (json.kind() != JsonCursor::Kind::String) {
        fail(offset_of(key.raw.data()), "__metadata__ key " + quote(entry.key), json.found(), "a string");
      }
      const JsonString value = json.take_string();
      entry.offset = offset_of(value.raw.data());
      entry.bytes = std::as_bytes(std::span(text(value)));
      file_.metadata.entries.push_back(entry);
    });
  }

  struct Fields {
    std::optional<Dtype> dtype;
    bool has_shape = false;  // in shape_
    std::optional<Range> offsets;
  };

  // Most tensors have one of two: a weight's and its scale's.
  void note_dtype(Dtype dtype) {
    if (dtype != last_dtypes_[0]) last_dtypes_ = {dtype, last_dtypes_[0]};
  }
  bool take_noted_dtype(JsonCursor& json) {
    for (const Dtype dtype : last_dtypes_) {
      if (!json.take_text(info(dtype).safetensors_name)) continue;
      note_dtype(dtype);
      return json.take_text("\"");
    }
    return false;
  }

  // The fields as the library of the format writes them, without a blank: false, and nothing is read, where they are not.
  bool read_as_written(JsonCursor& json, Fields& fields) {
    const char* const begin = json.position();
    shape_.clear();
    const auto numbers = [&](auto take) {
      if (json.take_text("]")) return true;
      do {
        const auto number = json.take_uint();
        if (!number || !take(*number)) return false;
      } while (json.take_text(","));
      return json.take_text("]");
    };
    const auto dimension = [&](std::uint64_t value) {
      shape_.push_back(value);
      return true;
    };
    std::array<std::uint64_t, 2> offsets{};
    std::size_t count = 0;
    const auto offset = [&](std::uint64_t value) {
      if (count < 2) offsets[count] = value;
      return ++count <= 2;
    };
    if (json.take_text("{\"dtype\":\"") && take_noted_dtype(json) && json.take_text(",\"shape\":[") &&
        numbers(dimension) && json.take_text(",\"data_offsets\":[") && numbers(offset) && json.take_text("}") &&
        count == 2 && offsets[0] <= offsets[1]) {
      fields = {last_dtypes_[0], true, Range{offsets[0], offsets[1]}};
      return true;
    }
    json.go_back(begin);
    return false;
  }

  void read_tensor(JsonCursor& json, std::string_view name, std::uint64_t at) {
    Fields fields;
    if (read_as_written(json, fields)) return add_tensor(name, at, *fields.dtype, *fields.offsets);
    if (json.kind() == JsonCursor::Kind::Array) {
      read_positional(json, name, at, fields);
    } else {
      if (json.kind() != JsonCursor::Kind::Object) fail(at, "tensor " + quote(name), json.found(), "an object");
      json.each_field([&](const JsonString& key) {
        const std::string unescaped = key.has_escapes ? JsonCursor::unescaped(key) : std::string();
        read_field(json, name, at, key.has_escapes ? unescaped : key.raw, fields);
      });
    }
    if (!fields.dtype) fail(at, "tensor " + quote(name), "no dtype", "one");
    if (!fields.has_shape) fail(at, "tensor " + quote(name), "no shape", "one");
    if (!fields.offsets) fail(at, "tensor " + quote(name), "no data_offsets", "two numbers");
    add_tensor(name, at, *fields.dtype, *fields.offsets);
  }

  void read_field(JsonCursor& json, std::string_view name, std::uint64_t at, std::string_view key, Fields& fields) {
    const auto once = [&](bool seen) {
      if (seen) fail(at, "tensor " + quote(name), quote(key) + " twice", "once", FindingCode::DuplicateField);
    };
    if (key == "dtype") {
      once(fields.dtype.has_value());
      fields.dtype = read_dtype(json, name, at);
    } else if (key == "shape") {
      once(fields.has_shape);
      read_shape(json, name, at);
      fields.has_shape = true;
    } else if (key == "data_offsets") {
      once(fields.offsets.has_value());
      fields.offsets = read_offsets(json, name, at);
    } else {
      json.skip(kFieldDepth - 1);
    }
  }

  // The reference reader takes ["F32", [1], [0, 4]] for an object: an accident of its JSON library, but such a file
  // loads.
  void read_positional(JsonCursor& json, std::string_view name, std::uint64_t at, Fields& fields) {
    constexpr std::array<std::string_view, 3> kKeys = {"dtype", "shape", "data_offsets"};
    std::size_t i = 0;
    json.each_element([&] {
      if (i == kKeys.size()) fail(at, "tensor " + quote(name), "an array of more than 3 fields", "3");
      read_field(json, name, at, kKeys[i++], fields);
    });
  }

  Dtype read_dtype(JsonCursor& json, std::string_view name, std::uint64_t at) {
    if (json.kind() != JsonCursor::Kind::String) {
      fail(at, "dtype of tensor " + quote(name), json.found(), "a string");
    }
    const JsonString string = json.take_string();
    const std::string unescaped = string.has_escapes ? JsonCursor::unescaped(string) : std::string();
    const std::string_view text_of = string.has_escapes ? unescaped : string.raw;
    const auto dtype = dtype_from_safetensors(text_of);
    if (!dtype) fail(at, "dtype of tensor " + quote(name), quote(text_of), "one of the specification's");
    note_dtype(*dtype);
    return *dtype;
  }

  void read_shape(JsonCursor& json, std::string_view name, std::uint64_t at) {
    if (json.kind() != JsonCursor::Kind::Array) {
      fail(at, "shape of tensor " + quote(name), json.found(), "an array");
    }
    shape_.clear();
    json.each_element([&] {
      const auto dimension = json.take_uint();
      if (!dimension) fail(at, "shape of tensor " + quote(name), json.found(), "an unsigned 64-bit integer");
      shape_.push_back(*dimension);
    });
  }

  Range read_offsets(JsonCursor& json, std::string_view name, std::uint64_t at) {
    const auto wrong = [&](const std::string& found, std::string_view expected) {
      fail(at, "data_offsets of tensor " + quote(name), found, expected);
    };
    if (json.kind() != JsonCursor::Kind::Array) wrong(json.found(), "an array");
    std::array<std::uint64_t, 2> offsets{};
    std::size_t count = 0;
    json.each_element([&] {
      if (count == 2) wrong("more than two numbers", "two");
      const auto offset = json.take_uint();
      if (!offset) wrong(json.found(), "an unsigned 64-bit integer");
      offsets[count++] = *offset;
    });
    if (count != 2) wrong(count == 0 ? "no numbers" : "one number", "two");
    if (offsets[1] < offsets[0]) {
      wrong(std::to_string(offsets[0]) + " to " + std::to_string(offsets[1]), "an end that is not before its begin");
    }
    return {offsets[0], offsets[1]};
  }

  void add_tensor(std::string_view name, std::uint64_t at, Dtype dtype, Range offsets) {
    const auto elements = element_count(shape_);
    const auto bits = elements ? checked_mul(*elements, info(dtype).block_bits) : std::nullopt;
    if (!bits)
      fail(at, "tensor " + quote(name), "a size beyond 64 bits", "one inside the file", FindingCode::SizeOverflow);
    if (*bits % 8 != 0) {
      fail(at, "tensor " + quote(name), std::to_string(*bits) + " bits of " + std::string(info(dtype).name),
           "whole bytes");
    }
    if (offsets.end - offsets.begin != *bits / 8) {
      fail(at, "data_offsets of tensor " + quote(name), std::to_string(offsets.end - offsets.begin) + " bytes",
           std::to_string(*bits / 8) + " by its dtype and shape", FindingCode::TensorSizeMismatch);
    }
    Tensor tensor;
    tensor.name = name;
    tensor.dtype = dtype;
    tensor.shape = file_.shapes.keep(shape_);
    tensor.elements = *elements;
    tensor.offset = offsets.begin;
    tensor.bytes = *bits / 8;
    file_.tensors.push_back(tensor);
  }

  void check_names() {
    for (const std::size_t i : repeated_names(file_.tensors, &Tensor::name)) {
      const std::string_view name = file_.tensors[i].name;
      log_.add(
          Finding(FindingCode::DuplicateTensor, Severity::Error, "tensor " + quote(name) + " occurs more than once")
              .of_tensor(name));
    }
    for (const std::size_t i : repeated_names(file_.metadata.entries, &MetadataEntry::key)) {
      const MetadataEntry& entry = file_.metadata.entries[i];
      log_.add(Finding(FindingCode::DuplicateKey, Severity::Error,
                       "__metadata__ key " + quote(entry.key) + " occurs more than once")
                   .at(entry.offset));
    }
  }

  ByteSource& source_;
  ModelFile file_;
  FindingLog log_{file_.findings};
  std::uint64_t length_ = 0;
  const char* text_ = nullptr;
  bool has_metadata_ = false;
  std::array<Dtype, 2> last_dtypes_ = {Dtype::F32, Dtype::F32};
  std::vector<std::uint64_t> shape_;  // of the tensor that is read
};

}  // namespace

bool looks_like_safetensors(std::span<const std::byte> head, std::uint64_t file_bytes) {
  if (head.size() < kPrefix + 1) return false;
  const std::uint64_t length = load_little_endian(head.first(kPrefix));
  std::size_t at = kPrefix;
  while (at < head.size() && is_blank(static_cast<char>(head[at]))) ++at;
  return length <= kMaxHeader && length <= file_bytes - kPrefix && at < head.size() && head[at] == std::byte{'{'};
}

ModelFile read_safetensors(ByteSource& source) { return SafetensorsReader(source).read(); }

}  // namespace weigh::core
