#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/error.h"

namespace weigh::core {

/// A running hash. Throws Error when this OpenSSL refuses the kind.
class ContentDigest {
 public:
  explicit ContentDigest(const EVP_MD* kind) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (EVP_DigestInit_ex(context_.get(), kind, nullptr) != 1) throw Error("a hash is not available");
  }

  void add(std::span<const std::byte> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }

  /// The end: nothing can be added any more.
  std::vector<unsigned char> take() {
    std::vector<unsigned char> digest(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    digest.resize(size);
    return digest;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// Lower-case digits.
std::string hex(std::span<const unsigned char> bytes);

}  // namespace weigh::core
