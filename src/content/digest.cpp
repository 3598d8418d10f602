// Hashes by OpenSSL; CMake takes digest_none.cpp instead in a build without it.
#include "src/content/digest.h"

#include <openssl/evp.h>

#include "formats/error.h"

namespace weigh::core {

struct ContentDigest::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

bool digests_available() { return true; }

ContentDigest::ContentDigest(DigestKind kind) : state_(std::make_unique<State>()) {
  const EVP_MD* algorithm = kind == DigestKind::Sha256 ? EVP_sha256() : EVP_sha1();
  if (EVP_DigestInit_ex(state_->context.get(), algorithm, nullptr) != 1) throw Error("a hash is not available");
}

ContentDigest::~ContentDigest() = default;
ContentDigest::ContentDigest(ContentDigest&&) noexcept = default;
ContentDigest& ContentDigest::operator=(ContentDigest&&) noexcept = default;

void ContentDigest::add(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size());
}

std::vector<unsigned char> ContentDigest::take() {
  std::vector<unsigned char> digest(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size);
  digest.resize(size);
  return digest;
}

}  // namespace weigh::core
