#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weigh::core {

/// What somebody says a file's content must be.
struct ExpectedDigest {
  enum class Kind : std::uint8_t {
    Sha256,  ///< of the content: Content::sha256
    GitId,   ///< of a git blob: Content::git_id
  };
  Kind kind = Kind::Sha256;
  std::string hex;                    ///< 64 or 40 lower-case digits
  std::optional<std::uint64_t> size;  ///< of the file in bytes, where it is stated too
  std::string stated_by;  ///< "the blob's name", "SHA256SUMS": fits behind "is not what" and before "states"
};

/// By what lies around the file (docs/formats.md 5): the blob's name in a Hugging Face cache or an
/// Ollama store, the list of files of a cached commit, the metadata that a download into a folder leaves, SHA256SUMS
/// and its kin beside it. The same digest from two of them is told once, for the first. Reads at most 1 MiB of each,
/// and only the text of links. What is malformed is passed over. Throws nothing but std::bad_alloc.
std::vector<ExpectedDigest> expected_digests(const std::string& path);

}  // namespace weigh::core
