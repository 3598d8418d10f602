// safetensors (docs/formats.md 3), specified by huggingface/safetensors, safetensors/src/tensor.rs.
//
//   offset   bytes      field
//   0        8          N, unsigned little-endian
//   8        N          JSON: {"NAME": {"dtype": "F16", "shape": [..], "data_offsets": [begin, end]}, ...,
//                              "__metadata__": {..}}
//   8 + N    the rest   tensor data; offsets count from here, tensors are packed without holes, in any order
//
// The header goes through simdjson on demand. What that leaves unread (unknown fields) is parsed whole, so that a
// header which is no JSON anywhere is refused here as it is there.

#include "formats/safetensors.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "formats/byte_reader.h"
#include "formats/checked.h"
#include "formats/json_value.h"
#include "formats/layout.h"
#include "formats/little_endian.h"
#include "formats/repeated_names.h"

namespace weigh::core {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::uint64_t kMaxHeader =
    100'000'000;  // the reference reader's own cap; larger headers are refused there too
constexpr std::uint64_t kPrefix = 8;
constexpr std::size_t kMaxDepth = 127;  // of nested JSON, as in the reference
constexpr std::size_t kFieldDepth = 3;  // a tensor's fields stand inside the tensor inside the header

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
    place();
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
    file_.header.data = std::make_unique<std::byte[]>(file_.header.size + simdjson::SIMDJSON_PADDING);
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

  [[noreturn]] void fail_json(std::string_view what, std::optional<FindingCode> code = std::nullopt) {
    const char* at = nullptr;
    const bool known =
        document_->current_location().get(at) == simdjson::SUCCESS && at >= text_ && at <= text_ + length_;
    fail(known ? offset_of(at) : kPrefix, "header", what, "the JSON of a safetensors header", code);
  }
  std::uint64_t offset_of(const char* at) const { return kPrefix + static_cast<std::uint64_t>(at - text_); }

  void read_header() {
    thread_local ondemand::parser parser;  // its buffers serve every shard of a set
    ondemand::document document;
    const simdjson::padded_string_view json(text_, static_cast<std::size_t>(length_),
                                            static_cast<std::size_t>(length_ + simdjson::SIMDJSON_PADDING));
    if (const auto error = parser.iterate(json).get(document)) {
      fail(kPrefix, "header", simdjson::error_message(error), "the JSON of a safetensors header");
    }
    document_ = &document;
    try {
      read_fields(document.get_object());
      const char* behind = nullptr;
      if (document.current_location().get(behind) == simdjson::SUCCESS) fail_json("text behind the closing brace");
    } catch (const simdjson::simdjson_error& error) {
      fail_json(simdjson::error_message(error.error()));
    }
  }

  void read_fields(ondemand::object header) {
    for (auto field : header) {
      const ondemand::raw_json_string raw = field.key();
      const std::uint64_t at = offset_of(raw.raw());
      const std::string_view name = text(raw.raw(), [&] { return std::string_view(field.unescaped_key()); });
      if (name == "__metadata__") {
        read_metadata(field.value(), at);
      } else {
        read_tensor(name, at, field.value());
      }
    }
  }

  // A string without escapes is a view into the header; another is kept unescaped.
  template <typename Unescape>
  std::string_view text(const char* begin, Unescape unescape) {
    const auto* end =
        static_cast<const char*>(std::memchr(begin, '"', static_cast<std::size_t>(text_ + length_ - begin)));
    if (end && !std::memchr(begin, '\\', static_cast<std::size_t>(end - begin))) {
      return {begin, static_cast<std::size_t>(end - begin)};
    }
    return file_.header.unescaped.emplace_back(unescape());
  }

