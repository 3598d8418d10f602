// GGUF (docs/formats.md 2, specified by ggml). All integers are unsigned and in the file's byte order, packed.
//
//   field             v1      v2, v3   what it is
//   magic             4       4        "GGUF", the same letters in either byte order
//   version           u32     u32      its low 16 bits are 0 when the file is of the other byte order
//   tensor count      u32     u64
//   key/value count   u32     u64
//   key/values                         of each: key (string), value type (u32), value
//   tensor infos                       of each: name (string), dimension count (u32), dimensions (u64; v1 u32),
//                                      type (u32), offset (u64)
//   zeros                              up to a multiple of general.alignment; may be left out when there are no tensors
//   tensor data                        each tensor at its offset from here, padded to the alignment
//
//   string                             length (u64; v1 u32), bytes
//   array                              element type (u32), count (u64; v1 u32), elements
//
// v2 and v3 differ in the number only. Dimensions are innermost first in the file and turned round here, once.

#include "formats/gguf.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "formats/byte_reader.h"
#include "formats/checked.h"
#include "formats/layout.h"
#include "formats/repeated_names.h"

namespace weigh::core {

namespace {

// What is usual, until enough was read to tell: it decides how much is fetched at once, and nothing else.
constexpr std::uint64_t kUsualWord = 6;
constexpr std::uint64_t kUsualTensor = 64;
constexpr std::uint64_t kMostExpected = std::uint64_t{1} << 24;
constexpr std::uint64_t kStringsPerLook = 256;
constexpr std::uint64_t kTensorsPerLook = 64;
constexpr std::uint32_t kMaxDimensions = 4;  // GGML_MAX_DIMS
constexpr int kMaxArrayDepth = 8;            // nested arrays are legal and unheard of; the stack is finite
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kUsualAlignment = 4096;                  // the padding up to it is read as a part of the header
constexpr std::uint64_t kLargeAlignment = 1024 * 1024;           // no limit is specified; nobody writes more than 4096
constexpr std::uint64_t kLongestKey = 65535;                     // specification
constexpr std::uint64_t kMaxName = 64;                           // GGML_MAX_NAME of llama.cpp, its closing 0 included
constexpr std::uint64_t kMaxDiffusionName = 128;                 // the same of builds for diffusion models
constexpr std::uint64_t kMaxReserved = 64 * 1024;                // tensor infos to make room for at once
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 63U;  // ggml counts in signed 64 bits

struct Range {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// What is known of a tensor besides its Tensor. Positions fit: a header has at most 1 GiB.
struct TensorInfo {
  std::uint32_t name_at = 0;
  std::uint32_t name_length = 0;
  std::uint32_t type = 0;
  std::uint32_t type_at = 0;
};

std::string hex_bytes(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!text.empty()) text += ' ';
    text += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return text;
}

class GgufReader {
 public:
  explicit GgufReader(ByteSource& source) : reader_(source) {
    file_.format = Format::Gguf;
    file_.file_bytes = source.size();
  }

  ModelFile read() {
    read_preamble();
    read_metadata();
    read_tensor_infos();
    place();
    resolve_types();
    log_.finish();
    check_layout(file_, {alignment_, Severity::Warning, Severity::Warning});
    return std::move(file_);
  }

 private:
  bool v1() const { return file_.version == 1; }
  std::uint64_t length_bytes() const { return v1() ? 4 : 8; }
  std::uint64_t read_length(std::string_view field) {
    return v1() ? reader_.read<std::uint32_t>(field) : reader_.read<std::uint64_t>(field);
  }

  // A count that cannot fit in the bytes left, at so many bytes each, is refused before anything is reserved.
  std::uint64_t read_count(std::string_view field, std::uint64_t bytes_each) {
    const std::uint64_t at = reader_.position();
    const std::uint64_t count = read_length(field);
    check_count(at, field, count, bytes_each);
    return count;
  }
  void check_count(std::uint64_t at, std::string_view field, std::uint64_t count, std::uint64_t bytes_each) {
    const std::uint64_t most = reader_.remaining() / bytes_each;
    if (count > most) {
      fail(at, field, std::to_string(count),
           "at most " + std::to_string(most) + ", as " + std::to_string(reader_.remaining()) + " bytes are left",
           FindingCode::AbsurdCount);
    }
  }

