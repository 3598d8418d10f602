#include "formats/error.h"

namespace weigh::core {

std::string fault(std::string_view subject, std::string_view found, std::string_view expected) {
  std::string sentence(subject);
  sentence += ": found ";
  sentence += found;
  sentence += ", expected ";
  sentence += expected;
  return sentence;
}

void fail(std::uint64_t offset, std::string_view subject, std::string_view found, std::string_view expected,
          std::optional<FindingCode> code) {
  throw FormatError(fault(subject, found, expected), offset, code);
}

std::string quote(std::string_view name) {
  constexpr std::size_t kMax = 120;  // names of real tensors stay below; hostile ones may be megabytes
  std::string text = "'";
  text += name.substr(0, kMax);
  text += name.size() > kMax ? "...'" : "'";
  return text;
}

}  // namespace weigh::core
