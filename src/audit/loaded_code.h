#pragma once

#include <string>
#include <vector>

#include "formats/byte_source.h"
#include "src/audit/pickle.h"

namespace weigh::core {

/// What a program that loads a file runs besides reading it.
struct LoadedCode {
  PickleScan pickles;                       ///< as the file itself, packed, or in an archive
  std::vector<std::string> code;            ///< "code/model.py (TorchScript)", "a Lambda layer of Keras"
  std::vector<std::string> dangerous_code;  ///< words of it that run programs or reach further: "subprocess"

  [[nodiscard]] bool empty() const { return !pickles.is_pickle && code.empty(); }
};

/// By content, whatever the file is called: pickles plain and packed (gzip, bzip2, xz, lzma, zlib, zstd), in zip and tar
/// archives, behind the header of a NumPy array of objects; TorchScript, and the Lambda layers of Keras' files. Of a GGUF
/// or safetensors file the start alone. Three packings within each other; 64 MiB in all are looked at, headers of archives
/// first. What was unpacked is taken from `left`; nothing more is unpacked where that is used up. Throws Error when the file
/// cannot be read.
LoadedCode find_loaded_code(ByteSource& source, std::uint64_t& left);

}  // namespace weigh::core