  Range read_string(std::string_view field) {
    const std::uint64_t length = read_count(field, 1);
    const Range range{reader_.position(), length};
    reader_.skip(length, field);
    return range;
  }

  void read_preamble() {
    reader_.skip(4, "magic");
    if (reader_.passed(0, 4) != "GGUF") fail(0, "magic", hex_bytes(reader_.passed(0, 4)), "47 47 55 46 (GGUF)");
    file_.version = reader_.read<std::uint32_t>("version");
    if (file_.version != 0 && (file_.version & 0xFFFFU) == 0) {
      file_.byte_order = std::endian::big;
      reader_.set_byte_order(std::endian::big);
      file_.version = __builtin_bswap32(file_.version);
    }
    if (file_.version < 1 || file_.version > 3) fail(4, "version", std::to_string(file_.version), "1, 2 or 3");
    // The shortest tensor info: an empty name, no dimensions, type, offset. The shortest key/value: one letter, one
    // byte.
    const std::uint64_t tensors_at = reader_.position();
    tensor_count_ = read_length("tensor count");
    key_count_ = read_count("key/value count", length_bytes() + 1 + 4 + 1);
    check_count(tensors_at, "tensor count", tensor_count_, length_bytes() + 4 + 4 + 8);
    file_.metadata.byte_order = file_.byte_order;
    file_.metadata.length_bytes = static_cast<std::uint8_t>(length_bytes());
  }

  void read_metadata() {
    for (std::uint64_t i = 0; i < key_count_; ++i) {
      MetadataEntry entry;
      const std::uint64_t key_at = reader_.position();
      keys_.push_back(read_string("key"));
      const std::string key(reader_.passed(keys_.back().offset, keys_.back().length));
      if (key.empty()) add(FindingCode::EmptyKey, Severity::Error, fault("key", "an empty one", "a name"), {}, key_at);
      if (key.size() > kLongestKey) {
        add(FindingCode::LongKey, Severity::Error, fault("key length", std::to_string(key.size()), "at most 65535"), {},
            key_at);
      }
      entry.type = read_value_type(key);
      entry.offset = reader_.position();
      values_.push_back(read_value(entry, key));
      if (key == "general.alignment") read_alignment(entry, values_.back());
      file_.metadata.entries.push_back(entry);
    }
  }

  ValueType read_value_type(std::string_view key) {
    const std::uint64_t at = reader_.position();
    const auto id = reader_.read<std::uint32_t>("value type");
    const std::uint32_t most = v1() ? 9 : 12;
    if (id > most) fail(at, "value type of key " + quote(key), std::to_string(id), "at most " + std::to_string(most));
    return static_cast<ValueType>(id);
  }

  Range read_value(MetadataEntry& entry, const std::string& key) {
    if (entry.type == ValueType::String) return read_string("value of key " + quote(key));
    if (entry.type == ValueType::Array) {
      entry.element_type = read_value_type(key);
      entry.count = read_element_count(entry.element_type, key);
      const std::uint64_t begin = reader_.position();
      skip_elements(entry.element_type, entry.count, key, 1);
      return {begin, reader_.position() - begin};
    }
    const Range range{reader_.position(), value_type_bytes(entry.type)};
    reader_.skip(range.length, "value of key " + quote(key));
    return range;
  }

  std::uint64_t read_element_count(ValueType type, const std::string& key) {
    const std::uint64_t smallest = type == ValueType::String  ? length_bytes()
                                   : type == ValueType::Array ? 4 + length_bytes()
                                                              : value_type_bytes(type);
    return read_count("array length of key " + quote(key), smallest);
  }

  void skip_elements(ValueType type, std::uint64_t count, const std::string& key, int depth) {
    if (depth > kMaxArrayDepth) {
      fail(reader_.position(), "nested arrays of key " + quote(key), "more than " + std::to_string(kMaxArrayDepth),
           "fewer levels", FindingCode::DeepNesting);
    }
    if (type == ValueType::String) {
      const std::uint64_t begin = reader_.position();
      for (std::uint64_t i = 0; i < count; ++i) {
        // The rest of a vocabulary is about as long as its words: scores and types, or merges.
        if (i % kStringsPerLook == 0) expect_more(begin, i, 2 * count, length_bytes() + kUsualWord);
        reader_.skip(read_length("string length"), "string in an array");
      }
    } else if (type == ValueType::Array) {
      for (std::uint64_t i = 0; i < count; ++i) {
        const ValueType inner = read_value_type(key);
        skip_elements(inner, read_element_count(inner, key), key, depth + 1);
      }
    } else {
      reader_.skip(count * value_type_bytes(type), "array elements");  // the count was checked against the bytes left
    }
  }

