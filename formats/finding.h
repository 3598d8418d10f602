#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

enum class Severity : std::uint8_t { Note, Warning, Error };

/// Something odd in a file that can still be read. An error finding makes the exit status 1.
struct Finding {
  Severity severity = Severity::Note;
  std::string_view code;                ///< stable, kebab-case, a string literal: "tensor-overlap"
  std::string message;                  ///< one sentence, unescaped
  std::string tensor;                   ///< the tensor it is about, or empty
  std::optional<std::uint64_t> offset;  ///< absolute offset in its file, where one applies
  std::string file;                     ///< name of the file within its checkpoint; empty for the checkpoint as a whole
};

constexpr std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::Note: return "note";
    case Severity::Warning: return "warning";
    case Severity::Error: return "error";
  }
  return "error";
}

/// Appends findings to a list, of each code only the first few: a broken file can be wrong a million times in the same
/// way, and a person reads the first ones.
class FindingLog {
 public:
  explicit FindingLog(std::vector<Finding>& findings) : findings_(findings) {}

  void add(Finding finding);

  /// Says how many were left out.
  void finish();

 private:
  struct Seen {
    std::string_view code;
    Severity severity;
    std::size_t count;
  };
  std::vector<Finding>& findings_;
  std::vector<Seen> seen_;
};

}  // namespace weigh::core
