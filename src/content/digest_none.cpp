// A build without OpenSSL does not hash: what would need a digest says that it was not compared.
#include "formats/error.h"
#include "src/content/digest.h"

namespace weigh::core {

struct ContentDigest::State {};

bool digests_available() { return false; }

ContentDigest::ContentDigest(DigestKind) { throw Error("digests are not compared: built without OpenSSL"); }
ContentDigest::~ContentDigest() = default;
ContentDigest::ContentDigest(ContentDigest&&) noexcept = default;
ContentDigest& ContentDigest::operator=(ContentDigest&&) noexcept = default;
void ContentDigest::add(std::span<const std::byte>) {}
std::vector<unsigned char> ContentDigest::take() { return {}; }

}  // namespace weigh::core
