// What weigh calls of OpenSSL's libcrypto, by its own names: whoever calls them need not know that it is loaded then.
#include <openssl/evp.h>

#include "src/loaded/library.h"

#define WEIGH_TEXT_OF(word) #word
#define WEIGH_TEXT(word) WEIGH_TEXT_OF(word)

namespace {

const weigh::core::LoadedLibrary& library() {
  static const weigh::core::LoadedLibrary loaded(
      {"libcrypto.so." WEIGH_TEXT(OPENSSL_SHLIB_VERSION), "libcrypto." WEIGH_TEXT(OPENSSL_SHLIB_VERSION) ".dylib"},
      "libssl" WEIGH_TEXT(OPENSSL_SHLIB_VERSION));
  return loaded;
}

}  // namespace

EVP_MD_CTX* EVP_MD_CTX_new() { return WEIGH_CALL(EVP_MD_CTX_new)(); }
void EVP_MD_CTX_free(EVP_MD_CTX* context) { WEIGH_CALL(EVP_MD_CTX_free)(context); }
const EVP_MD* EVP_sha1() { return WEIGH_CALL(EVP_sha1)(); }
const EVP_MD* EVP_sha256() { return WEIGH_CALL(EVP_sha256)(); }
int EVP_DigestInit_ex(EVP_MD_CTX* context, const EVP_MD* kind, ENGINE* engine) {
  return WEIGH_CALL(EVP_DigestInit_ex)(context, kind, engine);
}
int EVP_DigestUpdate(EVP_MD_CTX* context, const void* bytes, std::size_t count) {
  return WEIGH_CALL(EVP_DigestUpdate)(context, bytes, count);
}
int EVP_DigestFinal_ex(EVP_MD_CTX* context, unsigned char* digest, unsigned int* size) {
  return WEIGH_CALL(EVP_DigestFinal_ex)(context, digest, size);
}
