#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/byte_source.h"
#include "formats/error.h"
#include "src/remote/session.h"

namespace weigh::core {

/// The file is not the one that was read before: whoever began with that one begins again.
struct RemoteChanged : IoError {
  using IoError::IoError;
};

/// The beginning of a GGUF file, as far as its vocabulary goes, to be taken for that of a file that has the same.
struct SharedVocabulary {
  std::string head;       ///< of the whole header
  std::uint64_t end = 0;  ///< of the last long array in it
};

/// Where a file lies and what a list says of it.
struct RemoteAddress {
  std::string shown;  ///< "hf://org/repo/model.gguf"
  Fetch fetch;        ///< without range and limit
  std::optional<std::uint64_t> bytes = std::nullopt;
  /// What tells one content from another for ever, such as "sha256:HEX"; empty where only an answer's ETag does.
  std::string content = {};
  /// Of an answer that is no file: a sentence. Null: in the words of HTTP.
  std::function<std::string(const Fetched&)> explain = nullptr;
};

/// A file on a server, read by ranges. What was read from its beginning is kept, here and in the cache of headers. Safe
/// to be used by several threads.
class RemoteFile {
 public:
  RemoteFile(std::shared_ptr<RemoteSession> session, RemoteAddress address);
  /// Puts into the cache what the cache did not have.
  ~RemoteFile();
  RemoteFile(const RemoteFile&) = delete;
  RemoteFile& operator=(const RemoteFile&) = delete;

  /// Bytes from the beginning that are known already.
  std::uint64_t at_hand();
  /// Asks the server where no list said. Throws IoError.
  std::uint64_t size();
  /// Throws IoError; RemoteChanged once, when the file changed between two reads.
  void read(std::uint64_t offset, std::span<std::byte> into);
  /// Takes the vocabulary from another file's header where this one's begins and ends with the same bytes, and reads what
  /// is around it alone. Such a header is no proof of the file: it is kept apart in the cache. Throws as read() does.
  void borrow(const SharedVocabulary& vocabulary);
  /// The content of a small file, or the first `most` bytes of it.
  std::vector<std::byte> read_front(std::uint64_t most);

 private:
  struct Piece {
    std::string bytes;
    std::optional<std::uint64_t> whole;  // of the file, where the answer says
  };

  void know_size();
  void extend(std::uint64_t end);
  void borrow_middle(const SharedVocabulary& vocabulary);
  void read_elsewhere(std::uint64_t offset, std::span<std::byte> into);
  Piece fetch(ByteRange range);
  Piece piece_of(const Fetched& fetched, ByteRange range);
  void check_identity(const Fetched& fetched, std::optional<std::uint64_t> whole);
  [[noreturn]] void fail_status(const Fetched& fetched) const;
  void begin_from_cache();
  [[nodiscard]] std::string identity() const;
  template <typename Work>
  void guarded(const Work& work);

  std::shared_ptr<RemoteSession> session_;
  RemoteAddress address_;
  std::mutex mutex_;
  std::string head_;                    // from the file's beginning
  std::optional<std::uint64_t> bytes_;  // of the whole file
  std::optional<Url> leads_to_;         // where the last redirect ended
  std::string etag_;
  std::uint64_t cached_ = 0;  // bytes of the head that the cache has
  bool ranges_ignored_ = false;
  bool borrowed_ = false;
  bool changed_once_ = false;
  bool began_ = false;
  std::string page_;  // bytes read elsewhere last
  std::uint64_t page_at_ = 0;
  std::exception_ptr failure_;  // what went wrong for good
};

/// Such a file for those who read formats.
class RemoteSource : public ByteSource {
 public:
  explicit RemoteSource(std::shared_ptr<RemoteFile> file) : file_(std::move(file)) {}

  [[nodiscard]] std::uint64_t size() const override { return file_->size(); }
  /// Each read takes as long as a MiB: whoever reads twice what there is reads at most twice too much; what is announced
  /// is estimated from what was read.
  [[nodiscard]] std::uint64_t next_end(std::uint64_t read, std::uint64_t expected) const override {
    return std::max({2 * read, expected + expected / 8, kFirstRead});
  }
  [[nodiscard]] std::uint64_t at_hand() const override { return file_->at_hand(); }
  void read(std::uint64_t offset, std::span<std::byte> into) override { file_->read(offset, into); }

  /// As much as is worth asking for at first: 97 of 100 headers of safetensors files fit.
  static constexpr std::uint64_t kFirstRead = std::uint64_t{64} << 10U;

 private:
  std::shared_ptr<RemoteFile> file_;
};

}  // namespace weigh::core
