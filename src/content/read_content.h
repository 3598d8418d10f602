#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/error.h"
#include "formats/model_file.h"

namespace weigh::core {

/// What is odd about the values of one tensor. Of a quantized tensor the blocks' scales are looked at: the quants
/// between them are integers and can hold nothing odd.
struct TensorHealth {
  std::uint32_t tensor = 0;                   ///< index into ModelFile::tensors
  std::uint64_t values = 0;                   ///< how many values, or scales, the file holds of it
  std::uint64_t nan = 0;                      ///< of these, not a number
  std::uint64_t infinite = 0;                 ///< of these, plus or minus infinity
  std::optional<std::uint64_t> first_offset;  ///< absolute, of the first NaN or infinity
  bool scales = false;                        ///< the values are scales of blocks or rows
  /// Every value is a zero of either sign: for a quantized tensor every scale, for integers and for types nobody
  /// knows the inside of every byte. Never said of a tensor without elements or one the file is too short for.
  bool all_zero = false;
};

/// Tensors that were not looked into, and why. Where it is for their type, all_zero is told of them all the same.
struct Unexamined {
  Dtype dtype = Dtype::Unknown;
  std::uint64_t tensors = 0;
  std::uint32_t first = 0;  ///< index of the first of them
  std::string_view why;     ///< "where its numbers lie is not known"
};

struct ContentOptions {
  bool sha256 = true;
  bool git_id = false;
  bool tensor_digests = false;
  bool health = true;
  std::size_t chunk_bytes = std::size_t{1} << 20U;  ///< three of them are held; at least 1
};

using TensorDigest = std::array<unsigned char, 32>;

/// What one pass over a whole file found.
struct Content {
  std::string sha256;  ///< 64 hex digits of the whole file; empty when not asked for
  std::string git_id;  ///< 40 hex digits, SHA-1 of "blob LENGTH\0" and the file; likewise
  /// SHA-256 of each tensor's bytes, as far as they are there; empty when not asked for, or when so many tensors claim
  /// the same bytes that not all were looked at.
  std::vector<TensorDigest> tensor_digests;
  std::vector<TensorHealth> findings;  ///< only tensors with something to say, in the header's order
  std::vector<Unexamined> unexamined;  ///< one for each type and reason
  std::uint64_t bytes_read = 0;
};

/// The file on disk is not the file the header describes byte for byte: compressed, or a header-only snapshot.
struct NotCheckable : Error {
  using Error::Error;
};

/// Told how many bytes were read since the last call. What it throws ends the reading.
using ContentProgress = std::function<void(std::uint64_t bytes)>;

/// Reads the plain file at `path`, whose header is `file`, once from its first byte to its last. Hashing has a thread
/// of its own; the rest, and `progress`, runs in the caller's. Throws NotCheckable, or IoError when the file cannot be
/// read or has another size than when its header was read.
Content read_content(const std::string& path, const ModelFile& file, const ContentOptions& options = {},
                     const ContentProgress& progress = {});

/// One file of many. What it points to must live until read_contents returns.
struct ContentJob {
  std::string path;
  const ModelFile* file = nullptr;
  ContentOptions options;
};

struct ContentResult {
  std::optional<Content> content;  ///< absent: `problem` says why, in a sentence without the path
  std::string problem;
  bool not_checkable = false;  ///< the problem is a NotCheckable, and not a failure
};

/// Reads several files, `threads` (at least 1) of them at a time, the largest first. Results are in the jobs' order;
/// one that fails does not stop the others. `progress` is called from any thread, one call at a time.
std::vector<ContentResult> read_contents(std::span<const ContentJob> jobs, unsigned threads,
                                         const ContentProgress& progress = {});

/// 64 hex digits that are alike for two models with the same tensors (names, types, shapes, every byte), however their
/// files are cut, whatever order and metadata they have. `contents[i]` was read from `files[i]` with tensor_digests;
/// empty when one was not.
std::string weights_sha256(std::span<const ModelFile> files, std::span<const Content> contents);

}  // namespace weigh::core