  void read_metadata(ondemand::value value, std::uint64_t at) {
    if (has_metadata_) fail(at, "__metadata__", "a second one", "one", FindingCode::DuplicateField);
    has_metadata_ = true;
    if (value.is_null()) return;
    if (value.type() != ondemand::json_type::object) fail(at, "__metadata__", found_json(value), "an object");
    for (auto field : value.get_object()) {
      const ondemand::raw_json_string raw_key = field.key();
      MetadataEntry entry;
      entry.key = text(raw_key.raw(), [&] { return std::string_view(field.unescaped_key()); });
      ondemand::value string = field.value();
      if (string.type() != ondemand::json_type::string) {
        fail(offset_of(raw_key.raw()), "__metadata__ key " + quote(entry.key), found_json(string), "a string");
      }
      const char* begin = string.raw_json_token().data() + 1;
      entry.offset = offset_of(begin);
      entry.bytes = std::as_bytes(std::span(text(begin, [&] { return std::string_view(string.get_string()); })));
      file_.metadata.entries.push_back(entry);
    }
  }

  struct Fields {
    std::optional<Dtype> dtype;
    std::optional<Range> shape;  // indices into dims
    std::optional<Range> offsets;
  };

  void read_tensor(std::string_view name, std::uint64_t at, ondemand::value value) {
    Fields fields;
    if (value.type() == ondemand::json_type::array) {
      read_positional(name, at, value, fields);
    } else {
      if (value.type() != ondemand::json_type::object)
        fail(at, "tensor " + quote(name), found_json(value), "an object");
      for (auto field : value.get_object()) {
        const std::string_view key =
            text(ondemand::raw_json_string(field.key()).raw(), [&] { return std::string_view(field.unescaped_key()); });
        read_field(name, at, key, field.value(), fields);
      }
    }
    if (!fields.dtype) fail(at, "tensor " + quote(name), "no dtype", "one");
    if (!fields.shape) fail(at, "tensor " + quote(name), "no shape", "one");
    if (!fields.offsets) fail(at, "tensor " + quote(name), "no data_offsets", "two numbers");
    add_tensor(name, at, *fields.dtype, *fields.shape, *fields.offsets);
  }

  void read_field(std::string_view name, std::uint64_t at, std::string_view key, ondemand::value value,
                  Fields& fields) {
    const auto once = [&](bool seen) {
      if (seen) fail(at, "tensor " + quote(name), quote(key) + " twice", "once", FindingCode::DuplicateField);
    };
    if (key == "dtype") {
      once(fields.dtype.has_value());
      fields.dtype = read_dtype(name, at, value);
    } else if (key == "shape") {
      once(fields.shape.has_value());
      fields.shape = read_shape(name, at, value);
    } else if (key == "data_offsets") {
      once(fields.offsets.has_value());
      fields.offsets = read_offsets(name, at, value);
    } else {
      check_json(value, kFieldDepth);
    }
  }

  // The reference reader takes ["F32", [1], [0, 4]] for an object: an accident of its JSON library, but such a file
  // loads.
  void read_positional(std::string_view name, std::uint64_t at, ondemand::value value, Fields& fields) {
    constexpr std::array<std::string_view, 3> kKeys = {"dtype", "shape", "data_offsets"};
    std::size_t i = 0;
    for (auto element : value.get_array()) {
      if (i == kKeys.size()) fail(at, "tensor " + quote(name), "an array of more than 3 fields", "3");
      read_field(name, at, kKeys[i++], element.value(), fields);
    }
  }

  // Reads what means nothing to us, only so that a fault in it is seen.
  void check_json(ondemand::value value, std::size_t depth) {
    if (depth > kMaxDepth) fail_json("nesting deeper than 127 levels", FindingCode::DeepNesting);
    switch (value.type()) {
      case ondemand::json_type::object:
        for (auto field : value.get_object()) {
          (void)std::string_view(field.unescaped_key());
          check_json(field.value(), depth + 1);
        }
        break;
      case ondemand::json_type::array:
        for (auto element : value.get_array()) check_json(element.value(), depth + 1);
        break;
      case ondemand::json_type::string: (void)std::string_view(value.get_string()); break;
      case ondemand::json_type::number: (void)double(value.get_double()); break;
      case ondemand::json_type::boolean: (void)bool(value.get_bool()); break;
      case ondemand::json_type::null:
        if (!value.is_null()) fail_json("a word that is no JSON value");
        break;
    }
  }

