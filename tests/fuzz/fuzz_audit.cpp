// What an audit reads besides headers: chat templates and the manifests of a store.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "formats/error.h"
#include "src/audit/chat_template.h"
#include "src/checkpoint/ollama_store.h"

namespace {

const std::filesystem::path& store() {
  static const std::filesystem::path folder = [] {
    const auto made = std::filesystem::temp_directory_path() / ("weigh-fuzz-audit-" + std::to_string(::getpid()));
    std::filesystem::create_directories(made / "manifests");
    return made;
  }();
  return folder;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  weigh::core::find_template_faults(text);
  std::ofstream(store() / "manifests/one", std::ios::binary).write(text.data(), static_cast<std::streamsize>(size));
  try {
    const weigh::core::OllamaModel model = weigh::core::read_ollama_manifest(store().string(), "one");
    for (const auto& [name, place] : model.files) {
      // A digest never leads out of the store.
      if (!place.starts_with(store().string() + "/blobs/sha256-") || place.find("..") != std::string::npos)
        __builtin_trap();
    }
  } catch (const weigh::core::Error&) {
  }
  return 0;
}