  // `done` of `count` things lie between `begin` and the position: the others are as large, and tensors follow.
  void expect_more(std::uint64_t begin, std::uint64_t done, std::uint64_t count, std::uint64_t usual) {
    const std::uint64_t each = done == 0 ? usual : (reader_.position() - begin) / done + 1;
    const std::uint64_t left = std::min(count - done, kMostExpected) * each;
    reader_.expect(reader_.position() + left +
                   (tensors_reached_ ? 0 : std::min(tensor_count_, kMostExpected) * kUsualTensor));
  }

  void read_alignment(const MetadataEntry& entry, Range value) {
    if (entry.type != ValueType::Uint32) {
      fail(entry.offset, "general.alignment", "a value of type " + std::string(value_type_name(entry.type)), "uint32");
    }
    // Decoded from a copy: the header's bytes have no final place yet.
    const std::string bytes(reader_.passed(value.offset, value.length));
    MetadataEntry copy = entry;
    copy.bytes = std::as_bytes(std::span(bytes));
    alignment_ = decode(file_.metadata, copy, 0).unsigned_value;
    if (!std::has_single_bit(alignment_)) {
      fail(entry.offset, "general.alignment", std::to_string(alignment_), "a power of two");
    }
    if (alignment_ > kLargeAlignment) {
      add(FindingCode::LargeAlignment, Severity::Warning,
          fault("general.alignment", std::to_string(alignment_), "at most 1 MiB"), {}, entry.offset);
    }
  }

  void read_tensor_infos() {
    // The count fits in the file, but only bytes that were read are worth memory.
    infos_.reserve(std::min(tensor_count_, kMaxReserved));
    file_.tensors.reserve(infos_.capacity());
    tensors_reached_ = true;
    const std::uint64_t begin = reader_.position();
    for (std::uint64_t i = 0; i < tensor_count_; ++i) {
      if (i % kTensorsPerLook == 0) expect_more(begin, i, tensor_count_, kUsualTensor);
      TensorInfo info;
      const Range name = read_string("tensor name");
      info.name_at = static_cast<std::uint32_t>(name.offset);
      info.name_length = static_cast<std::uint32_t>(name.length);
      const std::uint64_t count_at = reader_.position();
      const auto dims_count = reader_.read<std::uint32_t>("number of dimensions");
      if (dims_count > kMaxDimensions) {
        fail(count_at, "tensor " + quote(reader_.passed(name.offset, name.length)),
             std::to_string(dims_count) + " dimensions", "at most 4");
      }
      std::array<std::uint64_t, kMaxDimensions> dims{};
      for (std::uint32_t k = dims_count; k-- > 0;) dims[k] = read_length("dimension");
      info.type_at = static_cast<std::uint32_t>(reader_.position());
      info.type = reader_.read<std::uint32_t>("tensor type");
      infos_.push_back(info);
      Tensor& tensor = file_.tensors.emplace_back();
      tensor.shape = file_.shapes.keep(std::span(dims).first(dims_count));
      tensor.offset = reader_.read<std::uint64_t>("tensor offset");
    }
  }

  // The header is read as a whole: positions become views.
  void place() {
    const std::uint64_t end = reader_.position();
    const auto data_start = checked_round_up(end, alignment_);
    if (alignment_ <= kUsualAlignment) reader_.reach(data_start.value_or(end));
    file_.header = reader_.take(data_start.value_or(end));
    file_.header_bytes = end;
    if (!infos_.empty()) {
      if (!data_start)
        fail(end, "data area", "a start beyond 64 bits", "one inside the file", FindingCode::SizeOverflow);
      file_.header_bytes = *data_start;
    } else if (data_start) {
      // Without tensors the padding may be left out; as far as it is there, it is the header's.
      file_.header_bytes = std::clamp(file_.file_bytes, end, *data_start);
    }

    for (std::size_t i = 0; i < keys_.size(); ++i) {
      MetadataEntry& entry = file_.metadata.entries[i];
      entry.key = text(keys_[i]);
      entry.bytes = std::as_bytes(std::span(text(values_[i])));
    }
    for (std::size_t i = 0; i < infos_.size(); ++i) {
      Tensor& tensor = file_.tensors[i];
      tensor.name = text({infos_[i].name_at, infos_[i].name_length});
      const auto elements = element_count(tensor.shape);
      if (!elements || *elements >= kMaxElements ||
          std::ranges::any_of(tensor.shape, [](auto d) { return d >= kMaxElements; })) {
        fail(infos_[i].type_at, "tensor " + quote(tensor.name), "dimensions whose product exceeds 63 bits",
             "fewer elements", FindingCode::SizeOverflow);
      }
      tensor.elements = *elements;
    }
    check_names();
  }