  Dtype read_dtype(std::string_view name, std::uint64_t at, ondemand::value value) {
    if (value.type() != ondemand::json_type::string) {
      fail(at, "dtype of tensor " + quote(name), found_json(value), "a string");
    }
    const std::string_view text_of = value.get_string();
    if (text_of == info(last_dtype_).safetensors_name) return last_dtype_;  // most tensors share one
    const auto dtype = dtype_from_safetensors(text_of);
    if (!dtype) fail(at, "dtype of tensor " + quote(name), quote(text_of), "one of the specification's");
    return last_dtype_ = *dtype;
  }

  Range read_shape(std::string_view name, std::uint64_t at, ondemand::value value) {
    if (value.type() != ondemand::json_type::array) {
      fail(at, "shape of tensor " + quote(name), found_json(value), "an array");
    }
    Range range{file_.dims.size(), 0};
    for (auto element : value.get_array()) {
      std::uint64_t dimension = 0;
      if (element.get_uint64().get(dimension) != simdjson::SUCCESS) {
        fail(at, "shape of tensor " + quote(name), found_json(element.value()), "an unsigned 64-bit integer");
      }
      file_.dims.push_back(dimension);
    }
    range.end = file_.dims.size();
    return range;
  }

  Range read_offsets(std::string_view name, std::uint64_t at, ondemand::value value) {
    const auto wrong = [&](const std::string& found, std::string_view expected) {
      fail(at, "data_offsets of tensor " + quote(name), found, expected);
    };
    if (value.type() != ondemand::json_type::array) wrong(found_json(value), "an array");
    std::array<std::uint64_t, 2> offsets{};
    std::size_t count = 0;
    for (auto element : value.get_array()) {
      if (count == 2) wrong("more than two numbers", "two");
      if (element.get_uint64().get(offsets[count++]) != simdjson::SUCCESS) {
        wrong(found_json(element.value()), "an unsigned 64-bit integer");
      }
    }
    if (count != 2) wrong(count == 0 ? "no numbers" : "one number", "two");
    if (offsets[1] < offsets[0]) {
      wrong(std::to_string(offsets[0]) + " to " + std::to_string(offsets[1]), "an end that is not before its begin");
    }
    return {offsets[0], offsets[1]};
  }

  void add_tensor(std::string_view name, std::uint64_t at, Dtype dtype, Range shape, Range offsets) {
    const auto dims = std::span(file_.dims).subspan(shape.begin, shape.end - shape.begin);
    const auto elements = element_count(dims);
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
    tensor.elements = *elements;
    tensor.offset = offsets.begin;
    tensor.bytes = *bits / 8;
    file_.tensors.push_back(tensor);
    shapes_.push_back(shape);
  }

  // The header is read as a whole: shapes become views, and names are compared.
  void place() {
    std::vector<std::string_view> names;
    names.reserve(file_.tensors.size());
    for (std::size_t i = 0; i < shapes_.size(); ++i) {
      file_.tensors[i].shape = std::span(file_.dims).subspan(shapes_[i].begin, shapes_[i].end - shapes_[i].begin);
      names.push_back(file_.tensors[i].name);
    }
    for (const std::size_t i : repeated_names(names)) {
      log_.add(
          Finding(FindingCode::DuplicateTensor, Severity::Error, "tensor " + quote(names[i]) + " occurs more than once")
              .of_tensor(names[i]));
    }
    names.clear();
    for (const MetadataEntry& entry : file_.metadata.entries) names.push_back(entry.key);
    for (const std::size_t i : repeated_names(names)) {
      log_.add(Finding(FindingCode::DuplicateKey, Severity::Error,
                       "__metadata__ key " + quote(names[i]) + " occurs more than once")
                   .at(file_.metadata.entries[i].offset));
    }
  }

  ByteSource& source_;
  ModelFile file_;
  FindingLog log_{file_.findings};
  std::uint64_t length_ = 0;
  const char* text_ = nullptr;
  ondemand::document* document_ = nullptr;  ///< while read_header runs
  bool has_metadata_ = false;
  Dtype last_dtype_ = Dtype::F32;
  std::vector<Range> shapes_;
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
