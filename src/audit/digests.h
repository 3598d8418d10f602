#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weigh::core {

/// The digest that a file should have.
struct ExpectedDigest {
  enum class Kind : std::uint8_t {
    Sha256,  ///< of the content: Content::sha256
    GitId,   ///< of a git blob: Content::git_id
  };
  Kind kind = Kind::Sha256;
  std::string hex;                    ///< 64 or 40 lower-case digits
  std::optional<std::uint64_t> size;  ///< of the file in bytes, if it is stated too
  std::string stated_by;              ///< "the blob's name", "SHA256SUMS": fits in "is not what ... states"
};

/// A file that belongs to a commit, by the list that the Hugging Face cache keeps of it.
struct CommitFile {
  std::string name;                   ///< below the folder that was asked for; stays inside it
  std::optional<std::uint64_t> size;  ///< in bytes
};

/// All files of a commit that belong into one folder.
struct CommitFiles {
  std::string commit;             ///< 40 hexadecimal digits
  std::vector<CommitFile> files;  ///< by name
};

/// What is stated of files by records near them, each read and parsed once, however many files it speaks of. Used from
/// one thread. Throws nothing but std::bad_alloc.
class DigestRecords {
 public:
  DigestRecords();
  ~DigestRecords();
  DigestRecords(const DigestRecords&) = delete;
  DigestRecords& operator=(const DigestRecords&) = delete;

  /// The list of files of the commit that `folder` holds, or a folder of: a snapshot of a Hugging Face cache, or where a
  /// download was put. Nothing where no such list is kept, or where it is malformed or larger than 8 MiB.
  std::optional<CommitFiles> commit_files(const std::string& folder);

  /// Digests stated by files and names near `path` (docs/formats.md 5): the blob's name in a Hugging Face cache or an
  /// Ollama store, the list of files of a cached commit, the metadata of a download into a folder, SHA256SUMS and
  /// similar files. A digest that two of them state is returned once, for the first. Reads at most 8 MiB of a commit's
  /// list and 1 MiB of any other file, and follows no link to them. Skips what is malformed.
  std::vector<ExpectedDigest> expected(const std::string& path);

 private:
  struct Records;
  std::unique_ptr<Records> records_;
};

}  // namespace weigh::core