  std::string_view text(Range range) const {
    if (range.length == 0) return {};
    return {reinterpret_cast<const char*>(file_.header.data.get() + range.offset),
            static_cast<std::size_t>(range.length)};
  }

  void check_names() {
    for (const std::size_t i : repeated_names(file_.metadata.entries, &MetadataEntry::key)) {
      const std::string_view key = file_.metadata.entries[i].key;
      add(FindingCode::DuplicateKey, Severity::Error, "key " + quote(key) + " occurs more than once", {},
          keys_[i].offset);
    }
    for (const std::size_t i : repeated_names(file_.tensors, &Tensor::name)) {
      const std::string_view name = file_.tensors[i].name;
      add(FindingCode::DuplicateTensor, Severity::Error, "tensor " + quote(name) + " occurs more than once", name,
          infos_[i].name_at);
    }
    for (std::size_t i = 0; i < file_.tensors.size(); ++i) check_tensor(file_.tensors[i], infos_[i]);
  }

  void check_tensor(const Tensor& tensor, const TensorInfo& info) {
    const std::uint64_t length = tensor.name.size();
    if (length >= kMaxName) {
      const bool nowhere = length >= kMaxDiffusionName;
      add(FindingCode::LongTensorName, nowhere ? Severity::Error : Severity::Warning,
          fault("name of tensor " + quote(tensor.name), std::to_string(length) + " bytes",
                nowhere ? "at most 127: no loader takes it"
                        : "at most 63: llama.cpp refuses it (GGML_MAX_NAME 64), builds with 128, as for diffusion "
                          "models, take it"),
          tensor.name, info.name_at);
    }
    if (tensor.elements == 0) {
      add(FindingCode::ZeroDimension, Severity::Error,
          fault("tensor " + quote(tensor.name), "a dimension of 0", "at least 1"), tensor.name, info.type_at);
    }
  }

  // Several programs use one id for different types. The reading under which every such tensor ends where the next one
  // begins is the right one; the first row of the table where none or all do.
  void resolve_types() {
    std::map<std::uint32_t, std::vector<std::size_t>> tensors_of_type;
    for (std::size_t i = 0; i < infos_.size(); ++i) tensors_of_type[infos_[i].type].push_back(i);
    const std::vector<std::uint64_t> gaps = gaps_after();
    for (const auto& [type, members] : tensors_of_type) {
      std::vector<Dtype> readings = dtypes_with_ggml_id(type);
      const auto closes = [&, &members = members](Dtype dtype) {
        return std::ranges::all_of(members, [&](std::size_t i) { return fits_gap(dtype, file_.tensors[i], gaps[i]); });
      };
      const auto closing = readings.size() > 1 ? std::ranges::find_if(readings, closes) : readings.begin();
      Dtype dtype = readings.empty() ? Dtype::Unknown : closing == readings.end() ? readings.front() : *closing;
      if (closing == readings.end()) {
        const auto bitnet = std::ranges::find_if(readings, [&](Dtype reading) { return is_bitnet_table(reading); });
        if (bitnet != readings.end()) dtype = *bitnet;
      }
      for (const std::size_t i : members) set_type(i, dtype, gaps[i]);
      report_type(type, dtype, members);
    }
  }

  // BitNet's lookup tables have no size of their own that could close; the architecture speaks for them.
  bool is_bitnet_table(Dtype reading) const {
    const bool bitnet = file_.metadata.string("general.architecture").value_or("").starts_with("bitnet");
    return bitnet && info(reading).block_elements == 0 && info(reading).origin == "microsoft/BitNet";
  }

