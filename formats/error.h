#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "formats/finding_code.h"

namespace weigh::core {

/// Everything weigh throws. `what()` is one sentence without a path; whoever catches it knows the path.
/// Text taken from a file stands in it unescaped: escape it where it is shown.
struct Error : std::runtime_error {
  explicit Error(const std::string& sentence, std::optional<std::uint64_t> at = std::nullopt,
                 std::optional<FindingCode> what = std::nullopt)
      : std::runtime_error(sentence), offset(at), code(what) {}

  std::optional<std::uint64_t> offset;  ///< byte offset in the file, where one is known
  std::optional<FindingCode> code;      ///< nothing where none is more specific than the error's type
};

/// The bytes are not what the format demands.
struct FormatError : Error {
  using Error::Error;
};

/// The bytes could not be had: missing file, no permission, a read that came back short.
struct IoError : Error {
  using Error::Error;
};

/// The command line asks for something that does not exist or makes no sense. Exit status 2.
struct UsageError : Error {
  using Error::Error;
};

/// Throws a FormatError that reads "SUBJECT: found FOUND, expected EXPECTED". Out of line to keep readers small.
[[noreturn]] void fail(std::uint64_t offset, std::string_view subject, std::string_view found,
                       std::string_view expected, std::optional<FindingCode> code = std::nullopt);

/// "SUBJECT: found FOUND, expected EXPECTED": the one shape of a sentence about a fault, thrown or recorded.
std::string fault(std::string_view subject, std::string_view found, std::string_view expected);

/// A name from a file, in quotes and cut to a length that fits in a sentence.
std::string quote(std::string_view name);

}  // namespace weigh::core
