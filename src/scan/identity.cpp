// What makes two models the same without a look at their weights.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string_view>

#include "src/scan/row.h"

namespace weigh::core {

namespace {

// SHA-256, so that nobody can make two models look like copies of each other; half of it is told.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }

  void add(std::span<const std::byte> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  void add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    add(std::as_bytes(std::span(text)));
  }
  void add(std::uint64_t number) {
    std::array<unsigned char, 8> bytes{};
    for (unsigned char& byte : bytes) {
      byte = static_cast<unsigned char>(number & 0xFFU);
      number >>= 8U;
    }
    add(std::as_bytes(std::span(bytes)));
  }

  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    constexpr std::size_t kTold = 16;
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < kTold; ++i) {
      text += kDigits[digest[i] >> 4U];
      text += kDigits[digest[i] & 15U];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

Identity identity_of(const Checkpoint& checkpoint) {
  std::vector<const Tensor*> tensors;
  for (const ModelFile& file : checkpoint.files) {
    for (const Tensor& tensor : file.tensors) tensors.push_back(&tensor);
  }
  std::ranges::sort(tensors, {}, [](const Tensor* tensor) { return tensor->name; });
  Digest table;
  for (const Tensor* tensor : tensors) {
    table.add(tensor->name);
    table.add(name(tensor->dtype));
    table.add(static_cast<std::uint64_t>(tensor->shape.size()));
    for (const std::uint64_t length : tensor->shape) table.add(length);
  }
  Digest header;
  for (const ModelFile& file : checkpoint.files) {
    header.add(file.file_bytes);
    // More than the header may have been read.
    const std::uint64_t own = std::min(file.header.size, file.header_bytes);
    header.add(std::span(file.header.data.get(), static_cast<std::size_t>(own)));
  }
  return {table.hex(), header.hex()};
}

}  // namespace weigh::core
