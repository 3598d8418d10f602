#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/finding_code.h"

namespace weigh::core {

enum class Severity : std::uint8_t { Note, Warning, Error };

/// Something odd in a file that can still be read. An error finding makes the exit status 1.
///
///     Finding(FindingCode::Truncated, Severity::Error, "...").at(offset).of_tensor(name).in(file)
struct Finding {
  Finding(FindingCode what, Severity how_bad, std::string sentence)
      : code(what), severity(how_bad), message(std::move(sentence)) {}

  Finding at(std::uint64_t position) && { return offset = position, std::move(*this); }
  Finding of_tensor(std::string_view name) && { return tensor = name, std::move(*this); }
  Finding in(std::string_view name) && { return file = name, std::move(*this); }

  FindingCode code;
  Severity severity;
  std::string message;                  ///< one sentence, unescaped
  std::string tensor;                   ///< the tensor it is about, or empty
  std::optional<std::uint64_t> offset;  ///< absolute offset in its file, where one applies
  std::string file;                     ///< name of the file within its checkpoint; empty for the checkpoint as a whole
  std::vector<std::string> files = {};  ///< paths of the files that it says are not counted
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
    FindingCode code;
    Severity severity;
    std::size_t count;
  };
  std::vector<Finding>& findings_;
  std::vector<Seen> seen_;
};

}  // namespace weigh::core
