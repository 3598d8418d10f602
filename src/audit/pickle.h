#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/byte_source.h"

namespace weigh::core {

/// What a file that Python unpickles gets hold of.
struct PickleScan {
  bool is_pickle = false;
  std::vector<std::string> imports;    ///< "collections.OrderedDict", each once, in the order of the file
  std::vector<std::string> dangerous;  ///< those of them that run programs, evaluate text, open files, reach a network

  void add(const PickleScan& other);
};

/// Looks for pickles: several after one another at the start; one after other text in the first 64 KiB, in the last
/// ones, or after what broke off the first. Broken ones count as far as Python would run them. At most 16 MiB are read.
/// `only_start`: another format owns the rest.
PickleScan scan_pickles(ByteSource& source, bool only_start = false);

/// Whether the bytes begin with a complete pickle that calls a function.
bool is_calling_pickle(std::string_view bytes);

}  // namespace weigh::core
