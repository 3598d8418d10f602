// What every build has of a digest: how values are put into it, and how it is written.
#include "formats/little_endian.h"
#include "src/content/digest.h"

namespace weigh::core {

void ContentDigest::add_number(std::uint64_t number) { add(little_endian_bytes(number)); }

void ContentDigest::add_text(std::string_view text) {
  add_number(text.size());
  add(std::as_bytes(std::span(text)));
}

std::string hex(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

}  // namespace weigh::core
