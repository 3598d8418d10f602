#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/byte_source.h"
#include "formats/finding.h"
#include "formats/metadata.h"
#include "formats/shapes.h"
#include "formats/tensor.h"

namespace weigh::core {

enum class Format : std::uint8_t { Gguf, Safetensors };

/// "gguf", "safetensors".
std::string_view format_name(Format format);

struct FreeBytes {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};
using ByteBuffer = std::unique_ptr<std::byte[], FreeBytes>;

/// Bytes of the pages that large memory is asked for in, where the system has such.
inline constexpr std::uint64_t kLargePage = std::uint64_t{2} << 20;

/// So many bytes, which hold anything. Throws std::bad_alloc.
ByteBuffer allocate_bytes(std::uint64_t size);

/// The bytes that names, shapes and values are views into. Moving it keeps every view valid.
struct HeaderBytes {
  ByteBuffer data;
  std::uint64_t size = 0;
  std::deque<std::string> unescaped;  ///< names and values that JSON escapes made differ from the bytes
};

/// What the header of one file says. Move-only: it owns what its views point into.
struct ModelFile {
  std::string name;  ///< file name within its checkpoint, '/' between folders; set by who opened it
  Format format = Format::Gguf;
  std::uint32_t version = 0;  ///< GGUF 1, 2, 3; 0 for safetensors
  std::endian byte_order = std::endian::little;

  HeaderBytes header;
  KeptShapes shapes;            ///< what the tensors' shapes are views into
  std::vector<Tensor> tensors;  ///< in the header's order
  Metadata metadata;

  std::uint64_t file_bytes = 0;
  std::uint64_t header_bytes = 0;   ///< everything before the data area, its alignment padding included
  std::uint64_t tensor_bytes = 0;   ///< sum over tensors
  std::uint64_t padding_bytes = 0;  ///< bytes of the data area, as far as it is or should be there, that no tensor owns
  std::uint64_t missing_bytes = 0;  ///< bytes of the last tensors that the file is too short for
  std::uint64_t shared_bytes = 0;   ///< bytes that more than one tensor claims, counted once per further claim

  // header + tensors + padding == file + missing + shared, always.

  std::vector<Finding> findings;

  [[nodiscard]] std::uint64_t data_bytes() const { return file_bytes > header_bytes ? file_bytes - header_bytes : 0; }
};

/// Reads the header of a GGUF or safetensors file. `path` helps to name what has no magic number; it is not opened.
/// Throws FormatError when the bytes are neither, naming what they are where it is known, or when the header is broken.
ModelFile read_model_file(ByteSource& source, std::string_view path);

}  // namespace weigh::core