  // Bytes from each tensor's start to the next tensor's, or to the end of the file.
  std::vector<std::uint64_t> gaps_after() const {
    const std::uint64_t data_bytes = file_.data_bytes();
    std::vector<std::size_t> sorted(infos_.size());
    std::iota(sorted.begin(), sorted.end(), std::size_t{0});
    const auto offset = [&](std::size_t i) { return file_.tensors[i].offset; };
    if (!std::ranges::is_sorted(sorted, {}, offset)) std::ranges::stable_sort(sorted, {}, offset);
    std::vector<std::uint64_t> gaps(infos_.size());
    std::uint64_t next = data_bytes;
    for (std::size_t k = sorted.size(); k-- > 0;) {
      const std::uint64_t begin = offset(sorted[k]);
      if (k + 1 < sorted.size() && offset(sorted[k + 1]) != begin) next = offset(sorted[k + 1]);
      gaps[sorted[k]] = next > begin ? next - begin : 0;
    }
    return gaps;
  }

  bool fits_gap(Dtype dtype, const Tensor& tensor, std::uint64_t gap) const {
    const auto bytes = tensor_bytes(dtype, tensor.shape);
    if (!bytes) return false;
    return *bytes == gap || checked_round_up(*bytes, alignment_) == gap;
  }

  void set_type(std::size_t i, Dtype dtype, std::uint64_t gap) {
    Tensor& tensor = file_.tensors[i];
    tensor.dtype = dtype;
    const DtypeInfo& row = info(dtype);
    if (row.block_elements == 0) {
      tensor.bytes = gap;
      return;
    }
    const auto bytes = tensor_bytes(dtype, tensor.shape);
    if (!bytes) {
      const std::uint64_t row_elements = tensor.shape.empty() ? 1 : tensor.shape.back();
      if (row_elements % row.block_elements == 0) {
        fail(infos_[i].type_at, "tensor " + quote(tensor.name), "a size beyond 64 bits", "one inside the file",
             FindingCode::SizeOverflow);
      }
      fail(infos_[i].type_at, "tensor " + quote(tensor.name), "rows of " + std::to_string(row_elements) + " elements",
           "a multiple of " + std::to_string(row.block_elements) + ", the block of " + std::string(row.name));
    }
    tensor.bytes = *bytes;
  }

  void report_type(std::uint32_t type, Dtype dtype, const std::vector<std::size_t>& members) {
    const DtypeInfo& row = info(dtype);
    const Tensor& first = file_.tensors[members.front()];
    const std::uint64_t at = infos_[members.front()].type_at;
    const std::string those = std::to_string(members.size()) + (members.size() == 1 ? " tensor" : " tensors");
    if (dtype == Dtype::Unknown) {
      add(FindingCode::UnknownType, Severity::Error,
          fault("type of " + those, "id " + std::to_string(type), "one that a known program writes") +
              "; sizes are taken from the offsets",
          first.name, at);
    } else if (row.status == DtypeStatus::Removed) {
      add(FindingCode::RemovedType, Severity::Error,
          those + " of type " + std::string(row.name) + " (id " + std::to_string(type) + "), which " +
              std::string(row.origin) + " has removed and refuses; the model must be quantised again",
          first.name, at);
    } else if (row.status == DtypeStatus::Fork) {
      add(FindingCode::ForkType, Severity::Warning,
          those + " of type " + std::string(row.name) + " (id " + std::to_string(type) + "), which " +
              std::string(row.origin) + " reads and llama.cpp refuses" +
              (row.block_elements == 0 ? "; its size depends on the build and is taken from the offsets" : ""),
          first.name, at);
    }
  }

  void add(FindingCode code, Severity severity, std::string message, std::string_view tensor, std::uint64_t at) {
    log_.add(Finding(code, severity, std::move(message)).of_tensor(tensor).at(at));
  }

  ByteReader reader_;
  ModelFile file_;
  FindingLog log_{file_.findings};
  std::uint64_t tensor_count_ = 0;
  std::uint64_t key_count_ = 0;
  std::uint64_t alignment_ = kDefaultAlignment;
  bool tensors_reached_ = false;
  std::vector<Range> keys_;
  std::vector<Range> values_;
  std::vector<TensorInfo> infos_;
};

}  // namespace

bool looks_like_gguf(std::span<const std::byte> head) {
  return head.size() >= 4 && std::memcmp(head.data(), "GGUF", 4) == 0;
}

ModelFile read_gguf(ByteSource& source) { return GgufReader(source).read(); }

}  // namespace weigh::core
