// The records of a download beside a file: its commit's list of files, the client's record, SHA256SUMS. The input is
// one of them each, a zero byte between two.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "src/audit/digests.h"

namespace {

namespace fs = std::filesystem;
constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

const fs::path& folder() {
  static const fs::path made = [] {
    const fs::path path = fs::temp_directory_path() / ("weigh-fuzz-digests-" + std::to_string(::getpid()));
    fs::create_directories(path / ".cache/huggingface/download");
    fs::create_directories(path / ".cache/huggingface/trees");
    std::ofstream(path / "model.gguf") << "GGUF";
    return path;
  }();
  return made;
}

void put(const fs::path& name, std::string_view text) {
  std::ofstream(folder() / name, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weigh::core;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next = [&] {
    const std::string_view part = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    return part;
  };
  const fs::path store = ".cache/huggingface";
  put(store / "trees" / (std::string(kCommit) + ".json"), next());
  put(store / "download/model.gguf.metadata", std::string(kCommit) + '\n' + std::string(next()));
  put("SHA256SUMS", next());
  DigestRecords records;
  for (const ExpectedDigest& digest : records.expected((folder() / "model.gguf").string())) {
    const std::size_t digits = digest.kind == ExpectedDigest::Kind::Sha256 ? 64 : 40;
    if (digest.hex.size() != digits || !is_hex(digest.hex)) __builtin_trap();
  }
  if (const auto commit = records.commit_files(folder().string())) {
    for (const CommitFile& file : commit->files) {
      // What a list names stays inside its folder.
      if (file.name.starts_with('/') || ("/" + file.name + "/").find("/../") != std::string::npos) __builtin_trap();
    }
  }
  return 0;
}
