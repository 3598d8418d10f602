#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/content/digest.h"
#include "src/content/float_layout.h"
#include "src/content/read_content.h"

namespace weigh::core {

/// A piece of a file: bytes [begin, end), and readable before `data` the kPieceOverlap bytes that lie in front of them
/// in the file. So a number that two pieces share is found whole in the second.
struct Piece {
  const std::byte* data = nullptr;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// The longest number but for its last byte.
constexpr std::size_t kPieceOverlap = 7;

/// Looks at the tensors of a file that goes by piece after piece, none left out. Holds only what concerns tensors that
/// have begun and not ended.
class TensorScan {
 public:
  /// `file` must outlive the scan.
  TensorScan(const ModelFile& file, const ContentOptions& options);

  void look(const Piece& piece);

  /// Adds what was found, after the last piece.
  void finish(Content& content);

 private:
  struct Open {
    std::uint32_t tensor = 0;
    std::uint64_t begin = 0, end = 0;  // in the file, as far as it goes
    std::optional<ValueGrid> grid;
    TensorHealth health;
    bool zero_so_far = true;
    std::optional<ContentDigest> digest;
  };

  Open opened(std::uint32_t tensor);
  void advance(Open& tensor, const Piece& piece);
  void close(Open& tensor);
  void examine(Open& tensor, const Piece& piece) const;
  void leave_out(std::uint32_t tensor, std::string_view why);
  [[nodiscard]] std::uint64_t begin_of(std::uint32_t tensor) const;

  const ModelFile& file_;
  ContentOptions options_;
  std::vector<std::uint32_t> order_;  // tensors with bytes in the file, by where they begin
  std::size_t next_ = 0;              // into order_: the first that has not begun
  std::vector<Open> open_;
  std::vector<TensorHealth> findings_;
  std::vector<Unexamined> unexamined_;
  std::vector<TensorDigest> digests_;
};

}  // namespace weigh::core
