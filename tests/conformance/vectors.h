#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "src/memory/run.h"
#include "src/model/model.h"

namespace weigh::conformance {

/// Bytes of one memory.
struct Figures {
  std::uint64_t weights = 0;
  std::uint64_t cache = 0;  ///< KV cache and state
  std::uint64_t compute = 0;

  [[nodiscard]] std::uint64_t sum() const { return cache + compute; }
};

struct RecordedRun {
  core::Run run;
  Figures engine;
};

/// A run on one discrete device and its host, pinned and not in one.
struct RecordedSplit {
  core::Run run;
  Figures device, host;
};

struct RecordedModel {
  std::string name;
  std::string architecture;
  std::filesystem::path header;  ///< a GGUF's bytes before the tensors' data, gzip
  std::uint64_t file_bytes = 0;  ///< of the whole GGUF
  bool published_dimensions = false;
  std::vector<RecordedRun> runs;
  std::vector<core::Run> refused;  ///< the engine gives no context for these
  std::vector<RecordedSplit> split_runs;
};

/// What docs/conformance/README.md describes.
struct Vectors {
  std::string engine;   ///< "llama.cpp v0.5.0"
  std::string backend;  ///< of runs on one host
  std::string split_backend;
  std::string how;
  std::vector<RecordedModel> models;
};

/// The vectors in a folder. Throws std::runtime_error where they are not there or not as described.
Vectors read_vectors(const std::filesystem::path& folder);

/// Throws where the header cannot be read.
core::Model open_model(const RecordedModel& recorded);

}  // namespace weigh::conformance
