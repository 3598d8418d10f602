// What weigh's work rests on, alone, for speed.py to run beside weigh:
//
//   speed_peers headers FILE...   simdjson's walk of each safetensors header: types, shapes, offsets, added up
//   speed_peers index FILE...     likewise of an index.json: names and files
//   speed_peers sha256 MIB        SHA-256 of so many MiB that are in memory, in one thread
//   speed_peers bytes FILE...     reads each file from its first byte to its last
#include <fcntl.h>
#include <openssl/evp.h>
#include <simdjson.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

namespace ondemand = simdjson::ondemand;

std::uint64_t sum_of(ondemand::array numbers) {
  std::uint64_t sum = 0;
  for (auto number : numbers) sum += std::uint64_t(number);
  return sum;
}

std::uint64_t header_sum(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  std::uint64_t length = 0;
  if (file < 0 || pread(file, &length, sizeof length, 0) != sizeof length) std::exit(1);
  simdjson::padded_string text(length);
  for (std::size_t done = 0; done < length;) {
    const ssize_t got = pread(file, text.data() + done, length - done, static_cast<off_t>(sizeof length + done));
    if (got <= 0) std::exit(1);
    done += static_cast<std::size_t>(got);
  }
  close(file);
  std::uint64_t sum = 0;
  ondemand::parser parser;
  auto document = parser.iterate(text);
  for (auto field : document.get_object()) {
    if (std::string_view(field.unescaped_key()) == "__metadata__") continue;
    for (auto member : ondemand::object(field.value())) {
      const std::string_view key = member.unescaped_key();
      if (key == "dtype") {
        sum += std::string_view(member.value()).size();
      } else {
        sum += sum_of(member.value());
      }
    }
  }
  return sum;
}

std::uint64_t index_sum(const char* path) {
  const simdjson::padded_string text = simdjson::padded_string::load(path);
  ondemand::parser parser;
  auto document = parser.iterate(text);
  std::uint64_t sum = 0;
  for (auto field : document["weight_map"].get_object()) {
    sum += std::string_view(field.unescaped_key()).size();
    sum += std::string_view(field.value()).size();
  }
  return sum;
}

std::uint64_t hashed(std::uint64_t mebibytes) {
  const std::string block(1U << 20U, 'x');
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  for (std::uint64_t i = 0; i < mebibytes; ++i) EVP_DigestUpdate(context, block.data(), block.size());
  std::uint64_t digest[EVP_MAX_MD_SIZE / sizeof(std::uint64_t)] = {};
  EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(digest), nullptr);
  EVP_MD_CTX_free(context);
  return digest[0];
}

std::uint64_t bytes_of(const char* path) {
  static char window[1U << 20U];
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  std::uint64_t bytes = 0;
  for (ssize_t got = 1; got > 0; bytes += static_cast<std::uint64_t>(got)) got = read(file, window, sizeof window);
  close(file);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 2 ? argv[1] : "";
  std::uint64_t sum = 0;
  for (int i = 2; i < argc; ++i) {
    if (what == "headers") sum += header_sum(argv[i]);
    if (what == "index") sum += index_sum(argv[i]);
    if (what == "sha256") sum += hashed(std::strtoull(argv[i], nullptr, 10));
    if (what == "bytes") sum += bytes_of(argv[i]);
  }
  std::printf("%llu\n", static_cast<unsigned long long>(sum));
  return what.empty() ? 2 : 0;
}
