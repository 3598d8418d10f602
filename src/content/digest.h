#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

enum class DigestKind : std::uint8_t {
  Sha256,  ///< 32 bytes
  Sha1,    ///< 20 bytes
};

/// Whether this build can hash: it does with OpenSSL (digest.cpp) and does not without (digest_none.cpp). Without it
/// nobody makes a ContentDigest.
bool digests_available();

/// A running hash. Throws Error where the kind is not available.
class ContentDigest {
 public:
  explicit ContentDigest(DigestKind kind);
  ~ContentDigest();
  ContentDigest(ContentDigest&&) noexcept;
  ContentDigest& operator=(ContentDigest&&) noexcept;

  void add(std::span<const std::byte> bytes);
  void add_number(std::uint64_t number);  ///< as 8 bytes, the lowest first
  void add_text(std::string_view text);   ///< its length as a number, then its bytes

  /// The end: nothing can be added any more.
  std::vector<unsigned char> take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Lower-case digits.
std::string hex(std::span<const unsigned char> bytes);

}  // namespace weigh::core
